//! Which sampler and how many steps give the vectors and exponents of many small ones: CdC follow 4,000 Euler steps.
//! Every sampler starts from the same noise; angles are between its vectors and those of the reference. The small models have
//! exact vectors; the image model those of one sweep of QR from the same frame, as CdC have them, or exact ones, searched for
//! with 200 steps of ddim first and from there on with the steps of the reference.
//!
//!     cargo bench --bench convergence                           the small models, against 4,000 Euler steps
//!     cargo bench --bench convergence -- mnist 4000 8 2          the image model: steps of the reference, k, samples
//!     cargo bench --bench convergence -- mnist-exact 4000 3 2    its exact vectors

use rayon::prelude::*;
use std::sync::Arc;
use surefoot::alignment::subspace_angle_deg;
use surefoot::field::{Data, NetworkField, SharedField};
use surefoot::law::{Gaussian, Marginal, SharedLaw};
use surefoot::process::{Clock, Drift, Family, Grid, Noising, Predicts, Process, Schedule, Spacing};
use surefoot::sampler::{Method, Step};
use surefoot::spectrum::{Search, Svd, leading, leading_from, svd};
use surefoot::sweep::{Batch, Keep, Refinement, Storage, Trail, forward};
use surefoot_graph::{Graph, Limits, Precision};

/// A deterministic model and what is compared.
struct Case {
    name: &'static str,
    drift: Drift,
    start: f64,
    end: f64,
    source: SharedLaw,
    vectors: usize,
    samples: usize,
    reference: usize,
    samplers: Vec<Sampler>,
    /// Evaluations of the field a path.
    evaluations: Vec<usize>,
    /// Exact vectors where not all are followed.
    search: Option<Search>,
}

/// A method, where it takes its steps, and what one costs.
#[derive(Clone, Copy)]
struct Sampler {
    method: Method,
    /// ρ of [`Spacing::Karras`]; uniform times without it.
    rho: Option<f64>,
    /// Evaluations of the field a step.
    evaluations: usize,
}

const EULER: Sampler = Sampler { method: Method::Euler, rho: None, evaluations: 1 };
const DDIM: Sampler = Sampler { method: Method::Ddim, ..EULER };
const HEUN: Sampler = Sampler { method: Method::Heun, rho: None, evaluations: 2 };
const RK4: Sampler = Sampler { method: Method::Rk4, rho: None, evaluations: 4 };

impl Sampler {
    /// With times spaced by the noise.
    const fn spaced(self, rho: f64) -> Sampler {
        Sampler { rho: Some(rho), ..self }
    }

    fn name(&self) -> String {
        let name = self.method.name();
        self.rho.map_or(name.into(), |rho| format!("{name} rho={rho}"))
    }
}

/// Steps of ddim with which a search sets out.
const ROUGH: usize = 200;
const SMALL: [usize; 7] = [10, 20, 50, 100, 200, 500, 1000];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |place: usize, usual: usize| words.get(place).and_then(|w| w.parse().ok()).unwrap_or(usual);
    match words.first().map(String::as_str) {
        Some("mnist") => return mnist(number(1, 4000), number(2, 8), number(3, 2)).report(),
        Some("mnist-exact") => return searched(mnist(number(1, 4000), number(2, 3), number(3, 2))).report(),
        _ => {}
    }
    let moons = Data::TWO_MOONS;
    exact("two moons, exact score", moons, Family::Ou, 0.9).report();
    exact("torus, exact score", Data::TORUS, Family::Vp, 0.98).report();
    cfm().report();
}

/// Exact score along the probability-flow ODE.
fn exact(name: &'static str, data: Data, family: Family, start: f64) -> Case {
    let noising = Noising { family, schedule: Schedule::Cosine };
    let field = data.score(0.0).expect("a law");
    let drift = diffusion(field, noising, Predicts::Score, Clock::Affine { at_noise: 1.0, at_data: 0.0 });
    let at = drift.moment(start);
    let law = data.law(0.0).expect("a law");
    Case {
        name,
        source: Arc::new(Marginal { data: law, signal: at.signal, noise: at.noise }),
        vectors: drift.field.dim(),
        drift,
        start,
        end: 0.02,
        samples: 100,
        reference: 4000,
        samplers: vec![EULER, DDIM, HEUN, HEUN.spaced(3.0), HEUN.spaced(5.0), HEUN.spaced(7.0), RK4],
        evaluations: SMALL.to_vec(),
        search: None,
    }
}

