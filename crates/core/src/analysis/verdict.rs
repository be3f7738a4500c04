//! The answer in plain words, with the numbers it rests on.

use super::summary::{Change, Robustness, Summary, Verdict};
use super::system::System;
use crate::statistics::Quantiles;

/// A model is called robust when every error but a worst-case one shifts the distances to the support by less than this share of what a
/// random displacement of the same length would do, and its footing lies above that of a random direction.
pub const OFF_SHARE: f64 = 0.25;

/// Share of samples with nearly equal σ_1 and σ_2 from which the leading vector is called ill-defined.
const ILL_DEFINED_SHARE: f64 = 0.1;

/// Below this number of samples a median has no 95 % interval, and nothing is judged by it.
pub(super) const FEWEST: usize = 6;

/// Changes of a median below this share of its natural scale are rounding.
const ROUNDING: f64 = 1e-6;

/// "95 % interval a to b", or why there is none.
fn interval(q: &Quantiles, digits: usize) -> String {
    if q.n < FEWEST {
        return format!("n = {}, too few for an interval", q.n);
    }
    format!("95 % interval {:.digits$} to {:.digits$}", q.q50_low, q.q50_high)
}

/// Judges a finished summary of samples of root mean square `scale`. `None` when nothing was measured at all.
pub(super) fn verdict(summary: &Summary, system: &System, scale: f64) -> Option<Verdict> {
    let mut reasons = Vec::new();
    let robust = robustness(summary, system, &mut reasons);
    footing(summary, &mut reasons);
    alignment(summary, system.dim(), &mut reasons);
    exponents(summary, &mut reasons);
    gains(summary, &mut reasons);
    cautions(summary, scale, &mut reasons);
    (!reasons.is_empty()).then_some(Verdict { robust, reasons })
}

/// Whether an error of this name was built to leave the support.
fn is_worst(kind: &str) -> bool {
    kind.starts_with("worst")
}

/// Off-support shift as a share of what a random displacement of the twins' mean length would add in the normal
/// directions, √((D − d)/D) of it.
fn off_share(entry: &Robustness, dim: usize, tangent: usize) -> Option<f64> {
    let scale = entry.displacement.mean * ((dim - tangent) as f64 / dim as f64).sqrt();
    entry.off_w1.map(|off| if scale > 0.0 { off / scale } else { 0.0 })
}

fn robustness(summary: &Summary, system: &System, reasons: &mut Vec<String>) -> Option<bool> {
    let Some(support) = system.support.as_ref() else {
        reasons.push(
            "No support is known, so nothing says what is off the data, and robustness is not judged.".into(),
        );
        return None;
    };
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
    let shares: Vec<(f64, &Robustness)> = summary
        .robustness
        .iter()
        .filter_map(|entry| Some((off_share(entry, dim, tangent)?, entry)))
        .collect();
    let largest = |wanted: &dyn Fn(&str) -> bool| {
        let listed = shares.iter().filter(|(_, entry)| wanted(&entry.kind));
        listed.copied().reduce(|best, next| if next.0 > best.0 { next } else { best })
    };
    let built = largest(&is_worst);
    let judged = largest(&|kind| kind != "coarser" && !is_worst(kind));
    let Some((share, entry)) = judged else {
        reasons.push(
            "No error was tried by which a model is judged (constant, random, white, or a difference of models).".into(),
        );
        worst_case(summary, built, reasons);
        return None;
    };
    let of = if built.is_some() { "Of the errors that are not built for it, the one" } else { "The error" };
    reasons.push(format!(
        "{of} with the largest share off the support {}, {:.0} % of what a random displacement of the same length would do \
         (robust: below {:.0} %).",
        shifts(entry),
        100.0 * share,
        100.0 * OFF_SHARE,
    ));
    worst_case(summary, built, reasons);
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
            .filter(|(kind, _)| *kind != "white" && !is_worst(kind))
            .all(|(_, q)| q.q50_low > f.null)
    });
    Some(share < OFF_SHARE && footing_holds)
}

