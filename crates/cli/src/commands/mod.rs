//! One command a file.

mod classes;
mod compare;
mod execute;
mod export_derivative;
mod inspect;
mod models;
mod pairs;
mod reference;
mod reproduce;
mod sample;
mod single;
mod sweep;
mod tangent;
mod train;

pub use compare::compare;
pub use export_derivative::export_derivative;
pub use inspect::inspect;
pub use models::models;
pub use reproduce::reproduce;
pub use sample::sample;
pub use single::{analyze, perturb};
pub use tangent::tangent;
pub use train::train;

use crate::failure::{Failure, Result};
use std::num::NonZero;

/// Starts the threads that all work is split over. The calling one is the first of them: work that it hands out is not
/// passed on to another while it waits, which small networks would feel at every step.
///
/// # Errors
/// A system that refuses.
fn start_threads(asked: Option<u16>) -> Result<usize> {
    let all = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = asked.map_or(all, usize::from);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .use_current_thread()
        .build_global()
        .map_err(|error| Failure::Usage(format!("cannot start {threads} threads: {error}")))?;
    Ok(threads)
}
