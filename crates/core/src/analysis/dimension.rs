//! The key `dimension` of `summary.json`: the gap rule on the exact singular values, and estimators that see only the
//! generated samples (theory §10).

use super::exact::Exactly;
use super::summarise::Reader;
use crate::dimension::{
    GapDimension, GapRule, LevinaBickel, LocalPca, Neighbourhoods, NoiseFloor, PcaDimension, PcaRule,
    Standing, TwoNnDimension, WholeInterval, gap, levina_bickel, local_pca, two_nn,
};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Neighbours of the local PCA at least, and as a multiple of the answer of the gap rule.
const NEIGHBOURS: usize = 20;
const NEIGHBOURS_A_DIRECTION: usize = 3;

/// The dimension of what is generated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DimensionSummary {
    /// The place of the largest drop of the log singular values in their mean over samples.
    pub estimate: usize,
    /// Whether that drop stands out at all: where it does not, the estimate is none.
    pub standing: Standing,
    /// 95 % interval over samples; a single one has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interval: Option<WholeInterval>,
    /// The rule, every sample's answer and the curve behind them.
    pub gap: GapDimension,
    /// What the generated samples alone say.
    pub baselines: Baselines,
}

/// Estimators that know the samples and not the model; those that these are too few for are absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Baselines {
    /// Facco et al. 2017.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub two_nn: Option<TwoNnDimension>,
    /// Levina and Bickel 2004.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub levina_bickel: Option<LevinaBickel>,
    /// Fukunaga and Olsen 1971.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub local_pca: Option<PcaDimension>,
}

impl Baselines {
    /// Of samples `x[n, D]`; `d` sets the neighbourhoods of the local PCA.
    fn of(dim: usize, x: &[f64], d: usize) -> Baselines {
        let n = x.len() / dim;
        let neighbours = NEIGHBOURS.max(NEIGHBOURS_A_DIRECTION * d).min(n.saturating_sub(1));
        let settings = LocalPca { neighbours, rule: PcaRule::FUKUNAGA_OLSEN };
        Baselines {
            two_nn: two_nn(dim, x).ok(),
            levina_bickel: levina_bickel(dim, x, Neighbourhoods::default()).ok(),
            local_pca: local_pca(dim, x, settings).ok(),
        }
    }
}

/// From the finished columns; `None` without exact vectors or with one alone.
pub(super) fn summarise_dimension(reader: &Reader) -> Result<Option<DimensionSummary>> {
    let (k, dim) = (reader.request.vectors, reader.system.dim());
    if reader.extent.exact == Exactly::Not || k < 2 {
        return Ok(None);
    }
    let floor = NoiseFloor::of(&reader.system.drift, reader.system.grid).ok();
    let rule = GapRule { floor, seed: reader.request.seed, ..GapRule::of(k) };
    let gap = gap(&reader.read("log_growth_svd")?, dim, k, rule)?;
    let (estimate, standing) = (gap.ensemble.gap.dimension, gap.ensemble.gap.standing);
    let baselines = Baselines::of(dim, &reader.read("x")?, estimate);
    Ok(Some(DimensionSummary { estimate, standing, interval: gap.ensemble.interval, gap, baselines }))
}

impl DimensionSummary {
    /// What was found, with how far it can be trusted, in a sentence.
    pub fn sentence(&self) -> String {
        let ensemble = &self.gap.ensemble;
        let interval = match &self.interval {
            Some(i) => format!("95 % interval {} to {}", i.low, i.high),
            None => "one sample, no interval".into(),
        };
        let drop = format!(
            "largest drop of the log singular values after vector {}, {:.2} nats ({interval}; {:.0} % of {} samples agree)",
            self.estimate,
            ensemble.gap.size,
            100.0 * ensemble.agreeing,
            ensemble.n
        );
        match self.standing {
            Standing::Clear if self.gap.at_end => {
                format!("Dimension {} or more: {drop}; no more vectors were followed (-k).", self.estimate)
            }
            Standing::Clear => {
                format!("Dimension {} at the scale of the noise at the end: {drop}.", self.estimate)
            }
            Standing::Unclear | Standing::MeanScore => {
                format!("No dimension stands out: {drop}, but other drops are nearly as large.")
            }
            Standing::BelowNoise => format!(
                "No dimension stands out: {drop}, but that is among directions that have shrunk as the noise has."
            ),
            Standing::Forced => format!("Of two vectors nothing follows about the dimension: {drop}."),
        }
    }
}
