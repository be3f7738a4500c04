//! Thin QR with positive diagonal, product SVD of a triangular chain, principal angles, determinants.

/// Thin QR of every sample's k rows in place, with positive diagonal: `v[n, k, D]` become orthonormal rows
/// spanning the same flags; `r[n, k, k]` row-major upper triangular such that (columns) V = E R.
pub fn orthonormalize(_dim: usize, _k: usize, _v: &mut [f64], _r: &mut [f64]) {
    todo!()
}

/// log|det| of each `[D, D]` matrix in `a[n, D, D]`.
pub fn log_abs_det(_dim: usize, _a: &[f64], _out: &mut [f64]) {
    todo!()
}

/// Principal angles in radians, ascending, between the spans of orthonormal rows `a[p, D]` and `b[q, D]`; min(p, q) of them.
pub fn principal_angles(_dim: usize, _a: &[f64], _b: &[f64]) -> Vec<f64> {
    todo!()
}
