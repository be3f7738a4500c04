//! Directions in which the data spread beyond the noise at the end of a generation.

use super::answers::Answers;
use crate::error::{Error, Result};
use crate::process::{Drift, Grid, Process};
use crate::statistics::{Estimate, Quantiles, bootstrap};
use serde::{Deserialize, Serialize};

/// Change of a count from twice the scale to half of it, as a share of it, from which on it has no sharp answer.
const BLURRED: f64 = 0.25;

/// The noise at both ends of a generation without noise of its own, x = m x_data + σ z.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NoiseFloor {
    /// m_0
    pub start_signal: f64,
    /// σ_0
    pub start_noise: f64,
    /// m_τ
    pub end_signal: f64,
    /// σ_τ
    pub end_noise: f64,
}

/// How many directions at a point spread beyond the noise at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpreadDimension {
    /// Of every point.
    pub answers: Answers,
    /// Over the points, with an interval of the median.
    pub over_points: Quantiles,
    /// Mean over the points with its 95 % interval; one point has none.
    pub mean: Option<Estimate>,
    /// The log growth from which on a direction counts, nats.
    pub threshold: f64,
    /// Means over the points at twice and at half the scale, δ' = 2 δ and δ/2: where they differ much there is no sharp answer.
    pub at_twice: f64,
    /// The same at δ/2.
    pub at_half: f64,
    /// Where it comes from.
    pub floor: NoiseFloor,
    /// k: singular values that were known.
    pub known: usize,
    /// D.
    pub ambient: usize,
    /// Share of the points at which all k of fewer than D directions count: there are as many or more.
    pub at_end: f64,
}

impl NoiseFloor {
    /// Of the probability flow of a diffusion.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a flow, whose ends have no noise to compare with, and for a sampler with noise.
    pub fn of(drift: &Drift, grid: Grid) -> Result<NoiseFloor> {
        let wrong = |got: &str| {
            let expected = "a diffusion followed along its probability flow";
            Err(Error::invalid("dimension by spread", expected, got, "Take another estimator"))
        };
        match drift.process {
            Process::Flow => wrong("a flow, which ends without noise"),
            Process::Diffusion { noise_level, .. } if noise_level > 0.0 => wrong("a sampler with noise"),
            Process::Diffusion { .. } => {
                let (start, end) = (drift.moment(grid.start), drift.moment(grid.end));
                Ok(NoiseFloor {
                    start_signal: start.signal,
                    start_noise: start.noise,
                    end_signal: end.signal,
                    end_noise: end.noise,
                })
            }
        }
    }

    /// δ = σ_τ/m_τ, the scale in units of the data.
    pub fn scale(&self) -> f64 {
        self.end_noise / self.end_signal
    }

    /// log growth of a direction in which normal data spread by `deviation`: along the probability flow it is that of
    /// √(m² deviation² + σ²), from start to end.
    pub fn growth(&self, deviation: f64) -> f64 {
        let variance = |signal: f64, noise: f64| (signal * deviation).powi(2) + noise * noise;
        0.5 * (variance(self.end_signal, self.end_noise) / variance(self.start_signal, self.start_noise)).ln()
    }

    /// Mean over points of the directions of `log_values[n, k]` that grow as those do in which the data spread beyond `deviation`.
    fn mean_count(&self, log_values: &[f64], known: usize, deviation: f64) -> f64 {
        let points = log_values.len() / known;
        counts(log_values, known, self.growth(deviation)).sum::<usize>() as f64 / points as f64
    }

    /// Whether a drop after `dimension` of `log_values[n, k]` lies below this noise: before it are more directions than spread
    /// beyond half the scale, by as much as a count may be blurred. Where all known values of a point lie above, none is known to.
    pub(super) fn hides(&self, log_values: &[f64], known: usize, dim: usize, dimension: usize) -> bool {
        let at_half = self.mean_count(log_values, known, 0.5 * self.scale());
        let most = if at_half == 0.0 { 0.0 } else { (1.0 + BLURRED) * at_half + 1.0 };
        ends_within(log_values, known, dim, self.growth(self.scale())) == 0 && dimension as f64 > most
    }
}

