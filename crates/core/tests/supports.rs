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
    check_frame_to(support, x, foot, 1e-14);
}

/// With the rounding of the support's own coordinates, relative to 1 + |x|.
fn check_frame_to(support: &SharedSupport, x: &[f64], foot: &Foot, rounding: f64) {
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
    assert!(
        support.project(&foot.point).middle_distance < rounding * scale,
        "foot of {x:?} is off the support"
    );
    assert_eq!(*foot, support.project(x), "the same point has the same foot");
}

/// No sample of the set is nearer than the foot, and one comes within its spacing.
fn check_against(support: &SharedSupport, set: &[Vec<f64>], spacing: f64, points: &[Vec<f64>]) {
    check_against_to(support, set, spacing, points, 1e-14);
}

fn check_against_to(
    support: &SharedSupport,
    set: &[Vec<f64>],
    spacing: f64,
    points: &[Vec<f64>],
    rounding: f64,
) {
    for x in points {
        let foot = support.project(x);
        check_frame_to(support, x, &foot, rounding);
        let nearest = set.iter().map(|p| distance(p, x)).fold(f64::INFINITY, f64::min);
        assert!(foot.middle_distance <= nearest + 1e-13, "{x:?}: {} above {nearest}", foot.middle_distance);
        assert!(nearest <= foot.middle_distance + spacing, "{x:?}: {} below {nearest}", foot.middle_distance);
    }
    for p in set.iter().step_by(set.len() / 500 + 1) {
        let scale = 1.0 + dot(p, p).sqrt();
        assert!(support.project(p).middle_distance < rounding * scale, "{p:?}");
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

fn spiral(pitch: f64, start: f64, end: f64, count: usize) -> Vec<Vec<f64>> {
    even(start, end, count).map(|t| vec![pitch * t * t.cos(), pitch * t * t.sin()]).collect()
}

#[test]
fn spirals() {
    let support = build(r#"{"kind": "spiral"}"#);
    let set = spiral(0.1, 1.5 * PI, 4.5 * PI, 40_001);
    check_against(&support, &set, 4e-4, &scatter(2, 600, 1.0, 8));
    // From the origin the inner end is nearest.
    assert!((support.project(&[0.0, 0.0]).distance - 0.15 * PI).abs() < 1e-15);
    // One that starts at the origin, with many windings.
    let long = build(r#"{"kind": "spiral", "pitch": 0.02, "start": 0.0, "end": 120.0}"#);
    // Half a unit in the last place of t = 120 is 7e-15, 1.7e-14 along the outermost winding.
    let set = spiral(0.02, 0.0, 120.0, 200_001);
    check_against_to(&long, &set, 2e-3, &scatter(2, 60, 1.5, 9), 5e-14);
    // Points moved off along the normal by less than half the gap between windings come back.
    for t in even(1.6 * PI, 4.4 * PI, 97) {
        let (p, tau) =
            ([0.1 * t * t.cos(), 0.1 * t * t.sin()], [t.cos() - t * t.sin(), t.sin() + t * t.cos()]);
        let length = tau[0].hypot(tau[1]);
        for offset in [-0.25, -1e-6, 1e-3, 0.25] {
            let x = [p[0] + offset * tau[1] / length, p[1] - offset * tau[0] / length];
            let foot = support.project(&x);
            assert!(distance(&foot.point, &p) < 1e-13, "t = {t}, offset {offset}");
            assert!((dot(&foot.tangent, &tau) / length - 1.0).abs() < 1e-14);
        }
    }
}

#[test]
fn spirals_answer_at_once_even_where_there_is_no_nearest_point() {
    let support = build(r#"{"kind": "spiral"}"#);
    for x in [[f64::NAN, 0.0], [0.0, f64::NAN], [f64::INFINITY, f64::NAN], [f64::INFINITY, 1.0]] {
        assert!(support.project(&x).point.iter().all(|p| p.is_finite()), "{x:?}");
    }
}

#[test]
fn swiss_roll() {
    let support = build(r#"{"kind": "swiss-roll", "height": 1.5}"#);
    let set: Vec<Vec<f64>> = spiral(0.1, 1.5 * PI, 4.5 * PI, 3001)
        .iter()
        .flat_map(|p| even(0.0, 1.5, 101).map(|y| vec![p[0], y, p[1]]))
        .collect();
    check_against(&support, &set, 0.01, &scatter(3, 60, 1.0, 10));
    // Beyond an edge the foot is on the edge.
    let foot = support.project(&[0.9, 4.0, 0.3]);
    assert_eq!(foot.point[1], 1.5);
}

#[test]
fn spiral_feet_are_the_lowest_of_all_stationary_points() {
    // All roots of d|x − p(t)|²/dt from sign changes on a fine grid, polished by bisection, and the two ends.
    let support = build(r#"{"kind": "spiral"}"#);
    let at = |t: f64| [0.1 * t * t.cos(), 0.1 * t * t.sin()];
    for x in scatter(2, 200, 1.2, 11) {
        let slope = |t: f64| {
            let p = at(t);
            (p[0] - x[0]) * 0.1 * (t.cos() - t * t.sin()) + (p[1] - x[1]) * 0.1 * (t.sin() + t * t.cos())
        };
        let grid: Vec<f64> = even(1.5 * PI, 4.5 * PI, 4001).collect();
        let mut least = distance(&at(grid[0]), &x).min(distance(&at(grid[4000]), &x));
        for pair in grid.windows(2).filter(|p| slope(p[0]) * slope(p[1]) <= 0.0) {
            let (mut low, mut high) = (pair[0], pair[1]);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                if slope(low) * slope(middle) <= 0.0 { high = middle } else { low = middle }
            }
            least = least.min(distance(&at(low), &x));
        }
        let got = support.project(&x).distance;
        assert!((got - least).abs() < 1e-14, "{x:?}: {got} against {least}");
    }
}

/// Checks a region against membership by definition and boundary samples; `corners` are where its normal is not unique.
fn check_region(
    support: &SharedSupport,
    holds: impl Fn(&[f64]) -> bool,
    boundary: &[Vec<f64>],
    corners: &[[f64; 2]],
    spacing: f64,
    points: &[Vec<f64>],
) {
    for x in points {
        let foot = support.project(x);
        check_frame(support, x, &foot);
        assert_eq!(foot.distance == 0.0, holds(x), "{x:?}");
        let nearest = boundary.iter().map(|p| distance(p, x)).fold(f64::INFINITY, f64::min);
        assert!(foot.middle_distance <= nearest + 1e-13, "{x:?}: {foot:?} {nearest}");
        assert!(nearest <= foot.middle_distance + spacing, "{x:?}: {foot:?} {nearest}");
        if !holds(x) {
            assert_eq!(foot.distance, foot.middle_distance);
        }
        if corners.iter().any(|corner| distance(corner, &foot.point) < 1e-9) {
            let line = (0..2).map(|i| (foot.point[i] - x[i]) * foot.normal[i]).sum::<f64>();
            let outward = if holds(x) { foot.middle_distance } else { -foot.middle_distance };
            assert!((line - outward).abs() < 1e-13, "{x:?}: the normal at a corner is the joining line");
            continue;
        }
        // A short step outward leaves the region, a short step inward from a smooth point stays.
        let step = |s: f64| [foot.point[0] + s * foot.normal[0], foot.point[1] + s * foot.normal[1]];
        assert!(!holds(&step(1e-7)), "{x:?}: the normal does not point out");
        assert!(holds(&step(-1e-7)), "{x:?}: the normal does not come from inside");
    }
}

#[test]
fn discs_apart_and_overlapping() {
    let centres = [[0.0, 0.0], [1.2, 0.0], [0.6, 0.9], [4.0, 1.0]];
    let support = build(
        r#"{"kind": "discs", "centres": [[0, 0], [1.2, 0], [0.6, 0.9], [4, 1], [4, 1]], "radius": 0.8}"#,
    );
    assert_eq!(support.components(), 2);
    let holds = |x: &[f64]| centres.iter().any(|c| distance(c, x) <= 0.8);
    let boundary: Vec<Vec<f64>> = centres
        .iter()
        .flat_map(|c| {
            even(0.0, 2.0 * PI, 20_001).map(move |s| vec![c[0] + 0.8 * s.cos(), c[1] + 0.8 * s.sin()])
        })
        .filter(|p| centres.iter().all(|c| distance(c, p) >= 0.8 - 1e-9))
        .collect();
    let mut points = scatter(2, 400, 1.5, 12);
    points.extend(centres.map(|c| c.to_vec()));
    let across = (0.8_f64.powi(2) - 0.6_f64.powi(2)).sqrt();
    let half = 0.5 * 0.6_f64.hypot(0.9);
    let reach = (0.8_f64.powi(2) - half * half).sqrt() / (2.0 * half);
    let corners =
        [[0.6, -across], [0.3 - 0.9 * reach, 0.45 + 0.6 * reach], [0.9 + 0.9 * reach, 0.45 + 0.6 * reach]];
    check_region(&support, holds, &boundary, &corners, 5e-4, &points);
    assert_eq!(support.project(&[4.5, 1.0]).component, 1);
    let one = build(r#"{"kind": "disc"}"#);
    let foot = one.project(&[0.0, 0.0]);
    assert_eq!((foot.distance, foot.middle_distance, foot.point.as_slice()), (0.0, 1.0, &[1.0, 0.0][..]));
    assert_eq!(one.project(&[3.0, 4.0]).distance, 4.0);
}

#[test]
fn polygons() {
    // An L, given clockwise and closed.
    let support =
        build(r#"{"kind": "polygon", "vertices": [[0, 0], [0, 2], [1, 2], [1, 1], [3, 1], [3, 0], [0, 0]]}"#);
    let holds = |x: &[f64]| {
        let within = |a: f64, b: f64| (0.0..=a).contains(&x[0]) && (0.0..=b).contains(&x[1]);
        within(1.0, 2.0) || within(3.0, 1.0)
    };
    let corners = [[0.0, 0.0], [0.0, 2.0], [1.0, 2.0], [1.0, 1.0], [3.0, 1.0], [3.0, 0.0], [0.0, 0.0]];
    let side = |a: [f64; 2], b: [f64; 2]| {
        even(0.0, 1.0, 4001).map(move |s| vec![a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1])])
    };
    let boundary: Vec<Vec<f64>> = corners.windows(2).flat_map(|c| side(c[0], c[1])).collect();
    let points: Vec<Vec<f64>> =
        scatter(2, 400, 1.2, 13).iter().map(|x| vec![x[0] + 1.2, x[1] + 1.0]).collect();
    check_region(&support, holds, &boundary, &corners, 8e-4, &points);
    // The reentrant corner is the foot of the square's diagonal points.
    assert_eq!(support.project(&[0.9, 0.9]).point, [1.0, 1.0]);
}

#[test]
fn far_away_and_tiny_points_have_finite_feet() {
    for json in [
        r#"{"kind": "two-moons"}"#,
        r#"{"kind": "two-moons", "scale": 3.0, "shift": -1.0, "strip": 0.2}"#,
        r#"{"kind": "circle"}"#,
        r#"{"kind": "spiral"}"#,
        r#"{"kind": "spiral", "start": 0.0, "end": 200.0}"#,
        r#"{"kind": "sphere"}"#,
        r#"{"kind": "sphere", "dim": 6}"#,
        r#"{"kind": "torus"}"#,
        r#"{"kind": "swiss-roll"}"#,
        r#"{"kind": "disc"}"#,
        r#"{"kind": "discs", "centres": [[0, 0], [1, 0], [0.5, 0.5]]}"#,
        r#"{"kind": "polygon", "vertices": [[0, 0], [1, 0], [0, 1]]}"#,
        r#"{"kind": "affine", "point": [1, 2, 3], "basis": [[1, 1, 1]]}"#,
    ] {
        let support = build(json);
        let dim = support.dim();
        for size in [0.0, -0.0, 1e-300, 1e-12, 1.0, 1e6, -1e6, 1e12, 1e100] {
            for pattern in 0..4 {
                let x: Vec<f64> = (0..dim)
                    .map(|i| if (i + pattern) % 3 == 0 { size } else { size * (pattern as f64 - 1.0) })
                    .collect();
                let foot = support.project(&x);
                let numbers =
                    [&foot.point[..], &foot.tangent, &foot.normal, &[foot.distance, foot.middle_distance]];
                assert!(numbers.concat().iter().all(|v| v.is_finite()), "{json} at {x:?}: {foot:?}");
                if size.abs() <= 1e12 {
                    check_frame(&support, &x, &foot);
                }
            }
        }
        for piece in support.outline(200) {
            assert_eq!(piece.len() % dim, 0);
            for point in piece.chunks(dim) {
                let scale = 1.0 + dot(point, point).sqrt();
                assert!(
                    support.project(point).distance < 1e-13 * scale,
                    "{json}: outline off the support at {point:?}"
                );
            }
        }
        let batch: Vec<f64> = scatter(dim, 20, 1.0, 14).concat();
        let feet = support.project_batch(&batch);
        assert!(feet.iter().zip(batch.chunks(dim)).all(|(foot, x)| *foot == support.project(x)));
    }
}

#[test]
fn parameters_without_meaning_are_refused() {
    for json in [
        r#"{"kind": "two-moons", "scale": 0.0}"#,
        r#"{"kind": "two-moons", "strip": -0.1}"#,
        r#"{"kind": "circle", "radius": -1.0}"#,
        r#"{"kind": "sphere", "dim": 1}"#,
        r#"{"kind": "sphere", "dim": 100000000}"#,
        r#"{"kind": "torus", "major": 1.0, "minor": 1.0}"#,
        r#"{"kind": "spiral", "start": 2.0, "end": 1.0}"#,
        r#"{"kind": "spiral", "end": 1e9}"#,
        r#"{"kind": "swiss-roll", "height": 0.0}"#,
        r#"{"kind": "disc", "radius": 0.0}"#,
        r#"{"kind": "discs", "centres": []}"#,
        r#"{"kind": "polygon", "vertices": [[0, 0], [1, 0]]}"#,
        r#"{"kind": "polygon", "vertices": [[0, 0], [1, 1], [1, 0], [0, 1]]}"#,
        r#"{"kind": "polygon", "vertices": [[0, 0], [1, 0], [2, 0]]}"#,
        r#"{"kind": "polygon", "vertices": [[0, 0], [2, 0], [2, 2], [1, 0], [0, 2]]}"#,
        r#"{"kind": "affine", "point": [0, 0], "basis": [[1, 0], [0, 1]]}"#,
        r#"{"kind": "affine", "point": [0, 0, 0], "basis": [[1, 0, 0], [2, 0, 0]]}"#,
        r#"{"kind": "affine", "point": [0, 0, 0], "basis": [[1, 0]]}"#,
        r#"{"kind": "affine", "point": []}"#,
        r#"{"kind": "product", "factors": []}"#,
        r#"{"kind": "product", "factors": [{"kind": "circle"}, {"kind": "disc"}]}"#,
        r#"{"kind": "product", "factors": [{"kind": "circle", "radius": -1.0}]}"#,
    ] {
        let shape = serde_json::from_str::<Shape>(json).unwrap();
        let error = shape.build().err().unwrap_or_else(|| panic!("{json} was accepted"));
        assert!(matches!(error, surefoot::Error::Invalid { .. }));
    }
    assert!(serde_json::from_str::<Shape>(r#"{"kind": "circle", "radios": 1.0}"#).is_err());
    assert!(serde_json::from_str::<Shape>(r#"{"kind": "heptagon"}"#).is_err());
    for name in Shape::NAMES {
        let error =
            serde_json::from_str::<Shape>(&format!(r#"{{"kind": "{name}", "what": 1}}"#)).unwrap_err();
        assert!(error.to_string().contains("what"), "{name}: {error}");
    }
}

#[test]
fn a_product_by_name_has_the_feet_of_its_factors() {
    let json = r#"{"kind": "product", "factors": [{"kind": "sphere", "dim": 3, "radius": 2.0}, {"kind": "circle"},
                   {"kind": "affine", "point": [1.0, 0.0]}]}"#;
    let product = serde_json::from_str::<Shape>(json).unwrap().build().unwrap();
    assert_eq!((product.dim(), product.intrinsic_dim()), (7, 3));
    let foot = product.project(&[0.0, 3.0, 0.0, 0.5, 0.0, 1.0, -2.0]);
    assert!(distance(&foot.point, &[0.0, 2.0, 0.0, 1.0, 0.0, 1.0, 0.0]) < 1e-14);
    assert!((foot.distance - (1.0f64 + 0.25 + 4.0).sqrt()).abs() < 1e-14);
    assert_eq!((foot.tangent.len(), foot.normal.len()), (3 * 7, 4 * 7));
}
