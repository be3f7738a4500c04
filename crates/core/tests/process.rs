//! Noising processes against independent integration, conversions, clocks and grids (theory §2).

mod common;

use common::{Swirl, diffusion, flow, noisings};
use std::sync::Arc;
use surefoot::process::{Clock, Drift, Family, Grid, Noising, Predicts, Schedule};

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

#[test]
fn grids_end_where_they_should() {
    let grid = Grid { start: 0.9, end: 0.02, steps: 499 };
    assert_eq!((grid.time(0), grid.time(499)), (0.9, 0.02));
    let flow = Grid { start: 0.0, end: 1.0, steps: 3 };
    assert_eq!((flow.time(0), flow.time(3)), (0.0, 1.0));
    assert!((flow.time(1) - 1.0 / 3.0).abs() < 1e-16 && (flow.dt() - 1.0 / 3.0).abs() < 1e-16);
}
