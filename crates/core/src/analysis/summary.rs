//! `summary.json`, schema 1: plain structs in the order of the interface. Absent analyses are absent keys.

use super::absent::NotComputed;
use super::classify::ClassifierSummary;
use super::condition::ConditionSummary;
use super::dimension::DimensionSummary;
use super::gains::GainsSummary;
use super::learning::LearningError;
use super::moved::MovedSummary;
use super::response::{LikelihoodSummary, ResponseSummary};
use super::system::ScoreOrigin;
use crate::statistics::Quantiles;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use super::request::Perturbation;

/// The whole of `summary.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// 1.
    pub schema: u32,
    /// Where the numbers come from.
    pub provenance: Provenance,
    /// Theory §4.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exponents: Option<Exponents>,
    /// Theory §6.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alignment: Option<AlignmentSummary>,
    /// Samples moved along the vectors that were searched for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub moved: Option<MovedSummary>,
    /// Theory §5, one entry an error kind and size.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub robustness: Vec<Robustness>,
    /// φ per error kind, and its null.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub footing: Option<Footing>,
    /// How sound the feet on a support are that are searched for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub support: Option<SupportSummary>,
    /// Theory §8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gains: Option<GainsSummary>,
    /// Theory §8, one entry a difference to another model.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub learning_errors: Vec<LearningError>,
    /// Theory §7.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub response: Option<ResponseSummary>,
    /// Theory §7.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub likelihood: Option<LikelihoodSummary>,
    /// Theory §10: a one-class classifier of the samples; filled in by [`super::classify`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub support_classifier: Option<ClassifierSummary>,
    /// Theory §9.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub condition: Option<ConditionSummary>,
    /// Theory §10.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dimension: Option<DimensionSummary>,
    /// What is absent above, and why.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_computed: Vec<NotComputed>,
    /// Headline medians against twice the steps.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub convergence: Option<Convergence>,
    /// In plain words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
}

/// Where the numbers come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Provenance {
    /// Version of surefoot.
    pub version: String,
    /// As typed (without `--resume`).
    pub command_line: Vec<String>,
    /// Seed.
    pub seed: u64,
    /// Number of sample paths.
    pub samples: usize,
    /// Number of sample paths that were asked for, while fewer are finished.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked: Option<usize>,
    /// Generation steps τ.
    pub steps: usize,
    /// Threads used.
    pub threads: usize,
    /// Wall-clock seconds of computing, over all parts of a resumed run.
    pub seconds: f64,
    /// Model name.
    pub model: String,
    /// SHA-256 of the model's files.
    pub model_sha256: String,
    /// D.
    pub dim: usize,
    /// Field evaluations, sample rows.
    pub field_evaluations: u64,
    /// Jacobian-vector products, rows.
    pub jvps: u64,
    /// Vector-Jacobian products, rows.
    pub vjps: u64,
}

/// The two ways to finite-time vectors (theory §4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair<T> {
    /// One forward sweep from a random frame (CdC).
    pub qr: T,
    /// Exact singular vectors; absent where none were computed.
    #[serde(skip_serializing_if = "Option::is_none", default = "Option::default")]
    pub svd: Option<T>,
}

/// Finite-time Lyapunov exponents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exponents {
    /// Log growth over the whole generation, nats, by vector.
    pub qr: Vec<Quantiles>,
    /// The same per unit of model time.
    pub qr_rate: Vec<Quantiles>,
    /// Log singular values.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub svd: Vec<Quantiles>,
    /// The same per unit of model time.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub svd_rate: Vec<Quantiles>,
    /// Elapsed model time of the generation.
    pub elapsed_time: f64,
    /// Worst sample of |Σ log R_ii − Σ log|det A|| / max(1, |Σ log|det A||).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trace_defect: Option<f64>,
    /// σ_2/σ_1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gap: Option<Gap>,
    /// Largest relative residual of the svd vectors.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub residual: Option<f64>,
    /// How far the search for the svd vectors came, where k < D.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub search: Option<SearchSummary>,
}

/// Subspace iteration for the svd vectors of the leading samples (theory §4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchSummary {
    /// Leading samples that were searched.
    pub samples: usize,
    /// Further vectors carried along.
    pub extra: usize,
    /// Rounds at most.
    pub most_rounds: usize,
    /// Rounds taken.
    pub rounds: Quantiles,
    /// Residual at which a vector has converged.
    pub tolerance: f64,
    /// Leading vectors that have all converged.
    pub converged: Quantiles,
    /// Relative residuals, by vector.
    pub residuals: Vec<Quantiles>,
}

