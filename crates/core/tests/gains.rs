//! Gains, white errors and worst-case errors against closed forms and forward recursions (theory §8, §11).

mod common;

use common::{LINEAR, StandardNormalLaw, Swirl, diffusion, gaussian};
use std::sync::Arc;
use surefoot::error_field::{Chi, ConstantField, ModelError, Place, SmoothField};
use surefoot::field::{Circle, Score, SharedField};
use surefoot::gains::{ErrorNorm, Gains, Measure, gains, gains_and_worst, worst_error};
use surefoot::process::{Drift, Family, Grid, Noising, Spacing};
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::sampler::{Method, Step};
use surefoot::support::{Affine, Foot, Sphere, Support};
use surefoot::sweep::{Batch, Keep, PathError, Refinement, Storage, Trail, forward, forward_given};

const VP: Noising = Noising { family: Family::Vp, schedule: LINEAR };
const GRID: Grid = Grid::uniform(0.8, 0.05, 24);
/// Steps of different lengths.
const KARRAS: Grid = Grid { spacing: Spacing::Karras { noising: VP, rho: 3.0 }, ..GRID };
const NORMS: [ErrorNorm; 2] = [ErrorNorm::Infinity, ErrorNorm::Two];
const METHODS: [(Method, f64); 6] = [
    (Method::Euler, 0.0),
    (Method::Euler, 1.0),
    (Method::Heun, 0.7),
    (Method::Rk4, 0.0),
    (Method::Ddim, 0.4),
    (Method::PredictorCorrector { corrector: 0.1 }, 1.0),
];

fn measure(place: Place) -> Measure {
    Measure { place, full: false, curves: usize::MAX, seed: 1 }
}

fn batch(source: &StandardNormalLaw, samples: std::ops::Range<usize>) -> Batch<'_> {
    Batch { source, seed: 42, samples, refinement: Refinement::Own }
}

fn coordinates(dim: usize, d: usize) -> Affine {
    let axis = |i: usize| (0..dim).map(|j| f64::from(u8::from(i == j))).collect();
    let axes: Vec<Vec<f64>> = (0..d).map(axis).collect();
    Affine::new(&vec![0.0; dim], &axes).unwrap()
}

struct Case {
    step: Step,
    source: StandardNormalLaw,
    n: usize,
}

impl Case {
    fn new(step: Step, n: usize) -> Case {
        Case { source: StandardNormalLaw(step.dim()), step, n }
    }

    fn trail(&self) -> Trail<'_> {
        Trail::record(&self.step, &batch(&self.source, 0..self.n), Storage::Bytes(0)).unwrap()
    }

    fn gains(&self, support: &dyn Support, place: Place) -> Gains {
        let mut trail = self.trail();
        let feet = support.project_batch(trail.end());
        gains(&mut trail, &feet, measure(place)).unwrap()
    }

    fn worst(&self, support: &dyn Support, place: Place, norm: ErrorNorm) -> PathError {
        let mut trail = self.trail();
        let feet = support.project_batch(trail.end());
        worst_error(&mut trail, &feet, measure(place), norm).unwrap()
    }

    /// ζ_τ of an error known along the paths.
    fn displacement(&self, place: Place, given: &PathError) -> Vec<f64> {
        let forcing = vec![ModelError { chi: Chi::Given, place, size: 1.0 }];
        let step = Step::new(self.step.drift.clone(), self.step.grid, self.step.method, forcing).unwrap();
        let batch = batch(&self.source, 0..self.n);
        forward_given(&step, &batch, 0, Keep::default(), given).unwrap().displacement
    }

    /// dist(x_τ^ε) − dist(x_τ) of the twins under an error of size ε.
    fn shifts(&self, support: &dyn Support, error: ModelError, given: &PathError) -> Vec<f64> {
        let drift = Drift { error: Some(error), ..self.step.drift.clone() };
        let twin = Step::new(drift, self.step.grid, self.step.method, vec![]).unwrap();
        let batch = batch(&self.source, 0..self.n);
        let moved = forward_given(&twin, &batch, 0, Keep::default(), given).unwrap().end;
        let distance =
            |x: &[f64]| -> Vec<f64> { support.project_batch(x).iter().map(|f| f.distance).collect() };
        let (before, after) = (distance(self.trail().end()), distance(&moved));
        after.iter().zip(before).map(|(a, b)| a - b).collect()
    }
}

