//! Columns: the per-sample results of a run, named and shaped before the work starts.

use super::condition::{MOST_DIRECTIONS, condition_columns};
use super::gains::{curve_count, gain_columns};
use super::learning::learning_columns;
use super::request::{ErrorKind, ErrorRequest, Request};
use super::response::{DIFFERENCE_SIZES, RESPONSE_UP_TO, checked, responds, response_columns};
use super::system::System;
use crate::alignment::leading_dim;
use crate::error::Result;
use crate::support::NORMAL_LIMIT;
use crate::sweep::Probes;
use std::collections::BTreeMap;
use std::ops::Range;

/// Named axis of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// All samples.
    Sample,
    /// The leading samples that keep their path.
    Path,
    /// The leading samples repeated with twice the steps.
    Subset,
    /// Generation step.
    Step,
    /// Frame vector, most sensitive first.
    Vector,
    /// Coordinate in R^D.
    Component,
    /// Error kind with a first-order displacement.
    Error,
    /// Error kind and size.
    Perturbation,
    /// The leading samples that keep their error budget.
    Curve,
    /// The way from one generation step to the next.
    Interval,
    /// The leading samples of the central differences.
    Checked,
    /// Error kind whose effect on the density is known to first order.
    Response,
    /// Size of a central difference, falling.
    Size,
    /// Function of a sample.
    Observable,
    /// Learning error: the difference to another model.
    Learned,
}

impl Axis {
    /// Dimension name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Axis::Sample => "sample",
            Axis::Path => "path",
            Axis::Subset => "subset",
            Axis::Step => "step",
            Axis::Vector => "vector",
            Axis::Component => "component",
            Axis::Error => "error",
            Axis::Perturbation => "perturbation",
            Axis::Curve => "curve",
            Axis::Interval => "interval",
            Axis::Checked => "checked",
            Axis::Response => "response",
            Axis::Size => "size",
            Axis::Observable => "observable",
            Axis::Learned => "learning_error",
        }
    }
}

/// Name, axes and full shape of a column. The first axis runs over samples (`Sample`, `Path`, `Subset`,
/// `Curve` or `Checked`).
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    /// Name in the store.
    pub name: &'static str,
    /// Axes.
    pub axes: Vec<Axis>,
    /// Full shape of the finished run.
    pub shape: Vec<usize>,
    /// Unit, or "" for a pure number.
    pub unit: &'static str,
    /// What it is, with the theory's section.
    pub description: &'static str,
}

impl ColumnSpec {
    /// Rows along the first axis that a chunk of samples contributes.
    pub fn rows(&self, samples: &Range<usize>) -> Range<usize> {
        samples.start.min(self.shape[0])..samples.end.min(self.shape[0])
    }

    /// Numbers in one row.
    pub fn row_len(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// All columns of a range of samples, row-major, the part of each column that [`ColumnSpec::rows`] names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chunk {
    /// Which samples.
    pub samples: Range<usize>,
    /// Values by column name.
    pub columns: BTreeMap<&'static str, Vec<f64>>,
}

/// Finished columns, read back one at a time.
pub trait ColumnSource {
    /// All values of a column, row-major.
    ///
    /// # Errors
    /// When it is absent or unreadable.
    fn read(&self, name: &str) -> Result<Vec<f64>>;
}

/// Unit of lengths in the model's own coordinates.
pub(super) const LENGTH: &str = "data units";
pub(super) const NATS: &str = "nats";
const DEGREES: &str = "degrees";
const FLAWS: &str = "0: the foot is sound, 1: not shown to be nearest, 2: no tangent space there";

/// What decides which columns a run has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Exponents and vectors are computed.
    pub spectrum: bool,
    /// … and the exact ones (k = D).
    pub exact: bool,
    /// A target score is known.
    pub score: bool,
    /// A support is known.
    pub support: bool,
    /// The support has the full dimension d = D.
    pub full: bool,
    /// Feet on the support are searched for and may be flawed.
    pub searched: bool,
    /// Dimension of the subspace that alignment compares: d, or D − 1 for a support with d = D.
    pub aligned: usize,
    /// Angles between E^d and T can be formed: 1 ≤ aligned ≤ k.
    pub angles: bool,
    /// Alignment under error is asked for.
    pub regularity: bool,
    /// Error kinds with a first-order displacement.
    pub forced: usize,
    /// Gains are asked for and there is a support.
    pub gains: bool,
    /// … and bound what the learning errors do, because there are some and all sit where the gains' do.
    pub bounded: bool,
    /// The sufficient condition is examined on the leading paths.
    pub condition: bool,
    /// The support has tangent directions.
    pub tangents: bool,
    /// Feet on the support carry the whole normal space.
    pub all_normals: bool,
    /// Observables whose response is asked for; 0 for no response.
    pub observables: usize,
    /// Error kinds that have one.
    pub responding: usize,
    /// The density is carried along: the source's is known, and probes are asked for, or k = D and D is small.
    pub density: bool,
    /// … along which vectors the volume is then differentiated; `None` for all pairs of frame vectors.
    pub probes: Option<Probes>,
    /// … and is that of the generated samples, because the sampler is deterministic; all determinants are known.
    pub likelihood: bool,
}

