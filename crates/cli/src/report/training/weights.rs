//! What the loss weighs over time (`[robust]`).

use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch, range};
use crate::report::page::section;
use crate::report::palette::Role;
use maud::{Markup, html};

/// The weights of the loss over time, as they were measured last.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightCurve {
    /// Model times at the ends of the steps, in the order of a generation `[τ + 1]`.
    pub edges: Vec<f64>,
    /// ω of every step `[τ]`; empty before the first measurement.
    pub weights: Vec<f64>,
}

impl WeightCurve {
    /// Model times in the middle of the steps `[τ]`.
    pub fn middles(&self) -> Vec<f64> {
        self.edges.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect()
    }
}

/// The section; absent before anything was measured.
pub fn draw(curve: &WeightCurve) -> Markup {
    if curve.weights.is_empty() {
        return html! {};
    }
    let mut steps: (Vec<f64>, Vec<f64>) = (curve.edges.clone(), curve.weights.clone());
    // A diffusion's time falls while it generates; a histogram's edges rise.
    if steps.0[0] > steps.0[curve.weights.len()] {
        steps.0.reverse();
        steps.1.reverse();
    }
    let (low, high) = range(steps.0.iter().copied()).unwrap_or((0.0, 1.0));
    let figure = Figure {
        title: "Weights of the loss over time".into(),
        legend: vec![
            Key::new(Swatch::Line, Role::Generated, "weight ω of a step"),
            Key::new(Swatch::Line, Role::Null, "no weighting"),
        ],
        columns: 1,
        panels: vec![Panel {
            title: String::new(),
            x: Axis::new(Scale::linear(low, high), "model time u"),
            y: Axis::new(
                Scale::covering(curve.weights.iter().copied().chain([1.0]), true),
                "weight (pure number)",
            ),
            marks: vec![
                Mark::Rule { value: 1.0, upright: false, role: Role::Null },
                Mark::Steps { edges: steps.0, heights: steps.1, filled: true, role: Role::Generated },
            ],
            height: Height::Pixels(200.0),
        }],
        caption: html! {
            "They multiply the weight of the objective, and come from the normal-gain budget of the network as it was measured last: large "
            "where an error of the network carries samples far off the support. Their mean over the training times is 1."
        },
        numbers: html! { "Numbers: " code { "time_weights" } " in " a href="training.json" { code { "training.json" } } "." },
    };
    section("time-weights", "What the loss weighs", figure.draw())
}
