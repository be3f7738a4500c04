//! One pass over a chunk of samples: sweep, spectrum, alignment, twins. The one place that splits work over threads.

use super::axis::Chunk;
use super::condition::put_condition;
use super::exact::Exactly;
use super::gains::{Back, On, put_doubled_gains, put_gains};
use super::observe::{Observed, observe, observe_feet};
use super::request::{ErrorKind, Request};
use super::study::{Study, forced_errors};
use super::system::System;
use crate::condition;
use crate::error::Result;
use crate::error_field::Chi;
use crate::field::Field;
use crate::linalg::row_distances;
use crate::robustness;
use crate::spectrum;
use crate::support::{Flaw, Foot};
use crate::sweep::{Batch, Forward, Keep, PathError, Refinement, forward, forward_given};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// Told how many more samples are finished; answers whether to go on.
pub type Progress<'a> = &'a (dyn Fn(usize) -> bool + Sync);

/// ∞-norm of every error field of the request, met on all sampled paths (1 for kinds that need no scaling).
/// Returns `None` when `done` said to stop.
///
/// # Errors
/// Non-finite paths, with the sample and the step.
pub fn error_scales(system: &System, request: &Request, done: Progress) -> Result<Option<Vec<f64>>> {
    let unscaled = vec![1.0; request.errors.len()];
    let study = Study::new(system, request, &unscaled)?;
    let measured =
        |kind: &ErrorKind| matches!(kind, ErrorKind::Random { .. }) || kind.learning_error().is_some();
    let fields: Vec<_> = forced_errors(system, request, &unscaled)?
        .into_iter()
        .zip(&request.errors)
        .map(|(error, asked)| match error.map(|e| e.chi) {
            Some(Chi::Field { field, .. }) if measured(&asked.kind) => Some(field),
            _ => None,
        })
        .collect();
    if fields.iter().all(Option::is_none) {
        return Ok(Some(unscaled));
    }
    let step = system.step(Vec::new())?;
    let tile_norms = |samples: Range<usize>| -> Result<Option<Vec<f64>>> {
        let batch = study.batch(samples.clone(), Refinement::Own);
        let path = forward(&step, &batch, 0, Keep { path: true, ..Keep::default() })?.path;
        let norms =
            fields.iter().map(|f| f.as_ref().map_or(1.0, |f| norm_on_path(system, f.as_ref(), &path)));
        let norms = norms.collect();
        Ok(done(samples.len()).then_some(norms))
    };
    let tiles = tiles(0..request.samples, study.tile()?);
    let all: Option<Vec<Vec<f64>>> =
        tiles.into_par_iter().map(tile_norms).collect::<Result<Vec<_>>>()?.into_iter().collect();
    Ok(all.map(|all| {
        all.into_iter().reduce(|a, b| a.iter().zip(&b).map(|(a, b)| a.max(*b)).collect()).unwrap_or(unscaled)
    }))
}

/// Largest |χ|_∞ at the starts of all steps of `path[τ+1, n, D]`.
fn norm_on_path(system: &System, field: &dyn Field, path: &[f64]) -> f64 {
    let rows = path.len() / (system.grid.steps + 1);
    let mut chi = vec![0.0; rows];
    let mut norm: f64 = 0.0;
    for (n, x) in path.chunks_exact(rows).take(system.grid.steps).enumerate() {
        let u = system.grid.time(n);
        field.eval(system.drift.error_moment(u), x, &mut chi);
        norm = chi.iter().fold(norm, |norm, c| norm.max(c.abs()));
    }
    norm
}

/// All columns of `samples`. `norms` come from [`error_scales`]. `None` when `done` said to stop.
///
/// # Errors
/// Non-finite paths, with the sample and the step.
pub fn chunk(
    system: &System,
    request: &Request,
    norms: &[f64],
    samples: Range<usize>,
    done: Progress,
) -> Result<Option<Chunk>> {
    let study = Study::new(system, request, norms)?;
    let computed = |tile: Range<usize>| -> Result<Option<Columns>> {
        let count = tile.len();
        let columns = study.compute(tile)?;
        Ok(done(count).then_some(columns))
    };
    let parts =
        tiles(samples.clone(), study.tile()?).into_par_iter().map(computed).collect::<Result<Vec<_>>>()?;
    let mut columns: Columns = study.wanted.iter().map(|&name| (name, Vec::new())).collect();
    for part in parts {
        let Some(part) = part else { return Ok(None) };
        for (name, values) in part {
            if let Some(column) = columns.get_mut(name) {
                column.extend(values);
            }
        }
    }
    Ok(Some(Chunk { samples, columns }))
}

