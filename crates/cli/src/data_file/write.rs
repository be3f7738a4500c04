//! Samples written as they come: `.npy` or `.csv`, in a temporary file that takes its name when complete.

use crate::failure::{Failure, Result};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
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

/// Refuses a name of an archive that does not end in `.npz`; `option` is what named it.
///
/// # Errors
/// Another ending.
pub fn check_archive_name(option: &str, file: &Path) -> Result<()> {
    if file.extension().is_some_and(|end| end == "npz") {
        return Ok(());
    }
    Err(Failure::Value {
        place: option.into(),
        what: "output file".into(),
        expected: "a name ending in .npz".into(),
        got: file.display().to_string(),
        remedy: "Choose another name".into(),
    })
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
    archive: ZipWriter<Lasting<BufWriter<NamedTempFile>>>,
    refusal: Refusal,
}

impl ArchiveWriter {
    /// An archive without arrays.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn create(path: &Path) -> Result<ArchiveWriter> {
        let target = crate::store::destination(path)?;
        let refusal = Refusal::default();
        let file = BufWriter::new(crate::store::temporary(&target)?);
        let archive = ZipWriter::new(Lasting { file, refusal: refusal.clone() });
        Ok(ArchiveWriter { path: path.to_path_buf(), target, archive, refusal })
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
        self.archive.write_all(&npy_header(descr, shape)).map_err(Failure::writing(&self.path))?;
        self.refused()
    }

    /// What the system refused, if it did.
    fn refused(&self) -> Result<()> {
        self.refusal.take().map_or(Ok(()), |error| Err(Failure::writing(&self.path)(error)))
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
        written.map_err(Failure::writing(&self.path))?;
        self.refused()
    }

    /// Puts the complete file in place.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn finish(self) -> Result<()> {
        let ArchiveWriter { path, target, archive, refusal } = self;
        let refuse = |error: std::io::Error| Failure::writing(&path)(error);
        let Lasting { file, .. } = archive.finish().map_err(|error| refuse(error.into()))?;
        if let Some(error) = refusal.take() {
            return Err(refuse(error));
        }
        let temporary = file.into_inner().map_err(|error| refuse(error.into_error()))?;
        crate::store::persist(temporary, &target)
    }
}

/// The first error of a file, for whoever asks.
#[derive(Clone, Default)]
struct Refusal(Arc<Mutex<Option<std::io::Error>>>);

impl Refusal {
    fn take(&self) -> Option<std::io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A file that seems to take everything, and keeps what the system refused for later: an archive that is given up writes
/// its end all the same, and complains on the terminal where it cannot.
struct Lasting<W> {
    file: W,
    refusal: Refusal,
}

impl<W> Lasting<W> {
    /// What was done, or what is said to have been done in place of a refusal.
    fn settle<T>(&self, done: std::io::Result<T>, otherwise: T) -> std::io::Result<T> {
        match done {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => {
                self.refusal.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                Ok(otherwise)
            }
            done => done,
        }
    }
}

impl<W: Write> Write for Lasting<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let done = self.file.write(bytes);
        self.settle(done, bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let done = self.file.flush();
        self.settle(done, ())
    }
}

impl<W: Seek> Seek for Lasting<W> {
    fn seek(&mut self, place: SeekFrom) -> std::io::Result<u64> {
        let done = self.file.seek(place);
        self.settle(done, 0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, ErrorKind};

    /// A disk of so many bytes.
    struct Small(Cursor<Vec<u8>>, usize);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let room = self.1.saturating_sub(self.0.position() as usize).min(bytes.len());
            if room == 0 { Err(ErrorKind::StorageFull.into()) } else { self.0.write(&bytes[..room]) }
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Small {
        fn seek(&mut self, place: SeekFrom) -> std::io::Result<u64> {
            self.0.seek(place)
        }
    }

    #[test]
    fn an_archive_on_a_full_disk_ends_quietly_and_the_refusal_is_kept() {
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for room in [0, 10, 60, 200, 500] {
            let refusal = Refusal::default();
            let disk = Small(Cursor::default(), room);
            let mut archive = ZipWriter::new(Lasting { file: disk, refusal: refusal.clone() });
            archive.start_file("x.npy", stored).unwrap();
            archive.write_all(&[7; 400]).unwrap();
            // What dropping it would do; an error of it is printed there.
            let disk = archive.finish().unwrap();
            assert_eq!(refusal.take().unwrap().kind(), ErrorKind::StorageFull, "{room}");
            assert!(refusal.take().is_none() && disk.file.0.get_ref().len() <= room);
        }
        let refusal = Refusal::default();
        let disk = Small(Cursor::default(), 10_000);
        let mut archive = ZipWriter::new(Lasting { file: disk, refusal: refusal.clone() });
        archive.start_file("x.npy", stored).unwrap();
        archive.write_all(&[7; 400]).unwrap();
        let disk = archive.finish().unwrap();
        assert!(refusal.take().is_none());
        assert!(zip::ZipArchive::new(disk.file.0).is_ok());
    }
}
