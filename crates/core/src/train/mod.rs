//! Training, as far as it does not depend on how networks are run: what a network is asked to learn and from which
//! pairs, how its weights move, and how far what it generates is from the data.
//!
//! Random numbers come from streams of (seed, step, purpose): every step can be repeated from these alone.

pub mod coupling;
pub mod distance;
pub mod objective;
pub mod optimiser;
pub mod order;
