//! Forward noising X_u = m(u) X_0 + σ(u) Z in closed form (theory §2, table).

use crate::error::{Error, Result};
use std::f64::consts::FRAC_PI_2;

/// Schedule β(u) or m(u) of a diffusion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// β = min + u (max − min).
    Linear {
        /// β(0)
        min: f64,
        /// β(1)
        max: f64,
    },
    /// m = f(u)/f(0), f(u) = cos²((u + s)/(1 + s) π/2), s = 0.008.
    Cosine,
    /// m² = f(u)/f(0) (Nichol & Dhariwal 2021).
    CosineNd,
    /// ve: σ = σ_min (σ_max/σ_min)^u.
    Geometric {
        /// σ(0)
        sigma_min: f64,
        /// σ(1)
        sigma_max: f64,
    },
}

/// Family of the forward noising dX = a X du + g dB (theory §2, table).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// CdC eq. 9
    Ou,
    /// variance preserving
    Vp,
    /// sub-variance preserving
    SubVp,
    /// variance exploding
    Ve,
}

/// The forward noising process of a diffusion model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noising {
    /// Which process.
    pub family: Family,
    /// Its schedule.
    pub schedule: Schedule,
}

/// The offset s of the cosine schedules.
const COSINE_OFFSET: f64 = 0.008;

/// Angle (u + s)/(1 + s) · π/2 of the cosine schedules.
fn cosine_angle(u: f64) -> f64 {
    (u + COSINE_OFFSET) / (1.0 + COSINE_OFFSET) * FRAC_PI_2
}

/// ½ log( f(u)/f(0) ) = log( cos θ(u) / cos θ(0) ), with no loss of accuracy as u → 0.
fn log_cosine_ratio(u: f64) -> f64 {
    let rest = cosine_angle(0.0);
    let half_turn = 0.5 * u / (1.0 + COSINE_OFFSET) * FRAC_PI_2;
    (-2.0 * (rest + half_turn).sin() * half_turn.sin() / rest.cos()).ln_1p()
}

impl Noising {
    /// log m(u); finite also where m(u) underflows.
    pub fn log_signal(&self, u: f64) -> f64 {
        match self.schedule {
            Schedule::Linear { min, max } => {
                let integral = u * (min + 0.5 * u * (max - min));
                if self.family == Family::Ou { -integral } else { -0.5 * integral }
            }
            Schedule::Cosine => 2.0 * log_cosine_ratio(u),
            Schedule::CosineNd => log_cosine_ratio(u),
            Schedule::Geometric { .. } => 0.0,
        }
    }

    /// m(u).
    pub fn signal(&self, u: f64) -> f64 {
        self.log_signal(u).exp()
    }

    /// σ(u).
    pub fn noise(&self, u: f64) -> f64 {
        if let Schedule::Geometric { sigma_min, sigma_max } = self.schedule {
            return sigma_min * (u * (sigma_max / sigma_min).ln()).exp();
        }
        let lost = -(2.0 * self.log_signal(u)).exp_m1();
        if self.family == Family::SubVp { lost } else { lost.sqrt() }
    }

    /// log σ(u)/m(u), which rises with u.
    pub fn log_ratio(&self, u: f64) -> f64 {
        self.noise(u).ln() - self.log_signal(u)
    }

    /// The time u at which log σ/m is `log_ratio`: the inverse of [`Noising::log_ratio`] in closed form.
    pub fn time_of_ratio(&self, log_ratio: f64) -> f64 {
        if let Schedule::Geometric { sigma_min, sigma_max } = self.schedule {
            return (log_ratio - sigma_min.ln()) / (sigma_max / sigma_min).ln();
        }
        // m²(1 + r²) = 1, of sub-vp m² + r m = 1.
        let log_signal = match self.family {
            Family::SubVp => -(0.5 * log_ratio.exp()).asinh(),
            _ => -0.5 * (2.0 * log_ratio).exp().ln_1p(),
        };
        self.time_of_signal(log_signal)
    }

