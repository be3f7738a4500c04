//! All estimators on the same points: two classes of differing dimension with a known score, apart and together (theory §10).

mod common;

use common::{diffusion, flow, gaussian};
use std::sync::Arc;
use surefoot::dimension::{
    Asked, Copies, Known, Neighbourhoods, OfGeneration, OfSample, OfScore, SampleSettings, ScoreSettings,
    Standing, flipd, normal_bundle,
};
use surefoot::field::{Mixture, SharedField};
use surefoot::process::{Drift, Family, Noising, Schedule};
use surefoot::sweep::Divergence;

/// σ from 5 to 0.01, evenly in its logarithm.
const VE: Noising =
    Noising { family: Family::Ve, schedule: Schedule::Geometric { sigma_min: 0.01, sigma_max: 5.0 } };
const DIM: usize = 5;
/// Variances of the two classes, a line and a three-plane; the second lies 9 above the first.
const VARIANCES: [[f64; DIM]; 2] = [[1.0, 0.0, 0.0, 0.0, 0.0], [0.8, 0.6, 0.7, 0.0, 0.0]];
const HEIGHT: f64 = 9.0;
const SETTINGS: ScoreSettings = ScoreSettings {
    copies: Copies {
        copies: 80,
        clarity: surefoot::dimension::Clarity { factor: 2.0, least: 0.25 },
        seed: 3,
    },
    trace: Divergence::Exact,
    seed: 3,
};

fn two_classes() -> Drift {
    let means = [[0.0; DIM], [0.0, 0.0, 0.0, 0.0, HEIGHT]].concat();
    let covariance = |variances: &[f64; DIM]| {
        (0..DIM * DIM).map(|i| if i % (DIM + 1) == 0 { variances[i / DIM] } else { 0.0 }).collect::<Vec<_>>()
    };
    let covariances = VARIANCES.iter().flat_map(covariance).collect::<Vec<_>>();
    let field: SharedField = Arc::new(Mixture::new(DIM, &[1.0, 2.0], &means, &covariances, 0.0).unwrap());
    diffusion(field, VE, 0.0)
}

/// Three points of a class.
fn points(class: usize) -> Vec<f64> {
    let at = |i: usize, c: usize| {
        let along = VARIANCES[class][c].sqrt() * (0.9 - 0.7 * i as f64 + 0.2 * c as f64);
        along + if class == 1 && c + 1 == DIM { HEIGHT } else { 0.0 }
    };
    (0..3).flat_map(|i| (0..DIM).map(move |c| at(i, c))).collect()
}

fn ask(asked: &Asked) -> [OfScore; 3] {
    let scored =
        [0, 1].map(|class| asked.ask(&points(class), &[0, 1, 2].map(|i| i + 3 * class as u64), SETTINGS));
    let [line, plane] = &scored;
    [
        asked.together(&[line], SETTINGS),
        asked.together(&[plane], SETTINGS),
        asked.together(&[line, plane], SETTINGS),
    ]
}

/// Far apart, each class is a Gaussian of its own: FLIPD is Σ [1 − σ²/v_i + σ² x_i²/v_i²] with v_i = its variance + σ².
#[test]
fn two_classes_have_their_own_dimensions() {
    let asked = Asked::at(&two_classes(), 0.1).unwrap();
    let found = ask(&asked);
    let sigma = 0.01 * 500f64.powf(0.1);
    for (class, d) in [(0, 1), (1, 3)] {
        let OfScore { scale, normal_bundle, flipd, .. } = &found[class];
        assert!((scale.unwrap().ratio - sigma).abs() < 1e-15);
        let ensemble = &normal_bundle.found().unwrap().ensemble;
        assert_eq!((ensemble.gap.dimension, ensemble.gap.standing), (d, Standing::Clear));
        assert_eq!(ensemble.answers.each, [d; 3]);
        for (x, value) in points(class).chunks(DIM).zip(&flipd.found().unwrap().each) {
            let term = |i: usize| {
                let v = VARIANCES[class][i] + sigma * sigma;
                let x = if class == 1 && i + 1 == DIM { x[i] - HEIGHT } else { x[i] };
                1.0 - sigma * sigma / v + (sigma * x / v).powi(2)
            };
            let want: f64 = (0..DIM).map(term).sum();
            assert!((value - want).abs() < 1e-9, "class {class}: {value} against {want}");
            assert!((value - d as f64).abs() < 0.01);
        }
    }
    let answers = &found[2].normal_bundle.found().unwrap().ensemble.answers.each;
    assert_eq!(*answers, [1, 1, 1, 3, 3, 3]);
}

