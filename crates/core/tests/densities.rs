//! Scores of mixtures and point sets against numerical derivatives of log densities written out here, against
//! plain sums in many dimensions, and the symmetry of round laws.

use std::sync::Arc;
use surefoot::field::{Bandwidth, Data, Field, Mixture, Moment, PointSet};

fn at(signal: f64, noise: f64) -> Moment {
    Moment { time: f64::NAN, signal, noise }
}

/// log Σ w exp(e) without overflow.
fn log_sum(terms: &[f64]) -> f64 {
    let top = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + terms.iter().map(|t| (t - top).exp()).sum::<f64>().ln()
}

/// log N(r; 0, V) by elimination without pivots, V symmetric positive definite.
fn log_normal(mut v: Vec<f64>, r: &[f64]) -> f64 {
    let d = r.len();
    let mut r = r.to_vec();
    let mut total = 0.0;
    for i in 0..d {
        total -= 0.5 * (v[i * d + i].ln() + r[i] * r[i] / v[i * d + i]);
        for j in i + 1..d {
            let factor = v[j * d + i] / v[i * d + i];
            r[j] -= factor * r[i];
            (i..d).for_each(|k| v[j * d + k] -= factor * v[i * d + k]);
        }
    }
    total
}

/// A derivative by central differences of eighth order.
fn derivative(f: &dyn Fn(&[f64]) -> f64, x: &[f64], i: usize, step: f64) -> f64 {
    let shifted = |k: f64| {
        let mut x = x.to_vec();
        x[i] += k * step;
        f(&x)
    };
    let weights = [4.0 / 5.0, -1.0 / 5.0, 4.0 / 105.0, -1.0 / 280.0];
    let pairs = weights.iter().zip(1..);
    pairs.map(|(w, k)| w * (shifted(f64::from(k)) - shifted(-f64::from(k)))).sum::<f64>() / step
}

/// The score against the derivatives of a log density, the Jacobian against those of the score.
/// `width` is the length over which the score changes: V/m over the distance of the components.
fn check(field: &dyn Field, at: Moment, log_density: &dyn Fn(&[f64]) -> f64, x: &[f64], width: f64) {
    let d = field.dim();
    let identity: Vec<f64> = (0..d * d).map(|e| f64::from(e / d == e % d)).collect();
    let (mut s, mut j, mut u) = (vec![0.0; d], vec![0.0; d * d], vec![0.0; d * d]);
    field.tangents(at, x, &identity, &mut s, &mut j);
    field.adjoint(at, x, &identity, &mut s, &mut u);
    assert_eq!(j, u);
    let step = 0.03 * width;
    let rounding = |size: f64| 1e-14 * size.abs().max(1.0) / step;
    for i in 0..d {
        let expected = derivative(log_density, x, i, step);
        let error = (s[i] - expected).abs();
        assert!(
            error < 1e-9 / width + rounding(log_density(x)),
            "score {i} at {x:?}: {} for {expected}",
            s[i]
        );
        for k in 0..d {
            let score = |x: &[f64]| {
                let mut s = vec![0.0; d];
                field.eval(at, x, &mut s);
                s[k]
            };
            let expected = derivative(&score, x, i, step);
            let error = (j[i * d + k] - expected).abs();
            let bound = 1e-8 / (width * width) + rounding(s[k]);
            assert!(error < bound, "Jacobian {i} {k} at {x:?}: {} for {expected}", j[i * d + k]);
        }
    }
}

/// V/(m Δ), but no more than √V.
fn width(at: Moment, h: f64, distance: f64) -> f64 {
    let v = at.noise.powi(2) + (at.signal * h).powi(2);
    v.sqrt().min(v / (at.signal * distance))
}

fn places(d: usize, count: usize, size: f64) -> Vec<Vec<f64>> {
    let number = |i: usize| size * (2.399 * i as f64 + 0.4).sin();
    (0..count).map(|p| (0..d).map(|i| number(p * d + i)).collect()).collect()
}

