//! FLIPD: the dimension as a rate of the density under noise (Kamkari et al. 2024).

use super::score::ScoreAt;
use crate::error::{Error, Result};
use crate::linalg::dot;
use crate::random::{Purpose, random_signs, stream};
use crate::statistics::{Estimate, Quantiles, bootstrap};
use crate::sweep::Divergence;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What FLIPD found at every point and over the points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flipd {
    /// The estimate at every point; neither whole nor kept within 0 … D.
    pub each: Vec<f64>,
    /// Standard error of each over the probes; 0 where the trace is exact.
    pub standard_error: Vec<f64>,
    /// Over the points, with an interval of the median.
    pub over_points: Quantiles,
    /// Mean over the points with its 95 % interval; one point has none.
    pub mean: Option<Estimate>,
    /// m of the moment.
    pub signal: f64,
    /// σ of the moment: the scale is σ/m.
    pub noise: f64,
    /// D.
    pub ambient: usize,
}

impl Flipd {
    /// Whether the mean is outside 0 … D and so no dimension: where the score is not that of data near the points.
    pub fn is_outside(&self) -> bool {
        !(0.0..=self.ambient as f64).contains(&self.over_points.mean)
    }
}

/// The estimates at points.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FlipdEach {
    /// At every point.
    pub values: Vec<f64>,
    /// Their standard errors over the probes.
    pub standard_error: Vec<f64>,
}

/// The estimate at one point.
struct At {
    value: f64,
    standard_error: f64,
}

/// The dimension of the data at `x[n, D]`, in data units.
///
/// The density p_δ of X_0 + δ Z grows like δ^{d−D} near data of dimension d, so that d = D + ∂ log p_δ(x)/∂ log δ as δ → 0.
/// With the heat equation ∂p_δ/∂δ = δ Δp_δ the derivative is δ² (Δ log p_δ + |∇ log p_δ|²); the noised data m X_0 + σ Z
/// have δ = σ/m and the score s(m x) = ∇ log p_δ(x)/m, so that for every process d(x) = D + σ² \[tr ∇s(m x) + |s(m x)|²\].
///
/// The trace takes D tangents, or is the mean of zᵀ ∇s z over random signs z.
///
/// # Errors
/// Those of [`flipd_each`].
pub fn flipd(score: &ScoreAt, x: &[f64], trace: Divergence, seed: u64) -> Result<Flipd> {
    let streams: Vec<u64> = (0..(x.len() / score.dim().max(1)) as u64).collect();
    Ok(Flipd::of(flipd_each(score, x, &streams, trace, seed)?, score, seed))
}

/// The estimates at points `x[n, D]`, in data units; point i takes its probes from `streams[i]`.
///
/// # Errors
/// [`Error::Invalid`] for points or answers that are not finite, another number of streams than points, or fewer than two
/// probes.
pub fn flipd_each(
    score: &ScoreAt,
    x: &[f64],
    streams: &[u64],
    trace: Divergence,
    seed: u64,
) -> Result<FlipdEach> {
    let operation = "dimension by FLIPD";
    score.check_points(operation, x)?;
    score.check_streams(operation, x, streams)?;
    if let Divergence::Hutchinson { probes: probes @ 0..2 } = trace {
        return Err(Error::invalid(operation, "at least 2 probes", probes.to_string(), "Take more probes"));
    }
    let points: Vec<(&[f64], &u64)> = x.chunks_exact(score.dim()).zip(streams).collect();
    let found: Vec<At> = points.par_iter().map(|(x, stream)| at(score, x, trace, seed, **stream)).collect();
    let finite = |at: &At| at.value.is_finite() && at.standard_error.is_finite();
    if let Some(point) = found.iter().position(|at| !finite(at)) {
        return Err(Error::invalid(
            operation,
            "a finite score with finite derivatives",
            format!("{} at point {point}", found[point].value),
            "Choose a time with more noise, or look for non-finite numbers in the model's weights",
        ));
    }
    Ok(FlipdEach {
        values: found.iter().map(|at| at.value).collect(),
        standard_error: found.iter().map(|at| at.standard_error).collect(),
    })
}

impl Flipd {
    /// Of the estimates at one point or more.
    pub fn of(found: FlipdEach, score: &ScoreAt, seed: u64) -> Flipd {
        let FlipdEach { values: each, standard_error } = found;
        let n = each.len();
        Flipd {
            standard_error,
            over_points: Quantiles::of(&each),
            mean: bootstrap(n, seed, |rows| rows.iter().map(|&i| each[i]).sum::<f64>() / n as f64),
            each,
            signal: score.signal,
            noise: score.noise,
            ambient: score.dim(),
        }
    }
}

fn at(score: &ScoreAt, x: &[f64], trace: Divergence, seed: u64, index: u64) -> At {
    let dim = x.len();
    let rows = if let Divergence::Hutchinson { probes } = trace { probes } else { dim };
    let mut z = vec![0.0; rows * dim];
    match trace {
        Divergence::Exact => z.iter_mut().step_by(dim + 1).for_each(|z| *z = 1.0),
        Divergence::Hutchinson { .. } => random_signs(&mut stream(seed, index, Purpose::Probe), &mut z),
    }
    let noised: Vec<f64> = x.iter().map(|x| score.signal * x).collect();
    let slopes = score.slopes(&noised, &z);
    let sum: f64 = slopes.forms.iter().sum();
    let variance = score.noise * score.noise;
    let (trace, error) = match trace {
        Divergence::Exact => (sum, 0.0),
        Divergence::Hutchinson { .. } => {
            let (count, mean) = (rows as f64, sum / rows as f64);
            let square: f64 = slopes.forms.iter().map(|form| (form - mean).powi(2)).sum();
            (mean, (square / (count * (count - 1.0))).sqrt())
        }
    };
    let value = dim as f64 + variance * (trace + dot(&slopes.score, &slopes.score));
    At { value, standard_error: variance * error }
}
