//! A factor of the loss for every part of model time.

use crate::process::Grid;
use serde::{Deserialize, Serialize};

/// Factors ω ≥ 0 of the loss, one for each of τ equal parts of model time. Times beyond the ends belong to the first
/// and the last part.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeWeights {
    /// ω of every part `[τ]`, in the order of a generation; empty before anything was measured, where ω = 1.
    pub factors: Vec<f64>,
}

impl TimeWeights {
    /// The weights for which a loss of given size guarantees the smallest shift off the support.
    ///
    /// With ℓ_n the loss in part n and `cost[τ]` q_n = g_n/√λ_n, the shift is at most Σ p_n q_n √ℓ_n. Among all errors
    /// with Σ p_n ω_n ℓ_n ≤ L its square reaches L Σ p_n q_n²/ω_n (Cauchy and Schwarz). Over ω_n ≥ `floor` with
    /// Σ p_n ω_n = 1 this is least for ω_n = max(c q_n, floor) with the c that makes the sum 1. `share[τ]` p_n is the
    /// share of the training times in part n. Without any cost, or with a floor of 1, all factors are 1.
    pub fn least_shift(cost: &[f64], share: &[f64], floor: f64) -> TimeWeights {
        let mut floored = vec![false; cost.len()];
        loop {
            let (mut rest, mut sum) = (1.0, 0.0);
            for ((q, p), floored) in cost.iter().zip(share).zip(&floored) {
                if *floored {
                    rest -= p * floor;
                } else {
                    sum += p * q;
                }
            }
            let factor = rest / sum;
            // Also where nothing is left to share out: 0/0 is no number.
            if !(factor.is_finite() && factor > 0.0) {
                return TimeWeights { factors: vec![1.0; cost.len()] };
            }
            let mut settled = true;
            for (q, floored) in cost.iter().zip(&mut floored) {
                if !*floored && factor * q < floor {
                    (*floored, settled) = (true, false);
                }
            }
            if settled {
                let factors = cost.iter().map(|q| (factor * q).max(floor)).collect();
                return TimeWeights { factors };
            }
        }
    }

    /// ω at model time u, for parts that are the steps of a grid.
    pub fn at(&self, grid: &Grid, u: f64) -> f64 {
        self.factors.get(grid.step_at(u)).copied().unwrap_or(1.0)
    }
}

/// The share of [low, high] that falls into every step of a grid; what lies beyond its ends counts for the first and
/// the last.
pub(super) fn shares(grid: &Grid, low: f64, high: f64) -> Vec<f64> {
    let inside = |u: f64| u.clamp(low, high);
    // Bounds of the parts from the noise end to the data end, the outermost moved outwards.
    let [first, last] = if grid.start > grid.end { [high, low] } else { [low, high] };
    let bound = |n: usize| match n {
        0 => first,
        n if n == grid.steps => last,
        n => inside(grid.time(n)),
    };
    (0..grid.steps).map(|n| (bound(n + 1) - bound(n)).abs() / (high - low)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    fn bound(cost: &[f64], share: &[f64], factors: &[f64]) -> f64 {
        cost.iter().zip(share).zip(factors).map(|((q, p), w)| p * q * q / w).sum()
    }

    #[test]
    fn no_admissible_weights_guarantee_less() {
        let mut rng = stream(3, 0, Purpose::Reference);
        for (parts, floor) in [(1, 0.2), (2, 0.0), (2, 0.5), (7, 0.1), (7, 0.9), (40, 0.3)] {
            for _ in 0..20 {
                let cost: Vec<f64> = (0..parts).map(|_| (3.0 * rng.random::<f64>()).exp()).collect();
                let mut share: Vec<f64> = (0..parts).map(|_| 0.1 + rng.random::<f64>()).collect();
                let total: f64 = share.iter().sum();
                share.iter_mut().for_each(|p| *p /= total);
                let found = TimeWeights::least_shift(&cost, &share, floor).factors;
                let mean: f64 = found.iter().zip(&share).map(|(w, p)| w * p).sum();
                assert!((mean - 1.0).abs() < 1e-12, "mean {mean}");
                assert!(found.iter().all(|w| *w >= floor), "{found:?}");
                let least = bound(&cost, &share, &found);
                for _ in 0..50 {
                    // Moves weight from one part to another, as far as the floor allows.
                    let (i, j) = (rng.random_range(0..parts), rng.random_range(0..parts));
                    let step = rng.random::<f64>() * 0.9 * (found[i] - floor) * share[i];
                    let mut other = found.clone();
                    other[i] -= step / share[i];
                    other[j] += step / share[j];
                    assert!(bound(&cost, &share, &other) >= least * (1.0 - 1e-12), "{i} {j} {step}");
                }
            }
        }
    }

    #[test]
    fn without_cost_or_with_floor_one_nothing_is_weighted() {
        for (cost, floor) in [(vec![0.0; 3], 0.1), (vec![1.0, 5.0, 0.0], 1.0), (vec![f64::NAN; 3], 0.1)] {
            let found = TimeWeights::least_shift(&cost, &[0.2, 0.3, 0.5], floor).factors;
            assert!(found.iter().all(|w| (w - 1.0).abs() < 1e-15), "{found:?}");
        }
        // One part costs nothing: it keeps the floor.
        let found = TimeWeights::least_shift(&[0.0, 4.0], &[0.5, 0.5], 0.25).factors;
        assert_eq!(found, [0.25, 1.75]);
    }

    #[test]
    fn parts_follow_the_direction_of_the_generation() {
        let falling = Grid::uniform(0.9, 0.1, 4);
        let rising = Grid::uniform(0.0, 1.0, 4);
        let weights = TimeWeights { factors: vec![1.0, 2.0, 3.0, 4.0] };
        for (u, expected) in [(1.0, 1.0), (0.85, 1.0), (0.55, 2.0), (0.15, 4.0), (0.0, 4.0)] {
            assert_eq!(weights.at(&falling, u), expected, "{u}");
        }
        for (u, expected) in [(0.0, 1.0), (0.3, 2.0), (0.74, 3.0), (1.0, 4.0)] {
            assert_eq!(weights.at(&rising, u), expected, "{u}");
        }
        assert_eq!(TimeWeights::default().at(&rising, 0.5), 1.0);
        let close = |found: &[f64], expected: &[f64]| {
            found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-15) && found.len() == expected.len()
        };
        assert!(close(&shares(&rising, 0.0, 1.0), &[0.25; 4]));
        assert!(close(&shares(&rising, 0.5, 1.0), &[0.0, 0.0, 0.5, 0.5]));
        // [0, 1] around the grid from 0.9 to 0.1: the outer parts are longer.
        assert!(close(&shares(&falling, 0.0, 1.0), &[0.3, 0.2, 0.2, 0.3]));
        // Each part's share is that of the times that fall into it.
        for (grid, low, high) in [(falling, 0.05, 0.7), (rising, 0.2, 0.9), (falling, 0.3, 0.35)] {
            let mut counted = vec![0.0; 4];
            for i in 0..10_000 {
                counted[grid.step_at(low + (high - low) * (i as f64 + 0.5) / 1e4)] += 1e-4;
            }
            let found = shares(&grid, low, high);
            assert!(found.iter().zip(&counted).all(|(f, c)| (f - c).abs() < 2e-4), "{found:?} {counted:?}");
        }
    }
}
