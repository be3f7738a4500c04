//! Laws that can be sampled: sources of a generation, data, marginals of noised data.

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