fn diffusion(field: SharedField, noising: Noising, predicts: Predicts, clock: Clock) -> Drift {
    Drift { field, process: Process::Diffusion { noising, noise_level: 0.0 }, predicts, clock, error: None }
}

fn network(file: &str) -> SharedField {
    let file = format!("{}/../../models/{file}", env!("CARGO_MANIFEST_DIR"));
    let graph = Graph::read(file, &Limits::default()).expect("a model");
    Arc::new(NetworkField::new(&graph, Precision::F32).expect("a network"))
}

/// A trained flow on the two moons.
fn cfm() -> Case {
    let clock = Clock::Affine { at_noise: 0.0, at_data: 1.0 };
    let drift = Drift {
        field: network("moons-cfm.onnx"),
        process: Process::Flow,
        predicts: Predicts::Velocity,
        clock,
        error: None,
    };
    Case {
        name: "moons-cfm (network)",
        source: Arc::new(Gaussian::isotropic(2, 1.0)),
        vectors: 2,
        drift,
        start: 0.0,
        end: 1.0,
        samples: 100,
        reference: 4000,
        samplers: vec![EULER, HEUN, RK4],
        evaluations: SMALL.to_vec(),
        search: None,
    }
}

/// The image model as its file describes it.
fn mnist(reference: usize, vectors: usize, samples: usize) -> Case {
    let noising = Noising { family: Family::Vp, schedule: Schedule::CosineNd };
    let clock = Clock::Affine { at_noise: 1000.0, at_data: 0.0 };
    let drift = diffusion(network("mnist-ddpm.onnx"), noising, Predicts::Noise, clock);
    Case {
        name: "mnist-ddpm (network, D = 784)",
        source: Arc::new(Gaussian::isotropic(drift.field.dim(), drift.moment(0.98).noise)),
        vectors,
        drift,
        start: 0.98,
        end: 0.002,
        samples,
        reference,
        samplers: vec![EULER, DDIM, HEUN, HEUN.spaced(3.0), HEUN.spaced(5.0), HEUN.spaced(7.0)],
        evaluations: vec![50, 100, 200, 400],
        search: None,
    }
}

/// The same with exact vectors: eight are carried, three rounds do.
fn searched(case: Case) -> Case {
    let extra = case.vectors.next_multiple_of(8) - case.vectors;
    let search = Search { vectors: case.vectors, extra, rounds: 3, tolerance: 1e-2, seed: 0 };
    Case { evaluations: vec![50, 100, 200], search: Some(search), ..case }
}

/// What a sampler leads to.
struct Found {
    /// Log growths `[n, k]`
    log_values: Vec<f64>,
    /// Vectors `[n, k, D]`
    vectors: Vec<f64>,
    /// Residuals of a search `[n, k]`
    residuals: Vec<f64>,
    /// Where a search with other steps can set out `[n, k + p, D]`
    subspace: Vec<f64>,
}

impl Found {
    /// Those of one sample after another.
    fn joined(parts: Vec<Found>) -> Found {
        let all = |numbers: &dyn Fn(&Found) -> &[f64]| {
            parts.iter().flat_map(|part| numbers(part).to_vec()).collect()
        };
        Found {
            log_values: all(&|part| &part.log_values),
            vectors: all(&|part| &part.vectors),
            residuals: all(&|part| &part.residuals),
            subspace: all(&|part| &part.subspace),
        }
    }
}

impl Case {
    /// All samples, as many at a time as there are threads; a search sets out from `from`.
    fn follow(&self, sampler: Sampler, steps: usize, from: Option<&Found>) -> surefoot::Result<Found> {
        let spacing = match (self.drift.process, sampler.rho) {
            (Process::Diffusion { noising, .. }, Some(rho)) => Spacing::Karras { noising, rho },
            _ => Spacing::Uniform,
        };
        let grid = Grid { spacing, ..Grid::uniform(self.start, self.end, steps) };
        let step = Step::new(self.drift.clone(), grid, sampler.method, Vec::new())?;
        let one = |sample: usize| {
            let batch = Batch {
                source: self.source.as_ref(),
                seed: 5,
                samples: sample..sample + 1,
                refinement: Refinement::Own,
            };
            match self.search {
                Some(search) => {
                    let own = |found: &Found| {
                        let size = found.subspace.len() / self.samples;
                        found.subspace[sample * size..][..size].to_vec()
                    };
                    search_one(&step, &batch, search, from.map(own))
                }
                None => self.sweep_one(&step, &batch),
            }
        };
        let found: surefoot::Result<Vec<Found>> = (0..self.samples).into_par_iter().map(one).collect();
        Ok(Found::joined(found?))
    }

