//! The drift of a generation as an affine function of state and network output (theory §2, §3).

use super::{Affine, Clock, Predicts, Process};
use crate::error::{Error, Result};
use crate::error_field::{Chi, ModelError, Place};
use crate::field::{Moment, SharedField};

/// The drift dx/du′ of a generation (u′ grows while generating): field + process + parametrisation + model error.
#[derive(Clone)]
pub struct Drift {
    /// The network or exact field.
    pub field: SharedField,
    /// The process.
    pub process: Process,
    /// The meaning of the field's output.
    pub predicts: Predicts,
    /// The network's time.
    pub clock: Clock,
    /// An error added to the model: the perturbed twin's drift.
    pub error: Option<ModelError>,
}

impl Drift {
    /// Checks that process, parametrisation, clock and error fit together.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a combination without meaning, such as a velocity with a diffusion.
    pub fn check(&self) -> Result<()> {
        let operation = "setting up the drift";
        if self.field.dim() == 0 {
            return Err(Error::invalid(
                operation,
                "a field of dimension at least 1",
                "0",
                "Change the field",
            ));
        }
        let velocity = self.predicts == Predicts::Velocity;
        if velocity != (self.process == Process::Flow) {
            return Err(Error::invalid(
                operation,
                "a velocity for a flow; a score, noise, denoised or v output for a diffusion",
                format!("{:?} with {:?}", self.predicts, self.process),
                "Change what the field predicts or the kind of the process",
            ));
        }
        if let Process::Diffusion { noising, noise_level } = self.process {
            noising.check()?;
            if !(noise_level >= 0.0 && noise_level.is_finite()) {
                return Err(Error::invalid(
                    operation,
                    "a finite noise level η ≥ 0",
                    format!("η = {noise_level}"),
                    "Use 0 for the probability-flow ODE, 1 for the reverse SDE",
                ));
            }
        }
        self.clock.check(&self.process)?;
        self.error.iter().try_for_each(|error| self.check_error(error))
    }

    /// Checks that an error can act on this drift.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a score error of a flow, a non-finite size, or another dimension.
    pub fn check_error(&self, error: &ModelError) -> Result<()> {
        let wrong = |expected: String, got: String, remedy: &str| {
            Err(Error::invalid("adding a model error", expected, got, remedy))
        };
        if error.place == Place::Score && self.process == Process::Flow {
            let remedy = "Put the error in the output or in the drift";
            return wrong("a diffusion for an error in the score".into(), "a flow".into(), remedy);
        }
        if !error.size.is_finite() {
            return wrong("a finite size".into(), error.size.to_string(), "Correct the size");
        }
        if let Chi::Field { field, scale } = &error.chi {
            if field.dim() != self.field.dim() {
                let expected = format!("an error field of dimension {}", self.field.dim());
                return wrong(
                    expected,
                    field.dim().to_string(),
                    "Use a direction with one number a coordinate",
                );
            }
            if !scale.is_finite() {
                return wrong("a finite scale".into(), scale.to_string(), "An error field must not vanish");
            }
        }
        Ok(())
    }

    /// The moment (network time, m, σ) at model time u.
    pub fn moment(&self, u: f64) -> Moment {
        let time = self.clock.time(&self.process, u);
        match self.process {
            Process::Diffusion { noising, .. } => {
                Moment { time, signal: noising.signal(u), noise: noising.noise(u) }
            }
            Process::Flow => Moment { time, signal: u, noise: 1.0 - u },
        }
    }

    /// The moment at which an error field is asked: its own clock is the model time u.
    pub fn error_moment(&self, u: f64) -> Moment {
        Moment { time: u, ..self.moment(u) }
    }

    /// The drift as `state · x + output · y`: −a x + ½ (1 + η²) g² s, or the velocity itself.
    pub fn coefficients(&self, u: f64) -> Affine {
        match self.process {
            Process::Diffusion { noising, .. } => {
                Affine::STATE * -noising.decay(u) + self.score_affine(u) * self.score_gain(u)
            }
            Process::Flow => Affine::OUTPUT,
        }
    }

    /// Score as an affine function of x and y.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a flow, whose velocity alone does not determine the score.
    pub fn score(&self, u: f64) -> Result<Affine> {
        let Moment { signal, noise, .. } = self.moment(u);
        self.predicts.to_score(signal, noise).ok_or_else(|| {
            Error::invalid(
                "reading the score off a model",
                "a diffusion model",
                "a flow's velocity",
                "Use the score of a smoothed reference sample",
            )
        })
    }

    /// The score where [`Drift::check`] has ruled out a velocity.
    fn score_affine(&self, u: f64) -> Affine {
        let Moment { signal, noise, .. } = self.moment(u);
        self.predicts.to_score(signal, noise).unwrap_or(Affine { state: f64::NAN, output: f64::NAN })
    }

    /// ½ (1 + η²) g²(u), the factor of the score in the drift; 0 for a flow.
    fn score_gain(&self, u: f64) -> f64 {
        match self.process {
            Process::Diffusion { noising, noise_level } => {
                0.5 * (1.0 + noise_level * noise_level) * noising.diffusion(u)
            }
            Process::Flow => 0.0,
        }
    }

    /// c(u): the factor with which a model error at `place` enters the drift (theory §3).
    pub fn error_gain(&self, place: Place, u: f64) -> f64 {
        match place {
            Place::Output => self.coefficients(u).output,
            Place::Score => self.score_gain(u),
            Place::Drift => 1.0,
        }
    }

    /// The change of the network output that has the effect of a unit error at `place`.
    pub fn error_in_output(&self, place: Place, u: f64) -> f64 {
        match place {
            Place::Output => 1.0,
            Place::Score => 1.0 / self.score_affine(u).output,
            Place::Drift => 1.0 / self.coefficients(u).output,
        }
    }

    /// η g(u): the diffusion coefficient of the generation.
    pub fn noise_amplitude(&self, u: f64) -> f64 {
        match self.process {
            Process::Diffusion { noising, noise_level } => noise_level * noising.diffusion(u).sqrt(),
            Process::Flow => 0.0,
        }
    }
}
