//! Data sets without meaning are refused by name; sizes of any order cost neither memory nor time.

use surefoot::Error;
use surefoot::field::{Data, Moment};
use surefoot::random::{Purpose, stream};

/// Refused by score and sampler alike, in words that name the parameter.
fn assert_refused(data: &Data, bandwidth: f64, parameter: &str) {
    let outcomes = [data.score(bandwidth).map(|_| ()), data.law(bandwidth).map(|_| ())];
    for outcome in outcomes {
        let Err(Error::Invalid { expected, got, remedy, .. }) = outcome else {
            panic!("{data:?} with bandwidth {bandwidth} was taken");
        };
        assert!(expected.contains(parameter), "{data:?}: {expected} does not name {parameter}");
        assert!(!got.is_empty() && !remedy.is_empty());
    }
}

const NOT_POSITIVE: [f64; 5] = [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

#[test]
fn sizes_must_be_positive_and_finite() {
    for bad in NOT_POSITIVE {
        assert_refused(&Data::TwoMoons { scale: bad, shift: 0.0, strip: 0.0 }, 0.1, "scale");
        assert_refused(&Data::Circle { radius: bad }, 0.1, "radius");
        assert_refused(&Data::Spiral { pitch: bad }, 0.1, "pitch");
        assert_refused(&Data::Sphere { radius: bad }, 0.1, "radius");
        assert_refused(&Data::HighSphere { dim: 4, ambient: 5, radius: bad }, 0.1, "radius");
        assert_refused(&Data::Torus { major: 2.0, minor: bad }, 0.1, "minor");
        assert_refused(&Data::Torus { major: bad, minor: 1.0 }, 0.1, "major");
        assert_refused(&Data::Disc { radius: bad }, 0.1, "radius");
        assert_refused(&Data::SwissRoll { pitch: bad, height: 1.0 }, 0.1, "pitch");
        assert_refused(&Data::SwissRoll { pitch: 0.1, height: bad }, 0.1, "height");
    }
}

#[test]
fn spreads_may_be_0_but_not_less() {
    for bad in &NOT_POSITIVE[1..] {
        assert_refused(&Data::EightGaussians { radius: *bad, variance: 1.0 }, 0.1, "radius");
        assert_refused(&Data::EightGaussians { radius: 1.0, variance: *bad }, 0.1, "variance");
        assert_refused(&Data::Gaussian { variances: vec![1.0, *bad] }, 0.1, "variance");
        assert_refused(&Data::CIRCLE, *bad, "bandwidth");
        assert_refused(&Data::Trefoil, *bad, "bandwidth");
        let strip = Data::TwoMoons { scale: 1.0, shift: 0.0, strip: *bad };
        assert_refused(&strip, 0.1, "strip");
    }
    for shift in [f64::NAN, f64::INFINITY] {
        assert_refused(&Data::TwoMoons { scale: 1.0, shift, strip: 0.0 }, 0.1, "shift");
    }
    let flat = [Data::Gaussian { variances: vec![0.0] }, Data::EightGaussians { radius: 0.0, variance: 0.0 }];
    assert!(flat.iter().all(|data| data.score(0.0).is_ok() && data.law(0.0).is_ok()));
}

#[test]
fn combinations_without_meaning_are_refused() {
    assert_refused(&Data::Gaussian { variances: vec![] }, 0.1, "variance");
    for minor in [2.0, 3.0] {
        assert_refused(&Data::Torus { major: 2.0, minor }, 0.1, "minor < major");
    }
    let strip = Data::TwoMoons { scale: 1.0, shift: 0.0, strip: 0.1 };
    assert!(
        matches!(strip.score(0.1).map(|_| ()), Err(Error::Invalid { expected, .. }) if expected.contains("strip"))
    );
    assert!(strip.law(0.1).is_ok());
}

#[test]
fn point_files_must_hold_points() {
    let points = |dim: usize, nodes: &[f64], weights: &[f64]| Data::Points {
        dim,
        nodes: nodes.into(),
        weights: weights.to_vec(),
    };
    assert!(points(2, &[0.0; 4], &[]).score(0.1).is_ok());
    for (dim, nodes) in [(2, &[][..]), (0, &[1.0][..]), (2, &[1.0; 3]), (usize::MAX, &[1.0; 3])] {
        assert_refused(&points(dim, nodes, &[]), 0.1, "coordinates");
    }
    for bad in [f64::NAN, f64::INFINITY] {
        assert_refused(&points(2, &[0.0, bad], &[]), 0.1, "coordinates");
        assert_refused(&points(1, &[0.0, 1.0], &[1.0, bad]), 0.1, "weights");
    }
    assert_refused(&points(2, &[0.0; 4], &[1.0]), 0.1, "weight");
    assert_refused(&points(1, &[0.0, 1.0], &[0.0, 0.0]), 0.1, "weights");
    assert_refused(&points(1, &[0.0, 1.0], &[2.0, -1.0]), 0.1, "weights");
    assert_refused(&points(1, &[0.0, 1.0], &[f64::MAX, f64::MAX]), 0.1, "weights");
    assert_refused(&points(2, &[0.0; 4], &[]), -0.1, "bandwidth");
}

#[test]
fn extreme_sizes_end_in_numbers_of_their_own() {
    for size in [1e-300, 1e-100, 1e-9, 1e9, 1e100, 1e300] {
        let data = [
            Data::TwoMoons { scale: size, shift: size, strip: 0.0 },
            Data::Circle { radius: size },
            Data::Spiral { pitch: size },
            Data::EightGaussians { radius: size, variance: size },
            Data::Sphere { radius: size },
            Data::Torus { major: size, minor: 0.5 * size },
            Data::Disc { radius: size },
            Data::SwissRoll { pitch: size, height: size },
        ];
        for data in data {
            let law = data.law(0.0).unwrap();
            let mut x = vec![f64::NAN; law.dim()];
            law.sample(&mut stream(1, 2, Purpose::Reference), &mut x);
            assert!(
                x.iter().all(|x| x.is_finite() && x.abs() <= 20.0 * size.max(size.sqrt())),
                "{data:?}: {x:?}"
            );
            let field = data.score(0.0).unwrap();
            let mut y = x.clone();
            for noise in [1e-3, 1.0, size] {
                field.eval(Moment { time: 0.0, signal: 1.0, noise }, &x, &mut y);
            }
        }
    }
}
