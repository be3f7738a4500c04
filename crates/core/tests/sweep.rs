//! Forward sweeps: independence of the batch, refinements of the noise, frames, displacements, failures (theory §4, §11).

mod common;

use common::{LINEAR, StandardNormalLaw, Swirl, diffusion, flow, gaussian};
use std::sync::Arc;
use surefoot::Error;
use surefoot::error_field::{Chi, ConstantField, ModelError, Place, SmoothField};
use surefoot::field::{Field, Moment};
use surefoot::process::{Drift, Family, Grid, Noising, Spacing};
use surefoot::sampler::{Method, Step, StepNoise};
use surefoot::spectrum::svd;
use surefoot::sweep::{Batch, Forward, Keep, Refinement, forward};

const VP: Noising = Noising { family: Family::Vp, schedule: LINEAR };
const GRID: Grid = Grid::uniform(0.5, 0.1, 24);
const ALL: Keep = Keep { path: true, frames: true, chain: true, determinants: true, noise: true };

fn errors(dim: usize) -> Vec<ModelError> {
    let smooth = Arc::new(SmoothField::new(dim, 1.0, None, 3, 0).unwrap());
    let chis = [Chi::Field { field: smooth, scale: 0.5 }, Chi::White];
    chis.into_iter().map(|chi| ModelError { chi, place: Place::Output, size: 0.1 }).collect()
}

fn run(step: &Step, samples: std::ops::Range<usize>, k: usize, refinement: Refinement) -> Forward {
    let source = StandardNormalLaw(step.dim());
    forward(step, &Batch { source: &source, seed: 42, samples, refinement }, k, ALL).unwrap()
}

fn swirl(dim: usize, level: f64, grid: Grid, forcing: Vec<ModelError>) -> Step {
    Step::new(diffusion(Arc::new(Swirl(dim)), VP, level), grid, Method::Euler, forcing).unwrap()
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    let n = 19;
    for (dim, k) in [(1, 1), (2, 2), (2, 1), (3, 3), (5, 4), (7, 7)] {
        for refinement in [Refinement::Own, Refinement::Coarser(3), Refinement::Doubled] {
            let step = swirl(dim, 1.0, GRID, errors(dim));
            let together = run(&step, 100..100 + n, k, refinement);
            for sample in 0..n {
                let alone = run(&step, 100 + sample..101 + sample, k, refinement);
                let part = |all: &[f64], len: usize| all[sample * len..][..len].to_vec();
                assert_eq!(alone.start, part(&together.start, dim));
                assert_eq!(alone.end, part(&together.end, dim));
                assert_eq!(alone.end_frame, part(&together.end_frame, k * dim));
                assert_eq!(alone.log_growth, part(&together.log_growth, k));
                assert_eq!(alone.displacement, part(&together.displacement, 2 * dim));
                if k == dim {
                    assert_eq!(alone.log_det[0], together.log_det[sample]);
                }
                for step in 0..GRID.steps {
                    let own = (step * n + sample) * k * k;
                    assert_eq!(
                        alone.chain.factors[step * k * k..][..k * k],
                        together.chain.factors[own..][..k * k]
                    );
                }
            }
        }
    }
}

#[test]
fn trace_identity_and_chain() {
    for dim in [1, 2, 3, 6] {
        for method in [Method::Euler, Method::Heun] {
            let drift = diffusion(Arc::new(Swirl(dim)), VP, 0.5);
            let step = Step::new(drift, GRID, method, vec![]).unwrap();
            let found = run(&step, 0..10, dim, Refinement::Own);
            let vectors = svd(&found.chain, &found.start_frame, &found.end_frame).unwrap();
            for sample in 0..10 {
                let sum = |values: &[f64]| values[sample * dim..][..dim].iter().sum::<f64>();
                let log_det = found.log_det[sample];
                assert!((sum(&found.log_growth) - log_det).abs() < 1e-10 * log_det.abs().max(1.0));
                assert!((sum(&vectors.log_values) - log_det).abs() < 1e-10 * log_det.abs().max(1.0));
                assert!(vectors.residual[sample] < 1e-11);
            }
        }
    }
}

