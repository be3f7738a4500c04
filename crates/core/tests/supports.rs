//! Supports against brute force over dense samples of their own parametrisations, which share no code with them.

use std::f64::consts::PI;
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::support::{Foot, Shape, SharedSupport};

/// A support as a model file would write it.
fn build(json: &str) -> SharedSupport {
    serde_json::from_str::<Shape>(json).unwrap().build().unwrap()
}

/// Scattered points: normal with the given spread about the origin.
fn scatter(dim: usize, count: usize, spread: f64, salt: u64) -> Vec<Vec<f64>> {
    let mut rng = stream(17, salt, Purpose::Reference);
    let mut draw = || {
        let mut x = vec![0.0; dim];
        standard_normal(&mut rng, &mut x);
        x.iter_mut().for_each(|x| *x *= spread);
        x
    };
    (0..count).map(|_| draw()).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// T and N together are an orthonormal basis of R^D, the foot is on the support, and the distances fit.
fn check_frame(support: &SharedSupport, x: &[f64], foot: &Foot) {
    let dim = support.dim();
    let d = if support.intrinsic_dim() == dim { dim - 1 } else { support.intrinsic_dim() };
    assert_eq!(foot.tangent.len(), d * dim);
    assert_eq!(foot.normal.len(), (dim - d) * dim);
    let rows: Vec<&[f64]> = foot.tangent.chunks(dim).chain(foot.normal.chunks(dim)).collect();
    for (i, a) in rows.iter().enumerate() {
        for (j, b) in rows.iter().enumerate() {
            assert!((dot(a, b) - f64::from(u8::from(i == j))).abs() < 1e-14, "rows {i}, {j} at {x:?}");
        }
    }
    let scale = 1.0 + x.iter().fold(0.0_f64, |m, x| m.max(x.abs()));
    assert!((distance(x, &foot.point) - foot.middle_distance).abs() < 1e-13 * scale, "{x:?}");
    assert!(foot.distance <= foot.middle_distance + 1e-14 * scale);
    assert!(foot.component < support.components());
    assert!(support.project(&foot.point).middle_distance < 1e-14 * scale, "foot of {x:?} is off the support");
    assert_eq!(*foot, support.project(x), "the same point has the same foot");
}

/// No sample of the set is nearer than the foot, and one comes within its spacing.
fn check_against(support: &SharedSupport, set: &[Vec<f64>], spacing: f64, points: &[Vec<f64>]) {
    for x in points {
        let foot = support.project(x);
        check_frame(support, x, &foot);
        let nearest = set.iter().map(|p| distance(p, x)).fold(f64::INFINITY, f64::min);
        assert!(foot.middle_distance <= nearest + 1e-13, "{x:?}: {} above {nearest}", foot.middle_distance);
        assert!(nearest <= foot.middle_distance + spacing, "{x:?}: {} below {nearest}", foot.middle_distance);
    }
    for p in set.iter().step_by(set.len() / 500 + 1) {
        assert!(
            support.project(p).middle_distance < 1e-14 * (1.0 + distance(p, &vec![0.0; p.len()])),
            "{p:?}"
        );
    }
}

/// Evenly spaced numbers, ends included.
fn even(low: f64, high: f64, count: usize) -> impl Iterator<Item = f64> + Clone {
    (0..count).map(move |i| low + (high - low) * i as f64 / (count - 1) as f64)
}

fn moons(offset: f64, scale: f64, shift: f64, count: usize) -> Vec<Vec<f64>> {
    let arc = |s: f64| [[s.cos(), s.sin()], [1.0 - s.cos(), 0.5 - s.sin()]];
    let lift = |p: [f64; 2]| p.iter().map(|c| scale * (c + offset) + shift).collect();
    even(0.0, PI, count).flat_map(|s| arc(s).map(lift)).collect()
}

#[test]
fn two_moons() {
    let support = build(r#"{"kind": "two-moons"}"#);
    check_against(&support, &moons(0.0, 1.0, 0.0, 20_001), 1e-4, &scatter(2, 400, 1.5, 1));
    // Ends: beyond an end the foot is the end itself.
    let end = support.project(&[-1.1, -0.4]);
    assert_eq!(end.point, [-1.0, 0.0]);
    assert_eq!(end.component, 0);
    assert_eq!(support.project(&[2.05, 0.9]).point, [2.0, 0.5]);
    // Centres of the arcs: as far from every point of one arc, and the other is nearer.
    for centre in [[0.0, 0.0], [1.0, 0.5]] {
        let foot = support.project(&centre);
        assert!((foot.distance - (1.25_f64.sqrt() - 1.0)).abs() < 1e-15, "{foot:?}");
    }
}

#[test]
fn two_moons_in_a_strip() {
    let support = build(r#"{"kind": "two-moons", "scale": 3.0, "shift": -1.0, "strip": 0.2}"#);
    let middle = moons(0.1, 3.0, -1.0, 20_001);
    let points = scatter(2, 300, 3.0, 2);
    check_against(&support, &middle, 5e-4, &points);
    let thick: Vec<Vec<f64>> = even(0.0, 0.2, 101).flat_map(|u| moons(u, 3.0, -1.0, 4001)).collect();
    for x in &points[..100] {
        let got = support.project(x).distance;
        let nearest = thick.iter().map(|p| distance(p, x)).fold(f64::INFINITY, f64::min);
        assert!(got <= nearest + 1e-13 && nearest <= got + 6e-3, "{x:?}: {got} against {nearest}");
    }
    // Everything drawn from the strip is inside.
    for p in thick.iter().step_by(37) {
        assert!(support.project(p).distance < 1e-14, "{p:?}");
    }
    // The share of a box that the strip fills, against counting by the definition.
    let (mut inside, mut counted) = (0, 0);
    for a in even(-4.5, 6.5, 400) {
        for b in even(-3.0, 3.5, 300) {
            let unit = [(a + 1.0) / 3.0, (b + 1.0) / 3.0];
            let on = |u: f64, c: [f64; 2], side: f64| {
                let q = [unit[0] - u - c[0], unit[1] - u - c[1]];
                (q[0].hypot(q[1]) - 1.0, side * q[1])
            };
            let crosses = |c, side| {
                let values: Vec<(f64, f64)> = even(0.0, 0.2, 401).map(|u| on(u, c, side)).collect();
                values.windows(2).any(|v| v[0].0 * v[1].0 <= 0.0 && v[0].1 >= 0.0 && v[1].1 >= 0.0)
            };
            counted += usize::from(crosses([0.0, 0.0], 1.0) || crosses([1.0, 0.5], -1.0));
            inside += usize::from(support.project(&[a, b]).distance == 0.0);
        }
    }
    assert!(
        counted > 5000 && (inside as f64 / counted as f64 - 1.0).abs() < 2e-3,
        "{inside} against {counted}"
    );
}

#[test]
fn circle_and_spheres() {
    let circle = build(r#"{"kind": "circle", "radius": 2.0}"#);
    let set: Vec<Vec<f64>> = even(-PI, PI, 20_001).map(|s| vec![2.0 * s.cos(), 2.0 * s.sin()]).collect();
    check_against(&circle, &set, 1e-3, &scatter(2, 300, 2.0, 3));
    for dim in [2, 3, 7] {
        let sphere = build(&format!(r#"{{"kind": "sphere", "dim": {dim}, "radius": 0.5}}"#));
        let centre = vec![0.0; dim];
        let foot = sphere.project(&centre);
        check_frame(&sphere, &centre, &foot);
        assert_eq!(foot.distance, 0.5);
        for x in scatter(dim, 100, 1.0, dim as u64) {
            let foot = sphere.project(&x);
            check_frame(&sphere, &x, &foot);
            // |x − r x/|x|| = ||x| − r|, and the normal is along x.
            assert!((foot.distance - (distance(&x, &centre) - 0.5).abs()).abs() < 1e-14);
            assert!((dot(&foot.normal, &x) - distance(&x, &centre)).abs() < 1e-14);
        }
    }
}

#[test]
fn torus() {
    let support = build(r#"{"kind": "torus"}"#);
    let at = |(a, b): (f64, f64)| vec![(2.0 + b.cos()) * a.cos(), (2.0 + b.cos()) * a.sin(), b.sin()];
    let set: Vec<Vec<f64>> = even(0.0, 2.0 * PI, 601)
        .flat_map(|a| even(0.0, 2.0 * PI, 401).map(move |b| (a, b)))
        .map(at)
        .collect();
    check_against(&support, &set, 0.02, &scatter(3, 100, 1.5, 5));
    // The axis and the middle of the tube have no single nearest point.
    for x in [[0.0, 0.0, 0.0], [0.0, 0.0, 3.0], [2.0, 0.0, 0.0], [0.0, -2.0, 0.0]] {
        check_frame(&support, &x, &support.project(&x));
        assert!(
            (support.project(&x).distance - if x[2] > 0.0 { 13.0_f64.sqrt() - 1.0 } else { 1.0 }).abs()
                < 1e-14
        );
    }
}

#[test]
fn affine_subspaces_and_products() {
    let support = build(r#"{"kind": "affine", "point": [1, 0, 2], "basis": [[1, 1, 0], [3, 1, 0]]}"#);
    assert_eq!(support.intrinsic_dim(), 2);
    for x in scatter(3, 50, 2.0, 6) {
        let foot = support.project(&x);
        check_frame(&support, &x, &foot);
        assert!((foot.distance - (x[2] - 2.0).abs()).abs() < 1e-13);
    }
    let point = build(r#"{"kind": "affine", "point": [1, 2]}"#);
    let foot = point.project(&[4.0, 6.0]);
    check_frame(&point, &[4.0, 6.0], &foot);
    assert_eq!((foot.distance, point.intrinsic_dim()), (5.0, 0));

    let flat = surefoot::support::Affine::of_variances(&[0.0, 1.0, 0.0], &[1.0, 0.0, 0.25]).unwrap();
    let circle = build(r#"{"kind": "two-moons", "strip": 0.2}"#);
    let product: SharedSupport = std::sync::Arc::new(
        surefoot::support::Product::new(vec![circle.clone(), std::sync::Arc::new(flat)]).unwrap(),
    );
    assert_eq!((product.dim(), product.intrinsic_dim(), product.components()), (5, 3, 2));
    for x in scatter(5, 50, 1.0, 7) {
        let foot = product.project(&x);
        check_frame(&product, &x, &foot);
        let first = circle.project(&x[..2]);
        assert!((foot.distance - first.distance.hypot(x[3] - 1.0)).abs() < 1e-14);
        assert_eq!(foot.component, first.component);
    }
}
