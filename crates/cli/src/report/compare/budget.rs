//! When every model must be accurate: the budgets of all models over their generations (theory §8).

use super::Model;
use super::figures::model_keys;
use crate::report::figure::{Axis, Figure, Height, Mark, Panel, Point, Scale, Swatch};
use crate::report::palette::Role;
use maud::{Markup, html};
use surefoot::analysis::BudgetStep;

/// Median rates and what has been spent, every model in its colour.
pub fn draw(models: &[Model]) -> Markup {
    type Pick = fn(&BudgetStep) -> Option<f64>;
    let rates: [(&str, Pick); 2] =
        [("Off the support, g_N", |step| Some(step.normal)), ("Along the support, g_T", |step| step.tangent)];
    let mut panels: Vec<Panel> = rates
        .iter()
        .filter_map(|(title, pick)| {
            let curves: Vec<(Role, Vec<Point>)> =
                models.iter().filter_map(|model| Some((model.role, rate(model, *pick)?))).collect();
            let scale = Scale::covering(curves.iter().flat_map(|(_, curve)| curve).map(|p| p[1]), true);
            let y = Axis::new(scale, "gain a generation (data units)");
            panel(title, y, curves)
        })
        .collect();
    let spent = models.iter().filter_map(|model| Some((model.role, spent(&rate(model, rates[0].1)?)?)));
    panels.extend(panel(
        "Spent off the support",
        Axis::new(Scale::linear(0.0, 1.0), "share of the summed gain"),
        spent.collect(),
    ));
    if panels.is_empty() {
        return html! {};
    }
    let figure = Figure {
        title: "The error budget over the generation".into(),
        legend: model_keys(models, Swatch::Line),
        columns: panels.len().clamp(2, 3),
        panels,
        caption: html! {
            "Median gain rates over the share n/τ of the generation, so that models with other times and steps compare: the area under a curve is the summed median gain, "
            "per unit of an error in the 2-norm in each model's own output. Right: how much of the gain off the support has been spent."
        },
        numbers: html! { "Numbers: " code { "gains.budget" } " in every model's own " code { "summary.json" } "." },
    };
    html! {
        ul { @for model in models {
            @if let Some(gains) = &model.context.input.summary.gains {
                li { strong { (model.name()) } ": " (gains.half.sentence()) }
            }
        } }
        (figure.draw())
    }
}

/// Rate by share of the generation: g(n) δt_n τ, the gain if all steps were like this one.
fn rate(model: &Model, pick: fn(&BudgetStep) -> Option<f64>) -> Option<Vec<Point>> {
    let budget = &model.context.input.summary.gains.as_ref()?.budget;
    let grid = model.context.input.system.grid;
    let duration = |step: &BudgetStep| grid.dt(step.step) * budget.len() as f64;
    let share = |step: &BudgetStep| (step.step as f64 + 0.5) / budget.len() as f64;
    budget.iter().map(|step| Some([share(step), duration(step) * pick(step)?])).collect()
}

/// Partial sums of a rate as shares of the whole, at the ends of the steps; nothing where the sum vanishes.
fn spent(rate: &[Point]) -> Option<Vec<Point>> {
    let whole: f64 = rate.iter().map(|p| p[1]).sum();
    let mut sum = 0.0;
    let ends = rate.iter().enumerate().map(|(n, p)| {
        sum += p[1];
        [(n as f64 + 1.0) / rate.len() as f64, sum / whole]
    });
    (whole > 0.0).then(|| std::iter::once([0.0, 0.0]).chain(ends).collect())
}

fn panel(title: &str, y: Axis, curves: Vec<(Role, Vec<Point>)>) -> Option<Panel> {
    (!curves.is_empty()).then(|| Panel {
        title: title.into(),
        x: Axis::new(Scale::linear(0.0, 1.0), "share of the generation"),
        y,
        marks: curves.into_iter().map(|(role, curve)| Mark::line(curve, role)).collect(),
        height: Height::Pixels(200.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_ends_at_one() {
        assert_eq!(spent(&[[0.25, 1.0], [0.75, 3.0]]), Some(vec![[0.0, 0.0], [0.5, 0.25], [1.0, 1.0]]));
        assert_eq!(spent(&[[0.5, 0.0]]), None);
    }
}
