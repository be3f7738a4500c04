//! Comma-separated points, one a line; a first line in which no field is a number holds names, and is skipped.

use super::{Array, malformed, unfit};
use crate::failure::Result;
use csv::StringRecord;
use std::path::Path;

/// Parses a whole `.csv` file.
///
/// # Errors
/// Lines of different length, or fields that are not numbers, with line and column.
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
        let line = || line_of(&record, bytes);
        let first = index == 0;
        if first && record.iter().all(|field| field.parse::<f64>().is_err()) {
            continue;
        }
        if rows > 0 && record.len() != width {
            let got = format!("{} numbers", record.len());
            return Err(malformed(
                path,
                &format!("line {}", line()),
                &format!("{width} numbers, as before"),
                got,
            ));
        }
        width = record.len();
        for (column, field) in record.iter().enumerate() {
            let number = field.parse().map_err(|_| {
                let (place, got) = (format!("line {}, column {}", line(), column + 1), format!("{field:?}"));
                if first {
                    let expected = "a number, as other fields of this line are";
                    let remedy = "Write a number there; a first line of names must have no number among them";
                    unfit(path, &place, expected, got, remedy)
                } else {
                    malformed(path, &place, "a number", got)
                }
            });
            values.push(number?);
        }
        rows += 1;
    }
    Ok(Array { shape: vec![rows, width], values, type_range: None })
}

/// The line that a record begins in: its position is where the lines before it that are empty or comments begin.
fn line_of(record: &StringRecord, bytes: &[u8]) -> usize {
    let Some(position) = record.position() else { return 0 };
    let lines = bytes.get(position.byte() as usize..).unwrap_or(&[]).split(|&byte| byte == b'\n');
    let skipped = lines.take_while(|line| matches!(line, [] | [b'\r'] | [b'#', ..]));
    position.line() as usize + skipped.count()
}
