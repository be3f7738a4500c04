//! Options of the commands that analyse models: `analyze`, `compare`, `perturb`, `reproduce`.

use super::shared::{ModelSettings, Screen};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `analyze`.
#[derive(Debug, Args)]
pub struct Analyze {
    /// A model file, or builtin:NAME (see `surefoot models`)
    pub model: String,
    /// One analysis a value of a setting, side by side: noise-level, steps, method, spacing, rho, process, start, end, label, guidance, or any
    /// key of the model file, for example --sweep noise-level=0,0.25,0.5,1
    #[arg(long, value_name = "SETTING=V1,V2,...")]
    pub sweep: Option<String>,
    #[command(flatten)]
    pub settings: ModelSettings,
    #[command(flatten)]
    pub run: RunOptions,
    #[command(flatten)]
    pub vectors: VectorOptions,
    #[command(flatten)]
    pub errors: ErrorOptions,
    #[command(flatten)]
    pub screen: Screen,
}

/// `compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// Model files, or builtin:NAME; all of one dimension
    #[arg(required = true, num_args = 2..)]
    pub models: Vec<String>,
    #[command(flatten)]
    pub settings: ModelSettings,
    #[command(flatten)]
    pub run: RunOptions,
    #[command(flatten)]
    pub vectors: VectorOptions,
    #[command(flatten)]
    pub errors: ErrorOptions,
    #[command(flatten)]
    pub screen: Screen,
}

/// `perturb`.
#[derive(Debug, Args)]
pub struct Perturb {
    /// A model file, or builtin:NAME (see `surefoot models`)
    pub model: String,
    #[command(flatten)]
    pub settings: ModelSettings,
    #[command(flatten)]
    pub run: RunOptions,
    #[command(flatten)]
    pub errors: ErrorOptions,
    #[command(flatten)]
    pub screen: Screen,
}

/// `reproduce`.
#[derive(Debug, Args)]
pub struct Reproduce {
    /// Which figures [default: all]
    #[arg(value_enum, value_name = "FIGURE")]
    pub figures: Vec<FigureName>,
    /// Folder with moons-otcfm.toml, moons-cfm.toml and moons-si.toml
    #[arg(long, value_name = "DIR", default_value = "models")]
    pub models: PathBuf,
    /// Number of sample paths of every run [default: 40000 for fig7 and fig8, 4000 otherwise]
    #[arg(short = 'n', long, value_name = "N", allow_negative_numbers = true)]
    pub samples: Option<usize>,
    /// 500 sample paths, for a first look
    #[arg(long, conflicts_with = "samples")]
    pub quick: bool,
    /// Seed of all random streams
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads [default: all]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Output directory
    #[arg(short, long, value_name = "DIR", default_value = "surefoot-reproduced")]
    pub out: PathBuf,
    /// Go on where an interrupted run of the same command stopped
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub screen: Screen,
}

/// Figures of the paper that are reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FigureName {
    /// Errors shift the diffusion model along the moons
    Fig1,
    /// Its leading vectors are tangent
    Fig2,
    /// The same for ODE and SDE sampling
    Fig4,
    /// Signs of the exponents
    Fig7,
    /// Models ordered by alignment
    Fig8,
}

/// Options of every command that fills an output directory.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub struct RunOptions {
    /// Number of sample paths
    #[arg(short = 'n', long, default_value_t = 1000, value_name = "N", allow_negative_numbers = true)]
    pub samples: usize,
    /// Seed of all random streams; the same seed gives the same numbers whatever the thread count
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    pub seed: u64,
    /// Threads [default: all]
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Output directory
    #[arg(short, long, value_name = "DIR", default_value = "surefoot-out")]
    pub out: PathBuf,
    /// Go on where an interrupted run of the same command stopped
    #[arg(long)]
    pub resume: bool,
    /// Samples computed and saved together [default: by memory]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub chunk: Option<u32>,
    /// Seconds after which an unfinished run writes summary and report of what is finished, again and again
    #[arg(long, value_name = "SECONDS", default_value_t = 60, allow_negative_numbers = true)]
    pub report_every: u64,
    /// Leading samples that keep their whole path
    #[arg(long, value_name = "N", default_value_t = 64, allow_negative_numbers = true)]
    pub paths: usize,
    /// Leading samples repeated with twice the steps [default: 200 up to D = 64, 2 beyond]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub convergence: Option<usize>,
    /// Exit with 1 unless this holds: KEY>NUMBER (also >=, <, <=), KEY a dotted key of summary.json, its median where
    /// it is a distribution; footing, off and distance are short for the worst error kind and size (repeatable)
    #[arg(long, value_name = "CONDITION")]
    pub require: Vec<String>,
}

