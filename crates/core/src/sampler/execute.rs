//! Runs a plan on a batch: value, tangents with forced rows, adjoint.

use super::plan::{Combination, MAX_STAGES, Plan, Stage};
use super::{Step, StepNoise};
use crate::error_field::{Chi, Place};
use crate::scratch::sized;

/// Buffers of one stage.
#[derive(Default)]
pub(super) struct StageScratch {
    pub(super) point: Vec<f64>,
    pub(super) output: Vec<f64>,
    pub(super) tangent_point: Vec<f64>,
    pub(super) tangent_output: Vec<f64>,
}

/// Buffers of one step.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) stages: [StageScratch; MAX_STAGES],
    pub(super) error: Vec<f64>,
    pub(super) error_tangent: Vec<f64>,
    pub(super) second: super::second::Buffers,
    pub(super) reversed: super::second_adjoint::Reversed,
}

/// One plan at one batch of states.
pub(super) struct Run<'a> {
    pub(super) step: &'a Step,
    pub(super) plan: &'a Plan,
    pub(super) x: &'a [f64],
    pub(super) noise: StepNoise<'a>,
    pub(super) scratch: &'a mut Scratch,
}

/// target += factor · source, nothing for a factor of 0.
pub(super) fn add(target: &mut [f64], factor: f64, source: &[f64]) {
    if factor != 0.0 {
        target.iter_mut().zip(source).for_each(|(t, s)| *t += factor * s);
    }
}

