//! Exact finite-time vectors (theory §4, `svd`): from the chain of the sweep where k = D, by subspace iteration on the
//! leading samples where k < D.

use super::axis::{Axis, ColumnSink, DEGREES, NATS};
use super::extent::Extent;
use super::gains::On;
use super::memory::storage;
use super::request::Request;
use super::study::Study;
use super::system::System;
use crate::alignment::subspace_angle_deg;
use crate::error::Result;
use crate::process::Grid;
use crate::sampler::Step;
use crate::spectrum::{Search, leading, leading_from, svd};
use crate::sweep::{Forward, Refinement, Trail};
use std::collections::BTreeMap;
use std::ops::Range;

/// How much coarser the steps of the first rounds are at least and at most, how many there are at least, and the residual
/// that does there. They spare the finer steps one round or two of four or five.
const LEAST_COARSENED: usize = 4;
const MOST_COARSENED: usize = 8;
const FEWEST_COARSE_STEPS: usize = 8;
const ROUGH: f64 = 0.03;
/// Searches that are repeated with twice the steps, at most: each costs as much as all else that its sample takes.
const DOUBLED_SEARCHES: usize = 1;

/// Whether a run has exact vectors, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exactly {
    /// None.
    Not,
    /// Of all samples, from the chain of triangular factors (k = D).
    Chain,
    /// Of the leading samples, by subspace iteration (k < D).
    Search,
}

/// Exact vectors of the leading m samples of a batch.
pub(super) struct Exact {
    /// log σ_i `[m, k]`
    pub log_values: Vec<f64>,
    /// u_i `[m, k, D]`
    pub left: Vec<f64>,
    /// Largest relative residual `[m]`
    residual: Vec<f64>,
    /// How far a search came.
    certificate: Option<Certificate>,
}

/// How far a search came.
struct Certificate {
    /// Relative residuals `[m, k]`
    residuals: Vec<f64>,
    /// Leading vectors that have all converged `[m]`
    converged: Vec<usize>,
    /// Rounds `[m]`
    rounds: Vec<usize>,
    /// Right singular vectors of all that were carried `[m, k + p, D]`
    subspace: Vec<f64>,
}

/// Coarser steps for the first rounds of a search.
pub(super) struct Coarse {
    /// How many times coarser.
    factor: usize,
    /// The plain step on that grid.
    step: Step,
}

impl Coarse {
    /// The coarsest grid that divides the run's own and keeps enough steps.
    pub(super) fn of(system: &System) -> Result<Option<Coarse>> {
        let steps = system.grid.steps;
        let fits = |factor: &usize| steps.is_multiple_of(*factor) && steps / factor >= FEWEST_COARSE_STEPS;
        let Some(factor) = (LEAST_COARSENED..=MOST_COARSENED).rev().find(fits) else { return Ok(None) };
        let grid = Grid { steps: steps / factor, ..system.grid };
        let step = Step::new(system.drift.clone(), grid, system.method, Vec::new())?;
        Ok(Some(Coarse { factor, step }))
    }
}

impl Exactly {
    pub(super) fn of(request: &Request, dim: usize) -> Exactly {
        match request.search {
            _ if !request.spectrum => Exactly::Not,
            _ if request.vectors == dim => Exactly::Chain,
            Some(search) if search.samples > 0 => Exactly::Search,
            _ => Exactly::Not,
        }
    }
}

/// Leading samples whose vectors are searched for, on the run's own grid or with twice the steps.
pub(super) fn searches(request: &Request, on: On) -> usize {
    let own = request.search.map_or(0, |search| search.samples.min(request.samples));
    match on {
        On::Own => own,
        On::Doubled => own.min(request.convergence).min(DOUBLED_SEARCHES),
    }
}

/// The columns that exact vectors fill; `several` where k > 1.
pub(super) fn exact_columns(to: &mut dyn ColumnSink, extent: &Extent, several: bool) {
    use Axis::{Component, Sample, Searched, SearchedSubset, Subset, Vector};
    let (own, twice) = match extent.exact {
        Exactly::Not => return,
        Exactly::Chain => (Sample, Subset),
        Exactly::Search => (Searched, SearchedSubset),
    };
    to.add("log_growth_svd", &[own, Vector], NATS, "log singular values of A_{0,τ} (theory §4, svd)");
    to.add("vectors_svd", &[own, Vector, Component], "", "left singular vectors of A_{0,τ}, one a row");
    to.add("residual", &[own], "", "largest ‖Jᵀu − σ v‖/σ of the sample's svd vectors");
    if extent.exact == Exactly::Search {
        to.add("residuals", &[own, Vector], "", "‖Jᵀu − σ v‖/σ of every svd vector");
        to.add("converged", &[own], "", "leading svd vectors whose residuals are all within the tolerance");
        to.add("rounds", &[own], "", "rounds of the search, each a sweep forth and one back");
    }
    if several {
        to.add("gap", &[own], "", "σ_2/σ_1");
    }
    to.add("doubled_log_growth_svd", &[twice, Vector], NATS, "log singular values with twice the steps");
    to.add(
        "doubled_vector_angle_deg",
        &[twice, Vector],
        DEGREES,
        "angle of a svd vector and that of twice the steps",
    );
    if extent.score {
        to.add("score_cosine_svd", &[own], "", "|⟨LV_1, s/‖s‖⟩|, svd vector (theory §6a)");
        to.add("doubled_score_cosine_svd", &[twice], "", "score cosine with twice the steps, svd");
    }
    if extent.angles {
        to.add(
            "subspace_angle_deg_svd",
            &[own],
            DEGREES,
            "largest principal angle of E^d and T, svd (theory §6b)",
        );
        to.add("doubled_subspace_angle_deg_svd", &[twice], DEGREES, "the same with twice the steps");
    }
    if extent.angles && extent.score {
        to.add("score_subspace_svd", &[own], "", "‖E^dᵀ s‖/‖s‖, svd (theory §6a)");
    }
}

