//! Data files: `.npy`, `.npz`, IDX, `.csv` and their gzip forms. Images keep their shape.
//!
//! A file's declared size is checked against its real one before anything is allocated.

mod idx;
mod images;
mod npy;
mod pairs;
mod table;
mod write;

pub use images::{image_files, images};
pub use npy::npz;
pub use pairs::{Pairs, pairs};
pub use write::{ArchiveWriter, Numbers, SampleWriter, check_archive_name, write_npz};

use crate::failure::{Failure, Result};
use std::io::Read;
use std::path::Path;

/// Most numbers a data file may hold: 2^31 (16 GiB of f64).
const MOST_NUMBERS: usize = 1 << 31;
/// Most bytes that a compressed file may unfold to.
const MOST_BYTES: u64 = 1 << 34;

/// An array of numbers, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Its shape; the first axis runs over samples.
    pub shape: Vec<usize>,
    /// Values.
    pub values: Vec<f64>,
    /// Range of the number type, for unsigned bytes (0 to 255) and images of 16 bits (0 to 65535).
    pub type_range: Option<[f64; 2]>,
}

impl Array {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.shape[0]
    }

    /// Numbers in a row.
    pub fn row_len(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// Reads points: the first axis runs over samples, all others are one point's coordinates.
///
/// # Errors
/// Unreadable, malformed, empty or non-finite data, naming the file.
pub fn points(path: &Path) -> Result<Array> {
    let name = path.to_string_lossy().to_lowercase();
    let bytes = read_bytes(path)?;
    let array = if bytes.starts_with(b"PK\x03\x04") || name.ends_with(".npz") {
        let arrays = npz(path)?;
        one_of(path, arrays)?
    } else if bytes.starts_with(npy::MAGIC) || name.ends_with(".npy") || name.ends_with(".npy.gz") {
        npy::parse(&path.display().to_string(), &bytes)?
    } else if name.ends_with(".csv") || name.ends_with(".csv.gz") {
        table::parse(path, &bytes)?
    } else {
        idx::parse(path, &bytes)?
    };
    if array.shape.is_empty() || array.rows() == 0 || array.row_len() == 0 {
        let expected = "at least one point of at least one coordinate";
        return Err(unfit(path, "shape", expected, format!("{:?}", array.shape), "Put points into it"));
    }
    if let Some(index) = array.values.iter().position(|value| !value.is_finite()) {
        let row = index / array.row_len();
        let (what, got) = (format!("row {row}"), array.values[index].to_string());
        return Err(unfit(path, &what, "finite numbers", got, "Leave the row out, or mend its numbers"));
    }
    Ok(array)
}

/// Reads the classes of `rows` rows of data: whole numbers from 0, one a row.
///
/// # Errors
/// Those of [`points`]; another number of labels, or other numbers.
pub fn labels(path: &Path, rows: usize) -> Result<Vec<u32>> {
    /// More classes than any embedding should hold.
    const MOST: f64 = 65_535.0;
    let Array { values, shape, .. } = points(path)?;
    let wrong = |expected: &str, got: String| {
        unfit(path, "labels", expected, got, "Give one whole number from 0 a row of the data")
    };
    if values.len() != rows {
        let expected = format!("{rows} labels, one a row of the data");
        return Err(wrong(&expected, format!("an array of shape {shape:?}")));
    }
    if let Some(value) = values.iter().find(|value| value.fract() != 0.0 || !(0.0..=MOST).contains(*value)) {
        return Err(wrong(&format!("whole numbers from 0 to {MOST}"), value.to_string()));
    }
    Ok(values.iter().map(|value| *value as u32).collect())
}

/// The array called `x` or `points`, or the only one.
fn one_of(path: &Path, mut arrays: Vec<(String, Array)>) -> Result<Array> {
    let preferred = arrays.iter().position(|(name, _)| name == "x" || name == "points");
    let index = preferred.or((arrays.len() == 1).then_some(0)).ok_or_else(|| {
        let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
        let got = if names.is_empty() { "none".into() } else { names.join(", ") };
        let remedy = "Leave one array in the file, or call one of them x";
        unfit(path, "arrays", "one array, or one called x or points", got, remedy)
    })?;
    Ok(arrays.swap_remove(index).1)
}

/// The file's bytes, unfolded if it is gzip.
fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).map_err(Failure::reading(path))?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unfolded = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(&bytes[..]).take(MOST_BYTES + 1);
    reader
        .read_to_end(&mut unfolded)
        .map_err(|error| malformed(path, "gzip", "an intact compressed file", error.to_string()))?;
    if unfolded.len() as u64 > MOST_BYTES {
        let expected = format!("at most {MOST_BYTES} bytes unfolded");
        return Err(unfit(path, "gzip", &expected, "more".into(), "Take a part of the data"));
    }
    Ok(unfolded)
}

/// Product of the axes, refused where it is out of bounds.
fn checked_len(file: &str, shape: &[usize]) -> Result<usize> {
    let length = shape.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis));
    length.filter(|&length| length <= MOST_NUMBERS).ok_or_else(|| Failure::Value {
        place: file.into(),
        what: "shape".into(),
        expected: format!("at most {MOST_NUMBERS} numbers"),
        got: format!("{shape:?}"),
        remedy: "Take a part of the data".into(),
    })
}

/// A file that is damaged, or written otherwise than its format says.
fn malformed(path: &Path, what: &str, expected: &str, got: String) -> Failure {
    unfit(path, what, expected, got, "Write the file again, or convert it to .npy")
}

/// A file whose content does not serve.
fn unfit(path: &Path, what: &str, expected: &str, got: String, remedy: &str) -> Failure {
    Failure::Value {
        place: path.display().to_string(),
        what: what.into(),
        expected: expected.into(),
        got,
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests;