/// Quantiles of σ_2/σ_1 and the share of samples whose leading vector is ill-defined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// Of σ_2/σ_1.
    #[serde(flatten)]
    pub quantiles: Quantiles,
    /// Share of samples with σ_2/σ_1 > 0.9.
    #[serde(rename = "share_above_0.9")]
    pub share_above: f64,
}

/// Alignment figures and what a random subspace would give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlignmentSummary {
    /// |⟨LV_1, s/‖s‖⟩|.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score_cosine: Option<Pair<Quantiles>>,
    /// ‖E^dᵀ s‖/‖s‖; needs a support's d.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score_subspace: Option<Pair<Quantiles>>,
    /// Largest principal angle between E^d and T(x), degrees.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subspace_angle_deg: Option<Pair<Quantiles>>,
    /// Random subspaces.
    pub null: AlignmentNull,
    /// Where s comes from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score_origin: Option<ScoreOrigin>,
    /// Points used: all, or those near the boundary of a support with d = D.
    pub points: usize,
    /// d = D: within which distance of the boundary.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub boundary_distance: Option<f64>,
    /// Lemma 4.4: the same figures for the perturbed models.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub under_error: Vec<AlignmentUnderError>,
}

/// What a random subspace would give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlignmentNull {
    /// Median of |⟨random unit vector, s/‖s‖⟩|.
    pub score_cosine: f64,
    /// Median of ‖Qᵀ s‖/‖s‖ for a random d-dimensional subspace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score_subspace: Option<f64>,
}

/// Alignment of a perturbed model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlignmentUnderError {
    /// Error kind.
    pub kind: String,
    /// ε.
    pub size: f64,
    /// |⟨LV_1, s/‖s‖⟩| at the perturbed samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score_cosine: Option<Pair<Quantiles>>,
    /// Largest principal angle between E^d and T, degrees.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subspace_angle_deg: Option<Pair<Quantiles>>,
}

/// What an error of one kind and size does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Robustness {
    /// Error kind.
    pub kind: String,
    /// ε, ∞-norm (coarser: the factor).
    pub size: f64,
    /// Where the error sits: output, score, drift.
    pub error_in: String,
    /// ∞-norm of the twins' displacement ‖x^ε − x‖₂, quantiles.
    pub displacement: Quantiles,
    /// dist of the unperturbed samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distance: Option<Quantiles>,
    /// dist of the perturbed samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub distance_perturbed: Option<Quantiles>,
    /// Thick supports: distance to the middle set.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub middle_distance: Option<Quantiles>,
    /// Thick supports: the same for the perturbed samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub middle_distance_perturbed: Option<Quantiles>,
    /// 1-Wasserstein distance of the two distance laws.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub off_w1: Option<f64>,
    /// Chord ‖P(x^ε) − P(x)‖.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub along: Option<Quantiles>,
    /// Share of twins whose feet lie on different components.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub jumped: Option<f64>,
    /// First-order displacement per unit size; absent for coarser steps.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_order: Option<FirstOrder>,
}

/// First-order displacement ζ per unit size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FirstOrder {
    /// ‖ζ‖.
    pub total: Quantiles,
    /// ‖Nᵀζ‖.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub normal: Option<Quantiles>,
    /// ‖Tᵀζ‖.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tangent: Option<Quantiles>,
}

/// φ = ‖Tᵀζ‖/‖ζ‖ per error kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Footing {
    /// √(d/D): a random direction, in mean square.
    pub null: f64,
    /// By error kind.
    #[serde(flatten)]
    pub kinds: BTreeMap<String, Quantiles>,
}

/// Feet on a support that has no closed form (theory §5), of samples and their perturbed twins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SupportSummary {
    /// d.
    pub dimension: usize,
    /// Number of feet.
    pub feet: usize,
    /// Share of feet not shown to be nearest: their distance is an upper bound.
    pub not_nearest: f64,
    /// Share of feet where the support has no tangent space.
    pub singular: f64,
}

/// Headline medians on a subset, with N and 2 N steps (theory §11.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Convergence {
    /// Paths compared.
    pub samples: usize,
    /// N.
    pub steps: usize,
    /// 2 N.
    pub doubled_steps: usize,
    /// By figure.
    pub medians: BTreeMap<String, Change>,
    /// Median angle of a svd vector and that of twice the steps, degrees, by vector.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub vector_angle_deg: Vec<f64>,
}

/// A median and what doubling the steps does to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// With N steps.
    pub value: f64,
    /// With 2 N steps.
    pub doubled: f64,
    /// doubled − value.
    pub change: f64,
    /// Paths compared.
    pub paths: usize,
}

/// The answer in plain words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Absent when there is no support to judge by.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub robust: Option<bool>,
    /// Sentences with their numbers.
    pub reasons: Vec<String>,
}