/// ln of Σ w_j N(x; m μ_j, m² (Σ_j + h² I) + σ² I) up to a constant.
fn mixture_log_density(
    weights: &[f64],
    means: &[f64],
    spreads: &[f64],
    h: f64,
    at: Moment,
    x: &[f64],
) -> f64 {
    let d = x.len();
    let (m2, s2) = (at.signal * at.signal, at.noise * at.noise);
    let terms: Vec<f64> = (0..weights.len())
        .map(|j| {
            let noise = |e: usize| if e / d == e % d { m2 * h * h + s2 } else { 0.0 };
            let v = (0..d * d).map(|e| m2 * spreads[j * d * d + e] + noise(e)).collect();
            let r: Vec<f64> = (0..d).map(|i| x[i] - at.signal * means[j * d + i]).collect();
            weights[j].ln() + log_normal(v, &r)
        })
        .collect();
    log_sum(&terms)
}

#[test]
fn mixtures_with_full_covariances() {
    let weights = [0.5, 2.0, 1.0];
    let means = [0.0, 1.0, -1.0, 2.0, 0.5, 0.0, -1.0, -1.5, 1.0];
    // Positive definite; of rank one; of rank two with a null direction (1, 1, 1).
    #[rustfmt::skip]
    let covariances = [
        2.0, 0.5, -0.3,   0.5, 1.0, 0.2,   -0.3, 0.2, 0.7,
        1.0, 2.0, -1.0,   2.0, 4.0, -2.0,  -1.0, -2.0, 1.0,
        2.0, -1.0, -1.0,  -1.0, 2.0, -1.0, -1.0, -1.0, 2.0,
    ];
    for h in [0.0, 0.4] {
        let field = Mixture::new(3, &weights, &means, &covariances, h).unwrap();
        for moment in [at(1.0, 0.5), at(0.4, 0.9), at(0.9, 0.1), at(0.0, 1.0)] {
            let density = |x: &[f64]| mixture_log_density(&weights, &means, &covariances, h, moment, x);
            for x in places(3, 6, 2.0) {
                check(&field, moment, &density, &x, width(moment, h, 4.0));
            }
        }
    }
}

#[test]
fn one_dimension_and_diagonal_mixtures() {
    let field = Mixture::new(1, &[1.0, 3.0], &[-1.0, 2.0], &[0.3, 0.0], 0.2).unwrap();
    let diagonal = Mixture::diagonal(2, &[1.0, 0.0, -1.0, 0.5], &[0.6, 0.0], 0.1).unwrap();
    for moment in [at(1.0, 0.3), at(0.5, 0.8)] {
        let line = |x: &[f64]| mixture_log_density(&[1.0, 3.0], &[-1.0, 2.0], &[0.3, 0.0], 0.2, moment, x);
        let spreads = [0.6, 0.0, 0.0, 0.0, 0.6, 0.0, 0.0, 0.0];
        let plane =
            |x: &[f64]| mixture_log_density(&[1.0; 2], &[1.0, 0.0, -1.0, 0.5], &spreads, 0.1, moment, x);
        places(1, 6, 3.0).iter().for_each(|x| check(&field, moment, &line, x, width(moment, 0.2, 4.0)));
        places(2, 6, 2.0).iter().for_each(|x| check(&diagonal, moment, &plane, x, width(moment, 0.1, 2.0)));
    }
}

#[test]
fn eight_gaussians() {
    let (radius, variance, h) = (5.0, 0.1f64.sqrt(), 0.1);
    let corner = radius / 2f64.sqrt();
    #[rustfmt::skip]
    let centres = [
        5.0, 0.0, corner, corner, 0.0, 5.0, -corner, corner,
        -5.0, 0.0, -corner, -corner, 0.0, -5.0, corner, -corner,
    ];
    let spreads: Vec<f64> = (0..32).map(|e| if e % 4 % 3 == 0 { variance } else { 0.0 }).collect();
    let field = Data::EIGHT_GAUSSIANS.score(h).unwrap();
    for moment in [at(1.0, 0.0), at(1.0, 1.0), at(0.6, 0.8)] {
        let density = |x: &[f64]| mixture_log_density(&[1.0; 8], &centres, &spreads, h, moment, x);
        for x in places(2, 12, 5.5) {
            check(&*field, moment, &density, &x, 0.05);
        }
    }
}

