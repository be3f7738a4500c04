//! What a reader sees first: the verdict in words and one table of headline numbers.

use super::{Context, ErrorGroup};
use crate::report::page::{interval, median};
use crate::report::text::{number, percent, typeset};
use maud::{Markup, html};
use surefoot::analysis::{Change, Pair, Summary, Verdict};
use surefoot::statistics::Quantiles;

/// Why nothing was judged, in a sentence.
fn unjudged(context: &Context) -> &'static str {
    let judged = |group: &ErrorGroup| !matches!(group.kind, "coarser" | "worst" | "worst-l2");
    if context.intrinsic_dim().is_none() {
        "No support is known, so there is nothing to measure “off the data” by. The numbers below stand on their own."
    } else if !context.errors.iter().any(judged) {
        "No error was tried by which a model is judged. The numbers below stand on their own."
    } else {
        "There are too few samples to judge by. The numbers below stand on their own."
    }
}

/// The verdict.
pub fn verdict(context: &Context, verdict: &Verdict) -> Markup {
    let (class, answer, meaning) = match verdict.robust {
        Some(true) => (
            "verdict robust",
            "✓ Robust",
            "Errors of the kinds and sizes tried move this model's samples along the support of the data rather than off it.",
        ),
        Some(false) => (
            "verdict fragile",
            "✗ Not robust",
            "At least one of the errors tried moves this model's samples off the support of the data.",
        ),
        None => ("verdict", "? Cannot say", unjudged(context)),
    };
    html! {
        div class=(class) {
            p class="answer" { (answer) }
            p class="meaning" { (meaning) }
            @if !verdict.reasons.is_empty() { ul class="reasons" { @for reason in &verdict.reasons { li { (typeset(reason)) } } } }
        }
    }
}

/// One line of the headline table.
struct Line {
    name: Markup,
    svd: Option<Markup>,
    qr: Option<Markup>,
    null: Option<String>,
    change: Option<Markup>,
}

/// The headline table.
pub fn table(context: &Context) -> Markup {
    let summary = context.input.summary;
    let groups = [
        ("Growth", exponents(summary)),
        ("Alignment", alignment(summary)),
        ("Robustness", robustness(context)),
    ];
    let doubled = summary
        .convergence
        .as_ref()
        .map(|c| format!("change with {} steps instead of {}", c.doubled_steps, c.steps));
    if groups.iter().all(|(_, lines)| lines.is_empty()) {
        return html! {};
    }
    html! {
        div class="scroll" {
            table class="wide" {
                thead { tr {
                    th scope="col" { "median over samples" span class="aside" { "95 % interval below" } }
                    th scope="col" { "svd" span class="aside" { "exact vectors" } }
                    th scope="col" { "qr" span class="aside" { "forward sweep" } }
                    th scope="col" { "random direction" }
                    @if let Some(text) = &doubled { th scope="col" { "step error" span class="aside" { (text) } } }
                } }
                tbody {
                    @for (title, lines) in groups.iter().filter(|(_, lines)| !lines.is_empty()) {
                        tr class="group" { th scope="rowgroup" colspan=(if doubled.is_some() { 5 } else { 4 }) { (title) } }
                        @for line in lines { (row(line, doubled.is_some())) }
                    }
                }
            }
        }
    }
}

fn row(line: &Line, with_change: bool) -> Markup {
    html! {
        tr {
            th scope="row" { (line.name) }
            @match (&line.svd, &line.qr) {
                (Some(both), None) => td colspan="2" { (both) },
                (svd, qr) => {
                    td { @if let Some(cell) = svd { (cell) } }
                    td { @if let Some(cell) = qr { (cell) } }
                }
            }
            td { @if let Some(text) = &line.null { (text) } }
            @if with_change { td { @if let Some(change) = &line.change { (change) } } }
        }
    }
}

/// "svd +0.01", "qr −0.02" from the convergence entries of a figure, a line each.
fn changes(summary: &Summary, keys: &[(&str, String)]) -> Option<Markup> {
    let medians = &summary.convergence.as_ref()?.medians;
    let found: Vec<(&str, &Change)> =
        keys.iter().filter_map(|(method, key)| Some((*method, medians.get(key)?))).collect();
    (!found.is_empty()).then(|| {
        html! {
            @for (method, change) in found { div { (method) " " (signed(change)) } }
        }
    })
}

