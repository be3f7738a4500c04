//! The page of a training: losses, weights over time, the error of the score, and what the model generated on the way.

mod samples;
mod score;
mod weights;

pub use weights::{WeightCurve, Weights};

use super::figure::{Axis, Figure, Height, Key, Mark, Panel, Point, Scale, Swatch, range};
use super::page::{document, section, table};
use super::palette::Role;
use super::text::{count, counted, duration, number, significant};
use maud::{Markup, html};
use surefoot::Error;
use surefoot::analysis::NotComputed;
use surefoot::train::ScoreErrors;

/// Samples generated on the way.
pub struct Look {
    /// After how many updates.
    pub updates: usize,
    /// `[n, D]`
    pub samples: Vec<f64>,
}

/// How long it took.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Seconds spent on updates and validations, in all parts of the training.
    pub seconds: f64,
    /// Threads that worked on it last.
    pub threads: usize,
}

/// The classes of samples on the way.
#[derive(Debug, Clone, Copy)]
pub struct ClassesShown {
    /// Those of the model.
    pub all: usize,
    /// Those that samples are made of.
    pub shown: usize,
}

/// What the page is made from.
pub struct TrainingInput<'a> {
    /// Name of the model.
    pub name: &'a str,
    /// Size and settings in one line.
    pub subtitle: String,
    /// Updates done, and asked for.
    pub updates: [usize; 2],
    /// How long they took.
    pub timing: Timing,
    /// Training loss, averaged: (update, loss).
    pub curve: &'a [Point],
    /// Updates done, validation loss, its standard error.
    pub validations: &'a [[f64; 3]],
    /// What the training loss has in it beside the objective, in words: "weights over time", "the penalty".
    pub loss_has: &'a [&'a str],
    /// What the validation is taken on, in words: "on new draws of the law".
    pub validated: &'a str,
    /// What should be known of the training, a sentence each without its full stop.
    pub notes: &'a [String],
    /// How many classes there are, and how many the samples on the way are made of.
    pub classes: Option<ClassesShown>,
    /// What the loss weighs over time, where that is measured.
    pub weights: Option<&'a WeightCurve>,
    /// The error of the score, where it was measured.
    pub score: Option<&'a ScoreErrors>,
    /// Why it cannot be measured.
    pub not_computed: Option<&'a NotComputed>,
    /// Shape of a sample.
    pub shape: &'a [usize],
    /// Some of the data `[n, D]`.
    pub data: &'a [f64],
    /// Samples on the way.
    pub looks: &'a [Look],
}

/// The page.
///
/// # Errors
/// Pictures that cannot be encoded.
pub fn training_html(input: &TrainingInput) -> Result<String, Error> {
    let [done, asked] = input.updates;
    let content = html! {
        p class="kicker" { "surefoot · training" }
        h1 { (input.name) }
        p class="subtitle" {
            (count(done as u64)) " of " (counted(asked, "update")) " · " (input.subtitle)
        }
        @for note in input.notes { p class="note" { "Note: " (note) "." } }
        (section("losses", "Losses", html! {
            (losses(input).draw()) (validations(input)) (timing(input))
        }))
        @if let Some(curve) = input.weights { (weights::draw(curve)) }
        @if let Some(errors) = input.score { (score::draw(errors)) }
        @if !input.looks.is_empty() { (section("samples", "What the model generates", samples::samples(input)?)) }
        @if let Some(reason) = input.not_computed {
            (section("not-computed", "Not computed", html! { ul { li { (reason.sentence()) } } }))
        }
    };
    Ok(document(&format!("{} – training – surefoot", input.name), content))
}

