//! One step of a path expanded in the splitting E ⊕ E^⊥ (theory §9).

use super::rest::Rest;
use super::{LARGEST, Quantities, Trace};
use crate::error::Result;
use crate::linalg::{axpy, dot, spectral_norm};
use crate::sampler::{Directions, SecondRows, Step};
use crate::sweep::Station;
use faer::Mat;
use faer::linalg::solvers::Solve;

/// What is reused from step to step.
pub(super) struct Expansion<'a> {
    step: &'a Step,
    d: usize,
    k: usize,
    trace: Trace,
    /// (i, j), i < d, i ≤ j, over all directions whose second order is needed
    pairs: Vec<[usize; 2]>,
    layout: SecondRows,
    /// The directions themselves `[n, directions, D]`
    directions: Vec<f64>,
    /// What [`Step::advance_second`] answered
    rows: Vec<f64>,
    next: Vec<f64>,
    rest: Rest<'a>,
}

impl<'a> Expansion<'a> {
    pub(super) fn new(step: &'a Step, n: usize, d: usize, k: usize, trace: Trace) -> Self {
        let dim = step.dim();
        let width = if trace == Trace::Exact { k } else { d };
        let pairs: Vec<[usize; 2]> = (0..d).flat_map(|i| (i..width).map(move |j| [i, j])).collect();
        let layout = step.second_rows(width, pairs.len());
        Expansion {
            step,
            d,
            k,
            trace,
            pairs,
            layout,
            directions: vec![0.0; n * width * dim],
            rows: vec![0.0; n * layout.count() * dim],
            next: vec![0.0; n * dim],
            rest: Rest::new(step, n, d, k),
        }
    }

    /// Fills the quantities of one step for all samples.
    pub(super) fn visit(&mut self, station: Station, found: &mut Quantities) -> Result<()> {
        let (dim, k, width) = (self.step.dim(), self.k, self.layout.directions);
        for (out, frame) in
            self.directions.chunks_exact_mut(width * dim).zip(station.frame.chunks_exact(k * dim))
        {
            out.copy_from_slice(&frame[..width * dim]);
        }
        let directions = Directions { v: &self.directions, pairs: &self.pairs };
        let (step, n) = (self.step, station.step);
        step.advance_second(n, station.state, station.noise, directions, &mut self.next, &mut self.rows)?;
        let rest = self.rest.norms(&station);
        let dt = step.grid.dt(n);
        for (sample, rest) in rest.into_iter().enumerate() {
            let at = sample * found.steps + n;
            let local = self.local(&station, sample);
            found.stretch[at] = local.stretch;
            found.rest[at] = rest.stretch;
            found.cross_out[at] = local.cross_out / dt;
            found.cross_in[at] = rest.cross_in / dt;
            found.block[at] = local.block.max(rest.block) / dt;
            found.curvature[at] = self.curvature(&local, sample) / dt;
            self.carry_score(&station, &local, sample, found);
        }
        Ok(())
    }

    /// What the frames and the factor say about the step along E.
    fn local(&self, station: &Station, sample: usize) -> Local {
        let (dim, d, k) = (self.step.dim(), self.d, self.k);
        let frame = &station.frame[sample * k * dim..][..d * dim];
        let next = &station.next_frame[sample * k * dim..][..d * dim];
        let r = &station.factor[sample * k * k..][..k * k];
        let corner: Vec<f64> = (0..d * d).map(|i| r[i / d * k + i % d]).collect();
        let mut out = vec![0.0; d * dim];
        let mut along = vec![0.0; d * d];
        for (j, row) in out.chunks_exact_mut(dim).enumerate() {
            (0..=j).for_each(|i| axpy(row, corner[i * d + j], &next[i * dim..][..dim]));
            for _ in 0..2 {
                for (i, e) in frame.chunks_exact(dim).enumerate() {
                    let part = dot(e, row);
                    along[i * d + j] += part;
                    axpy(row, -part, e);
                }
            }
        }
        let mut change = along.clone();
        (0..d).for_each(|i| change[i * d + i] -= 1.0);
        Local {
            stretch: spectral_norm(d, &corner),
            cross_out: spectral_norm(dim, &out),
            block: spectral_norm(d, &change),
            along,
        }
    }