fn circle(steps: usize, level: f64) -> Case {
    let field: SharedField = Arc::new(Score::new(Circle { radius: 1.0 }, 0.0));
    let grid = Grid::uniform(0.9, 0.02, steps);
    let noising = Noising { family: Family::Ou, schedule: surefoot::process::Schedule::Cosine };
    Case::new(Step::new(diffusion(field, noising, level), grid, Method::Euler, vec![]).unwrap(), 20)
}

/// One way back gives the gains and both worst-case errors of separate ones, and their ζ_τ as a sweep has it.
#[test]
fn one_way_back_finds_all() {
    for (dim, d) in [(3, 1), (4, 3), (2, 1)] {
        for (method, level) in METHODS {
            let drift = diffusion(Arc::new(Swirl(dim)), VP, level);
            let case = Case::new(Step::new(drift, GRID, method, vec![]).unwrap(), 3);
            let support = coordinates(dim, d);
            let mut trail = case.trail();
            let feet = support.project_batch(trail.end());
            let found = gains_and_worst(&mut trail, &feet, measure(Place::Score), &NORMS).unwrap();
            assert_eq!(found.gains, case.gains(&support, Place::Score));
            for (worst, norm) in found.worst.iter().zip(NORMS) {
                assert_eq!(worst.error, case.worst(&support, Place::Score, norm));
                assert_eq!(worst.spanned, [true; 3]);
                let swept = case.displacement(Place::Score, &worst.error);
                for (found, swept) in worst.displacement.iter().zip(&swept) {
                    assert!((found - swept).abs() < 1e-11 * (1.0 + swept.abs()), "{found} {swept}");
                }
            }
        }
    }
}

/// Without the whole normal space, or with one that is no basis, there are no displacements.
#[test]
fn a_basis_that_is_none_is_noticed() {
    let drift = diffusion(Arc::new(Swirl(3)), VP, 0.0);
    let case = Case::new(Step::new(drift, GRID, Method::Euler, vec![]).unwrap(), 2);
    let mut trail = case.trail();
    let mut feet = coordinates(3, 1).project_batch(trail.end());
    feet[1].normal[0] += 0.1;
    let found = gains_and_worst(&mut trail, &feet, measure(Place::Score), &NORMS).unwrap();
    assert!(found.worst.iter().all(|worst| worst.spanned == [true, false]));
    feet.iter_mut().for_each(|foot| foot.normal.clear());
    let found = gains_and_worst(&mut trail, &feet, measure(Place::Score), &NORMS).unwrap();
    assert!(!found.gains.complete && found.worst.iter().all(|worst| worst.spanned == [false, false]));
}

/// Linear flow with normal directions of the same and of different rates: all gains by products of step factors.
#[test]
fn gains_of_a_gaussian_are_sums_of_factors() {
    let variances = [1.0, 0.5, 0.0, 0.0];
    for (grid, d, place) in [
        (GRID, 2, Place::Score),
        (GRID, 3, Place::Drift),
        (KARRAS, 1, Place::Score),
        (KARRAS, 2, Place::Drift),
    ] {
        let step = Step::new(gaussian(&variances, VP, 1.0), grid, Method::Euler, vec![]).unwrap();
        let case = Case::new(step, 3);
        let found = case.gains(&coordinates(4, d), place);
        let mut product = [1.0_f64; 4];
        let (mut normal, mut tangent, mut white) = (0.0, 0.0, [0.0; 4]);
        for n in (0..grid.steps).rev() {
            let (u, dt) = (grid.time(n), grid.dt(n));
            let gain = if place == Place::Score { VP.diffusion(u) } else { 1.0 };
            let largest =
                |range: std::ops::Range<usize>| product[range].iter().fold(0.0_f64, |l, p| l.max(p.abs()));
            let (off, along) = (gain * largest(d..4), gain * largest(0..d));
            for sample in 0..3 {
                let rate = found.normal_rate[sample * grid.steps + n];
                assert!((rate / off - 1.0).abs() < 1e-11, "g_N({n}) {rate} {off}");
                assert!((found.tangent_rate[sample * grid.steps + n] / along - 1.0).abs() < 1e-11);
            }
            normal += dt * off;
            tangent += dt * along;
            for i in 0..4 {
                white[i] += dt * (gain * product[i]).powi(2);
                let variance = VP.signal(u).powi(2) * variances[i] + VP.noise(u).powi(2);
                product[i] *= 1.0 - dt * VP.decay(u) - dt * VP.diffusion(u) / variance;
            }
        }
        let share = white[d..].iter().sum::<f64>() / white.iter().sum::<f64>();
        for sample in 0..3 {
            assert!((found.normal[sample] / normal - 1.0).abs() < 1e-11);
            assert!((found.tangent[sample] / tangent - 1.0).abs() < 1e-11);
            // Rows are single axes here, so row 1-norms are their lengths.
            assert!((found.normal_inf[sample] / normal - 1.0).abs() < 1e-11);
            assert!((found.tangent_inf[sample] / tangent - 1.0).abs() < 1e-11);
            assert!((found.white_normal_share()[sample].value - share).abs() < 1e-11);
            assert_eq!(found.white_normal_error[sample], 0.0);
        }
        assert!(found.complete);
    }
}

