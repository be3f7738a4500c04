//! The random numbers of a batch, one stream a sample and purpose, and their refinements (theory §4, §11.7).

use super::{Batch, Refinement};
use crate::random::{Purpose, Stream, standard_normal, stream};
use crate::sampler::Step;
use std::f64::consts::FRAC_1_SQRT_2;

/// Standard normal vectors of one purpose for the steps of a batch, all of one Brownian path a sample. A copy goes on
/// from the same place.
#[derive(Clone)]
pub(super) struct Increments {
    /// Numbers a sample and step.
    len: usize,
    refinement: Refinement,
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
        Increments::new(batch, Purpose::Noise, 0, step.noises() * step.dim())
    }

    /// The vectors of a white model error, if the step has one.
    pub(super) fn white(step: &Step, batch: &Batch) -> Self {
        Increments::new(batch, Purpose::WhiteError, 1, if step.needs_white() { step.dim() } else { 0 })
    }

    /// Streams for `len` numbers a sample and step; `bridge_stream` keeps the bridges of different purposes apart.
    fn new(batch: &Batch, purpose: Purpose, bridge_stream: u64, len: usize) -> Self {
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
            Refinement::Coarser(factor) => self.merged(factor),
            Refinement::Doubled if step.is_multiple_of(2) => self.bridged(),
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

    /// Sums of `factor` consecutive vectors over √factor.
    fn merged(&mut self, factor: usize) {
        let share = 1.0 / (factor as f64).sqrt();
        for (rng, row) in self.drawn.iter_mut().zip(self.current.chunks_exact_mut(self.len)) {
            row.fill(0.0);
            for _ in 0..factor {
                standard_normal(rng, &mut self.draw);
                row.iter_mut().zip(&self.draw).for_each(|(sum, xi)| *sum += xi);
            }
            row.iter_mut().for_each(|sum| *sum *= share);
        }
    }

    /// ξ_{2n}, ξ_{2n+1} = (ξ_n ± ζ_n)/√2.
    fn bridged(&mut self) {
        self.own();
        let rows = self.current.chunks_exact_mut(self.len).zip(self.waiting.chunks_exact_mut(self.len));
        for (rng, (now, later)) in self.bridge.iter_mut().zip(rows) {
            standard_normal(rng, &mut self.draw);
            for ((now, later), zeta) in now.iter_mut().zip(later).zip(&self.draw) {
                *later = (*now - zeta) * FRAC_1_SQRT_2;
                *now = (*now + zeta) * FRAC_1_SQRT_2;
            }
        }
    }
}
