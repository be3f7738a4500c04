//! The answer in plain words, with the numbers it rests on.

use super::summary::{Robustness, Summary, Verdict};
use super::system::System;
use crate::statistics::Quantiles;

/// A model is called robust when every error but a worst-case one shifts the distances to the support by less than this share of what a
/// random displacement of the same length would do, and its footing lies above that of a random direction.
pub const OFF_SHARE: f64 = 0.25;

/// Share of samples with nearly equal σ_1 and σ_2 from which the leading vector is called ill-defined.
const ILL_DEFINED_SHARE: f64 = 0.1;

/// Below this number of samples a median has no 95 % interval, and nothing is judged by it.
const FEWEST: usize = 6;

/// Changes of a median below this are rounding.
const ROUNDING: f64 = 1e-9;

/// "95 % interval a to b", or why there is none.
fn interval(q: &Quantiles, digits: usize) -> String {
    if q.n < FEWEST {
        return format!("n = {}, too few for an interval", q.n);
    }
    format!("95 % interval {:.digits$} to {:.digits$}", q.q50_low, q.q50_high)
}

/// Judges a finished summary. `None` when nothing was measured that could be judged.
pub(super) fn verdict(summary: &Summary, system: &System) -> Option<Verdict> {
    let mut reasons = Vec::new();
    let robust = robustness(summary, system, &mut reasons);
    footing(summary, &mut reasons);
    alignment(summary, &mut reasons);
    exponents(summary, &mut reasons);
    gains(summary, &mut reasons);
    cautions(summary, &mut reasons);
    (!reasons.is_empty()).then_some(Verdict { robust, reasons })
}

/// Distance a random displacement of the twins' mean length would add in the normal directions, √((D − d)/D) of it.
fn random_normal_shift(entry: &Robustness, dim: usize, tangent: usize) -> f64 {
    entry.displacement.mean * ((dim - tangent) as f64 / dim as f64).sqrt()
}

fn robustness(summary: &Summary, system: &System, reasons: &mut Vec<String>) -> Option<bool> {
    let support = system.support.as_ref()?;
    let dim = system.dim();
    if support.intrinsic_dim() == dim && summary.footing.as_ref().is_some_and(|f| f.kinds.is_empty()) {
        reasons.push(
            "No sample lies near the boundary of the support, so there is nothing to judge by: take more samples or a \
             larger boundary distance."
                .into(),
        );
        return None;
    }
    let tangent = support.intrinsic_dim().min(dim - 1);
    if summary.robustness.iter().any(|entry| entry.kind == "coarser") {
        reasons.push(
            "Coarser time steps are listed, but not judged: they change the sampler, not the model.".into(),
        );
    }
    let mut worst: Option<(f64, &Robustness)> = None;
    for entry in &summary.robustness {
        let scale = random_normal_shift(entry, dim, tangent);
        let Some(off) = entry.off_w1 else { continue };
        let share = if scale > 0.0 { off / scale } else { 0.0 };
        let judged = entry.kind != "coarser" && !entry.kind.starts_with("worst");
        if judged && worst.is_none_or(|(w, _)| share > w) {
            worst = Some((share, entry));
        }
    }
    let (share, entry) = worst?;
    reasons.push(format!(
        "The error with the largest share off the support ({} of size {} in the {}) moves samples by {:.3} (median) and \
         shifts their distances to the support by {:.4} (1-Wasserstein; median {:.4} before, {:.4} after), {:.0} % of \
         what a random displacement of the same length would do (robust: below {:.0} %).",
        entry.kind,
        short(entry.size),
        entry.error_in,
        entry.displacement.q50,
        entry.off_w1.unwrap_or_default(),
        entry.distance.map_or(0.0, |q| q.q50),
        entry.distance_perturbed.map_or(0.0, |q| q.q50),
        100.0 * share,
        100.0 * OFF_SHARE,
    ));
    if entry.displacement.n < FEWEST {
        reasons.push(format!(
            "Too few samples for a verdict ({}): take at least {FEWEST}.",
            entry.displacement.n
        ));
        return None;
    }
    let footing_holds = summary.footing.as_ref().is_none_or(|f| {
        f.kinds
            .iter()
            .filter(|(kind, _)| *kind != "white" && !kind.starts_with("worst"))
            .all(|(_, q)| q.q50_low > f.null)
    });
    Some(share < OFF_SHARE && footing_holds)
}

