//! Adjoint sweeps against forward tangents, whatever is stored on the way (theory §4, §8).

mod common;

use common::{LINEAR, StandardNormalLaw, Swirl, diffusion, flow, gaussian};
use std::sync::Arc;
use surefoot::Error;
use surefoot::error_field::{Chi, ModelError, Place, SmoothField};
use surefoot::process::{Family, Grid, Noising};
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::sampler::{Method, Step, StepNoise};
use surefoot::sweep::{Backward, Batch, Keep, PathError, Refinement, Storage, Trail, forward, forward_given};

const VP: Noising = Noising { family: Family::Vp, schedule: LINEAR };
const PLACES: [Place; 3] = [Place::Output, Place::Score, Place::Drift];
const METHODS: [(Method, f64); 9] = [
    (Method::Euler, 0.0),
    (Method::Euler, 1.0),
    (Method::Heun, 0.0),
    (Method::Heun, 0.7),
    (Method::Rk4, 0.0),
    (Method::Ancestral, 1.0),
    (Method::Ddim, 0.4),
    (Method::PredictorCorrector { corrector: 0.1 }, 0.0),
    (Method::PredictorCorrector { corrector: 0.1 }, 1.0),
];

fn random(index: u64, len: usize) -> Vec<f64> {
    let mut values = vec![0.0; len];
    standard_normal(&mut stream(3, index, Purpose::Reference), &mut values);
    values
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn swirl(dim: usize, steps: usize, method: Method, level: f64, forcing: Vec<ModelError>) -> Step {
    let grid = Grid::uniform(0.5, 0.1, steps);
    Step::new(diffusion(Arc::new(Swirl(dim)), VP, level), grid, method, forcing).unwrap()
}

fn batch(source: &StandardNormalLaw, samples: std::ops::Range<usize>, refinement: Refinement) -> Batch<'_> {
    Batch { source, seed: 42, samples, refinement }
}

/// Everything that a sweep shows, and what it leaves.
fn sweep(trail: &mut Trail, u: &[f64], place: Place) -> (Vec<(usize, Vec<f64>)>, Backward) {
    let mut seen = Vec::new();
    let left = trail
        .backward(u.to_vec(), place, &mut |back| {
            seen.push((back.step, [back.state, back.cotangent, back.error].concat()));
        })
        .unwrap();
    (seen, left)
}

/// uᵀ ζ_τ = Σ_n (B_nᵀ A_{n+1,τ}ᵀ u)ᵀ χ_n for any vectors χ_n, with ζ by the forward sweep's forced rows; and
/// uᵀ A_{0,τ} v = (A_{0,τ}ᵀ u)ᵀ v.
#[test]
fn whole_sweeps_agree_with_forward_tangents() {
    let rows = 2;
    for (method, level) in METHODS {
        for (dim, n, steps) in [(1, 1, 1), (2, 3, 12), (3, 1, 7), (4, 2, 12)] {
            for place in PLACES {
                let error = ModelError { chi: Chi::Given, place, size: 1.0 };
                let step = swirl(dim, steps, method, level, vec![error]);
                let source = StandardNormalLaw(dim);
                let batch = batch(&source, 7..7 + n, Refinement::Own);
                let given = PathError { vectors: random(1, steps * n * dim) };
                let keep = Keep { noise: true, path: true, ..Keep::default() };
                let run = forward_given(&step, &batch, dim, keep, &given).unwrap();
                let base = swirl(dim, steps, method, level, vec![]);
                let mut trail = Trail::record(&base, &batch, Storage::Spacing(5)).unwrap();
                assert_eq!(trail.end(), run.end, "{method:?}");
                let u = random(2, n * rows * dim);
                let mut sums = vec![0.0; n * rows];
                let left = trail
                    .backward(u.clone(), place, &mut |back| {
                        let chi = &given.vectors[back.step * n * dim..][..n * dim];
                        for (row, sum) in sums.iter_mut().enumerate() {
                            let own = &chi[row / rows * dim..][..dim];
                            *sum += dot(&back.error[row * dim..][..dim], own);
                        }
                    })
                    .unwrap();
                for row in 0..n * rows {
                    let zeta = &run.displacement[row / rows * dim..][..dim];
                    let expected = dot(&u[row * dim..][..dim], zeta);
                    let scale = dot(zeta, zeta).sqrt() + expected.abs();
                    assert!((sums[row] - expected).abs() < 1e-12 * scale, "{method:?} {place:?} D={dim}");
                }
                check_tangents(&base, &run.noise.xi, &run.path, &u, &left);
            }
        }
    }
}

