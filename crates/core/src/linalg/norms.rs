//! Norms of small matrices whose rows are given.

use super::dot;
use faer::{Mat, Side};

/// Largest singular value of the rows `[m, D]`; 0 without rows, NaN if a number is not finite.
pub fn spectral_norm(dim: usize, rows: &[f64]) -> f64 {
    let scale = rows
        .iter()
        .fold(0.0_f64, |largest, v| if v.abs() > largest || v.is_nan() { v.abs() } else { largest });
    if rows.is_empty() || scale == 0.0 {
        return 0.0;
    }
    if !scale.is_finite() {
        return f64::NAN;
    }
    let m = rows.len() / dim;
    let row = |i: usize| &rows[i * dim..(i + 1) * dim];
    let product =
        |i: usize, j: usize| row(i).iter().zip(row(j)).map(|(a, b)| a / scale * (b / scale)).sum::<f64>();
    let square = match m {
        1 => product(0, 0),
        2 => {
            let (a, b, c) = (product(0, 0), product(0, 1), product(1, 1));
            0.5 * (a + c) + (0.5 * (a - c)).hypot(b)
        }
        _ => {
            let gram = Mat::from_fn(m, m, |i, j| if j <= i { product(i, j) } else { 0.0 });
            gram.self_adjoint_eigenvalues(Side::Lower).map_or(f64::NAN, |values| largest(&values))
        }
    };
    scale * square.sqrt()
}

/// Singular values, descending, of a row-major matrix: min(rows, columns) of them; NaN if it is not finite.
pub(crate) fn singular_values(matrix: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let count = rows.min(columns);
    if !matrix.iter().all(|value| value.is_finite()) {
        return vec![f64::NAN; count];
    }
    Mat::from_fn(rows, columns, |i, j| matrix[i * columns + j])
        .singular_values()
        .unwrap_or_else(|_| vec![f64::NAN; count])
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// Largest sum of absolute values of a row: what the rows `[m, D]` make of a vector of ∞-norm 1, in ∞-norm.
pub fn row_sum_norm(dim: usize, rows: &[f64]) -> f64 {
    rows.chunks_exact(dim).map(|row| row.iter().map(|v| v.abs()).sum::<f64>()).fold(0.0, f64::max)
}

/// Unit eigenvector of the largest eigenvalue of a symmetric matrix `[m, m]`, its largest component positive; the first
/// axis if there is none (a matrix of zeros, or numbers that are not finite).
pub fn leading_direction(m: usize, matrix: &[f64]) -> Vec<f64> {
    let mut axis = vec![0.0; m];
    axis[0] = 1.0;
    let symmetric = Mat::from_fn(m, m, |i, j| matrix[i * m + j]);
    if dot(matrix, matrix) == 0.0 || !dot(matrix, matrix).is_finite() {
        return axis;
    }
    let Ok(eigen) = symmetric.self_adjoint_eigen(Side::Lower) else { return axis };
    let values = eigen.S().column_vector();
    let leading = (0..m).max_by(|&i, &j| values[i].total_cmp(&values[j])).unwrap_or(0);
    let vector: Vec<f64> = (0..m).map(|i| eigen.U()[(i, leading)]).collect();
    let top = vector.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(1.0);
    vector.into_iter().map(|v| v * top.signum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::orthonormalize;
    use crate::random::{Purpose, standard_normal, stream};

    /// Rows with known singular values: U diag(σ) Vᵀ from orthonormal frames.
    fn known(dim: usize, m: usize, values: &[f64]) -> Vec<f64> {
        let frame = |index: u64, size: usize| {
            let (mut rows, mut factor) = (vec![0.0; m * size], vec![0.0; m * m]);
            standard_normal(&mut stream(5, index, Purpose::Reference), &mut rows);
            orthonormalize(size, m, &mut rows, &mut factor);
            rows
        };
        let (left, right) = (frame(0, m), frame(1, dim));
        let entry = |i: usize, j: usize| {
            (0..m).map(|r| left[r * m + i] * values[r] * right[r * dim + j]).sum::<f64>()
        };
        (0..m).flat_map(|i| (0..dim).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect()
    }

    #[test]
    fn the_norm_is_the_largest_singular_value() {
        for (dim, m) in [(1, 1), (4, 1), (2, 2), (5, 2), (7, 3), (20, 20)] {
            for size in [1e-200, 1.0, 1e200] {
                let values: Vec<f64> = (0..m).map(|i| size * 3.0 / (i * i + 1) as f64).collect();
                let found = spectral_norm(dim, &known(dim, m, &values));
                assert!((found / (3.0 * size) - 1.0).abs() < 1e-13, "{dim} {m} {found}");
            }
        }
        assert_eq!(spectral_norm(3, &[]), 0.0);
        assert_eq!(spectral_norm(2, &[0.0; 6]), 0.0);
        assert!(spectral_norm(2, &[1.0, f64::NAN]).is_nan());
        assert_eq!(row_sum_norm(2, &[1.0, -2.0, 2.0, 0.5]), 3.0);
    }

    #[test]
    fn tall_and_wide_matrices_have_the_same_singular_values() {
        let values = [5.0, 1.0, 1e-3];
        let wide = known(8, 3, &values);
        let tall: Vec<f64> = (0..24).map(|i| wide[i % 3 * 8 + i / 3]).collect();
        for found in [singular_values(&wide, 3, 8), singular_values(&tall, 8, 3)] {
            assert!(found.iter().zip(values).all(|(f, v)| (f - v).abs() < 1e-14), "{found:?}");
        }
        assert!(singular_values(&[f64::INFINITY, 1.0], 2, 1)[0].is_nan());
    }

    #[test]
    fn the_leading_direction_maximises_the_quadratic_form() {
        let rows = known(4, 4, &[2.0, 1.0, 0.5, 0.1]);
        let gram: Vec<f64> = (0..16).map(|i| dot(&rows[i / 4 * 4..][..4], &rows[i % 4 * 4..][..4])).collect();
        let y = leading_direction(4, &gram);
        let form: f64 = (0..16).map(|i| y[i / 4] * gram[i] * y[i % 4]).sum();
        assert!((form - 4.0).abs() < 1e-12 && (dot(&y, &y) - 1.0).abs() < 1e-13);
        assert_eq!(leading_direction(2, &[0.0; 4]), [1.0, 0.0]);
    }
}
