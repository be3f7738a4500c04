//! Optimiser, learning rate and moving average against PyTorch and closed forms.

use super::{close, numbers, references};
use surefoot::train::optimiser::{Adam, AdamSettings, Average, Decay, Optimiser, Rate, global_norm};

fn optimiser(settings: AdamSettings, rate: f64, size: usize) -> Optimiser {
    Optimiser { adam: Adam::new(settings, size), rate: Rate::constant(rate), clip: None, average: None }
}

/// The gradients of `references.py`.
fn gradient(step: usize, size: usize) -> Vec<f32> {
    let entry = |i: usize| (0.7 * i as f64 + 1.3 * step as f64).sin() * 10f64.powi((i % 5) as i32 - 2);
    (0..size).map(|i| entry(i) as f32).collect()
}

#[test]
fn steps_are_those_of_pytorch() {
    let reference = &references()["adam"];
    let settings = AdamSettings { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weight_decay: 0.1 };
    let mut optimiser = Optimiser { clip: Some(50.0), ..optimiser(settings, 0.01, 7) };
    let mut weights: Vec<f32> = (0..7).map(|i| -1.0 + i as f32 / 3.0).collect();
    let norms = numbers(&reference["norms"]);
    assert!(norms.iter().any(|norm| *norm > 50.0) && norms.iter().any(|norm| *norm < 50.0));
    for (step, norm) in norms.into_iter().enumerate() {
        let done = optimiser.step(&mut weights, &gradient(step, 7)).unwrap();
        assert!(close(done.norm, norm, 1e-6), "step {step}: {} {norm}", done.norm);
        for (found, expected) in weights.iter().zip(numbers(&reference["weights"][step])) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "step {step}: {found} {expected}");
        }
    }
}

/// With a constant gradient both corrected means are exact from the first step on.
#[test]
fn a_constant_gradient_moves_weights_evenly() {
    for size in [1, 3, 8, 37] {
        let mut optimiser = optimiser(AdamSettings { epsilon: 0.5, ..AdamSettings::default() }, 0.01, size);
        let gradient: Vec<f32> = (0..size).map(|i| i as f32 - 1.5).collect();
        let mut weights = vec![1.0_f32; size];
        for step in 1..=50 {
            optimiser.step(&mut weights, &gradient).unwrap();
            for (w, g) in weights.iter().zip(&gradient) {
                let expected = 1.0 - f64::from(step) * 0.01 * f64::from(g / (g.abs() + 0.5));
                assert!((f64::from(*w) - expected).abs() < 1e-5, "size {size}, step {step}: {w} {expected}");
            }
        }
    }
}

#[test]
fn a_quadratic_is_minimised_and_decay_shrinks() {
    let minimum = [0.3_f32, -2.0, 5.0];
    let mut down = Optimiser {
        rate: Rate { peak: 0.1, warmup: 20, decay: Decay::Cosine { steps: 1000, last: 0.0 } },
        ..optimiser(AdamSettings::default(), 0.1, 3)
    };
    let mut weights = [0.0_f32; 3];
    for _ in 0..1000 {
        let gradient: Vec<f32> =
            weights.iter().zip(&minimum).zip([1.0, 10.0, 0.1]).map(|((w, m), k)| k * (w - m)).collect();
        down.step(&mut weights, &gradient).unwrap();
    }
    assert!(weights.iter().zip(&minimum).all(|(w, m)| (w - m).abs() < 1e-3), "{weights:?}");
    let mut shrinking = optimiser(AdamSettings { weight_decay: 0.5, ..AdamSettings::default() }, 0.1, 1);
    let mut weight = [2.0_f32];
    for _ in 0..10 {
        shrinking.step(&mut weight, &[0.0]).unwrap();
    }
    assert!(close(f64::from(weight[0]), 2.0 * 0.95_f64.powi(10), 1e-6), "{weight:?}");
}

#[test]
fn gradients_are_clipped_by_their_length() {
    for size in [1, 15, 16, 17, 100] {
        let gradient = vec![-3.0_f32; size];
        assert!(close(global_norm(&gradient), 3.0 * (size as f64).sqrt(), 1e-15));
    }
    assert_eq!(global_norm(&[]), 0.0);
    assert!(close(global_norm(&[3e18, 4e18]), 5e18, 1e-6));
    let moved = |clip: Option<f64>| {
        let mut optimiser = Optimiser { clip, ..optimiser(AdamSettings::default(), 0.1, 2) };
        let step = optimiser.step(&mut [0.0, 0.0], &[3.0, 4.0]).unwrap();
        assert_eq!((step.norm, step.rate), (5.0, 0.1));
        optimiser.adam.first
    };
    assert_eq!(moved(Some(5.0)), moved(None));
    for (first, expected) in moved(Some(1.0)).into_iter().zip([0.06, 0.08]) {
        assert!((first - expected).abs() < 1e-8);
    }
}

