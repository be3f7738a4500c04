//! The error of the learned score over the noise levels.

use crate::report::figure::{Axis, Figure, Height, Key, Mark, Panel, Point, Scale, Swatch, range};
use crate::report::page::{folded, interval, section, table};
use crate::report::palette::Role;
use crate::report::text::{ABSENT, count, number, significant};
use maud::{Markup, html};
use surefoot::train::{RelativeError, ScoreError, ScoreErrors};

/// The section.
pub fn draw(errors: &ScoreErrors) -> Markup {
    let points = errors.overall.n as u64;
    let figure = Figure {
        title: "Relative error of the learned score".into(),
        legend: vec![Key::new(Swatch::Interval, Role::Generated, "error with its 95 % bootstrap interval")],
        columns: 1,
        panels: vec![panel(&errors.levels)],
        caption: html! {
            "√( E|s" sub { "θ" } " − s|² / E|s|² ) at " (errors.levels.len()) " noise levels between the end of the generation "
            "(left, at the data) and its start (right), with the weights that are kept, at " (count(points)) " points m x₀ + σ z a "
            "level, x₀ new data and z normal noise. s is the exact score of the noised data. 0 is a perfect score; a score of 0 "
            "everywhere would be at 1. Weighted by σ² over these levels, as in the loss that counts them alike: "
            (within(&errors.overall)) "."
        },
        numbers: numbers(errors),
    };
    section("score", "Error of the score", figure.draw())
}

fn panel(levels: &[ScoreError]) -> Panel {
    let place = |level: &ScoreError| level.noise / level.signal;
    let line: Vec<Point> = levels.iter().map(|level| [place(level), level.error.value]).collect();
    let mut marks = vec![Mark::Lines { lines: vec![line], width: 1.2, opacity: 0.6, role: Role::Generated }];
    marks.extend(levels.iter().map(|level| Mark::Interval {
        at: place(level),
        shift: 0.0,
        outer: None,
        inner: ends(&level.error),
        middle: level.error.value,
        role: Role::Generated,
    }));
    let positive = |value: &f64| *value > 0.0;
    let (left, right) = range(levels.iter().map(place).filter(positive)).unwrap_or((0.1, 1.0));
    let (low, high) =
        range(levels.iter().flat_map(|level| ends(&level.error)).filter(positive)).unwrap_or((0.1, 1.0));
    Panel {
        title: String::new(),
        x: Axis::new(Scale::log(left / 1.2, right * 1.2), "noise level σ/m (units of the data)"),
        y: Axis::new(Scale::log(low / 1.2, high * 1.2), "relative L² error (pure number)"),
        marks,
        height: Height::Pixels(260.0),
    }
}

/// Of the interval; the value itself where there is none.
fn ends(error: &RelativeError) -> [f64; 2] {
    [error.low.unwrap_or(error.value), error.high.unwrap_or(error.value)]
}

fn spread(error: &RelativeError) -> String {
    match (error.low, error.high) {
        (Some(low), Some(high)) => interval(low, high),
        _ => ABSENT.into(),
    }
}

fn within(error: &RelativeError) -> String {
    format!("{} ({})", number(error.value), spread(error))
}

fn numbers(errors: &ScoreErrors) -> Markup {
    let row = |level: &ScoreError| {
        vec![
            number(level.noise / level.signal),
            number(level.time),
            number(level.signal),
            number(level.noise),
            significant(level.error.value, 4),
            spread(&level.error),
            level.error.n.to_string(),
        ]
    };
    let head = ["σ/m", "model time u", "m", "σ", "relative error", "95 % interval", "n"];
    html! {
        (folded("Numbers", table(&head, &errors.levels.iter().map(row).collect::<Vec<_>>())))
        "Also " code { "score_error" } " in " a href="training.json" { code { "training.json" } } "."
    }
}
