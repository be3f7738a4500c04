//! What the loss weighs over time (`[robust]`).

use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Point, Scale, Swatch, range};
use crate::report::page::section;
use crate::report::palette::Role;
use maud::{Markup, html};

/// The weights of a measurement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    /// Updates done when they were measured.
    pub update: u64,
    /// ω of every step `[τ]`.
    pub weights: Vec<f64>,
}

/// Lines of earlier measurements at most.
const LINES: usize = 40;

/// The weights of the loss over time, as they were measured last, and before.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightCurve {
    /// Model times at the ends of the steps, in the order of a generation `[τ + 1]`.
    pub edges: Vec<f64>,
    /// ω of every step `[τ]`; empty before the first measurement.
    pub weights: Vec<f64>,
    /// All measurements, the last one included.
    pub earlier: Vec<Weights>,
}

impl WeightCurve {
    /// Model times in the middle of the steps `[τ]`.
    pub fn middles(&self) -> Vec<f64> {
        self.edges.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect()
    }

    /// Earlier measurements as lines through the middles of the steps; some of many, at even distances.
    fn lines(&self) -> Vec<Vec<Point>> {
        let before = &self.earlier[..self.earlier.len().saturating_sub(1)];
        let shown = before.len().min(LINES);
        let middles = self.middles();
        let line = |i: usize| {
            let weights = &before[i * before.len() / shown].weights;
            middles.iter().zip(weights).map(|(u, w)| [*u, *w]).collect()
        };
        (0..shown).map(line).collect()
    }

    /// How many measurements there are, and when.
    fn when(&self) -> String {
        match &self.earlier[..] {
            [] => String::new(),
            [only] => format!(" It was measured once, after {} updates.", only.update),
            [first, .., last] => format!(
                " It was measured {} times, after {} to {} updates.",
                self.earlier.len(),
                first.update,
                last.update
            ),
        }
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
    let lines = curve.lines();
    let mut legend = vec![Key::new(Swatch::Line, Role::Generated, "weight ω of a step, measured last")];
    if !lines.is_empty() {
        legend.push(Key::new(Swatch::Solid, Role::Generated, "measured before, one line each"));
    }
    legend.push(Key::new(Swatch::Line, Role::Null, "no weighting"));
    let all =
        || curve.weights.iter().copied().chain(lines.iter().flatten().map(|point| point[1])).chain([1.0]);
    let (low, high) = range(steps.0.iter().copied()).unwrap_or((0.0, 1.0));
    let figure = Figure {
        title: "Weights of the loss over time".into(),
        legend,
        columns: 1,
        panels: vec![Panel {
            title: String::new(),
            x: Axis::new(Scale::linear(low, high), "model time u"),
            y: Axis::new(Scale::covering(all(), true), "weight (pure number)"),
            marks: vec![
                Mark::Rule { value: 1.0, upright: false, role: Role::Null },
                Mark::Lines { lines: lines.clone(), width: 1.0, opacity: 0.45, role: Role::Generated },
                Mark::Steps { edges: steps.0, heights: steps.1, filled: true, role: Role::Generated },
            ],
            height: Height::Pixels(200.0),
        }],
        caption: html! {
            "They multiply the weight of the objective, and come from the normal-gain budget of the network as it was measured last: large "
            "where an error of the network carries samples far off the support. Their mean over the training times is 1."
            (curve.when())
        },
        numbers: html! { "Numbers: " code { "time_weights" } " in " a href="training.json" { code { "training.json" } } "." },
    };
    section("time-weights", "What the loss weighs", figure.draw())
}
