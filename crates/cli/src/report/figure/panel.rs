//! One panel: title, axes with ticks and labels, marks.

use super::frame::Frame;
use super::mark::{Mark, coordinate};
use super::scale::{Scale, Tick};
use crate::report::text::clipped;
use maud::{Markup, html};

const TICK_TEXT: f64 = 11.0;
const LABEL_TEXT: f64 = 12.0;
const TITLE_BAND: f64 = 22.0;
const BOTTOM_BAND: f64 = 42.0;
const RIGHT_MARGIN: f64 = 10.0;

/// One axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// From numbers to positions.
    pub scale: Scale,
    /// What it shows, with its unit.
    pub label: String,
    /// Ticks with given labels instead of round numbers (for categories).
    pub ticks: Option<Vec<(f64, String)>>,
}

impl Axis {
    /// An axis with round ticks.
    pub fn new(scale: Scale, label: impl Into<String>) -> Axis {
        Axis { scale, label: label.into(), ticks: None }
    }

    /// The same with these ticks only.
    pub fn with_ticks(self, ticks: Vec<(f64, String)>) -> Axis {
        Axis { ticks: Some(ticks), ..self }
    }

    fn marks(&self, target: usize) -> Vec<Tick> {
        match &self.ticks {
            Some(list) => {
                list.iter().map(|(value, label)| Tick { value: *value, label: label.clone() }).collect()
            }
            None => self.scale.ticks(target),
        }
    }
}

/// How the height of the plotting area follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Height {
    /// Pixels.
    Pixels(f64),
    /// Equal units on both axes.
    EqualUnits,
}

/// A plotting area with its axes.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Above the panel; may be empty.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Drawn in this order.
    pub marks: Vec<Mark>,
    /// Of the plotting area.
    pub height: Height,
}

impl Panel {
    /// Room for the labels of the vertical axis, in pixels.
    pub fn left_margin(&self) -> f64 {
        let widest =
            self.y.marks(5).iter().map(|tick| text_width(&tick.label, TICK_TEXT)).fold(0.0, f64::max);
        let title = if self.y.label.is_empty() { 0.0 } else { LABEL_TEXT + 7.0 };
        (widest + 9.0 + title).ceil()
    }

    /// The panel as SVG of the given width.
    pub fn draw(&self, width: f64, left: f64) -> Markup {
        let inner = width - left - self.right_margin(width - left);
        let frame =
            Frame { width: inner, height: self.inner_height(inner), x: self.x.scale, y: self.y.scale };
        let top = if self.title.is_empty() { 8.0 } else { TITLE_BAND };
        let height = (top + frame.height + BOTTOM_BAND).ceil();
        html! {
            svg class="panel" viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(self.spoken())
                style={ "max-width:" (coordinate(1.2 * width)) "px" } {
                @if !self.title.is_empty() { text class="panel-title" x=(coordinate(left)) y="14" { (clipped(&self.title, (inner / 7.0) as usize)) } }
                g transform={ "translate(" (coordinate(left)) " " (coordinate(top)) ")" } {
                    (self.grid(&frame))
                    svg class="plot" width=(coordinate(frame.width)) height=(coordinate(frame.height)) {
                        @for mark in &self.marks { (mark.draw(&frame)) }
                    }
                    rect class="frame" width=(coordinate(frame.width)) height=(coordinate(frame.height)) {}
                    (self.labels(&frame, left))
                }
            }
        }
    }

    /// Room for the part of the last horizontal label that stands beyond the axis, in pixels.
    fn right_margin(&self, width: f64) -> f64 {
        let beyond = |tick: &Tick| {
            let share = self.x.scale.fraction(tick.value)?;
            Some(text_width(&tick.label, TICK_TEXT) / 2.0 - (1.0 - share) * (width - RIGHT_MARGIN) + 1.0)
        };
        self.x.marks(6).iter().filter_map(beyond).fold(RIGHT_MARGIN, f64::max).ceil()
    }

    fn spoken(&self) -> String {
        let title = if self.title.is_empty() { String::new() } else { format!("{}: ", self.title) };
        format!("{title}{} against {}", self.y.label, self.x.label)
    }

    fn inner_height(&self, inner_width: f64) -> f64 {
        match self.height {
            Height::Pixels(pixels) => pixels,
            Height::EqualUnits => {
                let ((left, right), (bottom, top)) = (self.x.scale.ends(), self.y.scale.ends());
                (inner_width * (top - bottom) / (right - left)).clamp(60.0, 1.6 * inner_width)
            }
        }
    }

    fn grid(&self, frame: &Frame) -> Markup {
        let across: Vec<String> = self
            .y
            .marks(5)
            .iter()
            .filter(|tick| !tick.label.is_empty())
            .filter_map(|tick| {
                let y = coordinate((1.0 - self.y.scale.fraction(tick.value)?) * frame.height);
                Some(format!("M0 {y}H{}", coordinate(frame.width)))
            })
            .collect();
        html! { path class="grid" d=(across.concat()) {} }
    }

