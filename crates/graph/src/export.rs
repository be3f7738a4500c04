//! Writing graphs and their derivatives as ONNX files.

use crate::error::Error;
use crate::ir::Graph;
use crate::onnx::{WriteOptions, encode};
use crate::passes::{adjoint, second_order, simplify, tangent};
use std::path::Path;

/// A derivative of a network f(t, x) as a graph of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derivative {
    /// f itself: x, t to y.
    Value,
    /// Tangents: x, t, v to y and jv = df(t, x) v.
    Tangents,
    /// Cotangents: x, t, u to y and uj = df(t, x)ᵀ u.
    Cotangents,
    /// Second order: x, t, u, v to y and d2 = d²f(t, x)\[u, v\].
    Second,
    /// Cotangents of the tangents: x, t, v, u to y, jv and ujv = (d²f(t, x)\[v, ·\])ᵀ u.
    TangentCotangents,
}

impl Graph {
    /// The graph of a derivative, with short names for its inputs and outputs.
    ///
    /// # Errors
    /// If the graph is not a model with input x and output y.
    pub fn derivative(&self, derivative: Derivative) -> Result<Graph, Error> {
        let graph = simplify(self);
        let derived = match derivative {
            Derivative::Value => Ok(graph),
            Derivative::Tangents => tangent(&graph, "x", "v"),
            Derivative::Cotangents => adjoint(&graph, "y", "x", "u"),
            Derivative::Second => second_order(&graph, "x", ["u", "v"]),
            Derivative::TangentCotangents => {
                tangent(&graph, "x", "v").and_then(|graph| adjoint(&simplify(&graph), "y.v", "x", "u"))
            }
        };
        let derived = derived.map_err(|got| Error::Malformed {
            file: "graph".into(),
            what: "interface".into(),
            expected: "an input x and an output y".into(),
            got,
            remedy: "Read the graph from a model file".into(),
        })?;
        let gradient = if derivative == Derivative::TangentCotangents { "ujv" } else { "uj" };
        Ok(simplify(&derived).renamed(&[("y.v", "jv"), ("x.u", gradient), ("y.u.v", "d2")]))
    }

    /// The graph as an ONNX model (operator set 20) with a dynamic batch axis. Inputs and outputs keep their names, weights
    /// are initialisers. Times are one a sample, `t [batch]`, as in the file of a network. What has one value a direction
    /// is `[batch, k, …]`.
    ///
    /// # Errors
    /// If the graph has directions and k is 0 or beyond the memory limit that the graph was read with, or if the file
    /// would exceed the 2 GiB of a protocol buffer.
    pub fn to_onnx(&self, options: &WriteOptions) -> Result<Vec<u8>, Error> {
        encode(&self.prepared(options), options, "model")
    }

    /// The graph as it is written.
    fn prepared(&self, options: &WriteOptions) -> Graph {
        if options.keep_weights { self.around_weights(simplify) } else { simplify(self) }
    }

    /// Writes the graph as an ONNX file ([`Graph::to_onnx`]).
    ///
    /// # Errors
    /// As [`Graph::to_onnx`], or if the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>, options: &WriteOptions) -> Result<(), Error> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let bytes = encode(&self.prepared(options), options, &file)?;
        std::fs::write(path, bytes).map_err(|e| Error::Unwritable {
            file,
            expected: "a place for a file".into(),
            got: e.to_string(),
            remedy: "Choose another path, or make its folder".into(),
        })
    }
}
