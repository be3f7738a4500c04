//! The largest of several drops, for one point and for many, and whole numbers that many points answer.

use crate::error::{Error, Result};
use crate::statistics::{Quantiles, resampled};
use serde::{Deserialize, Serialize};

/// When the largest drop stands out enough to be called a gap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Clarity {
    /// It is at least this many times every other drop; ≥ 1.
    pub factor: f64,
    /// And at least this large, in the unit of the drops; ≥ 0.
    pub least: f64,
}

/// How far the largest drop can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It stands out by the rule of [`Clarity`].
    Clear,
    /// It does not: the place of the largest drop says nothing about a dimension.
    Unclear,
    /// There was one place only where it could be.
    Forced,
    /// It lies among directions that have shrunk as the noise has, and parts noise from noise ([`super::gap()`]).
    BelowNoise,
    /// It stands out, but as the mean of the scores would make it ([`super::normal_bundle()`]).
    MeanScore,
}

/// A drop and the dimension that it would mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drop {
    /// The dimension.
    pub dimension: usize,
    /// Its size.
    pub size: f64,
}

/// The largest drop, the first among equals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The dimension that it means.
    pub dimension: usize,
    /// Its size.
    pub size: f64,
    /// The largest of the other drops.
    pub runner_up: Option<Drop>,
    /// Whether it is a gap at all.
    pub standing: Standing,
}

/// Quantiles over points of the drop at one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DropAt {
    /// The dimension.
    pub dimension: usize,
    /// Over the points.
    pub size: Quantiles,
}

/// A 95 % bootstrap interval of a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WholeInterval {
    /// Lower end.
    pub low: usize,
    /// Upper end.
    pub high: usize,
    /// Share of the resamples with the same answer as the sample.
    pub agreeing: f64,
}

/// Points that gave the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The answer.
    pub dimension: usize,
    /// How many points gave it.
    pub points: usize,
}

/// The dimensions that single points answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Of every point.
    pub each: Vec<usize>,
    /// Their histogram: the answers that were given, ascending.
    pub counts: Vec<Count>,
    /// The most frequent answer, the smallest among equals.
    pub mode: usize,
}

/// The largest drop of many points: of their mean curve, which is the estimate, and of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    /// The largest drop of the mean curve.
    pub gap: Gap,
    /// Its interval over points; one point has none.
    pub interval: Option<WholeInterval>,
    /// The largest drop of every point.
    pub answers: Answers,
    /// Share of the points whose answer is that of the mean curve.
    pub agreeing: f64,
    /// Share of the points whose own largest drop is clear.
    pub clear: f64,
    /// The curve: drops at every dimension that was looked at.
    pub curve: Vec<DropAt>,
    /// What is called clear.
    pub clarity: Clarity,
    /// Number of points.
    pub n: usize,
}

impl Clarity {
    /// # Errors
    /// [`Error::Invalid`] for a factor below 1, a negative size, or NaN.
    pub(super) fn check(&self, operation: &str) -> Result<()> {
        if self.factor >= 1.0 && self.factor.is_finite() && self.least >= 0.0 && self.least.is_finite() {
            return Ok(());
        }
        Err(Error::invalid(
            operation,
            "a factor ≥ 1 and a least size ≥ 0 for a clear gap, both finite",
            format!("{} and {}", self.factor, self.least),
            "Correct the rule",
        ))
    }
}

impl Gap {
    /// Of finite `sizes`, at least one, each with its dimension.
    pub(super) fn largest(dimensions: &[usize], sizes: &[f64], clarity: Clarity) -> Gap {
        let all = || dimensions.iter().zip(sizes).map(|(&dimension, &size)| Drop { dimension, size });
        let larger = |a: Drop, b: Drop| if b.size > a.size { b } else { a };
        let none = Drop { dimension: 0, size: f64::NEG_INFINITY };
        let top = all().fold(none, larger);
        let runner_up = all().filter(|drop| drop.dimension != top.dimension).reduce(larger);
        let standing = match runner_up {
            None => Standing::Forced,
            Some(other) if top.size >= clarity.least && top.size >= clarity.factor * other.size => {
                Standing::Clear
            }
            Some(_) => Standing::Unclear,
        };
        Gap { dimension: top.dimension, size: top.size, runner_up, standing }
    }
}

impl Answers {
    pub(super) fn of(each: Vec<usize>) -> Answers {
        let mut ascending = each.clone();
        ascending.sort_unstable();
        let count = |equal: &[usize]| Count { dimension: equal[0], points: equal.len() };
        let counts: Vec<Count> = ascending.chunk_by(|a, b| a == b).map(count).collect();
        let most = counts.iter().map(|count| count.points).max();
        let mode = counts.iter().find(|count| Some(count.points) == most);
        Answers { mode: mode.map_or(0, |count| count.dimension), each, counts }
    }