/// Singular vectors of the whole generation: J v = σ u by carrying v along as a tangent of the discrete maps.
#[test]
fn svd_vectors_are_those_of_the_sampled_generation() {
    let dim = 3;
    let step = swirl(dim, 0.0, GRID, vec![]);
    let found = run(&step, 3..4, dim, Refinement::Own);
    let vectors = svd(&found.chain, &found.start_frame, &found.end_frame).unwrap();
    let (mut x, mut v) = (found.start.clone(), vectors.right.clone());
    let noise = StepNoise::default();
    for n in 0..GRID.steps {
        let (mut next, mut v_next) = (x.clone(), v.clone());
        step.advance_tangent(n, &x, noise, &v, &mut next, &mut v_next);
        (x, v) = (next, v_next);
    }
    assert_eq!(x, found.end);
    for i in 0..dim {
        for a in 0..dim {
            let expected = vectors.log_values[i].exp() * vectors.left[i * dim + a];
            assert!((v[i * dim + a] - expected).abs() < 1e-11 * vectors.log_values[0].exp(), "{i} {a}");
        }
    }
}

#[test]
fn fewer_vectors_are_the_first_ones() {
    let step = swirl(4, 1.0, GRID, vec![]);
    let full = run(&step, 0..3, 4, Refinement::Own);
    for k in 1..4 {
        let part = run(&step, 0..3, k, Refinement::Own);
        assert_eq!(part.end, full.end);
        assert!(part.log_det.is_empty());
        for sample in 0..3 {
            for i in 0..k {
                let difference = part.log_growth[sample * k + i] - full.log_growth[sample * 4 + i];
                assert!(difference.abs() < 1e-11);
            }
        }
    }
}

#[test]
fn kept_paths_and_frames_begin_and_end_right() {
    let (n, k, dim) = (4, 2, 3);
    let found = run(&swirl(dim, 0.3, GRID, vec![]), 0..n, k, Refinement::Own);
    assert_eq!(found.path.len(), (GRID.steps + 1) * n * dim);
    assert_eq!(found.path[..n * dim], found.start);
    assert_eq!(found.path[GRID.steps * n * dim..], found.end);
    assert_eq!(found.frames[..n * k * dim], found.start_frame);
    assert_eq!(found.frames[GRID.steps * n * k * dim..], found.end_frame);
    assert_eq!(found.chain.factors.len(), GRID.steps * n * k * k);
}

/// With no drift the end state shows the sum of the increments: all refinements share one Brownian path at its grid points.
#[test]
fn refinements_share_the_brownian_path() {
    struct Zero;
    impl Field for Zero {
        fn dim(&self) -> usize {
            2
        }
        fn eval(&self, _at: Moment, _x: &[f64], y: &mut [f64]) {
            y.fill(0.0);
        }
        fn tangents(&self, _at: Moment, _x: &[f64], _v: &[f64], y: &mut [f64], jv: &mut [f64]) {
            y.fill(0.0);
            jv.fill(0.0);
        }
        fn adjoint(&self, _at: Moment, _x: &[f64], _u: &[f64], y: &mut [f64], uj: &mut [f64]) {
            y.fill(0.0);
            uj.fill(0.0);
        }
    }
    let unit = Chi::Field { field: Arc::new(ConstantField::new(&[1.0, 1.0]).unwrap()), scale: 1.0 };
    let white = ModelError { chi: Chi::White, place: Place::Drift, size: 1.0 };
    let constant = ModelError { chi: unit, place: Place::Drift, size: 1.0 };
    let at = |steps: usize, refinement| {
        let grid = Grid::uniform(0.0, 1.0, steps);
        let forcing = vec![white.clone(), constant.clone()];
        let step = Step::new(flow(Arc::new(Zero)), grid, Method::Euler, forcing).unwrap();
        run(&step, 0..6, 0, refinement)
    };
    let own = at(12, Refinement::Own);
    for (found, points) in [
        (at(24, Refinement::Doubled), 24),
        (at(4, Refinement::Coarser(3)), 4),
        (at(12, Refinement::Coarser(1)), 12),
    ] {
        assert_eq!(found.start, own.start);
        for sample in 0..6 {
            for i in 0..2 {
                let (a, b) = (found.displacement[sample * 4 + i], own.displacement[sample * 4 + i]);
                assert!((a - b).abs() < 1e-13, "{points}: {a} {b}");
                assert!((found.displacement[sample * 4 + 2 + i] - 1.0).abs() < 1e-14);
            }
        }
    }
    let mut variance = 0.0;
    let many = {
        let grid = Grid::uniform(0.0, 1.0, 2);
        let step = Step::new(flow(Arc::new(Zero)), grid, Method::Euler, vec![white.clone()]).unwrap();
        run(&step, 0..4000, 0, Refinement::Doubled)
    };
    many.displacement.iter().for_each(|w| variance += w * w / many.displacement.len() as f64);
    assert!((variance - 1.0).abs() < 0.07, "{variance}");
}