type Columns = BTreeMap<&'static str, Vec<f64>>;

fn tiles(samples: Range<usize>, tile: usize) -> Vec<Range<usize>> {
    let end = samples.end;
    samples.step_by(tile).map(|start| start..(start + tile).min(end)).collect()
}

impl Study<'_> {
    pub(super) fn batch(&self, samples: Range<usize>, refinement: Refinement) -> Batch<'_> {
        Batch { source: self.system.source.as_ref(), seed: self.request.seed, samples, refinement }
    }

    /// Vectors to follow: k with the spectrum, none without.
    pub(super) fn followed(&self) -> usize {
        if self.extent.spectrum { self.request.vectors } else { 0 }
    }

    /// Vectors of the perturbed twins: all where they are decomposed, else those that alignment compares. The leading
    /// vectors of a sweep do not depend on the others.
    fn compared(&self) -> usize {
        match self.extent.exact {
            Exactly::Chain => self.request.vectors,
            _ if self.extent.angles => self.extent.aligned,
            _ => 1,
        }
    }

    fn compute(&self, tile: Range<usize>) -> Result<Columns> {
        let mut columns = Columns::new();
        let on_path = tile.start < self.request.paths;
        let keep = self.keep_for_back(Keep {
            path: on_path || !self.learned.is_empty(),
            frames: on_path,
            chain: self.extent.exact == Exactly::Chain || on_path,
            determinants: true,
            ..Keep::default()
        });
        let batch = self.batch(tile.clone(), Refinement::Own);
        let mut run = self.swept(&batch, self.followed(), keep)?;
        let exact = self.exact(On::Own, &tile, &run, None)?;
        let seen = observe(self, &run.end, &run.end_frame, exact);
        self.put_response(&mut columns, &run, &seen.feet)?;
        self.put_differences(&mut columns, &batch)?;
        let back = self.back(On::Own, &batch, &mut run, &seen.feet)?;
        self.put_base(&mut columns, &run, &seen);
        if let Some(exact) = seen.exact.as_ref().filter(|_| self.extent.exact == Exactly::Search) {
            self.put_moved(&mut columns, tile.start, &run.end, exact);
        }
        self.put_first_order(&mut columns, &run, &seen);
        self.put_twins(&mut columns, tile.clone(), &run, &seen, &back)?;
        self.put_learning(&mut columns, &tile, &run, &seen.feet, back.gains.as_ref());
        let kept = self.curves(&tile) * self.system.grid.steps;
        back.gains.into_iter().for_each(|gains| put_gains(&mut columns, gains, kept));
        if on_path {
            self.put_paths(&mut columns, &tile, &run)?;
        }
        if self.extent.condition && tile.start < self.request.condition {
            self.put_conditions(&mut columns, &tile)?;
        }
        if tile.start < self.request.convergence {
            self.put_doubled(&mut columns, tile, &seen)?;
        }
        Ok(columns)
    }

    fn put_base(&self, to: &mut Columns, run: &Forward, seen: &Observed) {
        to.insert("x0", run.start.clone());
        to.insert("x", run.end.clone());
        to.insert("score", seen.score.clone());
        to.insert("foot", seen.feet.iter().flat_map(|f| f.point.iter().copied()).collect());
        to.insert("distance", seen.feet.iter().map(|f| f.distance).collect());
        to.insert("middle_distance", seen.feet.iter().map(|f| f.middle_distance).collect());
        to.insert("piece", seen.feet.iter().map(|f| f.component as f64).collect());
        to.insert("foot_flaw", flaws(&seen.feet));
        to.insert("near_boundary", seen.near_boundary.clone());
        to.insert("log_growth_qr", run.log_growth.clone());
        to.insert("vectors_qr", run.end_frame.clone());
        to.insert("trace_defect", trace_defect(run, self.request.vectors));
        to.insert("score_cosine_qr", seen.qr.score_cosine.clone());
        to.insert("score_subspace_qr", seen.qr.score_subspace.clone());
        to.insert("subspace_angle_deg_qr", seen.qr.subspace_angle_deg.clone());
        to.insert("score_cosine_svd", seen.svd.score_cosine.clone());
        to.insert("score_subspace_svd", seen.svd.score_subspace.clone());
        to.insert("subspace_angle_deg_svd", seen.svd.subspace_angle_deg.clone());
        if let Some(exact) = &seen.exact {
            exact.put(self.request.vectors, to);
        }
    }

    fn put_first_order(&self, to: &mut Columns, run: &Forward, seen: &Observed) {
        let dim = self.system.dim();
        let total =
            run.displacement.chunks_exact(dim).map(|zeta| zeta.iter().map(|z| z * z).sum::<f64>().sqrt());
        to.insert("first_order_total", total.collect());
        if self.extent.support {
            let first = robustness::first_order(dim, self.extent.forced, &seen.feet, &run.displacement);
            to.insert("first_order_normal", first.normal);
            to.insert("first_order_tangent", first.tangent);
            to.insert("footing", first.footing);
        }
        to.insert("displacement", run.displacement.clone());
    }

    fn put_twins(
        &self,
        to: &mut Columns,
        tile: Range<usize>,
        run: &Forward,
        seen: &Observed,
        back: &Back,
    ) -> Result<()> {
        let (dim, count, entries) = (self.system.dim(), tile.len(), self.twins.len());
        let k = if self.extent.regularity { self.compared() } else { 0 };
        let keep =
            Keep { chain: self.extent.regularity && self.extent.exact == Exactly::Chain, ..Keep::default() };
        let mut put = |name, entry: usize, width: usize, values: &[f64]| {
            let column = to.entry(name).or_insert_with(|| vec![0.0; count * entries * width]);
            for (sample, value) in values.chunks_exact(width).enumerate() {
                let at = (sample * entries + entry) * width;
                column[at..at + width].copy_from_slice(value);
            }
        };
        for (entry, twin) in self.twins.iter().enumerate() {
            let none = PathError::default();
            let given = twin.path_kind.map_or(&none, |kind| &back.errors[kind]);
            let batch = self.batch(tile.clone(), twin.refinement);
            let moved = forward_given(&twin.step, &batch, k, keep, given)?;
            put("perturbed_x", entry, dim, &moved.end);
            put("shift", entry, 1, &row_distances(dim, &run.end, &moved.end));
            let there = match self.extent.regularity {
                true => observe(self, &moved.end, &moved.end_frame, self.decomposed(&moved)?),
                false => observe_feet(self, &moved.end),
            };
            if self.extent.support {
                let shift = robustness::shift(&seen.feet, &there.feet);
                let middle: Vec<f64> = there.feet.iter().map(|f| f.middle_distance).collect();
                put("perturbed_distance", entry, 1, &shift.distance_perturbed);
                put("perturbed_middle_distance", entry, 1, &middle);
                put("along", entry, 1, &shift.along);
                put("perturbed_foot_flaw", entry, 1, &flaws(&there.feet));
                put(
                    "jumped",
                    entry,
                    1,
                    &shift.jumped.iter().map(|&j| f64::from(u8::from(j))).collect::<Vec<_>>(),
                );
            }
            put("perturbed_score_cosine_qr", entry, 1, &there.qr.score_cosine);
            put("perturbed_score_cosine_svd", entry, 1, &there.svd.score_cosine);
            put("perturbed_subspace_angle_deg_qr", entry, 1, &there.qr.subspace_angle_deg);
            put("perturbed_subspace_angle_deg_svd", entry, 1, &there.svd.subspace_angle_deg);
            put("perturbed_near_boundary", entry, 1, &there.near_boundary);
        }
        Ok(())
    }

    /// Paths `[tile, τ+1, …]` of the leading samples; the sweep keeps them as `[τ+1, tile, …]`.
    fn put_paths(&self, to: &mut Columns, tile: &Range<usize>, run: &Forward) -> Result<()> {
        let (dim, k, steps) = (self.system.dim(), self.followed(), self.system.grid.steps);
        let kept = self.request.paths.min(tile.end) - tile.start;
        let path = |sample: usize| (0..=steps).flat_map(move |n| (0..dim).map(move |i| (n, sample, i)));
        let count = tile.len();
        let all = || (0..kept).flat_map(path);
        to.insert("paths", all().map(|(n, s, i)| run.path[(n * count + s) * dim + i]).collect());
        if k == 0 {
            return Ok(());
        }
        let leading = all().map(|(n, s, i)| run.frames[((n * count + s) * k) * dim + i]).collect();
        to.insert("path_vectors", leading);
        to.insert("path_log_growth", cumulative_growth(run, k, steps, kept));
        let covariant = spectrum::covariant(&run.chain, &run.frames, self.request.seed, tile.clone())?;
        let middle = &covariant.vectors[(steps / 2) * count * k * dim..][..kept * k * dim];
        to.insert("covariant", middle.to_vec());
        Ok(())
    }

    /// The sufficient condition on the leading samples that are examined.
    fn put_conditions(&self, to: &mut Columns, tile: &Range<usize>) -> Result<()> {
        let examined = tile.start..tile.end.min(self.request.condition);
        let keep = Keep { path: true, frames: true, chain: true, noise: true, ..Keep::default() };
        let run = forward(&self.plain, &self.batch(examined, Refinement::Own), self.followed(), keep)?;
        let source = self.system.source_density.as_deref();
        let found = condition::quantities(&self.plain, &run, self.extent.aligned, source)?;
        put_condition(to, found, self.extent.aligned);
        Ok(())
    }

    fn put_doubled(&self, to: &mut Columns, tile: Range<usize>, own: &Observed) -> Result<()> {
        let tile = tile.start..tile.end.min(self.request.convergence);
        let keep = self.keep_for_back(Keep { chain: self.extent.exact == Exactly::Chain, ..Keep::default() });
        let batch = self.batch(tile.clone(), Refinement::Doubled);
        let mut run = forward(&self.doubled, &batch, self.followed(), keep)?;
        let exact = self.exact(On::Doubled, &tile, &run, own.exact.as_ref())?;
        let seen = observe(self, &run.end, &run.end_frame, exact);
        let back = self.back(On::Doubled, &batch, &mut run, &seen.feet)?;
        back.gains.into_iter().for_each(|gains| put_doubled_gains(to, gains));
        if self.extent.support {
            let first =
                robustness::first_order(self.system.dim(), self.extent.forced, &seen.feet, &run.displacement);
            to.insert("doubled_footing", first.footing);
        }
        to.insert("doubled_x", run.end);
        to.insert("doubled_distance", seen.feet.iter().map(|f| f.distance).collect());
        to.insert("doubled_near_boundary", seen.near_boundary);
        to.insert("doubled_log_growth_qr", run.log_growth);
        to.insert("doubled_score_cosine_qr", seen.qr.score_cosine);
        to.insert("doubled_score_cosine_svd", seen.svd.score_cosine);
        to.insert("doubled_subspace_angle_deg_qr", seen.qr.subspace_angle_deg);
        to.insert("doubled_subspace_angle_deg_svd", seen.svd.subspace_angle_deg);
        if let (Some(exact), Some(own)) = (seen.exact, &own.exact) {
            exact.put_doubled(own, self.system.dim(), to);
        }
        Ok(())
    }
}