/// Options of the tangent dynamics.
#[derive(Debug, Args)]
#[command(next_help_heading = "Vectors and alignment")]
pub struct VectorOptions {
    /// Vectors k [default: D up to 16, else min(D, 2 d + 8), or 32 where d is unknown]
    #[arg(short = 'k', long, value_name = "K", allow_negative_numbers = true)]
    pub vectors: Option<usize>,
    /// Support of full dimension: how near to its boundary a sample must be to count for the alignment
    #[arg(long, value_name = "DISTANCE", default_value_t = 0.05, allow_negative_numbers = true)]
    pub boundary_distance: f64,
    /// k < D: leading samples whose exact vectors are searched for, by sweeps forth and back; 0 for none. With k = D all
    /// samples have them [default: 64 up to D = 64, 2 beyond]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub exact: Option<usize>,
    /// Most rounds of that search, each a sweep forth and one back
    #[arg(long, value_name = "R", default_value_t = 6, allow_negative_numbers = true)]
    pub exact_rounds: usize,
    /// Residual ‖Jᵀu − σv‖/σ at which a vector has converged
    #[arg(long, value_name = "R", default_value_t = 1e-3, allow_negative_numbers = true)]
    pub exact_tolerance: f64,
    /// k < D: how far samples are moved along their exact vectors, to see what these do [default: 0.3 times the sample's
    /// own length]
    #[arg(long = "move", value_name = "SIZE", allow_negative_numbers = true)]
    pub move_by: Option<f64>,
    /// Leading samples on which the sufficient condition is examined; 0 for none [default: 64 up to D = 64, none beyond]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub condition_paths: Option<usize>,
    /// Alignment of the perturbed models, too, which takes a sweep with tangents for every error and size [default: up to
    /// D = 64]
    #[arg(long)]
    pub regularity: bool,
    /// Leave out the alignment of the perturbed models
    #[arg(long, conflicts_with = "regularity")]
    pub no_regularity: bool,
    #[command(flatten)]
    pub response: ResponseOptions,
}

/// Response of the generated density.
#[derive(Debug, Args)]
#[command(next_help_heading = "Response")]
pub struct ResponseOptions {
    /// Observables whose response to the errors is computed: x0, x0^3, x0^2*x1 (x0 is the first
    /// coordinate; powers sum to 9 at most), distance, or an ONNX file that maps x [batch, …] to one number a sample
    /// [default: all coordinates, their squares and the distance, for D up to 16]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub observable: Vec<String>,
    /// Random probes of the density form of the response and of the pathwise score, a step and sample; for any D, with
    /// standard errors. D and more take the D unit vectors, which is exact [default: the exact form for D up to 16, else no
    /// density form]
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u16).range(2..=4096), conflicts_with = "no_response")]
    pub response_probes: Option<u16>,
    /// Leave out the response of the generated density
    #[arg(long, conflicts_with = "observable")]
    pub no_response: bool,
}

/// Model errors.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model errors")]
pub struct ErrorOptions {
    /// Kind of error (repeatable) [default: constant and random]
    #[arg(long, value_enum, value_name = "KIND")]
    pub error: Vec<ErrorName>,
    /// The difference to another model, as an error of this one (repeatable)
    #[arg(long, value_name = "OTHER.toml")]
    pub difference: Vec<String>,
    /// The weights of the network in fewer bits, as an error: f16, bf16, int8 (repeatable)
    #[arg(long, value_enum, value_name = "FORMATS", value_delimiter = ',')]
    pub round: Vec<RoundName>,
    /// Sizes ε, ∞-norm; --difference and --round have their own besides, at which the model is the other one [default:
    /// 0.1,0.5,1; --difference and --round: their own alone]
    #[arg(long, value_name = "SIZES", value_delimiter = ',', allow_hyphen_values = true)]
    pub sizes: Option<Vec<f64>>,
    /// Where the error sits
    #[arg(long, value_enum, default_value = "output", value_name = "PLACE")]
    pub error_in: PlaceName,
    /// Direction of the constant error, one number a coordinate [default: all ones]
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true, value_name = "DIRECTION")]
    pub direction: Option<Vec<f64>>,
    /// Length scale of the random error [default: sqrt(D/2)]
    #[arg(long, value_name = "LENGTH", allow_negative_numbers = true)]
    pub length_scale: Option<f64>,
    /// The random error varies in time, too
    #[arg(long)]
    pub moving: bool,
    /// How many times coarser the steps are, for the error kind coarser
    #[arg(long, value_delimiter = ',', default_value = "2", value_name = "FACTORS")]
    pub factors: Vec<u32>,
}

/// `--error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ErrorName {
    /// The same vector everywhere
    Constant,
    /// A smooth random field
    Random,
    /// Independent in every step
    White,
    /// Fewer time steps
    Coarser,
    /// The worst of its ∞-norm: carries every sample as far off the support as it can, to first order
    Worst,
    /// The worst of its pointwise 2-norm
    WorstL2,
}

/// `--round`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoundName {
    /// Half precision
    F16,
    /// The upper half of single precision
    Bf16,
    /// Whole multiples of one scale a matrix or filter
    Int8,
}

/// `--error-in`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlaceName {
    /// In the network's own output
    Output,
    /// In the score
    Score,
    /// In the drift
    Drift,
}
