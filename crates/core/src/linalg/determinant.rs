//! Determinants of many small matrices.

use super::LogProduct;

/// log|det| of each `[D, D]` matrix in `a[n, D, D]` by elimination with partial pivoting; −∞ for a singular one,
/// NaN for a non-finite one.
pub fn log_abs_det(dim: usize, a: &[f64], out: &mut [f64]) {
    let mut work = vec![0.0; dim * dim];
    for (matrix, out) in a.chunks_exact(dim * dim).zip(out) {
        work.copy_from_slice(matrix);
        let mut product = LogProduct::ONE;
        eliminate(dim, &mut work, |pivot| product.push(pivot.abs()));
        *out = product.log();
    }
}

/// Multiplies every sample's accumulator by |det| of its matrix in `a[n, D, D]`, destroying the matrices.
pub(crate) fn accumulate_abs_det(dim: usize, a: &mut [f64], products: &mut [LogProduct]) {
    for (matrix, product) in a.chunks_exact_mut(dim * dim).zip(products) {
        if let [a, b, c, d] = *matrix {
            let (p, q, r, s) = if a.abs() >= c.abs() { (a, b, c, d) } else { (c, d, a, b) };
            product.push(p.abs());
            product.push(if p == 0.0 { 0.0 } else { (s - r / p * q).abs() });
        } else {
            eliminate(dim, matrix, |pivot| product.push(pivot.abs()));
        }
    }
}

/// Gaussian elimination; visits the pivots.
fn eliminate(dim: usize, a: &mut [f64], mut visit: impl FnMut(f64)) {
    for column in 0..dim {
        let size = |row: &usize| a[row * dim + column].abs();
        let pivot_row = (column..dim).max_by(|i, j| size(i).total_cmp(&size(j))).unwrap_or(column);
        let (top, bottom) = a.split_at_mut((column + 1) * dim);
        if pivot_row > column {
            top[column * dim..].swap_with_slice(&mut bottom[(pivot_row - column - 1) * dim..][..dim]);
        }
        let pivot = &top[column * dim..];
        visit(pivot[column]);
        if pivot[column] == 0.0 {
            return;
        }
        for row in bottom.chunks_exact_mut(dim) {
            let factor = row[column] / pivot[column];
            if factor != 0.0 {
                super::axpy(&mut row[column..], -factor, &pivot[column..]);
            }
        }
    }
}
