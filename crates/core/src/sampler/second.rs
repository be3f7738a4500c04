//! Second order of a step: d²F_n\[u, v\], and the state-derivative of b_n (theory §7).
//!
//! With p_j the point of stage j and y_j = f(p_j) + g χ(p_j) its output, one derivative along v and one along w give
//!
//! ```text
//! y″ = f′ p″ + f″[p′_v, p′_w] + (g χ)′ p″ + (g χ)″[p′_v, p′_w],
//! ```
//!
//! and where w is the size of a forcing error with gain g_e, g_e χ_e′ p′_v is added. Points are affine in state and
//! outputs, so p″ follows from the outputs before: second derivatives ride along as rows that start from zero.

use super::Step;
use super::execute::{Run, StageScratch, add, own_error};
use super::plan::Stage;
use crate::error::Result;
use crate::error_field::Chi;
use crate::field::{Along, Expansion, Moment, SharedField};
use crate::scratch::sized;

/// Where the derivatives of [`Step::advance_second`] stand among the rows of a sample: first A_n v, then b_n, then
/// d²F_n of the pairs, then db_n v.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondRows {
    /// Directions v a sample.
    pub directions: usize,
    /// Forcing errors of the step.
    pub forcings: usize,
    /// Pairs of directions.
    pub pairs: usize,
}

impl SecondRows {
    /// Rows a sample.
    pub fn count(&self) -> usize {
        self.slope(self.forcings, 0)
    }

    /// The row of A_n v_i.
    pub fn tangent(&self, i: usize) -> usize {
        i
    }

    /// The row of b_n of forcing e.
    pub fn forced(&self, e: usize) -> usize {
        self.directions + e
    }

    /// The row of d²F_n of pair p.
    pub fn pair(&self, p: usize) -> usize {
        self.directions + self.forcings + p
    }

    /// The row of db_n v_i of forcing e.
    pub fn slope(&self, e: usize, i: usize) -> usize {
        self.pair(self.pairs) + e * self.directions + i
    }
}

/// Buffers of a second-order step.
#[derive(Default)]
pub(super) struct Buffers {
    rows: Vec<f64>,
    first: Vec<f64>,
    left: Vec<f64>,
    right: Vec<f64>,
    curvature: Vec<f64>,
    value: Vec<f64>,
}

/// Two rows whose mixed derivative adds to a third.
struct Product {
    left: usize,
    right: usize,
    target: usize,
}

