//! One pass over a chunk of samples: sweep, spectrum, alignment, twins.

use super::columns::Chunk;
use super::request::Request;
use super::system::System;
use crate::error::Result;
use std::ops::Range;

/// ∞-norm of every error field of the request, met on all sampled paths (1 for kinds that need no scaling).
/// Work is split over samples; `done` is called with the number of samples finished; returning false stops early.
///
/// # Errors
/// Non-finite paths.
pub fn error_scales(
    _system: &System,
    _request: &Request,
    _done: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Option<Vec<f64>>> {
    todo!()
}

/// All columns of `samples`. `norms` come from [`error_scales`]. `done(n)` is told of finished samples and answers
/// whether to go on; `None` is returned when it said no.
///
/// # Errors
/// Non-finite paths, with the sample and the step.
pub fn chunk(
    _system: &System,
    _request: &Request,
    _norms: &[f64],
    _samples: Range<usize>,
    _done: &(dyn Fn(usize) -> bool + Sync),
) -> Result<Option<Chunk>> {
    todo!()
}
