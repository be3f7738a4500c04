//! The random numbers of a batch, one stream a sample and purpose, and their refinements (theory §4, §11.7).

use super::{Batch, Refinement};
use crate::process::Grid;
use crate::random::{Purpose, Stream, standard_normal, stream};
use crate::sampler::Step;

/// Standard normal vectors of one purpose for the steps of a batch, all of one Brownian path a sample. A copy goes on
/// from the same place.
#[derive(Clone)]
pub(super) struct Increments {
    /// Numbers a sample and step.
    len: usize,
    refinement: Refinement,
    /// That of the steps, already refined.
    grid: Grid,
    drawn: Vec<Stream>,
    bridge: Vec<Stream>,
    /// Second halves of bridged vectors, waiting for the odd steps `[n, len]`.
    waiting: Vec<f64>,
    current: Vec<f64>,
    draw: Vec<f64>,
}

impl Increments {
    /// The noise Ξ of the paths.
    pub(super) fn path(step: &Step, batch: &Batch) -> Self {
        Increments::new(step, batch, Purpose::Noise, 0, step.noises() * step.dim())
    }

    /// The vectors of a white model error, if the step has one.
    pub(super) fn white(step: &Step, batch: &Batch) -> Self {
        let len = if step.needs_white() { step.dim() } else { 0 };
        Increments::new(step, batch, Purpose::WhiteError, 1, len)
    }

    /// Streams for `len` numbers a sample and step; `bridge_stream` keeps the bridges of different purposes apart.
    fn new(step: &Step, batch: &Batch, purpose: Purpose, bridge_stream: u64, len: usize) -> Self {
        let samples = if len == 0 { 0..0 } else { batch.samples.clone() };
        let n = samples.len();
        let streams = |purpose| samples.clone().map(move |i| stream(batch.seed, i as u64, purpose));
        let mut bridge: Vec<Stream> = Vec::new();
        let mut waiting = Vec::new();
        if batch.refinement == Refinement::Doubled {
            bridge = streams(Purpose::Bridge).collect();
            bridge.iter_mut().for_each(|rng| rng.set_stream(bridge_stream));
            waiting = vec![0.0; n * len];
        }
        Increments {
            len,
            refinement: batch.refinement,
            grid: step.grid,
            drawn: streams(purpose).collect(),
            bridge,
            waiting,
            current: vec![0.0; n * len],
            draw: vec![0.0; len],
        }
    }

    /// The vectors of step n; steps must be asked for in order. `[n, len]`
    pub(super) fn next(&mut self, step: usize) -> &[f64] {
        if self.len == 0 {
            return &[];
        }
        match self.refinement {
            Refinement::Own => self.own(),
            Refinement::Coarser(factor) => self.merged(step, factor),
            Refinement::Doubled if step.is_multiple_of(2) => self.bridged(step),
            Refinement::Doubled => self.current.copy_from_slice(&self.waiting),
        }
        &self.current
    }

    /// The vectors that [`Increments::next`] gave last.
    pub(super) fn current(&self) -> &[f64] {
        &self.current
    }

    /// Bytes that a copy takes.
    pub(super) fn bytes(&self) -> usize {
        let streams = (self.drawn.len() + self.bridge.len()) * size_of::<Stream>();
        streams + 8 * (self.waiting.len() + self.current.len() + self.draw.len())
    }

    fn own(&mut self) {
        for (rng, row) in self.drawn.iter_mut().zip(self.current.chunks_exact_mut(self.len)) {
            standard_normal(rng, row);
        }
    }

    /// Σ √(δt_i/Σδt) ξ_i of the `factor` consecutive vectors that a step of the finer grid has for this one.
    fn merged(&mut self, step: usize, factor: usize) {
        let finer = Grid { steps: self.grid.steps * factor, ..self.grid };
        let weights = weights(&finer, step * factor, factor);
        for (rng, row) in self.drawn.iter_mut().zip(self.current.chunks_exact_mut(self.len)) {
            row.fill(0.0);
            for weight in &weights {
                standard_normal(rng, &mut self.draw);
                row.iter_mut().zip(&self.draw).for_each(|(sum, xi)| *sum += weight * xi);
            }
        }
    }

    /// ξ_{2n} = a ξ_n + b ζ_n and ξ_{2n+1} = b ξ_n − a ζ_n with the weights a, b of the two steps; (ξ_n ± ζ_n)/√2 where they are equal.
    fn bridged(&mut self, step: usize) {
        self.own();
        let weights = weights(&self.grid, step, 2);
        let rows = self.current.chunks_exact_mut(self.len).zip(self.waiting.chunks_exact_mut(self.len));
        for (rng, (now, later)) in self.bridge.iter_mut().zip(rows) {
            standard_normal(rng, &mut self.draw);
            for ((now, later), zeta) in now.iter_mut().zip(later).zip(&self.draw) {
                *later = weights[1] * *now - weights[0] * zeta;
                *now = weights[0] * *now + weights[1] * zeta;
            }
        }
    }
}

/// √(δt_i/Σδt) of `count` steps from `first` on: the increment of a Brownian path over all of them is their sum with these weights.
fn weights(grid: &Grid, first: usize, count: usize) -> Vec<f64> {
    let parts: Vec<f64> = (first..first + count).map(|n| grid.dt(n)).collect();
    let whole: f64 = parts.iter().sum();
    parts.iter().map(|part| (part / whole).sqrt()).collect()
}
