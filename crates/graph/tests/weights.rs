//! Weights in every storage of ONNX, written byte by byte; damaged and misplaced ones; models that mix samples.

mod wire;

use std::path::Path;
use surefoot_graph::{Error, Graph, Limits, Network, Precision};
use wire::{Message, external, model, node, tensor, varint};

/// y = x · (w as floats).
fn scaled(weight: Message) -> Vec<u8> {
    let to_double =
        Message::default().message(5, Message::default().text(1, "to").number(3, 11).number(20, 2));
    model(
        3,
        &[node("f = Cast w", "cast", to_double), node("y = Mul x f", "scale", Message::default())],
        &[weight],
    )
}

/// The weights as the network uses them.
fn weights(graph: &Graph) -> Vec<f64> {
    let mut y = vec![0.0; 3];
    Network::new(graph, Precision::F64).unwrap().value(0.0, &[1.0; 3], &mut y);
    y
}

fn read(directory: &Path, weight: Message) -> Result<Graph, Error> {
    let path = directory.join("model.onnx");
    std::fs::write(&path, scaled(weight)).unwrap();
    Graph::read(path, &Limits::default())
}

/// One element type: code, values, their bytes, and the field of typed data.
struct Kind {
    code: i64,
    field: u64,
    values: [f64; 3],
    raw: Vec<u8>,
    packed: Vec<u8>,
    unpacked: Vec<(Option<i64>, Vec<u8>)>,
}

fn kinds() -> Vec<Kind> {
    let (float, double) = ([0.1f32, -3.0e-39, 2.5e38], [0.1f64, -5e-324, 1.7e308]);
    let (int, long) = ([7i32, -1, i32::MIN], [1i64 << 53, -(1 << 40), 3]);
    let fixed =
        |bytes: Vec<Vec<u8>>| (bytes.concat(), bytes.into_iter().map(|b| (None, b)).collect::<Vec<_>>());
    let varints = |values: &[i64]| {
        let mut packed = Vec::new();
        values.iter().for_each(|v| varint(*v as u64, &mut packed));
        (packed, values.iter().map(|v| (Some(*v), vec![])).collect::<Vec<_>>())
    };
    let kind = |code, field, values, raw: Vec<u8>, (packed, unpacked)| Kind {
        code,
        field,
        values,
        raw,
        packed,
        unpacked,
    };
    let bytes = |v: Vec<Vec<u8>>| v.concat();
    let floats: Vec<Vec<u8>> = float.iter().map(|v| v.to_le_bytes().to_vec()).collect();
    let doubles: Vec<Vec<u8>> = double.iter().map(|v| v.to_le_bytes().to_vec()).collect();
    vec![
        kind(1, 4, float.map(f64::from), bytes(floats.clone()), fixed(floats)),
        kind(11, 10, double, bytes(doubles.clone()), fixed(doubles)),
        kind(
            6,
            5,
            int.map(f64::from),
            bytes(int.iter().map(|v| v.to_le_bytes().to_vec()).collect()),
            varints(&int.map(i64::from)),
        ),
        kind(
            7,
            7,
            long.map(|v| v as f64),
            bytes(long.iter().map(|v| v.to_le_bytes().to_vec()).collect()),
            varints(&long),
        ),
        // Two bytes each, as varints of their bits.
        kind(
            10,
            5,
            [1.0, -2.0, 65504.0],
            vec![0, 0x3c, 0, 0xc0, 0xff, 0x7b],
            varints(&[0x3c00, 0xc000, 0x7bff]),
        ),
        kind(16, 5, [1.0, -3.140625, 0.0], vec![0x80, 0x3f, 0x49, 0xc0, 0, 0], varints(&[0x3f80, 0xc049, 0])),
        kind(2, 5, [0.0, 200.0, 255.0], vec![0, 200, 255], varints(&[0, 200, 255])),
        kind(3, 5, [0.0, -56.0, 127.0], vec![0, 200, 127], varints(&[0, -56, 127])),
        kind(5, 5, [256.0, -1.0, 7.0], vec![0, 1, 255, 255, 7, 0], varints(&[256, -1, 7])),
        kind(
            12,
            11,
            [4294967295.0, 0.0, 1.0],
            vec![255, 255, 255, 255, 0, 0, 0, 0, 1, 0, 0, 0],
            varints(&[0xffff_ffff, 0, 1]),
        ),
    ]
}

#[test]
fn every_type_is_read_exactly_from_every_storage() {
    let directory = tempfile::tempdir().unwrap();
    for kind in kinds() {
        let empty = || tensor(kind.code, &[3]);
        let unpacked = kind.unpacked.iter().fold(empty(), |message, (number, bytes)| match number {
            Some(value) => message.number(kind.field, *value),
            None => message.fixed(kind.field, bytes),
        });
        let mut file = vec![0xff; 24];
        file.extend(&kind.raw);
        std::fs::create_dir_all(directory.path().join("sub")).unwrap();
        std::fs::write(directory.path().join("sub/later.bin"), [&file[..], &[0xff; 9]].concat()).unwrap();
        std::fs::write(directory.path().join("own.bin"), &kind.raw).unwrap();
        let length = kind.raw.len().to_string();
        let later = [("location", "sub/later.bin"), ("offset", "24"), ("length", &length)];
        let stored = [
            empty().bytes(9, &kind.raw),
            empty().bytes(kind.field, &kind.packed),
            unpacked,
            external(empty(), &[("location", "own.bin")]),
            external(empty(), &[("location", "./own.bin")]),
            external(empty(), &later),
        ];
        for (i, weight) in stored.into_iter().enumerate() {
            let graph =
                read(directory.path(), weight).unwrap_or_else(|e| panic!("type {} way {i}: {e}", kind.code));
            assert_eq!(weights(&graph), kind.values, "type {} way {i}", kind.code);
        }
    }
}