    /// The time at which log m is `log_signal` < 0; of a schedule with decay.
    fn time_of_signal(&self, log_signal: f64) -> f64 {
        let cosine = |log_cosine: f64| {
            let angle = (cosine_angle(0.0).cos() * log_cosine.exp()).acos();
            angle / FRAC_PI_2 * (1.0 + COSINE_OFFSET) - COSINE_OFFSET
        };
        match self.schedule {
            Schedule::Linear { min, max } => {
                let integral = if self.family == Family::Ou { -log_signal } else { -2.0 * log_signal };
                2.0 * integral / (min + (min * min + 2.0 * (max - min) * integral).max(0.0).sqrt())
            }
            Schedule::Cosine => cosine(0.5 * log_signal),
            Schedule::CosineNd | Schedule::Geometric { .. } => cosine(log_signal),
        }
    }

    /// a(u) = m′/m ≤ 0.
    pub fn decay(&self, u: f64) -> f64 {
        let slope = -FRAC_PI_2 / (1.0 + COSINE_OFFSET);
        match self.schedule {
            Schedule::Linear { min, max } => {
                let beta = min + u * (max - min);
                if self.family == Family::Ou { -beta } else { -0.5 * beta }
            }
            Schedule::Cosine => 2.0 * slope * cosine_angle(u).tan(),
            Schedule::CosineNd => slope * cosine_angle(u).tan(),
            Schedule::Geometric { .. } => 0.0,
        }
    }

    /// g²(u).
    pub fn diffusion(&self, u: f64) -> f64 {
        match (self.family, self.schedule) {
            (_, Schedule::Geometric { sigma_min, sigma_max }) => {
                2.0 * self.noise(u).powi(2) * (sigma_max / sigma_min).ln()
            }
            (Family::SubVp, _) => 2.0 * self.decay(u) * (4.0 * self.log_signal(u)).exp_m1(),
            _ => -2.0 * self.decay(u),
        }
    }

    /// Whether β is infinite at u = 1 (and m = 0 there).
    pub(super) fn diverges_at_noise(&self) -> bool {
        matches!(self.schedule, Schedule::Cosine | Schedule::CosineNd)
    }

    /// Checks that family and schedule fit together and that the schedule's numbers make sense.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the schedule.
    pub fn check(&self) -> Result<()> {
        let operation = "setting up the noising process";
        let geometric = matches!(self.schedule, Schedule::Geometric { .. });
        if geometric != (self.family == Family::Ve) {
            return Err(Error::invalid(
                operation,
                "a geometric schedule for ve, a linear or cosine one for ou, vp and subvp",
                format!("{:?} with {:?}", self.family, self.schedule),
                "Change the process kind or its schedule",
            ));
        }
        let valid = match self.schedule {
            Schedule::Linear { min, max } => {
                min.is_finite() && max.is_finite() && min >= 0.0 && max >= 0.0 && min + max > 0.0
            }
            Schedule::Geometric { sigma_min, sigma_max } => {
                sigma_min > 0.0 && sigma_max > sigma_min && sigma_max.is_finite()
            }
            Schedule::Cosine | Schedule::CosineNd => true,
        };
        if valid {
            return Ok(());
        }
        Err(Error::invalid(
            operation,
            "finite β(0) ≥ 0 and β(1) ≥ 0, not both 0, or 0 < σ_min < σ_max",
            format!("{:?}", self.schedule),
            "Correct the schedule's numbers",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_ratio_is_where_it_is() {
        let linear = |min, max| Schedule::Linear { min, max };
        let schedules = [
            linear(0.1, 20.0),
            linear(0.0, 4.0),
            linear(3.0, 0.0),
            linear(2.0, 2.0),
            Schedule::Cosine,
            Schedule::CosineNd,
        ];
        let decaying = [Family::Ou, Family::Vp, Family::SubVp]
            .map(|family| schedules.map(|schedule| Noising { family, schedule }));
        let geometric = Schedule::Geometric { sigma_min: 0.002, sigma_max: 80.0 };
        let exploding = Noising { family: Family::Ve, schedule: geometric };
        for noising in decaying.into_iter().flatten().chain([exploding]) {
            for u in [1e-4, 0.002, 0.1, 0.5, 0.9, 0.98] {
                let found = noising.time_of_ratio(noising.log_ratio(u));
                assert!((found - u).abs() < 1e-11, "{noising:?} at {u}: {found}");
            }
        }
    }
}
