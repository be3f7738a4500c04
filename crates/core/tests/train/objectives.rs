//! Targets, weights and times against derivatives of the path, conversions, other programs and closed forms.

use super::common::noisings;
use super::{close, normal, numbers, references, slope};
use surefoot::process::{Family, Noising, Predicts, Schedule};
use surefoot::train::objective::{
    Drawn, Draws, Method, Mix, Objective, Pairs, Path, Recipe, Spread, Times, Weight,
};
use surefoot::train::order::Order;

const PATHS: [Path; 4] = [Path::Linear, Path::Bridge, Path::Target, Path::VariancePreserving];
const MEANINGS: [Predicts; 4] = [Predicts::Score, Predicts::Noise, Predicts::Denoised, Predicts::V];

fn flow(path: Path, sigma: f64) -> Objective {
    Objective::Matching { path, sigma, weight: Weight::Uniform }
}

fn denoising(noising: Noising, predicts: Predicts, weight: Weight) -> Objective {
    Objective::Denoising { noising, predicts, weight }
}

#[test]
fn velocities_are_the_slopes_of_the_paths() {
    for path in PATHS {
        for sigma in [0.0, 0.1, 1.0] {
            let objective = flow(path, sigma);
            let state = |u: f64| {
                let mut out = [[0.0]; 2];
                let [state, target] = &mut out;
                objective.pair(u, &[0.3], &[-1.7], &[0.9], state, target);
                out
            };
            for u in [0.11, 0.37, 0.5, 0.82] {
                let expected = slope(|u| state(u)[0][0], u, 2e-3);
                let [_, [found]] = state(u);
                assert!(close(found, expected, 1e-9), "{path:?} σ = {sigma}, u = {u}: {found} {expected}");
            }
        }
    }
}

#[test]
fn paths_begin_at_the_source_and_end_at_the_data() {
    for method in Method::NAMES.map(|name| Method::from_name(name).unwrap()) {
        let objective = flow(method.path(), 0.0);
        for (u, expected) in [(0.0, 0.3), (1.0, -1.7)] {
            let (mut state, mut target) = ([0.0], [0.0]);
            // With σ = 0 the target path's noise is its source.
            objective.pair(u, &[0.3], &[-1.7], &[0.3], &mut state, &mut target);
            assert!(close(state[0], expected, 1e-15), "{method:?} at {u}: {state:?}");
        }
    }
}

#[test]
fn pairs_are_those_of_torchcfm() {
    let reference = &references()["pairs"];
    let part = |name: &str| numbers(&reference[name]);
    let (times, source, data, noise) = (part("times"), part("source"), part("data"), part("noise"));
    let drawn = Drawn { importance: vec![1.0; times.len()], times };
    for name in ["cfm", "sb-cfm", "target", "variance-preserving"] {
        let expected = &reference["paths"][name];
        let objective = flow(Method::from_name(name).unwrap().path(), expected["sigma"].as_f64().unwrap());
        let (mut state, mut target, mut weights) = (vec![0.0; 10], vec![0.0; 10], vec![0.0; 5]);
        let draws = Draws { dim: 2, times: &drawn, source: &source, data: &data, noise: &noise };
        let pairs = Pairs { state: &mut state, target: &mut target, weights: &mut weights };
        objective.fill::<f64>(draws, pairs).unwrap();
        let (states, velocities) = (numbers(&expected["state"]), numbers(&expected["velocity"]));
        for i in 0..10 {
            let u = drawn.times[i / 2];
            // TorchCFM adds 1e-8 to the denominator of the bridge's noise term.
            let chord = data[i] - source[i];
            let share = if name == "sb-cfm" { 2.0 * u * (1.0 - u) } else { f64::INFINITY };
            let found = if name == "sb-cfm" {
                chord + (target[i] - chord) * share / (share + 1e-8)
            } else {
                target[i]
            };
            assert!(close(state[i], states[i], 1e-14), "{name} state {i}: {} {}", state[i], states[i]);
            assert!(close(found, velocities[i], 1e-12), "{name} velocity {i}: {found} {}", velocities[i]);
        }
    }
}

