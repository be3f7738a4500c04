//! Why the program stops early, and with which exit code.

use std::path::{Path, PathBuf};

/// Everything that ends the program before its work is done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The user asked for something that cannot be done: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// A value in a file or an option is not what it should be: exit code 2.
    #[error("{place}: {what}: expected {expected}, got {got}. {remedy}")]
    Value {
        /// File and line, or option.
        place: String,
        /// The key or field.
        what: String,
        /// What would have been right.
        expected: String,
        /// What came.
        got: String,
        /// What to do.
        remedy: String,
    },
    /// The operating system refused to read or write a file: exit code 2.
    #[error("{action} {}: {source}. {}", path.display(), remedy(source))]
    Io {
        /// What was tried: "cannot read", "cannot write".
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The library refused (exit code 2) or the numbers blew up (exit code 3).
    #[error(transparent)]
    Numerics(#[from] surefoot::Error),
    /// The numbers of a training blew up: exit code 3.
    #[error("{error} {kept}")]
    Diverged {
        /// What, and after how many updates.
        error: String,
        /// What is left.
        kept: String,
    },
    /// A `--require` condition does not hold, or a file failed its check: exit code 1.
    #[error("{0}")]
    Unmet(String),
    /// Ctrl-C or a termination signal: exit code 130.
    #[error("{0}")]
    Interrupted(String),
}

/// Result of the command line's parts.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// The program's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Unmet(_) => 1,
            Failure::Numerics(surefoot::Error::NonFinite { .. } | surefoot::Error::Diverged { .. })
            | Failure::Diverged { .. } => 3,
            Failure::Interrupted(_) => 130,
            Failure::Usage(_) | Failure::Value { .. } | Failure::Io { .. } | Failure::Numerics(_) => 2,
        }
    }

    /// A file that could not be read.
    pub fn reading(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
        Failure::io("cannot read", path)
    }

    /// A file that could not be written.
    pub fn writing(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
        let refused = Failure::io("cannot write", path);
        // A temporary file's own name, which comes with an error of no bare code, would only distract.
        move |error| refused(if error.raw_os_error().is_some() { error } else { error.kind().into() })
    }

    /// The same, with the file in which the setting stands where the library does not know it.
    pub fn in_file(self, file: impl std::fmt::Display) -> Failure {
        match self {
            Failure::Numerics(surefoot::Error::Invalid { operation, expected, got, remedy }) => {
                Failure::Value { place: file.to_string(), what: operation, expected, got, remedy }
            }
            Failure::Value { place, what, expected, got, remedy } if place.starts_with('[') => {
                Failure::Value { place: format!("{file}: {place}"), what, expected, got, remedy }
            }
            other => other,
        }
    }

    fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
        let path = path.to_path_buf();
        move |source| Failure::Io { action, path, source }
    }
}

fn remedy(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{
        AlreadyExists, IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem,
        StorageFull,
    };
    match error.kind() {
        NotFound => "Check the path and its spelling",
        IsADirectory => "Name a file instead",
        NotADirectory | AlreadyExists | ReadOnlyFilesystem => "Choose another place with -o",
        PermissionDenied => "Check the permissions, or choose another place with -o",
        StorageFull => {
            "Free some space and repeat the command; `analyze`, `perturb`, `compare` and `train` go on with --resume"
        }
        _ => "Mend it and try again",
    }
}
