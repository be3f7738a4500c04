//! Second derivatives of every exact field against differences of its tangents, with their order, and closed forms.

mod common;

use common::Swirl;
use std::sync::Arc;
use surefoot::error_field::{ConstantField, Place, SmoothField};
use surefoot::field::{
    Bandwidth, Counting, Counts, Data, Difference, Field, FiniteDifference, Mixture, Moment, PointSet,
    Product, SharedField, Sum,
};
use surefoot::process::{DifferenceField, Family, Noising, Predicts};

fn at(signal: f64, noise: f64) -> Moment {
    Moment { time: 0.3, signal, noise }
}

fn wave(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|i| (seed + 2.399 * i as f64).sin()).collect()
}

fn second(field: &dyn Field, at: Moment, x: &[f64], u: &[f64], v: &[f64]) -> Vec<f64> {
    let (mut y, mut d2, mut value) = (vec![0.0; x.len()], vec![0.0; u.len()], vec![0.0; x.len()]);
    field.second(at, x, u, v, &mut y, &mut d2).unwrap();
    field.eval(at, x, &mut value);
    for (y, value) in y.iter().zip(&value) {
        assert!((y - value).abs() <= 1e-11 * value.abs().max(1.0), "{y} for {value}");
    }
    d2
}

/// u·(d²f\[v, w\]) by the transposed second order, which is checked against `second` itself.
fn pairs_with_its_transpose(field: &dyn Field, at: Moment, x: &[f64], v: &[f64], w: &[f64], d2: &[f64]) {
    let d = field.dim();
    let u = wave(v.len(), 4.1);
    let (mut y, mut out, mut value) = (vec![0.0; x.len()], vec![f64::NAN; v.len()], vec![0.0; x.len()]);
    field.second_adjoint(at, x, v, &u, &mut y, &mut out).unwrap();
    field.eval(at, x, &mut value);
    assert!(gap(&y, &value) <= 1e-11 * norm(&value).max(1.0), "{y:?} for {value:?}");
    for row in (0..v.len()).step_by(d) {
        let own = row..row + d;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (left, right) = (dot(&u[own.clone()], &d2[own.clone()]), dot(&out[own.clone()], &w[own.clone()]));
        let size = norm(&d2[own.clone()]) + norm(&out[own]);
        assert!((left - right).abs() <= 1e-11 * size, "{left} {right}");
    }
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}

