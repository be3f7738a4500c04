//! What can be typed.

mod analysis;
mod networks;
mod samples;
mod shared;

pub use self::analysis::{
    Analyze, Compare, ErrorName, ErrorOptions, FigureName, Perturb, PlaceName, Reproduce, ResponseOptions,
    RoundName, RunOptions, VectorOptions,
};
pub use self::networks::{DerivativeChoice, ExportDerivative, Inspect, PrecisionName, Train};
pub use self::samples::{FormulaName, Sample, Tangent};
pub use self::shared::{Format, ModelSettings, Models, Screen};

use self::networks::EXPORT_EXAMPLES;
use clap::{Parser, Subcommand};

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
