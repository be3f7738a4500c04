//! Columns: the per-sample results of a run, named and shaped before the work starts.

use super::axis::{Axis, ColumnSink, ColumnSpec, DEGREES, FLAWS, LENGTH, NATS};
use super::condition::condition_columns;
use super::exact::{Exactly, exact_columns, searches};
use super::extent::{Extent, learning_errors};
use super::gains::{On, curve_count, gain_columns};
use super::learning::learning_columns;
use super::moved::moved_columns;
use super::request::Request;
use super::response::{DIFFERENCE_SIZES, checked, response_columns};
use super::system::System;

/// Collects specifications, knowing the length of every axis.
struct Layout<'a> {
    system: &'a System,
    request: &'a Request,
    perturbations: usize,
    forced: usize,
    responding: usize,
    specs: Vec<ColumnSpec>,
}

impl Layout<'_> {
    fn length(&self, axis: Axis) -> usize {
        let request = self.request;
        match axis {
            Axis::Sample => request.samples,
            Axis::Path => request.paths.min(request.samples),
            Axis::Subset => request.convergence.min(request.samples),
            Axis::Step => self.system.grid.steps + 1,
            Axis::Vector => request.vectors,
            Axis::Component => self.system.dim(),
            Axis::Error => self.forced,
            Axis::Perturbation => self.perturbations,
            Axis::Curve => curve_count(request, self.system.grid.steps),
            Axis::Interval => self.system.grid.steps,
            Axis::Checked => checked(request),
            Axis::Response => self.responding,
            Axis::Size => DIFFERENCE_SIZES.len(),
            Axis::Observable => request.observables.as_ref().map_or(0, Vec::len),
            Axis::Learned => learning_errors(request).count(),
            Axis::Examined => request.condition.min(request.samples),
            Axis::Searched => searches(request, On::Own),
            Axis::SearchedSubset => searches(request, On::Doubled),
        }
    }
}

impl ColumnSink for Layout<'_> {
    fn add(&mut self, name: &'static str, axes: &[Axis], unit: &'static str, description: &'static str) {
        let shape: Vec<usize> = axes.iter().map(|&axis| self.length(axis)).collect();
        if shape.iter().all(|&length| length > 0) {
            self.specs.push(ColumnSpec { name, axes: axes.to_vec(), shape, unit, description });
        }
    }
}

/// The columns that `request` on `system` will produce, with `perturbations` entries of the robustness list.
pub fn layout(system: &System, request: &Request, perturbations: usize) -> Vec<ColumnSpec> {
    let extent = Extent::of(system, request);
    let mut layout = Layout {
        system,
        request,
        perturbations,
        forced: extent.forced,
        responding: extent.responding,
        specs: Vec::new(),
    };
    samples(&mut layout, &extent);
    spectrum(&mut layout, &extent);
    robustness(&mut layout, &extent);
    paths(&mut layout, &extent);
    doubled(&mut layout, &extent);
    gain_columns(&mut layout, &extent);
    learning_columns(&mut layout, &extent);
    response_columns(&mut layout, &extent);
    moved_columns(&mut layout, &extent);
    condition_columns(&mut layout, &extent, system.source_density.is_some());
    layout.specs
}

fn samples(to: &mut Layout, extent: &Extent) {
    use Axis::{Component, Sample};
    to.add("x0", &[Sample, Component], LENGTH, "start of the path, drawn from the source");
    to.add("x", &[Sample, Component], LENGTH, "generated sample x_τ");
    if extent.score {
        to.add("score", &[Sample, Component], "1 / data units", "target score s_τ at x_τ (theory §6)");
    }
    if extent.support {
        to.add("foot", &[Sample, Component], LENGTH, "nearest point P(x_τ) of the support (theory §5)");
        to.add("distance", &[Sample], LENGTH, "distance of x_τ to the support");
        to.add("middle_distance", &[Sample], LENGTH, "distance to the middle set of a thick support");
        to.add("piece", &[Sample], "", "connected piece of the support that holds the foot");
    }
    if extent.searched {
        to.add("foot_flaw", &[Sample], "", FLAWS);
    }
    if extent.full {
        to.add("near_boundary", &[Sample], "", "1 where x_τ is near enough to the boundary to count (d = D)");
    }
}

fn spectrum(to: &mut Layout, extent: &Extent) {
    use Axis::{Component, Sample, Vector};
    if !extent.spectrum {
        return;
    }
    to.add("log_growth_qr", &[Sample, Vector], NATS, "Σ log R_ii of the forward sweep (theory §4, qr)");
    to.add("vectors_qr", &[Sample, Vector, Component], "", "E_τ of the forward sweep, one vector a row");
    if extent.exact == Exactly::Chain {
        to.add("trace_defect", &[Sample], "", "|Σ log R_ii − Σ log|det A|| / max(1, |Σ log|det A||)");
    }
    if extent.score {
        to.add("score_cosine_qr", &[Sample], "", "|⟨LV_1, s/‖s‖⟩|, qr vector (theory §6a)");
    }
    if extent.angles {
        to.add(
            "subspace_angle_deg_qr",
            &[Sample],
            DEGREES,
            "largest principal angle of E^d and T, qr (theory §6b)",
        );
    }
    if extent.angles && extent.score {
        to.add("score_subspace_qr", &[Sample], "", "‖E^dᵀ s‖/‖s‖, qr (theory §6a)");
    }
    let several = to.request.vectors > 1;
    exact_columns(to, extent, several);
}