/// uᵀ (A_{0,τ} v) by carrying v along as tangents of the discrete maps.
fn check_tangents(step: &Step, xi: &[f64], path: &[f64], u: &[f64], left: &Backward) {
    let (dim, steps) = (step.dim(), step.grid.steps);
    let n = path.len() / (steps + 1) / dim;
    let rows = u.len() / n / dim;
    let start = random(9, u.len());
    let mut v = start.clone();
    for step_index in 0..steps {
        let noise = &xi[step_index * n * dim * step.noises()..][..n * dim * step.noises()];
        let noise = StepNoise { xi: noise, ..StepNoise::default() };
        let (mut next, mut v_next) = (vec![0.0; n * dim], v.clone());
        step.advance_tangent(
            step_index,
            &path[step_index * n * dim..][..n * dim],
            noise,
            &v,
            &mut next,
            &mut v_next,
        );
        v = v_next;
    }
    for row in 0..n * rows {
        let own = row * dim..(row + 1) * dim;
        let (forward, backward) =
            (dot(&u[own.clone()], &v[own.clone()]), dot(&left.start[own.clone()], &start[own]));
        assert!((forward - backward).abs() < 1e-12 * (1.0 + forward.abs()), "{forward} {backward}");
    }
}

#[test]
fn no_bit_depends_on_checkpoints_or_batch() {
    let (dim, n, rows) = (3, 5, 2);
    for refinement in [Refinement::Own, Refinement::Coarser(2), Refinement::Doubled] {
        for steps in [1, 2, 12] {
            if refinement == Refinement::Doubled && steps == 1 {
                continue;
            }
            let white = ModelError { chi: Chi::White, place: Place::Drift, size: 0.2 };
            let mut step = swirl(dim, steps, Method::PredictorCorrector { corrector: 0.1 }, 1.0, vec![]);
            step.drift.error = Some(white);
            let step = Step::new(step.drift, step.grid, step.method, vec![]).unwrap();
            let source = StandardNormalLaw(dim);
            let own = batch(&source, 3..3 + n, refinement);
            let u = random(4, n * rows * dim);
            let run = forward(&step, &own, 2, Keep { noise: true, path: true, ..Keep::default() }).unwrap();
            let whole = sweep(&mut Trail::of(&step, 3..3 + n, &run).unwrap(), &u, Place::Drift);
            assert_eq!(whole.0.len(), steps);
            for storage in [1, 2, 3, 5, 11, 12, 40].map(Storage::Spacing).into_iter().chain([
                Storage::Bytes(usize::MAX),
                Storage::Bytes(0),
                Storage::Bytes(1000),
            ]) {
                let mut trail = Trail::record(&step, &own, storage).unwrap();
                for _ in 0..2 {
                    let again = sweep(&mut trail, &u, Place::Drift);
                    assert_eq!(again.0, whole.0, "{storage:?} {steps}");
                    assert_eq!(again.1.start, whole.1.start);
                }
            }
            for sample in 0..n {
                let alone = batch(&source, 3 + sample..4 + sample, refinement);
                let mut trail = Trail::record(&step, &alone, Storage::Bytes(0)).unwrap();
                let len = rows * dim;
                let left = sweep(&mut trail, &u[sample * len..][..len], Place::Drift).1;
                assert_eq!(left.start, whole.1.start[sample * len..][..len]);
            }
        }
    }
}

#[test]
fn memory_grows_as_the_root_of_the_steps() {
    let source = StandardNormalLaw(2);
    let bytes = |steps: usize, storage: Storage| {
        let step = swirl(2, steps, Method::Euler, 1.0, vec![]);
        let mut trail = Trail::record(&step, &batch(&source, 0..4, Refinement::Own), storage).unwrap();
        let left = trail.backward(random(1, 4 * 2), Place::Output, &mut |_| ()).unwrap();
        (left.stored_bytes as f64, trail.spacing())
    };
    let (short, long) = (bytes(100, Storage::Bytes(0)), bytes(2500, Storage::Bytes(0)));
    assert_eq!((short.1, long.1), (10, 50));
    assert!((long.0 / short.0 - 5.0).abs() < 0.3, "{short:?} {long:?}");
    let whole = bytes(100, Storage::Bytes(100 * 4 * 2 * 2 * 8));
    assert_eq!(whole.1, 100);
    assert_eq!(bytes(100, Storage::Bytes(100 * 4 * 2 * 2 * 8 - 1)).1, 10);
}

/// For the linear flow of a Gaussian the cotangents are products of the diagonal step factors.
#[test]
fn cotangents_of_a_gaussian_are_products_of_factors() {
    let variances = [1.0, 0.25, 0.0];
    let grid = Grid::uniform(0.8, 0.05, 30);
    let step = Step::new(gaussian(&variances, VP, 1.0), grid, Method::Euler, vec![]).unwrap();
    let factors = |n: usize| {
        let (u, dt) = (grid.time(n), grid.dt(n));
        let (a, g2) = (VP.decay(u), VP.diffusion(u));
        let variance = |i: usize| VP.signal(u).powi(2) * variances[i] + VP.noise(u).powi(2);
        let factor = [0, 1, 2].map(|i: usize| 1.0 - dt * a - dt * g2 / variance(i));
        (factor, dt * g2)
    };
    let source = StandardNormalLaw(3);
    let mut trail = Trail::record(&step, &batch(&source, 0..1, Refinement::Own), Storage::Bytes(0)).unwrap();
    let mut product = [1.0; 3];
    let mut worst: f64 = 0.0;
    trail
        .backward(vec![1.0; 3], Place::Score, &mut |back| {
            let (factor, gain) = factors(back.step);
            for i in 0..3 {
                worst = worst.max((back.cotangent[i] / product[i] - 1.0).abs());
                worst = worst.max((back.error[i] / (gain * product[i]) - 1.0).abs());
                product[i] *= factor[i];
            }
        })
        .unwrap();
    assert!(worst < 1e-12, "{worst}");
}