#[test]
fn learning_rates_warm_up_and_fall() {
    let rate = Rate { peak: 2.0, warmup: 4, decay: Decay::Cosine { steps: 12, last: 0.5 } };
    let expected = [(0, 0.5), (3, 2.0), (4, 2.0), (8, 1.25), (12, 0.5), (1000, 0.5)];
    assert!(expected.iter().all(|(step, value)| close(rate.at(*step), *value, 1e-15)));
    let sixth = 0.5 + 0.75 * (1.0 + 0.5_f64.sqrt());
    assert!(close(rate.at(6), sixth, 1e-15));
    let constant = Rate { peak: 2.0, warmup: 1, decay: Decay::Constant };
    assert!([0, 1, 99].iter().all(|step| constant.at(*step) == 2.0));
    // A warm-up longer than the training ends in the last rate.
    let short = Rate { peak: 2.0, warmup: 4, decay: Decay::Cosine { steps: 4, last: 0.5 } };
    assert_eq!((short.at(3), short.at(4)), (2.0, 0.5));
}

#[test]
fn averages_forget_at_their_rate() {
    let mut average = Average::new(0.9, false, &[1.0, -3.0]);
    for n in 1..=30 {
        average.update(&[2.0, 2.0]).unwrap();
        for (found, start) in average.weights.iter().zip([1.0, -3.0]) {
            let expected = 2.0 + 0.9_f64.powi(n) * (start - 2.0);
            assert!((f64::from(*found) - expected).abs() < 1e-5);
        }
    }
    let mut warm = Average::new(0.9, true, &[0.0]);
    let mut left = 1.0;
    for n in 0..200 {
        warm.update(&[1.0]).unwrap();
        left *= (f64::from(1 + n) / f64::from(10 + n)).min(0.9);
        assert!((1.0 - f64::from(warm.weights[0]) - left).abs() < 1e-6);
    }
}

#[test]
fn a_state_read_back_continues_with_the_same_bits() {
    let settings = AdamSettings { weight_decay: 0.01, ..AdamSettings::default() };
    let mut weights: Vec<f32> = (0..7).map(|i| (0.3 * i as f32).cos()).collect();
    let mut running = Optimiser {
        rate: Rate { peak: 0.003, warmup: 5, decay: Decay::Cosine { steps: 40, last: 1e-5 } },
        clip: Some(1.0),
        average: Some(Average::new(0.99, true, &weights)),
        ..optimiser(settings, 0.003, 7)
    };
    for step in 0..17 {
        running.step(&mut weights, &gradient(step, 7)).unwrap();
    }
    let mut read: Optimiser = serde_json::from_str(&serde_json::to_string(&running).unwrap()).unwrap();
    assert_eq!(read, running);
    let mut other = weights.clone();
    for step in 17..40 {
        running.step(&mut weights, &gradient(step, 7)).unwrap();
        read.step(&mut other, &gradient(step, 7)).unwrap();
    }
    let bits = |values: &[f32]| values.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&weights), bits(&other));
    assert_eq!(read, running);
}

#[test]
fn bad_steps_are_refused_and_change_nothing() {
    let sound = optimiser(AdamSettings::default(), 0.1, 2);
    let attempt = |mut optimiser: Optimiser, gradient: &[f32]| {
        let before = optimiser.clone();
        let mut weights = [1.0_f32, 2.0];
        let message = optimiser.step(&mut weights, gradient).expect_err("must be refused").to_string();
        assert!(message.contains("expected") && message.contains("got"), "{message}");
        assert_eq!((weights, format!("{optimiser:?}")), ([1.0, 2.0], format!("{before:?}")));
    };
    for gradient in [&[f32::NAN, 0.0][..], &[f32::INFINITY, 0.0], &[3e38, 3e38], &[1.0], &[]] {
        attempt(sound.clone(), gradient);
    }
    let adam = |settings| Optimiser { adam: Adam::new(settings, 2), ..sound.clone() };
    let good = [1.0_f32, 1.0];
    let usual = AdamSettings::default();
    attempt(adam(AdamSettings { beta1: 1.0, ..usual }), &good);
    attempt(adam(AdamSettings { beta2: f64::NAN, ..usual }), &good);
    attempt(adam(AdamSettings { epsilon: 0.0, ..usual }), &good);
    attempt(adam(AdamSettings { weight_decay: -1.0, ..usual }), &good);
    attempt(Optimiser { adam: Adam::new(usual, 3), ..sound.clone() }, &good);
    attempt(Optimiser { clip: Some(0.0), ..sound.clone() }, &good);
    attempt(Optimiser { rate: Rate::constant(f64::NAN), ..sound.clone() }, &good);
    attempt(Optimiser { average: Some(Average::new(1.0, false, &good)), ..sound.clone() }, &good);
    attempt(Optimiser { average: Some(Average::new(0.5, false, &[1.0])), ..sound.clone() }, &good);
}
