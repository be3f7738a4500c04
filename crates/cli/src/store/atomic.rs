//! Files that appear whole or not at all: written beside their place under a temporary name, then renamed.

use crate::failure::{Failure, Result};
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

const PREFIX: &str = ".surefoot-";
const SUFFIX: &str = ".partial";

/// A temporary file beside `target`, with the permissions of any other new file.
///
/// # Errors
/// When the system refuses.
pub fn temporary(target: &Path) -> Result<NamedTempFile> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(Failure::writing(target))
}

/// Where a file of this name goes: through links, in place of a regular file or of nothing.
///
/// # Errors
/// If something else is there, or a file that must not be written.
pub fn destination(path: &Path) -> Result<PathBuf> {
    let Ok(there) = std::fs::metadata(path) else { return Ok(path.to_path_buf()) };
    if there.is_dir() {
        return Err(Failure::writing(path)(std::io::ErrorKind::IsADirectory.into()));
    }
    if !there.is_file() {
        return Err(Failure::Usage(format!(
            "{}: expected a new file or a regular one, got a pipe or device. Name another file",
            path.display()
        )));
    }
    if there.permissions().readonly() {
        return Err(Failure::writing(path)(std::io::ErrorKind::PermissionDenied.into()));
    }
    std::fs::canonicalize(path).map_err(Failure::writing(path))
}

/// Writes a whole file.
///
/// # Errors
/// When the system refuses; the old file, if any, is then untouched.
pub fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    let target = destination(path)?;
    let mut file = temporary(&target)?;
    file.write_all(content).map_err(Failure::writing(path))?;
    persist(file, &target)
}

/// Gives a temporary file its name.
///
/// # Errors
/// When the system refuses.
pub fn persist(file: NamedTempFile, path: &Path) -> Result<()> {
    file.persist(path).map_err(|error| Failure::writing(path)(error.error))?;
    Ok(())
}

/// Removes a file that may not be there.
///
/// # Errors
/// When the system refuses.
pub fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::writing(path)(error)),
        _ => Ok(()),
    }
}

/// Whether a file is what a killed run left of a write.
pub fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX))
}

/// Removes what a killed run left of its writes, in all folders below.
///
/// # Errors
/// When the system refuses.
pub fn remove_leftovers(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(Failure::reading(folder))? {
        let entry = entry.map_err(Failure::reading(folder))?;
        let path = entry.path();
        if entry.file_type().map_err(Failure::reading(&path))?.is_dir() {
            remove_leftovers(&path)?;
        } else if is_leftover(&path) {
            remove(&path)?;
        }
    }
    Ok(())
}
