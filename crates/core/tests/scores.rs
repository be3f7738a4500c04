//! Exact scores against plain sums over dense grids of each data set's own parameters.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;
use surefoot::field::{Bandwidth, Data, Field, Mixture, Moment, PointSet};

/// A grid standing for a law: points and weights.
struct Grid {
    dim: usize,
    points: Vec<Vec<f64>>,
    weights: Vec<f64>,
}

struct Reference {
    score: Vec<f64>,
    jacobian: Vec<f64>,
}

impl Grid {
    /// Gradient and Hessian of log Σ w N(x; m y, V), from derivatives of the density itself.
    fn score(&self, m: f64, v: f64, x: &[f64]) -> Reference {
        let d = self.dim;
        let exponent = |y: &[f64]| -> f64 {
            -y.iter().zip(x).map(|(y, x)| (x - m * y).powi(2)).sum::<f64>() / (2.0 * v)
        };
        let top = self.points.iter().map(|y| exponent(y)).fold(f64::NEG_INFINITY, f64::max);
        let (mut p, mut dp, mut ddp) = (0.0, vec![0.0; d], vec![0.0; d * d]);
        for (y, w) in self.points.iter().zip(&self.weights) {
            let f = w * (exponent(y) - top).exp();
            p += f;
            for i in 0..d {
                let gi = (m * y[i] - x[i]) / v;
                dp[i] += f * gi;
                for j in 0..d {
                    let gj = (m * y[j] - x[j]) / v;
                    ddp[i * d + j] += f * (gi * gj - if i == j { 1.0 / v } else { 0.0 });
                }
            }
        }
        let score: Vec<f64> = dp.iter().map(|s| s / p).collect();
        let jacobian = (0..d * d).map(|e| ddp[e] / p - score[e / d] * score[e % d]).collect();
        Reference { score, jacobian }
    }
}

fn grid_1d(count: usize, from: f64, to: f64, point: impl Fn(f64) -> Vec<f64>) -> Grid {
    let points: Vec<_> =
        (0..count).map(|j| point(from + (to - from) * (j as f64 + 0.5) / count as f64)).collect();
    Grid { dim: points[0].len(), weights: vec![1.0; count], points }
}

/// Midpoints of an s × t grid on the unit square, with a weight.
fn grid_2d(s: usize, t: usize, point: impl Fn(f64, f64) -> (Vec<f64>, f64)) -> Grid {
    let cells =
        (0..s * t).map(|c| point(((c / t) as f64 + 0.5) / s as f64, ((c % t) as f64 + 0.5) / t as f64));
    let (points, weights): (Vec<_>, Vec<_>) = cells.unzip();
    Grid { dim: points[0].len(), points, weights }
}

fn two_moons() -> Grid {
    grid_1d(200_000, 0.0, 2.0, |u| {
        let s = PI * u.fract();
        if u < 1.0 { vec![s.cos(), s.sin()] } else { vec![1.0 - s.cos(), 0.5 - s.sin()] }
    })
}

fn at(signal: f64, noise: f64) -> Moment {
    Moment { time: f64::NAN, signal, noise }
}

/// Largest differences of score (times √V) and Jacobian (times V) from the grid's, over some points.
fn check(field: &dyn Field, grid: &Grid, m: f64, sigma: f64, h: f64, tolerance: f64) {
    let d = field.dim();
    let v = sigma * sigma + m * m * h * h;
    let (mut worst_s, mut worst_j) = (0.0f64, 0.0f64);
    for index in 0..12 {
        let y = &grid.points[(index * 7919 + 13) % grid.points.len()];
        let x: Vec<f64> =
            (0..d).map(|i| m * y[i] + v.sqrt() * (1.3 * ((index * d + i) as f64 * 2.399).sin())).collect();
        let reference = grid.score(m, v, &x);
        let identity: Vec<f64> = (0..d * d).map(|e| f64::from(e / d == e % d)).collect();
        let (mut s, mut j, mut u) = (vec![0.0; d], vec![0.0; d * d], vec![0.0; d * d]);
        let mut alone = vec![0.0; d];
        field.tangents(at(m, sigma), &x, &identity, &mut s, &mut j);
        field.eval(at(m, sigma), &x, &mut alone);
        assert_eq!(s, alone);
        field.adjoint(at(m, sigma), &x, &identity, &mut alone, &mut u);
        for e in 0..d * d {
            worst_j = worst_j.max(v * (j[e] - reference.jacobian[e]).abs());
            worst_j = worst_j.max(v * (u[e] - reference.jacobian[e]).abs());
        }
        for (s, reference) in s.iter().zip(&reference.score) {
            worst_s = worst_s.max(v.sqrt() * (s - reference).abs());
        }
    }
    println!("m {m} σ {sigma}: score {worst_s:e}, Jacobian {worst_j:e}");
    assert!(worst_s < tolerance && worst_j < tolerance);
}

#[test]
fn closed_curves() {
    let circle = grid_1d(20_000, 0.0, TAU, |t| vec![2.0 * t.cos(), 2.0 * t.sin()]);
    let trefoil = grid_1d(20_000, 0.0, TAU, |t| {
        let r = 0.7 * (2.0 + (3.0 * t).cos());
        vec![r * (2.0 * t).cos(), r * (2.0 * t).sin()]
    });
    for (m, sigma, h) in
        [(1.0, 3.0, 0.0), (0.7, 0.6, 0.0), (1.0, 0.05, 0.0), (0.99, 0.01, 0.02), (0.01, 1.0, 0.3)]
    {
        check(&*Data::Circle { radius: 2.0 }.score(h).unwrap(), &circle, m, sigma, h, 1e-11);
        check(&*Data::Trefoil.score(h).unwrap(), &trefoil, m, sigma, h, 1e-11);
    }
}

