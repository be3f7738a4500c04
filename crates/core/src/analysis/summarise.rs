//! From finished columns to the summary.

use super::absent::not_computed;
use super::axis::ColumnSource;
use super::condition::summarise_condition;
use super::dimension::summarise_dimension;
use super::exact::Exactly;
use super::extent::Extent;
use super::gains::summarise_gains;
use super::learning::summarise_learning;
use super::moved::summarise_moved;
use super::request::{ErrorKind, Request};
use super::response::{summarise_likelihood, summarise_response};
use super::summary::*;
use super::system::System;
use super::verdict::verdict;
use crate::alignment::{null_cosine, null_subspace};
use crate::error::Result;
use crate::error_field::Place;
use crate::robustness::null_footing;
use crate::statistics::{Quantiles, wasserstein1};
use std::collections::BTreeMap;

/// Makes the summary of a finished run; `provenance` is filled in by the caller.
///
/// # Errors
/// Unreadable columns.
pub fn summarise(
    system: &System,
    request: &Request,
    norms: &[f64],
    columns: &dyn ColumnSource,
    provenance: Provenance,
) -> Result<Summary> {
    let reader = Reader { system, request, columns, extent: Extent::of(system, request) };
    let perturbations = request.perturbations(norms);
    let mut summary = Summary {
        schema: 1,
        provenance,
        exponents: reader.exponents()?,
        alignment: reader.alignment(&perturbations)?,
        moved: summarise_moved(&reader)?,
        robustness: reader.robustness(&perturbations)?,
        footing: reader.footing()?,
        support: reader.support()?,
        support_classifier: None,
        gains: summarise_gains(&reader, &perturbations)?,
        learning_errors: summarise_learning(&reader, &perturbations)?,
        response: summarise_response(&reader)?,
        likelihood: summarise_likelihood(&reader)?,
        condition: summarise_condition(&reader)?,
        dimension: summarise_dimension(&reader)?,
        not_computed: not_computed(system, request, &reader.extent),
        convergence: reader.convergence()?,
        verdict: None,
    };
    let x = reader.read("x")?;
    let scale = (x.iter().map(|x| x * x).sum::<f64>() / request.samples as f64).sqrt();
    summary.verdict = verdict(&summary, system, scale);
    Ok(summary)
}

/// Reads finished columns.
pub(super) struct Reader<'a> {
    pub(super) system: &'a System,
    pub(super) request: &'a Request,
    columns: &'a dyn ColumnSource,
    pub(super) extent: Extent,
}

/// Entry `index` of every row of `width` values.
pub(super) fn strided(values: &[f64], width: usize, index: usize) -> Vec<f64> {
    values.iter().skip(index).step_by(width.max(1)).copied().collect()
}

/// The values whose mask is 1.
pub(super) fn masked(values: Vec<f64>, mask: Option<&[f64]>) -> Vec<f64> {
    match mask {
        Some(mask) => values.into_iter().zip(mask).filter(|(_, m)| **m > 0.5).map(|(v, _)| v).collect(),
        None => values,
    }
}

