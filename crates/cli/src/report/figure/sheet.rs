//! A figure: legend, panels, caption, and where its numbers are.

use super::mark::coordinate;
use super::panel::Panel;
use crate::report::palette::Role;
use maud::{Markup, html};

/// Width of the page's text column in pixels.
const SHEET: f64 = 1040.0;
const GUTTER: f64 = 20.0;

/// How a legend entry looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swatch {
    /// A line with the role's dashes.
    Line,
    /// A solid line, for segments.
    Solid,
    /// A dot.
    Dot,
    /// A filled box.
    Area,
    /// A light band.
    Band,
    /// Thin and thick line with a dot: quantiles.
    Interval,
}

/// A legend entry.
#[derive(Debug, Clone)]
pub struct Key {
    /// Colour and dashes.
    pub role: Role,
    /// Look.
    pub swatch: Swatch,
    /// Meaning.
    pub text: String,
}

impl Key {
    /// An entry.
    pub fn new(swatch: Swatch, role: Role, text: impl Into<String>) -> Key {
        Key { role, swatch, text: text.into() }
    }

    fn draw(&self) -> Markup {
        let dashes = self.role.dashes();
        html! {
            li {
                svg class={ "swatch " (self.role.class()) } viewBox="0 0 28 12" width="28" height="12" aria-hidden="true" {
                    @match self.swatch {
                        Swatch::Line => path d="M1 6H27" stroke="currentColor" stroke-width="2" fill="none" stroke-dasharray=[(!dashes.is_empty()).then_some(dashes)] {},
                        Swatch::Solid => path d="M1 6H27" stroke="currentColor" stroke-width="2" fill="none" {},
                        Swatch::Dot => circle cx="14" cy="6" r="3.4" fill="currentColor" {},
                        Swatch::Area => rect x="4" y="1" width="20" height="10" fill="currentColor" fill-opacity="0.75" {},
                        Swatch::Band => rect x="2" y="1" width="24" height="10" fill="currentColor" fill-opacity="0.2" {},
                        Swatch::Interval => {
                            path d="M1 6H27" stroke="currentColor" stroke-width="1.2" {}
                            path d="M8 6H20" stroke="currentColor" stroke-width="4.5" stroke-opacity="0.55" {}
                            circle cx="14" cy="6" r="3.2" fill="currentColor" {}
                        },
                    }
                }
                (self.text)
            }
        }
    }
}

/// Panels that belong together.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What it shows, in a few words.
    pub title: String,
    /// Shared by all panels.
    pub legend: Vec<Key>,
    /// Left to right, then down.
    pub panels: Vec<Panel>,
    /// Panels side by side on a wide page.
    pub columns: usize,
    /// What is shown, how many, how to read it.
    pub caption: Markup,
    /// Where the plotted numbers are.
    pub numbers: Markup,
}

impl Figure {
    /// The figure as HTML; nothing without panels.
    pub fn draw(&self) -> Markup {
        if self.panels.is_empty() {
            return html! {};
        }
        let columns = self.columns.clamp(1, 4);
        let width = match columns {
            1 => 760.0,
            _ => ((SHEET - GUTTER * (columns - 1) as f64) / columns as f64).floor(),
        };
        let left = self.panels.iter().map(Panel::left_margin).fold(0.0, f64::max);
        html! {
            figure {
                div class="figure-title" { (self.title) }
                @if !self.legend.is_empty() { ul class="legend" { @for key in &self.legend { (key.draw()) } } }
                div class={ "panels columns-" (columns) } style={ "--panel:" (coordinate(width)) "px" } {
                    @for panel in &self.panels { (panel.draw(width, left)) }
                }
                figcaption { (self.caption) }
                div class="numbers" { (self.numbers) }
            }
        }
    }
}
