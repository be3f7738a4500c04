//! The sufficient condition along the paths (theory §9).

use super::Context;
use crate::report::charts::Fan;
use crate::report::columns::Table;
use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch};
use crate::report::page::{section, table};
use crate::report::palette::Role;
use crate::report::text::{number, percent};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::ConditionSummary;
use surefoot::condition::CROSS_RATIO;

/// A quantity over the steps, with the value that its clause compares it to.
struct Curve {
    title: &'static str,
    label: &'static str,
    rule: f64,
    table: Table,
}

/// The section.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    let Some(condition) = &context.input.summary.condition else { return Ok(html! {}) };
    Ok(section(
        "condition",
        "The sufficient condition",
        html! {
            p {
                "A theorem (Chandramoorthy and de Clercq 2025, Theorem 4.3) gives conditions along a path under which its sample's most sensitive directions lie along the support. "
                @if condition.dimension == 1 { "Each step is split into the most sensitive direction E and the rest." }
                @else { "Each step is split into the " (condition.dimension) " most sensitive directions E and the rest." }
            }
            ul { @for sentence in condition.sentences() { li { (sentence) } } }
            @if let Some(figure) = figure(context, condition)? { (figure.draw()) }
            (clauses(condition))
        },
    ))
}

fn figure(context: &Context, condition: &ConditionSummary) -> Result<Option<Figure>, Error> {
    let Some(curves) = curves(context)? else { return Ok(None) };
    let panels = curves.iter().map(panel).collect();
    Ok(Some(Figure {
        title: "What the condition asks about, step by step".into(),
        legend: vec![
            Key::new(Swatch::Line, Role::Qr, "median"),
            Key::new(Swatch::Band, Role::Qr, "25 % to 75 %, and 5 % to 95 %"),
            Key::new(Swatch::Line, Role::Null, "what a clause compares with"),
        ],
        columns: 2,
        panels,
        caption: html! {
            "Over " (condition.paths) " stored paths; n = 0 is noise. The condition can hold from t* on where, to the right of it, products of α stay above 1, "
            "the cross ratio stays below " (number(CROSS_RATIO)) " and the curvature below 1."
        },
        numbers: context.numbers(&[
            "condition_stretch",
            "condition_rest",
            "condition_cross_out",
            "condition_cross_in",
            "condition_block",
            "condition_curvature",
        ]),
    }))
}

fn curves(context: &Context) -> Result<Option<[Curve; 4]>, Error> {
    let get = |name: &str| context.columns.get(&format!("condition_{name}"));
    let (Some(stretch), Some(rest), Some(curvature)) = (get("stretch")?, get("rest")?, get("curvature")?)
    else {
        return Ok(None);
    };
    let (Some(out), Some(into), Some(block)) = (get("cross_out")?, get("cross_in")?, get("block")?) else {
        return Ok(None);
    };
    let cross = out.values().iter().zip(into.values()).zip(block.values());
    let ratio =
        |((a, b), block): ((&f64, &f64), &f64)| if a.max(*b) == 0.0 { 0.0 } else { a.max(*b) / block };
    let ratios = Table::new(cross.map(ratio).collect(), stretch.row(0).len());
    Ok(Some([
        Curve { title: "Stretch along E", label: "α, per step", rule: 1.0, table: stretch },
        Curve { title: "Stretch of the rest", label: "β, per step", rule: 1.0, table: rest },
        Curve {
            title: "Cross derivatives",
            label: "share of the block norms",
            rule: CROSS_RATIO,
            table: ratios,
        },
        Curve {
            title: "Curvature along E",
            label: "1 / (data units · model time)",
            rule: 1.0,
            table: curvature,
        },
    ]))
}

fn panel(curve: &Curve) -> Panel {
    let steps = curve.table.row(0).len();
    let fan = Fan::over_steps(steps, |n| curve.table.column(n));
    let scale = Scale::covering(fan.heights().chain([curve.rule]), false);
    Panel {
        title: curve.title.into(),
        x: Axis::new(Scale::linear(0.0, (steps - 1).max(1) as f64), "generation step n"),
        y: Axis::new(scale, curve.label),
        marks: std::iter::once(Mark::Rule { value: curve.rule, upright: false, role: Role::Null })
            .chain(fan.marks(Role::Qr))
            .collect(),
        height: Height::Pixels(180.0),
    }
}

fn clauses(condition: &ConditionSummary) -> Markup {
    let names = [
        ("stretch", "(i) stretch, as stated: mean log α, nats a step"),
        ("stretch_proof", "(i) stretch, as the proof needs it, nats a step"),
        ("curvature", "(ii) curvature: 1 − curvature"),
        ("cross", "(iii) cross derivatives: bound − ratio"),
    ];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (key, name) in names {
        if let Some(clause) = condition.clauses.get(key) {
            let margin = number(clause.margin.q50);
            rows.push(vec![name.into(), percent(clause.at_end), percent(clause.throughout), margin]);
        }
    }
    rows.push(vec![
        "compressive generation".into(),
        String::new(),
        percent(condition.compressive),
        String::new(),
    ]);
    table(&["clause by itself", "holds at the last step", "holds throughout", "margin (median)"], &rows)
}
