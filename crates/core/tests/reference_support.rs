//! Supports known by a sample only, against the sets the samples were drawn from.

use std::f64::consts::TAU;
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::support::{Foot, NORMAL_LIMIT, Reference, Sphere, Support};

fn normals(count: usize, salt: u64) -> Vec<f64> {
    let mut values = vec![0.0; count];
    standard_normal(&mut stream(23, salt, Purpose::Reference), &mut values);
    values
}

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// Uniform points on the unit sphere of R^`inner`, turned into R^`dim` by an isometry that mixes coordinates.
fn sphere_points(inner: usize, dim: usize, count: usize) -> Vec<f64> {
    let rows = surefoot::support::orthonormal_rows(dim, &normals(inner * dim, 99));
    let draw = |z: &[f64]| {
        let length = norm(z);
        (0..dim)
            .map(|c| (0..inner).map(|i| z[i] / length * rows[i * dim + c]).sum::<f64>())
            .collect::<Vec<_>>()
    };
    normals(inner * count, 1).chunks(inner).flat_map(draw).collect()
}

fn check_frame(dim: usize, d: usize, x: &[f64], foot: &Foot) {
    assert_eq!(foot.tangent.len(), d * dim);
    assert_eq!(foot.normal.len(), if dim <= NORMAL_LIMIT { (dim - d) * dim } else { 0 });
    let rows: Vec<&[f64]> = foot.tangent.chunks(dim).chain(foot.normal.chunks(dim)).collect();
    for (i, a) in rows.iter().enumerate() {
        for (j, b) in rows.iter().enumerate() {
            let product: f64 = a.iter().zip(*b).map(|(a, b)| a * b).sum();
            assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
        }
    }
    let gap: Vec<f64> = x.iter().zip(&foot.point).map(|(x, p)| x - p).collect();
    assert!((norm(&gap) - foot.distance).abs() < 1e-12 * (1.0 + norm(x)));
}

#[test]
fn a_dense_circle_is_recovered() {
    let n = 5000;
    let points: Vec<f64> = (0..n)
        .flat_map(|i| [(TAU * f64::from(i) / 5000.0).cos(), (TAU * f64::from(i) / 5000.0).sin()])
        .collect();
    let reference = Reference::new(2, points, Some(1), None).unwrap();
    assert_eq!(reference.neighbours(), 20);
    // Radius of the neighbourhood: 10 spacings, so the mean lies about ρ²/6 inside and the directions agree to ρ².
    let rho = 10.0 * TAU / 5000.0;
    for x in normals(200, 2).chunks(2) {
        let (foot, exact) = (reference.project(x), Sphere::new(2, 1.0).unwrap().project(x));
        check_frame(2, 1, x, &foot);
        assert!((foot.distance - exact.distance).abs() < 0.5 * rho * rho + 1e-12, "{x:?}");
        let cross = foot.tangent[0] * exact.tangent[1] - foot.tangent[1] * exact.tangent[0];
        assert!(cross.abs() < rho, "{x:?}: {cross}");
    }
}

#[test]
fn the_local_plane_ends_where_the_data_end() {
    let points: Vec<f64> = (0..=1000).flat_map(|i| [f64::from(i) / 1000.0, 0.5, 0.0]).collect();
    let reference = Reference::new(3, points, Some(1), Some(11)).unwrap();
    for (x, want) in [([4.0, 0.5, 0.0], 3.0), ([-3.0, 4.5, 0.0], 5.0), ([0.4, 0.5, 2.0], 2.0)] {
        let foot = reference.project(&x);
        check_frame(3, 1, &x, &foot);
        assert!((foot.distance - want).abs() < 1e-12, "{x:?}: {}", foot.distance);
    }
}

#[test]
fn two_nn_finds_the_dimension() {
    for (inner, dim) in [(2, 2), (3, 8), (6, 20)] {
        let points = sphere_points(inner, dim, 4000);
        let reference = Reference::new(dim, points, None, None).unwrap();
        let found = reference.two_nn().unwrap();
        assert_eq!((found.points, found.duplicates), (2000, 0));
        let d = (inner - 1) as f64;
        // Standard error d/√n.
        assert!(
            (found.dimension - d).abs() < 4.0 * d / 2000.0_f64.sqrt() + 0.03 * d,
            "{found:?} against {d}"
        );
        assert_eq!(reference.intrinsic_dim(), inner - 1);
    }
}

