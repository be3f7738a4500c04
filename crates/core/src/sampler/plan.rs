//! A step written down as data: where the field is asked, and how states, outputs and noises combine.
//!
//! Every method of theory §2 is affine in the state, in the field's outputs at its stages and in its noises, with
//! coefficients of time alone. So value, tangent, adjoint and the ε-derivative of a step follow from one plan.

use crate::error_field::{ModelError, Place};
use crate::field::Moment;
use crate::process::{Drift, Grid};
use std::ops::{Add, Mul};

/// The most stages a method has.
pub(super) const MAX_STAGES: usize = 4;
/// The most noise vectors a method consumes in a step.
pub(super) const MAX_NOISES: usize = 2;

/// `state · x_n + Σ outputs_j · y_j + Σ noises_m · ξ_m`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Combination {
    pub(super) state: f64,
    pub(super) outputs: [f64; MAX_STAGES],
    pub(super) noises: [f64; MAX_NOISES],
}

impl Combination {
    /// `factor · ξ_index`.
    pub(super) fn noise(index: usize, factor: f64) -> Combination {
        let mut noise = Combination::default();
        noise.noises[index] = factor;
        noise
    }

    /// Whether it is x_n itself.
    pub(super) fn is_state(&self) -> bool {
        *self == Combination { state: 1.0, ..Combination::default() }
    }

    /// Whether it depends on what the field answered before.
    pub(super) fn has_outputs(&self) -> bool {
        self.outputs != [0.0; MAX_STAGES]
    }
}

impl Add for Combination {
    type Output = Combination;
    fn add(mut self, other: Combination) -> Combination {
        self.state += other.state;
        self.outputs.iter_mut().zip(other.outputs).for_each(|(a, b)| *a += b);
        self.noises.iter_mut().zip(other.noises).for_each(|(a, b)| *a += b);
        self
    }
}

impl Mul<Combination> for f64 {
    type Output = Combination;
    fn mul(self, mut combination: Combination) -> Combination {
        combination.state *= self;
        combination.outputs.iter_mut().for_each(|a| *a *= self);
        combination.noises.iter_mut().for_each(|a| *a *= self);
        combination
    }
}

/// One question to the field.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    /// The field's own moment.
    pub(super) at: Moment,
    /// The moment at which error fields are asked.
    pub(super) error_at: Moment,
    /// The point that is asked.
    pub(super) point: Combination,
    /// Change of the output by a unit of the drift's own error.
    pub(super) error_gain: f64,
    /// Change of the output by a unit of each forcing error.
    pub(super) forcing_gains: Vec<f64>,
    /// Change of the output by a unit error in the output, the score and the drift; not finite where there is none.
    pub(super) place_gains: [f64; 3],
}

impl Stage {
    /// Change of the output by a unit error at `place`.
    pub(super) fn gain_at(&self, place: Place) -> f64 {
        let [output, score, drift] = self.place_gains;
        match place {
            Place::Output => output,
            Place::Score => score,
            Place::Drift => drift,
        }
    }
}

/// F_n as data.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) stages: Vec<Stage>,
    pub(super) next: Combination,
    /// δt_n
    pub(super) dt: f64,
}

/// Writes a plan; a method is a few lines with one of these.
pub(super) struct Writer<'a> {
    drift: &'a Drift,
    forcing: &'a [ModelError],
    stages: Vec<Stage>,
    /// u_n
    pub(super) start: f64,
    /// u_{n+1}
    pub(super) end: f64,
    /// δt
    pub(super) dt: f64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(drift: &'a Drift, grid: &Grid, forcing: &'a [ModelError], n: usize) -> Self {
        let (start, end) = (grid.time(n), grid.time(n + 1));
        Writer { drift, forcing, stages: Vec::new(), start, end, dt: grid.dt(n) }
    }

    /// x_n.
    pub(super) fn state(&self) -> Combination {
        Combination { state: 1.0, ..Combination::default() }
    }

    /// √δt η g(u_n) ξ, the Brownian increment of the step.
    pub(super) fn brownian(&self) -> Combination {
        Combination::noise(0, self.dt.sqrt() * self.drift.noise_amplitude(self.start))
    }

    /// Asks the field at `point` and time u; the answer is the output itself.
    fn ask(&mut self, u: f64, point: Combination) -> Combination {
        let gain = |place: Place| self.drift.error_in_output(place, u);
        let mut answer = Combination::default();
        answer.outputs[self.stages.len()] = 1.0;
        self.stages.push(Stage {
            at: self.drift.moment(u),
            error_at: self.drift.error_moment(u),
            point,
            error_gain: self.drift.error.as_ref().map_or(0.0, |error| error.size * gain(error.place)),
            forcing_gains: self.forcing.iter().map(|error| gain(error.place)).collect(),
            place_gains: [Place::Output, Place::Score, Place::Drift].map(gain),
        });
        answer
    }

    /// The drift at `point` and time u.
    pub(super) fn drift(&mut self, u: f64, point: Combination) -> Combination {
        let drift = self.drift.coefficients(u);
        drift.state * point + drift.output * self.ask(u, point)
    }

    /// The score at `point` and time u; NaN for a flow, which `Step::new` refuses for methods that need it.
    pub(super) fn score(&mut self, u: f64, point: Combination) -> Combination {
        let (state, output) =
            self.drift.score(u).map_or((f64::NAN, f64::NAN), |score| (score.state, score.output));
        state * point + output * self.ask(u, point)
    }

    /// m and σ at time u.
    pub(super) fn moment(&self, u: f64) -> Moment {
        self.drift.moment(u)
    }

    /// η.
    pub(super) fn noise_level(&self) -> f64 {
        self.drift.process.noise_level()
    }

    pub(super) fn finish(self, next: Combination) -> Plan {
        Plan { stages: self.stages, next, dt: self.dt }
    }
}
