//! Networks as graphs: ONNX in and out, exact derivative passes, a CPU executor.
//!
//! [`Graph::read`] reads a model, [`build`] makes one layer by layer, [`passes`] turn graphs into graphs of their
//! derivatives, [`Network`] evaluates value, tangents, cotangents and second order on the CPU, [`Program`] any graph, and
//! [`Graph::write`] writes one as ONNX.
//!
//! # Value, tangents, cotangents and second order
//!
//! ```
//! use surefoot_graph::{Graph, Limits, Network, Precision};
//!
//! # fn main() -> Result<(), surefoot_graph::Error> {
//! # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-cfm.onnx");
//! let graph = Graph::read(file, &Limits::default())?;
//! let network = Network::new(&graph, Precision::F64)?;
//! let (t, x) = (0.5, [0.3, -1.2]);                     // one sample of D = 2 elements
//! let (u, v) = ([1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]); // two directions of it
//! let (mut y, mut jv, mut uj, mut d2) = ([0.0; 2], [0.0; 4], [0.0; 4], [0.0; 4]);
//! network.tangents(t, &x, &v, &mut y, &mut jv);        // df(t, x) v
//! network.adjoint(t, &x, &u, &mut y, &mut uj);         // df(t, x)ᵀ u
//! network.second(t, &x, &u, &v, &mut y, &mut d2)?;     // d²f(t, x)[u, v]
//! let dot = |a: &[f64], b: &[f64]| a[0] * b[0] + a[1] * b[1];
//! assert!((dot(&u[2..], &jv[2..]) - dot(&uj[2..], &v[2..])).abs() < 1e-12);
//! # Ok(())
//! # }
//! ```
//!
//! # Passes compose, and any graph runs
//!
//! The gradient by a weight of Σ u · y, summed over the samples of a call; the weight is given with the call:
//!
//! ```
//! use surefoot_graph::{Graph, Limits, Precision, Program, passes::gradients};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-cfm.onnx");
//! let graph = Graph::read(file, &Limits::default())?;
//! let weight = graph.parameters().last().ok_or("a network without weights")?;
//! let (name, start) = (weight.name, weight.values.to_vec());
//! let trained = graph.with_parameters_as_inputs(&[name])?;
//! let program = Program::new(&gradients(&trained, "y", &[name], "u")?, Precision::F64)?;
//! let (x, u) = ([0.3, -1.2, 0.8, 0.1], [1.0, 0.0, 0.5, -1.0]); // two samples
//! let (output, mut gradient) = (format!("{name}.u"), vec![0.0; start.len()]);
//! let inputs = [("x", &x[..]), ("t", &[0.5]), (name, &start), ("u", &u)];
//! program.run(2, 0, &inputs, &mut [(output.as_str(), &mut gradient)]);
//! # assert!(gradient.iter().any(|g| *g != 0.0));
//! # Ok(())
//! # }
//! ```
//!
//! # Writing ONNX
//!
//! ```
//! use surefoot_graph::{Derivative, Graph, Limits, WriteOptions};
//!
//! # fn main() -> Result<(), surefoot_graph::Error> {
//! # let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-cfm.onnx");
//! let tangents = Graph::read(file, &Limits::default())?.derivative(Derivative::Tangents)?;
//! let options = WriteOptions { directions: 8, name: "jvp".into(), ..WriteOptions::default() };
//! let bytes = tangents.to_onnx(&options)?; // x, t, v [batch, 8, 2] to y, jv [batch, 8, 2]
//! # assert!(bytes.len() > 1000);
//! # Ok(())
//! # }
//! ```

pub mod build;
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
pub use onnx::{Limits, WriteOptions, from_half};
pub use program::{Number, Port, Program};