/// target = factor · source.
fn scale(target: &mut [f64], factor: f64, source: &[f64]) {
    if factor == 0.0 {
        target.fill(0.0);
    } else {
        target.iter_mut().zip(source).for_each(|(t, s)| *t = factor * s);
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(
        step: &'a Step,
        plan: &'a Plan,
        x: &'a [f64],
        noise: StepNoise<'a>,
        scratch: &'a mut Scratch,
    ) -> Self {
        Run { step, plan, x, noise, scratch }
    }

    /// Values alone.
    pub(super) fn values(&mut self, next: &mut [f64]) {
        for j in 0..self.plan.stages.len() {
            self.ask(j);
        }
        self.combine_into(self.plan.next, next);
    }

    /// Fills point and output of stage j, whose predecessors are filled.
    pub(super) fn ask(&mut self, j: usize) {
        let (len, stage) = (self.x.len(), &self.plan.stages[j]);
        self.place_point(j);
        let StageScratch { point, output, .. } = &mut self.scratch.stages[j];
        let point = if stage.point.is_state() { self.x } else { &point[..len] };
        let output = sized(output, len);
        self.step.drift.field.eval(stage.at, point, output);
        let Some((chi, gain)) = own_error(self.step, stage) else { return };
        match chi {
            Chi::Field { field, scale } => {
                let value = sized(&mut self.scratch.error, len);
                field.eval(stage.error_at, point, value);
                add(output, gain * scale, value);
            }
            Chi::White => add(output, gain / self.plan.dt.sqrt(), self.noise.white),
            Chi::Given => add(output, gain, self.noise.given),
        }
    }

    /// Fills the point of stage j unless it is the state itself.
    pub(super) fn place_point(&mut self, j: usize) {
        let combination = self.plan.stages[j].point;
        if !combination.is_state() {
            let mut point = std::mem::take(&mut self.scratch.stages[j].point);
            self.combine_into(combination, sized(&mut point, self.x.len()));
            self.scratch.stages[j].point = point;
        }
    }

    /// The combination of state, outputs so far, and noises.
    pub(super) fn combine_into(&self, combination: Combination, out: &mut [f64]) {
        scale(out, combination.state, self.x);
        for (factor, stage) in combination.outputs.iter().zip(&self.scratch.stages) {
            add(out, *factor, &stage.output);
        }
        let (dim, noises) = (self.step.dim(), self.step.noises());
        for (index, factor) in combination.noises.iter().enumerate().take(noises) {
            let rows = self.noise.xi.chunks_exact(noises * dim);
            for (target, xi) in out.chunks_exact_mut(dim).zip(rows) {
                add(target, *factor, &xi[index * dim..][..dim]);
            }
        }
    }

    /// Values and tangent rows.
    pub(super) fn tangents(&mut self, v: &[f64], next: &mut [f64], v_next: &mut [f64]) {
        for j in 0..self.plan.stages.len() {
            self.ask_with_tangents(j, v);
            let (forcings, rows) = (self.step.forcing.len(), v.len().checked_div(self.x.len()).unwrap_or(0));
            (0..forcings).for_each(|e| self.force(j, e, rows - forcings + e, rows));
        }
        self.combine_into(self.plan.next, next);
        self.combine_tangents(self.plan.next, v, v_next);
    }

    pub(super) fn combine_tangents(&self, combination: Combination, v: &[f64], out: &mut [f64]) {
        scale(out, combination.state, v);
        for (factor, stage) in combination.outputs.iter().zip(&self.scratch.stages) {
            add(out, *factor, &stage.tangent_output);
        }
    }

    /// Fills the tangents of the point of stage j unless it is the state itself.
    pub(super) fn place_tangent_point(&mut self, j: usize, v: &[f64]) {
        let combination = self.plan.stages[j].point;
        if !combination.is_state() {
            let mut tangent_point = std::mem::take(&mut self.scratch.stages[j].tangent_point);
            self.combine_tangents(combination, v, sized(&mut tangent_point, v.len()));
            self.scratch.stages[j].tangent_point = tangent_point;
        }
    }

    /// Fills point, output and their tangents of stage j.
    pub(super) fn ask_with_tangents(&mut self, j: usize, v: &[f64]) {
        let (len, stage) = (self.x.len(), &self.plan.stages[j]);
        self.place_point(j);
        self.place_tangent_point(j, v);
        let StageScratch { point, output, tangent_point, tangent_output } = &mut self.scratch.stages[j];
        let (point, dpoint) =
            if stage.point.is_state() { (self.x, v) } else { (&point[..len], &tangent_point[..v.len()]) };
        let (output, doutput) = (sized(output, len), sized(tangent_output, v.len()));
        self.step.drift.field.tangents(stage.at, point, dpoint, output, doutput);
        let Some((chi, gain)) = own_error(self.step, stage) else { return };
        match chi {
            Chi::Field { field, scale } => {
                let value = sized(&mut self.scratch.error, len);
                let tangent = sized(&mut self.scratch.error_tangent, v.len());
                field.tangents(stage.error_at, point, dpoint, value, tangent);
                add(output, gain * scale, value);
                add(doutput, gain * scale, tangent);
            }
            Chi::White => add(output, gain / self.plan.dt.sqrt(), self.noise.white),
            Chi::Given => add(output, gain, self.noise.given),
        }
    }

    /// Adds the χ of forcing e to row `row` of the `rows` rows of stage j's output.
    pub(super) fn force(&mut self, j: usize, e: usize, row: usize, rows: usize) {
        let (len, dim) = (self.x.len(), self.step.dim());
        let stage = &self.plan.stages[j];
        let StageScratch { point, tangent_output, .. } = &mut self.scratch.stages[j];
        let point = if stage.point.is_state() { self.x } else { &point[..len] };
        let (chi, unit) = match &self.step.forcing[e].chi {
            Chi::Field { field, scale } => {
                let value = sized(&mut self.scratch.error, len);
                field.eval(stage.error_at, point, value);
                (&*value, *scale)
            }
            Chi::White => (self.noise.white, 1.0 / self.plan.dt.sqrt()),
            Chi::Given => (self.noise.given, 1.0),
        };
        for (sample, value) in chi.chunks_exact(dim).enumerate() {
            let target = &mut tangent_output[(sample * rows + row) * dim..][..dim];
            add(target, stage.forcing_gains[e] * unit, value);
        }
    }

    /// `u_prev` = A_nᵀ u.
    pub(super) fn adjoint(&mut self, u: &[f64], u_prev: &mut [f64]) {
        let last = self.plan.stages.len() - 1;
        (0..last).for_each(|j| self.ask(j));
        self.place_point(last);
        scale(u_prev, self.plan.next.state, u);
        for j in (0..=last).rev() {
            self.pull_back(j, u);
            add(u_prev, self.plan.stages[j].point.state, &self.scratch.stages[j].tangent_point[..u.len()]);
        }
    }

    /// After [`Run::adjoint`]: `pulled` = B_nᵀ u, the cotangents of the stages' outputs with the gain of each.
    pub(super) fn pull_error(&mut self, place: Place, pulled: &mut [f64]) {
        pulled.fill(0.0);
        for (stage, scratch) in self.plan.stages.iter().zip(&self.scratch.stages) {
            add(pulled, stage.gain_at(place), &scratch.tangent_output);
        }
    }

    /// Pulls the cotangent of stage j's output back to its point (kept in `tangent_point`).
    fn pull_back(&mut self, j: usize, u: &[f64]) {
        let len = self.x.len();
        let stage = &self.plan.stages[j];
        let (front, back) = self.scratch.stages.split_at_mut(j + 1);
        let StageScratch { point, output, tangent_point, tangent_output } = &mut front[j];
        let cotangent = sized(tangent_output, u.len());
        scale(cotangent, self.plan.next.outputs[j], u);
        for (later, scratch) in self.plan.stages[j + 1..].iter().zip(back) {
            add(cotangent, later.point.outputs[j], &scratch.tangent_point[..u.len()]);
        }
        let point = if stage.point.is_state() { self.x } else { &point[..len] };
        let pulled = sized(tangent_point, u.len());
        self.step.drift.field.adjoint(stage.at, point, cotangent, sized(output, len), pulled);
        if let Some((Chi::Field { field, scale }, gain)) = own_error(self.step, stage) {
            let value = sized(&mut self.scratch.error, len);
            let error_pulled = sized(&mut self.scratch.error_tangent, u.len());
            field.adjoint(stage.error_at, point, cotangent, value, error_pulled);
            add(pulled, gain * scale, error_pulled);
        }
    }
}

/// The drift's own error with its gain at a stage; `None` where there is none or its size is 0.
pub(super) fn own_error<'a>(step: &'a Step, stage: &Stage) -> Option<(&'a Chi, f64)> {
    let error = step.drift.error.as_ref()?;
    (error.size != 0.0).then_some((&error.chi, stage.error_gain))
}