#[test]
fn misfits_are_refused() {
    let source = StandardNormalLaw(2);
    let own = batch(&source, 0..2, Refinement::Own);
    let step = swirl(2, 4, Method::Euler, 1.0, vec![]);
    assert!(Trail::record(&step, &own, Storage::Spacing(0)).is_err());
    let mut trail = Trail::record(&step, &own, Storage::Spacing(2)).unwrap();
    assert!(trail.backward(vec![0.0; 3], Place::Output, &mut |_| ()).is_err());
    let run = forward(&step, &own, 0, Keep { path: true, ..Keep::default() }).unwrap();
    assert!(Trail::of(&step, 0..2, &run).is_err(), "noise is missing");
    let grid = Grid::uniform(0.0, 1.0, 4);
    let moving = Step::new(flow(Arc::new(Swirl(2))), grid, Method::Heun, vec![]).unwrap();
    let mut trail = Trail::record(&moving, &own, Storage::Spacing(2)).unwrap();
    assert!(trail.backward(vec![0.0; 4], Place::Score, &mut |_| ()).is_err(), "a flow has no score error");
    assert!(trail.backward(vec![0.0; 4], Place::Drift, &mut |_| ()).is_ok());
    assert!(trail.backward(vec![], Place::Drift, &mut |_| ()).unwrap().start.is_empty());
    let infinite = trail.backward(vec![f64::INFINITY; 4], Place::Drift, &mut |_| ());
    assert!(matches!(infinite, Err(Error::NonFinite { sample: 0, step: 3, .. })));

    let error = ModelError { chi: Chi::Given, place: Place::Output, size: 1.0 };
    let forced = swirl(2, 4, Method::Euler, 1.0, vec![error]);
    assert!(forward(&forced, &own, 0, Keep::default()).is_err(), "vectors are missing");
    assert!(Trail::record(&forced, &own, Storage::Spacing(2)).is_err());
    let empty = batch(&source, 5..5, Refinement::Own);
    let mut trail = Trail::record(&step, &empty, Storage::Bytes(0)).unwrap();
    assert!(trail.backward(vec![], Place::Output, &mut |_| ()).unwrap().start.is_empty());
}

/// A given error that equals a field's values along the path has the first-order effect of that field for Euler steps,
/// and a twin perturbed by it moves by ε ζ up to O(ε²).
#[test]
fn given_errors_perturb_twins() {
    let (dim, n, steps) = (2, 3, 16);
    let field = Arc::new(SmoothField::new(dim, 1.0, None, 3, 0).unwrap());
    let smooth =
        ModelError { chi: Chi::Field { field: field.clone(), scale: 1.0 }, place: Place::Score, size: 1.0 };
    let given = ModelError { chi: Chi::Given, ..smooth.clone() };
    let step = swirl(dim, steps, Method::Euler, 1.0, vec![smooth, given.clone()]);
    let source = StandardNormalLaw(dim);
    let own = batch(&source, 0..n, Refinement::Own);
    let base = swirl(dim, steps, Method::Euler, 1.0, vec![]);
    let path = forward(&base, &own, 0, Keep { path: true, ..Keep::default() }).unwrap().path;
    let mut vectors = vec![0.0; steps * n * dim];
    for (n_step, row) in vectors.chunks_exact_mut(n * dim).enumerate() {
        let at = base.drift.error_moment(base.grid.time(n_step));
        surefoot::field::Field::eval(field.as_ref(), at, &path[n_step * n * dim..][..n * dim], row);
    }
    let given_vectors = PathError { vectors };
    let run = forward_given(&step, &own, 0, Keep::default(), &given_vectors).unwrap();
    for zeta in run.displacement.chunks_exact(2 * dim) {
        let (field, given) = zeta.split_at(dim);
        assert!(field.iter().zip(given).all(|(a, b)| (a - b).abs() < 1e-13 * (1.0 + a.abs())));
    }
    let distance = |size: f64| {
        let mut drift = base.drift.clone();
        drift.error = Some(ModelError { size, ..given.clone() });
        let twin = Step::new(drift, base.grid, base.method, vec![]).unwrap();
        let moved = forward_given(&twin, &own, 0, Keep::default(), &given_vectors).unwrap();
        let off = moved
            .end
            .iter()
            .zip(&run.end)
            .zip(run.displacement.chunks_exact(dim).skip(1).step_by(2).flatten());
        off.map(|((a, b), z)| (a - b - size * z).powi(2)).sum::<f64>().sqrt()
    };
    let ratio = distance(1e-2) / distance(1e-3);
    assert!((50.0..200.0).contains(&ratio), "{ratio}");
}