#[test]
fn open_curves() {
    // The midpoint rule on open arcs converges with the square of the spacing only.
    let spiral = grid_1d(400_000, 1.5 * PI, 4.5 * PI, |t| vec![0.1 * t * t.cos(), 0.1 * t * t.sin()]);
    for (m, sigma, h) in [(1.0, 3.0, 0.0), (0.5, 0.6, 0.1), (1.0, 0.05, 0.0)] {
        check(&*Data::TWO_MOONS.score(h).unwrap(), &two_moons(), m, sigma, h, 1e-7);
        check(&*Data::SPIRAL.score(h).unwrap(), &spiral, m, sigma, h, 1e-7);
    }
}

#[test]
fn surfaces() {
    let sphere = grid_2d(1200, 800, |u, w| {
        let (theta, phi) = (PI * u, TAU * w);
        let q = 1.5 * theta.sin();
        (vec![q * phi.cos(), q * phi.sin(), 1.5 * theta.cos()], theta.sin())
    });
    let torus = grid_2d(600, 1000, |u, w| {
        let (theta, phi) = (TAU * u, TAU * w);
        let rho = 2.0 + theta.cos();
        (vec![rho * phi.cos(), rho * phi.sin(), theta.sin()], rho)
    });
    let disc = grid_2d(1200, 800, |u, w| {
        let (r, phi) = (1.5 * u, TAU * w);
        (vec![r * phi.cos(), r * phi.sin()], r)
    });
    let roll = grid_2d(2000, 500, |u, w| {
        let t = PI * (1.5 + 3.0 * u);
        (vec![0.1 * t * t.cos(), 2.1 * w, 0.1 * t * t.sin()], 1.0)
    });
    for (m, sigma, h) in [(1.0, 2.0, 0.0), (0.6, 0.3, 0.1), (1.0, 0.08, 0.05)] {
        check(&*Data::Sphere { radius: 1.5 }.score(h).unwrap(), &sphere, m, sigma, h, 2e-4);
        check(&*Data::TORUS.score(h).unwrap(), &torus, m, sigma, h, 1e-11);
        check(&*Data::Disc { radius: 1.5 }.score(h).unwrap(), &disc, m, sigma, h, 2e-5);
        check(&*Data::SWISS_ROLL.score(h).unwrap(), &roll, m, sigma, h, 1e-4);
    }
}

#[test]
fn point_sets_and_mixtures() {
    let points: Vec<Vec<f64>> = (0..40)
        .map(|j| (0..3).map(|i| ((j * 3 + i) as f64 * 1.7).sin() * (1.0 + i as f64)).collect())
        .collect();
    let weights: Vec<f64> = (0..40).map(|j| f64::from(j % 5)).collect();
    let grid = Grid { dim: 3, points: points.clone(), weights: weights.clone() };
    let nodes: Arc<[f64]> = points.concat().into();
    let set = PointSet::new(3, nodes.clone(), &weights, Bandwidth::Isotropic(0.1)).unwrap();
    let even = PointSet::new(3, nodes, &weights, Bandwidth::Diagonal(vec![0.1; 3])).unwrap();
    for (m, sigma) in [(1.0, 2.0), (0.3, 0.2), (1.0, 0.01), (1.0, 0.0)] {
        check(&set, &grid, m, sigma, 0.1, 1e-11);
        check(&even, &grid, m, sigma, 0.1, 1e-11);
    }
    // Equal diagonal bandwidths take the dense way: blocks must agree with it on a crowd, row by row.
    let crowd: Vec<f64> = (0..3001).map(|j| (j as f64 * 0.7).sin() * (j as f64 * 0.013).cos()).collect();
    let crowd: Arc<[f64]> = crowd[..3000].into();
    let blocks = PointSet::new(2, crowd.clone(), &[], Bandwidth::Isotropic(0.05)).unwrap();
    let dense = PointSet::new(2, crowd.clone(), &[], Bandwidth::Diagonal(vec![0.05; 2])).unwrap();
    let x: Vec<f64> = crowd.iter().take(200).map(|y| 1.3 * y + 0.01).collect();
    for sigma in [0.0, 0.3, 3.0] {
        let v = sigma * sigma + 0.81 * 0.0025;
        let (mut a, mut b) = (vec![0.0; 200], vec![0.0; 200]);
        let (mut ja, mut jb, direction) = (a.clone(), a.clone(), vec![0.6; 200]);
        blocks.tangents(at(0.9, sigma), &x, &direction, &mut a, &mut ja);
        dense.tangents(at(0.9, sigma), &x, &direction, &mut b, &mut jb);
        for i in 0..200 {
            assert!((a[i] - b[i]).abs() * v.sqrt() < 1e-12 && (ja[i] - jb[i]).abs() * v < 1e-12);
        }
        let mut alone = vec![0.0; 2];
        blocks.eval(at(0.9, sigma), &x[100..102], &mut alone);
        assert_eq!(alone, a[100..102]);
    }
    let gaussian = Mixture::gaussian(&[0.0, 0.0, 0.0], 0.0).unwrap();
    check(&gaussian, &Grid { dim: 3, points: vec![vec![0.0; 3]], weights: vec![1.0] }, 0.5, 0.2, 0.0, 1e-14);
}