fn losses(input: &TrainingInput) -> Figure {
    let validated: Vec<Point> = input.validations.iter().map(|v| [v[0], v[1]]).collect();
    let all = || input.curve.iter().chain(&validated).map(|p| p[1]).filter(|loss| *loss > 0.0);
    let (low, high) = range(all()).unwrap_or((0.1, 1.0));
    let scale =
        if high > low { Scale::log(low * 0.95, high * 1.05) } else { Scale::linear(0.9 * low, 1.1 * high) };
    Figure {
        title: "Losses over the updates".into(),
        legend: vec![
            Key::new(Swatch::Line, Role::Generated, "training, average over neighbouring updates"),
            Key::new(Swatch::Line, Role::Target, "validation, with the weights that are kept"),
        ],
        columns: 1,
        panels: vec![Panel {
            title: String::new(),
            x: Axis::new(Scale::linear(0.0, input.updates[1].max(1) as f64), "updates"),
            y: Axis::new(scale, "loss"),
            marks: vec![
                Mark::line(input.curve.to_vec(), Role::Generated),
                Mark::line(validated.clone(), Role::Target),
                Mark::Points { at: validated, radius: 2.6, opacity: 1.0, role: Role::Target },
            ],
            height: Height::Pixels(260.0),
        }],
        caption: html! {
            "Mean squared error of an element, with the weights of the objective. "
            @if !input.loss_has.is_empty() {
                "The training loss has " (input.loss_has.join(" and ")) " in it besides, the validation loss has not: the two lines "
                "are not the same quantity. "
            }
            "The validation is taken " (input.validated) ". The loss of a perfect network is not 0: what is to be learned is a mean, "
            "and its targets scatter about it."
        },
        numbers: html! { "Numbers: " a href="training.json" { code { "training.json" } } "." },
    }
}

fn validations(input: &TrainingInput) -> Markup {
    let row = |v: &[f64; 3]| vec![count(v[0] as u64), significant(v[1], 4), number(v[2])];
    let rows: Vec<Vec<String>> = input.validations.iter().map(row).collect();
    table(&["updates", "validation loss", "standard error"], &rows)
}

