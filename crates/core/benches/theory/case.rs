//! The models that the theory is measured on.

use std::sync::Arc;
use surefoot::error_field::{Chi, ConstantField, ModelError, Place, SmoothField};
use surefoot::field::{Data, NetworkField, NoisedDensity, SharedField};
use surefoot::law::{Gaussian, Law, Marginal, SharedDensity, SharedLaw};
use surefoot::process::{Clock, Drift, Family, Grid, Noising, Predicts, Process, Schedule};
use surefoot::sampler::{Method, Step};
use surefoot::support::{Affine, SharedSupport, TwoMoons};
use surefoot::sweep::{Batch, Refinement};
use surefoot_graph::{Graph, Limits, Precision};

/// A model with its source and what is asked of it.
pub struct Case {
    pub name: &'static str,
    drift: Drift,
    grid: Grid,
    source: SharedLaw,
    pub density: SharedDensity,
    pub support: SharedSupport,
    /// Dimension of the sensitive subspace of the condition.
    pub aligned: usize,
    pub samples: usize,
    pub rounds: usize,
    /// Random probes of the response; `None` for its exact form.
    pub probes: Option<usize>,
}

/// CdC's two moons: the exact score, the reverse SDE, 500 steps.
pub fn two_moons() -> Case {
    let noising = Noising { family: Family::Ou, schedule: Schedule::Cosine };
    let field = Data::TWO_MOONS.score(0.0).expect("a law");
    let drift = Drift {
        field: field.clone(),
        process: Process::Diffusion { noising, noise_level: 1.0 },
        predicts: Predicts::Score,
        clock: Clock::Affine { at_noise: 1.0, at_data: 0.0 },
        error: None,
    };
    let at = drift.moment(0.9);
    let data = Data::TWO_MOONS.law(0.0).expect("a law");
    Case {
        name: "two-moons SGM (exact score, 500 Euler steps, D = 2)",
        grid: Grid::uniform(0.9, 0.02, 500),
        source: Arc::new(Marginal { data, signal: at.signal, noise: at.noise }),
        density: Arc::new(NoisedDensity { score: field, at }),
        support: moons(),
        drift,
        aligned: 1,
        samples: 64,
        rounds: 11,
        probes: None,
    }
}

/// A trained flow-matching network, 100 steps, in single precision.
pub fn network() -> Case {
    Case {
        name: "moons-cfm (network, 100 Euler steps, D = 2)",
        support: moons(),
        aligned: 1,
        samples: 64,
        rounds: 21,
        probes: None,
        ..flow("models/moons-cfm.onnx", 100)
    }
}

/// W1b: 64 dimensions, 20 steps. It has no data, so an affine subspace of dimension 8 stands for their support.
pub fn w1b() -> Case {
    let axis = |i: usize| (0..64).map(|j| f64::from(u8::from(i == j))).collect();
    let basis: Vec<Vec<f64>> = (0..8).map(axis).collect();
    Case {
        name: "W1b (network, 20 Euler steps, D = 64), response by 2 probes",
        support: Arc::new(Affine::new(&[0.1; 64], &basis).expect("a subspace")),
        aligned: 8,
        samples: 32,
        rounds: 7,
        probes: Some(2),
        ..flow("bench/data/w1b.onnx", 20)
    }
}

fn moons() -> SharedSupport {
    Arc::new(TwoMoons::new(1.0, 0.0, 0.0).expect("a support"))
}

/// A network as a flow from the standard normal law.
fn flow(file: &str, steps: usize) -> Case {
    let file = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
    let graph = Graph::read(file, &Limits::default()).expect("a model");
    let field: SharedField = Arc::new(NetworkField::new(&graph, Precision::F32).expect("a network"));
    let source = Arc::new(Gaussian::isotropic(field.dim(), 1.0));
    Case {
        name: "",
        drift: Drift {
            field,
            process: Process::Flow,
            predicts: Predicts::Velocity,
            clock: Clock::Affine { at_noise: 0.0, at_data: 1.0 },
            error: None,
        },
        grid: Grid::uniform(0.0, 1.0, steps),
        density: source.clone().density().expect("a density"),
        source,
        support: moons(),
        aligned: 1,
        samples: 64,
        rounds: 1,
        probes: None,
    }
}

impl Case {
    pub fn dim(&self) -> usize {
        self.drift.field.dim()
    }

    pub fn step(&self, forcing: Vec<ModelError>) -> Step {
        Step::new(self.drift.clone(), self.grid, Method::Euler, forcing).expect("a step")
    }

    pub fn batch(&self) -> Batch<'_> {
        let source = self.source.as_ref();
        Batch { source, seed: 1, samples: 0..self.samples, refinement: Refinement::Own }
    }

    /// Those of a default analysis.
    pub fn errors(&self) -> Vec<ModelError> {
        let dim = self.dim();
        let constant: SharedField = Arc::new(ConstantField::new(&vec![1.0; dim]).expect("a direction"));
        let random: SharedField = Arc::new(SmoothField::new(dim, 1.0, None, 0, 0).expect("a field"));
        let error =
            |field| ModelError { chi: Chi::Field { field, scale: 1.0 }, place: Place::Output, size: 1.0 };
        [constant, random].map(error).to_vec()
    }
}
