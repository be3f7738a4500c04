//! A summary as a compact table for the terminal.

use std::fmt::Write;
use surefoot::analysis::{DensityFormula, Exponents, Pair, Robustness, Summary, size_words};
use surefoot::response::Estimate;
use surefoot::statistics::Quantiles;

/// Most rows of observables.
const MOST_ANSWERS: usize = 12;
/// Vectors shown at most.
const MOST_VECTORS: usize = 8;

/// Tables and the verdict; `verbose` also says why what is absent is absent.
pub fn summary(summary: &Summary, verbose: bool) -> String {
    let from = &summary.provenance;
    let mut text = format!(
        "{}  D = {}, {}, {}, seed {}, {:.1} s\n",
        from.model,
        from.dim,
        counted(from.samples, "sample"),
        counted(from.steps, "step"),
        from.seed,
        from.seconds
    );
    if let Some(exponents) = &summary.exponents {
        self::exponents(&mut text, exponents);
    }
    alignment(&mut text, summary);
    robustness(&mut text, summary);
    gains(&mut text, summary);
    learning(&mut text, summary);
    response(&mut text, summary);
    likelihood(&mut text, summary);
    text.push_str(&findings(summary, verbose));
    if let Some(verdict) = &summary.verdict {
        text.push('\n');
        let robust = match verdict.robust {
            Some(true) => "ROBUST",
            Some(false) => "NOT ROBUST",
            None => "NO VERDICT",
        };
        let _ = writeln!(text, "{robust}");
        for reason in &verdict.reasons {
            let _ = writeln!(text, "  {reason}");
        }
    }
    text
}