    /// Share of the points that answer `dimension`.
    pub fn share(&self, dimension: usize) -> f64 {
        let points =
            self.counts.iter().find(|count| count.dimension == dimension).map_or(0, |count| count.points);
        points as f64 / self.each.len().max(1) as f64
    }
}

impl Ensemble {
    /// Of finite `drops[n, c]`, n and c at least 1, at `dimensions[c]`.
    pub(super) fn of(dimensions: &[usize], drops: &[f64], clarity: Clarity, seed: u64) -> Ensemble {
        let columns = dimensions.len();
        let n = drops.len() / columns;
        let gaps: Vec<Gap> =
            drops.chunks_exact(columns).map(|sizes| Gap::largest(dimensions, sizes, clarity)).collect();
        let of_mean = |rows: &[usize]| {
            let mut mean = vec![0.0; columns];
            for row in rows {
                let sizes = &drops[row * columns..][..columns];
                mean.iter_mut().zip(sizes).for_each(|(mean, size)| *mean += size / n as f64);
            }
            Gap::largest(dimensions, &mean, clarity)
        };
        let gap = of_mean(&(0..n).collect::<Vec<_>>());
        let answers = Answers::of(gaps.iter().map(|gap| gap.dimension).collect());
        let clear = gaps.iter().filter(|gap| gap.standing == Standing::Clear).count() as f64 / n as f64;
        let column = |place: usize| drops.iter().skip(place).step_by(columns).copied().collect::<Vec<f64>>();
        let curve = dimensions
            .iter()
            .enumerate()
            .map(|(place, &dimension)| DropAt { dimension, size: Quantiles::of(&column(place)) })
            .collect();
        let interval = (n > 1)
            .then(|| WholeInterval::of(gap.dimension, resampled(n, seed, |rows| of_mean(rows).dimension)));
        Ensemble { gap, interval, agreeing: answers.share(gap.dimension), answers, clear, curve, clarity, n }
    }
}

impl WholeInterval {
    /// Of a value and its resamples, at least one.
    fn of(value: usize, mut resamples: Vec<usize>) -> WholeInterval {
        resamples.sort_unstable();
        let last = resamples.len() - 1;
        let agreeing = resamples.iter().filter(|resample| **resample == value).count();
        WholeInterval {
            low: resamples[(0.025 * last as f64).floor() as usize].min(value),
            high: resamples[(0.975 * last as f64).ceil() as usize].max(value),
            agreeing: agreeing as f64 / resamples.len() as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLARITY: Clarity = Clarity { factor: 2.0, least: 0.5 };

    #[test]
    fn the_largest_drop_and_how_it_stands_out() {
        let found = |sizes: &[f64]| Gap::largest(&[1, 2, 3][..sizes.len()], sizes, CLARITY);
        let gap = found(&[0.1, 1.0, 0.5]);
        assert_eq!((gap.dimension, gap.size, gap.standing), (2, 1.0, Standing::Clear));
        assert_eq!(gap.runner_up, Some(Drop { dimension: 3, size: 0.5 }));
        assert_eq!(found(&[0.1, 1.0, 0.6]).standing, Standing::Unclear, "not twice the next");
        assert_eq!(found(&[0.0, 0.4, 0.0]).standing, Standing::Unclear, "too small");
        assert_eq!(
            found(&[0.0, 0.0, 0.0]),
            Gap {
                dimension: 1,
                size: 0.0,
                runner_up: Some(Drop { dimension: 2, size: 0.0 }),
                standing: Standing::Unclear
            }
        );
        assert_eq!(found(&[9.0]).standing, Standing::Forced);
    }

    #[test]
    fn answers_are_counted() {
        let answers = Answers::of(vec![3, 1, 3, 1, 2]);
        let counts: Vec<(usize, usize)> = answers.counts.iter().map(|c| (c.dimension, c.points)).collect();
        assert_eq!(counts, [(1, 2), (2, 1), (3, 2)]);
        assert_eq!((answers.mode, answers.share(3), answers.share(7)), (1, 0.4, 0.0));
    }

    /// Half of the points put the drop at 1, half at 2: which wins is the resample's chance.
    #[test]
    fn an_undecided_ensemble_has_a_wide_interval() {
        let drops: Vec<f64> =
            (0..40).flat_map(|i| if i % 2 == 0 { [1.0, 0.0] } else { [0.0, 1.0] }).collect();
        let found = Ensemble::of(&[1, 2], &drops, CLARITY, 3);
        let interval = found.interval.unwrap();
        assert_eq!((interval.low, interval.high, found.agreeing, found.clear), (1, 2, 0.5, 1.0));
        assert!((interval.agreeing - 0.56).abs() < 0.1, "P(Bin(40, ½) ≥ 20) = 0.563: {interval:?}");
        assert_eq!(found.gap.standing, Standing::Unclear);
        assert_eq!(Ensemble::of(&[1, 2], &drops[..2], CLARITY, 3).interval, None);
    }
}
