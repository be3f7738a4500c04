//! All estimators side by side on one set of points: what a generation says, what a sample, and what a score at moments.

use super::flipd::{Flipd, FlipdEach, flipd_each};
use super::gap::{GapDimension, GapRule, gap};
use super::levina_bickel::{LevinaBickel, Neighbourhoods, levina_bickel};
use super::local_pca::{LocalPca, PcaDimension, PcaRule, local_pca};
use super::normal_bundle::{Copies, NormalBundle, NormalSpectra, normal_spectra};
use super::score::ScoreAt;
use super::spread::{NoiseFloor, SpreadDimension, spread};
use super::two_nn::{TwoNnDimension, two_nn};
use crate::error::Result;
use crate::process::{Drift, Process};
use crate::statistics::Quantiles;
use crate::sweep::Divergence;
use serde::{Deserialize, Serialize};

/// What an estimator found, or in words why it found nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Known<T> {
    /// It did.
    Found(T),
    /// It did not.
    Not {
        /// Why.
        not_known: String,
    },
}

/// What the generation map says of a set of points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfGeneration {
    /// By the gap rule.
    pub gap: Known<GapDimension>,
    /// By what spreads beyond the noise at the end.
    pub spread: Known<SpreadDimension>,
    /// log σ_i over the points, i = 1 … k, nats.
    pub log_growth: Vec<Quantiles>,
}

/// Neighbourhoods of the estimators that see a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleSettings {
    /// Those of maximum likelihood.
    pub likelihood: Neighbourhoods,
    /// Numbers of neighbours of the local principal components, one estimate each.
    pub pca: Vec<usize>,
}

/// Local principal components by the rule of Fukunaga and Olsen at one number of neighbours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PcaAt {
    /// k.
    pub neighbours: usize,
    /// The estimate.
    pub found: Known<PcaDimension>,
}

/// What a sample says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfSample {
    /// N: rows of the sample.
    pub rows: usize,
    /// Facco et al. 2017.
    pub two_nn: Known<TwoNnDimension>,
    /// Levina and Bickel 2004.
    pub levina_bickel: Known<LevinaBickel>,
    /// Fukunaga and Olsen 1971.
    pub local_pca: Vec<PcaAt>,
}

/// How the score is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreSettings {
    /// Noised copies of a point, and when NB's gap is clear.
    pub copies: Copies,
    /// The trace of FLIPD.
    pub trace: Divergence,
    /// Seed of probes and intervals.
    pub seed: u64,
}

/// A model time at which a score is asked, and the score there.
pub struct Asked {
    /// u.
    pub time: f64,
    /// The score, or why it is not known.
    pub score: Known<ScoreAt>,
}

/// What the score says of single points at one moment, before it is put together.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredPoints {
    bundle: Known<NormalSpectra>,
    flipd: Known<FlipdEach>,
}

/// The noise of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NoiseScale {
    /// m
    pub signal: f64,
    /// σ
    pub noise: f64,
    /// σ/m, in units of the data.
    pub ratio: f64,
}

/// What the score says of a set of points at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfScore {
    /// Model time u.
    pub time: f64,
    /// The noise there; `None` where the score is not known.
    pub scale: Option<NoiseScale>,
    /// Stanczuk et al. 2024.
    pub normal_bundle: Known<NormalBundle>,
    /// Kamkari et al. 2024.
    pub flipd: Known<Flipd>,
}

/// Everything about one set of points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OfPoints {
    /// n: points at which the model was asked.
    pub points: usize,
    /// What its generation map says.
    pub generation: OfGeneration,
    /// What its score says, moment by moment.
    pub scores: Vec<OfScore>,
    /// What a sample says.
    pub sample: OfSample,
}

impl<T> Known<T> {
    /// A result, with the error in words.
    pub fn of(result: Result<T>) -> Known<T> {
        match result {
            Ok(found) => Known::Found(found),
            Err(error) => Known::Not { not_known: error.to_string() },
        }
    }

    /// What was found.
    pub fn found(&self) -> Option<&T> {
        match self {
            Known::Found(found) => Some(found),
            Known::Not { .. } => None,
        }
    }

    /// What follows from it, or the same reason why nothing does.
    fn and<U>(&self, of: impl FnOnce(&T) -> Known<U>) -> Known<U> {
        match self {
            Known::Found(found) => of(found),
            Known::Not { not_known } => Known::Not { not_known: not_known.clone() },
        }
    }