impl Run<'_> {
    /// Values, and the rows that `layout` names.
    pub(super) fn second(
        &mut self,
        v: &[f64],
        pairs: &[[usize; 2]],
        layout: SecondRows,
        next: &mut [f64],
        rows: &mut [f64],
    ) -> Result<()> {
        let (dim, k) = (self.step.dim(), layout.directions);
        if layout.count() == 0 {
            self.values(next);
            return Ok(());
        }
        let mut start = std::mem::take(&mut self.scratch.second.rows);
        let seed = sized(&mut start, rows.len());
        seed.fill(0.0);
        for (sample, seed) in seed.chunks_exact_mut(layout.count() * dim).enumerate() {
            seed[..k * dim].copy_from_slice(&v[sample * k * dim..][..k * dim]);
        }
        for j in 0..self.plan.stages.len() {
            let stage = &self.plan.stages[j];
            let at_state = stage.point.is_state() && own_error(self.step, stage).is_none();
            if at_state && !self.x.is_empty() {
                self.expand(j, v, pairs, layout)?;
                self.force_second(j, layout);
                continue;
            }
            if stage.point.has_outputs() {
                self.ask_with_tangents(j, seed);
            } else {
                self.ask_first(j, v, k, layout.count());
            }
            self.force_second(j, layout);
            self.curve(j, pairs, layout, seed)?;
        }
        self.combine_into(self.plan.next, next);
        self.combine_tangents(self.plan.next, seed, rows);
        self.scratch.second.rows = start;
        Ok(())
    }

    /// A stage at the state itself: tangents and second order in one question to the field.
    fn expand(&mut self, j: usize, v: &[f64], pairs: &[[usize; 2]], layout: SecondRows) -> Result<()> {
        let (len, dim, k, rows) = (self.x.len(), self.step.dim(), layout.directions, layout.count());
        let Buffers { first, left, right, curvature, .. } = &mut self.scratch.second;
        let StageScratch { output, tangent_point, tangent_output, .. } = &mut self.scratch.stages[j];
        let (left, right) = (sized(left, len * pairs.len()), sized(right, len * pairs.len()));
        if k > 0 {
            gather(dim, k, v, |p| pairs[p][0], left, pairs.len());
            gather(dim, k, v, |p| pairs[p][1], right, pairs.len());
        }
        let (slopes, d2) = (sized(first, len * k), sized(curvature, len * pairs.len()));
        let out = Expansion { value: sized(output, len), tangents: slopes, second: d2 };
        let along = Along { directions: v, left, right };
        self.step.drift.field.expand(self.plan.stages[j].at, self.x, along, out)?;
        let (points, outputs) = (sized(tangent_point, len * rows), sized(tangent_output, len * rows));
        points.fill(0.0);
        outputs.fill(0.0);
        let samples = points.chunks_exact_mut(rows * dim).zip(outputs.chunks_exact_mut(rows * dim));
        for (sample, (points, outputs)) in samples.enumerate() {
            let own = sample * k * dim..(sample + 1) * k * dim;
            points[..k * dim].copy_from_slice(&v[own.clone()]);
            outputs[..k * dim].copy_from_slice(&slopes[own]);
            let bent = pairs.len() * dim;
            outputs[layout.pair(0) * dim..][..bent].copy_from_slice(&d2[sample * bent..][..bent]);
        }
        Ok(())
    }

    /// A stage that depends on the state alone: all rows but the directions stay zero.
    fn ask_first(&mut self, j: usize, v: &[f64], k: usize, rows: usize) {
        self.ask_with_tangents(j, v);
        let dim = self.step.dim();
        let state = self.plan.stages[j].point.state;
        let mut first = std::mem::take(&mut self.scratch.second.first);
        let StageScratch { tangent_point, tangent_output, .. } = &mut self.scratch.stages[j];
        let slopes = sized(&mut first, v.len());
        slopes.copy_from_slice(&tangent_output[..v.len()]);
        let len = self.x.len() * rows;
        let (points, outputs) = (sized(tangent_point, len), sized(tangent_output, len));
        points.fill(0.0);
        outputs.fill(0.0);
        let samples = points.chunks_exact_mut(rows * dim).zip(outputs.chunks_exact_mut(rows * dim));
        for (sample, (points, outputs)) in samples.enumerate() {
            let own = sample * k * dim..(sample + 1) * k * dim;
            add(&mut points[..k * dim], state, &v[own.clone()]);
            outputs[..k * dim].copy_from_slice(&slopes[own]);
        }
        self.scratch.second.first = first;
    }

    /// Adds every forcing's χ to its row of b_n, and its slopes along the directions to those of db_n.
    fn force_second(&mut self, j: usize, layout: SecondRows) {
        let (len, dim, k) = (self.x.len(), self.step.dim(), layout.directions);
        let rows = layout.count();
        let stage = &self.plan.stages[j];
        for (e, error) in self.step.forcing.iter().enumerate() {
            let gain = stage.forcing_gains[e];
            let Chi::Field { field, scale } = &error.chi else {
                self.force(j, e, layout.forced(e), rows);
                continue;
            };
            let buffers = &mut self.scratch.second;
            let StageScratch { point, tangent_point, tangent_output, .. } = &mut self.scratch.stages[j];
            let point = if stage.point.is_state() { self.x } else { &point[..len] };
            let directions = sized(&mut buffers.left, len * k);
            gather(dim, rows, &tangent_point[..len * rows], |i| i, directions, k);
            let (value, slopes) = (sized(&mut buffers.value, len), sized(&mut buffers.curvature, len * k));
            field.tangents(stage.error_at, point, directions, value, slopes);
            let outputs = tangent_output.chunks_exact_mut(rows * dim);
            for (sample, output) in outputs.enumerate().take(len / dim) {
                add(
                    &mut output[layout.forced(e) * dim..][..dim],
                    gain * scale,
                    &value[sample * dim..][..dim],
                );
                let slopes = &slopes[sample * k * dim..][..k * dim];
                add(&mut output[layout.slope(e, 0) * dim..][..k * dim], gain * scale, slopes);
            }
        }
    }

    /// Adds f″ and the own error's χ″ to the rows of the second derivatives.
    fn curve(&mut self, j: usize, pairs: &[[usize; 2]], layout: SecondRows, seed: &[f64]) -> Result<()> {
        let stage = &self.plan.stages[j];
        let products = products(stage, pairs, layout);
        if products.is_empty() || self.x.is_empty() {
            return Ok(());
        }
        let (len, dim, rows) = (self.x.len(), self.step.dim(), layout.count());
        let Buffers { left, right, curvature, value, .. } = &mut self.scratch.second;
        let StageScratch { point, tangent_point, tangent_output, .. } = &mut self.scratch.stages[j];
        let (point, along) = if stage.point.is_state() {
            (self.x, seed)
        } else {
            (&point[..len], &tangent_point[..len * rows])
        };
        let count = products.len();
        let (left, right) = (sized(left, len * count), sized(right, len * count));
        gather(dim, rows, along, |p| products[p].left, left, count);
        gather(dim, rows, along, |p| products[p].right, right, count);
        let (value, d2) = (sized(value, len), sized(curvature, len * count));
        let own = own_error(self.step, stage).and_then(|(chi, gain)| match chi {
            Chi::Field { field, scale } => Some((field, stage.error_at, gain * scale)),
            Chi::White | Chi::Given => None,
        });
        let base = Some((&self.step.drift.field, stage.at, 1.0));
        let parts: [Option<(&SharedField, Moment, f64)>; 2] = [base, own];
        for (field, at, factor) in parts.into_iter().flatten() {
            field.second(at, point, left, right, value, d2)?;
            for (sample, d2) in d2.chunks_exact(count * dim).enumerate() {
                let output = &mut tangent_output[sample * rows * dim..][..rows * dim];
                for (product, d2) in products.iter().zip(d2.chunks_exact(dim)) {
                    add(&mut output[product.target * dim..][..dim], factor, d2);
                }
            }
        }
        Ok(())
    }
}

