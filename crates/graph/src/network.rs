//! Value, tangents and adjoint of an imported network.

use crate::error::Error;
use crate::ir::Graph;
use crate::kernels::{CpuPath, Executed, Kernels};
use crate::passes::{adjoint, simplify, tangent};
use crate::plan::{Batch, Plan, Scratch};
use std::sync::Mutex;

/// The number type a network is evaluated in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Double precision.
    F64,
}

/// A network ready to be evaluated, with exact derivatives.
///
/// All batches are row-major f64; one time is shared by all samples of a call. A call runs on the thread that makes
/// it; calls from several threads do not disturb each other. After the first calls nothing is allocated. The answer
/// for a sample and direction does not depend on what else is in the batch, bit for bit.
pub struct Network {
    shape: Vec<usize>,
    engine: Engine,
}

enum Engine {
    F32(Programs<f32>),
    F64(Programs<f64>),
}

/// Names of the derivative inputs, and of the outputs that the passes make of them.
const TANGENT: [&str; 2] = ["v", "y.v"];
const ADJOINT: [&str; 2] = ["u", "x.u"];

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
        let batch = self.batch(t, x, &[], y, &mut []);
        match &self.engine {
            Engine::F32(p) => p.run(&p.value, TANGENT, batch),
            Engine::F64(p) => p.run(&p.value, TANGENT, batch),
        }
    }

    /// Value and k tangents a sample: `x[n, D]`, `v[n, k, D]`, `y[n, D]`, `jv[n, k, D]` = df(t, x) v. k is the length of
    /// `v` over that of `x`, and may be 0.
    ///
    /// # Panics
    /// If the lengths are not those of n samples and k tangents.
    pub fn tangents(&self, t: f64, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        let batch = self.batch(t, x, v, y, jv);
        match &self.engine {
            Engine::F32(p) => p.run(&p.tangent, TANGENT, batch),
            Engine::F64(p) => p.run(&p.tangent, TANGENT, batch),
        }
    }

    /// Value and m cotangents a sample: `x[n, D]`, `u[n, m, D]`, `y[n, D]`, `uj[n, m, D]` = df(t, x)ᵀ u. m is the length
    /// of `u` over that of `x`, and may be 0.
    ///
    /// # Panics
    /// If the lengths are not those of n samples and m cotangents.
    pub fn adjoint(&self, t: f64, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        let batch = self.batch(t, x, u, y, uj);
        match &self.engine {
            Engine::F32(p) => p.run(&p.adjoint, ADJOINT, batch),
            Engine::F64(p) => p.run(&p.adjoint, ADJOINT, batch),
        }
    }

    fn batch<'a>(
        &self,
        time: f64,
        x: &'a [f64],
        along: &'a [f64],
        y: &'a mut [f64],
        derivative: &'a mut [f64],
    ) -> Batch<'a> {
        let samples = x.len().checked_div(self.dim()).unwrap_or(0);
        let directions = along.len().checked_div(x.len()).unwrap_or(0);
        assert_eq!(x.len(), samples * self.dim(), "x holds no whole number of samples");
        assert_eq!(y.len(), x.len(), "y has another length than x");
        assert_eq!(along.len(), directions * x.len(), "the directions do not fit to the samples");
        assert_eq!(derivative.len(), along.len(), "the derivatives have another length than the directions");
        Batch { samples, directions, time, x, along, y, derivative }
    }
}

/// The compiled programs of a network in one precision, with memory to run them.
struct Programs<T: 'static> {
    value: Plan<T>,
    tangent: Plan<T>,
    adjoint: Plan<T>,
    kernels: &'static Kernels<T>,
    /// Scratch memory not in use, large enough for each of the programs.
    pool: [Mutex<Vec<Scratch<T>>>; 3],
}

impl<T: Executed> Programs<T> {
    fn new(graph: &Graph, path: CpuPath) -> Result<Self, Error> {
        let invalid = |got: String| Error::Malformed {
            file: "graph".into(),
            what: "interface".into(),
            expected: "an input x and an output y".into(),
            got,
            remedy: "Read the graph from a model file".into(),
        };
        let graph = simplify(graph);
        if graph.find_output("y").is_none() {
            return Err(invalid("no output y".into()));
        }
        let forward = simplify(&tangent(&graph, "x", TANGENT[0]).map_err(invalid)?);
        let reverse = simplify(&adjoint(&graph, "y", "x", ADJOINT[0]).map_err(invalid)?);
        let mut weights = Default::default();
        let [value, tangent, adjoint] = [&graph, &forward, &reverse].map(|g| Plan::compile(g, &mut weights));
        let needed =
            [&value, &tangent, &adjoint].map(|p| p.scratch_bytes() as u64).into_iter().max().unwrap_or(0);
        if needed > graph.memory_limit {
            let (file, what) = ("graph".into(), "one evaluation".into());
            return Err(Error::TooLarge { file, what, needed, limit: graph.memory_limit });
        }
        Ok(Programs { value, tangent, adjoint, kernels: T::kernels(path), pool: Default::default() })
    }

    fn run(&self, plan: &Plan<T>, names: [&str; 2], mut batch: Batch) {
        if batch.samples == 0 {
            return;
        }
        let index = [&self.value, &self.tangent, &self.adjoint].iter().position(|&p| std::ptr::eq(p, plan));
        let pool = &self.pool[index.unwrap_or(0)];
        let lock = || pool.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let idle = lock().pop();
        let mut scratch = idle.unwrap_or_else(|| plan.scratch());
        plan.run(self.kernels, &mut scratch, names, &mut batch);
        lock().push(scratch);
    }
}