#[test]
fn mixtures_without_meaning_are_refused() {
    let unit = [1.0, 0.0, 0.0, 1.0];
    let new =
        |weights: &[f64], means: &[f64], spreads: &[f64], h: f64| Mixture::new(2, weights, means, spreads, h);
    assert!(new(&[1.0], &[0.0; 2], &unit, 0.0).is_ok());
    for weights in [&[][..], &[1.0, 1.0], &[0.0], &[-1.0], &[f64::NAN], &[f64::INFINITY]] {
        assert!(new(weights, &[0.0; 2], &unit, 0.0).is_err(), "{weights:?}");
    }
    for means in [&[][..], &[0.0], &[f64::NAN, 0.0]] {
        assert!(new(&[1.0], means, &unit, 0.0).is_err(), "{means:?}");
    }
    for spreads in
        [[1.0, 0.5, 0.0, 1.0], [1.0, 2.0, 2.0, 1.0], [-1.0, 0.0, 0.0, 1.0], [f64::NAN, 0.0, 0.0, 1.0]]
    {
        assert!(new(&[1.0], &[0.0; 2], &spreads, 0.0).is_err(), "{spreads:?}");
    }
    for h in [-0.1, f64::NAN, f64::INFINITY] {
        assert!(new(&[1.0], &[0.0; 2], &unit, h).is_err());
        assert!(Mixture::gaussian(&[1.0], h).is_err());
    }
    assert!(Mixture::new(0, &[], &[], &[], 0.0).is_err());
    assert!(Mixture::diagonal(2, &[0.0; 2], &[1.0, -1.0], 0.0).is_err());
    assert!(Mixture::diagonal(2, &[0.0; 2], &[1.0], 0.0).is_err());
}

#[test]
fn point_sets_with_unequal_bandwidths() {
    let nodes = places(3, 17, 1.5);
    let weights: Vec<f64> = (0..17).map(|j| 1.0 + f64::from(j % 4)).collect();
    let h = [0.5, 0.2, 1.0];
    let flat: Arc<[f64]> = nodes.concat().into();
    let field = PointSet::new(3, flat.clone(), &weights, Bandwidth::Diagonal(h.to_vec())).unwrap();
    let even = PointSet::new(3, flat, &[], Bandwidth::Diagonal(h.to_vec())).unwrap();
    for moment in [at(1.0, 0.0), at(0.8, 0.5), at(0.3, 1.0)] {
        let density = |x: &[f64], weight: &dyn Fn(usize) -> f64| {
            let term = |(j, node): (usize, &Vec<f64>)| {
                let one = |i: usize| {
                    let v = moment.noise.powi(2) + (moment.signal * h[i]).powi(2);
                    -0.5 * ((x[i] - moment.signal * node[i]).powi(2) / v + v.ln())
                };
                weight(j).ln() + (0..3).map(one).sum::<f64>()
            };
            log_sum(&nodes.iter().enumerate().map(term).collect::<Vec<_>>())
        };
        let width = width(moment, 0.2, 3.0);
        for x in places(3, 5, 1.8) {
            check(&field, moment, &|x| density(x, &|j| weights[j]), &x, width);
            check(&even, moment, &|x| density(x, &|_| 1.0), &x, width);
        }
    }
}

