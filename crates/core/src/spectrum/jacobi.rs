//! One-sided Jacobi iteration on rows of very different size (Demmel & Veselić 1992): relative accuracy for every
//! singular value of D M with D diagonal and M well conditioned.

use super::product::{ScaledRows, power_of_two};
use crate::linalg::dot;
use std::f64::consts::LN_2;

/// P = W Σ Vᵀ of one k × k matrix, values descending.
pub(super) struct RowSvd {
    /// log σ `[k]`
    pub(super) log_values: Vec<f64>,
    /// Columns of W as rows `[k, k]`.
    pub(super) left: Vec<f64>,
    /// Columns of V as rows `[k, k]`.
    pub(super) right: Vec<f64>,
}

/// Sweeps are quadratically convergent; more than a dozen mean non-finite input.
const MAX_SWEEPS: usize = 60;

/// The singular value decomposition of a matrix given by scaled rows.
pub(super) fn svd(mut matrix: ScaledRows) -> RowSvd {
    let k = matrix.k;
    let mut left = vec![0.0; k * k];
    (0..k).for_each(|i| left[i * k + i] = 1.0);
    for _ in 0..MAX_SWEEPS {
        let mut rotated = false;
        for i in 0..k {
            for j in i + 1..k {
                rotated |= orthogonalise(&mut matrix, &mut left, i, j);
            }
        }
        if !rotated {
            break;
        }
    }
    sorted(&matrix, &left)
}

/// Makes rows i and j orthogonal; whether they were not.
fn orthogonalise(matrix: &mut ScaledRows, left: &mut [f64], i: usize, j: usize) -> bool {
    let k = matrix.k;
    let (i, j) = if matrix.exponents[j] > matrix.exponents[i] { (j, i) } else { (i, j) };
    let (large, small) = two_rows(&mut matrix.rows, k, i, j);
    let (alpha, beta, gamma) = (dot(large, large), dot(small, small), dot(large, small));
    if gamma == 0.0 || gamma.abs() <= f64::EPSILON * (k as f64).sqrt() * (alpha * beta).sqrt() {
        return false;
    }
    // Rows 2^e a and 2^e ρ b with ρ ≤ 1; the tangent of the rotation is t = ρ τ.
    let rho = power_of_two(matrix.exponents[j] - matrix.exponents[i]);
    let gap = beta * rho * rho - alpha;
    let root = gap.hypot(2.0 * gamma * rho);
    let sign = if gap < 0.0 { -gamma.signum() } else { gamma.signum() };
    let tau = sign * 2.0 * gamma.abs() / (gap.abs() + root);
    let t = rho * tau;
    let cosine = 1.0 / 1.0_f64.hypot(t);
    rotate(large, small, cosine, t * rho, tau);
    let (large, small) = two_rows(left, k, i, j);
    rotate(large, small, cosine, t, t);
    matrix.rescale(i);
    matrix.rescale(j);
    true
}

/// (a, b) → cosine (a − s b, τ a + b).
fn rotate(a: &mut [f64], b: &mut [f64], cosine: f64, s: f64, tau: f64) {
    for (a, b) in a.iter_mut().zip(b) {
        (*a, *b) = (cosine * (*a - s * *b), cosine * (tau * *a + *b));
    }
}

fn two_rows(rows: &mut [f64], k: usize, i: usize, j: usize) -> (&mut [f64], &mut [f64]) {
    if i < j {
        let (front, back) = rows.split_at_mut(j * k);
        (&mut front[i * k..][..k], &mut back[..k])
    } else {
        let (front, back) = rows.split_at_mut(i * k);
        (&mut back[..k], &mut front[j * k..][..k])
    }
}

fn sorted(matrix: &ScaledRows, left: &[f64]) -> RowSvd {
    let k = matrix.k;
    let norms: Vec<f64> = matrix.rows.chunks_exact(k).map(|row| dot(row, row).sqrt()).collect();
    let log_value = |i: usize| matrix.exponents[i] as f64 * LN_2 + norms[i].ln();
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by(|a, b| log_value(*b).total_cmp(&log_value(*a)));
    RowSvd {
        log_values: order.iter().map(|i| log_value(*i)).collect(),
        left: order.iter().flat_map(|i| &left[i * k..][..k]).copied().collect(),
        right: order.iter().flat_map(|i| unit_row(&matrix.rows[i * k..][..k], norms[*i])).collect(),
    }
}

/// A row over its norm; zeros for norm 0, where no direction is meant.
fn unit_row(row: &[f64], norm: f64) -> impl Iterator<Item = f64> {
    row.iter().map(move |value| if norm > 0.0 { value / norm } else { 0.0 })
}
