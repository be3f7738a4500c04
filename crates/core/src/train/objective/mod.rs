//! Training pairs: the state at which a network is asked, the answer it should give, and what the error weighs.
//!
//! A network y trained with the mean of λ(u) |y(x_u, u) − target|² over sources, data, noise and times learns the mean
//! of the target given x_u, whatever the weights (Vincent 2011 for scores; Lipman et al. 2023, Tong et al. 2024 for
//! flows). All pairs here are combinations of a source point x_0, a data point x_1 and standard normal noise ξ:
//!
//! ```text
//! x_u = α x_0 + κ x_1 + ς ξ,     target = α̃ x_0 + κ̃ x_1 + ς̃ ξ
//! ```
//!
//! so an objective is written down as six factors and a weight for every time, its [`Recipe`].

mod method;
mod noised;
mod path;
mod times;
mod weight;

pub use method::Method;
pub use path::Path;
pub use times::{Drawn, Spread, Times};
pub use weight::Weight;

use crate::error::{Error, Result};
use crate::process::{Noising, Predicts};

/// Factors of source, data and noise.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mix {
    /// Of x_0.
    pub source: f64,
    /// Of x_1.
    pub data: f64,
    /// Of ξ.
    pub noise: f64,
}

/// A training pair at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// x_u
    pub state: Mix,
    /// What the network should answer.
    pub target: Mix,
    /// λ(u)
    pub weight: f64,
}

/// What a network learns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Objective {
    /// Denoising score matching on x_u = m x_1 + σ ξ; there is no source.
    Denoising {
        /// m and σ.
        noising: Noising,
        /// The meaning of the network's output.
        predicts: Predicts,
        /// λ
        weight: Weight,
    },
    /// Flow matching: the velocity ∂x_u/∂u with x_0, x_1 and ξ held fixed.
    Matching {
        /// x_u
        path: Path,
        /// σ ≥ 0 of the path.
        sigma: f64,
        /// λ
        weight: Weight,
    },
}

/// Which draws an objective looks at; the others may be left empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// x_0
    pub source: bool,
    /// ξ
    pub noise: bool,
}

/// A batch of n draws in dimension D.
#[derive(Debug, Clone, Copy)]
pub struct Draws<'a> {
    /// D
    pub dim: usize,
    /// Times `u[n]` and their importance `[n]`, from [`Times::draw`].
    pub times: &'a Drawn,
    /// `x_0[n, D]`, or empty where the objective needs none.
    pub source: &'a [f64],
    /// `x_1[n, D]`
    pub data: &'a [f64],
    /// `ξ[n, D]`, or empty where the objective needs none.
    pub noise: &'a [f64],
}

/// Where a batch of pairs is written, in f32 or f64: `state[n, D]`, `target[n, D]`, `weights[n]`.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Pairs<'a, T> {
    pub state: &'a mut [T],
    pub target: &'a mut [T],
    pub weights: &'a mut [T],
}

/// A number of a network.
pub trait Real: Copy {
    /// Rounds.
    fn of(value: f64) -> Self;
}

impl Real for f32 {
    fn of(value: f64) -> f32 {
        value as f32
    }
}

impl Real for f64 {
    fn of(value: f64) -> f64 {
        value
    }
}

impl Mix {
    /// The combination into `out[D]`; an empty part counts as zeros.
    fn combine<T: Real>(&self, parts: Parts, out: &mut [T]) {
        let of = |part: &[f64], d: usize| part.get(d).copied().unwrap_or(0.0);
        for (d, out) in out.iter_mut().enumerate() {
            let (x0, x1, noise) = (of(parts.source, d), of(parts.data, d), of(parts.noise, d));
            *out = T::of(self.source * x0 + self.data * x1 + self.noise * noise);
        }
    }
}

/// One row of a batch.
#[derive(Clone, Copy)]
struct Parts<'a> {
    source: &'a [f64],
    data: &'a [f64],
    noise: &'a [f64],
}

