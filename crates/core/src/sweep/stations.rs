//! A kept forward sweep, step by step: where an analysis expands the steps of a path anew.

use super::Forward;
use crate::error::{Error, Result};
use crate::sampler::{Step, StepNoise};

/// One step of a kept sweep of n samples with k frame vectors.
#[derive(Debug, Clone, Copy)]
pub struct Station<'s> {
    /// n
    pub step: usize,
    /// x_n `[n, D]`
    pub state: &'s [f64],
    /// The noise of the step.
    pub noise: StepNoise<'s>,
    /// E_n `[n, k, D]`
    pub frame: &'s [f64],
    /// E_{n+1} `[n, k, D]`
    pub next_frame: &'s [f64],
    /// R_n `[n, k, k]`
    pub factor: &'s [f64],
}

/// Shows every step of `run`, n = 0 first, to `visit`; the run must have kept path, noise, frames and chain.
///
/// # Errors
/// [`Error::Invalid`] if something was not kept; whatever `visit` answers.
pub fn stations(step: &Step, run: &Forward, visit: &mut dyn FnMut(Station) -> Result<()>) -> Result<()> {
    let (steps, row) = (step.grid.steps, run.end.len());
    let (frame, factor, noise) =
        (run.end_frame.len(), run.chain.samples * run.chain.k.pow(2), row * step.noises());
    let kept = [run.path.len(), run.frames.len(), run.chain.factors.len(), run.noise.xi.len()];
    let needed = [(steps + 1) * row, (steps + 1) * frame, steps * factor, steps * noise];
    if kept != needed || frame == 0 {
        return Err(Error::invalid(
            "expanding the steps of a sweep",
            format!("path, frames, factors and noise of {needed:?} numbers"),
            format!("{kept:?}"),
            "Keep path, frames, chain and noise in the forward sweep, with at least one vector",
        ));
    }
    let white = run.noise.white.len() / steps;
    for n in 0..steps {
        visit(Station {
            step: n,
            state: &run.path[n * row..][..row],
            noise: StepNoise {
                xi: &run.noise.xi[n * noise..][..noise],
                white: &run.noise.white[n * white..][..white],
                ..StepNoise::default()
            },
            frame: &run.frames[n * frame..][..frame],
            next_frame: &run.frames[(n + 1) * frame..][..frame],
            factor: &run.chain.factors[n * factor..][..factor],
        })?;
    }
    Ok(())
}
