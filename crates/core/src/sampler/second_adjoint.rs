//! Transposed second order of a step: the gradient by x_n of y·A_n z, its derivative by every forcing error, and b_n
//! (theory §7).
//!
//! L = y · dF_n(x) z is differentiated backwards over its tangent. With p_j and o_j the points and outputs of the stages,
//! p′_j and o′_j their derivatives along z, and bars for the derivatives of L by them,
//!
//! ```text
//! p̄′_j = f′ᵀ ō′_j,   p̄_j = f′ᵀ ō_j + (f″[p′_j, ·])ᵀ ō′_j,   ∇L = Σ_j (∂p_j/∂x) p̄_j,
//! ```
//!
//! where the ō_j gather the p̄_l of the later stages that take o_j in, and the ō′_j those of the p̄′_l and y. An error
//! with gain g adds g χ to o_j and g χ′ p′_j to o′_j, so that y·db_n z = Σ_j g (ō_j·χ + ō′_j·χ′ p′_j).

use super::execute::{Run, add, own_error};
use super::{Step, StepNoise};
use crate::error::Result;
use crate::error_field::Chi;
use crate::field::{Moment, SharedField};
use crate::linalg::dot;
use crate::sampler::plan::MAX_STAGES;
use crate::scratch::sized;

/// m pairs of vectors a sample around one step, and what [`Step::advance_second_adjoint`] makes of them.
#[derive(Debug)]
pub struct SecondCotangents<'a> {
    /// z at the start of the step `[n, m, D]`.
    pub z: &'a [f64],
    /// y at its end `[n, m, D]`.
    pub y: &'a [f64],
    /// The gradient by x_n of y·A_n z: (d²F_n\[z, ·\])ᵀ y `[n, m, D]`.
    pub gradient: &'a mut [f64],
    /// y·db_n(x_n) z of every forcing error, per unit size `[n, m, e]`.
    pub slopes: &'a mut [f64],
}

/// Buffers of the way back.
#[derive(Default)]
pub(super) struct Reversed {
    stages: [Bars; MAX_STAGES],
    /// ō_j and ō′_j of the present stage.
    output: Bars,
    value: Vec<f64>,
    term: Vec<f64>,
}

/// Derivatives of L by a quantity and by its tangent `[n, m, D]`.
#[derive(Default)]
struct Bars {
    by_value: Vec<f64>,
    by_tangent: Vec<f64>,
}

