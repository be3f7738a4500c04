//! What gains, worst-case errors and the sufficient condition cost beside the tangent sweep alone, on the exact score of
//! the two moons, k = D = 2, 500 Euler steps, on one thread. Everything is run by turns.
//!
//!     cargo bench -p surefoot --bench gains

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use surefoot::condition::quantities;
use surefoot::error_field::Place;
use surefoot::field::Data;
use surefoot::gains::{ErrorNorm, Measure, gains, worst_error};
use surefoot::law::Marginal;
use surefoot::process::{Clock, Drift, Family, Grid, Noising, Predicts, Process, Schedule};
use surefoot::sampler::{Method, Step};
use surefoot::support::{Support, TwoMoons};
use surefoot::sweep::{Batch, Forward, Keep, Refinement, Trail, forward};

const SAMPLES: usize = 64;
const ROUNDS: usize = 9;
/// Samples of a default analysis, those repeated with twice the steps, and those whose paths are kept.
const ANALYSED: [f64; 3] = [1000.0, 200.0, 64.0];

fn step(data: &Data) -> Step {
    let noising = Noising { family: Family::Ou, schedule: Schedule::Cosine };
    let drift = Drift {
        field: data.score(0.0).expect("an exact score"),
        process: Process::Diffusion { noising, noise_level: 1.0 },
        predicts: Predicts::Score,
        clock: Clock::Affine { at_noise: 1.0, at_data: 0.0 },
        error: None,
    };
    let grid = Grid { start: 0.9, end: 0.02, steps: 500 };
    Step::new(drift, grid, Method::Euler, Vec::new()).expect("a valid step")
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let data = Data::TwoMoons { scale: 1.0, shift: 0.0, strip: 0.0 };
    let support = TwoMoons::new(1.0, 0.0, 0.0).expect("a support");
    let step = step(&data);
    let Process::Diffusion { noising, .. } = step.drift.process else { return };
    let source = Marginal {
        data: data.law(0.0).expect("a law"),
        signal: noising.signal(0.9),
        noise: noising.noise(0.9),
    };
    let batch = Batch { source: &source, seed: 1, samples: 0..SAMPLES, refinement: Refinement::Own };
    let tangents = || forward(&step, &batch, 2, Keep { chain: true, ..Keep::default() }).expect("finite");
    let kept = Keep { path: true, noise: true, chain: true, frames: true, ..Keep::default() };
    let run: Arc<Forward> = Arc::new(forward(&step, &batch, 2, kept).expect("finite"));
    let feet = support.project_batch(&run.end);
    let measure = Measure { place: Place::Output, full: false, curves: SAMPLES, seed: 1 };
    let trail = || Trail::of(&step, 0..SAMPLES, &run).expect("path and noise are kept");
    let mut ratios: [Vec<f64>; 4] = Default::default();
    for _ in 0..ROUNDS {
        let alone = seconds(|| drop(black_box(tangents())));
        let parts = [
            seconds(|| drop(black_box(forward(&step, &batch, 2, kept)))),
            seconds(|| drop(black_box(gains(&mut trail(), &feet, measure)))),
            seconds(|| drop(black_box(worst_error(&mut trail(), &feet, measure, ErrorNorm::Two)))),
            seconds(|| drop(black_box(quantities(&step, &run, 1, None)))),
        ];
        ratios.iter_mut().zip(parts).for_each(|(list, part)| list.push(part / alone));
    }
    let [keeping, gains, worst, condition] = ratios.map(median);
    println!("times the tangent sweep alone (medians of {ROUNDS} rounds by turns, {SAMPLES} samples):");
    for (name, ratio) in [
        ("tangent sweep, everything kept", keeping),
        ("gains and budget", gains),
        ("a worst-case error field", worst),
        ("quantities of the condition", condition),
    ] {
        println!("  {name:<34}{ratio:6.2}");
    }
    let [all, doubled, paths] = ANALYSED;
    let added = gains * (1.0 + 2.0 * doubled / all) + condition * paths / all + (keeping - 1.0).max(0.0);
    println!(
        "a default analysis adds {added:.2} tangent sweeps ({all} samples, {doubled} of them doubled, {paths} paths)"
    );
}
