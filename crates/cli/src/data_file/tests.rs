use super::*;
use proptest::prelude::*;
use std::io::Write;

fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn npy(header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(body);
    bytes
}

#[test]
fn number_types_and_orders_of_npy() {
    let cases: [(&str, Vec<u8>, Vec<f64>); 6] = [
        ("<f8", [1.5f64, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect(), vec![1.5, -2.0]),
        (">f4", [1.5f32, -2.0].iter().flat_map(|v| v.to_be_bytes()).collect(), vec![1.5, -2.0]),
        ("|i1", vec![0xff, 0x02], vec![-1.0, 2.0]),
        ("|u1", vec![0xff, 0x02], vec![255.0, 2.0]),
        (">i2", vec![0xff, 0xfe, 0x00, 0x03], vec![-2.0, 3.0]),
        ("<i8", [i64::MIN, 7].iter().flat_map(|v| v.to_le_bytes()).collect(), vec![i64::MIN as f64, 7.0]),
    ];
    for (descr, body, expected) in cases {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, 1), }}\n");
        let (_folder, path) = file("x.npy", &npy(&header, &body));
        let array = points(&path).unwrap();
        assert_eq!((array.shape, array.values), (vec![2, 1], expected), "{descr}");
    }
}

/// Values by the definition of binary16: (−1)^s (1 + f / 2^10) 2^(e − 15), and for e = 0 (−1)^s f 2^(−24).
#[test]
fn half_floats_of_npy_are_read_exactly() {
    let halves: [(u16, f64); 8] = [
        (0x0000, 0.0),
        (0x3c00, 1.0),
        (0xc100, -2.5),
        (0x0001, 2f64.powi(-24)),
        (0x83ff, -1023.0 * 2f64.powi(-24)),
        (0x0400, 2f64.powi(-14)),
        (0x7bff, 65504.0),
        (0x2e66, 1638.0 * 2f64.powi(-14)),
    ];
    let header = |order| format!("{{'descr': '{order}f2', 'fortran_order': False, 'shape': (4, 2), }}");
    let little: Vec<u8> = halves.iter().flat_map(|(bits, _)| bits.to_le_bytes()).collect();
    let big: Vec<u8> = halves.iter().flat_map(|(bits, _)| bits.to_be_bytes()).collect();
    for (order, body) in [("<", &little), (">", &big)] {
        let (_folder, path) = file("x.npy", &npy(&header(order), body));
        assert_eq!(points(&path).unwrap().values, halves.map(|(_, value)| value), "{order}");
    }
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("x.npy", zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(&npy(&header("<"), &little)).unwrap();
    let (_folder, path) = file("x.npz", &archive.finish().unwrap().into_inner());
    assert_eq!(points(&path).unwrap().values, halves.map(|(_, value)| value));
    for (bits, got) in [(0x7c00u16, "inf"), (0xfc00, "-inf"), (0x7e00, "NaN")] {
        let body = [&little[..14], &bits.to_le_bytes()].concat();
        let (_folder, path) = file("x.npy", &npy(&header("<"), &body));
        let message = points(&path).unwrap_err().to_string();
        assert!(message.contains(&format!("row 3: expected finite numbers, got {got}.")), "{message}");
    }
}

#[test]
fn fortran_order_is_turned() {
    let body: Vec<u8> = [1.0f64, 4.0, 2.0, 5.0, 3.0, 6.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let (_folder, path) =
        file("x.npy", &npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }", &body));
    assert_eq!(points(&path).unwrap().values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn independent_writer_is_read_back() {
    use npyz::WriterBuilder;
    let mut bytes = Vec::new();
    let mut writer =
        npyz::WriteOptions::new().default_dtype().shape(&[2, 2]).writer(&mut bytes).begin_nd().unwrap();
    writer.extend([1.0f64, 2.0, 3.0, 4.0]).unwrap();
    writer.finish().unwrap();
    let (_folder, path) = file("x.npy", &bytes);
    assert_eq!(points(&path).unwrap().values, [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn declared_size_beyond_the_file_is_refused_without_allocating() {
    for shape in ["(1000000000000, 2)", "(18446744073709551615, 18446744073709551615)", "(3, 1)"] {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}");
        let (_folder, path) = file("x.npy", &npy(&header, &[0; 16]));
        assert!(points(&path).is_err(), "{shape}");
    }
    let (_folder, path) = file("x-ubyte", &[0, 0, 8, 2, 255, 255, 255, 255, 0, 0, 0, 1, 7]);
    assert!(points(&path).is_err());
}

#[test]
fn idx_keeps_the_shape_of_images_and_unfolds_gzip() {
    let plain = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 255];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let (_folder, path) = file("x-idx3-ubyte.gz", &gzip.finish().unwrap());
    let array = points(&path).unwrap();
    assert_eq!((array.shape, array.values), (vec![1, 2, 2], vec![1.0, 2.0, 3.0, 255.0]));
    assert_eq!(array.type_range, Some([0.0, 255.0]));
}

#[test]
fn csv_with_and_without_names() {
    for text in ["x,y\n1, 2\n3,4e1\n", "1,2\n3,40\n", "# note\n1,2\n3,40"] {
        let (_folder, path) = file("x.csv", text.as_bytes());
        assert_eq!(points(&path).unwrap().values, [1.0, 2.0, 3.0, 40.0], "{text:?}");
    }
    for (text, words) in [
        ("1,2\n\n# note\n3,q\n", "line 4, column 2"),
        ("1,2\r\n3,q\r\n", "line 2, column 2"),
        ("1,2\n3\n", "line 2"),
        ("1,nan\n", "finite"),
        ("", "shape"),
    ] {
        let (_folder, path) = file("x.csv", text.as_bytes());
        let message = points(&path).unwrap_err().to_string();
        assert!(message.contains(words), "{text:?}: {message}");
    }
}

#[test]
fn a_first_line_of_csv_holds_names_only_where_no_field_is_a_number() {
    for text in ["x,\n1,2\n", ",y\n1,2\n", "# note\n\nx 1,y 2\n1,2\n", "\"x\",\"y\"\n1,2\n"] {
        let (_folder, path) = file("x.csv", text.as_bytes());
        assert_eq!(points(&path).unwrap().values, [1.0, 2.0], "{text:?}");
    }
    for (text, place, got) in [
        ("1,y\n3,4\n", "line 1, column 2", "\"y\""),
        ("x,2\n3,4\n", "line 1, column 1", "\"x\""),
        ("# note\n\r\n1,\n3,4\n", "line 3, column 2", "\"\""),
        ("nan,y\n3,4\n", "line 1, column 2", "\"y\""),
    ] {
        let (_folder, path) = file("x.csv", text.as_bytes());
        let message = points(&path).unwrap_err().to_string();
        let file = path.display();
        let start =
            format!("{file}: {place}: expected a number, as other fields of this line are, got {got}. ");
        assert!(
            message.starts_with(&start) && message.contains("must have no number"),
            "{text:?}: {message}"
        );
    }
}

#[test]
fn written_samples_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["x.npy", "x.csv"] {
        let path = folder.path().join(name);
        let mut writer = SampleWriter::create("-o", &path, 3, 2).unwrap();
        writer.append(&[0.1, -2.5e-300, 3.0, 4.0]).unwrap();
        assert!(!path.exists());
        writer.append(&[5.0, 1.0 / 3.0]).unwrap();
        writer.finish().unwrap();
        let array = points(&path).unwrap();
        assert_eq!(array.values, [0.1, -2.5e-300, 3.0, 4.0, 5.0, 1.0 / 3.0], "{name}");
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0usize..5) {
        let name = ["x.npy", "x.npz", "x.csv", "x-ubyte", "x.gz"][kind];
        let (_folder, path) = file(name, &bytes);
        let _ = points(&path);
    }

    #[test]
    fn broken_headers_never_panic(header in "[{}'a-z:,() 0-9<f]{0,80}", body in proptest::collection::vec(any::<u8>(), 0..40)) {
        let (_folder, path) = file("x.npy", &npy(&header, &body));
        let _ = points(&path);
    }
}
