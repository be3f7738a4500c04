//! NumPy's `.npy` (versions 1 to 3) and `.npz`.

use super::{Array, MOST_BYTES, checked_len, malformed, unfit};
use crate::failure::{Failure, Result};
use std::io::{Cursor, Read};
use std::path::Path;
use surefoot_graph::from_half;
use zip::ZipArchive;

/// The first bytes of every `.npy` file.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// A number type of the format.
#[derive(Debug, Clone, Copy)]
struct NumberType {
    kind: u8,
    size: usize,
    big_endian: bool,
}

/// Parses a whole `.npy` file held in memory; `file` names it in messages.
///
/// # Errors
/// A header that is malformed, a number type that is not real, or a size that differs from the declared one.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Array> {
    let wrong = |what: &str, expected: &str, got: String| malformed(Path::new(file), what, expected, got);
    let (header, body) = split(bytes).ok_or_else(|| {
        wrong("npy header", "the magic number, a version and a header", format!("{} bytes", bytes.len()))
    })?;
    let field = |name: &str| {
        entry(&header, name).ok_or_else(|| wrong("npy header", &format!("an entry '{name}'"), header.clone()))
    };
    let descr = field("descr")?;
    let number = number_type(descr.trim_matches(|c| c == '\'' || c == '"')).ok_or_else(|| {
        let expected = "a real number type: f2, f4, f8, i1 … i8, u1 … u8, b1";
        unfit(Path::new(file), "npy descr", expected, descr.to_string(), "Convert it: x.astype(\"f4\")")
    })?;
    let shape: Option<Vec<usize>> = field("shape")?
        .trim_matches(|c| c == '(' || c == ')')
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().ok())
        .collect();
    let shape = shape.ok_or_else(|| wrong("npy shape", "a tuple of whole numbers", header.clone()))?;
    let count = checked_len(file, &shape)?;
    if count.checked_mul(number.size) != Some(body.len()) {
        let expected = format!("{count} numbers of {} bytes for the shape {shape:?}", number.size);
        return Err(wrong("npy data", &expected, format!("{} bytes", body.len())));
    }
    let mut values: Vec<f64> = body.chunks_exact(number.size).map(|bytes| number.decode(bytes)).collect();
    if field("fortran_order")? == "True" && shape.len() > 1 {
        values = row_major(&shape, &values);
    }
    let type_range = (number.kind == b'u' && number.size == 1).then_some([0.0, 255.0]);
    let shape = if shape.is_empty() { vec![1] } else { shape };
    Ok(Array { shape, values, type_range })
}

/// All arrays of an `.npz`, by name.
///
/// # Errors
/// A malformed archive or array.
pub fn npz(path: &Path) -> Result<Vec<(String, Array)>> {
    let bytes = std::fs::read(path).map_err(Failure::reading(path))?;
    let broken =
        |error: &dyn std::fmt::Display| malformed(path, "npz", "an intact zip archive", error.to_string());
    let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    let mut arrays = Vec::new();
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(|error| broken(&error))?;
        let file_name = entry.name().map_err(|error| broken(&error))?;
        let Some(name) = file_name.strip_suffix(".npy").map(str::to_string) else { continue };
        let declared = entry.size().min(MOST_BYTES);
        let mut content = Vec::new();
        entry.take(declared + 1).read_to_end(&mut content).map_err(|error| broken(&error))?;
        arrays.push((name.clone(), parse(&format!("{} ({name})", path.display()), &content)?));
    }
    Ok(arrays)
}

/// Header text and data.
fn split(bytes: &[u8]) -> Option<(String, &[u8])> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (&[major, _minor], rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = match major {
        1 => rest.split_first_chunk::<2>().map(|(l, rest)| (usize::from(u16::from_le_bytes(*l)), rest))?,
        2 | 3 => rest.split_first_chunk::<4>().map(|(l, rest)| (u32::from_le_bytes(*l) as usize, rest))?,
        _ => return None,
    };
    let (header, body) = rest.split_at_checked(length)?;
    Some((String::from_utf8_lossy(header).trim().to_string(), body))
}

/// The value of `'name': value` in the header's dictionary, up to the comma or brace that ends it.
fn entry<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    let at = header.find(&format!("'{name}'")).or_else(|| header.find(&format!("\"{name}\"")))?;
    let value = header[at + name.len() + 2..].trim_start().strip_prefix(':')?.trim_start();
    let end = if value.starts_with('(') { value.find(')')? + 1 } else { value.find([',', '}'])? };
    Some(value[..end].trim())
}

fn number_type(descr: &str) -> Option<NumberType> {
    let (&[order, kind], size) = descr.as_bytes().split_first_chunk::<2>()?;
    let size: usize = std::str::from_utf8(size).ok()?.parse().ok()?;
    let sizes: &[usize] = match kind {
        b'f' => &[2, 4, 8],
        b'i' | b'u' => &[1, 2, 4, 8],
        b'b' => &[1],
        _ => return None,
    };
    (sizes.contains(&size) && b"<>|=".contains(&order)).then_some(NumberType {
        kind,
        size,
        big_endian: order == b'>',
    })
}

impl NumberType {
    /// Integers beyond 2^53 are rounded.
    fn decode(self, bytes: &[u8]) -> f64 {
        let mut word = [0u8; 8];
        for (i, byte) in bytes.iter().enumerate() {
            word[if self.big_endian { self.size - 1 - i } else { i }] = *byte;
        }
        let bits = u64::from_le_bytes(word);
        match (self.kind, self.size) {
            (b'f', 2) => from_half(bits as u16),
            (b'f', 4) => f64::from(f32::from_bits(bits as u32)),
            (b'f', _) => f64::from_bits(bits),
            (b'i', size) => {
                let unused = 64 - 8 * size as u32;
                (((bits << unused) as i64) >> unused) as f64
            }
            _ => bits as f64,
        }
    }
}

/// From Fortran's order to C's.
fn row_major(shape: &[usize], values: &[f64]) -> Vec<f64> {
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let mut index = vec![0; shape.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        out.push(values[index.iter().zip(&strides).map(|(i, s)| i * s).sum::<usize>()]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    out
}