impl Run<'_> {
    /// Fills the gradients and slopes of `rows`.
    fn second_adjoint(&mut self, rows: SecondCotangents) -> Result<()> {
        let SecondCotangents { z, y, gradient, slopes } = rows;
        gradient.fill(0.0);
        slopes.fill(0.0);
        if z.is_empty() {
            return Ok(());
        }
        let last = self.plan.stages.len() - 1;
        (0..last).for_each(|j| self.ask_with_tangents(j, z));
        self.place_point(last);
        self.place_tangent_point(last, z);
        let mut bars = std::mem::take(&mut self.scratch.reversed);
        let done = (0..=last).rev().try_for_each(|j| {
            self.gather_bars(j, y, &mut bars);
            self.pull_back_bars(j, z, &mut bars)?;
            self.force_bars(j, z, &mut bars, slopes);
            add(gradient, self.plan.stages[j].point.state, &bars.stages[j].by_value[..z.len()]);
            Ok(())
        });
        self.scratch.reversed = bars;
        done
    }

    /// ō_j and ō′_j from the stages after it.
    fn gather_bars(&self, j: usize, y: &[f64], bars: &mut Reversed) {
        let Bars { by_value, by_tangent } = &mut bars.output;
        let (by_value, by_tangent) = (sized(by_value, y.len()), sized(by_tangent, y.len()));
        by_value.fill(0.0);
        by_tangent.fill(0.0);
        add(by_tangent, self.plan.next.outputs[j], y);
        let later = self.plan.stages.iter().zip(&bars.stages).skip(j + 1);
        for (later, bars) in later.filter(|(later, _)| later.point.outputs[j] != 0.0) {
            add(by_value, later.point.outputs[j], &bars.by_value[..y.len()]);
            add(by_tangent, later.point.outputs[j], &bars.by_tangent[..y.len()]);
        }
    }

    /// The point of stage j and its derivative along z.
    fn point_and_tangent<'r>(&'r self, j: usize, z: &'r [f64]) -> [&'r [f64]; 2] {
        let scratch = &self.scratch.stages[j];
        match self.plan.stages[j].point.is_state() {
            true => [self.x, z],
            false => [&scratch.point[..self.x.len()], &scratch.tangent_point[..z.len()]],
        }
    }

    /// p̄_j, and p̄′_j where earlier outputs enter the point.
    fn pull_back_bars(&self, j: usize, z: &[f64], bars: &mut Reversed) -> Result<()> {
        let Reversed { stages, output, value, term } = bars;
        let (stage, pulled) = (&self.plan.stages[j], &mut stages[j]);
        let [point, along] = self.point_and_tangent(j, z);
        let (value, term) = (sized(value, point.len()), sized(term, z.len()));
        let (by_value, by_tangent) =
            (sized(&mut pulled.by_value, z.len()), sized(&mut pulled.by_tangent, z.len()));
        by_value.fill(0.0);
        by_tangent.fill(0.0);
        let (value_bar, tangent_bar) = (&output.by_value[..z.len()], &output.by_tangent[..z.len()]);
        let own = own_error(self.step, stage).and_then(|(chi, gain)| match chi {
            Chi::Field { field, scale } => Some((field, stage.error_at, gain * scale)),
            Chi::White | Chi::Given => None,
        });
        let base = Some((&self.step.drift.field, stage.at, 1.0));
        let parts: [Option<(&SharedField, Moment, f64)>; 2] = [base, own];
        for (field, at, factor) in parts.into_iter().flatten() {
            field.second_adjoint(at, point, along, tangent_bar, value, term)?;
            add(by_value, factor, term);
            if j + 1 < self.plan.stages.len() {
                field.adjoint(at, point, value_bar, value, term);
                add(by_value, factor, term);
            }
            if stage.point.has_outputs() {
                field.adjoint(at, point, tangent_bar, value, term);
                add(by_tangent, factor, term);
            }
        }
        Ok(())
    }

    /// Adds stage j's share of y·db_n z.
    fn force_bars(&self, j: usize, z: &[f64], bars: &mut Reversed, slopes: &mut [f64]) {
        let (dim, forcings, stage) = (self.step.dim(), self.step.forcing.len(), &self.plan.stages[j]);
        let Reversed { output, value, term, .. } = bars;
        let [point, along] = self.point_and_tangent(j, z);
        let rows = z.len() / self.x.len();
        for (e, error) in self.step.forcing.iter().enumerate() {
            let term = sized(term, z.len());
            let (chi, unit): (&[f64], f64) = match &error.chi {
                Chi::Field { field, scale } => {
                    let value = sized(value, point.len());
                    field.tangents(stage.error_at, point, along, value, term);
                    (value, *scale)
                }
                Chi::White => (self.noise.white, 1.0 / self.plan.dt.sqrt()),
                Chi::Given => (self.noise.given, 1.0),
            };
            let moves = matches!(error.chi, Chi::Field { .. });
            let gain = stage.forcing_gains[e] * unit;
            for (row, slope) in slopes.iter_mut().skip(e).step_by(forcings).enumerate() {
                let own = row * dim..(row + 1) * dim;
                let chi = &chi[row / rows * dim..][..dim];
                *slope += gain * dot(&output.by_value[own.clone()], chi);
                if moves {
                    *slope += gain * dot(&output.by_tangent[own.clone()], &term[own]);
                }
            }
        }
    }

    /// b_n of every forcing error. The field's own derivative enters only through points that outputs have moved.
    fn forced(&mut self, b: &mut [f64]) {
        let forcings = self.step.forcing.len();
        let mut still = std::mem::take(&mut self.scratch.reversed.term);
        let zero = sized(&mut still, b.len());
        zero.fill(0.0);
        let last = self.plan.stages.len() - 1;
        for j in 0..=last {
            if self.plan.stages[j].point.has_outputs() {
                self.ask_with_tangents(j, zero);
            } else {
                if j < last {
                    self.ask(j);
                } else {
                    self.place_point(j);
                }
                sized(&mut self.scratch.stages[j].tangent_output, b.len()).fill(0.0);
            }
            (0..forcings).for_each(|e| self.force(j, e, e, forcings));
        }
        self.combine_tangents(self.plan.next, zero, b);
        self.scratch.reversed.term = still;
    }
}

impl Step {
    /// The transposed second order of the step at x_n: with z before and y after it, the gradient by x_n of y·A_n z, and
    /// y·db_n z of every forcing error. Errors white in time or known only along paths have no derivative in space, and
    /// enter where a later stage bends what they moved.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] where the field, or an error of the drift itself, has no exact second order.
    ///
    /// # Panics
    /// If `n` is not below the number of steps.
    pub fn advance_second_adjoint(
        &self,
        n: usize,
        x: &[f64],
        noise: StepNoise,
        rows: SecondCotangents,
    ) -> Result<()> {
        self.pool.with(|scratch| Run::new(self, &self.plans[n], x, noise, scratch).second_adjoint(rows))
    }

    /// b_n(x_n) of every forcing error, per unit size: `b[n, e, D]`.
    ///
    /// # Panics
    /// If `n` is not below the number of steps.
    pub fn forced(&self, n: usize, x: &[f64], noise: StepNoise, b: &mut [f64]) {
        self.pool.with(|scratch| Run::new(self, &self.plans[n], x, noise, scratch).forced(b));
    }
}
