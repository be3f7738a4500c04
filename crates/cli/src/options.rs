//! What can be typed.

use crate::memory;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use surefoot_graph::Limits;

/// Does a generative model's error move its samples along the data or off it?
///
/// surefoot follows a diffusion or flow-matching model from noise to data together with its tangent dynamics, and
/// says which directions the generation amplifies, whether these are tangent to the support of the data, and where
/// model errors move the samples.
#[derive(Debug, Parser)]
#[command(name = "surefoot", version, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 a --require condition or a check failed; 2 bad usage or bad input; \
3 non-finite numbers; 130 interrupted (finished chunks are kept for --resume); 70 a bug in surefoot.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The main job: exponents, vectors, alignment, robustness, a verdict and a report
    #[command(after_help = "Example: surefoot analyze builtin:two-moons-sgm -n 1000 -o out")]
    Analyze(Analyze),
    /// Several models on the same seeds, side by side, with paired differences
    #[command(
        after_help = "Example: surefoot compare builtin:two-moons-sgm-ode builtin:two-moons-sgm-sde -o out"
    )]
    Compare(Compare),
    /// The robustness experiment alone, over error kinds and sizes
    #[command(after_help = "Example: surefoot perturb builtin:two-moons-sgm --sizes 0.1,0.5,1 \
--error constant --direction 1,1 --error-in score -o out")]
    Perturb(Perturb),
    /// The two-dimensional experiments of the paper, each claim beside our measurement
    #[command(after_help = "Example: surefoot reproduce fig1 fig8 --quick -o reproduced")]
    Reproduce(Reproduce),
    /// Generated samples in a .npy or .csv file
    #[command(after_help = "Example: surefoot sample builtin:torus -n 5000 -o x.npy")]
    Sample(Sample),
    /// Tangent spaces and the dimension of the data, at generated or given points
    #[command(
        after_help = "Example: surefoot tangent builtin:torus -n 500 -o tangent.npz\n         surefoot tangent model.toml --at points.npy --reference data.npy --neighbours 5,100\n         surefoot tangent model.toml --at points.npy --labels labels.npy -n 4 -o dimension"
    )]
    Tangent(Tangent),
    /// A model from data: score or flow matching by a recipe, resumable
    #[command(after_help = "Example: surefoot train recipes/moons-otcfm.toml -o trained")]
    Train(Train),
    /// What a model file contains, and whether its derivatives agree with reference arrays
    #[command(after_help = "Example: surefoot inspect model.onnx --check reference.npz")]
    Inspect(Inspect),
    /// A derivative of a network as an ONNX file of its own, for any runtime
    #[command(after_help = EXPORT_EXAMPLES)]
    ExportDerivative(ExportDerivative),
    /// Built-in models
    Models(Models),
}

/// `analyze`.
#[derive(Debug, Args)]
pub struct Analyze {
    /// A model file, or builtin:NAME (see `surefoot models`)
    pub model: String,
    /// One analysis a value of a setting, side by side: noise-level, steps, method, process, start, end, label, guidance, or any
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

/// `train`.
#[derive(Debug, Args)]
pub struct Train {
    /// A recipe: a TOML file as docs/training.md describes
    pub recipe: String,
    /// Output directory
    #[arg(short, long, value_name = "DIR", default_value = "surefoot-trained")]
    pub out: PathBuf,
    /// Go on where an interrupted training of the same recipe stopped
    #[arg(long)]
    pub resume: bool,
    /// Start anew in the directory of an earlier training, whose files are removed
    #[arg(long, conflicts_with = "resume")]
    pub overwrite: bool,
    /// Threads [default: all]; the weights do not depend on it
    #[arg(long, allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Any key of the recipe, for example --set training.updates=1000 (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub memory: Memory,
    #[command(flatten)]
    pub screen: Screen,
}

/// `inspect`.
#[derive(Debug, Args)]
pub struct Inspect {
    /// An ONNX file, a model file, or builtin:NAME
    pub file: String,
    /// Arrays x, t, y and, if present, tangents with jvp and cotangents with vjp, made elsewhere
    #[arg(long, value_name = "FILE.npz")]
    pub check: Option<PathBuf>,
    #[command(flatten)]
    pub memory: Memory,
    #[command(flatten)]
    pub screen: Screen,
}

const EXPORT_EXAMPLES: &str = "Inputs and outputs of the file, with a dynamic batch:
  --value      x, t        to  y
  --jvp K      x, t, v     to  y, jv = df v
  --vjp M      x, t, u     to  y, uj = df' u
  --second K   x, t, u, v  to  y, d2 = d2f[u, v]
  --jvp-vjp K  x, t, v, u  to  y, jv, ujv = (d2f[v, .])' u
x and y are [batch, ...], t is [batch], and v, u and the derivatives are [batch, K, ...].

Examples: surefoot export-derivative model.onnx --jvp 8 -o jvp.onnx
          surefoot export-derivative model.toml --second 1 --precision f32 -o second.onnx
f32 runs in every runtime; onnxruntime has no f64 kernels for Conv, Erf, Selu and Atan, among others.";

/// `export-derivative`.
#[derive(Debug, Args)]
pub struct ExportDerivative {
    /// An ONNX file, or a model file that names one
    pub file: String,
    /// Where to write: a name ending in .onnx
    #[arg(short, long, value_name = "FILE.onnx")]
    pub out: PathBuf,
    /// Element type of all values in the file [default: the model file's precision, f32 for an ONNX file]
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionName>,
    #[command(flatten)]
    pub memory: Memory,
    #[command(flatten)]
    pub derivative: DerivativeChoice,
    #[command(flatten)]
    pub screen: Screen,
}

/// What to write: one of these.
#[derive(Debug, Args)]
#[command(next_help_heading = "Derivative")]
#[group(required = true, multiple = false)]
pub struct DerivativeChoice {
    /// The network itself, simplified
    #[arg(long)]
    pub value: bool,
    /// Value and K tangents a sample
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub jvp: Option<usize>,
    /// Value and M cotangents a sample
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    pub vjp: Option<usize>,
    /// Value and second-order directional derivatives along K pairs a sample
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub second: Option<usize>,
    /// Value, K tangents a sample, and the gradient by x of each, paired with a cotangent
    #[arg(long, value_name = "K", allow_negative_numbers = true)]
    pub jvp_vjp: Option<usize>,
}

/// `--precision`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum PrecisionName {
    F32,
    F64,
}

