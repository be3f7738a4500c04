//! Product SVD, covariant vectors and the QR engine against chains of known decomposition and known attractors.

use surefoot::linalg::orthonormalize;
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::spectrum::{Lyapunov, Svd, covariant, lyapunov, svd};
use surefoot::sweep::Chain;

/// A Haar orthogonal matrix, its columns as rows.
fn orthogonal(k: usize, index: u64) -> Vec<f64> {
    let (mut rows, mut r) = (vec![0.0; k * k], vec![0.0; k * k]);
    standard_normal(&mut stream(11, index, Purpose::Reference), &mut rows);
    orthonormalize(k, k, &mut rows, &mut r);
    rows
}

/// Maps A_n = O_{n+1} diag(exp d_n) O_nᵀ, whose product has left vectors O_τ, right vectors O_0 and the summed logs.
struct Known {
    k: usize,
    bases: Vec<Vec<f64>>,
    logs: Vec<Vec<f64>>,
}

impl Known {
    fn new(k: usize, steps: usize, logs: impl Fn(usize, usize) -> f64) -> Known {
        Known {
            k,
            bases: (0..=steps).map(|n| orthogonal(k, n as u64)).collect(),
            logs: (0..steps).map(|n| (0..k).map(|i| logs(n, i)).collect()).collect(),
        }
    }

    fn apply(&self, n: usize, row: &[f64]) -> Vec<f64> {
        let k = self.k;
        let mut image = vec![0.0; k];
        for i in 0..k {
            let (from, to) = (&self.bases[n][i * k..][..k], &self.bases[n + 1][i * k..][..k]);
            let along: f64 = from.iter().zip(row).map(|(a, b)| a * b).sum();
            image.iter_mut().zip(to).for_each(|(out, to)| *out += self.logs[n][i].exp() * along * to);
        }
        image
    }

    /// Frames and chain from a given start frame.
    fn sweep(&self, start: &[f64]) -> (Chain, Vec<f64>, Vec<f64>) {
        let k = self.k;
        let mut chain = Chain { k, samples: 1, factors: Vec::new() };
        let (mut frame, mut frames) = (start.to_vec(), start.to_vec());
        for n in 0..self.logs.len() {
            frame = frame.chunks_exact(k).flat_map(|row| self.apply(n, row)).collect();
            let mut r = vec![0.0; k * k];
            orthonormalize(k, k, &mut frame, &mut r);
            chain.factors.extend(r);
            frames.extend(&frame);
        }
        (chain, frame, frames)
    }

    /// Indices by descending total growth, with the totals.
    fn totals(&self) -> Vec<(usize, f64)> {
        let total = |i: usize| self.logs.iter().map(|logs| logs[i]).sum();
        let mut totals: Vec<(usize, f64)> = (0..self.k).map(|i| (i, total(i))).collect();
        totals.sort_by(|a, b| b.1.total_cmp(&a.1));
        totals
    }

    fn decompose(&self) -> Svd {
        let start = orthogonal(self.k, 1 << 40);
        let (chain, end, _) = self.sweep(&start);
        svd(&chain, &start, &end).unwrap()
    }

    /// Checks values, and vectors whose neighbours are far enough away to determine them.
    fn check(&self, tolerance: f64) {
        let k = self.k;
        let found = self.decompose();
        let totals = self.totals();
        assert!(found.residual[0] < tolerance, "residual {:e}", found.residual[0]);
        for (i, (index, total)) in totals.iter().enumerate() {
            let error = (found.log_values[i] - total).abs();
            assert!(error < tolerance, "k={k} value {i}: {} {total}, {error:e}", found.log_values[i]);
            let near = |j: usize| (totals[j].1 - total).abs() < 0.5;
            if (i > 0 && near(i - 1)) || (i + 1 < k && near(i + 1)) {
                continue;
            }
            for (vectors, base) in [(&found.left, self.bases.last().unwrap()), (&found.right, &self.bases[0])]
            {
                let own = vectors[i * k..][..k].iter().zip(&base[index * k..][..k]);
                let overlap: f64 = own.map(|(a, b)| a * b).sum();
                assert!((overlap.abs() - 1.0).abs() < tolerance, "k={k} vector {i}: {overlap}");
            }
        }
    }
}

#[test]
fn values_over_many_orders_have_relative_accuracy() {
    for k in [1, 2, 3, 5, 9] {
        Known::new(k, 60, |_, i| -(i as f64) * 60.0 / (60.0 * (k.max(2) - 1) as f64)).check(2e-12);
        Known::new(k, 1, |_, i| -(i as f64) * 0.7).check(1e-13);
        Known::new(k, 2000, |_, i| -(i as f64) / (k.max(2) - 1) as f64).check(2e-11);
    }
}