fn gap(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Derivative of df(x) v along u by central differences with these weights at steps h, 2h, ….
fn differenced(
    field: &dyn Field,
    at: Moment,
    x: &[f64],
    u: &[f64],
    v: &[f64],
    h: f64,
    weights: &[f64],
) -> Vec<f64> {
    let tangent = |step: f64| {
        let x: Vec<f64> = x.iter().zip(u).map(|(x, u)| x + step * u).collect();
        let (mut y, mut jv) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        field.tangents(at, &x, v, &mut y, &mut jv);
        jv
    };
    let mut out = vec![0.0; x.len()];
    for (w, k) in weights.iter().zip(1..) {
        let (up, down) = (tangent(f64::from(k) * h), tangent(-f64::from(k) * h));
        (0..x.len()).for_each(|i| out[i] += w * (up[i] - down[i]) / h);
    }
    out
}

/// Weights of order 2 and 8.
const SECOND: [f64; 1] = [0.5];
const EIGHTH: [f64; 4] = [4.0 / 5.0, -1.0 / 5.0, 4.0 / 105.0, -1.0 / 280.0];

/// At each point: symmetry; agreement with differences of order 8 to `tolerance` of the largest second derivative that
/// a length `width` allows; and that the error of those of order 2 falls with the square of their step.
fn check(field: &dyn Field, at: Moment, points: &[Vec<f64>], width: f64, tolerance: f64) {
    let d = field.dim();
    for (index, x) in points.iter().enumerate() {
        let (mut u, mut v) = (wave(d, 0.3 + index as f64), wave(d, 1.9 + 3.0 * index as f64));
        let (nu, nv) = (norm(&u), norm(&v));
        u.iter_mut().for_each(|u| *u /= nu);
        v.iter_mut().for_each(|v| *v /= nv);
        let exact = second(field, at, x, &u, &v);
        let swapped = second(field, at, x, &v, &u);
        pairs_with_its_transpose(field, at, x, &u, &v, &exact);
        assert!(
            gap(&exact, &swapped) <= 1e-13 * norm(&exact) + 1e-300,
            "not symmetric: {exact:?} {swapped:?}"
        );
        let (mut y, mut jv) = (vec![0.0; d], vec![0.0; d]);
        field.tangents(at, x, &v, &mut y, &mut jv);
        let scale = (norm(&jv) / width).max(norm(&exact));
        let close = differenced(field, at, x, &u, &v, 0.02 * width, &EIGHTH);
        let error = gap(&exact, &close) / scale;
        assert!(
            error < tolerance,
            "point {index} {x:?}: {exact:?} but differences say {close:?} ({error:e})"
        );
        let error = |h: f64| gap(&exact, &differenced(field, at, x, &u, &v, h, &SECOND));
        let (coarse, fine) = (error(4e-3 * width), error(2e-3 * width));
        if coarse > 1e-7 * scale {
            assert!((coarse / fine - 4.0).abs() < 0.05, "point {index}: errors {coarse:e} and {fine:e}");
        }
    }
    // A batch of points and pairs answers as its rows do alone.
    let x: Vec<f64> = points.concat();
    let (u, v) = (wave(2 * x.len(), 0.5), wave(2 * x.len(), 1.1));
    let all = second(field, at, &x, &u, &v);
    for (index, row) in points.iter().enumerate() {
        let pairs = 2 * index * d..2 * (index + 1) * d;
        assert_eq!(all[pairs.clone()], second(field, at, row, &u[pairs.clone()], &v[pairs.clone()]));
        pairs_with_its_transpose(field, at, row, &u[pairs.clone()], &v[pairs.clone()], &all[pairs.clone()]);
    }
    assert!(second(field, at, &[], &[], &[]).is_empty());
    assert!(second(field, at, &x, &[], &[]).is_empty());
}

fn spread(d: usize, count: usize, size: f64) -> Vec<Vec<f64>> {
    (0..count).map(|j| wave(d, 0.7 + 1.37 * j as f64).iter().map(|w| size * w).collect()).collect()
}

#[test]
fn laws_on_curves_and_surfaces() {
    let cases: [(Data, f64); 9] = [
        (Data::CIRCLE, 1.6),
        (Data::TWO_MOONS, 1.4),
        (Data::SPIRAL, 1.2),
        (Data::Trefoil, 2.0),
        (Data::SPHERE, 1.5),
        (Data::TORUS, 2.5),
        (Data::DISC, 1.4),
        (Data::SWISS_ROLL, 1.2),
        (Data::EIGHT_GAUSSIANS, 4.0),
    ];
    for (data, size) in cases {
        for (m, sigma, h) in [(1.0, 0.9, 0.0), (0.6, 0.3, 0.1), (0.95, 0.12, 0.0)] {
            let field = data.score(h).unwrap();
            let v = sigma * sigma + m * m * h * h;
            println!("{data:?} m {m} σ {sigma}");
            check(&*field, at(m, sigma), &spread(field.dim(), 12, m * size), v / m / 2.0, 2e-9);
        }
    }
}

#[test]
fn a_circle_by_quadrature_is_the_circle_by_bessel_functions() {
    use surefoot::field::{Quadrature, Score};
    use surefoot::geometry::Curve;
    let (closed, summed) = (
        Data::Circle { radius: 1.3 }.score(0.0).unwrap(),
        Score::new(Quadrature::new(vec![Curve::circle(1.3)]), 0.0),
    );
    for sigma in [2.0, 0.4, 0.1, 0.02] {
        // The last point is so far out that panels are refined around it.
        for distance in [0.0, 0.5, 1.0, 2.5, 8.0] {
            let r = 1.3 + distance * sigma;
            let x: Vec<f64> = (0..6).flat_map(|j| [r * f64::from(j).cos(), r * f64::from(j).sin()]).collect();
            let (u, v) = (wave(x.len(), 0.1), wave(x.len(), 2.2));
            let [a, b] = [&*closed, &summed].map(|field| second(field, at(1.0, sigma), &x, &u, &v));
            // Third moments of a law of deviation about σ, times V⁻³.
            let scale = sigma.powi(-3);
            assert!(gap(&a, &b) < 1e-11 * scale, "σ {sigma}: {:e}", gap(&a, &b) / scale);
        }
    }
}

/// The score −x/V + m R A(κ) x/(V |x|), κ = m R |x|/V: by hand, d²s[u,u] along the ray at small κ is −3 (mR/V)⁴ |x|/8·….
#[test]
fn circle_far_from_noise_has_its_power_series() {
    let field = Data::CIRCLE.score(0.0).unwrap();
    let (m, sigma) = (0.02, 1.0);
    let x = [0.3, 0.4];
    let u = [0.6, 0.8];
    let found = second(&*field, at(m, sigma), &x, &u, &u);
    // A(κ) = κ/2 − κ³/16 + …, so s = −x + m²x/2 − m⁴ |x|² x/16 + …, whose second derivative along the ray is −6 m⁴ |x|/16.
    let expected = -6.0 / 16.0 * m.powi(4) * 0.5;
    assert!(
        (found[0] / (0.6 * expected) - 1.0).abs() < 1e-3 && (found[1] / (0.8 * expected) - 1.0).abs() < 1e-3
    );
}

#[test]
fn gaussians_have_none() {
    let x = wave(5 * 3, 0.2);
    let (u, v) = (wave(2 * x.len(), 0.4), wave(2 * x.len(), 0.9));
    let fields: [SharedField; 2] = [
        Data::Gaussian { variances: vec![1.0, 0.3, 0.0] }.score(0.1).unwrap(),
        Arc::new(ConstantField::new(&[1.0, -0.3, 0.2]).unwrap()),
    ];
    for field in fields {
        let d2 = second(&*field, at(0.7, 0.5), &x, &u, &v);
        assert!(d2.iter().all(|d2| d2.abs() < 1e-14), "{d2:?}");
    }
}

#[test]
fn mixtures_and_points() {
    let weights = [0.5, 2.0, 1.0];
    let means = [0.0, 1.0, -1.0, 2.0, 0.5, 0.0, -1.0, -1.5, 1.0];
    #[rustfmt::skip]
    let covariances = [
        2.0, 0.5, -0.3,   0.5, 1.0, 0.2,   -0.3, 0.2, 0.7,
        1.0, 2.0, -1.0,   2.0, 4.0, -2.0,  -1.0, -2.0, 1.0,
        2.0, -1.0, -1.0,  -1.0, 2.0, -1.0, -1.0, -1.0, 2.0,
    ];
    let mixture = Mixture::new(3, &weights, &means, &covariances, 0.1).unwrap();
    for (m, sigma) in [(1.0, 0.8), (0.5, 0.4)] {
        check(&mixture, at(m, sigma), &spread(3, 8, 2.0), 0.3 * sigma * sigma, 1e-8);
    }
    for dim in [1, 2, 3, 5] {
        let nodes: Arc<[f64]> = wave(dim * 30, 0.4).into();
        let shares: Vec<f64> = (0..30).map(|j| 1.0 + f64::from(j % 4)).collect();
        let blocked = PointSet::new(dim, nodes.clone(), &shares, Bandwidth::Isotropic(0.2)).unwrap();
        let diagonal = PointSet::new(dim, nodes, &shares, Bandwidth::Diagonal(vec![0.2; dim])).unwrap();
        let points = spread(dim, 8, 1.0);
        for (m, sigma) in [(1.0, 0.6), (0.8, 0.25)] {
            check(&blocked, at(m, sigma), &points, 0.3 * sigma * sigma, 1e-8);
            check(&diagonal, at(m, sigma), &points, 0.3 * sigma * sigma, 1e-8);
            let (x, u, v) = (points.concat(), wave(8 * dim, 0.2), wave(8 * dim, 1.2));
            let [a, b] = [&blocked, &diagonal].map(|field| second(field, at(m, sigma), &x, &u, &v));
            assert!(gap(&a, &b) < 1e-11 * norm(&a));
        }
    }
}

#[test]
fn where_no_signal_is_left_the_score_is_linear() {
    for data in [Data::CIRCLE, Data::TWO_MOONS, Data::SPHERE] {
        let field = data.score(0.0).unwrap();
        let x = wave(field.dim(), 0.1);
        let d2 = second(&*field, at(1e-200, 1.0), &x, &x, &x);
        assert!(d2.iter().all(|d2| *d2 == 0.0), "{d2:?}");
        // Without finite numbers there is no answer, and no panic.
        let (mut y, mut d2) = (x.clone(), x.clone());
        field.second(at(1.0, 0.5), &vec![f64::NAN; x.len()], &x, &x, &mut y, &mut d2).unwrap();
        assert!(d2.iter().all(|d2| d2.is_nan()));
    }
}

#[test]
fn wrappers_and_errors() {
    let points = spread(3, 6, 0.9);
    let moment = at(0.8, 0.7);
    let swirl = || -> SharedField { Arc::new(Swirl(3)) };
    let smooth =
        |time: Option<f64>| -> SharedField { Arc::new(SmoothField::new(3, 0.8, time, 5, 1).unwrap()) };
    check(&Swirl(3), moment, &points, 0.3, 1e-9);
    check(&*smooth(None), moment, &points, 0.2, 1e-9);
    check(&*smooth(Some(0.5)), moment, &points, 0.2, 1e-9);
    check(&Sum::new(swirl(), smooth(None), 0.4).unwrap(), moment, &points, 0.2, 1e-9);
    check(&Difference::new(swirl(), smooth(None)).unwrap(), moment, &points, 0.2, 1e-9);
    let product =
        Product::new(vec![(Data::CIRCLE.score(0.0).unwrap(), vec![2, 0]), (Arc::new(Swirl(1)), vec![1])])
            .unwrap();
    check(&product, moment, &points, 0.2, 1e-9);
    let counting = Counting::new(swirl());
    second(&counting, moment, &points.concat(), &wave(36, 0.1), &wave(36, 0.2));
    assert_eq!(counting.counts(), Counts { evaluations: 12, jvp: 24, vjp: 0 });
    let (x, v, u) = (points.concat(), wave(36, 0.1), wave(36, 0.2));
    counting.second_adjoint(moment, &x, &v, &u, &mut x.clone(), &mut u.clone()).unwrap();
    assert_eq!(counting.counts(), Counts { evaluations: 18, jvp: 36, vjp: 12 });
    let differenced = FiniteDifference::new(swirl(), 1e-5).unwrap();
    let mut out = vec![0.0; 3];
    let refused = differenced.second(moment, &points[0], &points[1], &points[2], &mut out.clone(), &mut out);
    assert!(refused.unwrap_err().to_string().contains("second-order"));
    let [a, b, c] = [0, 1, 2].map(|i| &points[i][..]);
    let refused = differenced.second_adjoint(moment, a, b, c, &mut out.clone(), &mut out);
    assert!(refused.unwrap_err().to_string().contains("transposed second-order"));
}

#[test]
fn difference_of_two_models() {
    let noising = Noising { family: Family::Vp, schedule: common::LINEAR };
    let drift = |field: SharedField, predicts: Predicts| {
        let mut drift = common::diffusion(field, noising, 0.5);
        drift.predicts = predicts;
        drift
    };
    let points = spread(2, 6, 1.0);
    for place in [Place::Output, Place::Score, Place::Drift] {
        let (a, b) = (
            drift(Data::TWO_MOONS.score(0.1).unwrap(), Predicts::Score),
            drift(Arc::new(Swirl(2)), Predicts::Denoised),
        );
        let chi = DifferenceField::new(a, b, place).unwrap();
        check(&chi, Moment { time: 0.4, signal: f64::NAN, noise: f64::NAN }, &points, 0.2, 1e-9);
    }
}
