//! Networks as graphs.

pub mod error;
pub use error::Error;