/// Quantiles where there is at least one value.
pub(super) fn quantiles(values: &[f64]) -> Option<Quantiles> {
    (!values.is_empty()).then(|| Quantiles::of(values))
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

impl Reader<'_> {
    pub(super) fn read(&self, name: &str) -> Result<Vec<f64>> {
        self.columns.read(name)
    }

    /// Quantiles of every vector's log growth, and per unit of model time.
    fn growth(&self, name: &str) -> Result<(Vec<Quantiles>, Vec<Quantiles>)> {
        let k = self.request.vectors;
        let values = self.read(name)?;
        let elapsed = self.system.elapsed_time();
        let of_vector = |i: usize, unit: f64| {
            let column: Vec<f64> = strided(&values, k, i).iter().map(|v| v / unit).collect();
            Quantiles::of(&column)
        };
        Ok(((0..k).map(|i| of_vector(i, 1.0)).collect(), (0..k).map(|i| of_vector(i, elapsed)).collect()))
    }

    fn exponents(&self) -> Result<Option<Exponents>> {
        if !self.extent.spectrum {
            return Ok(None);
        }
        let (qr, qr_rate) = self.growth("log_growth_qr")?;
        let mut exponents = Exponents {
            qr,
            qr_rate,
            svd: Vec::new(),
            svd_rate: Vec::new(),
            elapsed_time: self.system.elapsed_time(),
            trace_defect: None,
            gap: None,
            residual: None,
            search: self.search()?,
        };
        if self.extent.exact != Exactly::Not {
            (exponents.svd, exponents.svd_rate) = self.growth("log_growth_svd")?;
            exponents.residual = Some(largest(&self.read("residual")?));
            if self.request.vectors > 1 {
                let gap = self.read("gap")?;
                let above = gap.iter().filter(|&&g| g > 0.9).count();
                exponents.gap = Some(Gap {
                    quantiles: Quantiles::of(&gap),
                    share_above: above as f64 / gap.len() as f64,
                });
            }
        }
        if self.extent.exact == Exactly::Chain {
            exponents.trace_defect = Some(largest(&self.read("trace_defect")?));
        }
        Ok(Some(exponents))
    }

    /// How far the search for exact vectors came.
    fn search(&self) -> Result<Option<SearchSummary>> {
        let Some(search) = self.request.search.filter(|_| self.extent.exact == Exactly::Search) else {
            return Ok(None);
        };
        let (k, residuals) = (self.request.vectors, self.read("residuals")?);
        Ok(Some(SearchSummary {
            samples: residuals.len() / k,
            extra: search.extra.min(self.system.dim() - k),
            most_rounds: search.rounds,
            rounds: Quantiles::of(&self.read("rounds")?),
            tolerance: search.tolerance,
            converged: Quantiles::of(&self.read("converged")?),
            residuals: (0..k).map(|i| Quantiles::of(&strided(&residuals, k, i))).collect(),
        }))
    }

    /// Quantiles of `NAME_qr` and, where it exists, `NAME_svd`, over the points that count.
    fn pair(&self, name: &str, mask: Option<&[f64]>) -> Result<Option<Pair<Quantiles>>> {
        self.pair_of(name, self.extent.exact != Exactly::Not, |values| masked(values, mask))
    }

    fn pair_of(
        &self,
        name: &str,
        exact: bool,
        select: impl Fn(Vec<f64>) -> Vec<f64>,
    ) -> Result<Option<Pair<Quantiles>>> {
        let Some(qr) = quantiles(&select(self.read(&format!("{name}_qr"))?)) else { return Ok(None) };
        let svd = match exact {
            true => quantiles(&select(self.read(&format!("{name}_svd"))?)),
            false => None,
        };
        Ok(Some(Pair { qr, svd }))
    }

    pub(super) fn mask(&self, name: &str) -> Result<Option<Vec<f64>>> {
        if self.extent.full { self.read(name).map(Some) } else { Ok(None) }
    }

    fn alignment(&self, perturbations: &[Perturbation]) -> Result<Option<AlignmentSummary>> {
        let extent = &self.extent;
        if !extent.spectrum || !(extent.score || extent.angles) {
            return Ok(None);
        }
        let mask = self.mask("near_boundary")?;
        let mask = mask.as_deref();
        let when = |wanted: bool, name: &str| if wanted { self.pair(name, mask) } else { Ok(None) };
        let dim = self.system.dim();
        Ok(Some(AlignmentSummary {
            score_cosine: when(extent.score, "score_cosine")?,
            score_subspace: when(extent.score && extent.angles, "score_subspace")?,
            subspace_angle_deg: when(extent.angles, "subspace_angle_deg")?,
            null: AlignmentNull {
                score_cosine: null_cosine(dim).q50,
                score_subspace: extent.angles.then(|| null_subspace(extent.aligned, dim).q50),
            },
            score_origin: self.system.target.as_ref().map(|t| t.origin.clone()),
            points: mask.map_or(self.request.samples, |m| m.iter().filter(|&&m| m > 0.5).count()),
            boundary_distance: extent.full.then_some(self.request.boundary_distance),
            under_error: self.under_error(perturbations)?,
        }))
    }

    /// Lemma 4.4: alignment figures of the perturbed models.
    fn under_error(&self, perturbations: &[Perturbation]) -> Result<Vec<AlignmentUnderError>> {
        if !self.extent.regularity {
            return Ok(Vec::new());
        }
        let masks = self.mask("perturbed_near_boundary")?;
        let width = perturbations.len();
        let entry = |(index, p): (usize, &Perturbation)| {
            let mask = masks.as_ref().map(|m| strided(m, width, index));
            let select = |values: Vec<f64>| masked(strided(&values, width, index), mask.as_deref());
            let exact = self.extent.exact == Exactly::Chain;
            let when =
                |wanted: bool, name: &str| if wanted { self.pair_of(name, exact, select) } else { Ok(None) };
            Ok(AlignmentUnderError {
                kind: p.kind.clone(),
                size: p.size,
                score_cosine: when(self.extent.score, "perturbed_score_cosine")?,
                subspace_angle_deg: when(self.extent.angles, "perturbed_subspace_angle_deg")?,
            })
        };
        perturbations.iter().enumerate().map(entry).collect()
    }

    fn robustness(&self, perturbations: &[Perturbation]) -> Result<Vec<Robustness>> {
        let width = perturbations.len();
        if width == 0 {
            return Ok(Vec::new());
        }
        let shift = self.read("shift")?;
        let mut list = Vec::with_capacity(width);
        for (index, p) in perturbations.iter().enumerate() {
            let mut entry = Robustness {
                kind: p.kind.clone(),
                size: p.size,
                error_in: place_name(self.request.errors[p.error].place).into(),
                displacement: Quantiles::of(&strided(&shift, width, index)),
                distance: None,
                distance_perturbed: None,
                middle_distance: None,
                middle_distance_perturbed: None,
                off_w1: None,
                along: None,
                jumped: None,
                first_order: self.first_order(p.error)?,
            };
            if self.extent.support {
                self.shifts(&mut entry, width, index)?;
            }
            list.push(entry);
        }
        Ok(list)
    }

    /// Off- and along-support shifts of one entry.
    fn shifts(&self, entry: &mut Robustness, width: usize, index: usize) -> Result<()> {
        let distance = self.read("distance")?;
        let perturbed = strided(&self.read("perturbed_distance")?, width, index);
        let middle = self.read("middle_distance")?;
        let jumped = strided(&self.read("jumped")?, width, index);
        if !self.extent.full && middle != distance {
            let moved = strided(&self.read("perturbed_middle_distance")?, width, index);
            entry.middle_distance = quantiles(&middle);
            entry.middle_distance_perturbed = quantiles(&moved);
        }
        entry.off_w1 = Some(wasserstein1(&distance, &perturbed));
        entry.distance = quantiles(&distance);
        entry.distance_perturbed = quantiles(&perturbed);
        entry.along = quantiles(&strided(&self.read("along")?, width, index));
        entry.jumped = Some(jumped.iter().sum::<f64>() / jumped.len() as f64);
        Ok(())
    }

    /// Number of learning errors.
    pub(super) fn learning_errors(&self) -> usize {
        self.request.errors.iter().filter(|error| error.kind.learning_error().is_some()).count()
    }

    /// Position of an error kind among those with a first-order displacement.
    pub(super) fn forced_index(&self, error: usize) -> Option<usize> {
        let coarser = |index: usize| matches!(self.request.errors[index].kind, ErrorKind::Coarser);
        (!coarser(error)).then(|| (0..error).filter(|&i| !coarser(i)).count())
    }

    fn first_order(&self, error: usize) -> Result<Option<FirstOrder>> {
        let Some(index) = self.forced_index(error) else { return Ok(None) };
        let of = |name: &str| -> Result<Quantiles> {
            Ok(Quantiles::of(&strided(&self.read(name)?, self.extent.forced, index)))
        };
        let when = |name: &str| if self.extent.support { of(name).map(Some) } else { Ok(None) };
        Ok(Some(FirstOrder {
            total: of("first_order_total")?,
            normal: when("first_order_normal")?,
            tangent: when("first_order_tangent")?,
        }))
    }

    fn footing(&self) -> Result<Option<Footing>> {
        if !self.extent.support || self.extent.forced == 0 {
            return Ok(None);
        }
        let values = self.read("footing")?;
        let mask = self.mask("near_boundary")?;
        let mut kinds = BTreeMap::new();
        for (error, name) in self.request.error_names().into_iter().enumerate() {
            if let Some(index) = self.forced_index(error)
                && let Some(q) =
                    quantiles(&masked(strided(&values, self.extent.forced, index), mask.as_deref()))
            {
                kinds.insert(name, q);
            }
        }
        let null = null_footing(self.extent.aligned, self.system.dim());
        Ok(Some(Footing { null, kinds }))
    }

    /// Name of the error of a forced row.
    pub(super) fn forced_name(&self, row: usize) -> String {
        let mut names = self.request.error_names().into_iter().enumerate();
        names
            .find(|(error, _)| self.forced_index(*error) == Some(row))
            .map_or_else(String::new, |(_, name)| name)
    }

    fn support(&self) -> Result<Option<SupportSummary>> {
        let Some(support) = self.system.support.as_ref().filter(|_| self.extent.searched) else {
            return Ok(None);
        };
        let mut flaws = self.read("foot_flaw")?;
        if !self.request.errors.is_empty() {
            flaws.extend(self.read("perturbed_foot_flaw")?);
        }
        let share = |flaw: f64| flaws.iter().filter(|&&f| f == flaw).count() as f64 / flaws.len() as f64;
        let (not_nearest, singular) = (share(1.0), share(2.0));
        Ok(Some(SupportSummary {
            dimension: support.intrinsic_dim(),
            feet: flaws.len(),
            not_nearest,
            singular,
        }))
    }
}

/// Name of a place in `summary.json`.
pub(super) fn place_name(place: Place) -> &'static str {
    match place {
        Place::Output => "output",
        Place::Score => "score",
        Place::Drift => "drift",
    }
}
