//! Weighted nodes and the conditional moments of the law they carry.

use super::posterior::Conditional;

/// Nodes y_j with weights w_j in R^D.
#[derive(Debug, Clone)]
pub struct Nodes<const D: usize> {
    points: Vec<[f64; D]>,
    log_weights: Vec<f64>,
}

impl<const D: usize> Nodes<D> {
    /// From points and positive weights, which need not sum to 1.
    pub fn new(points: Vec<[f64; D]>, weights: &[f64]) -> Self {
        Nodes { points, log_weights: weights.iter().map(|w| w.ln()).collect() }
    }

    /// Moments of X_0 given X_0 + √variance Z = ξ.
    pub fn condition(&self, variance: f64, xi: &[f64; D]) -> Conditional<D> {
        let exponent = |y: &[f64; D], log_weight: f64| {
            let square: f64 = y.iter().zip(xi).map(|(y, x)| (y - x) * (y - x)).sum();
            log_weight - square / (2.0 * variance)
        };
        let (mut peak, mut nearest) = (f64::NEG_INFINITY, 0);
        for (j, (y, log_weight)) in self.points.iter().zip(&self.log_weights).enumerate() {
            let exponent = exponent(y, *log_weight);
            if exponent > peak {
                (peak, nearest) = (exponent, j);
            }
        }
        let centre = self.points[nearest];
        let (mut total, mut first, mut second) = (0.0, [0.0; D], [[0.0; D]; D]);
        for (y, log_weight) in self.points.iter().zip(&self.log_weights) {
            let w = (exponent(y, *log_weight) - peak).exp();
            total += w;
            for i in 0..D {
                first[i] += w * (y[i] - centre[i]);
                for j in 0..D {
                    second[i][j] += w * (y[i] - centre[i]) * (y[j] - centre[j]);
                }
            }
        }
        let mut out = Conditional::filled(0.0);
        for i in 0..D {
            out.offset[i] = (centre[i] - xi[i]) + first[i] / total;
            for j in 0..D {
                out.covariance[i][j] = second[i][j] / total - first[i] * first[j] / (total * total);
            }
        }
        out
    }
}
