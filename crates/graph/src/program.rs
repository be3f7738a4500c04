//! Any graph compiled: named arrays in, named arrays out.

use crate::error::Error;
use crate::ir::{self, Extent, Graph, Precision, elements};
use crate::kernels::{CpuPath, Element, Executed};
use crate::passes::simplify;
use crate::plan::{self, Batch, Plan, Weights};

/// An input or output of a [`Program`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// Shape of one value; the batch axis of an imported tensor has length 1 in it.
    pub shape: Vec<usize>,
    /// Is there one value a call, a sample, or a direction of a sample?
    pub extent: Extent,
}

impl Port {
    fn of(graph: &Graph, port: &ir::Port) -> Port {
        Port { name: port.name.clone(), shape: graph.shape(port.node).to_vec(), extent: port.extent }
    }

    /// Number of elements in a call with n samples and k directions.
    pub fn elements(&self, samples: usize, directions: usize) -> usize {
        let repeated = match self.extent {
            Extent::Call => 1,
            Extent::Sample => samples,
            Extent::Direction => samples * directions,
        };
        elements(&self.shape) * repeated
    }
}

impl Graph {
    /// What the graph takes.
    pub fn inputs(&self) -> Vec<Port> {
        self.inputs.iter().map(|p| Port::of(self, p)).collect()
    }

    /// What the graph makes.
    pub fn outputs(&self) -> Vec<Port> {
        self.outputs.iter().map(|p| Port::of(self, p)).collect()
    }
}

/// The type of a program's arrays: f64 or f32, whatever the precision that it computes in. Where both agree, nothing is
/// converted.
#[allow(private_bounds)]
pub trait Number: Element {}

impl Number for f32 {}
impl Number for f64 {}

/// A graph ready to be evaluated: a network, a derivative of one, gradients by weights, or whatever else
/// [`crate::passes`] make.
///
/// Arrays are row-major, of f64 or f32 ([`Number`]): `[…]` for what is given once a call, `[n, …]` for one value a sample, `[n, k, …]` for one
/// a direction. Sums over samples add up in the order of the samples, whatever the tiles and threads. Calls from
/// several threads do not disturb each other.
pub struct Program {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    engine: Engine,
}

enum Engine {
    F32(Compiled<f32>),
    F64(Compiled<f64>),
}

impl Program {
    /// Compiles a graph for the best instruction set of this machine ([`CpuPath::detect`]).
    ///
    /// # Errors
    /// If its values exceed the memory limit that the graph was read with.
    pub fn new(graph: &Graph, precision: Precision) -> Result<Program, Error> {
        let path = CpuPath::detect();
        let graph = simplify(graph);
        let engine = match precision {
            Precision::F32 => Engine::F32(Compiled::new(&graph, path, &Weights::default())?),
            Precision::F64 => Engine::F64(Compiled::new(&graph, path, &Weights::default())?),
        };
        Ok(Program { inputs: graph.inputs(), outputs: graph.outputs(), engine })
    }

    /// What it takes.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What it makes.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Evaluates n samples with k directions each. All inputs must be given; outputs that are not asked for are left out.
    ///
    /// # Panics
    /// If an input is missing, a name is unknown, or an array has not the length of n samples and k directions
    /// ([`Port::elements`]).
    pub fn run<'a, S: Number>(
        &self,
        n: usize,
        k: usize,
        inputs: &[(&'a str, &'a [S])],
        outputs: &mut [(&'a str, &'a mut [S])],
    ) {
        let find = |ports: &[Port], name: &str, length: usize| {
            let port = ports.iter().find(|p| p.name == name);
            let port = port.unwrap_or_else(|| panic!("the program has no {name}"));
            assert_eq!(length, port.elements(n, k), "length of {name}, {port:?}");
        };
        for port in &self.inputs {
            assert!(inputs.iter().any(|(name, _)| *name == port.name), "the input {} is missing", port.name);
        }
        inputs.iter().for_each(|(name, values)| find(&self.inputs, name, values.len()));
        outputs.iter().for_each(|(name, values)| find(&self.outputs, name, values.len()));
        let mut batch = Batch { samples: n, directions: k, inputs, outputs };
        match &self.engine {
            Engine::F32(compiled) => compiled.run(&mut batch),
            Engine::F64(compiled) => compiled.run(&mut batch),
        }
    }
}

/// A plan with the kernels to run it.
pub(crate) struct Compiled<T: 'static> {
    plan: Plan<T>,
    engine: plan::Engine<T>,
}

impl<T: Executed> Compiled<T> {
    /// Compiles a simplified graph; packed weights are shared with other graphs of the same network.
    pub fn new(graph: &Graph, path: CpuPath, weights: &Weights<T>) -> Result<Self, Error> {
        let plan = Plan::compile(graph, weights);
        let (needed, limit) = (plan.scratch_bytes() as u64, graph.memory_limit);
        if needed > limit {
            return Err(Error::TooLarge {
                file: graph.source.file.clone(),
                what: "one evaluation".into(),
                needed,
                limit,
            });
        }
        Ok(Compiled { plan, engine: plan::Engine::new(path) })
    }

    pub fn run<S: Element>(&self, batch: &mut Batch<'_, '_, S>) {
        self.plan.run(self.engine, batch);
    }

    /// Bytes that evaluations on so many threads hold.
    pub fn held_bytes(&self, threads: usize) -> usize {
        self.plan.held_bytes(self.engine, threads)
    }
}