#[test]
fn repeated_points_are_counted_out_or_refused() {
    let mut points = sphere_points(3, 3, 300);
    points.extend_from_within(..3 * 10);
    let found = Reference::new(3, points, None, None).unwrap().two_nn().unwrap();
    assert_eq!((found.points, found.duplicates), (310, 20));
    // Only copies of one point: nothing to estimate, but a given dimension still has a frame.
    let copies = [1.0, 2.0, 3.0].repeat(50);
    assert!(Reference::new(3, copies.clone(), None, None).is_err());
    let reference = Reference::new(3, copies, Some(2), None).unwrap();
    let x = [1.0, 2.0, 5.0];
    let foot = reference.project(&x);
    check_frame(3, 2, &x, &foot);
    assert!((foot.distance - 2.0).abs() < 1e-15);
}

#[test]
fn feet_do_not_depend_on_the_batch() {
    let dim = 70;
    let reference = Reference::new(dim, sphere_points(4, dim, 500), Some(3), None).unwrap();
    let x = normals(dim * 37, 5);
    let feet = reference.project_batch(&x);
    assert_eq!(feet.len(), 37);
    for (x, foot) in x.chunks(dim).zip(&feet) {
        assert_eq!(*foot, reference.project(x));
        check_frame(dim, 3, x, foot);
    }
    assert_eq!(reference.project_batch(&[]).len(), 0);
    assert_eq!(reference.outline(100).len(), 100);
    assert_eq!(reference.nearest(&x[..dim], 10_000)[0].len(), 500);
}

#[test]
fn points_too_far_to_square_still_have_neighbours() {
    let reference = Reference::new(3, sphere_points(3, 3, 50), Some(2), None).unwrap();
    let x = [1e160, 0.0, -1e160];
    assert_eq!(reference.nearest(&x, 5)[0].len(), 5);
    let foot = reference.project(&x);
    assert!((foot.distance / (2.0_f64.sqrt() * 1e160) - 1.0).abs() < 1e-14);
    assert!(norm(&foot.point) < 2.0);
    let near = [1.0, 0.0, -1.0];
    check_frame(
        3,
        2,
        &near,
        &Foot { distance: norm(&[near[0] - foot.point[0], -foot.point[1], near[2] - foot.point[2]]), ..foot },
    );
}

#[test]
fn samples_without_meaning_are_refused() {
    let points = sphere_points(3, 3, 50);
    assert!(Reference::new(1, points.clone(), None, None).is_err());
    assert!(Reference::new(0, points.clone(), None, None).is_err());
    assert!(Reference::new(7, points.clone(), None, None).is_err());
    assert!(Reference::new(3, points.clone(), Some(0), None).is_err());
    assert!(Reference::new(3, points.clone(), Some(3), None).is_err());
    assert!(Reference::new(3, points.clone(), Some(2), Some(2)).is_err());
    assert!(Reference::new(3, points.clone(), Some(2), Some(51)).is_err());
    assert!(Reference::new(3, vec![], Some(2), None).is_err());
    for bad in [f64::NAN, f64::INFINITY, 1e200] {
        let mut spoiled = points.clone();
        spoiled[7] = bad;
        assert!(Reference::new(3, spoiled, Some(2), None).is_err());
    }
}

#[test]
#[ignore = "ten thousand images: a timing to run by hand in release"]
fn images_sized_reference() {
    let points = sphere_points(12, 784, 10_000);
    let start = std::time::Instant::now();
    let reference = Reference::new(784, points, None, None).unwrap();
    println!("set up with TwoNN {:?} in {:.2?}", reference.two_nn(), start.elapsed());
    let start = std::time::Instant::now();
    let feet = reference.project_batch(&normals(784 * 1000, 6));
    println!("{} feet in {:.2?}", feet.len(), start.elapsed());
}
