//! Null laws: what a random direction would give (theory §5, §6).

/// Density of ‖Qᵀv‖ for a fixed d-dimensional subspace and a random unit vector v of R^D, averaged over each bin of
/// `edges` in 0 … 1; for d = 1 that of |⟨q, v⟩|. Empty unless 0 < d < D.
///
/// With ‖Qᵀv‖ = sin θ the law of θ has density ∝ sin^{d−1} θ cos^{D−d−1} θ, which is bounded.
pub fn projection_density(d: usize, dim: usize, edges: &[f64]) -> Vec<f64> {
    if d == 0 || d >= dim {
        return Vec::new();
    }
    let (p, q) = ((d - 1) as f64, (dim - d - 1) as f64);
    let peak = (p / q).sqrt().atan();
    let log_weight = |theta: f64| power_log(theta.sin(), p) + power_log(theta.cos(), q);
    let top = if p + q == 0.0 { 0.0 } else { log_weight(peak) };
    let mass = |from: f64, to: f64| simpson(from, to, |theta| (log_weight(theta) - top).exp());
    let total: f64 = (0..64).map(|i| mass(quarter(i, 64), quarter(i + 1, 64))).sum();
    let angle = |edge: f64| edge.clamp(0.0, 1.0).asin();
    edges
        .windows(2)
        .map(|pair| mass(angle(pair[0]), angle(pair[1])) / (total * (pair[1] - pair[0])))
        .collect()
}

/// Density of the angle in degrees between a random line and a fixed line or hyperplane of R^D (d = 1 or d = D − 1),
/// averaged over each bin of `edges`. Empty for other d, whose largest principal angle has no such simple law.
pub fn angle_density(d: usize, dim: usize, edges: &[f64]) -> Vec<f64> {
    if dim < 2 || (d != 1 && d + 1 != dim) {
        return Vec::new();
    }
    let power = (dim - 2) as f64;
    let weight = |theta: f64| power_log(theta.sin(), power).exp();
    let total = simpson(0.0, std::f64::consts::FRAC_PI_2, weight);
    edges
        .windows(2)
        .map(|pair| {
            simpson(pair[0].to_radians(), pair[1].to_radians(), weight) / (total * (pair[1] - pair[0]))
        })
        .collect()
}

/// log(base^power), with 0⁰ = 1.
fn power_log(base: f64, power: f64) -> f64 {
    if power == 0.0 { 0.0 } else { power * base.max(f64::MIN_POSITIVE).ln() }
}

fn quarter(i: usize, parts: usize) -> f64 {
    std::f64::consts::FRAC_PI_2 * i as f64 / parts as f64
}

/// Simpson's rule on 200 intervals.
fn simpson(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    const HALF: usize = 100;
    let h = (to - from) / (2 * HALF) as f64;
    let at = |i: usize| f(from + i as f64 * h);
    let odd: f64 = (0..HALF).map(|i| at(2 * i + 1)).sum();
    let even: f64 = (1..HALF).map(|i| at(2 * i)).sum();
    h / 3.0 * (at(0) + 4.0 * odd + 2.0 * even + at(2 * HALF))
}

#[cfg(test)]
mod tests {
    use super::*;
    use surefoot::random::{Purpose, standard_normal, stream};

    /// Masses of the bins for `draws` random directions.
    fn sampled(d: usize, dim: usize, edges: &[f64], draws: usize) -> Vec<f64> {
        let mut rng = stream(1, 0, Purpose::Bootstrap);
        let mut v = vec![0.0; dim];
        let mut counts = vec![0.0; edges.len() - 1];
        for _ in 0..draws {
            standard_normal(&mut rng, &mut v);
            let share = v[..d].iter().map(|c| c * c).sum::<f64>() / v.iter().map(|c| c * c).sum::<f64>();
            let bin = edges.partition_point(|&edge| edge <= share.sqrt()).clamp(1, counts.len()) - 1;
            counts[bin] += 1.0 / draws as f64;
        }
        counts
    }

    #[test]
    fn projections_of_random_directions_follow_the_law() {
        let edges: Vec<f64> = (0..=8).map(|i| i as f64 / 8.0).collect();
        for (d, dim) in [(1, 2), (1, 3), (2, 3), (3, 7), (15, 16), (40, 100)] {
            let density = projection_density(d, dim, &edges);
            let counts = sampled(d, dim, &edges, 40_000);
            for (height, count) in density.iter().zip(counts) {
                assert!((height / 8.0 - count).abs() < 0.012, "{d} of {dim}: {density:?}");
            }
        }
        assert!(projection_density(2, 2, &edges).is_empty());
        assert!(projection_density(0, 2, &edges).is_empty());
    }

    #[test]
    fn angles_of_random_lines_follow_the_law() {
        let degrees: Vec<f64> = (0..=9).map(|i| 10.0 * i as f64).collect();
        assert!(angle_density(1, 2, &degrees).iter().all(|h| (h - 1.0 / 90.0).abs() < 1e-12));
        let sphere = angle_density(2, 3, &degrees);
        for (i, height) in sphere.iter().enumerate() {
            let exact = (degrees[i].to_radians().cos() - degrees[i + 1].to_radians().cos()) / 10.0;
            assert!((height - exact).abs() < 1e-10);
        }
        assert!(angle_density(2, 5, &degrees).is_empty());
    }
}