fn signed(change: &Change) -> String {
    let text = number(change.change);
    if change.change > 0.0 { format!("+{text}") } else { text }
}

/// Key of the convergence list for entry `index` of a figure with `width` entries.
fn indexed(figure: &str, width: usize, index: usize) -> String {
    if width > 1 { format!("{figure}.{index}") } else { figure.to_string() }
}

fn exponents(summary: &Summary) -> Vec<Line> {
    let Some(exponents) = &summary.exponents else { return Vec::new() };
    let k = exponents.qr.len();
    let line = |(i, qr): (usize, &Quantiles)| Line {
        name: html! { "log growth of vector " (i + 1) ", nats" },
        svd: exponents.svd.get(i).map(median),
        qr: Some(median(qr)),
        null: None,
        change: changes(
            summary,
            &[("svd", indexed("exponents.svd", k, i)), ("qr", indexed("exponents.qr", k, i))],
        ),
    };
    exponents.qr.iter().enumerate().take(3).map(line).collect()
}

fn alignment(summary: &Summary) -> Vec<Line> {
    let Some(alignment) = &summary.alignment else { return Vec::new() };
    let line = |name: Markup, figure: &str, pair: &Option<Pair<Quantiles>>, null: Option<f64>| {
        let keys = ["svd", "qr"].map(|method| (method, format!("alignment.{figure}.{method}")));
        pair.as_ref().map(|pair| Line {
            name,
            svd: pair.svd.as_ref().map(median),
            qr: Some(median(&pair.qr)),
            null: null.map(number),
            change: changes(summary, &keys),
        })
    };
    [
        line(
            html! { "score cosine |⟨LV₁, s/‖s‖⟩|" },
            "score_cosine",
            &alignment.score_cosine,
            Some(alignment.null.score_cosine),
        ),
        line(
            html! { "score in Eᵈ, ‖Eᵈᵀs‖/‖s‖" },
            "score_subspace",
            &alignment.score_subspace,
            alignment.null.score_subspace,
        ),
        line(
            html! { "angle of Eᵈ and the support, degrees" },
            "subspace_angle_deg",
            &alignment.subspace_angle_deg,
            None,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn robustness(context: &Context) -> Vec<Line> {
    let summary = context.input.summary;
    let plain =
        |name: Markup, value: Markup| Line { name, svd: Some(value), qr: None, null: None, change: None };
    let mut lines = Vec::new();
    if let Some(footing) = &summary.footing {
        for group in &context.errors {
            let kind = &group.entries[0].kind;
            let (Some(_), Some(q)) = (group.forced, footing.kinds.get(kind)) else { continue };
            lines.push(Line {
                null: Some(number(footing.null)),
                change: changes(summary, &[("", format!("footing.{kind}"))]),
                ..plain(html! { "footing φ, " (group.title()) }, median(q))
            });
        }
    }
    if let Some(own) = summary.robustness.first().and_then(|e| e.distance.as_ref()) {
        lines.push(Line {
            change: changes(summary, &[("", "distance".into())]),
            ..plain(html! { "distance to the support, unperturbed" }, median(own))
        });
    }
    for group in &context.errors {
        let Some(entry) = group.entries.last() else { continue };
        let what = format!("{}, {}", group.title(), group.size_label(entry.size));
        let Some(off) = entry.off_w1 else {
            lines.push(plain(html! { "displacement, " (what) }, median(&entry.displacement)));
            continue;
        };
        lines.push(plain(html! { "off-support shift W₁, " (what) }, html! { (number(off)) }));
        if let Some(along) = &entry.along {
            let jumped = entry.jumped.filter(|&share| share > 0.0);
            lines.push(plain(
                html! { "along-support shift, " (what) },
                html! {
                    (number(along.q50))
                    span class="aside" { (interval(along.q50_low, along.q50_high)) }
                    @if let Some(share) = jumped { span class="aside" { (percent(share)) " changed component" } }
                },
            ));
        }
    }
    lines
}
