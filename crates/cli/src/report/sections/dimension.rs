//! Dimension: the drops of the log singular values, what every sample answers, and other estimators (theory §10).

use super::Context;
use crate::report::charts::{numbered, quantile_mark};
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch, range};
use crate::report::page::{folded, quantile_table, section, table};
use crate::report::palette::Role;
use crate::report::text::{number, percent, significant};
use maud::{Markup, html};
use surefoot::analysis::DimensionSummary;
use surefoot::dimension::{DropAt, Ensemble, Standing};
use surefoot::statistics::Estimate;

/// The section.
pub fn draw(context: &Context) -> Markup {
    let Some(found) = &context.input.summary.dimension else { return html! {} };
    section(
        "dimension",
        "Dimension of what is generated",
        html! {
            p { (found.sentence()) }
            p {
                "A generation squeezes noise onto the data: directions across them contract more than directions along them. The drop between the "
                "two is looked for after vectors " (found.gap.rule.first) " to " (found.gap.rule.last) " of D = " (found.gap.ambient)
                "; it counts where it is " (number(found.gap.rule.clarity.factor)) " times any other and at least " (significant(found.gap.rule.clarity.least, 2))
                " nats. Thickness of the data below the noise at the end of the generation is not seen."
            }
            (curve(found).draw())
            (baselines(found))
        },
    )
}

fn curve(found: &DimensionSummary) -> Figure {
    let ensemble = &found.gap.ensemble;
    let last = found.gap.rule.last;
    let bar = |drop: &DropAt| quantile_mark(drop.dimension as f64, 0.0, &drop.size, Role::Svd);
    let (low, high) =
        range(ensemble.curve.iter().flat_map(|d| [d.size.q05, d.size.q95])).unwrap_or((0.0, 1.0));
    let heights: Vec<f64> = (1..=last).map(|d| ensemble.answers.share(d)).collect();
    let top = heights.iter().copied().fold(0.0, f64::max);
    let drops = Panel {
        title: "Drops".into(),
        x: numbered(last, "after vector"),
        y: Axis::new(Scale::covering([low.min(0.0), high], false), "log σᵢ − log σᵢ₊₁ (nats)"),
        marks: ensemble.curve.iter().map(bar).collect(),
        height: Height::Pixels(210.0),
    };
    let answers = Panel {
        title: "What single samples answer".into(),
        x: numbered(last, "dimension"),
        y: Axis::new(Scale::covering([top], true), "share of samples"),
        marks: vec![Mark::Steps {
            edges: (0..=last).map(|i| i as f64 + 0.5).collect(),
            heights,
            filled: true,
            role: Role::Svd,
        }],
        height: Height::Pixels(210.0),
    };
    Figure {
        title: "Where the singular values drop".into(),
        legend: vec![Key::new(
            Swatch::Interval,
            Role::Svd,
            "svd: drop between neighbouring log singular values",
        )],
        panels: vec![drops, answers],
        columns: 2,
        caption: html! {
            "Over " (ensemble.n) " samples: dot, median; thick, 25 % to 75 %; thin, 5 % to 95 %. Right: the place of every sample's own largest drop; "
            (percent(ensemble.agreeing)) " agree with that of the mean, and on " (percent(ensemble.clear)) " it stands out by the rule above."
        },
        numbers: numbers(ensemble),
    }
}

fn numbers(ensemble: &Ensemble) -> Markup {
    let rows = ensemble.curve.iter().map(|drop| (format!("after vector {}", drop.dimension), &drop.size));
    folded("The plotted numbers", quantile_table("drop, nats", rows))
}

/// What the generated samples alone say, beside the gap rule.
fn baselines(found: &DimensionSummary) -> Markup {
    let estimate = |e: &Estimate| {
        format!("{} ({} to {})", significant(e.value, 3), significant(e.low, 3), significant(e.high, 3))
    };
    let gap = &found.gap.ensemble;
    let interval =
        found.interval.as_ref().map_or_else(String::new, |i| format!(" ({} to {})", i.low, i.high));
    let mark = if gap.gap.standing == Standing::Clear { "" } else { "?" };
    let mut rows = vec![vec![
        "gap rule on exact singular values".to_string(),
        format!("{}{mark}{interval}", found.estimate),
        "noise at the end of the generation".into(),
        gap.n.to_string(),
    ]];
    let list = &found.baselines;
    rows.extend(list.two_nn.as_ref().map(|two| {
        vec![
            "TwoNN".into(),
            estimate(&two.dimension),
            format!("second neighbour, at {}", number(two.radius.q50)),
            two.n.to_string(),
        ]
    }));
    rows.extend(list.levina_bickel.as_ref().map(|mle| {
        let [from, to] = [mle.neighbourhoods.from, mle.neighbourhoods.to];
        let radius = mle.by_neighbours.last().map_or(0.0, |at| at.radius.q50);
        vec![
            "maximum likelihood (Levina–Bickel)".into(),
            estimate(&mle.dimension),
            format!("neighbours {from} to {to}, up to {}", number(radius)),
            mle.n.to_string(),
        ]
    }));
    rows.extend(list.local_pca.as_ref().map(|pca| {
        vec![
            "local PCA (5 % of the largest eigenvalue)".into(),
            format!("{} (mean {})", pca.dimension, estimate(&pca.mean)),
            format!("{} neighbours, up to {}", pca.settings.neighbours, number(pca.radius.q50)),
            pca.n.to_string(),
        ]
    }));
    html! {
        p { "Beside it what estimators say that see only the generated samples, each at its own scale (medians of distances, data units):" }
        div class="scroll" { (table(&["estimator", "dimension (95 % interval)", "scale", "samples"], &rows)) }
    }
}