/// The strong error of the coarse path against the doubled one falls with the step, as one Brownian path allows.
#[test]
fn refined_stochastic_paths_converge_to_each_other() {
    for spacing in [Spacing::Uniform, Spacing::Karras { noising: VP, rho: 4.0 }] {
        let step = |steps| {
            let grid = Grid { steps, spacing, ..GRID };
            Step::new(gaussian(&[1.0, 0.25], VP, 1.0), grid, Method::Euler, vec![]).unwrap()
        };
        let distance = |a: Forward, b: Forward| {
            a.end.iter().zip(&b.end).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        let own = |steps| run(&step(steps), 0..200, 0, Refinement::Own);
        let doubled = |steps| distance(own(steps), run(&step(2 * steps), 0..200, 0, Refinement::Doubled));
        let halved = |steps| distance(own(steps), run(&step(steps / 2), 0..200, 0, Refinement::Coarser(2)));
        for ratio in [doubled(50) / doubled(400), halved(50) / halved(400)] {
            assert!((4.0..14.0).contains(&ratio), "additive noise: strong order 1, {spacing:?} {ratio}");
        }
    }
}

/// Blows up, or loses a direction, at one sample only.
struct Trap {
    tangent: bool,
}

impl Field for Trap {
    fn dim(&self) -> usize {
        1
    }
    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        let trapped = |x: f64| !self.tangent && at.time > 0.5 && x > 1.0;
        y.iter_mut().zip(x).for_each(|(y, x)| *y = if trapped(*x) { f64::NAN } else { 0.0 });
    }
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        for (jv, (v, x)) in jv.iter_mut().zip(v.iter().zip(x)) {
            *jv = if self.tangent && at.time > 0.5 && *x > 1.0 { -8.0 * v } else { 0.0 };
        }
    }
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }
}

#[test]
fn failures_name_the_sample_and_the_step() {
    let grid = Grid::uniform(0.0, 1.0, 8);
    for tangent in [false, true] {
        let step = Step::new(flow(Arc::new(Trap { tangent })), grid, Method::Euler, vec![]).unwrap();
        let source = StandardNormalLaw(1);
        let batch = |samples| Batch { source: &source, seed: 1, samples, refinement: Refinement::Own };
        let harmless = Step::new(flow(Arc::new(Swirl(1))), grid, Method::Euler, vec![]).unwrap();
        let starts = forward(&harmless, &batch(0..50), 0, Keep::default()).unwrap().start;
        let expected = starts.iter().position(|x| *x > 1.0).unwrap();
        match forward(&step, &batch(0..50), 1, Keep::default()) {
            Err(Error::NonFinite { sample, step, value, .. }) => {
                assert_eq!((sample, step), (expected, 5));
                assert!(if tangent { value == f64::NEG_INFINITY } else { value.is_nan() });
            }
            other => panic!("{:?}", other.map(|_| ())),
        }
        let shifted = forward(&step, &batch(expected..expected + 1), 1, Keep::default());
        assert!(matches!(shifted, Err(Error::NonFinite { sample, .. }) if sample == expected));
    }
}