/// W_{n+1} = A_n W_n A_nᵀ + B_n B_nᵀ/δt with A_n and B_n from the forward tangents of single steps.
#[test]
fn white_covariance_agrees_with_its_forward_recursion() {
    let dim = 3;
    for (method, level) in METHODS {
        for (place, grid) in
            [(Place::Output, GRID), (Place::Score, GRID), (Place::Drift, GRID), (Place::Score, KARRAS)]
        {
            let axis = |i: usize| (0..dim).map(|j| f64::from(u8::from(i == j))).collect::<Vec<_>>();
            let unit = |i: usize| ModelError {
                chi: Chi::Field { field: Arc::new(ConstantField::new(&axis(i)).unwrap()), scale: 1.0 },
                place,
                size: 1.0,
            };
            let drift = diffusion(Arc::new(Swirl(dim)), VP, level);
            let forced = Step::new(drift.clone(), grid, method, (0..dim).map(unit).collect()).unwrap();
            let case = Case::new(Step::new(drift, grid, method, vec![]).unwrap(), 1);
            let keep = Keep { path: true, noise: true, ..Keep::default() };
            let run = forward(&case.step, &batch(&case.source, 0..1), 0, keep).unwrap();
            let mut w = vec![0.0; dim * dim];
            for n in 0..GRID.steps {
                w = advance_covariance(&forced, n, &run.path[n * dim..][..dim], &run.noise.xi, &w);
            }
            for d in [1, 2] {
                let found = case.gains(&coordinates(dim, d), place);
                let trace = |range: std::ops::Range<usize>| range.map(|i| w[i * dim + i]).sum::<f64>();
                let (normal, tangent) = (trace(d..dim), trace(0..d));
                assert!((found.white_normal[0] / normal - 1.0).abs() < 1e-10, "{method:?} {place:?}");
                assert!((found.white_tangent[0] / tangent - 1.0).abs() < 1e-10);
                let share = found.white_normal_share()[0].value;
                assert!((share - normal / (normal + tangent)).abs() < 1e-10);
            }
        }
    }
}

fn advance_covariance(forced: &Step, n: usize, x: &[f64], xi: &[f64], w: &[f64]) -> Vec<f64> {
    let dim = x.len();
    let len = dim * forced.noises();
    let noise = surefoot::sampler::StepNoise { xi: &xi[n * len..][..len], ..Default::default() };
    let mut rows = vec![0.0; 2 * dim * dim];
    (0..dim).for_each(|i| rows[i * dim + i] = 1.0);
    let (mut next, mut moved) = (vec![0.0; dim], rows.clone());
    forced.advance_tangent(n, x, noise, &rows, &mut next, &mut moved);
    let (a, b) = moved.split_at(dim * dim);
    let entry = |i: usize, j: usize| {
        let carried: f64 = (0..dim * dim).map(|p| a[p / dim * dim + i] * w[p] * a[p % dim * dim + j]).sum();
        let added: f64 = (0..dim).map(|k| b[k * dim + i] * b[k * dim + j]).sum();
        carried + added / forced.grid.dt(n)
    };
    (0..dim * dim).map(|p| entry(p / dim, p % dim)).collect()
}

