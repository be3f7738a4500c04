//! Laws that can be sampled: sources of a generation, data, marginals of noised data.

mod curves;
mod gaussian;
mod linear;
mod listed;
mod points;
mod regions;
mod solids;

pub use curves::{Curves, SwissRoll, TwoMoonsStrip};
pub use gaussian::{Gaussian, Marginal, Mixture};
pub use linear::{Affine, Product};
pub use listed::Listed;
pub use points::{Blurred, Points};
pub use regions::{Disc, Discs, Polygon};
pub use solids::{Sphere, Torus};

use crate::random::{Purpose, Stream, stream};
use std::sync::Arc;

/// A probability law on R^D.
pub trait Law: Send + Sync {
    /// D.
    fn dim(&self) -> usize;
    /// One draw into `x[D]`.
    fn sample(&self, rng: &mut Stream, x: &mut [f64]);
    /// Sample `index` of a run with this seed: by default a draw from a stream of its own.
    fn draw(&self, seed: u64, index: u64, x: &mut [f64]) {
        self.sample(&mut stream(seed, index, Purpose::Source), x);
    }
    /// Its density, where it has a smooth one that is known.
    fn density(self: Arc<Self>) -> Option<SharedDensity> {
        None
    }
}

/// A smooth positive density on R^D.
pub trait Density: Send + Sync {
    /// log ρ(x), `x[D]`, natural logarithm.
    fn log_density(&self, x: &[f64]) -> f64;
    /// ∇ log ρ(x) into `s[D]`.
    fn score(&self, x: &[f64], s: &mut [f64]);
}

/// A density shared between threads.
pub type SharedDensity = Arc<dyn Density>;

/// A law shared between threads.
pub type SharedLaw = Arc<dyn Law>;
