//! IDX, the format of MNIST: two zero bytes, a type, the number of axes, their lengths, then big-endian numbers.

use super::{Array, checked_len, malformed};
use crate::failure::Result;
use std::path::Path;

/// Parses a whole (unfolded) IDX file.
///
/// # Errors
/// A header that is malformed, or a size that differs from the declared one.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Array> {
    let header = match bytes {
        [0, 0, kind, axes, rest @ ..] if rest.len() >= 4 * usize::from(*axes) && *axes > 0 => {
            Some((*kind, rest.split_at(4 * usize::from(*axes))))
        }
        _ => None,
    };
    let (kind, (lengths, body)) = header.ok_or_else(|| {
        let expected = ".npy, .npz, .csv or IDX (0, 0, type, axes, lengths)";
        malformed(
            path,
            "file format",
            expected,
            format!("{} bytes starting {:?}", bytes.len(), &bytes[..bytes.len().min(4)]),
        )
    })?;
    let shape: Vec<usize> =
        lengths.chunks_exact(4).map(|l| u32::from_be_bytes([l[0], l[1], l[2], l[3]]) as usize).collect();
    let size = match kind {
        0x08 | 0x09 => 1,
        0x0b => 2,
        0x0c | 0x0d => 4,
        0x0e => 8,
        other => {
            return Err(malformed(
                path,
                "IDX type",
                "0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e",
                format!("{other:#04x}"),
            ));
        }
    };
    let count = checked_len(&path.display().to_string(), &shape)?;
    if count.checked_mul(size) != Some(body.len()) {
        let expected = format!("{count} numbers of {size} bytes for the shape {shape:?}");
        return Err(malformed(path, "IDX data", &expected, format!("{} bytes", body.len())));
    }
    let values = body.chunks_exact(size).map(|bytes| decode(kind, bytes)).collect();
    Ok(Array { shape, values, type_range: (kind == 0x08).then_some([0.0, 255.0]) })
}

fn decode(kind: u8, bytes: &[u8]) -> f64 {
    let mut word = [0u8; 8];
    word[8 - bytes.len()..].copy_from_slice(bytes);
    let bits = u64::from_be_bytes(word);
    match kind {
        0x09 => f64::from(bits as u8 as i8),
        0x0b => f64::from(bits as u16 as i16),
        0x0c => f64::from(bits as u32 as i32),
        0x0d => f64::from(f32::from_bits(bits as u32)),
        0x0e => f64::from_bits(bits),
        _ => bits as f64,
    }
}