fn footing(summary: &Summary, reasons: &mut Vec<String>) {
    let Some(footing) = &summary.footing else { return };
    for (kind, q) in &footing.kinds {
        let word = if q.n < FEWEST {
            "as follows"
        } else if q.q50_low > footing.null {
            "mostly along the support"
        } else if q.q50_high < footing.null {
            "more off the support than a random direction"
        } else {
            "like a random direction"
        };
        reasons.push(format!(
            "To first order, {kind} errors move samples {word}: footing φ = {:.3} (median, {}; lower decile \
             {:.3}) against {:.3} for a random direction.",
            q.q50,
            interval(q, 3),
            q.q10,
            footing.null
        ));
    }
}

fn alignment(summary: &Summary, reasons: &mut Vec<String>) {
    let Some(alignment) = &summary.alignment else { return };
    let Some(cosine) = &alignment.score_cosine else { return };
    let (name, q) = match &cosine.svd {
        Some(svd) => ("exact leading vector", svd),
        None => ("leading vector of the forward sweep", &cosine.qr),
    };
    let claim = if q.n < FEWEST {
        ""
    } else if q.q50_high < alignment.null.score_cosine {
        "The model is aligned in the median: "
    } else {
        "The model is not aligned in the median: "
    };
    reasons.push(format!(
        "{claim}|cos| between the {name} and the score is {:.4} (median, {}; upper decile {:.3}) against {:.3} for a \
         random direction.",
        q.q50,
        interval(q, 4),
        q.q90,
        alignment.null.score_cosine
    ));
}

fn exponents(summary: &Summary, reasons: &mut Vec<String>) {
    let Some(exponents) = &summary.exponents else { return };
    let list = if exponents.svd.is_empty() { &exponents.qr } else { &exponents.svd };
    let Some(first) = list.first() else { return };
    let word = if first.q95 < 0.0 {
        "Every direction contracts over the generation"
    } else if first.q05 > 0.0 {
        "The most sensitive direction expands over the generation"
    } else {
        "The most sensitive direction contracts on some paths and expands on others"
    };
    reasons.push(format!(
        "{word}: leading log growth {:.3} nats (median; 5–95 % {:.3} to {:.3}).",
        first.q50, first.q05, first.q95
    ));
}

fn gains(summary: &Summary, reasons: &mut Vec<String>) {
    let Some(gains) = &summary.gains else { return };
    let along = gains.tangent.as_ref().map_or_else(String::new, |q| format!(" and by {:.3} along it", q.q50));
    reasons.push(format!(
        "An error nowhere larger than 1 (2-norm, in the {}) moves a sample to first order by at most {:.3} off the \
         support{along} (medians). {}",
        gains.error_in,
        gains.normal.q50,
        gains.half.sentence()
    ));
}

fn cautions(summary: &Summary, reasons: &mut Vec<String>) {
    if let Some(gap) = summary.exponents.as_ref().and_then(|e| e.gap.as_ref())
        && gap.share_above > ILL_DEFINED_SHARE
    {
        reasons.push(format!(
            "Caution: σ_2/σ_1 exceeds 0.9 on {:.0} % of the paths; their leading vector is ill-defined.",
            100.0 * gap.share_above
        ));
    }
    if let Some(support) = &summary.support
        && support.not_nearest + support.singular > 0.0
    {
        reasons.push(format!(
            "Caution: of {} feet on the support {:.2} % were not shown to be nearest (their distances are upper bounds) \
             and {:.2} % lie where the constraint has no tangent space.",
            support.feet,
            100.0 * support.not_nearest,
            100.0 * support.singular
        ));
    }
    let Some(convergence) = &summary.convergence else { return };
    let relative =
        |c: &super::summary::Change| c.change.abs() / c.value.abs().max(c.doubled.abs()).max(1e-300);
    let watched = convergence
        .medians
        .iter()
        .filter(|(name, change)| !name.contains(".qr") && change.change.abs() > ROUNDING);
    let worst = watched.max_by(|a, b| relative(a.1).total_cmp(&relative(b.1)));
    if let Some((name, change)) = worst
        && relative(change) > 0.1
    {
        reasons.push(format!(
            "Caution: with twice the steps the median of {name} changes from {:.4} to {:.4} on {} paths; use more \
             steps before trusting its digits.",
            change.value, change.doubled, convergence.samples
        ));
    }
}

/// A size as typed, or to four digits where it was measured.
fn short(size: f64) -> String {
    let typed = size.to_string();
    if typed.len() <= 8 { typed } else { format!("{size:.4}") }
}
