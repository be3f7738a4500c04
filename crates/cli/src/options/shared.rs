//! Options that several commands share, and those of `models`.

use crate::memory;
use clap::{Args, ValueEnum};
use surefoot_graph::Limits;

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
    /// Where the times of the steps lie: at equal distances, or spaced by the noise (Karras et al. 2022)
    #[arg(long, value_enum)]
    pub spacing: Option<SpacingName>,
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
    /// from checkpoints, beside what networks take while they evaluate. Also the most for a network's file, its
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

/// `--spacing`.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs)]
pub enum SpacingName {
    Uniform,
    Karras,
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