impl Extent {
    pub(super) fn of(system: &System, request: &Request) -> Extent {
        let dim = system.dim();
        let intrinsic = system.support.as_ref().map(|s| s.intrinsic_dim());
        let full = intrinsic == Some(dim);
        let aligned = intrinsic.map_or(0, |d| leading_dim(dim, d));
        let forced = request.errors.iter().filter(|e| !matches!(e.kind, ErrorKind::Coarser)).count();
        let exact = request.spectrum && request.vectors == dim;
        let observables = request.observables.as_ref().map_or(0, Vec::len);
        let has_density = observables > 0 && system.source_density.is_some();
        let probes = request.response_probes.filter(|_| has_density).map(|count| Probes::of(count, dim));
        let density = probes.is_some() || (has_density && exact && dim <= RESPONSE_UP_TO);
        Extent {
            spectrum: request.spectrum,
            exact,
            score: system.target.is_some(),
            support: intrinsic.is_some(),
            full,
            searched: system.support.as_ref().is_some_and(|support| support.may_fail()),
            aligned,
            angles: request.spectrum && aligned >= 1 && aligned <= request.vectors,
            regularity: request.regularity && request.spectrum,
            forced,
            gains: intrinsic.is_some() && request.gains.is_some(),
            bounded: intrinsic.is_some()
                && learning_errors(request).next().is_some()
                && learning_errors(request).all(|error| Some(error.place) == request.gains),
            condition: request.condition
                && request.spectrum
                && request.paths > 0
                && (1..=request.vectors.min(MOST_DIRECTIONS)).contains(&aligned),
            tangents: aligned > 0,
            all_normals: full || dim <= NORMAL_LIMIT,
            observables,
            responding: request.errors.iter().filter(|e| responds(&e.kind)).count(),
            density,
            probes,
            likelihood: density && exact && system.drift.process.noise_level() == 0.0,
        }
    }
}

/// The learning errors of a request, in its order.
fn learning_errors(request: &Request) -> impl Iterator<Item = &ErrorRequest> {
    request.errors.iter().filter(|error| error.kind.learning_error().is_some())
}

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
        }
    }
}

/// Takes specifications of columns; those with an axis of length 0 are left out.
pub(super) trait ColumnSink {
    /// Adds a column.
    fn add(&mut self, name: &'static str, axes: &[Axis], unit: &'static str, description: &'static str);
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
    if extent.exact {
        to.add("log_growth_svd", &[Sample, Vector], NATS, "log singular values of A_{0,τ} (theory §4, svd)");
        to.add(
            "vectors_svd",
            &[Sample, Vector, Component],
            "",
            "left singular vectors of A_{0,τ}, one a row",
        );
        to.add("trace_defect", &[Sample], "", "|Σ log R_ii − Σ log|det A|| / max(1, |Σ log|det A||)");
        to.add("residual", &[Sample], "", "largest ‖Jᵀu − σ v‖/σ of the sample's svd vectors");
        if to.request.vectors > 1 {
            to.add("gap", &[Sample], "", "σ_2/σ_1");
        }
    }
    if extent.score {
        to.add("score_cosine_qr", &[Sample], "", "|⟨LV_1, s/‖s‖⟩|, qr vector (theory §6a)");
        if extent.exact {
            to.add("score_cosine_svd", &[Sample], "", "|⟨LV_1, s/‖s‖⟩|, svd vector (theory §6a)");
        }
    }
    if extent.angles {
        to.add(
            "subspace_angle_deg_qr",
            &[Sample],
            DEGREES,
            "largest principal angle of E^d and T, qr (theory §6b)",
        );
        if extent.exact {
            to.add("subspace_angle_deg_svd", &[Sample], DEGREES, "the same for svd vectors");
        }
    }
    if extent.angles && extent.score {
        to.add("score_subspace_qr", &[Sample], "", "‖E^dᵀ s‖/‖s‖, qr (theory §6a)");
        if extent.exact {
            to.add("score_subspace_svd", &[Sample], "", "‖E^dᵀ s‖/‖s‖, svd (theory §6a)");
        }
    }
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
        if extent.exact {
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
        if extent.exact {
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
        if extent.exact {
            to.add(
                "doubled_log_growth_svd",
                &[Subset, Vector],
                NATS,
                "log singular values with twice the steps",
            );
        }
        if extent.score {
            to.add("doubled_score_cosine_qr", &[Subset], "", "score cosine with twice the steps, qr");
            if extent.exact {
                to.add("doubled_score_cosine_svd", &[Subset], "", "score cosine with twice the steps, svd");
            }
        }
        if extent.angles {
            to.add(
                "doubled_subspace_angle_deg_qr",
                &[Subset],
                DEGREES,
                "E^d against T with twice the steps, qr",
            );
            if extent.exact {
                to.add("doubled_subspace_angle_deg_svd", &[Subset], DEGREES, "the same, svd");
            }
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
