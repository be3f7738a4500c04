//! Exact finite-time vectors (theory §4, `svd`): from the chain of the sweep where k = D, by subspace iteration on the
//! leading samples where k < D.

use super::axis::{Axis, ColumnSink, DEGREES, NATS};
use super::extent::Extent;
use super::gains::On;
use super::request::Request;
use super::study::Study;
use crate::alignment::subspace_angle_deg;
use crate::error::Result;
use crate::spectrum::{Search, leading, svd};
use crate::sweep::{Forward, Refinement, Storage, Trail};
use std::collections::BTreeMap;
use std::ops::Range;

/// Most bytes that the states and noises of a searched batch may take; beyond it they are recomputed from checkpoints.
const PATH_BYTES: usize = 1 << 28;
/// Searches that are repeated with twice the steps, at most: each costs as much as all else that its sample takes.
const DOUBLED_SEARCHES: usize = 2;

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

    /// Exact vectors of the leading samples of a swept batch, with the run's own step or twice the steps.
    pub(super) fn exact(&self, on: On, samples: &Range<usize>, run: &Forward) -> Result<Option<Exact>> {
        match self.request.search.filter(|_| self.extent.exact == Exactly::Search) {
            None => self.decomposed(run),
            Some(_) if samples.start >= searches(self.request, on) => Ok(None),
            Some(search) => {
                let samples = samples.start..samples.end.min(searches(self.request, on));
                let (step, refinement) = match on {
                    On::Own => (&self.plain, Refinement::Own),
                    On::Doubled => (&self.plain_doubled, Refinement::Doubled),
                };
                let mut trail =
                    Trail::record(step, &self.batch(samples, refinement), Storage::Bytes(PATH_BYTES))?;
                let (vectors, seed) = (self.request.vectors, self.request.seed);
                let (extra, rounds, tolerance) = (search.extra, search.rounds, search.tolerance);
                let found = leading(&mut trail, Search { vectors, extra, rounds, tolerance, seed })?;
                let largest = |residuals: &[f64]| residuals.iter().copied().fold(0.0, f64::max);
                Ok(Some(Exact {
                    residual: found.residuals.chunks_exact(vectors).map(largest).collect(),
                    log_values: found.log_values,
                    left: found.left,
                    certificate: Some(Certificate {
                        residuals: found.residuals,
                        converged: found.converged,
                        rounds: found.rounds,
                    }),
                }))
            }
        }
    }
}
