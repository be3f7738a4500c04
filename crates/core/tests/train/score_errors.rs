//! The error of a learned score beside closed forms of Gaussian data.

use crate::common::{GaussianScore, diffusion, flow, noisings};
use std::sync::Arc;
use surefoot::field::{Data, Field, Moment, SharedField};
use surefoot::process::{Drift, Family, Noising, Predicts, Process, Schedule};
use surefoot::train::{ScoreErrors, ScoreProbe};

/// A score, answered as a network of another meaning would: ε = −σ s, x̂_0 = (x + σ² s)/m, v = m ε − σ x̂_0.
struct Meaning {
    score: SharedField,
    predicts: Predicts,
}

impl Field for Meaning {
    fn dim(&self) -> usize {
        self.score.dim()
    }
    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.score.eval(at, x, y);
        let Moment { signal: m, noise, .. } = at;
        for (y, x) in y.iter_mut().zip(x) {
            let (epsilon, denoised) = (-noise * *y, (x + noise * noise * *y) / m);
            *y = match self.predicts {
                Predicts::Noise => epsilon,
                Predicts::Denoised => denoised,
                Predicts::V => m * epsilon - noise * denoised,
                _ => *y,
            };
        }
    }
    fn tangents(&self, _: Moment, _: &[f64], _: &[f64], _: &mut [f64], _: &mut [f64]) {
        unreachable!("the error of a score takes no derivatives")
    }
    fn adjoint(&self, _: Moment, _: &[f64], _: &[f64], _: &mut [f64], _: &mut [f64]) {
        unreachable!("the error of a score takes no derivatives")
    }
}

const VP: Noising = Noising { family: Family::Vp, schedule: Schedule::Linear { min: 0.1, max: 20.0 } };

fn learned(score: SharedField, noising: Noising, predicts: Predicts) -> Drift {
    Drift { predicts, ..diffusion(Arc::new(Meaning { score, predicts }), noising, 0.0) }
}

fn probe(data: &Data, bandwidth: f64, levels: usize, points: usize, seed: u64) -> ScoreProbe {
    let (law, score) = (data.law(bandwidth).unwrap(), data.score(bandwidth).unwrap());
    ScoreProbe { law, score, times: [0.01, 0.97], levels, points, seed }
}

fn gaussian(variances: &[f64]) -> Data {
    Data::Gaussian { variances: variances.to_vec() }
}