/// The number of directions that grow as those do in which the data spread beyond δ = σ_τ/m_τ, of `log_values[n, k]` in
/// nats, descending, as [`super::gap()`] takes them, in dimension D.
///
/// Where the gap rule needs a gap, this needs none: on data that get thinner and thinner from direction to direction it
/// says how many are thicker than the scale. Exact for normal data and small steps: growth has the error of the steps, and what
/// parted samples earlier in the generation counts as spread.
///
/// # Errors
/// [`Error::Invalid`] for no singular values, more than D, or numbers that are not finite.
pub fn spread(
    log_values: &[f64],
    dim: usize,
    known: usize,
    floor: NoiseFloor,
    seed: u64,
) -> Result<SpreadDimension> {
    let fits = (1..=dim).contains(&known) && !log_values.is_empty() && log_values.len().is_multiple_of(known);
    if !fits || log_values.iter().any(|value| !value.is_finite()) {
        return Err(Error::invalid(
            "dimension by spread",
            format!("1 to {dim} finite log singular values a point, and a point"),
            format!("{} numbers, {known} a point", log_values.len()),
            "Give all of every point",
        ));
    }
    let threshold = floor.growth(floor.scale());
    let each: Vec<usize> = counts(log_values, known, threshold).collect();
    let values: Vec<f64> = each.iter().map(|&count| count as f64).collect();
    let n = each.len();
    let ends = ends_within(log_values, known, dim, threshold);
    Ok(SpreadDimension {
        over_points: Quantiles::of(&values),
        mean: bootstrap(n, seed, |rows| rows.iter().map(|&i| values[i]).sum::<f64>() / n as f64),
        answers: Answers::of(each),
        threshold,
        at_twice: floor.mean_count(log_values, known, 2.0 * floor.scale()),
        at_half: floor.mean_count(log_values, known, 0.5 * floor.scale()),
        floor,
        known,
        ambient: dim,
        at_end: ends as f64 / n as f64,
    })
}

/// How many values of every point lie above a threshold.
fn counts(log_values: &[f64], known: usize, threshold: f64) -> impl Iterator<Item = usize> + '_ {
    log_values
        .chunks_exact(known)
        .map(move |values| values.iter().filter(|value| **value > threshold).count())
}

/// Points at which all k of fewer than D values lie above a threshold.
fn ends_within(log_values: &[f64], known: usize, dim: usize, threshold: f64) -> usize {
    counts(log_values, known, threshold).filter(|&count| count == known && known < dim).count()
}

impl SpreadDimension {
    /// Whether the count changes so much from twice to half the scale that it has no sharp answer.
    pub fn is_blurred(&self) -> bool {
        self.at_half - self.at_twice > BLURRED * self.over_points.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: NoiseFloor =
        NoiseFloor { start_signal: 0.1, start_noise: 0.99, end_signal: 0.98, end_noise: 0.2 };

    /// log growths of normal data with these standard deviations.
    fn growths(deviations: &[f64]) -> Vec<f64> {
        let at = |signal: f64, noise: f64, s: f64| ((signal * s).powi(2) + noise * noise).sqrt();
        let NoiseFloor { start_signal, start_noise, end_signal, end_noise } = FLOOR;
        let growth = |&s: &f64| (at(end_signal, end_noise, s) / at(start_signal, start_noise, s)).ln();
        assert!(deviations.iter().all(|s| (growth(s) - FLOOR.growth(*s)).abs() < 1e-14));
        deviations.iter().map(growth).collect()
    }

    #[test]
    fn normal_data_have_as_many_directions_as_spread_beyond_the_noise() {
        let delta = FLOOR.scale();
        let first = growths(&[3.0, 1.0, 1.01 * delta, 0.99 * delta, 0.0]);
        let second = growths(&[3.0, 0.9 * delta, 0.1 * delta, 0.0, 0.0]);
        let found = spread(&[first.clone(), second].concat(), 5, 5, FLOOR, 0).unwrap();
        assert_eq!((&found.answers.each[..], found.at_end), (&[3, 1][..], 0.0));
        assert_eq!((found.over_points.mean, found.at_twice, found.at_half), (2.0, 1.5, 3.0));
        let leading = spread(&first[..2], 5, 2, FLOOR, 0).unwrap();
        assert_eq!((leading.answers.mode, leading.at_end, leading.mean), (2, 1.0, None));
    }

    #[test]
    fn what_is_no_growth_is_refused() {
        for (values, known) in
            [(&[][..], 2), (&[1.0, 0.5][..], 0), (&[1.0, 0.5][..], 4), (&[1.0, f64::NAN][..], 2)]
        {
            assert!(spread(values, 3, known, FLOOR, 0).is_err(), "{values:?}");
        }
    }
}
