//! Errors of reading and compiling a network.

/// What can go wrong with a network file.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The file cannot be read as ONNX.
    #[error("{file}: {what}: expected {expected}, got {got}. {remedy}")]
    Malformed {
        /// The file.
        file: String,
        /// The node, tensor or field concerned.
        what: String,
        /// What would have been right.
        expected: String,
        /// What came.
        got: String,
        /// What the user can do.
        remedy: String,
    },
}