/// One normal column: the worst-case error attains the gain, in both norms and for every method.
#[test]
fn worst_errors_attain_the_gain() {
    for (method, level) in METHODS {
        for place in [Place::Output, Place::Score, Place::Drift] {
            let drift = diffusion(Arc::new(Swirl(3)), VP, level);
            let case = Case::new(Step::new(drift, GRID, method, vec![]).unwrap(), 4);
            let plane = coordinates(3, 2);
            let found = case.gains(&plane, place);
            for norm in NORMS {
                let worst = case.worst(&plane, place, norm);
                let expected = if norm == ErrorNorm::Two { &found.normal } else { &found.normal_inf };
                let zeta = case.displacement(place, &worst);
                for (sample, x) in case.trail().end().chunks_exact(3).enumerate() {
                    let outward = zeta[sample * 3 + 2] * x[2].signum();
                    assert!(
                        (outward / expected[sample] - 1.0).abs() < 1e-10,
                        "{method:?} {place:?} {norm:?}"
                    );
                }
            }
        }
    }
}

/// Measured shift over ε G_N: 1 at any size where the flow is linear, and in the limit of small ε on the circle.
#[test]
fn measured_shifts_approach_the_gain() {
    let singular = [1.0, 0.3, 0.0];
    for (method, level) in METHODS {
        let step = Step::new(gaussian(&singular, VP, level), GRID, method, vec![]).unwrap();
        ratios(&Case::new(step, 5), &coordinates(3, 2), &[(1.0, 1e-9), (1e-3, 1e-7)]);
    }
    for level in [0.0, 1.0] {
        let sphere = Sphere::new(2, 1.0).unwrap();
        ratios(&circle(200, level), &sphere, &[(1e-4, 2e-2), (1e-6, 2e-4)]);
    }
}

fn ratios(case: &Case, support: &dyn Support, sizes: &[(f64, f64)]) {
    let place = Place::Score;
    let found = case.gains(support, place);
    for norm in NORMS {
        let worst = case.worst(support, place, norm);
        let gain = if norm == ErrorNorm::Two { &found.normal } else { &found.normal_inf };
        for &(size, tolerance) in sizes {
            let error = ModelError { chi: Chi::Given, place, size };
            for (shift, gain) in case.shifts(support, error, &worst).iter().zip(gain) {
                let ratio = shift / (size * gain);
                assert!((ratio - 1.0).abs() < tolerance, "{norm:?} ε = {size}: {ratio}");
            }
        }
    }
}

/// No other error of ∞-norm 1 moves a sample farther off to first order, nor any twin at small ε.
#[test]
fn worst_errors_beat_all_others() {
    let case = circle(60, 0.0);
    let sphere = Sphere::new(2, 1.0).unwrap();
    let (place, size) = (Place::Output, 1e-4);
    let worst = case.worst(&sphere, place, ErrorNorm::Infinity);
    let given = ModelError { chi: Chi::Given, place, size };
    let best = case.shifts(&sphere, given.clone(), &worst);
    let mut others: Vec<(ModelError, PathError)> = Vec::new();
    for index in 0..6 {
        // Amplitudes are far below their bound, so scaled to ∞-norm 1 on a grid that covers the paths.
        let field = Arc::new(SmoothField::new(2, 1.0, Some(0.5), 9, index).unwrap());
        let scale = 1.0 / largest_on_paths(&case, field.as_ref());
        others.push((ModelError { chi: Chi::Field { field, scale }, place, size }, PathError::default()));
    }
    for direction in [[1.0, 1.0], [1.0, -1.0], [0.2, -1.0]] {
        let field = Arc::new(ConstantField::new(&direction).unwrap());
        others
            .push((ModelError { chi: Chi::Field { field, scale: 1.0 }, place, size }, PathError::default()));
    }
    let random_signs = || {
        let mut vectors = vec![0.0; worst.vectors.len()];
        standard_normal(&mut stream(1, 0, Purpose::Reference), &mut vectors);
        vectors.iter_mut().for_each(|v| *v = v.signum());
        PathError { vectors }
    };
    others.push((given.clone(), random_signs()));
    others.push((given.clone(), PathError { vectors: worst.vectors.iter().map(|v| -v).collect() }));
    others.push((given, case.worst(&sphere, place, ErrorNorm::Two)));
    for (error, vectors) in others {
        let shifts = case.shifts(&sphere, error, &vectors);
        for (shift, best) in shifts.iter().zip(&best) {
            assert!(shift.abs() <= best * (1.0 + 1e-2), "{shift} {best}");
        }
    }
}