/// Seconds in all, updates a second, threads.
fn timing(input: &TrainingInput) -> Markup {
    let Timing { seconds, threads } = input.timing;
    let rate = input.updates[0] as f64 / seconds;
    html! { p class="note" {
        (counted(input.updates[0], "update")) " and the validations in " (duration(seconds))
        @if rate.is_finite() && rate > 0.0 { ": " (number(rate)) " updates a second" }
        ", on " (count(threads as u64)) @if threads == 1 { " thread." } @else { " threads." }
    } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use surefoot::train::{RelativeError, ScoreError};

    fn input<'a>(shape: &'a [usize], data: &'a [f64], looks: &'a [Look]) -> TrainingInput<'a> {
        TrainingInput {
            name: "a model",
            subtitle: "8 weights".into(),
            updates: [10, 20],
            timing: Timing { seconds: 0.5, threads: 1 },
            curve: &[[1.0, 2.0], [2.0, 1.0]],
            validations: &[[0.0, 2.5, 0.1], [10.0, 1.0, 0.1]],
            loss_has: &[],
            validated: "on new draws of the law",
            notes: &[],
            classes: None,
            weights: None,
            score: None,
            not_computed: None,
            shape,
            data,
            looks,
        }
    }

    #[test]
    fn pages_of_points_and_images_are_drawn() {
        for shape in [&[1][..], &[2], &[5], &[1, 4, 4], &[3, 4, 4], &[4, 4]] {
            let dim: usize = shape.iter().product();
            let data: Vec<f64> = (0..20 * dim).map(|i| (i as f64).sin()).collect();
            let looks = [Look { updates: 10, samples: data.clone() }];
            let page = training_html(&input(shape, &data, &looks)).unwrap();
            for part in ["a model", "10 of 20 updates", "after 10 updates", "Losses"] {
                assert!(page.contains(part), "{shape:?} {part}");
            }
            assert!(!page.contains("NaN"), "{shape:?}");
        }
    }

    #[test]
    fn constant_losses_and_single_points_are_drawn() {
        let constant = TrainingInput {
            curve: &[[1.0, 1.0]],
            validations: &[[0.0, 1.0, 0.0]],
            ..input(&[2], &[1.0, 1.0], &[])
        };
        assert!(!training_html(&constant).unwrap().contains("NaN"));
    }

    fn errors(values: &[(f64, Option<f64>)]) -> ScoreErrors {
        let error = |&(value, half): &(f64, Option<f64>)| RelativeError {
            value,
            low: half.map(|half| value - half),
            high: half.map(|half| value + half),
            n: 77,
        };
        let level = |(i, value)| {
            let time = 0.1 + 0.1 * i as f64;
            ScoreError { time, signal: 1.0 - time, noise: time, error: error(value) }
        };
        ScoreErrors { levels: values.iter().enumerate().map(level).collect(), overall: error(&values[0]) }
    }

    #[test]
    fn errors_of_the_score_are_drawn_whatever_they_are() {
        let cases: [&[(f64, Option<f64>)]; 4] = [
            &[(0.3, Some(0.1)), (0.02, Some(0.001)), (0.004, Some(0.001))],
            &[(0.3, None)],
            &[(0.0, Some(0.0)), (0.0, Some(0.0))],
            &[(f64::NAN, None), (f64::INFINITY, None), (0.2, Some(0.3))],
        ];
        for values in cases {
            let errors = errors(values);
            let page = training_html(&TrainingInput { score: Some(&errors), ..input(&[2], &[1.0; 8], &[]) });
            let page = page.unwrap();
            for part in ["Error of the score", "77 points", "<svg", "noise level σ/m", "score_error"] {
                assert!(page.contains(part), "{values:?} {part}");
            }
            assert!(!page.contains("NaN") && !page.contains("inf"), "{values:?}");
        }
        let page = training_html(&input(&[2], &[1.0; 8], &[])).unwrap();
        assert!(!page.contains("Error of the score") && !page.contains("Not computed"));
        let why = NotComputed { what: "error of the score".into(), why: "a flow has none".into() };
        let page = training_html(&TrainingInput { not_computed: Some(&why), ..input(&[2], &[1.0; 8], &[]) });
        assert!(page.unwrap().contains("error of the score: a flow has none."));
    }

    #[test]
    fn weights_and_timing_are_on_the_page() {
        for edges in [vec![0.0, 0.5, 1.0], vec![0.9, 0.4, 0.02]] {
            let curve = WeightCurve { edges, weights: vec![0.5, 1.5], earlier: Vec::new() };
            let page = training_html(&TrainingInput { weights: Some(&curve), ..input(&[2], &[1.0; 8], &[]) });
            let page = page.unwrap();
            for part in ["What the loss weighs", "time_weights", "20.0 updates a second, on 1 thread."] {
                assert!(page.contains(part), "{part}");
            }
            assert!(!page.contains("NaN"));
        }
        let early = WeightCurve { edges: vec![0.9], weights: Vec::new(), earlier: Vec::new() };
        let timing = Timing { seconds: 0.0, threads: 4 };
        let before =
            TrainingInput { weights: Some(&early), timing, updates: [0, 5], ..input(&[2], &[1.0; 8], &[]) };
        let page = training_html(&before).unwrap();
        assert!(!page.contains("What the loss weighs") && page.contains("on 4 threads"));
        assert!(!page.contains("a second") && !page.contains("NaN"));
    }

    #[test]
    fn earlier_weights_are_thin_lines_under_the_last() {
        let at = |update: u64, weights: &[f64]| Weights { update, weights: weights.to_vec() };
        let earlier = vec![at(6, &[1.4, 0.6]), at(12, &[1.2, 0.8]), at(18, &[0.5, 1.5])];
        let curve = WeightCurve { edges: vec![0.0, 0.5, 1.0], weights: vec![0.5, 1.5], earlier };
        let has = ["weights over time"];
        let page = training_html(&TrainingInput {
            weights: Some(&curve),
            loss_has: &has,
            ..input(&[2], &[1.0; 8], &[])
        });
        let page = page.unwrap();
        for part in ["measured before", "3 times", "after 6 to 18 updates", "has weights over time in it"] {
            assert!(page.contains(part), "{part}");
        }
    }

    #[test]
    fn captions_say_what_is_cut_and_which_classes_there_are() {
        let data: Vec<f64> = (0..40).map(|i| f64::from(i % 2)).collect();
        let mut samples = data.clone();
        samples[0] = 1e3;
        let looks = [Look { updates: 1, samples }];
        let notes = ["labels are not used".to_string()];
        let classes = Some(ClassesShown { all: 5, shown: 5 });
        let page = |shape: &[usize]| {
            training_html(&TrainingInput { notes: &notes, classes, ..input(shape, &data, &looks) }).unwrap()
        };
        let plane = page(&[2]);
        for part in
            ["0 %, 5.0 % of the samples", "classes 0 to 4, class by class", "after 1 update", "Note: labels"]
        {
            assert!(plane.contains(part), "{part}");
        }
        assert!(!plane.contains("after 1 updates"));
        let images = page(&[1, 2, 2]);
        assert!(images.contains("these are 0 %, 2.5 % of all"), "{images}");
    }
}
