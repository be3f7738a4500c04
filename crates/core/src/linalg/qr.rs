//! Thin QR with positive diagonal of many samples' rows.

use super::lanes::{self, LANES, Lane, NOISE};
use super::{axpy, dot};
use faer::{Mat, MatRef};

/// Up to this many numbers a sample, samples are factored side by side in SIMD lanes; larger ones by blocks.
pub(crate) const LANES_UP_TO: usize = 4096;
/// Up to this many numbers of scratch a lane stay on the stack.
const ON_STACK: usize = 36;

/// Thin QR of every sample's k rows in place, with positive diagonal: `v[n, k, D]` become orthonormal rows
/// spanning the same flags; `r[n, k, k]` row-major upper triangular such that (columns) V = E R. Needs k ≤ D.
///
/// A row that lies in the span of the rows before it gives R_ii = 0 exactly and is replaced by some unit vector
/// orthogonal to them. Non-finite input gives NaN in that sample's R.
/// A sample's result depends on its own rows only, bit for bit.
pub fn orthonormalize(dim: usize, k: usize, v: &mut [f64], r: &mut [f64]) {
    debug_assert!(k <= dim && v.len() * k == r.len() * dim);
    if k == 0 || dim == 0 {
        return;
    }
    if k * dim > LANES_UP_TO {
        v.chunks_exact_mut(k * dim).zip(r.chunks_exact_mut(k * k)).for_each(|(v, r)| blocked(dim, k, v, r));
        return;
    }
    let mut bad = Vec::new();
    let (mut small, mut large) = ([[0.0; LANES]; ON_STACK], Vec::new());
    let buffer: &mut [Lane] = if k * (dim + k) <= ON_STACK {
        &mut small
    } else {
        large.resize(k * (dim + k), [0.0; LANES]);
        &mut large
    };
    let whole = v.len() / (k * dim) / LANES * LANES;
    let (v_groups, v_rest) = v.split_at_mut(whole * k * dim);
    let (r_groups, r_rest) = r.split_at_mut(whole * k * k);
    lanes::factor(dim, k, v_groups, r_groups, buffer, &mut bad);
    for sample in bad.drain(..) {
        careful(
            dim,
            k,
            &mut v_groups[sample * k * dim..][..k * dim],
            &mut r_groups[sample * k * k..][..k * k],
        );
    }
    if v_rest.is_empty() {
        return;
    }
    let (mut v_padded, mut r_padded) = (vec![0.0; LANES * k * dim], vec![0.0; LANES * k * k]);
    v_padded[..v_rest.len()].copy_from_slice(v_rest);
    for padding in v_padded[v_rest.len()..].chunks_exact_mut(k * dim) {
        (0..k).for_each(|i| padding[i * dim + i] = 1.0);
    }
    lanes::factor(dim, k, &mut v_padded, &mut r_padded, buffer, &mut bad);
    for sample in bad {
        careful(
            dim,
            k,
            &mut v_padded[sample * k * dim..][..k * dim],
            &mut r_padded[sample * k * k..][..k * k],
        );
    }
    v_rest.copy_from_slice(&v_padded[..v_rest.len()]);
    r_rest.copy_from_slice(&r_padded[..r_rest.len()]);
}

/// Gram–Schmidt, twice, of one sample, with scaling and with replacement of vanishing rows.
fn careful(dim: usize, k: usize, v: &mut [f64], r: &mut [f64]) {
    r.fill(0.0);
    if !v.iter().all(|value| value.is_finite()) {
        r.fill(f64::NAN);
        return;
    }
    for j in 0..k {
        let (before, rest) = v.split_at_mut(j * dim);
        let row = &mut rest[..dim];
        let size = row.iter().fold(0.0, |size: f64, value| size.max(value.abs()));
        if size == 0.0 {
            replace(dim, before, row);
            continue;
        }
        let exponent = f64::from(binary_exponent(size));
        scale_by_power(row, -exponent);
        let norm = project_out(dim, before, row, |i, overlap| r[i * k + j] += overlap);
        (0..j).for_each(|i| scale_by_power(&mut r[i * k + j..=i * k + j], exponent));
        if norm == 0.0 {
            replace(dim, before, row);
            continue;
        }
        row.iter_mut().for_each(|value| *value /= norm);
        r[j * k + j] = norm;
        scale_by_power(&mut r[j * k + j..=j * k + j], exponent);
    }
}

/// The exponent of 2 below a positive finite number.
fn binary_exponent(size: f64) -> i32 {
    size.log2().floor() as i32
}

/// Multiplies by 2^exponent in two factors, neither of which leaves the normal numbers.
fn scale_by_power(values: &mut [f64], exponent: f64) {
    let half = (exponent * 0.5).trunc();
    let (first, second) = (half.exp2(), (exponent - half).exp2());
    values.iter_mut().for_each(|value| *value = *value * first * second);
}

/// Makes `row` orthogonal to the orthonormal rows `before`, twice; the norm that is left, or 0 if that is noise.
fn project_out(dim: usize, before: &[f64], row: &mut [f64], mut visit: impl FnMut(usize, f64)) -> f64 {
    let squares = dot(row, row);
    for _ in 0..2 {
        for (i, other) in before.chunks_exact(dim).enumerate() {
            let overlap = dot(other, row);
            axpy(row, -overlap, other);
            visit(i, overlap);
        }
    }
    let left = dot(row, row);
    if left > NOISE * squares { left.sqrt() } else { 0.0 }
}

/// Puts a unit vector orthogonal to the orthonormal rows `before` into `row`: the coordinate direction that lies
/// furthest from their span, projected.
fn replace(dim: usize, before: &[f64], row: &mut [f64]) {
    let shadow = |axis: usize| before.chunks_exact(dim).map(|other| other[axis] * other[axis]).sum::<f64>();
    let axis = (0..dim).min_by(|a, b| shadow(*a).total_cmp(&shadow(*b))).unwrap_or(0);
    row.fill(0.0);
    row[axis] = 1.0;
    let norm = project_out(dim, before, row, |_, _| ());
    row.iter_mut().for_each(|value| *value /= norm);
}

/// Blocked Householder QR of one large sample.
fn blocked(dim: usize, k: usize, v: &mut [f64], r: &mut [f64]) {
    if !v.iter().all(|value| value.is_finite()) {
        r.fill(f64::NAN);
        return;
    }
    let qr = MatRef::from_column_major_slice(&*v, dim, k).qr();
    let (q, upper): (Mat<f64>, _) = (qr.compute_thin_Q(), qr.thin_R());
    let lengths: Vec<f64> = v.chunks_exact(dim).map(|row| dot(row, row).sqrt()).collect();
    let lost = (0..k).any(|j| !(upper[(j, j)].abs() > 1e-13 * lengths[j] && lengths[j].is_normal()));
    if lost {
        careful(dim, k, v, r);
        return;
    }
    r.fill(0.0);
    for i in 0..k {
        let sign = upper[(i, i)].signum();
        (i..k).for_each(|j| r[i * k + j] = sign * upper[(i, j)]);
        (0..dim).for_each(|a| v[i * dim + a] = sign * q[(a, i)]);
    }
}
