//! Options of the commands that make, describe and write networks: `train`, `inspect`, `export-derivative`.

use super::shared::{Memory, Screen};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

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

pub(super) const EXPORT_EXAMPLES: &str = "Inputs and outputs of the file, with a dynamic batch:
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
