//! Value, tangents and adjoint of an imported network.

use crate::error::Error;
use crate::ir::{Graph, Precision};
use crate::kernels::{CpuPath, Executed};
use crate::passes::{adjoint, second_adjoint, second_order, simplify, tangent};
use crate::plan::{Batch, Weights};
use crate::program::Compiled;
use std::sync::OnceLock;

/// A network ready to be evaluated, with exact derivatives.
///
/// All batches are row-major f64; one time is shared by all samples of a call. Calls from several threads do not disturb
/// each other; where a sample is heavy enough, a call uses the threads of rayon's pool. After the first calls no memory
/// for values is allocated. The answer for a sample and direction does not depend on what else is in the batch, nor on
/// the number of threads, bit for bit.
pub struct Network {
    shape: Vec<usize>,
    engine: Engine,
}

enum Engine {
    F32(Programs<f32>),
    F64(Programs<f64>),
}

impl Network {
    /// Compiles a graph for the best instruction set of this machine ([`CpuPath::detect`]).
    ///
    /// # Errors
    /// If the graph is not a model with input x and output y, or its values exceed the memory limit it was read with.
    pub fn new(graph: &Graph, precision: Precision) -> Result<Network, Error> {
        Network::with_path(graph, precision, CpuPath::detect())
    }

    /// Compiles a graph for an instruction set; the portable one replaces one that the machine does not have.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn with_path(graph: &Graph, precision: Precision, path: CpuPath) -> Result<Network, Error> {
        let path = if path.is_available() { path } else { CpuPath::Portable };
        let engine = match precision {
            Precision::F32 => Engine::F32(Programs::new(graph, path)?),
            Precision::F64 => Engine::F64(Programs::new(graph, path)?),
        };
        Ok(Network { shape: graph.sample_shape().to_vec(), engine })
    }

    /// D: number of elements of a sample.
    pub fn dim(&self) -> usize {
        self.shape.iter().product()
    }

    /// Shape of a sample.
    pub fn sample_shape(&self) -> &[usize] {
        &self.shape
    }

    /// y = f(t, x): `x[n, D]`, `y[n, D]`.
    ///
    /// # Panics
    /// If the lengths are not those of n samples.
    pub fn value(&self, t: f64, x: &[f64], y: &mut [f64]) {
        let n = self.samples(x, y);
        let mut batch =
            Batch { samples: n, directions: 0, inputs: &[("x", x), ("t", &[t])], outputs: &mut [("y", y)] };
        match &self.engine {
            Engine::F32(p) => p.value.run(&mut batch),
            Engine::F64(p) => p.value.run(&mut batch),
        }
    }

    /// Value and k tangents a sample: `x[n, D]`, `v[n, k, D]`, `y[n, D]`, `jv[n, k, D]` = df(t, x) v. k is the length of
    /// `v` over that of `x`, and may be 0.
    ///
    /// # Panics
    /// If the lengths are not those of n samples and k tangents.
    pub fn tangents(&self, t: f64, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        let (samples, directions) = (self.samples(x, y), directions(x, v, jv));
        let mut batch = Batch {
            samples,
            directions,
            inputs: &[("x", x), ("t", &[t]), ("v", v)],
            outputs: &mut [("y", y), ("y.v", jv)],
        };
        match &self.engine {
            Engine::F32(p) => p.tangent.run(&mut batch),
            Engine::F64(p) => p.tangent.run(&mut batch),
        }
    }

    /// Value and m cotangents a sample: `x[n, D]`, `u[n, m, D]`, `y[n, D]`, `uj[n, m, D]` = df(t, x)ᵀ u. m is the length
    /// of `u` over that of `x`, and may be 0.
    ///
    /// # Panics
    /// If the lengths are not those of n samples and m cotangents.
    pub fn adjoint(&self, t: f64, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        let (samples, directions) = (self.samples(x, y), directions(x, u, uj));
        let mut batch = Batch {
            samples,
            directions,
            inputs: &[("x", x), ("t", &[t]), ("u", u)],
            outputs: &mut [("y", y), ("x.u", uj)],
        };
        match &self.engine {
            Engine::F32(p) => p.adjoint.run(&mut batch),
            Engine::F64(p) => p.adjoint.run(&mut batch),
        }
    }

    /// Value and second-order directional derivatives along k pairs a sample: `x[n, D]`, `u[n, k, D]`, `v[n, k, D]`,
    /// `y[n, D]`, `d2[n, k, D]` = d²f(t, x)\[u_j, v_j\]. k is the length of `u` over that of `x`, and may be 0.
    ///
    /// The program is compiled at the first call.
    ///
    /// # Errors
    /// If the second-order graph exceeds the memory limit that the network was read with.
    ///
    /// # Panics
    /// If the lengths are not those of n samples and k pairs.
    pub fn second(
        &self,
        t: f64,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<(), Error> {
        let (samples, directions) = (self.samples(x, y), directions(x, u, d2));
        assert_eq!(u.len(), v.len(), "u and v differ in length");
        let mut batch = Batch {
            samples,
            directions,
            inputs: &[("x", x), ("t", &[t]), ("u", u), ("v", v)],
            outputs: &mut [("y", y), ("y.u.v", d2)],
        };
        match &self.engine {
            Engine::F32(p) => p.second()?.run(&mut batch),
            Engine::F64(p) => p.second()?.run(&mut batch),
        }
        Ok(())
    }

    /// Value and transposed second order along k pairs a sample: `x[n, D]`, `v[n, k, D]`, `u[n, k, D]`, `y[n, D]`,
    /// `out[n, k, D]` = (d²f(t, x)\[v_j, ·\])ᵀ u_j, the gradient by x of u_j · df(t, x) v_j. k is the length of `v` over
    /// that of `x`, and may be 0.
    ///
    /// The program, cotangents of the tangents, is compiled at the first call.
    ///
    /// # Errors
    /// If its graph exceeds the memory limit that the network was read with.
    ///
    /// # Panics
    /// If the lengths are not those of n samples and k pairs.
    pub fn second_adjoint(
        &self,
        t: f64,
        x: &[f64],
        v: &[f64],
        u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<(), Error> {
        let (samples, directions) = (self.samples(x, y), directions(x, v, out));
        assert_eq!(u.len(), v.len(), "u and v differ in length");
        let mut batch = Batch {
            samples,
            directions,
            inputs: &[("x", x), ("t", &[t]), ("v", v), ("u", u)],
            outputs: &mut [("y", y), ("x.u", out)],
        };
        match &self.engine {
            Engine::F32(p) => p.second_adjoint()?.run(&mut batch),
            Engine::F64(p) => p.second_adjoint()?.run(&mut batch),
        }
        Ok(())
    }

    /// Bytes that evaluations on all of rayon's threads hold between them, beside the arrays of their callers; they are
    /// kept for later calls. With `second` also those of second derivatives, which are compiled for it.
    pub fn held_bytes(&self, second: bool) -> u64 {
        match &self.engine {
            Engine::F32(programs) => programs.held_bytes(second),
            Engine::F64(programs) => programs.held_bytes(second),
        }
    }

    fn samples(&self, x: &[f64], y: &[f64]) -> usize {
        let samples = x.len().checked_div(self.dim()).unwrap_or(0);
        assert_eq!(x.len(), samples * self.dim(), "x holds no whole number of samples");
        assert_eq!(y.len(), x.len(), "y has another length than x");
        samples
    }
}

fn directions(x: &[f64], along: &[f64], derivative: &[f64]) -> usize {
    let directions = along.len().checked_div(x.len()).unwrap_or(0);
    assert_eq!(along.len(), directions * x.len(), "the directions do not fit to the samples");
    assert_eq!(derivative.len(), along.len(), "the derivatives have another length than the directions");
    directions
}

/// The compiled programs of a network in one precision.
struct Programs<T: 'static> {
    value: Compiled<T>,
    tangent: Compiled<T>,
    adjoint: Compiled<T>,
    /// Compiled when they are first asked for, from the simplified graph.
    second: OnceLock<Result<Compiled<T>, Error>>,
    second_adjoint: OnceLock<Result<Compiled<T>, Error>>,
    graph: Graph,
    path: CpuPath,
}

