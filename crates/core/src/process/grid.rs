//! The grid of model times and the network's clock (theory §2).

use super::{Noising, Process};
use crate::error::{Error, Result};

/// The largest number of steps that a generation may take.
pub const MAX_STEPS: usize = 100_000;

/// How the times of a grid lie between its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spacing {
    /// u_n = start − n (start − end)/N.
    Uniform,
    /// (σ/m)^{1/ρ} falls by the same amount in every step (Karras, Aittala, Aila and Laine 2022, eq. 5): ρ = 1 is uniform in σ/m, and
    /// ρ → ∞ in its logarithm. Diffusions only.
    Karras {
        /// The process, which says what σ/m is.
        noising: Noising,
        /// ρ > 0
        rho: f64,
    },
}

impl Spacing {
    /// ρ, of times spaced by the noise.
    pub fn rho(&self) -> Option<f64> {
        match *self {
            Spacing::Uniform => None,
            Spacing::Karras { rho, .. } => Some(rho),
        }
    }
}

/// Grid of model times u_n, n = 0..=N (flows: start 0, end 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// u_0
    pub start: f64,
    /// u_N
    pub end: f64,
    /// N
    pub steps: usize,
    /// Where the times between the ends lie.
    pub spacing: Spacing,
}

impl Grid {
    /// Evenly spaced times.
    pub const fn uniform(start: f64, end: f64, steps: usize) -> Grid {
        Grid { start, end, steps, spacing: Spacing::Uniform }
    }

    /// The same times and one between any two of them.
    pub fn doubled(self) -> Grid {
        Grid { steps: 2 * self.steps, ..self }
    }

    /// u_n; u_0 is `start` and u_N `end` to the last bit.
    pub fn time(&self, n: usize) -> f64 {
        match self.spacing {
            _ if n == 0 => self.start,
            _ if n == self.steps => self.end,
            Spacing::Uniform => self.start - n as f64 * (self.start - self.end) / self.steps as f64,
            Spacing::Karras { noising, rho } => {
                let root = |u: f64| (noising.log_ratio(u) / rho).exp();
                let share = n as f64 / self.steps as f64;
                let level = root(self.start) + share * (root(self.end) - root(self.start));
                noising.time_of_ratio(rho * level.ln()).clamp(self.end, self.start)
            }
        }
    }

    /// δt_n = |u_{n+1} − u_n| > 0, the elapsed model time of step n.
    pub fn dt(&self, n: usize) -> f64 {
        match self.spacing {
            Spacing::Uniform => (self.start - self.end).abs() / self.steps as f64,
            Spacing::Karras { .. } => (self.time(n) - self.time(n + 1)).abs(),
        }
    }

    /// The step that model time u falls into; the first or the last for one beyond the ends.
    pub fn step_at(&self, u: f64) -> usize {
        let last = self.steps - 1;
        match self.spacing {
            // Negative numbers become 0.
            Spacing::Uniform => {
                let share = (self.start - u) / (self.start - self.end);
                ((share * self.steps as f64) as usize).min(last)
            }
            Spacing::Karras { .. } => {
                let (mut first, mut after) = (0, self.steps);
                while after - first > 1 {
                    let middle = first.midpoint(after);
                    *(if self.time(middle) >= u { &mut first } else { &mut after }) = middle;
                }
                first
            }
        }
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
        }?;
        self.check_spacing(process)
    }

    fn check_spacing(&self, process: &Process) -> Result<()> {
        let wrong = |expected: &str, got: String, remedy: &str| {
            Err(Error::invalid("setting up the spacing of times", expected, got, remedy))
        };
        let Spacing::Karras { noising, rho } = self.spacing else { return Ok(()) };
        match process {
            Process::Flow => wrong(
                "uniform times of a flow, which has no noise",
                "karras".into(),
                "Space its times uniformly",
            ),
            Process::Diffusion { noising: own, .. } if *own != noising => wrong(
                "times spaced by the noise of the process",
                format!("{noising:?}"),
                "Give both the same process",
            ),
            _ if !(rho > 0.0 && rho.is_finite()) => {
                wrong("a finite ρ > 0", format!("ρ = {rho}"), "Correct rho")
            }
            _ if !(0..self.steps).all(|n| self.time(n) > self.time(n + 1)) => wrong(
                "times that f64 tells apart, and σ/m to the power 1/ρ within its range",
                format!("{} steps from {} to {} with ρ = {rho}", self.steps, self.start, self.end),
                "Take fewer steps, another rho, or space the times uniformly",
            ),
            _ => Ok(()),
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
