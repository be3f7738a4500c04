//! The times of a batch, and which ranges of times an objective allows.

use super::{Objective, Path};
use crate::error::{Error, Result};
use crate::process::{Grid, Noising, Predicts, Process};
use crate::random::{Purpose, stream};
use rand::RngExt;

/// How the times of a batch lie in their range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spread {
    /// Uniform in u.
    Uniform,
    /// Uniform in log m²/σ², the density of u proportional to g²/σ² (diffusions only): the importance sampling of Song,
    /// Durkan, Murray and Ermon (2021) for the likelihood weight. The importance of a time keeps the loss unbiased.
    LogSnr(Noising),
}

/// The law of training times: u in [low, high].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// The end nearer to the data for a diffusion (`end` of its grid), to the source for a flow.
    pub low: f64,
    /// The other end.
    pub high: f64,
    /// Where between them.
    pub spread: Spread,
    /// Row i of n takes the fraction (r + i/n) mod 1 of the range with one r for the batch (Kingma et al. 2021): each is
    /// uniform, and every nth part of the range is met once. Otherwise all fractions are independent.
    pub stratified: bool,
}

/// The times of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// `u[n]`
    pub times: Vec<f64>,
    /// 1/((high − low) p(u)) with the density p of the times: the factor of the loss that keeps its mean that of
    /// uniform times.
    pub importance: Vec<f64>,
}

impl Times {
    /// Uniform and stratified over the range.
    pub fn stratified(low: f64, high: f64) -> Times {
        Times { low, high, spread: Spread::Uniform, stratified: true }
    }

    /// The times of a batch of n rows at a training step.
    pub fn draw(&self, n: usize, seed: u64, step: u64) -> Drawn {
        let mut rng = stream(seed, step, Purpose::TrainTime);
        let first: f64 = rng.random();
        let fractions = (0..n)
            .map(|i| if self.stratified { (first + i as f64 / n as f64).fract() } else { rng.random() });
        let times: Vec<f64> = fractions.map(|fraction| self.at(fraction)).collect();
        let importance = times.iter().map(|u| self.importance(*u)).collect();
        Drawn { times, importance }
    }

    /// The time below which the share `fraction` of the times lies.
    pub fn at(&self, fraction: f64) -> f64 {
        match self.spread {
            Spread::Uniform => (self.low + fraction * (self.high - self.low)).clamp(self.low, self.high),
            Spread::LogSnr(noising) => {
                let (first, last) = (log_snr(noising, self.low), log_snr(noising, self.high));
                self.time_of(noising, first + fraction * (last - first))
            }
        }
    }

    /// The time of a log m²/σ², which falls with u: bisection to neighbouring numbers.
    fn time_of(&self, noising: Noising, level: f64) -> f64 {
        let (mut low, mut high) = (self.low, self.high);
        loop {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                return high;
            }
            if log_snr(noising, middle) > level { low = middle } else { high = middle }
        }
    }

    fn importance(&self, u: f64) -> f64 {
        match self.spread {
            Spread::Uniform => 1.0,
            Spread::LogSnr(noising) => {
                let total = log_snr(noising, self.low) - log_snr(noising, self.high);
                let density = noising.diffusion(u) / noising.noise(u).powi(2) / total;
                1.0 / ((self.high - self.low) * density)
            }
        }
    }
}

/// log m²/σ²; its derivative is −g²/σ².
fn log_snr(noising: Noising, u: f64) -> f64 {
    -2.0 * noising.log_ratio(u)
}

impl Objective {
    /// Checks the objective and that it is finite at all times of the range.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a velocity of a diffusion, a bad σ or weight, or a range outside the process or with a
    /// singular end.
    pub fn check(&self, times: &Times) -> Result<()> {
        let grid = |start, end| Grid::uniform(start, end, 1);
        match *self {
            Objective::Denoising { noising, predicts, weight } => {
                noising.check()?;
                weight.check(true)?;
                if predicts == Predicts::Velocity {
                    let expected = "a network that predicts score, noise, denoised or v";
                    return Err(invalid(
                        expected,
                        "velocity".into(),
                        "Change what it predicts, or train a flow",
                    ));
                }
                grid(times.high, times.low).check(&Process::Diffusion { noising, noise_level: 0.0 })?;
                check_spread(times, noising)
            }
            Objective::Matching { path, sigma, weight } => {
                weight.check(false)?;
                grid(times.low, times.high).check(&Process::Flow)?;
                check_sigma(path, sigma)?;
                check_path(path, times)
            }
        }
    }
}

fn invalid(expected: &str, got: String, remedy: &str) -> Error {
    Error::invalid("setting up the training", expected, got, remedy)
}

fn check_spread(times: &Times, noising: Noising) -> Result<()> {
    match times.spread {
        Spread::LogSnr(other) if other != noising => {
            let got = format!("{other:?}");
            Err(invalid("times spread by the process that is trained", got, "Give both the same process"))
        }
        // A linear schedule with β(0) = 0 or β(1) = 0 stands still there, and a time would weigh infinitely much.
        Spread::LogSnr(_) if !(noising.diffusion(times.low) > 0.0 && noising.diffusion(times.high) > 0.0) => {
            let got = format!("g² = 0 at {} or {}", times.low, times.high);
            Err(invalid(
                "g² > 0 at both ends for times spread over log m²/σ²",
                got,
                "Spread the times uniformly",
            ))
        }
        _ => Ok(()),
    }
}

fn check_sigma(path: Path, sigma: f64) -> Result<()> {
    let largest = if path == Path::Target { 1.0 } else { f64::MAX };
    if (0.0..=largest).contains(&sigma) {
        return Ok(());
    }
    Err(invalid("a finite σ ≥ 0, at most 1 for the target path", format!("σ = {sigma}"), "Correct σ"))
}

fn check_path(path: Path, times: &Times) -> Result<()> {
    if path == Path::Bridge && (times.low == 0.0 || times.high == 1.0) {
        let got = format!("{} to {}", times.low, times.high);
        let expected = "times inside (0, 1) for a bridge: its velocity is infinite at both ends";
        return Err(invalid(expected, got, "Train from 0.001 to 0.999, for example"));
    }
    match times.spread {
        Spread::Uniform => Ok(()),
        Spread::LogSnr(_) => Err(invalid(
            "a diffusion for times spread over log m²/σ²",
            "a flow".into(),
            "Spread them uniformly",
        )),
    }
}
