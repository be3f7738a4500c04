//! The Gaussian target, where the flow of every process is known (theory §11.1).

mod common;

use common::{StandardNormalLaw, gaussian, noisings};
use surefoot::process::{Drift, Family, Grid, Noising, Schedule, Spacing};
use surefoot::sampler::{Method, Step};
use surefoot::sweep::{Batch, Forward, Keep, Refinement, forward};

const VARIANCES: [f64; 3] = [1.0, 0.25, 0.0];

fn sweep(drift: Drift, grid: Grid, method: Method, k: usize, samples: usize) -> Forward {
    let dim = drift.field.dim();
    let step = Step::new(drift, grid, method, Vec::new()).unwrap();
    let source = StandardNormalLaw(dim);
    let batch = Batch { source: &source, seed: 7, samples: 0..samples, refinement: Refinement::Own };
    forward(&step, &batch, k, Keep { chain: true, determinants: true, ..Keep::default() }).unwrap()
}

/// The discrete factors on the acceptance model's grid, from a schedule written out here: f = cos²(θ), β = −m′/m.
fn discrete_log_factors(noise_level: f64, grid: Grid) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for n in 0..grid.steps {
        let u = grid.start - n as f64 * (grid.start - grid.end) / grid.steps as f64;
        let angle = |u: f64| (u + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2;
        let m = (angle(u).cos() / angle(0.0).cos()).powi(2);
        let beta = std::f64::consts::PI / 1.008 * angle(u).tan();
        for (sum, variance) in sums.iter_mut().zip(VARIANCES) {
            let v = m * m * variance + 1.0 - m * m;
            *sum += (1.0 + grid.dt(n) * (beta - (1.0 + noise_level * noise_level) * beta / v)).ln();
        }
    }
    sums
}

#[test]
fn euler_product_is_the_scalar_recursion_and_the_acceptance_numbers() {
    let noising = Noising { family: Family::Ou, schedule: Schedule::Cosine };
    let grid = Grid::uniform(0.9, 0.02, 500);
    for (noise_level, published) in [
        (0.0, [0.0, -0.688080185012, -2.82425860551]),
        (1.0, [-3.769368837209, -5.151596191749, -9.490006408586]),
    ] {
        let expected = discrete_log_factors(noise_level, grid);
        let found = sweep(gaussian(&VARIANCES, noising, noise_level), grid, Method::Euler, 3, 5);
        let total: f64 = expected.iter().sum();
        for sample in 0..5 {
            assert!((found.log_det[sample] - total).abs() < 1e-10);
            let growth: f64 = found.log_growth[sample * 3..][..3].iter().sum();
            assert!((growth - total).abs() < 1e-10);
        }
        for (expected, published) in expected.iter().zip(published) {
            assert!((expected - published).abs() < 1e-10, "{expected} {published}");
        }
    }
}

/// Continuous factors (m_T/m_Δ)^{η²} (v_Δ/v_T)^{(1+η²)/2}, as logarithms.
fn continuous(noising: Noising, noise_level: f64, variance: f64, grid: Grid) -> f64 {
    let total = |u: f64| noising.signal(u).powi(2) * variance + noising.noise(u).powi(2);
    let square = noise_level * noise_level;
    square * (noising.signal(grid.start) / noising.signal(grid.end)).ln()
        + 0.5 * (1.0 + square) * (total(grid.end) / total(grid.start)).ln()
}

fn one_dimensional_error(noising: Noising, level: f64, method: Method, grid: Grid) -> f64 {
    let found = sweep(gaussian(&[0.25], noising, level), grid, method, 1, 1);
    found.log_growth[0] - continuous(noising, level, 0.25, grid)
}

#[test]
fn methods_converge_to_the_continuous_factors_with_their_order() {
    for noising in noisings() {
        for (method, level, order) in [
            (Method::Euler, 0.0, 1),
            (Method::Euler, 1.0, 1),
            (Method::Euler, 0.6, 1),
            (Method::Heun, 0.0, 2),
            (Method::Heun, 1.0, 2),
            (Method::Rk4, 0.0, 4),
            (Method::Ancestral, 1.0, 1),
            (Method::Ddim, 0.0, 1),
            (Method::Ddim, 0.6, 1),
        ] {
            for spacing in [Spacing::Uniform, Spacing::Karras { noising, rho: 3.0 }] {
                let grid = |steps| Grid { spacing, ..Grid::uniform(0.8, 0.2, steps) };
                let coarse = one_dimensional_error(noising, level, method, grid(1000)).abs();
                let fine = one_dimensional_error(noising, level, method, grid(2000)).abs();
                let rate = (coarse / fine).log2();
                let at_rounding = fine < 1e-11;
                assert!(
                    (rate - f64::from(order)).abs() < 0.1 || at_rounding,
                    "{noising:?} {method:?} η={level} {spacing:?}: {coarse:e} {fine:e}, order {rate}"
                );
                assert!(fine < 0.02, "{noising:?} {method:?} {spacing:?}: {fine:e}");
            }
        }
    }
}
