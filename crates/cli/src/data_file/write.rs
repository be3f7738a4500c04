//! Samples written as they come: `.npy` or `.csv`, in a temporary file that takes its name when complete.

use crate::failure::{Failure, Result};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

enum Format {
    Npy,
    Csv,
}

/// A file of samples in the making.
pub struct SampleWriter {
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
    format: Format,
    dim: usize,
}

impl SampleWriter {
    /// For `samples` rows of `dim` numbers at `target`, whose name ends in `.npy` or `.csv`; `option` is what named it.
    ///
    /// # Errors
    /// Another ending, or a folder that cannot be written.
    pub fn create(option: &str, target: &Path, samples: usize, dim: usize) -> Result<SampleWriter> {
        let format = match target.extension().and_then(|end| end.to_str()) {
            Some("npy") => Format::Npy,
            Some("csv") => Format::Csv,
            _ => {
                return Err(Failure::Value {
                    place: option.into(),
                    what: "output file".into(),
                    expected: "a name ending in .npy or .csv".into(),
                    got: target.display().to_string(),
                    remedy: "Choose one of the two formats".into(),
                });
            }
        };
        let target = &crate::store::destination(target)?;
        let mut file = BufWriter::new(crate::store::temporary(target)?);
        if let Format::Npy = format {
            file.write_all(&npy_header("<f8", &[samples, dim])).map_err(Failure::writing(target))?;
        }
        Ok(SampleWriter { target: target.to_path_buf(), file, format, dim })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn append(&mut self, rows: &[f64]) -> Result<()> {
        let written = match self.format {
            Format::Npy => rows.iter().try_for_each(|value| self.file.write_all(&value.to_le_bytes())),
            Format::Csv => rows.chunks_exact(self.dim).try_for_each(|row| {
                let cells: Vec<String> = row.iter().map(f64::to_string).collect();
                writeln!(self.file, "{}", cells.join(","))
            }),
        };
        written.map_err(Failure::writing(&self.target))
    }

    /// Puts the complete file in place.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn finish(self) -> Result<()> {
        let refused = |error: std::io::Error| Failure::writing(&self.target)(error);
        let temporary = self.file.into_inner().map_err(|error| refused(error.into_error()))?;
        crate::store::persist(temporary, &self.target)
    }
}

/// Numbers of an array to be written.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub enum Numbers<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
}

/// Arrays with their names and shapes as an `.npz` file, which appears whole or not at all.
///
/// # Errors
/// When the system refuses.
pub fn write_npz(path: &Path, arrays: &[(&str, Vec<usize>, Numbers)]) -> Result<()> {
    let mut archive = ArchiveWriter::create(path)?;
    for (name, shape, numbers) in arrays {
        match numbers {
            Numbers::F32(_) => archive.begin(name, "<f4", shape)?,
            Numbers::F64(_) => archive.begin(name, "<f8", shape)?,
        }
        archive.append(*numbers)?;
    }
    archive.finish()
}

/// An `.npz` file written array by array as the numbers come, in a temporary file that takes its name when complete.
pub struct ArchiveWriter {
    path: PathBuf,
    target: PathBuf,
    archive: ZipWriter<BufWriter<NamedTempFile>>,
}

impl ArchiveWriter {
    /// An archive without arrays.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn create(path: &Path) -> Result<ArchiveWriter> {
        let target = crate::store::destination(path)?;
        let archive = ZipWriter::new(BufWriter::new(crate::store::temporary(&target)?));
        Ok(ArchiveWriter { path: path.to_path_buf(), target, archive })
    }

    /// Begins an array of little-endian numbers, `<f4` or `<f8`; all of its numbers are to follow before the next.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn begin(&mut self, name: &str, descr: &str, shape: &[usize]) -> Result<()> {
        let stored =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
        let broken = |error: zip::result::ZipError| Failure::writing(&self.path)(error.into());
        self.archive.start_file(format!("{name}.npy"), stored).map_err(broken)?;
        self.archive.write_all(&npy_header(descr, shape)).map_err(Failure::writing(&self.path))
    }

    /// Appends numbers to the array that was begun last.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn append(&mut self, numbers: Numbers) -> Result<()> {
        let archive = &mut self.archive;
        let written = match numbers {
            Numbers::F32(values) => {
                values.iter().try_for_each(|value| archive.write_all(&value.to_le_bytes()))
            }
            Numbers::F64(values) => {
                values.iter().try_for_each(|value| archive.write_all(&value.to_le_bytes()))
            }
        };
        written.map_err(Failure::writing(&self.path))
    }

    /// Puts the complete file in place.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn finish(self) -> Result<()> {
        let ArchiveWriter { path, target, archive } = self;
        let file = archive.finish().map_err(|error| Failure::writing(&path)(error.into()))?;
        let temporary = file.into_inner().map_err(|error| Failure::writing(&path)(error.into_error()))?;
        crate::store::persist(temporary, &target)
    }
}

/// Version 1.0 header of little-endian numbers, padded to a multiple of 64 bytes.
fn npy_header(descr: &str, shape: &[usize]) -> Vec<u8> {
    let axes: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
    let shape = match shape {
        [axis] => format!("({axis},)"),
        _ => format!("({})", axes.trim_end_matches(", ")),
    };
    let dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let length = (10 + dictionary.len() + 1).next_multiple_of(64) - 10;
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&(length as u16).to_le_bytes());
    header.extend_from_slice(format!("{dictionary:<width$}\n", width = length - 1).as_bytes());
    header
}