#[test]
fn directions_that_take_turns_are_ordered_at_the_end() {
    for k in [2, 3, 6] {
        // Turns of 8 steps: their spread e^4.8 is what rounding errors of the maps are amplified by, squared.
        let logs =
            |n: usize, i: usize| if (n / 8 + i).is_multiple_of(2) { 0.3 } else { -0.3 + 0.01 * i as f64 };
        Known::new(k, 80, logs).check(1e-10);
        Known::new(k, 64, |n, i| ((n * (i + 3)) as f64).sin() - 0.3 * i as f64).check(1e-11);
    }
}

#[test]
fn equal_and_nearly_equal_values_converge() {
    for k in [2, 3, 4, 8] {
        Known::new(k, 30, |_, _| -0.4).check(1e-12);
        Known::new(k, 30, |n, i| if n == 7 { 1e-9 * i as f64 } else { 0.3 }).check(1e-12);
        Known::new(k, 50, |_, i| -((i / 2) as f64)).check(2e-12);
    }
}

#[test]
fn frames_along_the_wrong_directions_are_sorted_out() {
    for k in [2, 3, 5] {
        for per_step in [0.5, 12.0] {
            let steps = 200;
            let mut factors = Vec::new();
            for _ in 0..steps {
                let mut factor = vec![0.0; k * k];
                (0..k).for_each(|i| factor[i * k + i] = (per_step * (i as f64 - k as f64)).exp());
                factors.extend(factor);
            }
            let chain = Chain { k, samples: 1, factors };
            let mut frame = vec![0.0; k * k];
            (0..k).for_each(|i| frame[i * k + i] = 1.0);
            let found = svd(&chain, &frame, &frame).unwrap();
            for i in 0..k {
                let expected = -(i as f64 + 1.0) * per_step * steps as f64;
                assert!((found.log_values[i] / expected - 1.0).abs() < 1e-12, "{:?}", found.log_values);
                assert!((found.left[i * k + (k - 1 - i)].abs() - 1.0).abs() < 1e-14);
            }
            assert!(found.residual[0] < 1e-11);
        }
    }
}

/// Two vectors that must change places in the middle of a weakly coupled chain.
#[test]
fn weak_coupling_with_a_change_of_places() {
    let (half, coupling) = (900, 1e-8);
    let mut factors = Vec::new();
    for n in 0..2 * half {
        let (p, r) = if n < half { (-1.0_f64, 0.0_f64) } else { (0.0, -1.0) };
        factors.extend([p.exp(), coupling, 0.0, r.exp()]);
    }
    let chain = Chain { k: 2, samples: 1, factors };
    let frame = [1.0, 0.0, 0.0, 1.0];
    let found = svd(&chain, &frame, &frame).unwrap();
    // b = coupling Σ_n p-part(n+1..) r-part(..n): the sum of both geometric series around the middle dominates.
    let series = |count: usize| (1.0 - (-(count as f64)).exp()) / (1.0 - (-1.0_f64).exp());
    let b = coupling * (series(half) + series(half));
    assert!((found.log_values[0] - b.ln()).abs() < 1e-12, "{:?} {}", found.log_values, b.ln());
    assert!((found.log_values[0] + found.log_values[1] + 2.0 * half as f64).abs() < 1e-9);
    assert!(found.residual[0] < 1e-10, "{:e}", found.residual[0]);
}

#[test]
fn a_sample_does_not_depend_on_its_batch() {
    for k in [2, 3, 6] {
        let singles: Vec<(Chain, Vec<f64>, Vec<f64>)> = (0..37)
            .map(|sample| {
                let known = Known::new(k, 20, |n, i| ((n + sample) as f64).sin() * 0.3 - i as f64 * 0.2);
                let start = orthogonal(k, 7000 + sample as u64);
                let (chain, end, _) = known.sweep(&start);
                (chain, start, end)
            })
            .collect();
        let mut chain = Chain { k, samples: singles.len(), factors: Vec::new() };
        for step in 0..20 {
            singles.iter().for_each(|s| chain.factors.extend(&s.0.factors[step * k * k..][..k * k]));
        }
        let starts: Vec<f64> = singles.iter().flat_map(|s| s.1.clone()).collect();
        let ends: Vec<f64> = singles.iter().flat_map(|s| s.2.clone()).collect();
        let together = svd(&chain, &starts, &ends).unwrap();
        for (sample, (chain, start, end)) in singles.iter().enumerate() {
            let alone = svd(chain, start, end).unwrap();
            assert_eq!(alone.log_values, together.log_values[sample * k..][..k]);
            assert_eq!(alone.left, together.left[sample * k * k..][..k * k]);
            assert_eq!(alone.right, together.right[sample * k * k..][..k * k]);
            assert_eq!(alone.residual[0], together.residual[sample]);
        }
    }
}

