//! What a model file says, checked and with its defaults filled in.

use super::normalisation::{Mapping, Normalisation};
use std::path::PathBuf;
use surefoot::field::Data;
use surefoot::process::{Clock, Predicts, Process, Spacing};
use surefoot::sampler::Method;
use surefoot::support::Shape;
use surefoot_graph::passes::Guidance;
use toml::value::Table;

/// A model file, understood.
#[derive(Debug, Clone)]
pub struct ModelSpec {
    /// Name shown to the user.
    pub name: String,
    /// What is learned or known.
    pub field: FieldSpec,
    /// How it generates.
    pub process: Process,
    /// What the field's output means.
    pub predicts: Predicts,
    /// The network's time.
    pub clock: Clock,
    /// Model time at noise.
    pub start: f64,
    /// Model time at data.
    pub end: f64,
    /// Law of x_0.
    pub source: SourceSpec,
    /// What "off the support" is measured against.
    pub support: SupportSpec,
    /// How the target score of a flow model is made.
    pub score: ScoreSpec,
    /// How the data that were learned have been normalised.
    pub normalisation: Option<Normalisation>,
    /// Discretisation.
    pub method: Method,
    /// τ
    pub steps: usize,
    /// Where the times of the steps lie.
    pub spacing: Spacing,
    /// The file with every default written out; file names as given.
    pub resolved: Table,
    /// The files it names.
    pub files: Vec<NamedFile>,
}

/// A file that a model file names.
#[derive(Debug, Clone)]
pub struct NamedFile {
    /// Section and key that name it.
    pub key: [&'static str; 2],
    /// Where it is.
    pub path: PathBuf,
}

/// `[field]`.
#[derive(Debug, Clone)]
pub enum FieldSpec {
    /// A network in an ONNX file.
    Onnx {
        /// The file.
        file: PathBuf,
        /// Whether it runs in f64.
        double: bool,
        /// The class to generate, for a network that takes a label.
        label: Option<LabelSpec>,
    },
    /// The exact score of noised data.
    Analytic {
        /// The data.
        data: DataSpec,
        /// Standard deviation of a Gaussian smoothing of the data.
        bandwidth: f64,
    },
}

/// Which class a network of labelled data generates.
#[derive(Debug, Clone, Copy)]
pub enum LabelSpec {
    /// The network at a label.
    Class {
        /// The label.
        label: f64,
        /// The label of no class, where the file gives it.
        no_class: Option<f64>,
    },
    /// Classifier-free guidance.
    Guided(Guidance),
}

impl LabelSpec {
    /// The label, and that of no class where it is known.
    pub fn labels(&self) -> (f64, Option<f64>) {
        match *self {
            LabelSpec::Class { label, no_class } => (label, no_class),
            LabelSpec::Guided(Guidance { label, no_class, .. }) => (label, Some(no_class)),
        }
    }
}

/// Data with an exact score.
#[derive(Debug, Clone)]
pub enum DataSpec {
    /// A known law.
    Known(Data),
    /// The points of a file.
    File(PathBuf),
}

/// `[source]`.
#[derive(Debug, Clone)]
pub enum SourceSpec {
    /// N(0, deviation² I).
    Gaussian,
    /// Eight Gaussians on a circle.
    EightGaussians {
        /// Distance of the centres from the origin.
        radius: f64,
        /// Variance of each.
        variance: f64,
    },
    /// Exact law of the noised data at `start`.
    Marginal,
    /// Points of a file.
    Points {
        /// The file.
        file: PathBuf,
    },
}

/// `[support]`.
#[derive(Debug, Clone)]
pub enum SupportSpec {
    /// No `[support]`: it follows from analytic data where it can.
    Derived,
    /// `kind = "none"`.
    None,
    /// By name.
    Shape(Shape),
    /// The zeros of a function.
    Constraint {
        /// The function, an ONNX file.
        file: PathBuf,
        /// Points of the support.
        reference: Option<PathBuf>,
    },
    /// A reference sample.
    Reference {
        /// The file.
        file: PathBuf,
        /// What is done with the file's numbers.
        mapping: Mapping,
        /// d, or estimated.
        dimension: Option<usize>,
        /// Neighbours of the local PCA.
        neighbours: Option<usize>,
    },
}

/// `[score]`: the smoothed reference sample of a flow model (theory §6).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreSpec {
    /// Number of reference points.
    pub points: usize,
    /// Bandwidth as a multiple of every coordinate's standard deviation.
    pub bandwidth: f64,
    /// Whether the file has the section. Without it, a flow whose reference is constant in a coordinate has no target score.
    pub given: bool,
}