/// A line each: support classifier, condition, what to know before using the response, what was not computed.
pub fn findings(summary: &Summary, verbose: bool) -> String {
    let mut lines = Vec::new();
    if let Some(classifier) = &summary.support_classifier {
        lines.push(classifier.sentence());
    }
    if let Some(condition) = &summary.condition {
        lines.push(condition.headline());
    }
    lines.extend(summary.response.iter().flat_map(|response| response.warnings()));
    match &summary.not_computed[..] {
        [] => {}
        absent if verbose => {
            lines.push("Not computed:".into());
            lines.extend(absent.iter().map(|absent| format!("  {}", absent.sentence())));
        }
        absent => {
            let names: Vec<&str> = absent.iter().map(|absent| absent.what.as_str()).collect();
            lines.push(format!("Not computed: {} (the report and -v say why).", names.join("; ")));
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    format!("\n{}\n", lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"))
}

fn heading(text: &mut String, what: &str) {
    let _ = writeln!(text, "\n{what:<34}{:>11}{:>11}{:>11}", "5 %", "median", "95 %");
}

fn row(text: &mut String, what: &str, quantiles: &Quantiles) {
    let Quantiles { q05, q50, q95, .. } = *quantiles;
    let _ = writeln!(text, "  {what:<32}{:>11}{:>11}{:>11}", number(q05), number(q50), number(q95));
}

/// "1 sample", "2 samples".
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Four significant digits.
pub fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if (1e-3..1e5).contains(&size) => {
            let digits = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
            format!("{value:.digits$}")
        }
        _ => format!("{value:.2e}"),
    }
}

fn exponents(text: &mut String, exponents: &Exponents) {
    heading(text, "log growth over the generation");
    for (name, list) in [("qr", &exponents.qr), ("svd", &exponents.svd)] {
        for (index, quantiles) in list.iter().take(MOST_VECTORS).enumerate() {
            row(text, &format!("{name} vector {} (nats)", index + 1), quantiles);
        }
        if list.len() > MOST_VECTORS {
            let _ = writeln!(text, "  … {} more in summary.json", list.len() - MOST_VECTORS);
        }
    }
    if let Some(search) = &exponents.search {
        let _ = writeln!(
            text,
            "  svd: {}, {} rounds; {} of {} vectors converged (medians; residual <= {})",
            counted(search.samples, "sample"),
            number(search.rounds.q50),
            number(search.converged.q50),
            exponents.qr.len(),
            number(search.tolerance)
        );
    }
}

fn pair(text: &mut String, what: &str, figures: Option<&Pair<Quantiles>>, unit: &str) {
    let Some(figures) = figures else { return };
    row(text, &format!("{what}, qr{unit}"), &figures.qr);
    if let Some(svd) = &figures.svd {
        row(text, &format!("{what}, svd{unit}"), svd);
    }
}

fn alignment(text: &mut String, summary: &Summary) {
    let Some(alignment) = &summary.alignment else { return };
    heading(text, "alignment");
    pair(text, "|<LV1, score>|", alignment.score_cosine.as_ref(), "");
    pair(text, "||E^d' score||", alignment.score_subspace.as_ref(), "");
    pair(text, "angle E^d to tangent", alignment.subspace_angle_deg.as_ref(), " (deg)");
    let _ = writeln!(
        text,
        "  {:<32}{:>11}{:>11}",
        "random vector: |<., score>|",
        "",
        number(alignment.null.score_cosine)
    );
}

fn robustness(text: &mut String, summary: &Summary) {
    if let Some(footing) = &summary.footing {
        heading(text, "footing (1: errors move along)");
        for (kind, quantiles) in &footing.kinds {
            row(text, kind, quantiles);
        }
        let _ = writeln!(text, "  {:<32}{:>11}{:>11}", "random direction", "", number(footing.null));
    }
    if summary.robustness.is_empty() {
        return;
    }
    let columns = ["error in", "size", "moved", "off W1", "dist", "dist err", "along"];
    let _ = write!(text, "\n{:<12}{:>9}{:>9}", "model error", columns[0], columns[1]);
    columns[2..].iter().for_each(|column| {
        let _ = write!(text, "{column:>11}");
    });
    text.push('\n');
    summary.robustness.iter().for_each(|entry| robustness_row(text, entry));
    let _ = writeln!(text, "  (medians; off W1: 1-Wasserstein shift of the distance to the support)");
}

fn gains(text: &mut String, summary: &Summary) {
    let Some(gains) = &summary.gains else { return };
    heading(text, "gain (moved per unit of error)");
    row(text, "off the support, G_N,2", &gains.normal);
    if !gains.attained.is_empty() {
        row(text, "off the support, G_N,inf", &gains.normal_inf);
    }
    if let Some(tangent) = &gains.tangent {
        row(text, "along the support, G_T,2", tangent);
    }
    row(text, "white errors: share off", &gains.white_normal_share);
    for attained in &gains.attained {
        let size = size_words(attained.size);
        let norm = if attained.kind.starts_with("worst-l2") { "2" } else { "inf" };
        row(text, &format!("{} {size}: distance added / eps G_N,{norm}", attained.kind), &attained.share);
    }
}

/// Differences to other models: measured, to first order, at most.
fn learning(text: &mut String, summary: &Summary) {
    for error in &summary.learning_errors {
        let size = size_words(error.size);
        let what = format!("{}, eps = {size}", error.kind);
        let _ = writeln!(
            text,
            "\n{what:<34}{:>11}{:>13}{:>11}{:>11}",
            "measured", "first order", "bound", "eps G_N"
        );
        let cell = |q: Option<&Quantiles>| q.map_or_else(|| "-".into(), |q| number(q.q50));
        let mut line = |what: &str, cells: [Option<&Quantiles>; 4]| {
            let [measured, first, bound, size] = cells.map(cell);
            let _ = writeln!(text, "  {what:<32}{measured:>11}{first:>13}{bound:>11}{size:>11}");
        };
        let moved = &error.displacement;
        line("moved by", [Some(&moved.measured), Some(&moved.predicted), None, None]);
        if let Some(off) = &error.off {
            line("off the support", [Some(&off.shift.measured), Some(&off.shift.predicted), None, None]);
            line(
                "normal part of the displacement",
                [None, Some(&off.normal), off.bound.as_ref(), off.bound_inf.as_ref()],
            );
        }
        if let Some(along) = &error.along {
            line(
                "along the support",
                [Some(&along.measured), Some(&along.predicted), along.bound.as_ref(), None],
            );
        }
        let name = error.name();
        let sentences = std::iter::once(error.sentence()).chain(error.notes());
        let _ = writeln!(text, "  ({name}; medians)");
        sentences.for_each(|sentence| text.push_str(&format!("  {sentence}\n")));
    }
}

/// Operations in the unit that leaves at most four digits before the point.
pub fn flop(count: u64) -> String {
    let scales = [(1e13, 1e12, "T"), (1e10, 1e9, "G"), (1e7, 1e6, "M")];
    let exact = count as f64;
    match scales.iter().find(|(from, ..)| exact >= *from) {
        Some((_, unit, name)) => format!("{:.1} {name}FLOP", exact / unit),
        None => format!("{count} FLOP"),
    }
}

/// Mean and standard error, "-" for what one sample cannot tell.
pub fn with_error(estimate: &Estimate) -> String {
    let error = estimate.standard_error.map_or_else(|| "-".into(), number);
    format!("{} ± {error}", number(estimate.mean))
}

/// Means of observables, and their change to first order.
fn response(text: &mut String, summary: &Summary) {
    let Some(response) = &summary.response else { return };
    let dense = response.density.is_some();
    let what = "mean, and its change per unit error";
    let _ = write!(text, "\n{what:<34}{:>11}{:>22}", "mean", "path form");
    let _ = writeln!(text, "{}", if dense { format!("{:>22}", "density form") } else { String::new() });
    for answer in response.answers.iter().take(MOST_ANSWERS) {
        let name = format!("{}: {}", answer.kind, answer.observable);
        let density = answer.density.as_ref().map_or_else(|| "-".into(), with_error);
        let density = if dense { format!("{density:>22}") } else { String::new() };
        let (mean, path) = (number(answer.value.mean), with_error(&answer.path));
        let _ = writeln!(text, "  {name:<32}{mean:>11}{path:>22}{density}");
    }
    if response.answers.len() > MOST_ANSWERS {
        let _ = writeln!(text, "  … {} more in summary.json", response.answers.len() - MOST_ANSWERS);
    }
    if let (Some(DensityFormula::Hutchinson { probes }), Some(errors)) =
        (response.formula, &response.probe_errors)
    {
        let kinds = errors.response.iter().map(|(kind, error)| format!("{kind} {}", number(*error)));
        let _ = writeln!(
            text,
            "  density form from {probes} random probes; standard error of a sample's δ log ρ (median): {}",
            kinds.collect::<Vec<_>>().join(", ")
        );
    }
}

fn likelihood(text: &mut String, summary: &Summary) {
    let Some(likelihood) = &summary.likelihood else { return };
    heading(text, "likelihood of the samples");
    row(text, "log-density (nats)", &likelihood.log_density);
    row(text, "bits per dimension", &likelihood.bits_per_dim);
    let _ = writeln!(text, "  ({})", likelihood.formula.words());
}

fn robustness_row(text: &mut String, entry: &Robustness) {
    let median = |quantiles: &Option<Quantiles>| quantiles.map_or_else(|| "-".into(), |q| number(q.q50));
    let off = entry.off_w1.map_or_else(|| "-".into(), number);
    let (before, after, along) =
        (median(&entry.distance), median(&entry.distance_perturbed), median(&entry.along));
    let moved = number(entry.displacement.q50);
    let size = size_words(entry.size);
    let place = 19usize.saturating_sub(entry.kind.len());
    let _ = writeln!(
        text,
        "  {}{:>place$}{size:>9}{moved:>11}{off:>11}{before:>11}{after:>11}{along:>11}",
        entry.kind, entry.error_in
    );
}