#[test]
fn targets_of_all_meanings_say_the_same() {
    for noising in noisings() {
        for u in [0.03, 0.4, 0.9] {
            let (m, sigma) = (noising.signal(u), noising.noise(u));
            let answer = |predicts| {
                let (mut state, mut target) = ([0.0], [0.0]);
                denoising(noising, predicts, Weight::Uniform).pair(
                    u,
                    &[],
                    &[0.7],
                    &[-1.3],
                    &mut state,
                    &mut target,
                );
                assert!(close(state[0], m * 0.7 - sigma * 1.3, 1e-14));
                (state[0], target[0])
            };
            for from in MEANINGS {
                for to in MEANINGS {
                    let map = from.convert(to, m, sigma).unwrap();
                    let ((x, y), (_, expected)) = (answer(from), answer(to));
                    let found = map.state * x + map.output * y;
                    assert!(close(found, expected, 1e-9), "{noising:?} {from:?} {to:?}: {found} {expected}");
                }
            }
        }
    }
}

/// An error in the score of size 1 must cost the same in every meaning.
#[test]
fn weights_do_not_depend_on_the_meaning() {
    let gamma = 5.0;
    for noising in noisings() {
        for u in [0.03, 0.4, 0.9] {
            let (m, sigma) = (noising.signal(u), noising.noise(u));
            // g² = −σ² (log m²/σ²)′
            let diffusion =
                -sigma * sigma * slope(|u| 2.0 * (noising.signal(u) / noising.noise(u)).ln(), u, 2e-3);
            let capped = (m / sigma).powi(2).min(gamma) * (sigma * sigma / m).powi(2);
            for (weight, expected) in [
                (Weight::Sigma2, sigma * sigma),
                (Weight::Likelihood, diffusion),
                (Weight::MinSnr { gamma }, capped),
            ] {
                for predicts in MEANINGS {
                    let error_in_output = predicts.of_score(m, sigma).unwrap().output;
                    let found =
                        denoising(noising, predicts, weight).recipe(u).weight * error_in_output.powi(2);
                    assert!(
                        close(found, expected, 1e-7),
                        "{noising:?} {weight:?} {predicts:?}: {found} {expected}"
                    );
                }
            }
            let of = |predicts, weight| denoising(noising, predicts, weight).recipe(u).weight;
            assert!(close(of(Predicts::Noise, Weight::Sigma2), 1.0, 1e-12));
            assert!(MEANINGS.iter().all(|predicts| of(*predicts, Weight::Uniform) == 1.0));
            // The forms that Hang et al. (2023) give for variance-preserving processes.
            let snr = (m / sigma).powi(2);
            assert!(close(of(Predicts::Noise, Weight::MinSnr { gamma }), snr.min(gamma) / snr, 1e-12));
            if noising.family == Family::Vp {
                let found = of(Predicts::V, Weight::MinSnr { gamma });
                assert!(close(found, snr.min(gamma) / (snr + 1.0), 1e-12));
            }
        }
    }
}

#[test]
fn the_bridges_weight_bounds_its_target() {
    let objective = Objective::Matching { path: Path::Bridge, sigma: 1.5, weight: Weight::Bridge };
    for u in [1e-9, 1e-3, 0.2, 0.5, 1.0 - 1e-9] {
        let Recipe { target, weight, .. } = objective.recipe(u);
        assert!(close(weight * target.noise.powi(2), 2.25 * (1.0 - 2.0 * u).powi(2), 1e-12));
    }
}

#[test]
fn stratified_times_meet_every_part_once() {
    let times = Times::stratified(0.02, 0.9);
    for n in [1, 2, 7, 256] {
        let drawn = times.draw(n, 3, 17);
        assert_eq!(drawn, times.draw(n, 3, 17));
        assert_ne!(drawn, times.draw(n, 3, 18));
        let mut parts: Vec<usize> =
            drawn.times.iter().map(|u| ((u - 0.02) / 0.88 * n as f64) as usize).collect();
        parts.sort_unstable();
        assert_eq!(parts, (0..n).collect::<Vec<_>>());
        assert!(drawn.importance.iter().all(|weight| *weight == 1.0));
    }
    let independent = Times { stratified: false, ..times }.draw(10_000, 3, 17).times;
    let mean = independent.iter().sum::<f64>() / 1e4;
    assert!(independent.iter().all(|u| (0.02..=0.9).contains(u)));
    assert!((mean - 0.46).abs() < 4.0 * 0.88 / (12.0 * 1e4_f64).sqrt(), "{mean}");
}

