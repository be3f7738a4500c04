//! Supports given by a constraint c(x) = 0 against the same supports in closed form.

use surefoot::law::Law;
use surefoot::linalg::principal_angles;
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::support::{Constraint, Flaw, Foot, Landed, Product, Shape, SharedSupport, Sphere, Support};
use surefoot_graph::{Graph, Limits};

fn graph(name: &str) -> Graph {
    let file = format!("{}/tests/constraints/{name}.onnx", env!("CARGO_MANIFEST_DIR"));
    Graph::read_function(file, &Limits::default()).unwrap()
}

fn constraint(name: &str) -> Constraint {
    Constraint::new(&graph(name), &[]).unwrap()
}

fn closed_form(json: &str) -> SharedSupport {
    serde_json::from_str::<Shape>(json).unwrap().build().unwrap()
}

fn scatter(dim: usize, count: usize, spread: f64) -> Vec<f64> {
    let mut points = vec![0.0; count * dim];
    standard_normal(&mut stream(23, dim as u64, Purpose::Reference), &mut points);
    points.iter().map(|x| spread * x).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// Rows of T and N together are an orthonormal basis, and the foot is that far away.
fn check_foot(x: &[f64], foot: &Foot) {
    let dim = x.len();
    let rows: Vec<&[f64]> = foot.tangent.chunks(dim).chain(foot.normal.chunks(dim)).collect();
    assert_eq!(rows.len(), dim);
    for (i, a) in rows.iter().enumerate() {
        for (j, b) in rows.iter().enumerate() {
            let product: f64 = a.iter().zip(*b).map(|(a, b)| a * b).sum();
            assert!((product - f64::from(u8::from(i == j))).abs() < 1e-13, "rows {i}, {j} at {x:?}");
        }
    }
    assert!((distance(x, &foot.point) - foot.distance).abs() < 1e-14 * (1.0 + foot.distance), "{x:?}");
    assert_eq!(foot.distance, foot.middle_distance);
}

/// Feet, distances and tangent spaces agree with those in closed form.
fn agree(constraint: &dyn Support, known: &dyn Support, points: &[f64]) {
    assert_eq!((constraint.dim(), constraint.intrinsic_dim()), (known.dim(), known.intrinsic_dim()));
    let dim = constraint.dim();
    let feet = constraint.project_batch(points);
    for (x, foot) in points.chunks_exact(dim).zip(&feet) {
        let expected = known.project(x);
        assert_eq!(foot.flaw, None, "{x:?}");
        check_foot(x, foot);
        let near = distance(&foot.point, &expected.point);
        assert!(near < 1e-10, "{x:?}: {:?} against {:?}", foot.point, expected.point);
        assert!((foot.distance - expected.distance).abs() < 1e-10, "{x:?}");
        let angle = principal_angles(dim, &foot.tangent, &expected.tangent).last().copied().unwrap_or(0.0);
        assert!(angle < 1e-10, "{x:?}: tangents {angle:e} apart");
        assert_eq!(*foot, constraint.project(x), "the same point has the same foot");
    }
}

#[test]
fn curves_and_surfaces_agree_with_closed_forms() {
    agree(&constraint("circle"), &*closed_form(r#"{"kind": "circle"}"#), &scatter(2, 300, 1.5));
    agree(
        &constraint("sphere"),
        &*closed_form(r#"{"kind": "sphere", "radius": 1.5}"#),
        &scatter(3, 300, 2.0),
    );
    agree(&constraint("torus"), &*closed_form(r#"{"kind": "torus"}"#), &scatter(3, 300, 2.0));
    let two = Product::new(vec![
        std::sync::Arc::new(Sphere::new(2, 1.0).unwrap()),
        std::sync::Arc::new(Sphere::new(2, 2.0).unwrap()),
    ]);
    agree(&constraint("clifford"), &two.unwrap(), &scatter(4, 200, 2.0));
}

#[test]
fn far_and_near_points_have_their_feet() {
    let (circle, known) = (constraint("circle"), closed_form(r#"{"kind": "circle"}"#));
    let points = [[1e6, 2e6], [1e-6, -2e-6], [1.0 + 1e-9, 0.0], [0.6, 0.8], [-3e60, 4e60]];
    for x in points {
        let (foot, expected) = (circle.project(&x), known.project(&x));
        assert_eq!(foot.flaw, None, "{x:?}");
        assert!(distance(&foot.point, &expected.point) < 1e-10, "{x:?}: {foot:?}");
    }
}

#[test]
fn dependent_conditions_count_once() {
    let line = closed_form(r#"{"kind": "affine", "point": [0, 0.3, 0], "basis": [[1, 0, -1]]}"#);
    agree(&constraint("line"), &*line, &scatter(3, 100, 2.0));
}

#[test]
fn conditions_in_other_units_weigh_the_same() {
    let latitude = constraint("latitude");
    assert_eq!(latitude.intrinsic_dim(), 1);
    for x in scatter(3, 200, 1.5).chunks_exact(3) {
        let foot = latitude.project(x);
        check_foot(x, &foot);
        let reach = x[0].hypot(x[1]);
        let expected = [0.8 * x[0] / reach, 0.8 * x[1] / reach, 0.6];
        assert!(foot.flaw.is_none() && distance(&foot.point, &expected) < 1e-10, "{x:?}: {foot:?}");
    }
}

#[test]
fn an_ellipse_has_its_nearest_points() {
    let ellipse = constraint("ellipse");
    let at = |i: usize| {
        let (sin, cos) = (std::f64::consts::TAU * i as f64 / 40_000.0).sin_cos();
        [2.0 * cos, sin]
    };
    for x in scatter(2, 300, 1.5).chunks_exact(2) {
        let foot = ellipse.project(x);
        check_foot(x, &foot);
        let nearest = (0..40_000).map(|i| distance(x, &at(i))).fold(f64::INFINITY, f64::min);
        assert!(
            foot.distance < nearest + 1e-10 && foot.distance > nearest - 2e-4,
            "{x:?}: {} {nearest}",
            foot.distance
        );
        let offset = [x[0] - foot.point[0], x[1] - foot.point[1]];
        let along = foot.tangent[0] * offset[0] + foot.tangent[1] * offset[1];
        assert!(foot.flaw.is_none() && along.abs() < 1e-12, "{x:?}: {along:e}");
    }
}

#[test]
fn symmetric_points_have_a_foot() {
    for (name, x, away) in
        [("circle", vec![0.0; 2], 1.0), ("sphere", vec![0.0; 3], 1.5), ("torus", vec![2.0, 0.0, 0.0], 1.0)]
    {
        let foot = constraint(name).project(&x);
        assert!((foot.distance - away).abs() < 1e-10 && foot.flaw.is_none(), "{name}: {foot:?}");
        check_foot(&x, &foot);
    }
}

#[test]
fn a_singular_foot_says_so() {
    let cone = constraint("cone");
    assert_eq!(cone.intrinsic_dim(), 2);
    let foot = cone.project(&[0.0, 0.0, 0.0]);
    assert_eq!(foot.flaw, Some(Flaw::Singular { rank: 0 }));
    assert_eq!((foot.distance, foot.tangent.len(), foot.normal.len()), (0.0, 6, 3));
    let beside = cone.project(&[2.0, 0.0, 0.0]);
    assert!((beside.distance - 2.0_f64.sqrt()).abs() < 1e-12 && beside.flaw.is_none(), "{beside:?}");
}

#[test]
fn a_function_that_is_not_finite_everywhere_serves_from_its_anchors() {
    let line = constraint("logarithm");
    for x in [[3.0, 0.5], [0.2, -1.0], [-4.0, 2.0], [0.0, 0.0]] {
        let foot = line.project(&x);
        assert!(foot.flaw.is_none() && distance(&foot.point, &[1.0, x[1]]) < 1e-10, "{x:?}: {foot:?}");
    }
}

#[test]
fn reference_points_are_anchors() {
    let reference = [[0.1, 1.0], [-2.01, 0.0]].concat();
    let ellipse = Constraint::new(&graph("ellipse"), &reference).unwrap();
    let anchors = ellipse.outline(100);
    assert_eq!(anchors.len(), 2);
    assert!(distance(&anchors[1], &[-2.0, 0.0]) < 1e-12);
}

#[test]
fn what_is_no_constraint_is_refused() {
    let refused = |name: &str, reference: &[f64]| {
        Constraint::new(&graph(name), reference).err().unwrap_or_else(|| panic!("{name} taken")).to_string()
    };
    for (name, word) in [
        ("squared", "changes sign"),
        ("nowhere", "changes sign"),
        ("constant", "changes sign"),
        ("timed", "time"),
    ] {
        let message = refused(name, &[]);
        assert!(message.contains(word), "{name}: {message}");
    }
    assert!(refused("circle", &[1.0, 0.0, 0.0]).contains("reference"));
    assert!(refused("circle", &[f64::NAN, 0.0]).contains("finite"));
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-cfm.onnx");
    let message = Constraint::new(&Graph::read_function(network, &Limits::default()).unwrap(), &[]);
    assert!(message.err().unwrap().to_string().contains("time"));
}

#[test]
fn normal_points_land_on_the_constraint() {
    // From the middle of a sphere every direction is as likely: by Archimedes, coordinates of S² are uniform.
    let law = Landed::new(std::sync::Arc::new(constraint("sphere")));
    let draw = |i: u64| {
        let mut x = vec![0.0; law.dim()];
        law.sample(&mut stream(3, i, Purpose::Reference), &mut x);
        x
    };
    let points: Vec<Vec<f64>> = (0..2000).map(draw).collect();
    let radius = points[0].iter().map(|x| x * x).sum::<f64>().sqrt();
    let known = Sphere::new(3, radius).unwrap();
    for x in &points {
        assert!(known.project(x).distance < 1e-10);
    }
    for i in 0..3 {
        let mut along: Vec<f64> = points.iter().map(|x| x[i]).collect();
        along.sort_by(f64::total_cmp);
        let misfit =
            |(rank, x): (usize, &f64)| ((x / radius + 1.0) / 2.0 - (rank as f64 + 0.5) / 2000.0).abs();
        assert!(along.iter().enumerate().map(misfit).fold(0.0, f64::max) < 2.0 / 2000f64.sqrt());
    }
}
