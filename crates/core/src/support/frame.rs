//! Small orthonormal bases: rows made orthonormal, and what is orthogonal to them.

/// Rows `[m, D]` made orthonormal in order by Gram–Schmidt, each cleared twice of its predecessors; rows that depend on
/// earlier ones are dropped. The result `[r, D]` spans the same space.
pub fn orthonormal_rows(dim: usize, rows: &[f64]) -> Vec<f64> {
    let mut basis = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(dim.max(1)) {
        if let Some(unit) = cleared(dim, &basis, row) {
            basis.extend(unit);
        }
    }
    basis
}

/// Orthonormal rows `[D − d, D]` orthogonal to the given orthonormal rows `[d, D]`; the same rows have the same complement.
pub fn normal_complement(dim: usize, tangent: &[f64]) -> Vec<f64> {
    let mut basis = tangent.to_vec();
    extend_basis(dim, &mut basis, dim);
    basis.split_off(tangent.len())
}

/// Adds orthonormal rows until there are `rows` (at most D). Each is the coordinate axis that the rows so far cover
/// least, cleared of them.
pub(super) fn extend_basis(dim: usize, basis: &mut Vec<f64>, rows: usize) {
    let mut covered = vec![0.0_f64; dim];
    let cover = |covered: &mut [f64], row: &[f64]| covered.iter_mut().zip(row).for_each(|(c, t)| *c += t * t);
    basis.chunks_exact(dim).for_each(|row| cover(&mut covered, row));
    while basis.len() < rows.min(dim) * dim {
        let axis = (0..dim).min_by(|&i, &j| covered[i].total_cmp(&covered[j])).unwrap_or(0);
        let mut unit = vec![0.0; dim];
        unit[axis] = 1.0;
        let Some(row) = cleared(dim, basis, &unit) else { break };
        cover(&mut covered, &row);
        basis.extend(row);
    }
}

/// The part of `row` orthogonal to `basis`, of unit length; `None` where nothing but rounding is left.
fn cleared(dim: usize, basis: &[f64], row: &[f64]) -> Option<Vec<f64>> {
    let mut rest = row.to_vec();
    let before = normalize(&mut rest);
    if before == 0.0 || !before.is_finite() {
        return None;
    }
    for _ in 0..2 {
        for unit in basis.chunks_exact(dim) {
            let part: f64 = unit.iter().zip(&rest).map(|(u, r)| u * r).sum();
            rest.iter_mut().zip(unit).for_each(|(r, u)| *r -= part * u);
        }
    }
    (normalize(&mut rest) > 1e-12).then_some(rest)
}

/// Brings a vector to unit length and returns the length it had; zero stays zero.
pub(super) fn normalize(vector: &mut [f64]) -> f64 {
    let length = norm(vector);
    if length > 0.0 && length.is_finite() {
        // Twice, because the reciprocal of a subnormal length overflows.
        let largest = vector.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
        vector.iter_mut().for_each(|v| *v /= largest);
        let rest = norm(vector);
        vector.iter_mut().for_each(|v| *v /= rest);
    }
    length
}

/// Euclidean length without overflow or underflow on the way.
pub(super) fn norm(vector: &[f64]) -> f64 {
    let largest = vector.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest * vector.iter().map(|v| (v / largest) * (v / largest)).sum::<f64>().sqrt()
}

/// ‖a − b‖.
pub(super) fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}
