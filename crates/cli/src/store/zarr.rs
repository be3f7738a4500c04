//! The part of Zarr v3 that a run needs: groups of f64 arrays with named dimensions, chunked along the first axis.
//! <https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html>

use super::atomic::write_file;
use crate::failure::{Failure, Result};
use serde_json::{Map, Value, json};
use std::path::Path;
use surefoot::analysis::ColumnSpec;

const METADATA: &str = "zarr.json";

/// Rows of a chunk of a column, for runs that compute `chunk` samples at a time.
pub fn chunk_rows(spec: &ColumnSpec, chunk: usize) -> usize {
    chunk.min(spec.shape[0])
}

/// `zarr.json` of a column.
fn array_metadata(spec: &ColumnSpec, chunk: usize) -> Value {
    let mut chunk_shape = spec.shape.clone();
    chunk_shape[0] = chunk_rows(spec, chunk);
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": spec.shape,
        "data_type": "float64",
        "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": chunk_shape } },
        "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
        "fill_value": "NaN",
        "codecs": [{ "name": "bytes", "configuration": { "endian": "little" } }],
        "dimension_names": spec.axes.iter().map(|axis| axis.name()).collect::<Vec<_>>(),
        "attributes": { "units": spec.unit, "description": spec.description },
    })
}

/// Writes the metadata of the group and of all its columns, the group's holding a consolidated copy.
///
/// # Errors
/// When the system refuses.
pub fn create(root: &Path, specs: &[ColumnSpec], chunk: usize, attributes: Value) -> Result<()> {
    let mut consolidated = Map::new();
    for spec in specs {
        let metadata = array_metadata(spec, chunk);
        let folder = root.join(spec.name);
        std::fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
        write_json(&folder.join(METADATA), &metadata)?;
        consolidated.insert(spec.name.to_string(), metadata);
    }
    std::fs::create_dir_all(root).map_err(Failure::writing(root))?;
    let group = json!({
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": { "kind": "inline", "must_understand": false, "metadata": consolidated },
    });
    write_json(&root.join(METADATA), &group)
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    write_file(path, format!("{value:#}\n").as_bytes())
}

/// Key of the `index`-th chunk along the first axis: `c/index/0/…`.
fn chunk_key(spec: &ColumnSpec, index: usize) -> String {
    let mut key = format!("{}/c/{index}", spec.name);
    spec.shape[1..].iter().for_each(|_| key.push_str("/0"));
    key
}

/// Writes the `index`-th chunk; one that reaches over the end is filled up with NaN.
///
/// # Errors
/// When the system refuses.
pub fn write_chunk(root: &Path, spec: &ColumnSpec, chunk: usize, index: usize, values: &[f64]) -> Result<()> {
    let whole = chunk_rows(spec, chunk) * spec.row_len();
    let mut bytes = Vec::with_capacity(8 * whole);
    values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
    bytes.extend(std::iter::repeat_n(f64::NAN.to_le_bytes(), whole.saturating_sub(values.len())).flatten());
    let path = root.join(chunk_key(spec, index));
    let folder = path.parent().unwrap_or(root);
    std::fs::create_dir_all(folder).map_err(Failure::writing(folder))?;
    write_file(&path, &bytes)
}

/// Appends the rows of the `index`-th chunk to `values`, without what fills it up.
///
/// # Errors
/// A missing chunk, or one of another size.
pub fn read_chunk(
    root: &Path,
    spec: &ColumnSpec,
    chunk: usize,
    index: usize,
    values: &mut Vec<f64>,
) -> std::result::Result<(), surefoot::Error> {
    let path = root.join(chunk_key(spec, index));
    let rows = chunk_rows(spec, chunk);
    let expected = 8 * rows * spec.row_len();
    let bytes = std::fs::read(&path).map_err(|error| error.to_string());
    match bytes {
        Ok(bytes) if bytes.len() == expected => {
            let present = (spec.shape[0] - index * rows).min(rows) * spec.row_len();
            values.extend(
                bytes
                    .chunks_exact(8)
                    .take(present)
                    .map(|b| f64::from_le_bytes(b.try_into().unwrap_or_default())),
            );
            Ok(())
        }
        other => Err(surefoot::Error::invalid(
            format!("reading {}", path.display()),
            format!("{expected} bytes"),
            other.map_or_else(|error| error, |bytes| format!("{} bytes", bytes.len())),
            "Repeat the run",
        )),
    }
}