    /// All of a list, or the reason why the first that is missing is.
    fn all<'a>(list: impl IntoIterator<Item = &'a Known<T>>, join: impl Fn(&mut T, &T)) -> Known<T>
    where
        T: Default + 'a,
    {
        let mut joined = T::default();
        for one in list {
            match one {
                Known::Found(found) => join(&mut joined, found),
                Known::Not { not_known } => return Known::Not { not_known: not_known.clone() },
            }
        }
        Known::Found(joined)
    }
}

impl OfGeneration {
    /// Of `log_values[n, k]` as [`gap()`] takes them, n ≥ 1, in dimension D, of a generation with these ends.
    pub fn of(
        log_values: &[f64],
        dim: usize,
        known: usize,
        floor: &Known<NoiseFloor>,
        seed: u64,
    ) -> OfGeneration {
        let rule = GapRule { floor: floor.found().copied(), seed, ..GapRule::of(known) };
        let column = |i: usize| log_values.iter().skip(i).step_by(known).copied().collect::<Vec<f64>>();
        OfGeneration {
            gap: Known::of(gap(log_values, dim, known, rule)),
            spread: floor.and(|floor| Known::of(spread(log_values, dim, known, *floor, seed))),
            log_growth: (0..known).filter_map(|i| Quantiles::of_any(&column(i))).collect(),
        }
    }
}

impl OfSample {
    /// Of `points[N, D]`, N ≥ 1.
    pub fn of(dim: usize, points: &[f64], settings: &SampleSettings) -> OfSample {
        let pca = |&neighbours: &usize| {
            let found = local_pca(dim, points, LocalPca { neighbours, rule: PcaRule::FUKUNAGA_OLSEN });
            PcaAt { neighbours, found: Known::of(found) }
        };
        OfSample {
            rows: points.len() / dim,
            two_nn: Known::of(two_nn(dim, points)),
            levina_bickel: Known::of(levina_bickel(dim, points, settings.likelihood)),
            local_pca: settings.pca.iter().map(pca).collect(),
        }
    }
}

impl Asked {
    /// A model's score at its time u; a flow's is not known, because the path from its source is not part of it.
    ///
    /// # Errors
    /// Those of [`ScoreAt::of_drift`] for a diffusion.
    pub fn at(drift: &Drift, time: f64) -> Result<Asked> {
        let score = if drift.process == Process::Flow {
            let reason = "the model is a flow, whose velocity alone does not determine a score";
            Known::Not { not_known: reason.into() }
        } else {
            Known::Found(ScoreAt::of_drift(drift, time)?)
        };
        Ok(Asked { time, score })
    }

    /// What the score says at `x[n, D]`, n ≥ 1, point by point; `streams[n]` number their random streams.
    pub fn ask(&self, x: &[f64], streams: &[u64], settings: ScoreSettings) -> ScoredPoints {
        let bundle = self.score.and(|score| Known::of(normal_spectra(score, x, streams, settings.copies)));
        let flipd =
            self.score.and(|score| Known::of(flipd_each(score, x, streams, settings.trace, settings.seed)));
        ScoredPoints { bundle, flipd }
    }

    /// What was found at the points of all `parts` together, at least one point.
    pub fn together(&self, parts: &[&ScoredPoints], settings: ScoreSettings) -> OfScore {
        let spectra = Known::all(parts.iter().map(|part| &part.bundle), |all, one: &NormalSpectra| {
            all.values.extend(&one.values);
            all.mean_score.extend(&one.mean_score);
        });
        let each = Known::all(parts.iter().map(|part| &part.flipd), |all, one: &FlipdEach| {
            all.values.extend(&one.values);
            all.standard_error.extend(&one.standard_error);
        });
        let scale = self.score.found().map(|&ScoreAt { signal, noise, .. }| NoiseScale {
            signal,
            noise,
            ratio: noise / signal,
        });
        let normal_bundle = self.score.and(|score| {
            spectra.and(|spectra| Known::Found(NormalBundle::of(spectra, score, settings.copies)))
        });
        let flipd = self
            .score
            .and(|score| each.and(|each| Known::Found(Flipd::of(each.clone(), score, settings.seed))));
        OfScore { time: self.time, scale, normal_bundle, flipd }
    }
}
