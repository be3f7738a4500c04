//! Comma-separated points, one a line; a first line of names is skipped.

use super::{Array, malformed};
use crate::failure::Result;
use std::path::Path;

/// Parses a whole `.csv` file.
///
/// # Errors
/// Lines of different length, or cells that are not numbers, with line and column.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Array> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut values = Vec::new();
    let (mut rows, mut width) = (0, 0);
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| malformed(path, "csv", "readable lines", error.to_string()))?;
        let line = record.position().map_or(index + 1, |position| position.line() as usize);
        let is_header = index == 0 && record.iter().all(|cell| cell.parse::<f64>().is_err());
        if is_header {
            continue;
        }
        if rows > 0 && record.len() != width {
            let got = format!("{} numbers", record.len());
            return Err(malformed(
                path,
                &format!("line {line}"),
                &format!("{width} numbers, as before"),
                got,
            ));
        }
        width = record.len();
        for (column, cell) in record.iter().enumerate() {
            let place = || format!("line {line}, column {}", column + 1);
            values
                .push(cell.parse().map_err(|_| malformed(path, &place(), "a number", format!("{cell:?}")))?);
        }
        rows += 1;
    }
    Ok(Array { shape: vec![rows, width], values, type_range: None })
}
