//! The steps of a run, built once: the base model with its forced displacements, the perturbed twins, twice the steps.

use super::columns::layout;
use super::exact::{Coarse, Exactly};
use super::extent::Extent;
use super::gains::{PathKind, path_kinds};
use super::learning::{Learned, learned};
use super::request::{ErrorKind, ErrorRequest, Perturbation, Request};
use super::response::{Opposites, opposites};
use super::system::System;
use crate::error::{Error, Result};
use crate::error_field::{Chi, ConstantField, ModelError, SmoothField};
use crate::field::SharedField;
use crate::process::{Drift, Grid};
use crate::sampler::Step;
use crate::sweep::Refinement;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A perturbed twin: its step and how its noise relates to that of the base run.
pub(super) struct Twin {
    pub step: Step,
    pub refinement: Refinement,
    /// Its error's place among [`Study::path_kinds`], if it is known only along the paths.
    pub path_kind: Option<usize>,
}

/// Everything that the samples of a run have in common.
pub(super) struct Study<'a> {
    pub system: &'a System,
    pub request: &'a Request,
    pub extent: Extent,
    /// Names of the columns that the run has.
    pub wanted: BTreeSet<&'static str>,
    /// Unperturbed step; its forced rows are the kinds with a first-order displacement, in order.
    pub base: Step,
    /// One for every perturbation.
    pub twins: Vec<Twin>,
    /// The base step on a grid of 2 N steps.
    pub doubled: Step,
    /// Both without displacements, for frames that are carried to and fro.
    pub plain: Step,
    pub plain_doubled: Step,
    /// Coarser steps, for the first rounds of a search.
    pub coarse: Option<Coarse>,
    /// Errors known only along the paths.
    pub path_kinds: Vec<PathKind>,
    /// Learning errors, at their own sizes.
    pub learned: Vec<Learned>,
    /// Twins of the errors that respond, one pair a size, for central differences.
    pub opposites: Vec<Vec<Opposites>>,
}

impl<'a> Study<'a> {
    /// `norms` as measured by [`super::error_scales`].
    pub fn new(system: &'a System, request: &'a Request, norms: &[f64]) -> Result<Self> {
        request.check(system.dim(), system.grid.steps)?;
        let errors = forced_errors(system, request, norms)?;
        let forcing: Vec<ModelError> = errors.iter().flatten().filter(|e| !e.is_given()).cloned().collect();
        let list = request.perturbations(norms);
        let twins = list.iter().map(|p| twin(system, &errors, p)).collect::<Result<Vec<_>>>()?;
        let grid = system.grid.doubled();
        let wanted = layout(system, request, list.len()).into_iter().map(|spec| spec.name).collect();
        let extent = Extent::of(system, request);
        let mut observables = request.observables.iter().flatten();
        observables.try_for_each(|observable| observable.check(system.dim(), extent.support))?;
        Ok(Study {
            system,
            request,
            opposites: opposites(system, &extent, &errors)?,
            extent,
            wanted,
            base: system.step(forcing.clone())?,
            twins,
            doubled: Step::new(system.drift.clone(), grid, system.method, forcing)?,
            plain: system.step(Vec::new())?,
            plain_doubled: Step::new(system.drift.clone(), grid, system.method, Vec::new())?,
            coarse: if extent.exact == Exactly::Search { Coarse::of(system)? } else { None },
            path_kinds: path_kinds(system, request, &errors)?,
            learned: learned(request, norms),
        })
    }
}

/// χ of every error kind with its measured norm; `None` for coarser steps.
pub(super) fn forced_errors(
    system: &System,
    request: &Request,
    norms: &[f64],
) -> Result<Vec<Option<ModelError>>> {
    let chi = |(index, error): (usize, &ErrorRequest)| -> Result<Option<ModelError>> {
        Ok(chi(system, error, request.seed, index, norms[index])?.map(|chi| ModelError {
            chi,
            place: error.place,
            size: 1.0,
        }))
    };
    request.errors.iter().enumerate().map(chi).collect()
}

/// χ with ∞-norm 1, given the norm of the unscaled field.
fn chi(system: &System, error: &ErrorRequest, seed: u64, index: usize, norm: f64) -> Result<Option<Chi>> {
    let field: SharedField = match &error.kind {
        ErrorKind::Constant { direction } => Arc::new(ConstantField::new(direction)?),
        ErrorKind::Random { length_scale, time_dependent } => {
            let time_scale = time_dependent.then(|| system.elapsed_time());
            Arc::new(SmoothField::new(system.dim(), *length_scale, time_scale, seed, index as u64)?)
        }
        ErrorKind::Difference { field, .. } | ErrorKind::Rounded { field, .. } => field.clone(),
        ErrorKind::White => return Ok(Some(Chi::White)),
        ErrorKind::Coarser => return Ok(None),
        ErrorKind::Worst { .. } => return system.needs_support(error.kind.name()).map(|_| Some(Chi::Given)),
    };
    if norm <= 0.0 || !norm.is_finite() {
        return Err(Error::invalid(
            format!("error of kind {}", error.kind.name()),
            "a field that differs from zero on the sampled paths",
            format!("largest ∞-norm {norm}"),
            "Leave this error out: two models that agree everywhere have no difference to follow",
        ));
    }
    Ok(Some(Chi::Field { field, scale: 1.0 / norm }))
}

fn twin(system: &System, errors: &[Option<ModelError>], entry: &Perturbation) -> Result<Twin> {
    match &errors[entry.error] {
        Some(error) => {
            let error = ModelError { size: entry.size, ..error.clone() };
            let given = |error: &Option<ModelError>| error.as_ref().is_some_and(ModelError::is_given);
            let path_kind =
                error.is_given().then(|| errors[..entry.error].iter().filter(|e| given(e)).count());
            Ok(Twin { step: system.perturbed_step(error)?, refinement: Refinement::Own, path_kind })
        }
        None => {
            let factor = entry.size as usize;
            let grid = Grid { steps: system.grid.steps / factor, ..system.grid };
            let drift = Drift { error: None, ..system.drift.clone() };
            let step = Step::new(drift, grid, system.method, Vec::new())?;
            Ok(Twin { step, refinement: Refinement::Coarser(factor), path_kind: None })
        }
    }
}