    fn sweep_one(&self, step: &Step, batch: &Batch) -> surefoot::Result<Found> {
        let exact = self.vectors == step.dim();
        let run = forward(step, batch, self.vectors, Keep { chain: exact, ..Keep::default() })?;
        let (log_values, vectors) = if exact {
            let Svd { log_values, left, .. } = svd(&run.chain, &run.start_frame, &run.end_frame)?;
            (log_values, left)
        } else {
            (run.log_growth, run.end_frame)
        };
        Ok(Found { log_values, vectors, residuals: Vec::new(), subspace: Vec::new() })
    }

    fn report(&self) {
        println!(
            "{}: {} samples, {} vectors, against {} Euler steps",
            self.name, self.samples, self.vectors, self.reference
        );
        let rough = self.search.map(|_| self.follow(DDIM, ROUGH, None).expect("a search"));
        let exact = self.follow(EULER, self.reference, rough.as_ref()).expect("a reference");
        if !exact.residuals.is_empty() {
            println!(
                "  largest residual of the reference {:.1e}",
                exact.residuals.iter().copied().fold(0.0, f64::max)
            );
        }
        println!(
            "  {:<12}{:>6}{:>13}{:>12}{:>9}{:>12}{:>14}{:>9}",
            "sampler", "steps", "evaluations", "LV1 median", "95 %", "any vector", "growth median", "95 %"
        );
        for &sampler in &self.samplers {
            for &budget in &self.evaluations {
                let steps = budget / sampler.evaluations;
                if steps == 0 {
                    continue;
                }
                match self.follow(sampler, steps, rough.as_ref()) {
                    Ok(found) => self.row(sampler, steps, budget, &found, &exact),
                    Err(error) => println!("  {:<12}{steps:>6}  {error}", sampler.name()),
                }
            }
        }
    }

    /// Angles in degrees, changes of the log growth relative to the larger of it and 1 nat, in percent.
    fn row(&self, sampler: Sampler, steps: usize, evaluations: usize, found: &Found, exact: &Found) {
        let dim = self.drift.field.dim();
        let angles: Vec<f64> = found
            .vectors
            .chunks_exact(dim)
            .zip(exact.vectors.chunks_exact(dim))
            .map(|(u, v)| subspace_angle_deg(dim, u, v))
            .collect();
        let changes = found.log_values.iter().zip(&exact.log_values);
        let changes = sorted(changes.map(|(a, b)| 100.0 * (a - b).abs() / b.abs().max(1.0)).collect());
        let first = sorted(angles.iter().step_by(self.vectors).copied().collect());
        let all = sorted(angles);
        println!(
            "  {:<12}{steps:>6}{evaluations:>13}{:>11.2}°{:>8.2}°{:>11.2}°{:>13.2}%{:>8.2}%",
            sampler.name(),
            at(&first, 0.5),
            at(&first, 0.95),
            at(&all, 0.5),
            at(&changes, 0.5),
            at(&changes, 0.95)
        );
    }
}

/// Exact vectors of a batch of one.
fn search_one(step: &Step, batch: &Batch, search: Search, from: Option<Vec<f64>>) -> surefoot::Result<Found> {
    let mut trail = Trail::record(step, batch, Storage::Bytes(1 << 27))?;
    let found = match from {
        Some(from) => leading_from(&mut trail, from, search)?,
        None => leading(&mut trail, Search { rounds: 8, ..search })?,
    };
    Ok(Found {
        log_values: found.log_values,
        vectors: found.left,
        residuals: found.residuals,
        subspace: found.subspace,
    })
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// A quantile; of few samples the next that one of them has, so that the median of two is the larger.
fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[(share * (sorted.len() - 1) as f64).round() as usize]
}