impl Objective {
    /// Factors and weight at time u of the range that [`Objective::check`] accepted.
    pub fn recipe(&self, u: f64) -> Recipe {
        match *self {
            Objective::Denoising { noising, predicts, weight } => Recipe {
                state: noised::state(noising, u),
                target: noised::target(noising, predicts, u),
                weight: weight.of_output(noising, predicts, u),
            },
            Objective::Matching { path, sigma, weight } => Recipe {
                state: path.state(sigma, u),
                target: path.velocity(sigma, u),
                weight: weight.of_velocity(u),
            },
        }
    }

    /// The meaning of the network's output.
    pub fn predicts(&self) -> Predicts {
        match *self {
            Objective::Denoising { predicts, .. } => predicts,
            Objective::Matching { .. } => Predicts::Velocity,
        }
    }

    /// Which draws the pairs are made of.
    pub fn needs(&self) -> Needs {
        match *self {
            Objective::Denoising { .. } => Needs { source: false, noise: true },
            Objective::Matching { path: Path::Target, .. } => Needs { source: false, noise: true },
            Objective::Matching { sigma, .. } => Needs { source: true, noise: sigma > 0.0 },
        }
    }

    /// One pair at time u from `x_0[D]`, `x_1[D]` and `ξ[D]` into `state[D]` and `target[D]`; returns λ(u).
    pub fn pair(
        &self,
        u: f64,
        source: &[f64],
        data: &[f64],
        noise: &[f64],
        state: &mut [f64],
        target: &mut [f64],
    ) -> f64 {
        let (recipe, parts) = (self.recipe(u), Parts { source, data, noise });
        recipe.state.combine(parts, state);
        recipe.target.combine(parts, target);
        recipe.weight
    }

    /// A batch of pairs; the weights carry the importance of the times. Rows are independent of one another.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the sizes do not fit together.
    pub fn fill<T: Real>(&self, draws: Draws, pairs: Pairs<T>) -> Result<()> {
        self.check_sizes(&draws, &pairs)?;
        let dim = draws.dim;
        let row = |part: &'_ [f64], i: usize| if part.is_empty() { 0..0 } else { i * dim..(i + 1) * dim };
        let out = pairs.state.chunks_mut(dim).zip(pairs.target.chunks_mut(dim)).zip(pairs.weights);
        for (i, ((state, target), weight)) in out.enumerate() {
            let recipe = self.recipe(draws.times.times[i]);
            let parts = Parts {
                source: &draws.source[row(draws.source, i)],
                data: &draws.data[row(draws.data, i)],
                noise: &draws.noise[row(draws.noise, i)],
            };
            recipe.state.combine(parts, state);
            recipe.target.combine(parts, target);
            *weight = T::of(recipe.weight * draws.times.importance[i]);
        }
        Ok(())
    }

    fn check_sizes<T>(&self, draws: &Draws, pairs: &Pairs<T>) -> Result<()> {
        let (n, dim, needs) = (draws.times.times.len(), draws.dim, self.needs());
        let size = n.saturating_mul(dim);
        let fits = |part: &[f64], needed: bool| part.len() == size || (part.is_empty() && !needed);
        let inside = dim > 0 && draws.data.len() == size && draws.times.importance.len() == n;
        let outside = [pairs.state.len(), pairs.target.len()] == [size; 2] && pairs.weights.len() == n;
        if inside && outside && fits(draws.source, needs.source) && fits(draws.noise, needs.noise) {
            return Ok(());
        }
        Err(Error::invalid(
            "making training pairs",
            format!("{n} rows of dimension {dim} ≥ 1: sources, data and noise as the objective needs them"),
            format!(
                "{} source, {} data and {} noise numbers; room for {} states, {} targets and {} weights",
                draws.source.len(),
                draws.data.len(),
                draws.noise.len(),
                pairs.state.len(),
                pairs.target.len(),
                pairs.weights.len()
            ),
            "Make all parts of the batch equally long",
        ))
    }
}