fn largest_on_paths(case: &Case, field: &SmoothField) -> f64 {
    let keep = Keep { path: true, ..Keep::default() };
    let path = forward(&case.step, &batch(&case.source, 0..case.n), 0, keep).unwrap().path;
    let mut largest: f64 = 0.0;
    let mut chi = vec![0.0; case.n * case.step.dim()];
    for (n, x) in path.chunks_exact(chi.len()).take(case.step.grid.steps).enumerate() {
        let at = case.step.drift.error_moment(case.step.grid.time(n));
        surefoot::field::Field::eval(field, at, x, &mut chi);
        largest = chi.iter().fold(largest, |l, c| l.max(c.abs()));
    }
    largest
}

/// Samples that lie on the support leave it in the normal direction of the largest gain.
#[test]
fn samples_on_the_support_leave_it_where_it_is_easiest() {
    let variances = [1.0, 0.0, 0.2];
    let step = Step::new(gaussian(&variances, VP, 0.0), GRID, Method::Euler, vec![]).unwrap();
    let case = Case::new(step, 4);
    let mut trail = case.trail();
    let line = coordinates(3, 1);
    let feet: Vec<Foot> = trail
        .end()
        .chunks_exact(3)
        .map(|x| Foot { point: x.to_vec(), distance: 0.0, middle_distance: 0.0, ..line.project(x) })
        .collect();
    let found = gains(&mut trail, &feet, measure(Place::Score)).unwrap();
    let worst = worst_error(&mut trail, &feet, measure(Place::Score), ErrorNorm::Two).unwrap();
    let zeta = case.displacement(Place::Score, &worst);
    for (zeta, gain) in zeta.chunks_exact(3).zip(&found.normal) {
        // The wider of the two normal directions is the third: its variance does not vanish.
        assert!(zeta[0].abs() < 1e-12 && zeta[1].abs() < 1e-9);
        assert!(zeta[2] > 0.0 && (zeta[2] / gain - 1.0).abs() < 1e-9, "{zeta:?} {gain}");
    }
}

/// Above the limit of the normal space: the outward direction's gain, and the white share from probes.
#[test]
fn large_spaces_are_probed() {
    let (dim, d) = (70, 2);
    let variances: Vec<f64> = (0..dim).map(|i| if i < d { 1.0 } else { 0.01 * i as f64 }).collect();
    let step = Step::new(gaussian(&variances, VP, 1.0), GRID, Method::Euler, vec![]).unwrap();
    let case = Case::new(step, 40);
    let support = coordinates(dim, d);
    let found = case.gains(&support, Place::Drift);
    assert!(!found.complete);
    let factor = |n: usize, i: usize| {
        let u = GRID.time(n);
        let variance = VP.signal(u).powi(2) * variances[i] + VP.noise(u).powi(2);
        1.0 - GRID.dt(0) * VP.decay(u) - GRID.dt(0) * VP.diffusion(u) / variance
    };
    let tail = |n: usize, i: usize| (n + 1..GRID.steps).map(|m| factor(m, i)).product::<f64>();
    let white = |i: usize| (0..GRID.steps).map(|n| GRID.dt(0) * tail(n, i).powi(2)).sum::<f64>();
    let (normal, tangent): (f64, f64) = ((d..dim).map(white).sum(), (0..d).map(white).sum());
    let shares = found.white_normal_share();
    let mean = |f: &dyn Fn(usize) -> f64| (0..case.n).map(f).sum::<f64>() / case.n as f64;
    let error = (mean(&|s| shares[s].standard_error.powi(2)) / case.n as f64).sqrt();
    let off = mean(&|s| shares[s].value) - normal / (normal + tangent);
    assert!(error > 0.0 && off.abs() < 4.0 * error, "{off} ± {error}");
    let spread = mean(&|s| (shares[s].value - normal / (normal + tangent)).powi(2)).sqrt();
    let stated = mean(&|s| shares[s].standard_error);
    assert!((0.6..1.7).contains(&(spread / stated)), "{spread} {stated}");
    for (x, gain) in case.trail().end().chunks_exact(dim).zip(&found.normal) {
        let length = x[d..].iter().map(|v| v * v).sum::<f64>().sqrt();
        let along = |n: usize| (d..dim).map(|i| (x[i] / length * tail(n, i)).powi(2)).sum::<f64>().sqrt();
        let expected: f64 = (0..GRID.steps).map(|n| GRID.dt(0) * along(n)).sum();
        assert!((gain / expected - 1.0).abs() < 1e-10);
    }
    let worst = case.worst(&support, Place::Drift, ErrorNorm::Two);
    let error = ModelError { chi: Chi::Given, place: Place::Drift, size: 1e-6 };
    for (shift, gain) in case.shifts(&support, error, &worst).iter().zip(&found.normal) {
        assert!((shift / (1e-6 * gain) - 1.0).abs() < 1e-4);
    }
}

