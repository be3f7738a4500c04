//! The columns of a run on disk.

use super::zarr;
use crate::failure::{Failure, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use surefoot::analysis::{Chunk, ColumnSource, ColumnSpec};

/// The columns of a run in `arrays.zarr`, written chunk by chunk and read back one column at a time.
#[derive(Debug, Clone)]
pub struct Columns {
    root: PathBuf,
    specs: Vec<ColumnSpec>,
    chunk: usize,
}

impl Columns {
    /// The columns `specs` of a run that computes `chunk` samples at a time, in the folder `root`.
    pub fn new(root: &Path, specs: Vec<ColumnSpec>, chunk: usize) -> Columns {
        Columns { root: root.to_path_buf(), specs, chunk }
    }

    /// Writes what describes the columns, before any of them.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn create(&self, attributes: Value) -> Result<()> {
        zarr::create(&self.root, &self.specs, self.chunk, attributes)
    }

    /// Writes one computed chunk.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, chunk: &Chunk) -> Result<()> {
        let index = chunk.samples.start / self.chunk;
        for spec in &self.specs {
            let rows = spec.rows(&chunk.samples);
            if rows.is_empty() {
                continue;
            }
            let values = chunk.columns.get(spec.name).map(Vec::as_slice).unwrap_or_default();
            let expected = rows.len() * spec.row_len();
            if values.len() != expected {
                let got = format!("{} numbers", values.len());
                let operation = format!("saving the column {}", spec.name);
                let remedy = "Please report this as a bug";
                return Err(Failure::Numerics(surefoot::Error::invalid(
                    operation,
                    format!("{expected} numbers"),
                    got,
                    remedy,
                )));
            }
            zarr::write_chunk(&self.root, spec, self.chunk, index, values)?;
        }
        Ok(())
    }

    /// The column's shape, if there is such a column.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.specs.iter().find(|spec| spec.name == name).map(|spec| &spec.shape[..])
    }
}

impl ColumnSource for Columns {
    fn read(&self, name: &str) -> surefoot::Result<Vec<f64>> {
        self.read_leading(name, usize::MAX)
    }

    fn read_leading(&self, name: &str, leading: usize) -> surefoot::Result<Vec<f64>> {
        let spec = self.specs.iter().find(|spec| spec.name == name).ok_or_else(|| {
            surefoot::Error::invalid(
                "reading a column",
                "a column of this run",
                name,
                "Ask for the analysis that makes it",
            )
        })?;
        let rows = zarr::chunk_rows(spec, self.chunk);
        let chunks = spec.shape[0].min(leading).div_ceil(rows);
        let mut values = Vec::with_capacity((chunks * rows).min(spec.shape[0]) * spec.row_len());
        for index in 0..chunks {
            zarr::read_chunk(&self.root, spec, self.chunk, index, &mut values)?;
        }
        Ok(values)
    }
}
