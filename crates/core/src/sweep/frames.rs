//! Most sensitive subspaces along a batch of paths: A_n E_n = E_{n+1} R_n (theory §4).
//!
//! Frames of many numbers are made orthonormal only where their condition demands it; in between their rows are carried
//! on as they are, with R = I.

use super::Batch;
use super::pace::{ALLOWED, PLANNED};
use crate::error::{Error, Result};
use crate::linalg::{LANES_UP_TO, LogProduct, accumulate_abs_det, flatness, orthonormalize};
use crate::random::{Purpose, standard_normal, stream};
use std::ops::Range;

/// The frames of a batch and what they have grown by.
pub(super) struct Frames {
    dim: usize,
    k: usize,
    first_sample: usize,
    /// E_n `[n, k, D]`
    pub(super) rows: Vec<f64>,
    /// R_{n−1} `[n, k, k]`
    pub(super) factor: Vec<f64>,
    growth: Vec<LogProduct>,
    determinants: Vec<LogProduct>,
    work: Vec<f64>,
    /// Where a frame is made orthonormal only as needed.
    spare: Option<Spare>,
}

/// What frames that are not made orthonormal at every step are watched by.
#[derive(Default)]
struct Spare {
    /// The rows before the step under way `[n, k, D]`, none before the first.
    held: Vec<f64>,
    /// Were they orthonormal? `[n]`
    fresh: Vec<bool>,
    /// Conditions of the rows after it `[n]`
    conditions: Vec<f64>,
}

impl Frames {
    /// Haar start frames E_0.
    pub(super) fn random(batch: &Batch, dim: usize, k: usize, determinants: bool) -> Self {
        let n = batch.samples.len();
        let rows = haar_frames(batch.seed, batch.samples.clone(), dim, k);
        let square = if k == dim && determinants { n } else { 0 };
        Frames {
            determinants: vec![LogProduct::ONE; square],
            work: vec![0.0; square * k * k],
            ..Frames::of(batch.samples.start, dim, k, rows)
        }
    }

    /// Frames that set out from given orthonormal rows `[n, k, D]`.
    pub(super) fn of(first_sample: usize, dim: usize, k: usize, rows: Vec<f64>) -> Self {
        let vectors = rows.len() / dim.max(1);
        Frames {
            dim,
            k,
            first_sample,
            rows,
            factor: vec![0.0; vectors * k],
            growth: vec![LogProduct::ONE; vectors],
            determinants: Vec::new(),
            work: Vec::new(),
            spare: None,
        }
    }

    /// From here on, frames of many numbers are made orthonormal only as needed. Small ones are factored side by side in
    /// lanes, for less than it takes to look at them.
    pub(super) fn spare(&mut self) {
        if self.k * self.dim > LANES_UP_TO {
            let samples = self.rows.len() / (self.k * self.dim);
            self.spare = Some(Spare { fresh: vec![true; samples], ..Spare::default() });
        }
    }

    /// Before a step: keeps the rows, in case they turn out to be too flat for it.
    pub(super) fn hold(&mut self) {
        if let Some(spare) = &mut self.spare {
            spare.held.clone_from(&self.rows);
        }
    }

    /// After a step: samples whose rows it has made flatter than is allowed, and which were not orthonormal before it.
    pub(super) fn strayed(&mut self) -> Vec<usize> {
        let (dim, k) = (self.dim, self.k);
        let Some(spare) = &mut self.spare else { return Vec::new() };
        spare.conditions = self.rows.chunks_exact(k * dim).map(|rows| flatness(dim, k, rows)).collect();
        let fresh = spare.fresh.iter().zip(&spare.conditions).enumerate();
        fresh.filter(|(_, (fresh, condition))| !**fresh && **condition > ALLOWED).map(|(i, _)| i).collect()
    }

    /// Back to before the step, with the frames of these samples made orthonormal there; their factors `[k, k]`.
    ///
    /// # Errors
    /// Those of [`Frames::advance`].
    pub(super) fn rewind(&mut self, strayed: &[usize], step: usize) -> Result<Vec<Vec<f64>>> {
        let k = self.k;
        if let Some(spare) = &mut self.spare {
            self.rows.copy_from_slice(&spare.held);
            strayed.iter().for_each(|sample| spare.fresh[*sample] = true);
        }
        let orthonormal = |sample: &usize| {
            self.orthonormalize_one(*sample, step - 1)?;
            Ok(self.factor[sample * k * k..][..k * k].to_vec())
        };
        strayed.iter().map(orthonormal).collect()
    }