impl Exact {
    /// Fills the columns of the vectors themselves.
    pub(super) fn put(&self, k: usize, to: &mut BTreeMap<&'static str, Vec<f64>>) {
        to.insert("log_growth_svd", self.log_values.clone());
        to.insert("vectors_svd", self.left.clone());
        to.insert("residual", self.residual.clone());
        if k > 1 {
            to.insert("gap", self.log_values.chunks_exact(k).map(|l| (l[1] - l[0]).exp()).collect());
        }
        if let Some(certificate) = &self.certificate {
            let numbers = |counts: &[usize]| counts.iter().map(|&count| count as f64).collect();
            to.insert("residuals", certificate.residuals.clone());
            to.insert("converged", numbers(&certificate.converged));
            to.insert("rounds", numbers(&certificate.rounds));
        }
    }

    /// Where the search of these leading samples of the batch with twice the steps sets out.
    fn start(&self, samples: &Range<usize>) -> Option<Vec<f64>> {
        let Certificate { subspace, rounds, .. } = self.certificate.as_ref()?;
        Some(subspace[..samples.len() * (subspace.len() / rounds.len())].to_vec())
    }

    /// Fills the columns of the vectors with twice the steps, given those of the run's own `[≥ m, k, D]`.
    pub(super) fn put_doubled(self, own: &Exact, dim: usize, to: &mut BTreeMap<&'static str, Vec<f64>>) {
        let both = own.left.chunks_exact(dim).zip(self.left.chunks_exact(dim));
        to.insert("doubled_vector_angle_deg", both.map(|(u, v)| subspace_angle_deg(dim, u, v)).collect());
        to.insert("doubled_log_growth_svd", self.log_values);
    }
}

impl Study<'_> {
    /// Exact vectors of a swept batch whose chain was kept; `None` where k < D.
    pub(super) fn decomposed(&self, run: &Forward) -> Result<Option<Exact>> {
        if self.extent.exact != Exactly::Chain {
            return Ok(None);
        }
        let svd = svd(&run.chain, &run.start_frame, &run.end_frame)?;
        Ok(Some(Exact {
            log_values: svd.log_values,
            left: svd.left,
            residual: svd.residual,
            certificate: None,
        }))
    }

    /// Exact vectors of the leading samples of a swept batch. With twice the steps a search sets out from `own`, what it
    /// found with the run's own.
    pub(super) fn exact(
        &self,
        on: On,
        samples: &Range<usize>,
        run: &Forward,
        own: Option<&Exact>,
    ) -> Result<Option<Exact>> {
        let Some(asked) = self.request.search.filter(|_| self.extent.exact == Exactly::Search) else {
            return self.decomposed(run);
        };
        let samples = samples.start..samples.end.min(searches(self.request, on));
        if samples.is_empty() {
            return Ok(None);
        }
        let k = self.request.vectors;
        let search = Search {
            vectors: k,
            extra: asked.extra,
            rounds: asked.rounds,
            tolerance: asked.tolerance,
            seed: self.request.seed,
        };
        let (step, refinement, start) = match on {
            On::Own => (&self.plain, Refinement::Own, self.coarse_start(&samples, search)),
            On::Doubled => {
                (&self.plain_doubled, Refinement::Doubled, own.and_then(|own| own.start(&samples)))
            }
        };
        let kept = storage(self.request, samples.len());
        let mut trail = Trail::record(step, &self.batch(samples, refinement), kept)?;
        let found = match start {
            Some(start) => leading_from(&mut trail, start, search)?,
            None => leading(&mut trail, search)?,
        };
        Ok(Some(Exact {
            residual: found.largest_residuals(k),
            log_values: found.log_values,
            left: found.left,
            certificate: Some(Certificate {
                residuals: found.residuals,
                converged: found.converged,
                rounds: found.rounds,
                subspace: found.subspace,
            }),
        }))
    }

    /// Where a search can set out: what one with coarser steps finds at a fraction of the cost. `None` where there are too
    /// few steps to coarsen, or where the coarse paths leave the finite numbers.
    fn coarse_start(&self, samples: &Range<usize>, search: Search) -> Option<Vec<f64>> {
        let coarse = self.coarse.as_ref()?;
        let batch = self.batch(samples.clone(), Refinement::Coarser(coarse.factor));
        let mut trail = Trail::record(&coarse.step, &batch, storage(self.request, samples.len())).ok()?;
        let rough = Search { tolerance: search.tolerance.max(ROUGH), ..search };
        leading(&mut trail, rough).ok().map(|found| found.subspace)
    }
}
