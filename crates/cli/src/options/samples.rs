//! Options of the commands that generate samples: `sample` and `tangent`.

use super::shared::{ModelSettings, Screen};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `sample`.
#[derive(Debug, Args)]
pub struct Sample {
    /// A model file, or builtin:NAME (see `surefoot models`)
    pub model: String,
    /// Number of samples
    #[arg(short = 'n', long, default_value_t = 1000, value_name = "N", allow_negative_numbers = true)]
    pub samples: usize,
    /// Seed of all random streams
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub seed: u64,
    /// Output file: .npy or .csv
    #[arg(short, long, value_name = "FILE", required_unless_present = "pairs")]
    pub out: Option<PathBuf>,
    /// In place of -o: sources with the samples they become, and how straight the ways between them are. An .npz file with
    /// arrays x0 and x1, which `[objective] pairs` of a recipe takes (reflow)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "log_likelihood"])]
    pub pairs: Option<PathBuf>,
    /// Write the samples in the units of the data that the model has learned, by [normalisation] of its file
    #[arg(long, conflicts_with_all = ["pairs", "log_likelihood"])]
    pub data_units: bool,
    /// Follow the log-likelihood of every sample, too, and report bits per dimension
    #[arg(long)]
    pub log_likelihood: bool,
    /// File for the log-likelihood of every sample, .npy or .csv: one row a sample, log ρ in nats and its standard error
    /// (0 for exact formulas)
    #[arg(long, value_name = "FILE", requires = "log_likelihood")]
    pub log_likelihood_out: Option<PathBuf>,
    /// How: exactly for the discrete flow, or by the divergence of the continuous one, exact or from random probes
    /// [default: discrete for D up to 16, else probes]
    #[arg(long, value_enum, value_name = "FORMULA", requires = "log_likelihood")]
    pub formula: Option<FormulaName>,
    /// Random probes of the divergence a sample
    #[arg(long, value_name = "M", default_value_t = 8, requires = "log_likelihood", value_parser = clap::value_parser!(u16).range(2..=4096))]
    pub probes: u16,
    /// Threads [default: all]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub settings: ModelSettings,
    #[command(flatten)]
    pub screen: Screen,
}

/// `tangent`.
#[derive(Debug, Args)]
pub struct Tangent {
    /// A model file, or builtin:NAME (see `surefoot models`)
    pub model: String,
    /// Points, in the model's own coordinates, in place of generated ones: each is carried back to its start by the
    /// deterministic sampler and generated again. .npy, .npz, IDX or .csv
    #[arg(long, value_name = "FILE")]
    pub at: Option<PathBuf>,
    /// Carry the points of --at back only as near as a few corrections of every step come, and look at what is generated
    /// from there: for points that the sampler does not generate, as real images. How far it misses them is reported
    #[arg(long, requires = "at")]
    pub near: bool,
    /// Follow the last part of the generation alone, from this model time: points are carried back to it and no farther.
    /// Where the data have noise of their own, growth before it is smaller than that noise blurs their tangent spaces
    #[arg(long, value_name = "U", allow_negative_numbers = true)]
    pub from: Option<f64>,
    /// Leading points followed once more with twice the steps, without --labels [default: 8 up to D = 64, 1 beyond]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub convergence: Option<usize>,
    /// Labels of these points, one whole number from 0 each: the dimension of every class and of all points, by the gap
    /// rule, by the model's score (NB, FLIPD), and by neighbours in a sample (TwoNN, maximum likelihood, local PCA)
    #[arg(long, value_name = "FILE", requires = "at", conflicts_with = "dimension")]
    pub labels: Option<PathBuf>,
    /// With --labels: the classes looked at [default: all]
    #[arg(
        long = "class",
        value_name = "LIST",
        value_delimiter = ',',
        allow_negative_numbers = true,
        requires = "labels"
    )]
    pub classes: Vec<u32>,
    /// Number of generated points; with --at, of the leading points taken, with --labels of every class [default: 1000;
    /// with --at all]
    #[arg(short = 'n', long, value_name = "N", allow_negative_numbers = true)]
    pub samples: Option<usize>,
    /// Vectors k whose growth is looked at [default: D up to 64, else 32]
    #[arg(short = 'k', long, value_name = "K", allow_negative_numbers = true)]
    pub vectors: Option<usize>,
    /// Dimension d of the tangent spaces [default: that of the gap rule]
    #[arg(short = 'd', long, value_name = "D", allow_negative_numbers = true)]
    pub dimension: Option<usize>,
    /// Points of the data: tangent spaces by local PCA of their neighbours are compared, too; with --labels, the sample
    /// of TwoNN, maximum likelihood and local PCA in place of the points themselves
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,
    /// With --labels: the labels of the reference
    #[arg(long, value_name = "FILE", requires_all = ["reference", "labels"])]
    pub reference_labels: Option<PathBuf>,
    /// Numbers of neighbours of the local PCA [default: 5,100; with --labels 20,100]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub neighbours: Vec<usize>,
    /// With --labels: fewest and most neighbours of maximum likelihood
    #[arg(
        long,
        value_name = "FROM,TO",
        value_delimiter = ',',
        num_args = 1..=2,
        default_value = "10,20",
        requires = "labels"
    )]
    pub mle_neighbours: Vec<usize>,
    /// With --labels: model times at which NB and FLIPD ask the score [default: the end of the generation]
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_negative_numbers = true,
        requires = "labels"
    )]
    pub score_times: Vec<f64>,
    /// With --labels: noised copies of a point for NB [default: 4 D]
    #[arg(long, value_name = "K", allow_negative_numbers = true, requires = "labels")]
    pub copies: Option<usize>,
    /// With --labels: random probes of the trace of FLIPD [default: exact, by D tangents]
    #[arg(long, value_name = "P", allow_negative_numbers = true, requires = "labels")]
    pub probes: Option<usize>,
    /// k < D: most rounds of the search for exact vectors
    #[arg(long, value_name = "R", default_value_t = 12, allow_negative_numbers = true)]
    pub exact_rounds: usize,
    /// k < D: residual ‖Jᵀu − σv‖/σ at which a vector has converged
    #[arg(long, value_name = "R", default_value_t = 1e-3, allow_negative_numbers = true)]
    pub exact_tolerance: f64,
    /// Seed of all random streams
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads [default: all]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Output file, an .npz archive: x, tangent, log_growth, dimension, residual; with --at also start and mismatch. With
    /// --labels a folder: dimension.json and report.html, written anew after every class
    #[arg(short, long, value_name = "FILE.npz")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub settings: ModelSettings,
    #[command(flatten)]
    pub screen: Screen,
}

/// `--formula`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormulaName {
    /// log ρ₀ − Σ log|det A_n|: of the discrete flow, exact
    Discrete,
    /// log ρ₀ − ∫ div v du: of the continuous flow, from D tangents a step
    Divergence,
    /// The same from random probes (Hutchinson), with their standard error
    Probes,
}
