//! The grid of model times and the network's clock (theory §2).

use super::Process;
use crate::error::{Error, Result};

/// The largest number of steps that a generation may take.
pub const MAX_STEPS: usize = 100_000;

/// Grid of model times u_n = start − n (start − end)/N, n = 0..=N (flows: start 0, end 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// u_0
    pub start: f64,
    /// u_N
    pub end: f64,
    /// N
    pub steps: usize,
}

impl Grid {
    /// u_n; u_N is `end` to the last bit.
    pub fn time(&self, n: usize) -> f64 {
        if n == self.steps {
            return self.end;
        }
        self.start - n as f64 * (self.start - self.end) / self.steps as f64
    }

    /// δt > 0, the elapsed model time of one step.
    pub fn dt(&self) -> f64 {
        (self.start - self.end).abs() / self.steps as f64
    }

    /// Checks the grid against the process: its direction, its range, and the singularities at both ends.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the end of the grid that is wrong.
    pub fn check(&self, process: &Process) -> Result<()> {
        let operation = "setting up the grid of times";
        if self.steps == 0 || self.steps > MAX_STEPS {
            return Err(Error::invalid(
                operation,
                format!("1 to {MAX_STEPS} steps"),
                format!("{} steps", self.steps),
                "Change the number of steps",
            ));
        }
        let range = format!("start {} and end {}", self.start, self.end);
        let wrong = |expected: &str, remedy: &str| Err(Error::invalid(operation, expected, &range, remedy));
        let (start, end) = (self.start, self.end);
        match process {
            Process::Flow if 0.0 <= start && start < end && end <= 1.0 => Ok(()),
            Process::Flow => wrong("0 ≤ start < end ≤ 1 for a flow", "Leave start and end out, or swap them"),
            Process::Diffusion { .. } if !(0.0 <= end && end < start && start <= 1.0) => {
                wrong("0 < end < start ≤ 1 for a diffusion", "Correct start and end")
            }
            Process::Diffusion { noising, .. } if noising.diverges_at_noise() && start == 1.0 => wrong(
                "a start below 1: the cosine schedules have infinite β at u = 1",
                "Start earlier, for example at 0.98",
            ),
            Process::Diffusion { noising, .. } if noising.noise(end) == 0.0 => {
                wrong("σ(end) > 0: the score is singular where σ = 0", "End the generation later than u = 0")
            }
            Process::Diffusion { .. } => Ok(()),
        }
    }
}

/// How the network's time follows from the process's own time u.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Clock {
    /// Affine over the process's full range: `at_noise` at the noise end (diffusion u = 1, flow u = 0), `at_data` at the other.
    Affine {
        /// network time at noise
        at_noise: f64,
        /// network time at data
        at_data: f64,
    },
    /// DDPM's integer indices: round(u·count) − 1, clipped to 0..count−1.
    Index {
        /// Number of training steps.
        count: usize,
    },
}

impl Clock {
    /// The network's time at model time u.
    pub fn time(&self, process: &Process, u: f64) -> f64 {
        match process {
            Process::Diffusion { .. } => self.read(u, 1.0 - u),
            Process::Flow => self.read(1.0 - u, u),
        }
    }

    /// The network's time at `to_data` from the data end and `to_noise` from the noise end of the full range of length 1.
    fn read(&self, to_data: f64, to_noise: f64) -> f64 {
        match *self {
            Clock::Affine { at_noise, at_data } => at_data * to_noise + at_noise * to_data,
            Clock::Index { count } => ((to_data * count as f64).round() - 1.0).clamp(0.0, count as f64 - 1.0),
        }
    }

    /// Checks the clock's own numbers and its fit to the process.
    pub(super) fn check(&self, process: &Process) -> Result<()> {
        let valid = match *self {
            Clock::Affine { at_noise, at_data } => at_noise.is_finite() && at_data.is_finite(),
            Clock::Index { count } => count >= 1 && *process != Process::Flow,
        };
        if valid {
            return Ok(());
        }
        Err(Error::invalid(
            "setting up the network's clock",
            "two finite times, or for a diffusion a positive number of indices",
            format!("{self:?}"),
            "Correct the time of the process",
        ))
    }
}
