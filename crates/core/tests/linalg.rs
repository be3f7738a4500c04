//! QR, determinants and angles at awkward sizes and on special matrices.

use surefoot::linalg::{log_abs_det, orthonormalize, principal_angles};
use surefoot::random::{Purpose, standard_normal, stream};

fn random(index: u64, len: usize) -> Vec<f64> {
    let mut values = vec![0.0; len];
    standard_normal(&mut stream(17, index, Purpose::Reference), &mut values);
    values
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Orthonormal rows, positive upper triangular R, and V = E R up to rounding relative to each vector.
fn check(dim: usize, k: usize, v: &[f64], e: &[f64], r: &[f64], tolerance: f64) {
    for i in 0..k {
        for j in 0..k {
            let overlap = dot(&e[i * dim..][..dim], &e[j * dim..][..dim]);
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!((overlap - expected).abs() < tolerance, "D={dim} k={k}: rows {i} {j}: {overlap:e}");
            if j < i {
                assert_eq!(r[i * k + j], 0.0);
            }
        }
        assert!(r[i * k + i] >= 0.0);
    }
    for j in 0..k {
        let own = &v[j * dim..][..dim];
        let size = own.iter().fold(0.0, |size: f64, value| size.max(value.abs()));
        for a in 0..dim {
            let rebuilt: f64 = (0..k).map(|i| e[i * dim + a] * r[i * k + j]).sum();
            assert!(
                (rebuilt - own[a]).abs() <= tolerance * size,
                "D={dim} k={k} vector {j}: {rebuilt} {}",
                own[a]
            );
        }
    }
}

fn factor(dim: usize, k: usize, v: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (mut e, mut r) = (v.to_vec(), vec![f64::NAN; v.len() / dim * k]);
    orthonormalize(dim, k, &mut e, &mut r);
    (e, r)
}

const SHAPES: [(usize, usize); 14] = [
    (1, 1),
    (2, 1),
    (2, 2),
    (3, 1),
    (3, 2),
    (3, 3),
    (7, 1),
    (9, 2),
    (5, 3),
    (6, 4),
    (16, 16),
    (64, 64),
    (100, 45),
    (784, 32),
];

#[test]
fn random_rows() {
    for (dim, k) in SHAPES {
        for n in [1, 7, 8, 9, 21] {
            let v = random(1, n * k * dim);
            let (e, r) = factor(dim, k, &v);
            for sample in 0..n {
                let (own, square) = (sample * k * dim, sample * k * k);
                let (v, e, r) = (&v[own..][..k * dim], &e[own..][..k * dim], &r[square..][..k * k]);
                check(dim, k, v, e, r, 1e-13);
                assert!((0..k).all(|i| r[i * k + i] > 0.0));
                assert_eq!(factor(dim, k, v), (e.to_vec(), r.to_vec()), "batch of {n}, D={dim} k={k}");
            }
        }
    }
}

#[test]
fn nearly_parallel_and_badly_scaled_rows_stay_orthonormal() {
    for (dim, k) in SHAPES {
        let n = 9;
        let base = random(2, dim);
        let mut close = random(3, n * k * dim);
        close
            .chunks_exact_mut(dim)
            .for_each(|row| row.iter_mut().zip(&base).for_each(|(v, b)| *v = b + 1e-9 * *v));
        let mut scaled = random(4, n * k * dim);
        let rows = scaled.chunks_exact_mut(dim).enumerate();
        rows.for_each(|(i, row)| {
            let size = [1.0, 1e-200, 1e180, 1e-300][i % 4];
            row.iter_mut().for_each(|v| *v *= size);
        });
        for v in [close, scaled] {
            let (e, r) = factor(dim, k, &v);
            for sample in 0..n {
                let (own, square) = (sample * k * dim, sample * k * k);
                let (v, e, r) = (&v[own..][..k * dim], &e[own..][..k * dim], &r[square..][..k * k]);
                check(dim, k, v, e, r, 1e-12);
                assert!((0..k).all(|i| r[i * k + i] > 0.0), "D={dim} k={k}");
            }
        }
    }
}

#[test]
fn vanishing_rows_give_zero_and_a_replacement() {
    for (dim, k) in SHAPES.into_iter().filter(|(_, k)| *k > 1) {
        for lost in [0, 1, k - 1] {
            for how in 0..3 {
                let mut v = random(5, 3 * k * dim);
                let own = &mut v[k * dim..][..k * dim];
                let (before, row) = own.split_at_mut(lost * dim);
                let row = &mut row[..dim];
                match how {
                    0 => row.fill(0.0),
                    _ if lost == 0 => continue,
                    1 => row.copy_from_slice(&before[..dim]),
                    _ => {
                        row.fill(0.0);
                        before
                            .chunks_exact(dim)
                            .for_each(|b| row.iter_mut().zip(b).for_each(|(r, b)| *r += 0.7 * b));
                    }
                }
                let (e, r) = factor(dim, k, &v);
                assert!(e.iter().chain(&r).all(|value| value.is_finite()));
                let (v, e, r) = (&v[k * dim..][..k * dim], &e[k * dim..][..k * dim], &r[k * k..][..k * k]);
                check(dim, k, v, e, r, 1e-12);
                for i in 0..k {
                    assert_eq!(
                        r[i * k + i] == 0.0,
                        i == lost,
                        "D={dim} k={k} row {i}, lost {lost}: {}",
                        r[i * k + i]
                    );
                }
            }
        }
    }
}

#[test]
fn non_finite_rows_show_in_their_own_factor_only() {
    for (dim, k) in SHAPES {
        for bad in [f64::NAN, f64::INFINITY] {
            let mut v = random(6, 10 * k * dim);
            v[3 * k * dim] = bad;
            let (_, r) = factor(dim, k, &v);
            for (sample, r) in r.chunks_exact(k * k).enumerate() {
                assert_eq!(r.iter().all(|value| value.is_finite()), sample != 3);
            }
        }
    }
}

#[test]
fn determinants() {
    let cases: [(usize, Vec<f64>, f64); 6] = [
        (1, vec![-3.0], 3.0_f64.ln()),
        (2, vec![0.0, 2.0, 5.0, 1.0], 10.0_f64.ln()),
        (3, vec![0.0, 0.0, 2.0, 0.0, 3.0, 1.0, 4.0, 7.0, 9.0], 24.0_f64.ln()),
        (3, vec![2.0, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 2.0], 4.0_f64.ln()),
        (2, vec![1.0, 2.0, 2.0, 4.0], f64::NEG_INFINITY),
        (2, vec![0.0, 2.0, 0.0, 4.0], f64::NEG_INFINITY),
    ];
    for (dim, matrix, expected) in cases {
        let mut found = [0.0];
        log_abs_det(dim, &matrix, &mut found);
        assert!(found[0] == expected || (found[0] - expected).abs() < 1e-14, "{matrix:?}: {}", found[0]);
    }
    for dim in [1, 2, 3, 8, 40] {
        let a = random(7, 3 * dim * dim);
        let mut found = [0.0; 3];
        log_abs_det(dim, &a, &mut found);
        let (_, r) = factor(dim, dim, &a);
        for (r, found) in r.chunks_exact(dim * dim).zip(found) {
            let expected: f64 = (0..dim).map(|i| r[i * dim + i].ln()).sum();
            assert!((found - expected).abs() < 1e-11, "D={dim}: {found} {expected}");
        }
    }
    let mut found = [0.0];
    log_abs_det(2, &[f64::NAN, 1.0, 1.0, 2.0], &mut found);
    assert!(found[0].is_nan());
}

/// Pairs of rows at known angles in D = 2p, hidden by a common rotation and by changes of basis of both spans.
#[test]
fn angles_of_known_pairs() {
    for angles in [vec![1e-12, 0.3], vec![1e-9, 1e-7, 0.8, 1.5], vec![0.0, 0.0, 1.0], vec![0.7], vec![1e-13]]
    {
        let p = angles.len();
        let dim = 2 * p;
        let (rotation, _) = factor(dim, dim, &random(8, dim * dim));
        let axis = |i: usize| &rotation[i * dim..][..dim];
        let a: Vec<f64> = (0..p).flat_map(|i| axis(i).to_vec()).collect();
        let b: Vec<f64> = (0..p)
            .flat_map(|i| {
                let (sine, cosine) = f64::sin_cos(angles[i]);
                axis(i).iter().zip(axis(p + i)).map(move |(x, y)| cosine * x + sine * y).collect::<Vec<f64>>()
            })
            .collect();
        let mixed = |rows: &[f64], index: u64| {
            let (change, _) = factor(p, p, &random(index, p * p));
            let mut out = vec![0.0; p * dim];
            for i in 0..p {
                for j in 0..p {
                    (0..dim).for_each(|c| out[i * dim + c] += change[i * p + j] * rows[j * dim + c]);
                }
            }
            out
        };
        for (a, b) in [(a.clone(), b.clone()), (mixed(&a, 9), mixed(&b, 10))] {
            for found in [principal_angles(dim, &a, &b), principal_angles(dim, &b, &a)] {
                assert_eq!(found.len(), p);
                for (found, expected) in found.iter().zip(&angles) {
                    assert!((found - expected).abs() < 2e-15, "{found:e} {expected:e}");
                }
            }
        }
        if p > 1 {
            let one = principal_angles(dim, &a, &b[(p - 1) * dim..]);
            assert_eq!(one.len(), 1);
            assert!((one[0] - angles[p - 1]).abs() < 2e-15);
        }
    }
    assert!(principal_angles(3, &[], &[1.0, 0.0, 0.0]).is_empty());
    assert!(principal_angles(2, &[1.0, 0.0, 0.0, 1.0], &[0.6, 0.8])[0].abs() < 1e-15);
}
