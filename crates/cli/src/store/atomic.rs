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
    if !folder.exists() {
        return Err(Failure::Usage(format!(
            "cannot write {}: expected a folder {}, got nothing of that name. Make it, or choose another place with -o",
            target.display(),
            folder.display()
        )));
    }
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
    let Ok(there) = std::fs::metadata(path) else { return linked(path) };
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

/// What a name stands for at which nothing is: itself, or what a chain of links leads to.
fn linked(path: &Path) -> Result<PathBuf> {
    /// As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Ok(target) = std::fs::read_link(&path) else { return Ok(path) };
        path = path.parent().map_or_else(|| target.clone(), |folder| folder.join(&target));
    }
    Err(Failure::Usage(format!(
        "{}: expected a new file or a regular one, got a circle of links. Name another file",
        path.display()
    )))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_and_a_regular_file_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        std::fs::write(&old, "before").unwrap();
        assert_eq!(destination(&new).unwrap(), new);
        write_file(&new, b"1").unwrap();
        write_file(&old, b"2").unwrap();
        assert_eq!([std::fs::read(&new).unwrap(), std::fs::read(&old).unwrap()], [b"1", b"2"]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn folders_and_missing_folders_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = write_file(folder.path(), b"").unwrap_err().to_string();
        assert!(message.contains("Name a file"), "{message}");
        let lost = folder.path().join("no/such/folder/x.npy");
        let message = write_file(&lost, b"").unwrap_err().to_string();
        assert!(message.contains("expected a folder") && message.contains("Make it"), "{message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_pipes_are_left_alone() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.npy");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        let link = folder.path().join("link.npy");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        let mut others = vec![Path::new("/dev/null").to_path_buf(), link.clone()];
        if made.is_ok_and(|status| status.success()) {
            others.push(pipe);
        }
        for path in others {
            let message = write_file(&path, b"x").unwrap_err().to_string();
            assert!(message.contains("pipe or device"), "{message}");
        }
        assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert!(link.is_symlink());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_written_through() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("there")).unwrap();
        let (target, link) = (folder.path().join("there/x.npy"), folder.path().join("link.npy"));
        std::fs::write(&target, "before").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_file(&link, b"after").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&target).unwrap(), b"after");
        // A link to nothing yet makes what it names, and a circle of links makes nothing.
        let (absent, dangling) = (folder.path().join("there/new.npy"), folder.path().join("dangling.npy"));
        std::os::unix::fs::symlink(&absent, &dangling).unwrap();
        write_file(&dangling, b"new").unwrap();
        assert!(dangling.is_symlink());
        assert_eq!(std::fs::read(&absent).unwrap(), b"new");
        let circle = folder.path().join("circle.npy");
        std::os::unix::fs::symlink(&circle, &circle).unwrap();
        assert!(write_file(&circle, b"x").is_err());
        assert!(circle.is_symlink());
    }

    #[cfg(unix)]
    #[test]
    fn read_only_files_stay() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.npy");
        std::fs::write(&file, "before").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
        let message = write_file(&file, b"after").unwrap_err().to_string();
        assert!(message.contains("Check the permissions"), "{message}");
        assert_eq!(std::fs::read(&file).unwrap(), b"before");
    }
}