/// Points that are asked class by class and put together give what all give at once, to the bit.
#[test]
fn parts_put_together_are_the_whole() {
    let asked = Asked::at(&two_classes(), 0.3).unwrap();
    let [.., together] = ask(&asked);
    let score = asked.score.found().unwrap();
    let all = [points(0), points(1)].concat();
    assert_eq!(
        together.normal_bundle.found().unwrap(),
        &normal_bundle(score, &all, SETTINGS.copies).unwrap()
    );
    assert_eq!(together.flipd.found().unwrap(), &flipd(score, &all, Divergence::Exact, 3).unwrap());
    // A point's noise is that of its stream, wherever it stands.
    let moved = asked.ask(&points(1), &[9, 3, 4], SETTINGS);
    let moved = asked.together(&[&moved], SETTINGS);
    assert_ne!(moved.normal_bundle, ask(&asked)[1].normal_bundle);
}

#[test]
fn what_is_not_known_says_why() {
    // A flow has no score.
    let asked = Asked::at(&flow(gaussian(&[1.0, 0.5], VE, 0.0).field), 0.5).unwrap();
    let scored = asked.ask(&[0.0, 0.0], &[0], SETTINGS);
    let found = asked.together(&[&scored], SETTINGS);
    let Known::Not { not_known } = &found.flipd else { panic!("found") };
    assert!(not_known.contains("velocity") && found.scale.is_none());
    assert!(found.normal_bundle.found().is_none());
    // On a line there is no gap for NB, while FLIPD of N(0, 1) is known.
    let asked = Asked::at(&gaussian(&[1.0], VE, 0.0), 0.0).unwrap();
    let found = asked.together(&[&asked.ask(&[0.5], &[0], SETTINGS)], SETTINGS);
    assert!(matches!(found.normal_bundle, Known::Not { .. }));
    let flipd = found.flipd.found().unwrap();
    let v = 1.0 + 1e-4;
    assert!((flipd.each[0] - (1.0 - 1e-4 / v + 1e-4 * 0.25 / (v * v))).abs() < 1e-12);
    assert!(flipd.mean.is_none());
    // Fewer streams than points, and times outside the process.
    assert!(matches!(
        asked.together(&[&asked.ask(&[0.5, 0.6], &[0], SETTINGS)], SETTINGS).flipd,
        Known::Not { .. }
    ));
    for time in [-0.1, 1.5, f64::NAN] {
        assert!(Asked::at(&gaussian(&[1.0], VE, 0.0), time).is_err(), "{time}");
    }
    // One vector has no gap, three points no ten neighbours, and repeated points no neighbours at all.
    let unknown = Known::Not { not_known: "a flow".into() };
    let one = OfGeneration::of(&[0.3, 0.2], 3, 1, &unknown, 0);
    assert!(matches!((&one.gap, &one.spread), (Known::Not { .. }, Known::Not { .. })));
    assert_eq!(one.log_growth.len(), 1);
    let settings = SampleSettings { likelihood: Neighbourhoods::default(), pca: vec![2, 20] };
    let few = OfSample::of(1, &[0.0, 1.0, 3.0], &settings);
    assert_eq!(few.rows, 3);
    assert!(few.two_nn.found().is_some() && few.levina_bickel.found().is_none());
    assert!(few.local_pca[0].found.found().is_some() && few.local_pca[1].found.found().is_none());
    let same = OfSample::of(1, &[1.0; 30], &settings);
    assert!(same.two_nn.found().is_none() && same.levina_bickel.found().is_none());
}