    /// (EᵀA E)^{-1} Eᵀ d²F[e_j, e_l] as a d × d² matrix: its norm, at most [`LARGEST`].
    fn curvature(&self, local: &Local, sample: usize) -> f64 {
        let norm = spectral_norm(self.d * self.d, &self.bent(local, sample));
        if norm.is_nan() { LARGEST } else { norm.min(LARGEST) }
    }

    fn bent(&self, local: &Local, sample: usize) -> Vec<f64> {
        let (dim, d) = (self.step.dim(), self.d);
        let frame = &self.directions[sample * self.layout.directions * dim..][..d * dim];
        let mut second = Mat::<f64>::zeros(d, d * d);
        for (p, &[j, l]) in self.pairs.iter().enumerate().filter(|(_, pair)| pair[1] < d) {
            let row = self.pair_row(sample, p);
            for (i, e) in frame.chunks_exact(dim).enumerate() {
                let value = dot(e, row);
                second[(i, j * d + l)] = value;
                second[(i, l * d + j)] = value;
            }
        }
        let along = Mat::from_fn(d, d, |i, j| local.along[i * d + j]);
        let solved = along.partial_piv_lu().solve(&second);
        (0..d * d * d).map(|index| solved[(index / (d * d), index % (d * d))]).collect()
    }

    /// d²F_n of pair p.
    fn pair_row(&self, sample: usize, p: usize) -> &[f64] {
        let dim = self.step.dim();
        &self.rows[(sample * self.layout.count() + self.layout.pair(p)) * dim..][..dim]
    }

    /// p_{n+1} = (p_n − w_n E_n) R_n^{-1}, from both starts.
    fn carry_score(&self, station: &Station, local: &Local, sample: usize, found: &mut Quantities) {
        let (d, k) = (self.d, self.k);
        let slope = match self.trace {
            Trace::Exact => self.volume_slope(station, sample),
            Trace::Schur => {
                let bent = self.bent(local, sample);
                (0..d).map(|i| (0..d).map(|l| bent[l * d * d + l * d + i]).sum()).collect()
            }
        };
        let r = &station.factor[sample * k * k..][..k * k];
        for p in [&mut found.score_from_zero, &mut found.score_from_source] {
            let Some(p) = p.chunks_exact_mut(d).nth(sample) else { continue };
            for j in 0..d {
                let before: f64 = (0..j).map(|i| p[i] * r[i * k + j]).sum();
                p[j] = (p[j] - slope[j] - before) / r[j * k + j];
            }
        }
    }

    /// w_n E_n = Σ_j a_j · d²F[e_i, e_j] with the rows a_j of A_n^{-1} in the frame.
    fn volume_slope(&self, station: &Station, sample: usize) -> Vec<f64> {
        let (dim, k) = (self.step.dim(), self.k);
        let r = &station.factor[sample * k * k..][..k * k];
        let next = &station.next_frame[sample * k * dim..][..k * dim];
        // Rows of R^{-1} E_{n+1}ᵀ by back substitution.
        let mut dual = next.to_vec();
        for i in (0..k).rev() {
            let (head, tail) = dual.split_at_mut((i + 1) * dim);
            let row = &mut head[i * dim..];
            (i + 1..k).for_each(|l| axpy(row, -r[i * k + l], &tail[(l - i - 1) * dim..][..dim]));
            row.iter_mut().for_each(|v| *v /= r[i * k + i]);
        }
        let mut slope = vec![0.0; self.d];
        for (p, &[i, j]) in self.pairs.iter().enumerate() {
            let row = self.pair_row(sample, p);
            slope[i] += dot(&dual[j * dim..][..dim], row);
            if j != i && j < self.d {
                slope[j] += dot(&dual[i * dim..][..dim], row);
            }
        }
        slope
    }
}

/// The step along E at one sample.
struct Local {
    /// ‖R_n‖
    stretch: f64,
    /// ‖(I − EEᵀ) A E‖
    cross_out: f64,
    /// ‖Eᵀ A E − I‖
    block: f64,
    /// Eᵀ A E `[d, d]`
    along: Vec<f64>,
}