/// What an error does to the samples.
fn shifts(entry: &Robustness) -> String {
    format!(
        "({} of size {} in the {}) moves samples by {} (median) and shifts their distances to the support by {} \
         (1-Wasserstein; median {} before, {} after)",
        entry.kind,
        size_words(entry.size),
        entry.error_in,
        digits(entry.displacement.q50),
        digits(entry.off_w1.unwrap_or_default()),
        digits(entry.distance.map_or(0.0, |q| q.q50)),
        digits(entry.distance_perturbed.map_or(0.0, |q| q.q50)),
    )
}

/// What the worst case did, which is not judged.
fn worst_case(summary: &Summary, built: Option<(f64, &Robustness)>, reasons: &mut Vec<String>) {
    let Some((share, entry)) = built else { return };
    reasons.push(format!(
        "Worst-case errors are built to leave the support, so the verdict does not count them; they say how far an error of \
         their size can carry samples. The one with the largest share {}, {:.0} % of what a random displacement would do.",
        shifts(entry),
        100.0 * share,
    ));
    let jumped = summary.robustness.iter().filter_map(|entry| entry.jumped).fold(0.0, f64::max);
    if jumped > 0.0 {
        reasons.push(format!(
            "Caution: up to {:.1} % of the twins landed on another component of the support. The worst case is the worst of \
             first order, and jumps are not of first order: at small sizes a few of them can make another error's shift the \
             larger one.",
            100.0 * jumped
        ));
    }
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

fn alignment(summary: &Summary, dim: usize, reasons: &mut Vec<String>) {
    let Some(alignment) = &summary.alignment else { return };
    let Some(cosine) = &alignment.score_cosine else { return };
    if dim == 1 {
        reasons.push(
            "In one dimension every vector is parallel to the score: alignment says nothing about this model.".into(),
        );
        return;
    }
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
    // As printed, so that words and numbers agree.
    let [low, middle, high] = [first.q05, first.q50, first.q95].map(|v| (v * 1e3).round() / 1e3 + 0.0);
    let word = match (low, high) {
        (0.0, 0.0) => "The most sensitive direction keeps its length over the generation",
        (_, high) if high < 0.0 => "Every direction contracts over the generation",
        (low, _) if low > 0.0 => "The most sensitive direction expands over the generation",
        (_, 0.0) => "The most sensitive direction contracts on some paths and keeps its length on others",
        (0.0, _) => "The most sensitive direction expands on some paths and keeps its length on others",
        _ => "The most sensitive direction contracts on some paths and expands on others",
    };
    let by = if exponents.svd.is_empty() { " of one sweep of QR" } else { "" };
    reasons.push(format!(
        "{word}: leading log growth {middle:.3} nats{by} (median; 5–95 % {low:.3} to {high:.3})."
    ));
}

fn gains(summary: &Summary, reasons: &mut Vec<String>) {
    let Some(gains) = &summary.gains else { return };
    let along =
        gains.tangent.as_ref().map_or_else(String::new, |q| format!(" and by {} along it", digits(q.q50)));
    let sizes = match gains.bounds() {
        true => format!("by at most {} off the support{along} (medians)", digits(gains.normal.q50)),
        false => format!(
            "by at most {} straight away from the support{along} (medians); other directions off the support are too many to be \
             swept",
            digits(gains.normal.q50)
        ),
    };
    reasons.push(format!(
        "An error nowhere larger than 1 (2-norm, in the {}) moves a sample to first order {sizes}. {}",
        gains.error_in,
        gains.half.sentence()
    ));
}

/// Vectors that a search gave up on are no exact ones.
fn unconverged(summary: &Summary, reasons: &mut Vec<String>) {
    let Some(search) = summary.exponents.as_ref().and_then(|exponents| exponents.search.as_ref()) else {
        return;
    };
    let (wanted, fewest) = (search.residuals.len(), search.converged.q05);
    if fewest < wanted as f64 {
        let largest = search.residuals.iter().map(|q| q.q95).fold(0.0, f64::max);
        reasons.push(format!(
            "Caution: the search came to its end on {fewest:.0} of the {wanted} leading vectors on some paths (relative residuals \
             up to {}, wanted {}); those beyond are not exact. Allow more --exact-rounds, or a larger --exact-tolerance.",
            digits(largest),
            digits(search.tolerance)
        ));
    }
}

fn cautions(summary: &Summary, scale: f64, reasons: &mut Vec<String>) {
    unconverged(summary, reasons);
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
    let relative = |(name, c): (&String, &Change)| {
        c.change.abs() / natural_size(name, c.value.abs().max(c.doubled.abs())).max(1e-300)
    };
    // Distances and gains are lengths; all other figures are pure numbers, degrees or nats.
    let natural = |name: &str| if name == "distance" || name.starts_with("gains.") { scale } else { 1.0 };
    let watched = convergence
        .medians
        .iter()
        .filter(|(name, change)| !name.contains(".qr") && change.change.abs() > ROUNDING * natural(name));
    let worst = watched.max_by(|a, b| relative(*a).total_cmp(&relative(*b)));
    if let Some((name, change)) = worst
        && relative((name, change)) > 0.1
    {
        reasons.push(format!(
            "Caution: with twice the steps the median of {name} changes from {} to {} on {} {}; use more steps before \
             trusting its digits.",
            digits(change.value),
            digits(change.doubled),
            change.paths,
            if change.paths == 1 { "path" } else { "paths" }
        ));
    }
}

/// What a change of a figure of this size is compared with: a nat of log growth is a factor of the singular value whatever the growth,
/// and small angles, cosines and shares need not be known to more digits than large ones.
fn natural_size(name: &str, size: f64) -> f64 {
    match name {
        _ if name.starts_with("exponents.") => size.min(1.0),
        _ if name.starts_with("alignment.subspace_angle_deg") => size.max(10.0),
        _ if name.starts_with("alignment.score_cosine") || name.starts_with("footing") => size.max(0.1),
        _ => size,
    }
}

/// Three significant digits.
pub(super) fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if (1e-4..1e5).contains(&size) => {
            let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
            format!("{value:.decimals$}")
        }
        _ => format!("{value:.2e}"),
    }
}

