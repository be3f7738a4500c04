//! Intervals of any statistic of a sample.

use super::paired::uniform_index;
use super::{quantile_sorted, sorted};
use crate::random::{Purpose, stream};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Resamples behind every interval of [`bootstrap`].
const RESAMPLES: usize = 400;

/// A figure with a 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// On the sample itself.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A statistic of n rows with its percentile bootstrap interval; it is handed the indices of a resample, which take all
/// columns of a row together. Distances between laws grow under resampling, so the interval is moved to have the value in
/// its middle: by a factor for what is never negative, by a shift otherwise. `None` for fewer than two rows, which say
/// nothing of their spread, or where the statistic is not finite on the sample or a resample.
pub fn bootstrap(n: usize, seed: u64, statistic: impl Fn(&[usize]) -> f64 + Sync) -> Option<Estimate> {
    if n < 2 {
        return None;
    }
    let value = statistic(&(0..n).collect::<Vec<_>>());
    let values = resampled(n, seed, statistic);
    if !value.is_finite() || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let values = sorted(&values);
    let at = |q: f64| quantile_sorted(&values, q);
    let centred = |end: f64| match at(0.5) {
        middle if value > 0.0 && values[0] >= 0.0 && middle > 0.0 => end * (value / middle),
        middle => end + (value - middle),
    };
    Some(Estimate { value, low: centred(at(0.025)), high: centred(at(0.975)) })
}

/// A statistic of n rows on every one of the resamples that [`bootstrap`] draws.
pub(crate) fn resampled<T: Send>(n: usize, seed: u64, statistic: impl Fn(&[usize]) -> T + Sync) -> Vec<T> {
    let draw = |resample: usize| {
        let mut rng = stream(seed, resample as u64, Purpose::Bootstrap);
        statistic(&(0..n).map(|_| uniform_index(&mut rng, n)).collect::<Vec<_>>())
    };
    (0..RESAMPLES).into_par_iter().map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::standard_normal;

    #[test]
    fn the_mean_has_its_known_interval() {
        let n = 2000;
        let mut values = vec![0.0; n];
        standard_normal(&mut stream(5, 0, Purpose::Reference), &mut values);
        let mean = |rows: &[usize]| rows.iter().map(|&i| values[i]).sum::<f64>() / n as f64;
        let found = bootstrap(n, 0, mean).unwrap();
        let half = 1.96 / (n as f64).sqrt();
        assert!(((found.high - found.low) / (2.0 * half) - 1.0).abs() < 0.12, "{found:?} {half}");
        assert!(found.low < found.value && found.value < found.high);
        assert_eq!(bootstrap(n, 0, mean), Some(found), "the same seed has the same interval");
    }

    #[test]
    fn a_small_distance_lies_in_its_interval() {
        let n = 500;
        let mut a = vec![0.0; n];
        standard_normal(&mut stream(5, 1, Purpose::Reference), &mut a);
        let b: Vec<f64> = a.iter().enumerate().map(|(i, x)| x + 0.01 * (i as f64).sin()).collect();
        let pick = |x: &[f64], rows: &[usize]| rows.iter().map(|&i| x[i]).collect::<Vec<_>>();
        let found =
            bootstrap(n, 0, |rows| super::super::wasserstein1(&pick(&a, rows), &pick(&b, rows))).unwrap();
        assert!(0.0 < found.low && found.low < found.value && found.value < found.high, "{found:?}");
    }

    #[test]
    fn nothing_and_infinity_have_none() {
        assert_eq!(bootstrap(0, 0, |_| 0.0), None);
        assert_eq!(bootstrap(4, 0, |rows| 1.0 / (rows[0] as f64)), None);
    }
}
