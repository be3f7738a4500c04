//! Response of the generated density: δ log ρ at the samples beside the change at finite ε, and of observables (theory §7).

use super::{Context, ErrorGroup};
use crate::report::columns::{Table, quantile, spread};
use crate::report::density::Density;
use crate::report::figure::{Figure, Key, Mark, Panel, Point, Swatch};
use crate::report::page::{section, table};
use crate::report::palette::Role;
use crate::report::scene::Scene;
use crate::report::text::{ABSENT, number, percent, typed};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::{Answer, DensityFormula, NotComputed, ResponseSummary};
use surefoot::response::Estimate;

/// Samples drawn one by one.
const DRAWN: usize = 1200;
/// Shades of the dots.
const SHADES: usize = 4;
/// Cells whose density lies above this share of the common white point hold the samples.
const OCCUPIED: f64 = 0.01;

/// The section.
///
/// # Errors
/// Unreadable columns.
pub fn draw(context: &Context) -> Result<Markup, Error> {
    let Some(response) = &context.input.summary.response else { return Ok(html! {}) };
    let missing = |absent: &&NotComputed| absent.what.starts_with("density form");
    let absent = context.input.summary.not_computed.iter().find(missing);
    let mut maps = Vec::new();
    if let Some(scene) = context.scenes.first() {
        let responding =
            context.errors.iter().filter(|group| !matches!(group.kind, "coarser" | "worst" | "worst-l2"));
        for (index, group) in responding.enumerate() {
            maps.extend(map(context, scene, index, group)?);
        }
    }
    Ok(section(
        "response",
        "Response of the density",
        html! {
            p {
                "To first order, an error of size ε multiplies the density of the samples by 1 + ε δ log ρ (CdC eq. 2): it can make places more or less likely where there are samples, and nothing where there are none."
            }
            @for map in &maps { p { strong { (map.sentence()) } } (map.figure.draw()) }
            (numbers(response, absent))
        },
    ))
}

/// The figure of one error with what was read off it.
struct Map {
    figure: Figure,
    title: String,
    size: f64,
    correlation: f64,
    held: f64,
}