fn robustness(to: &mut Layout, extent: &Extent) {
    use Axis::{Component, Error, Perturbation, Sample};
    to.add("displacement", &[Sample, Error, Component], LENGTH, "ζ_τ per unit size of the error (CdC 13–17)");
    to.add("first_order_total", &[Sample, Error], LENGTH, "‖ζ_τ‖ per unit size");
    if extent.support {
        to.add("first_order_normal", &[Sample, Error], LENGTH, "‖Nᵀζ_τ‖ per unit size");
        to.add("first_order_tangent", &[Sample, Error], LENGTH, "‖Tᵀζ_τ‖ per unit size");
        to.add("footing", &[Sample, Error], "", "φ = ‖Tᵀζ_τ‖/‖ζ_τ‖ (theory §5)");
    }
    to.add("perturbed_x", &[Sample, Perturbation, Component], LENGTH, "x_τ of the perturbed twin");
    to.add("shift", &[Sample, Perturbation], LENGTH, "‖x_τ^ε − x_τ‖ of the twins");
    if extent.support {
        to.add("perturbed_distance", &[Sample, Perturbation], LENGTH, "distance of the twin to the support");
        to.add("perturbed_middle_distance", &[Sample, Perturbation], LENGTH, "the same to the middle set");
        to.add("along", &[Sample, Perturbation], LENGTH, "‖P(x^ε) − P(x)‖ of the twins");
        to.add("jumped", &[Sample, Perturbation], "", "1 where the twins' feet lie on different pieces");
    }
    if extent.searched {
        to.add("perturbed_foot_flaw", &[Sample, Perturbation], "", FLAWS);
    }
    if extent.regularity && extent.score {
        to.add(
            "perturbed_score_cosine_qr",
            &[Sample, Perturbation],
            "",
            "score cosine of the perturbed model, qr",
        );
        if extent.exact == Exactly::Chain {
            to.add("perturbed_score_cosine_svd", &[Sample, Perturbation], "", "the same for svd vectors");
        }
    }
    if extent.regularity && extent.angles {
        to.add(
            "perturbed_subspace_angle_deg_qr",
            &[Sample, Perturbation],
            DEGREES,
            "E^d against T, perturbed, qr",
        );
        if extent.exact == Exactly::Chain {
            to.add("perturbed_subspace_angle_deg_svd", &[Sample, Perturbation], DEGREES, "the same, svd");
        }
    }
    if extent.regularity && extent.full {
        to.add(
            "perturbed_near_boundary",
            &[Sample, Perturbation],
            "",
            "1 where the twin is near the boundary",
        );
    }
}

fn paths(to: &mut Layout, extent: &Extent) {
    use Axis::{Component, Path, Step, Vector};
    to.add("paths", &[Path, Step, Component], LENGTH, "x_n along the generation");
    if extent.spectrum {
        to.add("path_log_growth", &[Path, Step, Vector], NATS, "Σ_{m<n} log R_ii up to step n");
        to.add("path_vectors", &[Path, Step, Component], "", "leading vector of E_n along the generation");
        to.add("covariant", &[Path, Vector, Component], "", "covariant vectors at step ⌊τ/2⌋ (theory §4)");
    }
}

fn doubled(to: &mut Layout, extent: &Extent) {
    use Axis::{Component, Error, Subset, Vector};
    to.add("doubled_x", &[Subset, Component], LENGTH, "x_τ with twice the steps on the same Brownian path");
    if extent.spectrum {
        to.add("doubled_log_growth_qr", &[Subset, Vector], NATS, "Σ log R_ii with twice the steps");
        if extent.score {
            to.add("doubled_score_cosine_qr", &[Subset], "", "score cosine with twice the steps, qr");
        }
        if extent.angles {
            to.add(
                "doubled_subspace_angle_deg_qr",
                &[Subset],
                DEGREES,
                "E^d against T with twice the steps, qr",
            );
        }
    }
    if extent.support {
        to.add("doubled_distance", &[Subset], LENGTH, "distance to the support with twice the steps");
        to.add("doubled_footing", &[Subset, Error], "", "φ with twice the steps");
    }
    if extent.full {
        to.add(
            "doubled_near_boundary",
            &[Subset],
            "",
            "1 where the sample is near the boundary, twice the steps",
        );
    }
}
