//! What a run leaves out, and why: an absent section must not look like an oversight.

use super::classify::{FEWEST_SAMPLES, classifier_layout};
use super::condition::{MOST_DIRECTIONS, check_second_order};
use super::exact::Exactly;
use super::extent::Extent;
use super::request::Request;
use super::response::RESPONSE_UP_TO;
use super::system::System;
use serde::{Deserialize, Serialize};

/// Something that was not computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotComputed {
    /// What, in a few words.
    pub what: String,
    /// Why, and what would change it.
    pub why: String,
}

impl NotComputed {
    fn new(what: &str, why: impl Into<String>) -> NotComputed {
        NotComputed { what: what.into(), why: why.into() }
    }

    /// "What: why."
    pub fn sentence(&self) -> String {
        format!("{}: {}.", self.what, self.why)
    }

    /// The support classifier of samples that are one point.
    pub fn classifier_of_one_point() -> NotComputed {
        NotComputed::new("support classifier", "all samples are one point, and there is nothing to learn")
    }
}

/// Everything that `request` leaves out on `system`, in the order of the report. Nothing for the robustness experiment
/// alone, which leaves out most on purpose.
pub(super) fn not_computed(system: &System, request: &Request, extent: &Extent) -> Vec<NotComputed> {
    if !extent.spectrum {
        return Vec::new();
    }
    let (dim, k) = (system.dim(), request.vectors);
    let mut list = Vec::new();
    let mut add = |what: &str, why: Option<String>| list.extend(why.map(|why| NotComputed::new(what, why)));
    let fewer = (extent.exact == Exactly::Not).then(|| {
        format!("only k = {k} of D = {dim} vectors are followed (-k {dim} follows all, --exact N searches on N samples)")
    });
    add("exact vectors (svd)", fewer);
    let no_score = match system.data {
        None => {
            "the target score is not known: a flow model needs reference points of its data ([score], [support])"
        }
        Some(_) => {
            "the target score of a flow is that of its smoothed reference points ([score]), and these do not vary in \
             every coordinate"
        }
    };
    add("alignment with the score", (!extent.score).then(|| no_score.into()));
    add(
        "distances, footing, gains, error budget",
        (!extent.support).then(|| "no support is known ([support])".into()),
    );
    let moves = match (extent.exact, extent.support) {
        (Exactly::Search, true) => None,
        (Exactly::Search, false) => Some("no support is known ([support])"),
        _ => Some(
            "samples are moved along vectors that are searched for: follow fewer than D (-k) and search (--exact)",
        ),
    };
    add("moves along the vectors", moves.filter(|_| request.moved.is_some()).map(String::from));
    add("angle of the sensitive subspace and the support", angles(request, extent));
    let response = response(dim, request, extent);
    match &response {
        Some(_) => add("response of the density", response.clone()),
        None if extent.density => {}
        None => {
            // Probes need the density of the source too, but neither a small D nor all vectors.
            let probed = system.source_density.is_some();
            let advice = if probed { "; --response-probes M takes M random probes instead" } else { "" };
            let why = density(system, request).map(|why| format!("{why}{advice}"));
            add("density form of the response", why);
        }
    }
    add("likelihood of the samples", likelihood(system, request, extent));
    let few = classifier_layout(request, 0).is_empty();
    add(
        "support classifier",
        few.then(|| format!("{} samples are fewer than {FEWEST_SAMPLES}", request.samples)),
    );
    add("sufficient condition", condition(system, request, extent));
    list
}

fn angles(request: &Request, extent: &Extent) -> Option<String> {
    (extent.support && !extent.angles).then(|| match extent.aligned {
        0 => "the support has no tangent directions to compare with".into(),
        d => format!(
            "k = {} vectors are fewer than the {d} directions of the support (raise -k)",
            request.vectors
        ),
    })
}

/// Why there is no response at all.
fn response(dim: usize, request: &Request, extent: &Extent) -> Option<String> {
    if request.observables.is_none() && dim > RESPONSE_UP_TO {
        return Some(format!(
            "D = {dim} is above {RESPONSE_UP_TO}; --observable names functions whose response is then computed in its path form, --response-probes M adds the density form"
        ));
    }
    if extent.observables == 0 {
        return Some("it was switched off".into());
    }
    (extent.responding == 0).then(|| {
        "none of the errors is a fixed field: worst-case errors belong to their paths, and coarser steps are no error of the \
         model (add --error constant or random)"
            .into()
    })
}

/// Why the density is not carried along with the paths; `None` where it can be.
fn density(system: &System, request: &Request) -> Option<String> {
    let (dim, k) = (system.dim(), request.vectors);
    if dim > RESPONSE_UP_TO {
        return Some(format!(
            "D = {dim} is above {RESPONSE_UP_TO}, and exact second derivatives take D (D + 1)/2 directions a step"
        ));
    }
    if k < dim {
        return Some(format!("only k = {k} of D = {dim} vectors are followed (-k {dim} follows all)"));
    }
    system.source_density.is_none().then(|| "the density of the source is not known".into())
}

fn likelihood(system: &System, request: &Request, extent: &Extent) -> Option<String> {
    if extent.likelihood {
        return None;
    }
    let level = system.drift.process.noise_level();
    if level > 0.0 {
        return Some(format!(
            "the sampler is stochastic (noise level {level}; --noise-level 0 is deterministic)"
        ));
    }
    let why = density(system, request)
        .unwrap_or_else(|| "it comes with the response, which was switched off".into());
    let sampled = system.source_density.is_some() && system.dim() > RESPONSE_UP_TO;
    Some(if sampled {
        format!("{why}; `sample --log-likelihood` estimates it with random probes")
    } else {
        why
    })
}

fn condition(system: &System, request: &Request, extent: &Extent) -> Option<String> {
    let (d, k) = (extent.aligned, request.vectors);
    if extent.condition {
        return None;
    }
    Some(match () {
        () if !extent.support => {
            "no support is known, hence no dimension of its tangent space ([support])".into()
        }
        () if d == 0 => "the support has no tangent directions".into(),
        () if d > MOST_DIRECTIONS => {
            format!(
                "d = {d} is above {MOST_DIRECTIONS}, and curvatures take d (d + 1)/2 second derivatives a step"
            )
        }
        () if d > k => format!("k = {k} vectors are fewer than the {d} directions of the support (raise -k)"),
        () => match check_second_order(system) {
            Err(error) => format!(
                "the field has no exact second derivatives: {}",
                error.to_string().trim_end_matches('.')
            ),
            Ok(()) => "it was not asked for".into(),
        },
    })
}