/// The pairs of rows whose points both move at a stage: those of forced rows only where outputs enter the point.
fn products(stage: &Stage, pairs: &[[usize; 2]], layout: SecondRows) -> Vec<Product> {
    let of_pair =
        |(p, pair): (usize, &[usize; 2])| Product { left: pair[0], right: pair[1], target: layout.pair(p) };
    let mut products: Vec<Product> = pairs.iter().enumerate().map(of_pair).collect();
    if stage.point.has_outputs() {
        let forced = (0..layout.forcings).flat_map(|e| (0..layout.directions).map(move |i| (e, i)));
        products.extend(forced.map(|(e, i)| Product {
            left: layout.forced(e),
            right: i,
            target: layout.slope(e, i),
        }));
    }
    products
}

/// `out[n, count, D]`: row `which(i)` of every sample's `rows` rows.
fn gather(
    dim: usize,
    rows: usize,
    from: &[f64],
    which: impl Fn(usize) -> usize,
    out: &mut [f64],
    count: usize,
) {
    for (from, out) in from.chunks_exact(rows * dim).zip(out.chunks_exact_mut((count * dim).max(1))) {
        for (i, out) in out.chunks_exact_mut(dim).enumerate() {
            out.copy_from_slice(&from[which(i) * dim..][..dim]);
        }
    }
}

impl Step {
    /// The rows that [`Step::advance_second`] fills for k directions and some pairs.
    pub fn second_rows(&self, directions: usize, pairs: usize) -> SecondRows {
        SecondRows { directions, forcings: self.forcing.len(), pairs }
    }

    /// State, tangents and second order: `v[n, k, D]` are directions and `pairs` pairs of their indices. The rows
    /// `rows[n, R, D]` of a sample are A_n v, b_n of every forcing error (per unit size), d²F_n\[v_i, v_j\] of every
    /// pair, and db_n(x_n) v of every forcing, in the places that [`Step::second_rows`] names. Errors white in time or
    /// known only along paths have db_n = 0.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] where the field, or an error of the drift itself, has no exact second order.
    ///
    /// # Panics
    /// If `n` is not below the number of steps, or a pair names no direction.
    pub fn advance_second(
        &self,
        n: usize,
        x: &[f64],
        noise: super::StepNoise,
        directions: Directions,
        next: &mut [f64],
        rows: &mut [f64],
    ) -> Result<()> {
        let Directions { v, pairs } = directions;
        let k = if x.is_empty() { 0 } else { v.len() / x.len() };
        let layout = self.second_rows(k, pairs.len());
        self.pool.with(|scratch| {
            let mut run = Run::new(self, &self.plans[n], x, noise, scratch);
            run.second(v, pairs, layout, next, rows)
        })
    }
}

/// Along what a step is expanded.
#[derive(Debug, Clone, Copy)]
pub struct Directions<'a> {
    /// v `[n, k, D]`
    pub v: &'a [f64],
    /// Indices of the directions whose mixed derivative is taken.
    pub pairs: &'a [[usize; 2]],
}
