//! The report of a sweep: headline figures against the setting.

use super::figure::{Axis, Figure, Height, Key, Mark, Panel, Scale, Swatch, range};
use super::page::{document, folded, interval, section, table};
use super::palette::Role;
use super::text::{clipped, count, number, typeset};
use maud::{Markup, html};
use serde::Serialize;
use surefoot::statistics::Estimate;

/// A figure along the values of a setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Dotted name.
    pub figure: String,
    /// In words.
    pub label: String,
    /// Unit.
    pub unit: &'static str,
    /// One a value: medians, or off-support shifts, with their 95 % intervals.
    pub points: Vec<Estimate>,
}

/// How many times larger a figure is for one value than for another, on the same samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contrast {
    /// Dotted name of the figure.
    pub figure: String,
    /// The error behind it, in words.
    pub error: String,
    /// The value compared with.
    pub base: String,
    /// The other value.
    pub other: String,
    /// Figure at `other` over figure at `base`.
    pub ratio: Estimate,
}

/// What the report of a sweep is made from.
pub struct SweepInput<'a> {
    /// Name of the model.
    pub model: &'a str,
    /// Name of the setting.
    pub setting: &'a str,
    /// Its values as typed.
    pub labels: &'a [String],
    /// Its values, where all are numbers.
    pub numbers: &'a Option<Vec<f64>>,
    /// Folder of every run.
    pub folders: &'a [String],
    /// Samples of every run.
    pub samples: usize,
    /// Figures.
    pub curves: &'a [Curve],
    /// Ratios to the base value.
    pub contrasts: &'a [Contrast],
    /// Sentences.
    pub reasons: &'a [String],
}

/// The report.
pub fn sweep_html(input: &SweepInput) -> String {
    let title = format!("{} over {}", input.model, input.setting);
    let groups: [(&str, &str, &[&str]); 4] = [
        ("support", "Off the support and along it", &["distance", "off_w1", "along"]),
        ("footing", "First order", &["normal", "footing", "gains"]),
        ("exponents", "Growth", &["exponents"]),
        ("alignment", "Alignment", &["alignment"]),
    ];
    let content = html! {
        p class="kicker" { "surefoot · does a model error move samples along the data or off it?" }
        h1 { (title) }
        p class="subtitle" {
            (input.labels.len()) " values, " (count(input.samples as u64)) " samples each on the same random numbers"
        }
        div class="verdict" { ul class="reasons" { @for reason in input.reasons { li { (typeset(reason)) } } } }
        @for (id, name, prefixes) in groups { (group(input, id, name, prefixes)) }
        (section("ratios", "Ratios", ratios(input)))
        (section("runs", "Runs", runs(input)))
    };
    document(&format!("{title} – surefoot"), content)
}

fn group(input: &SweepInput, id: &str, name: &str, prefixes: &[&str]) -> Markup {
    let belongs = |curve: &&Curve| prefixes.contains(&curve.figure.split('.').next().unwrap_or_default());
    let curves: Vec<&Curve> = input.curves.iter().filter(belongs).collect();
    if curves.is_empty() {
        return html! {};
    }
    let figure = Figure {
        title: format!("Against {}", input.setting),
        legend: vec![Key::new(Swatch::Interval, Role::Generated, "value with its 95 % interval")],
        columns: curves.len().clamp(2, 3),
        panels: curves.iter().map(|curve| panel(input, curve)).collect(),
        caption: html! {
            "Medians over the samples with distribution-free intervals; W₁ with bootstrap intervals over samples and their twins. "
            "Errors of the largest size asked for."
        },
        numbers: folded("Numbers", numbers(input, &curves)),
    };
    section(id, name, figure.draw())
}

fn panel(input: &SweepInput, curve: &Curve) -> Panel {
    let places: Vec<f64> = match input.numbers {
        Some(numbers) => numbers.clone(),
        None => (0..input.labels.len()).map(|i| i as f64).collect(),
    };
    let mut line: Vec<[f64; 2]> = places.iter().zip(&curve.points).map(|(x, p)| [*x, p.value]).collect();
    line.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut marks = Vec::new();
    if input.numbers.is_some() {
        marks.push(Mark::Lines { lines: vec![line], width: 1.2, opacity: 0.6, role: Role::Generated });
    }
    marks.extend(places.iter().zip(&curve.points).map(|(x, point)| Mark::Interval {
        at: *x,
        shift: 0.0,
        outer: None,
        inner: [point.low, point.high],
        middle: point.value,
        role: Role::Generated,
    }));
    let ends = curve.points.iter().flat_map(|point| [point.low, point.high]);
    let zero = !["exponents", "footing"].iter().any(|name| curve.figure.starts_with(name));
    let (low, high) = range(places.iter().copied()).unwrap_or((0.0, 1.0));
    let x = if low > 0.0 && high / low >= 30.0 {
        Scale::log(low / 1.2, high * 1.2)
    } else {
        let margin = if high > low { 0.06 * (high - low) } else { 0.5 };
        Scale::linear(low - margin, high + margin)
    };
    let axis = Axis::new(x, input.setting);
    let ticks = places.iter().copied().zip(input.labels.iter().map(|label| clipped(label, 14))).collect();
    Panel {
        title: curve.label.clone(),
        x: axis.with_ticks(ticks),
        y: Axis::new(Scale::covering(ends.collect::<Vec<_>>(), zero), curve.unit),
        marks,
        height: Height::Pixels(190.0),
    }
}

fn numbers(input: &SweepInput, curves: &[&Curve]) -> Markup {
    let head: Vec<&str> = std::iter::once("figure").chain(input.labels.iter().map(String::as_str)).collect();
    let cell = |point: &Estimate| format!("{} ({})", number(point.value), interval(point.low, point.high));
    let row = |curve: &&Curve| {
        let name = format!("{} ({})", curve.label, curve.unit);
        std::iter::once(name).chain(curve.points.iter().map(cell)).collect()
    };
    table(&head, &curves.iter().map(row).collect::<Vec<Vec<String>>>())
}

fn ratios(input: &SweepInput) -> Markup {
    let row = |contrast: &Contrast| {
        vec![
            contrast.error.clone(),
            format!("{} over {}", contrast.other, contrast.base),
            number(contrast.ratio.value),
            interval(contrast.ratio.low, contrast.ratio.high),
        ]
    };
    html! {
        p { "Off-support shifts (1-Wasserstein) as multiples, samples and twins resampled together." }
        div class="scroll" {
            (table(
                &["error", "values", "ratio", "95 % interval"],
                &input.contrasts.iter().map(row).collect::<Vec<_>>(),
            ))
        }
    }
}

fn runs(input: &SweepInput) -> Markup {
    html! {
        ul { @for (label, folder) in input.labels.iter().zip(input.folders) {
            li { (input.setting) " = " (label) ": "
                a href={ (folder) "/report.html" } { "report" } " · " a href={ (folder) "/summary.json" } { "summary.json" } }
        } }
    }
}
