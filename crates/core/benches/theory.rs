//! What the theory costs beside the tangent sweep alone, on one thread: the response of the density to a constant and a
//! smooth random error, on the paper's two moons and on a trained network.
//!
//!     cargo bench -p surefoot --bench theory

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use surefoot::error_field::{Chi, ConstantField, ModelError, Place, SmoothField};
use surefoot::field::{Data, NetworkField, NoisedDensity, SharedField};
use surefoot::law::{Gaussian, Law, Marginal, SharedDensity, SharedLaw};
use surefoot::process::{Clock, Drift, Family, Grid, Noising, Predicts, Process, Schedule};
use surefoot::sampler::{Method, Step};
use surefoot::sweep::{Batch, Forward, Keep, Refinement, forward, forward_density};
use surefoot_graph::{Graph, Limits, Precision};

const TILE: usize = 64;
const ROUNDS: usize = 9;

/// A model with its source.
struct Case {
    name: &'static str,
    drift: Drift,
    grid: Grid,
    source: SharedLaw,
    density: SharedDensity,
    samples: usize,
}

/// CdC's two moons: the exact score, the reverse SDE, 500 steps.
fn two_moons() -> Case {
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
        name: "two moons",
        grid: Grid { start: 0.9, end: 0.02, steps: 500 },
        source: Arc::new(Marginal { data, signal: at.signal, noise: at.noise }),
        density: Arc::new(NoisedDensity { score: field, at }),
        drift,
        samples: 4 * TILE,
    }
}

/// A trained flow-matching network, 100 steps, in single precision.
fn network() -> Case {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-cfm.onnx");
    let graph = Graph::read(file, &Limits::default()).expect("a model");
    let source = Arc::new(Gaussian::isotropic(2, 1.0));
    Case {
        name: "moons-cfm",
        drift: Drift {
            field: Arc::new(NetworkField::new(&graph, Precision::F32).expect("a network")),
            process: Process::Flow,
            predicts: Predicts::Velocity,
            clock: Clock::Affine { at_noise: 0.0, at_data: 1.0 },
            error: None,
        },
        grid: Grid { start: 0.0, end: 1.0, steps: 100 },
        density: source.clone().density().expect("a density"),
        source,
        samples: 16 * TILE,
    }
}

fn errors() -> Vec<ModelError> {
    let constant: SharedField = Arc::new(ConstantField::new(&[1.0, 1.0]).expect("a direction"));
    let random: SharedField = Arc::new(SmoothField::new(2, 1.0, None, 0, 0).expect("a field"));
    let error = |field| ModelError { chi: Chi::Field { field, scale: 1.0 }, place: Place::Output, size: 1.0 };
    vec![error(constant), error(random)]
}

impl Case {
    fn step(&self, forcing: Vec<ModelError>) -> Step {
        Step::new(self.drift.clone(), self.grid, Method::Euler, forcing).expect("a step")
    }

    /// Least seconds of a sweep over all samples.
    fn time(&self, sweep: impl Fn(&Batch) -> Forward) -> f64 {
        let once = || {
            for first in (0..self.samples).step_by(TILE) {
                let samples = first..first + TILE;
                let source = self.source.as_ref();
                black_box(sweep(&Batch { source, seed: 1, samples, refinement: Refinement::Own }));
            }
        };
        once();
        let timed = (0..ROUNDS).map(|_| {
            let start = Instant::now();
            once();
            start.elapsed().as_secs_f64()
        });
        timed.fold(f64::INFINITY, f64::min)
    }

    fn report(&self) {
        let keep = Keep { chain: true, determinants: true, ..Keep::default() };
        let (plain, forced) = (self.step(Vec::new()), self.step(errors()));
        let tangents = self.time(|batch| forward(&plain, batch, 2, keep).expect("a sweep"));
        let show = |name: &str, seconds: f64| {
            println!("{:<12} {name:<42} {:8.1} ms {:6.2}", self.name, 1e3 * seconds, seconds / tangents);
        };
        show("tangent sweep alone, k = D = 2", tangents);
        show("… with ζ of two errors", self.time(|batch| forward(&forced, batch, 2, keep).expect("a sweep")));
        let density = self.density.as_ref();
        let carried = |batch: &Batch| forward_density(&forced, batch, keep, density).expect("a sweep");
        show("… and the density carried along", self.time(carried));
        let values = |batch: &Batch| forward(&plain, batch, 0, Keep::default()).expect("a sweep");
        show("values alone", self.time(values));
    }
}

fn main() {
    two_moons().report();
    network().report();
}
