//! What a run computes, decided by the request and by what is known of the system.

use super::condition::MOST_DIRECTIONS;
use super::exact::Exactly;
use super::request::{ErrorKind, ErrorRequest, Request};
use super::response::{RESPONSE_UP_TO, responds};
use super::system::System;
use crate::alignment::leading_dim;
use crate::support::NORMAL_LIMIT;
use crate::sweep::Probes;

/// What decides which columns a run has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Exponents and vectors are computed.
    pub spectrum: bool,
    /// … and the exact ones, and how.
    pub exact: Exactly,
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
    /// The sufficient condition is examined on the leading samples.
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
        let exact = Exactly::of(request, dim);
        let chain = exact == Exactly::Chain;
        let observables = request.observables.as_ref().map_or(0, Vec::len);
        let has_density = observables > 0 && system.source_density.is_some();
        let probes = request.response_probes.filter(|_| has_density).map(|count| Probes::of(count, dim));
        let density = probes.is_some() || (has_density && chain && dim <= RESPONSE_UP_TO);
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
            condition: request.condition > 0
                && request.spectrum
                && (1..=request.vectors.min(MOST_DIRECTIONS)).contains(&aligned),
            tangents: aligned > 0,
            all_normals: full || dim <= NORMAL_LIMIT,
            observables,
            responding: request.errors.iter().filter(|e| responds(&e.kind)).count(),
            density,
            probes,
            likelihood: density && chain && system.drift.process.noise_level() == 0.0,
        }
    }
}

/// The learning errors of a request, in its order.
pub(super) fn learning_errors(request: &Request) -> impl Iterator<Item = &ErrorRequest> {
    request.errors.iter().filter(|error| error.kind.learning_error().is_some())
}