impl Map {
    fn sentence(&self) -> String {
        format!(
            "{}: {} of the change at ε = {} lies where the unperturbed model puts its samples. First order and measurement \
             correlate by {} over the map, sampling noise included.",
            capital(&self.title),
            percent(self.held),
            typed(self.size),
            number(self.correlation)
        )
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn map(context: &Context, scene: &Scene, index: usize, group: &ErrorGroup) -> Result<Option<Map>, Error> {
    let place = group.places.start;
    let (Some(twins), Some(entry)) = (context.twins(place), group.entries.first()) else { return Ok(None) };
    let (Some(zeta), Some(forced)) = (context.columns.get("displacement")?, group.forced) else {
        return Ok(None);
    };
    if entry.size == 0.0 {
        return Ok(None);
    }
    let dim = context.dim();
    let n = context.generated.rows();
    let base: Vec<Point> = (0..n).map(|i| scene.plane.point(context.generated.row(i))).collect();
    let moved: Vec<Point> = twins.map(|x| scene.plane.point(x)).collect();
    let smooth = Smoothing::of(scene, n);
    let finite = smooth.change(&base, &moved, 1.0 / entry.size);
    let deterministic = context
        .input
        .summary
        .response
        .as_ref()
        .is_some_and(|r| r.density.as_deref() == Some("deterministic"));
    let weights = context.columns.get("response")?.map(|table| table.column(index));
    let first = match &weights {
        Some(weights) if deterministic => smooth.weighted(&base, weights),
        _ => {
            // (smoothed density carried by ±h ζ)/2h: the path form of the smoothed density.
            let h = 0.1 * smooth.bandwidth / (1e-300 + typical(&zeta, forced, dim));
            let shifted = |sign: f64| -> Vec<Point> {
                let rows = zeta.parts(forced, dim).zip(&base);
                rows.map(|(zeta, x)| {
                    let along = scene.plane.direction(zeta);
                    [x[0] + sign * h * along[0], x[1] + sign * h * along[1]]
                })
                .collect()
            };
            smooth.change(&shifted(-1.0), &shifted(1.0), 0.5 / h)
        }
    };
    let occupied = smooth.weighted(&base, &vec![1.0; n]);
    let held = finite.share_within(&occupied, OCCUPIED * occupied.level(0.985));
    let correlation = first.correlation(&finite);
    let full = first.magnitude(0.985).max(finite.magnitude(0.985));
    let mut panels = Vec::new();
    if let Some(weights) = &weights {
        panels.push(scene.panel("δ log ρ at the samples", dots(&base, weights)));
    }
    let form = if deterministic { "First order: density form" } else { "First order: path form" };
    panels.push(signed(scene, form.into(), &first, full)?);
    let title = format!("Measured: change at {}, over ε", group.size_label(entry.size));
    panels.push(signed(scene, title, &finite, full)?);
    let figure = Figure {
        title: format!("Density under a {}", group.title()),
        legend: legend(scene),
        columns: panels.len(),
        panels,
        caption: caption(&smooth, weights.is_some(), deterministic, scene),
        numbers: context.numbers(&names(weights.is_some())),
    };
    let title = group.title();
    Ok(Some(Map { figure, title, size: entry.size, correlation, held }))
}

/// Median length of the displacements.
fn typical(zeta: &Table, forced: usize, dim: usize) -> f64 {
    let length = |z: &[f64]| z.iter().map(|z| z * z).sum::<f64>().sqrt();
    let mut lengths: Vec<f64> = zeta.parts(forced, dim).map(length).collect();
    lengths.sort_by(f64::total_cmp);
    quantile(&lengths, 0.5)
}

/// How densities are smoothed on the plane.
struct Smoothing {
    window: [f64; 4],
    cell: f64,
    bandwidth: f64,
}

impl Smoothing {
    fn of(scene: &Scene, samples: usize) -> Smoothing {
        let width = scene.width();
        let share = 0.02 * (1000.0 / samples as f64).powf(1.0 / 6.0);
        Smoothing { window: scene.window, cell: width / 240.0, bandwidth: width * share.clamp(0.008, 0.03) }
    }

    fn weighted(&self, points: &[Point], weights: &[f64]) -> Density {
        Density::weighted(points, weights, self.window, self.cell, self.bandwidth)
    }

    /// factor · (density of `after` − density of `before`).
    fn change(&self, before: &[Point], after: &[Point], factor: f64) -> Density {
        let points: Vec<Point> = before.iter().chain(after).copied().collect();
        let mut weights = vec![-factor; before.len()];
        weights.resize(points.len(), factor);
        self.weighted(&points, &weights)
    }
}

/// Dots in two hues, their shade by the size of the weight.
fn dots(at: &[Point], weights: &[f64]) -> Vec<Mark> {
    let mut sizes: Vec<f64> = weights.iter().map(|w| w.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    let full = quantile(&sizes, 0.95).max(1e-300);
    let shade = |w: f64| ((w.abs() / full * SHADES as f64) as usize).min(SHADES - 1);
    let chosen = spread(at.len(), DRAWN);
    let mut marks = Vec::new();
    for level in 0..SHADES {
        for role in [Role::Less, Role::More] {
            let here =
                |i: &&usize| shade(weights[**i]) == level && (weights[**i] > 0.0) == (role == Role::More);
            let at: Vec<Point> = chosen.iter().filter(here).map(|&i| at[i]).collect();
            let opacity = 0.25 + 0.75 * level as f64 / (SHADES - 1) as f64;
            marks.push(Mark::Points { at, radius: 1.7, opacity, role });
        }
    }
    marks
}

/// A signed density in two hues.
fn signed(scene: &Scene, title: String, density: &Density, full: f64) -> Result<Panel, Error> {
    let [more, less] = density.signs();
    let marks = vec![
        Mark::Image { raster: more.raster(full)?, role: Role::More },
        Mark::Image { raster: less.raster(full)?, role: Role::Less },
    ];
    Ok(scene.panel(title, marks))
}

fn legend(scene: &Scene) -> Vec<Key> {
    let mut legend = vec![
        Key::new(Swatch::Area, Role::More, "more likely under the error"),
        Key::new(Swatch::Area, Role::Less, "less likely"),
    ];
    if !scene.support.is_empty() {
        legend.push(Key::new(Swatch::Line, Role::Target, "support"));
    }
    legend
}

fn caption(smooth: &Smoothing, dots: bool, deterministic: bool, scene: &Scene) -> Markup {
    html! {
        @if dots {
            "Left: δ log ρ per unit ε at the generated samples, darkest from the 95 % quantile of its size on. "
            @if !deterministic { "The sampler is stochastic, so each dot is δ log ρ given the noise of its own path; that of the density is their local mean. " }
        }
        @if deterministic { "Middle: the samples weighted by it and smoothed. " } @else { "Next: the smoothed density carried along ζ, per unit ε. " }
        "Right: smoothed density of the perturbed twins less that of the samples, over ε. The two maps share one scale, shade growing with the square root; smoothed with a Gaussian of standard deviation "
        (number(smooth.bandwidth)) ". The model puts samples where their density, smoothed alike, exceeds " (percent(OCCUPIED)) " of its bright level."
        @if !scene.plane.is_exact() { " " (scene.plane.note) }
    }
}

fn names(density: bool) -> Vec<&'static str> {
    let mut names = vec!["x", "perturbed_x", "displacement"];
    names.extend(density.then_some("response"));
    names
}

/// Both forms in one table, central differences in another; `absent` says why there is no density form.
fn numbers(response: &ResponseSummary, absent: Option<&NotComputed>) -> Markup {
    let density = response.density.is_some();
    let rows: Vec<Vec<String>> = response.answers.iter().map(|answer| row(answer, density)).collect();
    let mut head = vec!["error, observable", "mean", "path form"];
    if density {
        head.extend(["density form", "difference"]);
    }
    let differences: Vec<Vec<String>> = response.answers.iter().map(differences).collect();
    let sizes: Vec<String> = response.finite_difference_sizes.iter().map(|size| typed(*size)).collect();
    let mut steps = vec!["error, observable", "path form"];
    steps.extend(sizes.iter().map(String::as_str));
    steps.push("order");
    html! {
        h3 { "Response of observables" }
        p {
            "Change of the mean of an observable per unit ε, ± a standard error" @if density { ", in two forms that have the same mean" } ". "
            "Coordinates count from 0: x0 is the first."
            @if density { " " (formula(response)) }
        }
        @for warning in response.warnings() { p { strong { (warning) } } }
        @if let Some(sentence) = response.agreement().filter(|_| !response.forms_disagree()) { p { (sentence) } }
        @if let Some(sentence) = response.noise() { p { (sentence) } }
        @if let Some(absent) = absent { p { (absent.sentence()) } }
        div class="scroll" { (table(&head, &rows)) }
        h3 { "Central differences" }
        p {
            "(E" sub { "ε" } " − E" sub { "−ε" } ")/2ε over the first " (response.finite_difference_samples)
            " samples on the same noise, at falling ε. They approach the path form over the same samples; the order is the exponent of ε, read where the error stands above rounding: 2 once ε is small, for smooth models and observables. Networks with kinks in their first or second derivative (ReLU, SELU) approach more slowly and unevenly, and single precision leaves few sizes to read it from."
        }
        div class="scroll" { (table(&steps, &differences)) }
    }
}

/// How the volume was differentiated, and what that leaves uncertain.
fn formula(response: &ResponseSummary) -> String {
    let (Some(DensityFormula::Hutchinson { probes }), Some(errors)) =
        (response.formula, &response.probe_errors)
    else {
        return "The derivative of the volume is exact.".into();
    };
    let kinds: Vec<String> =
        errors.response.iter().map(|(kind, error)| format!("{} ({kind})", number(*error))).collect();
    let shares = response.answers.iter().filter_map(|answer| {
        let all = answer.density?.standard_error?;
        (all > 0.0).then_some(answer.probe_error? / all)
    });
    format!(
        "The derivative of the volume comes from {probes} random probes a step and sample (Hutchinson), which leave δ log ρ of a \
         sample with a median standard error of {} and its score with {} of its length; they make up to {} of the standard \
         errors of the density form.",
        kinds.join(", "),
        percent(errors.score),
        percent(shares.fold(0.0, f64::max))
    )
}

fn row(answer: &Answer, density: bool) -> Vec<String> {
    let mut cells = vec![
        format!("{}, {}", answer.kind, answer.observable),
        number(answer.value.mean),
        with_error(&answer.path),
    ];
    if density {
        cells.push(answer.density.as_ref().map_or_else(|| ABSENT.into(), with_error));
        cells.push(answer.difference.as_ref().map_or_else(|| ABSENT.into(), with_error));
    }
    cells
}

/// "0.12 ± 0.01", "–" for the error of one sample.
pub fn with_error(estimate: &Estimate) -> String {
    format!("{} ± {}", number(estimate.mean), estimate.standard_error.map_or_else(|| ABSENT.into(), number))
}

/// Central differences of an answer, beside their limit.
fn differences(answer: &Answer) -> Vec<String> {
    let found = &answer.finite_difference;
    let mut cells = vec![format!("{}, {}", answer.kind, answer.observable), number(found.limit)];
    cells.extend(found.values.iter().map(|value| number(*value)));
    cells.push(found.order.map_or_else(|| ABSENT.into(), number));
    cells
}