#[test]
fn bad_chains_are_refused() {
    let frame = [1.0, 0.0, 0.0, 1.0];
    for factors in [vec![1.0, 0.0, 0.0, 0.0], vec![1.0, f64::NAN, 0.0, 1.0], vec![1.0; 3]] {
        assert!(svd(&Chain { k: 2, samples: 1, factors }, &frame, &frame).is_err());
    }
    let empty = svd(&Chain { k: 2, samples: 0, factors: vec![] }, &[], &[]).unwrap();
    assert!(empty.log_values.is_empty());
}

/// A constant matrix W diag(λ) W^{-1} with eigenvectors that are not orthogonal.
#[test]
fn covariant_vectors_of_a_constant_matrix_are_its_eigenvectors() {
    let k = 3;
    let eigenvectors = [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.5, 0.5, 0.5_f64.sqrt()]];
    let eigenvalues = [1.6, 1.1, 0.5];
    // Rows of the inverse of the matrix with these columns, solved by hand from the triangular shape.
    let s = 0.5_f64.sqrt();
    let inverse = [[1.0, -0.75, (-0.5 + 0.375) / s], [0.0, 1.25, -0.625 / s], [0.0, 0.0, 1.0 / s]];
    let apply = |row: &[f64]| -> Vec<f64> {
        let mut image = vec![0.0; k];
        for i in 0..k {
            let weight: f64 = (0..k).map(|a| inverse[i][a] * row[a]).sum();
            (0..k).for_each(|a| image[a] += eigenvalues[i] * weight * eigenvectors[i][a]);
        }
        image
    };
    let steps = 240;
    let mut frame = orthogonal(k, 3);
    let mut frames = frame.clone();
    let mut chain = Chain { k, samples: 1, factors: Vec::new() };
    for _ in 0..steps {
        frame = frame.chunks_exact(k).flat_map(&apply).collect();
        let mut r = vec![0.0; k * k];
        orthonormalize(k, k, &mut frame, &mut r);
        chain.factors.extend(r);
        frames.extend(&frame);
    }
    let found = covariant(&chain, &frames, 1, 0..1).unwrap();
    let middle = steps / 2;
    for i in 0..k {
        let vector = &found.vectors[(middle * k + i) * k..][..k];
        let overlap: f64 = vector.iter().zip(eigenvectors[i]).map(|(a, b)| a * b).sum();
        assert!((overlap.abs() - 1.0).abs() < 1e-12, "vector {i}: {overlap}");
        let growth = found.log_growth[middle * k + i];
        assert!((growth - f64::ln(eigenvalues[i])).abs() < 1e-10, "growth {i}: {growth}");
    }
}

fn henon(state: &mut [f64], tangents: &mut [f64]) {
    let (x, y) = (state[0], state[1]);
    for v in tangents.chunks_exact_mut(2) {
        (v[0], v[1]) = (-2.8 * x * v[0] + v[1], 0.3 * v[0]);
    }
    (state[0], state[1]) = (1.0 - 1.4 * x * x + y, 0.3 * x);
}

#[test]
fn henon_exponents() {
    for k in [1, 2] {
        let run = Lyapunov { k, transient: 1000, steps: 4_000_000, seed: 5 };
        let found = lyapunov(run, &[0.1, 0.1], henon).unwrap();
        for (found, expected) in found.iter().zip([0.419, -1.623]) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
        if k == 2 {
            assert!((found[0] + found[1] - 0.3_f64.ln()).abs() < 1e-12);
        }
    }
}

