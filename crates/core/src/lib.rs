//! surefoot's theory: from a generative model's field to finite-time Lyapunov exponents and vectors, their
//! alignment with the support of the data, and the robustness of samples under model errors.
//!
//! The modules are listed in the order in which they build on one another; none looks back up.
//! Batches are row-major: `x[n, D]` holds one sample a row; `v[n, k, D]` holds k tangent rows a sample.

pub mod alignment;
pub mod analysis;
pub mod classifier;
pub mod condition;
pub mod dimension;
pub mod error;
pub mod error_field;
pub mod field;
pub mod gains;
pub mod geometry;
pub mod law;
pub mod linalg;
pub mod process;
pub mod random;
pub mod response;
pub mod robustness;
pub mod sampler;
mod scratch;
pub mod spectrum;
pub mod statistics;
pub mod support;
pub mod sweep;
pub mod train;

pub use error::{Error, Result};