#[test]
fn samples_do_not_depend_on_their_batch() {
    let drift = diffusion(Arc::new(Swirl(3)), VP, 1.0);
    let case = Case::new(Step::new(drift, GRID, Method::Heun, vec![]).unwrap(), 5);
    let line = coordinates(3, 1);
    let together = case.gains(&line, Place::Output);
    let field = case.worst(&line, Place::Output, ErrorNorm::Two);
    for sample in 0..5 {
        let own = batch(&case.source, sample..sample + 1);
        let mut trail = Trail::record(&case.step, &own, Storage::Bytes(usize::MAX)).unwrap();
        let feet = line.project_batch(trail.end());
        let alone = gains(&mut trail, &feet, measure(Place::Output)).unwrap();
        assert_eq!(alone.normal[0], together.normal[sample]);
        assert_eq!(alone.tangent_inf[0], together.tangent_inf[sample]);
        assert_eq!(alone.white_normal[0], together.white_normal[sample]);
        assert_eq!(alone.normal_rate, together.normal_rate[sample * GRID.steps..][..GRID.steps]);
        let chi = worst_error(&mut trail, &feet, measure(Place::Output), ErrorNorm::Two).unwrap();
        for n in 0..GRID.steps {
            assert_eq!(chi.vectors[n * 3..][..3], field.vectors[(n * 5 + sample) * 3..][..3]);
        }
    }
}

#[test]
fn full_supports_and_misfits() {
    let drift = diffusion(Arc::new(Swirl(2)), VP, 0.0);
    let case = Case::new(Step::new(drift, GRID, Method::Euler, vec![]).unwrap(), 6);
    let disc = surefoot::support::Discs::new(&[[0.0, 0.0]], 0.5).unwrap();
    let mut trail = case.trail();
    let feet = disc.project_batch(trail.end());
    let full = Measure { full: true, ..measure(Place::Drift) };
    let found = gains(&mut trail, &feet, full).unwrap();
    let worst = worst_error(&mut trail, &feet, full, ErrorNorm::Two).unwrap();
    let zeta = case.displacement(Place::Drift, &worst);
    for ((zeta, foot), gain) in zeta.chunks_exact(2).zip(&feet).zip(&found.normal) {
        let outward: f64 = zeta.iter().zip(&foot.normal).map(|(z, n)| z * n).sum();
        assert!((outward / gain - 1.0).abs() < 1e-10, "outward from inside and from outside");
    }
    assert!(gains(&mut trail, &feet[1..], full).is_err());
    let wrong = coordinates(3, 1).project_batch(&[0.0; 18]);
    assert!(gains(&mut trail, &wrong, full).is_err());
    assert!(worst_error(&mut trail, &wrong, full, ErrorNorm::Two).is_err());
}
