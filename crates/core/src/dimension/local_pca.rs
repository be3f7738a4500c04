//! Principal directions of small neighbourhoods (Fukunaga and Olsen 1971).

use super::answers::{Answers, Clarity, Gap, Standing};
use super::overlap::{positive, standard_error};
use crate::error::{Error, Result};
use crate::linalg::singular_values;
use crate::statistics::{Estimate, Quantiles};
use crate::support::{Surroundings, check_points, surroundings};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Which principal directions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PcaRule {
    /// Those with an eigenvalue above this share of the largest, in (0, 1).
    Share(f64),
    /// Those before the largest drop of the log eigenvalues, in nats.
    LargestGap(Clarity),
}

/// Size of the neighbourhoods, and the rule.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LocalPca {
    /// k: nearest others, 1 to N − 1; with the point itself they are k + 1. At most k directions can be found.
    pub neighbours: usize,
    /// The rule.
    pub rule: PcaRule,
}

/// What local principal components found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PcaDimension {
    /// The most frequent answer.
    pub dimension: usize,
    /// Share of the points that give it.
    pub agreeing: f64,
    /// Mean of the answers, with a 95 % interval.
    pub mean: Estimate,
    /// Of every point that was used.
    pub answers: Answers,
    /// Share of the points whose largest drop is clear; for [`PcaRule::LargestGap`] only.
    pub clear: Option<f64>,
    /// λ_i/λ_1 over the points, i = 1 … min(k, D).
    pub eigenvalues: Vec<Quantiles>,
    /// Distance to the k-th neighbour over the points: the scale.
    pub radius: Quantiles,
    /// k and the rule.
    pub settings: LocalPca,
    /// D.
    pub ambient: usize,
    /// Points whose neighbours were looked for, evenly spaced through the sample.
    pub asked: usize,
    /// Of these, left out because all their neighbours coincide with them.
    pub duplicates: usize,
    /// N: points of the sample, all of which can be neighbours.
    pub n: usize,
}

impl PcaRule {
    /// The share of Fukunaga and Olsen, 5 %.
    pub const FUKUNAGA_OLSEN: PcaRule = PcaRule::Share(0.05);

    fn check(&self, operation: &str) -> Result<()> {
        match *self {
            PcaRule::LargestGap(clarity) => clarity.check(operation),
            PcaRule::Share(share) if share > 0.0 && share < 1.0 => Ok(()),
            PcaRule::Share(share) => Err(Error::invalid(
                operation,
                "a share of the largest eigenvalue between 0 and 1",
                share.to_string(),
                "Correct the share",
            )),
        }
    }

    /// The answer for eigenvalues over the largest, descending, and whether its gap is clear.
    fn answer(&self, eigenvalues: &[f64]) -> Answer {
        match *self {
            PcaRule::Share(share) => {
                Answer { dimension: eigenvalues.iter().filter(|e| **e > share).count(), clear: false }
            }
            PcaRule::LargestGap(_) if eigenvalues.len() == 1 => Answer { dimension: 1, clear: false },
            PcaRule::LargestGap(clarity) => {
                let dimensions: Vec<usize> = (1..eigenvalues.len()).collect();
                let drops: Vec<f64> = eigenvalues.windows(2).map(|pair| (pair[0] / pair[1]).ln()).collect();
                let gap = Gap::largest(&dimensions, &drops, clarity);
                Answer { dimension: gap.dimension, clear: gap.standing == Standing::Clear }
            }
        }
    }
}

/// What one point says.
struct Answer {
    dimension: usize,
    clear: bool,
}