/// `models`.
#[derive(Debug, Args)]
pub struct Models {
    #[command(flatten)]
    pub screen: Screen,
}

/// Settings of the model in place of its file's.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model settings")]
pub struct ModelSettings {
    /// Generation steps
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub steps: Option<u32>,
    /// Sampler
    #[arg(long, value_enum)]
    pub method: Option<MethodName>,
    /// Noise level η: 0 for the probability-flow ODE, 1 for the reverse SDE
    #[arg(long, value_name = "ETA", allow_negative_numbers = true)]
    pub noise_level: Option<f64>,
    /// Noising process; another one than the file's comes with its own schedule and times
    #[arg(long, value_enum)]
    pub process: Option<ProcessName>,
    /// The class to generate, for a network with labels
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub label: Option<u32>,
    /// Classifier-free guidance: 1 for the class itself, more for more of it
    #[arg(long, value_name = "W", allow_negative_numbers = true)]
    pub guidance: Option<f64>,
    /// Any key of the model file, for example --set process.start=0.8 (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub memory: Memory,
}

/// How much memory may be taken.
#[derive(Debug, Clone, Copy, Args)]
pub struct Memory {
    /// Most memory for the run: samples under way and finished columns are split to stay within it, and paths recomputed
    /// from checkpoints. What networks take while they evaluate comes on top. Also the most for a network's file, its
    /// weights, and the values of one evaluation, each
    #[arg(long, value_name = "SIZE", default_value = "8GiB", value_parser = memory::parse)]
    pub memory: u64,
}

impl Memory {
    /// The limits for reading a network.
    pub fn limits(self) -> Limits {
        Limits { memory: self.memory }
    }
}

/// `--method`.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs)]
pub enum MethodName {
    Euler,
    Heun,
    Rk4,
    Ancestral,
    Ddim,
    PredictorCorrector,
}

/// `--process`.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs)]
pub enum ProcessName {
    Ou,
    Vp,
    Subvp,
    Ve,
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
    /// Leading samples that keep their whole path
    #[arg(long, value_name = "N", default_value_t = 64, allow_negative_numbers = true)]
    pub paths: usize,
    /// Leading samples repeated with twice the steps
    #[arg(long, value_name = "N", default_value_t = 200, allow_negative_numbers = true)]
    pub convergence: usize,
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
    /// samples have them
    #[arg(long, value_name = "N", default_value_t = 64, allow_negative_numbers = true)]
    pub exact: usize,
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
    /// Leading samples on which the sufficient condition is examined; 0 for none [default: 64 up to D = 64, 1 beyond]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub condition_paths: Option<usize>,
    /// Leave out the alignment of the perturbed models
    #[arg(long)]
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

/// What the terminal shows.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Screen")]
pub struct Screen {
    /// Text for people or JSON for programs
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Nothing but results
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// What is being done
    #[arg(short, long)]
    pub verbose: bool,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Format {
    Text,
    Json,
}