#[test]
fn times_over_log_snr_are_uniform_there_and_unbiased() {
    for noising in noisings() {
        let times = Times { spread: Spread::LogSnr(noising), ..Times::stratified(0.02, 0.9) };
        denoising(noising, Predicts::Noise, Weight::Likelihood).check(&times).unwrap();
        let level = |u: f64| 2.0 * (noising.signal(u) / noising.noise(u)).ln();
        let (first, last) = (level(0.02), level(0.9));
        for fraction in [0.0, 0.25, 0.5, 0.9, 1.0] {
            let u = times.at(fraction);
            assert!((0.02..=0.9).contains(&u));
            assert!(close(level(u), first + fraction * (last - first), 1e-9), "{noising:?} {fraction}: {u}");
        }
        let n = 20_000;
        let drawn = times.draw(n, 5, 0);
        let mean = |f: fn(f64) -> f64| {
            drawn.times.iter().zip(&drawn.importance).map(|(u, w)| w * f(*u)).sum::<f64>() / n as f64
        };
        // The means of 1 and u² over uniform times.
        assert!(close(mean(|_| 1.0), 1.0, 2e-3), "{noising:?}: {}", mean(|_| 1.0));
        let square = (0.9_f64.powi(3) - 0.02_f64.powi(3)) / (3.0 * 0.88);
        assert!(close(mean(|u| u * u), square, 2e-3), "{noising:?}: {}", mean(|u| u * u));
        // The likelihood weight of a noise network becomes the same at all times.
        let weight = |i: usize| {
            denoising(noising, Predicts::Noise, Weight::Likelihood).recipe(drawn.times[i]).weight
                * drawn.importance[i]
        };
        assert!((1..100).all(|i| close(weight(i * 200), weight(0), 1e-9)), "{noising:?}");
    }
}

#[test]
fn batches_are_their_rows_in_both_precisions() {
    let objective = flow(Path::Bridge, 0.5);
    for (n, dim) in [(1, 1), (3, 2), (5, 7)] {
        let times = Times::stratified(0.1, 0.9).draw(n, 1, 2);
        let [source, data, noise] = [1, 2, 3].map(|seed| normal(seed, n * dim));
        let draws = Draws { dim, times: &times, source: &source, data: &data, noise: &noise };
        let (mut state, mut target, mut weights) = (vec![0.0_f64; n * dim], vec![0.0; n * dim], vec![0.0; n]);
        objective
            .fill(draws, Pairs { state: &mut state, target: &mut target, weights: &mut weights })
            .unwrap();
        let (mut state32, mut target32, mut weights32) =
            (vec![0.0_f32; n * dim], vec![0.0; n * dim], vec![0.0; n]);
        let pairs = Pairs { state: &mut state32, target: &mut target32, weights: &mut weights32 };
        objective.fill(draws, pairs).unwrap();
        for (i, found) in weights.iter().enumerate() {
            let row = i * dim..(i + 1) * dim;
            let (mut x, mut y) = (vec![0.0; dim], vec![0.0; dim]);
            let [source, data, noise] = [&source, &data, &noise].map(|part| &part[row.clone()]);
            let weight = objective.pair(times.times[i], source, data, noise, &mut x, &mut y);
            assert_eq!((&x[..], &y[..], weight), (&state[row.clone()], &target[row.clone()], *found));
            assert_eq!(weights32[i], weight as f32);
            assert!(row.clone().zip(&y).all(|(k, y)| target32[k] == *y as f32));
            assert!(row.zip(&x).all(|(k, x)| state32[k] == *x as f32));
        }
    }
}

#[test]
fn what_an_objective_does_not_need_may_be_left_out() {
    let vp = Noising { family: Family::Vp, schedule: Schedule::Linear { min: 0.1, max: 20.0 } };
    let times = Times::stratified(0.1, 0.9).draw(2, 1, 2);
    let fill = |objective: Objective, source: &[f64], noise: &[f64]| {
        let (mut state, mut target, mut weights) = ([0.0_f32; 4], [0.0; 4], [0.0; 2]);
        let draws = Draws { dim: 2, times: &times, source, data: &[1.0; 4], noise };
        let pairs = Pairs { state: &mut state, target: &mut target, weights: &mut weights };
        objective.fill(draws, pairs).map(|()| state)
    };
    let (full, none) = ([2.0; 4], []);
    for objective in [denoising(vp, Predicts::Noise, Weight::Uniform), flow(Path::Target, 0.1)] {
        assert_eq!(fill(objective, &none, &full).unwrap(), fill(objective, &full, &full).unwrap());
        assert!(fill(objective, &none, &none).is_err());
    }
    let rectified = flow(Path::Linear, 0.0);
    assert_eq!(fill(rectified, &full, &none).unwrap(), fill(rectified, &full, &full).unwrap());
    assert!(fill(rectified, &none, &none).is_err());
    assert!(fill(rectified, &full, &[1.0; 3]).is_err());
    assert!(fill(flow(Path::Linear, 0.1), &full, &none).is_err());
}

