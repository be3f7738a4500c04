//! Noising processes against independent integration, conversions, clocks and grids (theory §2).

mod common;

use common::{Swirl, diffusion, flow, noisings};
use std::sync::Arc;
use surefoot::process::{Clock, Drift, Family, Grid, Noising, Predicts, Process, Schedule, Spacing};

/// m′ = a m and (σ²)′ = 2 a σ² + g² by RK4 from u to v.
fn integrate(noising: Noising, mut state: [f64; 2], u: f64, v: f64) -> [f64; 2] {
    let steps = 4000;
    let h = (v - u) / f64::from(steps);
    let slope = |u: f64, [m, variance]: [f64; 2]| {
        let a = noising.decay(u);
        [a * m, 2.0 * a * variance + noising.diffusion(u)]
    };
    for n in 0..steps {
        let u = u + h * f64::from(n);
        let ahead = |k: [f64; 2], h: f64| [state[0] + h * k[0], state[1] + h * k[1]];
        let k1 = slope(u, state);
        let k2 = slope(u + h / 2.0, ahead(k1, h / 2.0));
        let k3 = slope(u + h / 2.0, ahead(k2, h / 2.0));
        let k4 = slope(u + h, ahead(k3, h));
        for i in 0..2 {
            state[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
        }
    }
    state
}

#[test]
fn marginals_solve_their_equations() {
    for noising in noisings() {
        let at = |u: f64| [noising.signal(u), noising.noise(u).powi(2)];
        for (u, v) in [(0.0, 0.3), (0.0, 0.9), (0.2, 0.7)] {
            let found = integrate(noising, at(u), u, v);
            for (found, expected) in found.iter().zip(at(v)) {
                assert!((found / expected - 1.0).abs() < 1e-9, "{noising:?} {u}..{v}: {found} {expected}");
            }
        }
    }
}

#[test]
fn starts_are_the_data() {
    for noising in noisings() {
        let sigma = if noising.family == Family::Ve { 0.02 } else { 0.0 };
        assert_eq!((noising.signal(0.0), noising.noise(0.0)), (1.0, sigma));
    }
    let scale = 8.0 / 0.02_f64;
    let ve = Noising { family: Family::Ve, schedule: common::GEOMETRIC };
    assert!((ve.noise(0.5) / (0.02 * scale.sqrt()) - 1.0).abs() < 1e-14);
}

/// Near the data σ² = 1 − m² must not lose digits: its expansion is u (2 β(0) − …) there.
#[test]
fn small_noise_is_accurate() {
    for schedule in [common::LINEAR, Schedule::Cosine, Schedule::CosineNd] {
        let noising = Noising { family: Family::Ou, schedule };
        let u = 1e-9;
        let rate = -2.0 * noising.decay(0.5 * u);
        let variance = noising.noise(u).powi(2);
        assert!((variance / (rate * u) - 1.0).abs() < 1e-7, "{schedule:?}: {variance:e}");
        let smaller = noising.noise(u * (1.0 - 1e-6)).powi(2);
        assert!(((variance - smaller) / (rate * u * 1e-6) - 1.0).abs() < 1e-7, "{schedule:?}");
    }
}

#[test]
fn conversions_go_round() {
    let diffusions = [Predicts::Score, Predicts::Noise, Predicts::Denoised, Predicts::V];
    for (m, sigma) in [(0.9, 0.4), (0.3, 2.0), (1.0, 0.01)] {
        let (x0, noise) = (0.7, -1.3);
        let x = m * x0 + sigma * noise;
        let answer = |predicts| match predicts {
            Predicts::Score => -noise / sigma,
            Predicts::Noise => noise,
            Predicts::Denoised => x0,
            _ => m * noise - sigma * x0,
        };
        for from in diffusions {
            for to in diffusions {
                let map = from.convert(to, m, sigma).unwrap();
                let found = map.state * x + map.output * answer(from);
                assert!((found / answer(to) - 1.0).abs() < 1e-10, "{from:?} {to:?}: {found}");
                let back = to.convert(from, m, sigma).unwrap().after(map);
                assert!(back.state.abs() < 1e-9 && (back.output - 1.0).abs() < 1e-9, "{from:?} {to:?}");
            }
        }
        assert!(Predicts::Velocity.to_score(m, sigma).is_none());
        assert!(Predicts::Score.convert(Predicts::Velocity, m, sigma).is_none());
    }
}

#[test]
fn clocks_tell_the_networks_time() {
    let noising = noisings()[1];
    let with = |clock| Drift { clock, ..diffusion(Arc::new(Swirl(1)), noising, 0.0) };
    let thousand = with(Clock::Affine { at_noise: 1000.0, at_data: 0.0 });
    assert_eq!(thousand.moment(0.25).time, 250.0);
    let index = with(Clock::Index { count: 1000 });
    for (u, expected) in
        [(1.0, 999.0), (0.5, 499.0), (0.0014, 0.0), (0.0016, 1.0), (0.0, 0.0), (0.00051, 0.0)]
    {
        assert_eq!(index.moment(u).time, expected, "{u}");
    }
    let flow = flow(Arc::new(Swirl(1)));
    for u in [0.0, 0.01, 0.3, 1.0] {
        let moment = flow.moment(u);
        assert_eq!((moment.time, moment.signal, moment.noise), (u, u, 1.0 - u));
    }
}

/// Karras et al. (2022), eq. 5, in σ/m, for every process; ρ large is even in log σ/m, and for a geometric schedule uniform.
#[test]
fn times_are_spaced_by_the_noise() {
    for noising in noisings() {
        let ratio = |u: f64| noising.noise(u) / noising.signal(u);
        for rho in [1.0, 3.0, 7.0] {
            let grid = Grid { spacing: Spacing::Karras { noising, rho }, ..Grid::uniform(0.9, 0.02, 13) };
            grid.check(&Process::Diffusion { noising, noise_level: 0.0 }).unwrap();
            assert_eq!((grid.time(0), grid.time(13)), (0.9, 0.02));
            let [first, last] = [0.9, 0.02].map(|u| ratio(u).powf(1.0 / rho));
            for n in 0..13 {
                let expected = (first + n as f64 / 13.0 * (last - first)).powf(rho);
                let found = ratio(grid.time(n));
                assert!((found / expected - 1.0).abs() < 1e-10, "{noising:?} ρ = {rho}: {found} {expected}");
                assert!((grid.dt(n) - (grid.time(n) - grid.time(n + 1))).abs() < 1e-15);
                let inside = 0.5 * (grid.time(n) + grid.time(n + 1));
                assert_eq!((grid.step_at(inside), grid.step_at(grid.time(n) - 1e-9)), (n, n));
                assert_eq!(
                    Grid { steps: 26, ..grid }.time(2 * n),
                    grid.time(n),
                    "half the steps are among the doubled ones"
                );
            }
            assert_eq!((grid.step_at(1.0), grid.step_at(0.0)), (0, 12));
        }
        let steep = Grid { spacing: Spacing::Karras { noising, rho: 1e6 }, ..Grid::uniform(0.9, 0.02, 13) };
        let level = |n: usize| ratio(steep.time(n)).ln();
        let even = level(0) + 5.0 / 13.0 * (level(13) - level(0));
        assert!((level(5) - even).abs() < 1e-4, "{noising:?}");
        let wrong = [
            (Spacing::Karras { noising, rho: 0.0 }, Process::Diffusion { noising, noise_level: 0.0 }),
            (Spacing::Karras { noising, rho: f64::NAN }, Process::Diffusion { noising, noise_level: 0.0 }),
            (Spacing::Karras { noising, rho: 1e-3 }, Process::Diffusion { noising, noise_level: 0.0 }),
        ];
        for (spacing, process) in wrong {
            assert!(Grid { spacing, ..Grid::uniform(0.9, 0.02, 13) }.check(&process).is_err(), "{spacing:?}");
        }
        let spacing = Spacing::Karras { noising, rho: 7.0 };
        assert!(Grid { spacing, ..Grid::uniform(0.0, 1.0, 13) }.check(&Process::Flow).is_err());
        let other =
            Noising { family: Family::Ve, schedule: Schedule::Geometric { sigma_min: 0.5, sigma_max: 0.7 } };
        let process = Process::Diffusion { noising: other, noise_level: 0.0 };
        assert!(Grid { spacing, ..Grid::uniform(0.9, 0.02, 13) }.check(&process).is_err());
    }
}

#[test]
fn grids_end_where_they_should() {
    let grid = Grid::uniform(0.9, 0.02, 499);
    assert_eq!((grid.time(0), grid.time(499)), (0.9, 0.02));
    let flow = Grid::uniform(0.0, 1.0, 3);
    assert_eq!((flow.time(0), flow.time(3)), (0.0, 1.0));
    assert!((flow.time(1) - 1.0 / 3.0).abs() < 1e-16 && (flow.dt(1) - 1.0 / 3.0).abs() < 1e-16);
}