/// Refused as malformed, in words that name the tensor and hold `word`.
fn assert_refused(directory: &Path, weight: Message, word: &str) {
    let error = read(directory, weight).err().unwrap_or_else(|| panic!("taken: {word}"));
    let text = error.to_string();
    assert!(matches!(error, Error::Malformed { .. }), "{text}");
    assert!(text.contains("initializer w") && text.contains(word), "{text} without {word}");
}

#[test]
fn declared_sizes_must_be_those_of_the_bytes() {
    let directory = tempfile::tempdir().unwrap();
    for kind in kinds() {
        for count in [2, 4, 1 << 20] {
            let declared = || tensor(kind.code, &[count]);
            assert_refused(directory.path(), declared().bytes(9, &kind.raw), "declares");
            assert_refused(directory.path(), declared().bytes(kind.field, &kind.packed), "declares");
        }
        let ragged = tensor(kind.code, &[3]).bytes(9, &kind.raw[1..]);
        assert_refused(directory.path(), ragged, "declares");
        assert_refused(directory.path(), tensor(kind.code, &[3]), "declares");
        std::fs::write(directory.path().join("own.bin"), &kind.raw).unwrap();
        let own = |count: i64, more: &[(&str, &str)]| {
            external(tensor(kind.code, &[count]), &[&[("location", "own.bin")], more].concat())
        };
        assert_refused(directory.path(), own(4, &[]), "own.bin");
        assert_refused(directory.path(), own(1 << 28, &[]), "own.bin");
        assert_refused(directory.path(), own(3, &[("offset", "1")]), "own.bin");
        assert_refused(directory.path(), own(3, &[("offset", "18446744073709551615")]), "own.bin");
        assert_refused(directory.path(), own(3, &[("length", "1")]), "external data have 1");
        assert_refused(directory.path(), own(3, &[("offset", "-1")]), "offset");
        assert_refused(directory.path(), own(3, &[("length", "many")]), "length");
    }
    assert_refused(directory.path(), tensor(1, &[1 << 40, 1 << 40]), "overflows");
    match read(directory.path(), tensor(1, &[1 << 40])) {
        Err(error @ Error::TooLarge { .. }) => {
            assert!(error.to_string().contains("initializer w"), "{error}");
        }
        other => panic!("{:?}", other.err()),
    }
    assert_refused(directory.path(), tensor(1, &[-3]), "-3");
    match read(directory.path(), tensor(14, &[3]).bytes(9, &[0; 24])) {
        Err(Error::Unsupported { nodes, .. }) => {
            assert_eq!((nodes[0].node.as_str(), nodes.len()), ("w", 1), "{nodes:?}");
            assert!(nodes[0].reason.contains("complex64"), "{nodes:?}");
        }
        other => panic!("{:?}", other.err()),
    }
    assert_refused(directory.path(), tensor(13, &[3]).bytes(9, &[0xff; 24]), "beyond 63 bits");
}

#[test]
fn external_data_stay_in_the_folder_of_the_model() {
    let outer = tempfile::tempdir().unwrap();
    let directory = outer.path().join("models");
    std::fs::create_dir_all(directory.join("sub")).unwrap();
    std::fs::write(outer.path().join("secret"), [0; 12]).unwrap();
    let at = |location: &str| external(tensor(1, &[3]), &[("location", location)]);
    let absolute = outer.path().join("secret");
    for location in ["../secret", "sub/../../secret", "./../secret", absolute.to_str().unwrap()] {
        assert_refused(&directory, at(location), "outside the model's directory");
    }
    // What is no file is refused too.
    for location in ["", "sub", "none.bin"] {
        assert_refused(&directory, at(location), "external data");
    }
    assert_refused(&directory, external(tensor(1, &[3]), &[]), "without a location");
    let error = Graph::from_bytes(&scaled(at("own.bin")), &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("initializer w") && error.contains("not a file"), "{error}");
    let error = Graph::read(&directory, &Limits::default()).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[test]
fn models_that_mix_samples_are_refused_by_the_name_of_the_node() {
    let plain = Message::default;
    let axis_0 = plain().message(5, plain().text(1, "axis").number(3, 0).number(20, 2));
    let zero = plain().number(1, 1).number(2, 7).text(8, "zero").bytes(9, &[0; 8]);
    for (name, shown) in [("batch_mean", "batch_mean"), ("", "m")] {
        let nodes = [node("m = ReduceMean x zero", name, plain()), node("y = Sub x m", "centre", plain())];
        let error = Graph::from_bytes(&model(3, &nodes, std::slice::from_ref(&zero)), &Limits::default());
        let error = error.err().unwrap();
        let text = error.to_string();
        let Error::Unsupported { nodes, .. } = error else { panic!("{text}") };
        assert_eq!(nodes.len(), 1);
        assert_eq!((nodes[0].node.as_str(), nodes[0].operator.as_str()), (shown, "ReduceMean"));
        assert!(nodes[0].reason.contains("mixes samples of the batch"));
        assert!(text.contains(&format!("{shown} (ReduceMean)")), "{text}");
    }
    let nodes = [node("y = Concat x x", "stack", axis_0)];
    let text = Graph::from_bytes(&model(3, &nodes, &[]), &Limits::default()).unwrap_err().to_string();
    assert!(text.contains("stack (Concat)") && text.contains("mixes samples of the batch"), "{text}");
}