/// What is wrong with every foot, in the numbers of the columns.
fn flaws(feet: &[Foot]) -> Vec<f64> {
    let number = |foot: &Foot| match foot.flaw {
        None => 0.0,
        Some(Flaw::NotNearest { .. }) => 1.0,
        Some(Flaw::Singular { .. }) => 2.0,
    };
    feet.iter().map(number).collect()
}

/// |Σ log R_ii − Σ log|det A|| / max(1, |Σ log|det A||) of every sample (theory §11.6).
fn trace_defect(run: &Forward, k: usize) -> Vec<f64> {
    let sums = run.log_growth.chunks_exact(k).map(|g| g.iter().sum::<f64>());
    sums.zip(&run.log_det).map(|(sum, det)| (sum - det).abs() / det.abs().max(1.0)).collect()
}

/// Σ_{m<n} log R_ii of the first `kept` samples, `[kept, τ+1, k]`.
fn cumulative_growth(run: &Forward, k: usize, steps: usize, kept: usize) -> Vec<f64> {
    let mut growth = Vec::with_capacity(kept * (steps + 1) * k);
    for sample in 0..kept {
        let mut sum = vec![0.0; k];
        growth.extend_from_slice(&sum);
        for n in 0..steps {
            let r = &run.chain.factors[(n * run.chain.samples + sample) * k * k..][..k * k];
            for (i, s) in sum.iter_mut().enumerate() {
                *s += r[i * k + i].ln();
            }
            growth.extend_from_slice(&sum);
        }
    }
    growth
}