/// With equal variances a of the data and b of the model both scores are multiples of x: the relative error is
/// |(m²a + σ²)/(m²b + σ²) − 1| at every point, whatever the process and the meaning of the output.
#[test]
fn a_wrong_variance_has_its_closed_form_for_every_process_and_meaning() {
    let (a, b) = (1.7, 0.6);
    for noising in noisings() {
        for predicts in [Predicts::Score, Predicts::Noise, Predicts::Denoised, Predicts::V] {
            for dim in [1, 3] {
                let drift = learned(Arc::new(GaussianScore(vec![b; dim])), noising, predicts);
                let found = probe(&gaussian(&vec![a; dim]), 0.0, 5, 40, 3).measure(&drift).unwrap();
                for level in &found.levels {
                    let (m, noise) = (noising.signal(level.time), noising.noise(level.time));
                    assert_eq!([level.signal, level.noise], [m, noise]);
                    let of = |variance: f64| m * m * variance + noise * noise;
                    let expected = (of(a) / of(b) - 1.0).abs();
                    for got in [Some(level.error.value), level.error.low, level.error.high] {
                        let got = got.unwrap();
                        assert!(
                            (got - expected).abs() < 1e-9 * (1.0 + expected),
                            "{noising:?} {predicts:?} {got}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn the_exact_score_has_no_error_and_a_score_of_zero_has_all() {
    let laws = [
        (gaussian(&[0.4]), 0.0),
        (gaussian(&[2.0, 0.0, 0.5]), 0.0),
        (Data::TWO_MOONS, 0.0),
        (Data::TwoMoons { scale: 3.0, shift: -1.0, strip: 0.0 }, 0.2),
        (Data::EIGHT_GAUSSIANS, 0.1),
        (Data::SPHERE, 0.0),
        (Data::SWISS_ROLL, 0.05),
    ];
    for (data, bandwidth) in laws {
        let probe = probe(&data, bandwidth, 4, 30, 1);
        let found = probe.measure(&diffusion(probe.score.clone(), VP, 1.0)).unwrap();
        let all = found.levels.iter().map(|level| level.error).chain([found.overall]);
        for error in all {
            assert_eq!([Some(error.value), error.low, error.high], [Some(0.0); 3], "{data:?}");
            assert_eq!(error.n, 30);
        }
        for predicts in [Predicts::Noise, Predicts::Denoised, Predicts::V] {
            let found = probe.measure(&learned(probe.score.clone(), VP, predicts)).unwrap();
            assert!(found.overall.value < 1e-10, "{data:?} {predicts:?} {:?}", found.overall);
        }
        // A variance without end: the score is 0.
        let nothing = Arc::new(GaussianScore(vec![1e300; data.dim()]));
        let found = probe.measure(&diffusion(nothing, VP, 0.0)).unwrap();
        let all = found.levels.iter().map(|level| level.error.value).chain([found.overall.value]);
        all.for_each(|value| assert!((value - 1.0).abs() < 1e-12, "{data:?} {value}"));
    }
}

/// Noise added to the data is in the law and in the score: N(0, a) with noise h is N(0, a + h²).
#[test]
fn noise_of_the_data_counts() {
    let drift = diffusion(Arc::new(GaussianScore(vec![1.0 + 0.25])), VP, 0.0);
    let right = probe(&gaussian(&[1.0]), 0.5, 4, 50, 0).measure(&drift).unwrap();
    assert!(right.overall.value < 1e-14, "{:?}", right.overall);
    let without = probe(&gaussian(&[1.0]), 0.0, 4, 50, 0).measure(&drift).unwrap();
    assert!(without.levels[0].error.value > 0.1, "{without:?}");
}

/// With variances a_i of the data, b_i of the model, v = m²a + σ² and w = m²b + σ²: E|s_θ − s|² = Σ v_i (1/w_i − 1/v_i)²
/// and E|s|² = Σ 1/v_i.
#[test]
fn intervals_cover_the_closed_form_of_unequal_variances() {
    let (a, b) = ([2.0, 0.3], [0.9, 0.5]);
    let drift = learned(Arc::new(GaussianScore(b.to_vec())), VP, Predicts::Noise);
    let (seeds, levels) = (60, 3);
    let mut covered = vec![0; levels + 1];
    for seed in 0..seeds {
        let found: ScoreErrors = probe(&gaussian(&a), 0.0, levels, 400, seed).measure(&drift).unwrap();
        let (mut missed, mut exact) = (0.0, 0.0);
        let errors: Vec<_> = found.levels.iter().map(|level| level.error).chain([found.overall]).collect();
        let mut truths = Vec::new();
        for level in &found.levels {
            let of = |variance: f64| level.signal.powi(2) * variance + level.noise.powi(2);
            let pairs = || a.iter().map(|a| of(*a)).zip(b.iter().map(|b| of(*b)));
            let square: f64 = pairs().map(|(v, w)| v * (1.0 / w - 1.0 / v).powi(2)).sum();
            let whole: f64 = pairs().map(|(v, _)| 1.0 / v).sum();
            missed += level.noise.powi(2) * square;
            exact += level.noise.powi(2) * whole;
            truths.push((square / whole).sqrt());
        }
        truths.push((missed / exact).sqrt());
        for ((error, truth), covered) in errors.iter().zip(truths).zip(&mut covered) {
            let (low, high) = (error.low.unwrap(), error.high.unwrap());
            assert!(low <= error.value && error.value <= high, "{error:?}");
            assert!((error.value / truth - 1.0).abs() < 0.25, "{error:?} {truth}");
            *covered += usize::from(low <= truth && truth <= high);
        }
    }
    // 57 of 60 in the mean; fewer than 51 with a chance below 1 %.
    assert!(covered.iter().all(|count| (51..=60).contains(count)), "{covered:?}");
}

#[test]
fn levels_are_evenly_spaced_from_the_data_to_noise() {
    let steep = Noising { family: Family::Ou, schedule: Schedule::Linear { min: 0.1, max: 2000.0 } };
    for noising in noisings().into_iter().chain([steep]) {
        let drift = diffusion(Arc::new(GaussianScore(vec![1.0])), noising, 0.0);
        let with = |levels| ScoreProbe { levels, ..probe(&gaussian(&[2.0]), 0.0, 1, 2, 0) };
        for levels in [1, 2, 3, 12] {
            let found = with(levels).measure(&drift).unwrap().levels;
            assert_eq!(found.len(), levels);
            assert_eq!(found[0].time, 0.01);
            assert!(levels == 1 || found[levels - 1].time == 0.97);
            assert!(found.iter().all(|level| level.error.value.is_finite()), "{found:?}");
            let places: Vec<f64> =
                found.iter().map(|level| level.noise.ln() - noising.log_signal(level.time)).collect();
            let gaps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(
                gaps.iter().all(|gap| (gap / gaps[0] - 1.0).abs() < 1e-7 && *gap > 0.0),
                "{noising:?} {gaps:?}"
            );
        }
    }
}

#[test]
fn one_point_has_no_interval_and_threads_change_no_bit() {
    let drift = learned(Arc::new(GaussianScore(vec![0.7, 0.2])), VP, Predicts::V);
    let one = probe(&Data::TWO_MOONS, 0.0, 2, 1, 5).measure(&drift).unwrap();
    assert!(one.overall.value > 0.0 && one.overall.low.is_none() && one.levels[1].error.high.is_none());
    for points in [2, 127, 300] {
        let measure = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| probe(&Data::TWO_MOONS, 0.0, 3, points, 5).measure(&drift).unwrap())
        };
        let found = measure(1);
        assert_eq!(found, measure(3));
        // The first points are those of a smaller measurement: one point a stream.
        assert_ne!(found, probe(&Data::TWO_MOONS, 0.0, 3, points, 6).measure(&drift).unwrap());
    }
}

#[test]
fn what_has_no_meaning_is_refused() {
    let good = || probe(&gaussian(&[1.0, 1.0]), 0.0, 3, 5, 0);
    let drift = diffusion(Arc::new(GaussianScore(vec![1.0, 1.0])), VP, 0.0);
    let refused = |probe: ScoreProbe, drift: &Drift, words: &[&str]| {
        let text = probe.measure(drift).unwrap_err().to_string();
        words.iter().for_each(|word| assert!(text.contains(word), "{text} lacks {word}"));
    };
    let velocity = flow(Arc::new(GaussianScore(vec![1.0, 1.0])));
    assert_eq!(velocity.process, Process::Flow);
    refused(good(), &velocity, &["diffusion", "flow"]);
    refused(ScoreProbe { levels: 0, ..good() }, &drift, &["noise level", "0 and 5"]);
    refused(ScoreProbe { points: 0, ..good() }, &drift, &["point", "3 and 0"]);
    refused(ScoreProbe { times: [0.0, 1.0], ..good() }, &drift, &["σ"]);
    refused(ScoreProbe { times: [0.5, 0.5], ..good() }, &drift, &["end < start"]);
    refused(ScoreProbe { times: [f64::NAN, 1.0], ..good() }, &drift, &["end < start"]);
    refused(probe(&gaussian(&[1.0]), 0.0, 3, 5, 0), &drift, &["dimension 2", "1 and 1"]);
}