#[test]
fn point_sets_in_the_dimension_of_images() {
    const D: usize = 784;
    let (count, h) = (100, 0.2);
    let nodes = places(D, count, 1.0);
    let weights: Vec<f64> = (0..count).map(|j| 0.5 + (j % 7) as f64).collect();
    let field = PointSet::new(D, nodes.concat().into(), &weights, Bandwidth::Isotropic(h)).unwrap();
    // Small noise lets one node win, large noise lets all speak.
    for moment in [at(0.9, 0.3), at(0.5, 4.0), at(0.1, 1.0)] {
        let v = moment.noise * moment.noise + (moment.signal * h).powi(2);
        let x: Vec<f64> = (0..3 * D)
            .map(|e| {
                let between = 0.6 * nodes[e / D][e % D] + 0.4 * nodes[e / D + 50][e % D];
                moment.signal * between + 0.3 * v.sqrt() * (1.1 * e as f64).cos()
            })
            .collect();
        let directions: Vec<f64> = places(D, 6, 1.0).concat();
        let (mut y, mut jv, mut uj) = (vec![0.0; 3 * D], vec![0.0; 6 * D], vec![0.0; 6 * D]);
        field.adjoint(moment, &x, &directions, &mut y, &mut uj);
        field.tangents(moment, &x, &directions, &mut y, &mut jv);
        assert_eq!(jv, uj);
        for sample in 0..3 {
            let x = &x[sample * D..][..D];
            let pull: Vec<Vec<f64>> = nodes
                .iter()
                .map(|node| node.iter().zip(x).map(|(y, x)| (moment.signal * y - x) / v).collect())
                .collect();
            let terms: Vec<f64> =
                pull.iter().zip(&weights).map(|(g, w)| w.ln() - 0.5 * v * dot(g, g)).collect();
            let total = log_sum(&terms);
            let share: Vec<f64> = terms.iter().map(|t| (t - total).exp()).collect();
            let score: Vec<f64> = (0..D).map(|i| (0..count).map(|j| share[j] * pull[j][i]).sum()).collect();
            assert_near(
                &y[sample * D..][..D],
                &score,
                1e-12 / v.sqrt() * (1.0 + dot(x, x).sqrt() / v.sqrt()),
            );
            for k in 0..2 {
                let row = 2 * sample + k;
                let direction = &directions[row * D..][..D];
                let expected: Vec<f64> = (0..D)
                    .map(|i| {
                        let second: f64 = (0..count)
                            .map(|j| share[j] * (pull[j][i] - score[i]) * dot(&pull[j], direction))
                            .sum();
                        second - direction[i] / v
                    })
                    .collect();
                assert_near(&jv[row * D..][..D], &expected, 1e-11 / v * (1.0 + dot(x, x) / v));
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < tolerance, "{i}: {a} for {b}, tolerance {tolerance:e}");
    }
}

/// Rotation symmetry: J t = (s · x̂/|x|) t for t ⊥ x, J x ∥ x and s ∥ x, to rounding of ‖J‖ and |s|.
fn check_round(field: &dyn Field, moment: Moment, x: &[f64], tangents: &[Vec<f64>]) {
    let d = x.len();
    let length = dot(x, x).sqrt();
    let radial: Vec<f64> = x.iter().map(|x| x / length).collect();
    let directions: Vec<f64> = tangents.concat().into_iter().chain(radial.iter().copied()).collect();
    let (mut s, mut j) = (vec![0.0; d], vec![0.0; directions.len()]);
    field.tangents(moment, x, &directions, &mut s, &mut j);
    let pairs = || directions.chunks(d).zip(j.chunks(d));
    // 1/σ² is what the two terms of an eigenvalue near 0 cancel from.
    let norm = pairs().map(|(t, jt)| dot(t, jt).abs()).fold(1.0 / moment.noise.powi(2), f64::max);
    let rounding = 8.0 * f64::EPSILON * norm;
    let pull = dot(&s, &radial);
    for (direction, image) in pairs() {
        let along = dot(direction, image);
        let across = image.iter().zip(direction).map(|(a, t)| (a - along * t).powi(2)).sum::<f64>().sqrt();
        assert!(across <= rounding, "{moment:?} {x:?}: off by {across:e} of {norm:e}");
    }
    for (t, image) in tangents.iter().zip(j.chunks(d)) {
        let (found, expected) = (dot(t, image), pull / length);
        assert!((found - expected).abs() <= 2.0 * rounding, "{moment:?} {x:?}: {found:e} for {expected:e}");
    }
    for (s, r) in s.iter().zip(&radial) {
        assert!((s - pull * r).abs() <= 8.0 * f64::EPSILON * pull.abs(), "{moment:?} {x:?}: {s} off the ray");
    }
}

#[test]
fn tangents_of_round_laws_are_singular_vectors_at_every_concentration() {
    let radius = 1.5;
    let (circle, sphere) =
        (Data::Circle { radius }.score(0.0).unwrap(), Data::Sphere { radius }.score(0.0).unwrap());
    for sigma in [1e-6, 1e-3, 0.03, 0.2, 1.0, 30.0, 1e4] {
        for m in [1.0, 0.6, 0.01] {
            let moment = at(m, sigma);
            for (i, stretch) in [1e-9, 0.03, 0.7, 1.0 - 1e-7, 1.0, 1.3, 50.0].into_iter().enumerate() {
                let r = m * radius * stretch;
                let (sin, cos) = (0.37 + 1.9 * i as f64 + sigma).sin_cos();
                check_round(&*circle, moment, &[r * cos, r * sin], &[vec![-sin, cos]]);
                let (up, flat) = (0.8 + i as f64).sin_cos();
                let x = [r * flat * cos, r * flat * sin, r * up];
                let tangents = [vec![-sin, cos, 0.0], vec![-up * cos, -up * sin, flat]];
                check_round(&*sphere, moment, &x, &tangents);
            }
        }
    }
}
