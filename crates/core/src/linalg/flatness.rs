//! How flat rows have become: the condition of a frame, from its triangular factor or from its products.

use super::dot;

/// ‖R‖_F ‖R⁻¹‖_F / k of a triangular factor, which is 1 for a multiple of an orthogonal matrix and at most κ_2: infinite
/// for a singular one.
pub(crate) fn condition(k: usize, r: &[f64]) -> f64 {
    let largest = r.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    let r: Vec<f64> = r.iter().map(|x| x / largest).collect();
    let mut inverse = vec![0.0; k * k];
    for j in 0..k {
        inverse[j * k + j] = 1.0 / r[j * k + j];
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|l| r[i * k + l] * inverse[l * k + j]).sum();
            inverse[i * k + j] = -sum / r[i * k + i];
        }
    }
    let norm = |m: &[f64]| m.iter().map(|x| x * x).sum::<f64>().sqrt();
    let condition = norm(&r) * norm(&inverse) / k as f64;
    if condition.is_nan() { f64::INFINITY } else { condition }
}

/// [`condition`] of the factor of k rows `v[k, D]`, by Cholesky's decomposition of their products, for about a quarter of
/// the work of a QR. It knows conditions up to 1e7 or so; those beyond, and rows that are not finite, give infinity or a
/// value of that size.
pub(crate) fn flatness(dim: usize, k: usize, v: &[f64]) -> f64 {
    let mut r = vec![0.0; k * k];
    for (i, row) in v.chunks_exact(dim).enumerate() {
        for (j, other) in v.chunks_exact(dim).enumerate().skip(i) {
            let above: f64 = (0..i).map(|l| r[l * k + i] * r[l * k + j]).sum();
            let rest = dot(row, other) - above;
            r[i * k + j] = if i == j { rest.sqrt() } else { rest / r[i * k + i] };
        }
    }
    condition(k, &r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn condition_is_that_of_the_formula() {
        // For diag(a, b): √(a² + b²) √(a⁻² + b⁻²)/2 = (a² + b²)/(2ab).
        assert!((condition(2, &[3.0, 0.0, 0.0, 0.5]) - (9.0 + 0.25) / 3.0).abs() < 1e-14);
        assert!((condition(1, &[1e-200]) - 1.0).abs() < 1e-14);
        // [[1, t], [0, 1]] has the inverse [[1, −t], [0, 1]]: (2 + t²)/2.
        assert!((condition(2, &[1.0, 4.0, 0.0, 1.0]) - 9.0).abs() < 1e-14);
        assert_eq!(condition(2, &[1.0, 1.0, 0.0, 0.0]), f64::INFINITY);
    }

    #[test]
    fn rows_are_as_flat_as_their_factor() {
        // Rows (1, 0, 0) and (t, 1, 0), turned and stretched by 1e-60: the condition of [[1, t], [0, 1]].
        let (c, s, tiny) = (0.6, 0.8, 1e-60);
        for t in [0.0, 4.0, 1e3] {
            let rows = [c, s, 0.0, c * t - s, s * t + c, 0.0].map(|x| x * tiny);
            let expected = (2.0 + t * t) / 2.0;
            assert!((flatness(3, 2, &rows) / expected - 1.0).abs() < 1e-9, "t = {t}");
        }
        assert!(flatness(2, 2, &[1.0, 1.0, 1.0, 1.0]) > 1e7);
        assert_eq!(flatness(2, 1, &[f64::NAN, 0.0]), f64::INFINITY);
    }
}