    /// QR of a sample's rows, with what its factor says; `step` is that before it.
    fn orthonormalize_one(&mut self, sample: usize, step: usize) -> Result<()> {
        let (dim, k) = (self.dim, self.k);
        let factor = &mut self.factor[sample * k * k..][..k * k];
        orthonormalize(dim, k, &mut self.rows[sample * k * dim..][..k * dim], factor);
        self.grow(sample, step)
    }

    /// [`Frames::advance`] where [`Frames::strayed`] has looked: only the samples whose rows are flat, all after the
    /// `last` step.
    ///
    /// # Errors
    /// Those of [`Frames::advance`].
    pub(super) fn advance_as_needed(&mut self, step: usize, last: bool) -> Result<()> {
        let Some(spare) = &mut self.spare else { return self.advance(step) };
        let due: Vec<bool> = spare.conditions.iter().map(|condition| last || *condition > PLANNED).collect();
        spare.fresh.clone_from(&due);
        self.advance_in(step, Some(&due))
    }

    /// k
    pub(super) fn vectors(&self) -> usize {
        self.k
    }

    /// Whether there are as many vectors as dimensions.
    pub(super) fn is_square(&self) -> bool {
        self.k == self.dim
    }

    /// Turns the rows A_n E_n into E_{n+1} and notes their growth; `step` is n.
    ///
    /// # Errors
    /// [`Error::NonFinite`] where a tangent left the finite numbers or a direction collapsed.
    pub(super) fn advance(&mut self, step: usize) -> Result<()> {
        if self.k == 0 {
            return Ok(());
        }
        if !self.determinants.is_empty() {
            self.work.copy_from_slice(&self.rows);
            accumulate_abs_det(self.dim, &mut self.work, &mut self.determinants);
        }
        orthonormalize(self.dim, self.k, &mut self.rows, &mut self.factor);
        (0..self.factor.len() / (self.k * self.k)).try_for_each(|sample| self.grow(sample, step))
    }

    /// The same for the samples that are due, all without a list; the rows of the others are carried on as they are, with
    /// R = I.
    ///
    /// # Errors
    /// Those of [`Frames::advance`].
    pub(super) fn advance_in(&mut self, step: usize, due: Option<&[bool]>) -> Result<()> {
        let Some(due) = due else { return self.advance(step) };
        let k = self.k;
        for (sample, due) in due.iter().enumerate() {
            if *due {
                self.orthonormalize_one(sample, step)?;
            } else {
                let factor = &mut self.factor[sample * k * k..][..k * k];
                factor.fill(0.0);
                factor.iter_mut().step_by(k + 1).for_each(|diagonal| *diagonal = 1.0);
            }
        }
        Ok(())
    }

    /// Notes what a sample's factor says.
    fn grow(&mut self, sample: usize, step: usize) -> Result<()> {
        let k = self.k;
        for (i, growth) in self.growth[sample * k..][..k].iter_mut().enumerate() {
            let stretch = self.factor[(sample * k + i) * k + i];
            if !(stretch > 0.0 && stretch < f64::INFINITY) {
                return Err(collapse(self.first_sample + sample, step, stretch));
            }
            growth.push(stretch);
        }
        Ok(())
    }

    /// Σ log R_ii `[n, k]`.
    pub(super) fn log_growth(&self) -> Vec<f64> {
        self.growth.iter().map(LogProduct::log).collect()
    }

    /// Σ log|det A_n| `[n]`; empty unless k = D and they are kept.
    pub(super) fn log_det(&self) -> Vec<f64> {
        self.determinants.iter().map(LogProduct::log).collect()
    }
}

/// Haar frames `[n, k, D]`: QR of independent standard normal rows, one stream a sample.
pub(crate) fn haar_frames(seed: u64, samples: Range<usize>, dim: usize, k: usize) -> Vec<f64> {
    let mut rows = vec![0.0; samples.len() * k * dim];
    let mut factor = vec![0.0; samples.len() * k * k];
    if k > 0 {
        for (i, rows) in samples.zip(rows.chunks_exact_mut(k * dim)) {
            standard_normal(&mut stream(seed, i as u64, Purpose::Frame), rows);
        }
        orthonormalize(dim, k, &mut rows, &mut factor);
    }
    rows
}

fn collapse(sample: usize, step: usize, stretch: f64) -> Error {
    let (quantity, value) =
        if stretch == 0.0 { ("log growth of a tangent", f64::NEG_INFINITY) } else { ("tangent", stretch) };
    Error::NonFinite { quantity, sample, step, value }
}