impl<T: Executed> Programs<T> {
    fn new(graph: &Graph, path: CpuPath) -> Result<Self, Error> {
        let graph = simplify(graph);
        if graph.find_output("y").is_none() {
            return Err(invalid("no output y".into()));
        }
        if let Some(port) = graph.inputs.iter().find(|p| p.name != "x" && p.name != "t") {
            return Err(Error::Malformed {
                file: graph.source.file.clone(),
                what: "inputs".into(),
                expected: "x and t".into(),
                got: format!("{} besides", port.name),
                remedy: "Fix a label (`label` in [field] of a model file, passes::labelled)".into(),
            });
        }
        let (forward, reverse) = rayon::join(
            || tangent(&graph, "x", "v").map(|graph| simplify(&graph)).map_err(invalid),
            || adjoint(&graph, "y", "x", "u").map(|graph| simplify(&graph)).map_err(invalid),
        );
        let (forward, reverse) = (forward?, reverse?);
        let weights = Weights::default();
        let compile = |graph: &Graph| Compiled::new(graph, path, &weights);
        let ((value, tangent), adjoint) =
            rayon::join(|| rayon::join(|| compile(&graph), || compile(&forward)), || compile(&reverse));
        Ok(Programs {
            value: value?,
            tangent: tangent?,
            adjoint: adjoint?,
            second: OnceLock::new(),
            second_adjoint: OnceLock::new(),
            graph,
            path,
        })
    }

    fn second(&self) -> Result<&Compiled<T>, Error> {
        let compile = || self.compile(second_order(&self.graph, "x", ["u", "v"]));
        self.second.get_or_init(compile).as_ref().map_err(Clone::clone)
    }

    fn second_adjoint(&self) -> Result<&Compiled<T>, Error> {
        let compile = || self.compile(second_adjoint(&self.graph, "y", "x", ["v", "u"]));
        self.second_adjoint.get_or_init(compile).as_ref().map_err(Clone::clone)
    }

    fn held_bytes(&self, second: bool) -> u64 {
        let first = [&self.value, &self.tangent, &self.adjoint];
        let asked = || [self.second(), self.second_adjoint()].into_iter().flatten();
        let second = second.then(asked).into_iter().flatten();
        let threads = rayon::current_num_threads();
        first.into_iter().chain(second).map(|program| program.held_bytes(threads) as u64).sum()
    }

    fn compile(&self, graph: Result<Graph, String>) -> Result<Compiled<T>, Error> {
        Compiled::new(&graph.map_err(invalid)?, self.path, &Weights::default())
    }
}

fn invalid(got: String) -> Error {
    Error::Malformed {
        file: "graph".into(),
        what: "interface".into(),
        expected: "an input x and an output y".into(),
        got,
        remedy: "Read the graph from a model file".into(),
    }
}
