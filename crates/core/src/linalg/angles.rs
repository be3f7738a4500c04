//! Principal angles between subspaces.

use super::{axpy, dot, singular_values};
use std::f64::consts::FRAC_1_SQRT_2;

/// Principal angles in radians, ascending, between the spans of orthonormal rows `a[p, D]` and `b[q, D]`; min(p, q)
/// of them. Angles below 45° come from sines, the others from cosines (Björck & Golub 1973), so that tiny angles
/// and tiny deviations from a right angle are both accurate. Non-finite input gives NaN.
pub fn principal_angles(dim: usize, a: &[f64], b: &[f64]) -> Vec<f64> {
    let (big, small) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    if dim == 0 || small.is_empty() {
        return Vec::new();
    }
    let (p, q) = (big.len() / dim, small.len() / dim);
    let mut overlaps = vec![0.0; q * p];
    let mut residuals = small.to_vec();
    for ((row, overlaps), residual) in
        small.chunks_exact(dim).zip(overlaps.chunks_exact_mut(p)).zip(residuals.chunks_exact_mut(dim))
    {
        for (basis, overlap) in big.chunks_exact(dim).zip(overlaps) {
            *overlap = dot(basis, row);
            axpy(residual, -*overlap, basis);
        }
    }
    if q == 1 {
        return vec![dot(&residuals, &residuals).sqrt().atan2(dot(&overlaps, &overlaps).sqrt())];
    }
    let cosines = singular_values(&overlaps, q, p);
    let mut sines = singular_values(&residuals, q, dim);
    sines.reverse();
    let angle = |(sine, cosine): (f64, f64)| {
        if cosine > FRAC_1_SQRT_2 { sine.min(1.0).asin() } else { cosine.acos() }
    };
    sines.into_iter().zip(cosines).map(angle).collect()
}