    fn labels(&self, frame: &Frame, left: f64) -> Markup {
        let bottom = frame.height;
        html! {
            @for tick in thinned(self.x.marks(6), &self.x.scale, frame.width) {
                @if let Some(share) = self.x.scale.fraction(tick.value) {
                    @let x = coordinate(share * frame.width);
                    @let length = if tick.label.is_empty() { 3.0 } else { 5.0 };
                    path class="tick" d={ "M" (x) " " (coordinate(bottom)) "v" (length) } {}
                    text class="tick-label" x=(x) y=(coordinate(bottom + 17.0)) text-anchor="middle" { (tick.label) }
                }
            }
            @for tick in self.y.marks(5) {
                @if let Some(share) = self.y.scale.fraction(tick.value) {
                    @let y = (1.0 - share) * bottom;
                    @let length = if tick.label.is_empty() { 3.0 } else { 5.0 };
                    path class="tick" d={ "M0 " (coordinate(y)) "h-" (length) } {}
                    text class="tick-label" x="-8" y=(coordinate(y + 3.8)) text-anchor="end" { (tick.label) }
                }
            }
            text class="axis-label" x=(coordinate(frame.width / 2.0)) y=(coordinate(bottom + 35.0)) text-anchor="middle" { (self.x.label) }
            @if !self.y.label.is_empty() {
                text class="axis-label" text-anchor="middle"
                    transform={ "translate(" (coordinate(LABEL_TEXT - left)) " " (coordinate(bottom / 2.0)) ") rotate(-90)" } { (self.y.label) }
            }
        }
    }
}

/// Width of a text in a wide sans-serif font, roughly but not less than it takes.
pub fn text_width(text: &str, size: f64) -> f64 {
    let width = |c: char| match c {
        '.' | ',' | ' ' | 'i' | 'l' | 'j' | '⁻' | '⁰'..='⁹' | '¹' | '²' | '³' => 0.38,
        'm' | 'w' | 'M' | 'W' => 0.98,
        '−' | '+' | '=' | '×' => 0.84,
        _ => 0.64,
    };
    text.chars().map(width).sum::<f64>() * size
}

/// Blanks labels that would touch their left neighbour.
fn thinned(mut ticks: Vec<Tick>, scale: &Scale, width: f64) -> Vec<Tick> {
    let mut free_from = f64::NEG_INFINITY;
    for tick in ticks.iter_mut().filter(|tick| !tick.label.is_empty()) {
        let Some(share) = scale.fraction(tick.value) else { continue };
        let half = text_width(&tick.label, TICK_TEXT) / 2.0;
        if share * width - half < free_from {
            tick.label.clear();
        } else {
            free_from = share * width + half + 5.0;
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_labels_keep_apart() {
        let scale = Scale::linear(0.0, 100.0);
        let crowded = (0..=100).map(|i| Tick { value: i as f64, label: format!("{i}00") }).collect();
        let ticks = thinned(crowded, &scale, 200.0);
        let kept: Vec<f64> =
            ticks.iter().filter(|tick| !tick.label.is_empty()).map(|tick| tick.value).collect();
        assert!(kept.len() > 3);
        for pair in kept.windows(2) {
            assert!(2.0 * (pair[1] - pair[0]) >= text_width("100", TICK_TEXT) + 5.0, "{kept:?}");
        }
    }

    #[test]
    fn the_last_label_has_room() {
        let panel = |high: f64| Panel {
            title: String::new(),
            x: Axis::new(Scale::linear(0.0, high), "updates"),
            y: Axis::new(Scale::linear(0.0, 1.0), "loss"),
            marks: vec![],
            height: Height::Pixels(100.0),
        };
        // A tick stands at the very end.
        for (high, label) in [(12_000.0, "12\u{202f}000"), (1e6, "1×10⁶")] {
            let room = panel(high).right_margin(700.0);
            let last = panel(high).x.marks(6).pop().unwrap();
            assert!(last.value == high && room >= text_width(&last.label, TICK_TEXT) / 2.0, "{label} {room}");
        }
        // None does here.
        assert_eq!(panel(11_000.0).right_margin(700.0), RIGHT_MARGIN);
    }

    #[test]
    fn equal_units_give_equal_pixels() {
        let axis = |low, high| Axis::new(Scale::linear(low, high), "x");
        let panel = Panel {
            title: String::new(),
            x: axis(0.0, 4.0),
            y: axis(0.0, 2.0),
            marks: vec![],
            height: Height::EqualUnits,
        };
        assert_eq!(panel.inner_height(300.0), 150.0);
    }
}