#[test]
fn misfits_are_refused_and_empty_batches_are_empty() {
    let step = swirl(2, 0.0, GRID, vec![]);
    let source = StandardNormalLaw(2);
    let batch = |refinement| Batch { source: &source, seed: 1, samples: 0..0, refinement };
    assert!(forward(&step, &batch(Refinement::Own), 3, ALL).is_err());
    assert!(forward(&step, &batch(Refinement::Coarser(0)), 1, ALL).is_err());
    let odd = swirl(2, 0.0, Grid { steps: 5, ..GRID }, vec![]);
    assert!(forward(&odd, &batch(Refinement::Doubled), 1, ALL).is_err());
    let other = StandardNormalLaw(3);
    assert!(forward(&step, &Batch { source: &other, ..batch(Refinement::Own) }, 1, ALL).is_err());
    let empty = forward(&step, &batch(Refinement::Own), 2, ALL).unwrap();
    assert!(empty.end.is_empty() && empty.log_growth.is_empty());
}

#[test]
fn twins_share_start_and_noise() {
    let clean = swirl(2, 1.0, GRID, vec![]);
    let error = ModelError { size: 0.0, ..errors(2)[0].clone() };
    let twin = Drift { error: Some(error), ..clean.drift.clone() };
    let twin = Step::new(twin, GRID, Method::Euler, vec![]).unwrap();
    let (a, b) = (run(&clean, 5..9, 0, Refinement::Own), run(&twin, 5..9, 0, Refinement::Own));
    assert_eq!((a.start, a.end), (b.start, b.end));
}

/// Log growth, singular values and frames of k of D vectors, made orthonormal as needed and at every step.
fn assert_as_needed(step: &Step, k: usize) -> usize {
    let (dim, n) = (step.dim(), 2);
    let source = StandardNormalLaw(dim);
    let batch = Batch { source: &source, seed: 42, samples: 0..n, refinement: Refinement::Own };
    let keep = Keep { chain: true, ..Keep::default() };
    let needed = forward(step, &batch, k, keep).unwrap();
    let every = forward(step, &batch, k, Keep { frames: true, ..keep }).unwrap();
    let near = |a: &[f64], b: &[f64], what: &str| {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).for_each(|(a, b)| assert!((a - b).abs() < 1e-10, "{what}: {a} {b}"));
    };
    near(&needed.log_growth, &every.log_growth, "log growth");
    near(&needed.end_frame, &every.end_frame, "frames");
    near(&needed.displacement, &every.displacement, "displacements");
    assert_eq!(needed.end, every.end);
    let logs = |run: &Forward| svd(&run.chain, &run.start_frame, &run.end_frame).unwrap().log_values;
    near(&logs(&needed), &logs(&every), "log σ");
    let identity = |factor: &&[f64]| (0..k * k).all(|e| factor[e] == f64::from(u8::from(e % (k + 1) == 0)));
    let factors = needed.chain.factors.chunks_exact(k * k);
    factors.len() - factors.filter(identity).count()
}

#[test]
fn large_frames_are_made_orthonormal_as_needed() {
    for k in [50, 90] {
        for forcing in [vec![], errors(90)] {
            let made = assert_as_needed(&swirl(90, 0.5, GRID, forcing), k);
            assert!((2..GRID.steps).contains(&made), "{made} of {} QRs", 2 * GRID.steps);
        }
    }
}

#[test]
fn a_step_that_flattens_a_frame_is_taken_again() {
    // Steps of Euler this long multiply the ratio of a direction with data to one without by 24 in all, which is let pass,
    // and the last but one by 4,000 alone, which then is too much for rows that are not orthonormal.
    let variances: Vec<f64> = (0..90).map(|i| if i % 2 == 0 { 4.0 } else { 0.0 }).collect();
    let grid = Grid::uniform(1.0, 1e-5, 9);
    let step = Step::new(gaussian(&variances, VP, 1.0), grid, Method::Euler, vec![]).unwrap();
    // A QR before and one after that step, and one at the end, of two samples.
    assert_eq!(assert_as_needed(&step, 60), 6);
}