/// The number of principal directions of the k + 1 nearest points of every point of `points[N, D]`, at most 2000 of them.
///
/// Eigenvalues below rounding count as equal to it, so that no gap is found among them. A gap lies below D: data that fill
/// their space need the share. The interval of the mean takes into account that neighbourhoods overlap.
///
/// # Errors
/// [`Error::Invalid`] for k outside 1 ..= N − 1, a rule without meaning, numbers that are not finite, or fewer than two
/// points with neighbours elsewhere.
pub fn local_pca(dim: usize, points: &[f64], settings: LocalPca) -> Result<PcaDimension> {
    let operation = "dimension by local principal components";
    let LocalPca { neighbours: k, rule } = settings;
    check_points(operation, dim, points, 2)?;
    rule.check(operation)?;
    let n = points.len() / dim;
    if k == 0 || k >= n {
        let expected = format!("1 to {} neighbours", n - 1);
        let remedy = "Choose another number of neighbours, or give more points";
        return Err(Error::invalid(operation, expected, k.to_string(), remedy));
    }
    let mut found = surroundings(dim, points, k);
    let asked = found.len();
    let spectra: Vec<Option<Vec<f64>>> = found.par_iter().map(|one| eigenvalues(dim, points, one)).collect();
    let mut kept = spectra.iter();
    found.retain(|_| kept.next().is_some_and(Option::is_some));
    let spectra: Vec<Vec<f64>> = spectra.into_iter().flatten().collect();
    if spectra.len() < 2 {
        return Err(Error::invalid(
            operation,
            "two points or more with neighbours elsewhere",
            format!("{} of {asked}", spectra.len()),
            "Leave repeated points out, or take more neighbours",
        ));
    }
    let found_by: Vec<Answer> = spectra.iter().map(|spectrum| rule.answer(spectrum)).collect();
    let answers = Answers::of(found_by.iter().map(|answer| answer.dimension).collect());
    let numbers: Vec<f64> = answers.each.iter().map(|&dimension| dimension as f64).collect();
    let clear = found_by.iter().filter(|answer| answer.clear).count() as f64 / numbers.len() as f64;
    let column = |i: usize| spectra.iter().map(|spectrum| spectrum[i]).collect::<Vec<f64>>();
    let radii: Vec<f64> = found.iter().map(|one| one.others[k - 1].distance).collect();
    Ok(PcaDimension {
        dimension: answers.mode,
        agreeing: answers.share(answers.mode),
        mean: positive(
            numbers.iter().sum::<f64>() / numbers.len() as f64,
            standard_error(n, &found, k, &numbers),
        ),
        answers,
        clear: matches!(rule, PcaRule::LargestGap(_)).then_some(clear),
        eigenvalues: (0..k.min(dim)).map(|i| Quantiles::of(&column(i))).collect(),
        radius: Quantiles::of(&radii),
        settings,
        ambient: dim,
        asked,
        duplicates: asked - found.len(),
        n,
    })
}

/// Eigenvalues over the largest of the covariance of a point and its neighbours, min(k, D) of them, no smaller than
/// rounding; `None` where the points coincide.
fn eigenvalues(dim: usize, points: &[f64], one: &Surroundings) -> Option<Vec<f64>> {
    let rows: Vec<&[f64]> = std::iter::once(one.own)
        .chain(one.others.iter().map(|other| other.index))
        .map(|index| &points[index * dim..][..dim])
        .collect();
    let mut mean = vec![0.0; dim];
    for row in &rows {
        mean.iter_mut().zip(*row).for_each(|(mean, value)| *mean += value / rows.len() as f64);
    }
    let centred: Vec<f64> = rows.iter().flat_map(|row| row.iter().zip(&mean).map(|(x, m)| x - m)).collect();
    let largest = rows.iter().flat_map(|row| row.iter()).fold(0.0_f64, |top, value| top.max(value.abs()));
    let rounding = f64::EPSILON * largest * (centred.len() as f64).sqrt();
    let values = singular_values(&centred, rows.len(), dim);
    let top = values[0];
    if top.is_nan() || top <= rounding {
        return None;
    }
    // The mean takes one direction: the last of k + 1 values is rounding.
    let kept = values.iter().take(dim.min(rows.len() - 1));
    Some(kept.map(|value| (value.max(rounding) / top).powi(2)).collect())
}
