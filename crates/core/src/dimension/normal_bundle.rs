//! NB: the directions that a score points into around a point (Stanczuk et al. 2024).

use super::answers::{Clarity, Ensemble, Standing};
use super::score::ScoreAt;
use crate::error::{Error, Result};
use crate::linalg::{axpy, dot, singular_values};
use crate::random::{Purpose, standard_normal, stream};
use crate::statistics::Quantiles;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The mean of the scores makes the gap where that is after the first singular value, and at most so many times as large.
const MEAN_SCORE: f64 = 1.5;

/// How many noised copies of a point are taken, and when a gap of their scores counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Copies {
    /// K ≥ D; 4 D is advised.
    pub copies: usize,
    /// Sizes are in units of √K/σ, what a normal direction has on average.
    pub clarity: Clarity,
    /// Seed of noise and interval.
    pub seed: u64,
}

impl Copies {
    /// Four times as many as dimensions. The smallest of the normal values is then half of the average at least, and half
    /// of that is a clear gap if it is twice every other.
    pub fn advised(dim: usize) -> Copies {
        Copies { copies: 4 * dim, clarity: Clarity { factor: 2.0, least: 0.25 }, seed: 0 }
    }
}

/// What NB found: D less the number of singular values before the largest gap. Sizes are in units of √K/σ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NormalBundle {
    /// The estimate, every point's answer, and the curve behind them.
    pub ensemble: Ensemble,
    /// Singular values over √K/σ, i = 1 … D, over the points: about 1 for normal directions.
    pub spectrum: Vec<Quantiles>,
    /// Length of the mean of the scores over 1/σ, over the points. Chance gives √((D − d)/K) of it; one near 1 or above
    /// is that of the first singular value, and says that σ is too coarse for the curvature or the spread of the data.
    pub mean_score: Quantiles,
    /// K and the rule.
    pub settings: Copies,
    /// m of the moment.
    pub signal: f64,
    /// σ of the moment: the scale is σ/m.
    pub noise: f64,
    /// D.
    pub ambient: usize,
}

/// The singular values behind NB, point by point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NormalSpectra {
    /// Singular values over √K/σ, descending `[n, D]`
    pub values: Vec<f64>,
    /// Length of the mean of the scores over 1/σ `[n]`
    pub mean_score: Vec<f64>,
}

/// The dimension of the data at `x[n, D]`, in data units: the scores at K copies m x + σ z of every point span the normal
/// space to within the spread of the tangential ones. As in the paper the gap is the largest difference s_i − s_{i+1} of
/// singular values themselves, i = 1 … D − 1, so that 1 ≤ d ≤ D − 1: data that fill their space have no clear gap.
/// A gap after the first that the mean of the scores can make is [`Standing::MeanScore`].
///
/// # Errors
/// Those of [`normal_spectra`].
pub fn normal_bundle(score: &ScoreAt, x: &[f64], settings: Copies) -> Result<NormalBundle> {
    let streams: Vec<u64> = (0..(x.len() / score.dim().max(1)) as u64).collect();
    Ok(NormalBundle::of(&normal_spectra(score, x, &streams, settings)?, score, settings))
}

/// The singular values of the scores around points `x[n, D]`, in data units; point i takes its noise from `streams[i]`, so
/// that points taken apart and put together again give the same numbers.
///
/// # Errors
/// [`Error::Invalid`] for D < 2, K < D, another number of streams than points, points or scores that are not finite.
pub fn normal_spectra(
    score: &ScoreAt,
    x: &[f64],
    streams: &[u64],
    settings: Copies,
) -> Result<NormalSpectra> {
    let operation = "dimension by the normal bundle";
    score.check_points(operation, x)?;
    score.check_streams(operation, x, streams)?;
    settings.clarity.check(operation)?;
    let dim = score.dim();
    if dim < 2 || settings.copies < dim {
        return Err(Error::invalid(
            operation,
            format!("two dimensions or more, and as many copies at least, {} as advised", 4 * dim),
            format!("{dim} dimensions, {} copies", settings.copies),
            "Take more copies of every point",
        ));
    }
    let points: Vec<(&[f64], &u64)> = x.chunks_exact(dim).zip(streams).collect();
    let found: Vec<Around> =
        points.par_iter().map(|(x, stream)| Around::point(score, **stream, x, settings)).collect();
    if let Some(point) = found.iter().position(|around| !around.is_finite()) {
        return Err(Error::invalid(
            operation,
            "finite scores",
            format!("others around point {point}"),
            "Choose a time with more noise, or look for non-finite numbers in the model's weights",
        ));
    }
    Ok(NormalSpectra {
        mean_score: found.iter().map(|around| around.mean).collect(),
        values: found.into_iter().flat_map(|around| around.values).collect(),
    })
}

impl NormalBundle {
    /// Of the singular values at one point or more, found with these settings.
    pub fn of(spectra: &NormalSpectra, score: &ScoreAt, settings: Copies) -> NormalBundle {
        let dim = score.dim();
        let dimensions: Vec<usize> = (1..dim).map(|normal| dim - normal).collect();
        let drops: Vec<f64> = spectra
            .values
            .chunks_exact(dim)
            .flat_map(|values| values.windows(2).map(|pair| pair[0] - pair[1]))
            .collect();
        let column = |i: usize| spectra.values.iter().skip(i).step_by(dim).copied().collect::<Vec<f64>>();
        let mut ensemble = Ensemble::of(&dimensions, &drops, settings.clarity, settings.seed);
        let mean_score = Quantiles::of(&spectra.mean_score);
        let found = &mut ensemble.gap;
        let first = found.dimension + 1 == dim && found.size <= MEAN_SCORE * mean_score.q50;
        if first && found.standing == Standing::Clear {
            found.standing = Standing::MeanScore;
        }
        NormalBundle {
            ensemble,
            spectrum: (0..dim).map(|i| Quantiles::of(&column(i))).collect(),
            mean_score,
            settings,
            signal: score.signal,
            noise: score.noise,
            ambient: dim,
        }
    }
}

/// The scores around one point.
struct Around {
    /// Singular values over √K/σ, descending.
    values: Vec<f64>,
    /// Length of their mean over 1/σ.
    mean: f64,
}

impl Around {
    /// Around the point x, with the noise of stream `index`.
    fn point(score: &ScoreAt, index: u64, x: &[f64], settings: Copies) -> Around {
        let (dim, copies) = (x.len(), settings.copies);
        let mut noised = vec![0.0; copies * dim];
        standard_normal(&mut stream(settings.seed, index, Purpose::Dimension), &mut noised);
        for row in noised.chunks_exact_mut(dim) {
            row.iter_mut().zip(x).for_each(|(z, x)| *z = score.signal * x + score.noise * *z);
        }
        let scores = score.eval(&noised);
        let mut mean = vec![0.0; dim];
        scores.chunks_exact(dim).for_each(|row| axpy(&mut mean, score.noise / copies as f64, row));
        let unit = score.noise / (copies as f64).sqrt();
        let values = singular_values(&scores, copies, dim);
        Around {
            values: values.into_iter().map(|value| value * unit).collect(),
            mean: dot(&mean, &mean).sqrt(),
        }
    }

    fn is_finite(&self) -> bool {
        self.mean.is_finite() && self.values.iter().all(|value| value.is_finite())
    }
}