/// Hénon: covariant vectors are carried to each other by the tangent map, also the contracting one.
#[test]
fn henon_covariant_vectors_are_covariant() {
    let steps = 400;
    let (mut state, mut frame) = (vec![0.1, 0.1], orthogonal(2, 9));
    (0..500).for_each(|_| henon(&mut state, &mut []));
    let (mut states, mut frames) = (vec![state.clone()], frame.clone());
    let mut chain = Chain { k: 2, samples: 1, factors: Vec::new() };
    for _ in 0..steps {
        henon(&mut state, &mut frame);
        let mut r = vec![0.0; 4];
        orthonormalize(2, 2, &mut frame, &mut r);
        chain.factors.extend(r);
        frames.extend(&frame);
        states.push(state.clone());
    }
    let found = covariant(&chain, &frames, 2, 0..1).unwrap();
    let mut largest_cosine: f64 = 0.0;
    for (n, state) in states.iter().enumerate().take(300).skip(100) {
        let mut image = found.vectors[n * 4..][..4].to_vec();
        henon(&mut state.clone(), &mut image);
        for i in 0..2 {
            let next = &found.vectors[((n + 1) * 2 + i) * 2..][..2];
            let (a, b) = (image[2 * i], image[2 * i + 1]);
            let across = (a * next[1] - b * next[0]) / a.hypot(b);
            assert!(across.abs() < 1e-10, "step {n} vector {i}: {across:e}");
            let growth = found.log_growth[n * 2 + i];
            assert!((a.hypot(b).ln() - growth).abs() < 1e-9, "step {n} growth {i}");
        }
        let pair = &found.vectors[n * 4..][..4];
        largest_cosine = largest_cosine.max((pair[0] * pair[2] + pair[1] * pair[3]).abs());
    }
    assert!(largest_cosine > 0.5, "covariant vectors of Hénon are far from orthogonal");
}

/// Lorenz-63 by RK4 with the exact tangent of the discrete step.
fn lorenz(state: &mut [f64], tangents: &mut [f64]) {
    let dt = 0.01;
    let slope =
        |s: &[f64; 3]| [10.0 * (s[1] - s[0]), s[0] * (28.0 - s[2]) - s[1], s[0] * s[1] - 8.0 / 3.0 * s[2]];
    let tangent = |s: &[f64; 3], v: &[f64; 3]| {
        [
            10.0 * (v[1] - v[0]),
            v[0] * (28.0 - s[2]) - s[0] * v[2] - v[1],
            v[0] * s[1] + s[0] * v[1] - 8.0 / 3.0 * v[2],
        ]
    };
    let ahead = |s: &[f64; 3], h: f64, k: &[f64; 3]| [s[0] + h * k[0], s[1] + h * k[1], s[2] + h * k[2]];
    let x = [state[0], state[1], state[2]];
    let k1 = slope(&x);
    let x2 = ahead(&x, dt / 2.0, &k1);
    let k2 = slope(&x2);
    let x3 = ahead(&x, dt / 2.0, &k2);
    let k3 = slope(&x3);
    let x4 = ahead(&x, dt, &k3);
    let k4 = slope(&x4);
    for v in tangents.chunks_exact_mut(3) {
        let w = [v[0], v[1], v[2]];
        let l1 = tangent(&x, &w);
        let l2 = tangent(&x2, &ahead(&w, dt / 2.0, &l1));
        let l3 = tangent(&x3, &ahead(&w, dt / 2.0, &l2));
        let l4 = tangent(&x4, &ahead(&w, dt, &l3));
        (0..3).for_each(|a| v[a] += dt / 6.0 * (l1[a] + 2.0 * l2[a] + 2.0 * l3[a] + l4[a]));
    }
    (0..3).for_each(|a| state[a] += dt / 6.0 * (k1[a] + 2.0 * k2[a] + 2.0 * k3[a] + k4[a]));
}

#[test]
fn lorenz_exponents() {
    for k in [1, 2, 3] {
        let run = Lyapunov { k, transient: 5000, steps: 8_000_000, seed: 6 };
        let found = lyapunov(run, &[1.0, 1.0, 20.0], lorenz).unwrap();
        for (found, expected) in found.iter().zip([0.9056, 0.0, -14.5723]) {
            assert!((found / 0.01 - expected).abs() < 1e-3, "k={k}: {} {expected}", found / 0.01);
        }
    }
}

#[test]
fn impossible_lyapunov_runs_are_refused() {
    let run = |k, steps| Lyapunov { k, transient: 0, steps, seed: 1 };
    assert!(lyapunov(run(3, 10), &[0.1, 0.1], henon).is_err());
    assert!(lyapunov(run(1, 0), &[0.1, 0.1], henon).is_err());
    let explosion = lyapunov(run(1, 100), &[10.0, 10.0], henon).unwrap_err();
    assert!(explosion.to_string().contains("non-finite"), "{explosion}");
    let constant = |_: &mut [f64], tangents: &mut [f64]| tangents.fill(0.0);
    assert!(lyapunov(run(2, 5), &[0.1, 0.1], constant).is_err());
}