/// A size as it was typed, in at most eight characters; to four digits where it was measured.
pub fn size_words(size: f64) -> String {
    let spellings = [
        size.to_string(),
        format!("{size:e}"),
        format!("{size:.4}"),
        format!("{size:.2e}"),
        format!("{size:.1e}"),
    ];
    let keeps = |words: &String| words.len() <= 8 && words.parse::<f64>().is_ok_and(|read| read != 0.0);
    spellings.into_iter().find(|words| size == 0.0 || keeps(words)).unwrap_or_else(|| format!("{size:e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What 0.1 of it is: a tenth of a nat, a degree, a hundredth of a cosine, a tenth of a length.
    #[test]
    fn changes_are_compared_with_what_matters() {
        assert_eq!(natural_size("exponents.svd.0", 5.6), 1.0);
        assert_eq!(natural_size("exponents.qr.1", 0.3), 0.3);
        assert_eq!(natural_size("alignment.subspace_angle_deg.svd", 0.2), 10.0);
        assert_eq!(natural_size("alignment.subspace_angle_deg.svd", 40.0), 40.0);
        assert_eq!(natural_size("alignment.score_cosine.svd", 1e-5), 0.1);
        assert_eq!(natural_size("gains.normal", 1e-5), 1e-5);
    }

    #[test]
    fn sizes_fit_their_column_and_are_not_rounded_to_zero() {
        let cases = [
            (0.5, "0.5"),
            (0.0, "0"),
            (0.0003, "0.0003"),
            (1e-300, "1e-300"),
            (0.012345678, "0.0123"),
            (1.234567e-7, "1.23e-7"),
            (1.234567e-120, "1.2e-120"),
            (123456.789, "1.23e5"),
        ];
        for (size, words) in cases {
            assert_eq!(size_words(size), words);
        }
    }
}
