//! Networks as graphs: ONNX in, exact derivative passes, a CPU executor.
//!
//! [`Graph::read`] reads a model, [`passes`] turn graphs into graphs of their derivatives, and [`Network`]
//! evaluates value, tangents and adjoint on the CPU.

pub mod error;
mod export;
mod ir;
mod kernels;
mod model;
mod network;
mod onnx;
pub mod passes;
mod plan;
mod program;
#[cfg(test)]
mod tests;

pub use error::{Error, UnsupportedNode};
pub use export::Derivative;
pub use ir::{Extent, Function, Graph, Parameter, Precision, Source};
pub use kernels::CpuPath;
pub use model::{Description, Layer};
pub use network::Network;
pub use onnx::{Limits, WriteOptions};
pub use program::{Port, Program};
