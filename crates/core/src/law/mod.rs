//! Laws that can be sampled: sources of a generation, data, marginals of noised data.

mod curves;
mod gaussian;
mod points;
mod solids;

pub use curves::{Curves, SwissRoll, TwoMoonsStrip};
pub use gaussian::{Gaussian, Marginal, Mixture};
pub use points::{Blurred, Points};
pub use solids::{Disc, Sphere, Torus};

use crate::random::Stream;
use std::sync::Arc;

/// A probability law on R^D.
pub trait Law: Send + Sync {
    /// D.
    fn dim(&self) -> usize;
    /// One draw into `x[D]`.
    fn sample(&self, rng: &mut Stream, x: &mut [f64]);
}

/// A law shared between threads.
pub type SharedLaw = Arc<dyn Law>;