#[test]
fn settings_without_meaning_are_refused() {
    let vp = Noising { family: Family::Vp, schedule: Schedule::Linear { min: 0.1, max: 20.0 } };
    let cosine = Noising { family: Family::Vp, schedule: Schedule::Cosine };
    let inside = Times::stratified(0.001, 0.98);
    let matching = |path, sigma, weight| Objective::Matching { path, sigma, weight };
    for (objective, times) in [
        (denoising(vp, Predicts::V, Weight::MinSnr { gamma: 5.0 }), inside),
        (denoising(cosine, Predicts::Score, Weight::Likelihood), inside),
        (flow(Path::Bridge, 1.0), inside),
        (flow(Path::Target, 1.0), Times::stratified(0.0, 1.0)),
        (matching(Path::Bridge, 1.0, Weight::Bridge), inside),
    ] {
        objective.check(&times).unwrap();
    }
    let spread = Times { spread: Spread::LogSnr(cosine), ..inside };
    for (objective, times) in [
        (denoising(vp, Predicts::Velocity, Weight::Uniform), inside),
        (denoising(vp, Predicts::Score, Weight::Bridge), inside),
        (denoising(vp, Predicts::Score, Weight::MinSnr { gamma: 0.0 }), inside),
        (denoising(vp, Predicts::Score, Weight::MinSnr { gamma: f64::NAN }), inside),
        (denoising(vp, Predicts::Score, Weight::Uniform), Times::stratified(0.0, 0.98)),
        (denoising(vp, Predicts::Score, Weight::Uniform), Times::stratified(0.5, 0.5)),
        (denoising(vp, Predicts::Score, Weight::Uniform), spread),
        (denoising(cosine, Predicts::Score, Weight::Uniform), Times::stratified(0.1, 1.0)),
        (flow(Path::Bridge, 1.0), Times::stratified(0.0, 0.9)),
        (flow(Path::Bridge, 1.0), Times::stratified(0.1, 1.0)),
        (flow(Path::Linear, -0.1), inside),
        (flow(Path::Linear, f64::NAN), inside),
        (flow(Path::Linear, f64::INFINITY), inside),
        (flow(Path::Target, 1.5), inside),
        (flow(Path::Linear, 0.1), Times::stratified(0.5, f64::NAN)),
        (flow(Path::Linear, 0.1), spread),
        (matching(Path::Linear, 0.1, Weight::Sigma2), inside),
    ] {
        let message = objective.check(&times).expect_err(&format!("{objective:?} {times:?}")).to_string();
        assert!(message.contains("expected") && message.contains("got"), "{message}");
    }
    assert!(Method::from_name("fm").unwrap_err().to_string().contains("sb-cfm"));
    assert!(Weight::from_name("snr").unwrap_err().to_string().contains("min-snr"));
    for name in Weight::NAMES {
        assert_eq!(Weight::from_name(name).unwrap().name(), name);
    }
    for name in Method::NAMES {
        assert_eq!(Method::from_name(name).unwrap().name(), name);
    }
    assert_eq!(Mix::default(), Mix { source: 0.0, data: 0.0, noise: 0.0 });
}

#[test]
fn every_epoch_meets_every_row_once() {
    for (count, batch) in [(1, 3), (7, 3), (10, 10), (12, 5)] {
        let mut order = Order::new(9, count).unwrap();
        let rows: Vec<usize> = (0..count as u64 * 3).flat_map(|step| order.rows(step, batch)).collect();
        for epoch in rows.chunks(count) {
            let mut epoch = epoch.to_vec();
            epoch.sort_unstable();
            assert_eq!(epoch, (0..count).collect::<Vec<_>>());
        }
        // Going back, or starting in the middle, gives the same.
        let again = Order::new(9, count).unwrap().rows(2, batch);
        assert_eq!((&again, &order.rows(2, batch)), (&rows[2 * batch..3 * batch].to_vec(), &again));
    }
    let first: Vec<usize> = Order::new(9, 50).unwrap().rows(0, 50);
    assert_ne!(first, Order::new(9, 50).unwrap().rows(1, 50));
    assert_ne!(first, Order::new(8, 50).unwrap().rows(0, 50));
    assert!(Order::new(9, 0).is_err());
    assert_eq!(Order::new(9, 3).unwrap().rows(u64::MAX, 4).len(), 4);
}
