//! Marks: what can be drawn in a panel, in data coordinates. Points without finite coordinates are left out.

use super::frame::Frame;
use crate::report::density::Raster;
use crate::report::palette::Role;
use maud::{Markup, html};
use std::fmt::Write;

/// A point in data coordinates.
pub type Point = [f64; 2];

/// Something drawn in a panel.
#[derive(Debug, Clone)]
pub enum Mark {
    /// Dots of a radius in pixels.
    Points {
        /// Where.
        at: Vec<Point>,
        /// In pixels.
        radius: f64,
        /// 0 to 1.
        opacity: f64,
        /// Colour.
        role: Role,
    },
    /// Polylines with one stroke.
    Lines {
        /// One list a polyline.
        lines: Vec<Vec<Point>>,
        /// In pixels.
        width: f64,
        /// 0 to 1.
        opacity: f64,
        /// Colour and dashes.
        role: Role,
    },
    /// The area between a lower and an upper curve.
    Band {
        /// Lower edge.
        low: Vec<Point>,
        /// Upper edge, same abscissae.
        high: Vec<Point>,
        /// 0 to 1.
        opacity: f64,
        /// Colour.
        role: Role,
    },
    /// Straight pieces from a to b, solid, with a head at b if they are arrows.
    Segments {
        /// Ends.
        ends: Vec<[Point; 2]>,
        /// Whether b has a head.
        heads: bool,
        /// In pixels.
        width: f64,
        /// 0 to 1.
        opacity: f64,
        /// Colour.
        role: Role,
    },
    /// Outline of a histogram with a light fill.
    Steps {
        /// Bin edges, one more than heights.
        edges: Vec<f64>,
        /// Heights.
        heights: Vec<f64>,
        /// Whether the area is filled.
        filled: bool,
        /// Colour and dashes.
        role: Role,
    },
    /// A density as a one-hue image.
    Image {
        /// Shades and extent.
        raster: Raster,
        /// Hue.
        role: Role,
    },
    /// A distribution at an abscissa: thin from q05 to q95, thick from q25 to q75, a dot at the median.
    Interval {
        /// Abscissa, data units.
        at: f64,
        /// Shift in pixels, so that neighbours do not cover each other.
        shift: f64,
        /// Thin line.
        outer: Option<[f64; 2]>,
        /// Thick line.
        inner: [f64; 2],
        /// Dot.
        middle: f64,
        /// Colour.
        role: Role,
    },
    /// A lying interval with a dot, at an ordinate.
    Span {
        /// Ordinate.
        at: f64,
        /// Ends.
        ends: [f64; 2],
        /// Dot.
        middle: f64,
        /// Colour.
        role: Role,
    },
    /// A line across the panel at an ordinate (or, upright, at an abscissa).
    Rule {
        /// Where.
        value: f64,
        /// Whether it stands upright.
        upright: bool,
        /// Colour and dashes.
        role: Role,
    },
}

impl Mark {
    /// A single polyline of ordinary width.
    pub fn line(at: Vec<Point>, role: Role) -> Mark {
        Mark::Lines { lines: vec![at], width: 1.8, opacity: 1.0, role }
    }

    /// SVG of the mark inside `frame`.
    pub fn draw(&self, frame: &Frame) -> Markup {
        match self {
            Mark::Points { at, radius, opacity, role } => points(frame, at, *radius, *opacity, *role),
            Mark::Lines { lines, width, opacity, role } => {
                let d: String = lines.iter().map(|line| trace(frame, line)).collect();
                stroke(&d, *width, *opacity, *role, role.dashes())
            }
            Mark::Band { low, high, opacity, role } => band(frame, low, high, *opacity, *role),
            Mark::Segments { ends, heads, width, opacity, role } => {
                let d: String = ends.iter().map(|pair| segment(frame, pair, *heads)).collect();
                stroke(&d, *width, *opacity, *role, "")
            }
            Mark::Steps { edges, heights, filled, role } => steps(frame, edges, heights, *filled, *role),
            Mark::Image { raster, role } => image(frame, raster, *role),
            Mark::Interval { at, shift, outer, inner, middle, role } => {
                interval(frame, *at, *shift, *outer, *inner, *middle, *role)
            }
            Mark::Span { at, ends, middle, role } => span(frame, *at, *ends, *middle, *role),
            Mark::Rule { value, upright, role } => rule(frame, *value, *upright, *role),
        }
    }
}

/// A coordinate with one decimal at most.
pub fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    let short = text.strip_suffix(".0").unwrap_or(&text);
    if short == "-0" { "0".into() } else { short.into() }
}

fn stroke(d: &str, width: f64, opacity: f64, role: Role, dashes: &str) -> Markup {
    html! {
        path class=(role.class()) d=(d) fill="none" stroke="currentColor" stroke-width=(width)
            stroke-opacity=[(opacity < 1.0).then_some(opacity)] stroke-linecap="round" stroke-linejoin="round"
            stroke-dasharray=[(!dashes.is_empty()).then_some(dashes)] {}
    }
}

fn trace(frame: &Frame, line: &[Point]) -> String {
    let mut d = String::new();
    let mut pen_down = false;
    for &at in line {
        let Some([x, y]) = frame.place(at) else {
            pen_down = false;
            continue;
        };
        let verb = if pen_down { 'L' } else { 'M' };
        let _ = write!(d, "{verb}{} {}", coordinate(x), coordinate(y));
        pen_down = true;
    }
    d
}

fn points(frame: &Frame, at: &[Point], radius: f64, opacity: f64, role: Role) -> Markup {
    let mut d = String::new();
    for &point in at {
        if let Some([x, y]) = frame.place(point) {
            let _ = write!(d, "M{} {}h0", coordinate(x), coordinate(y));
        }
    }
    stroke(&d, 2.0 * radius, opacity, role, "")
}

fn band(frame: &Frame, low: &[Point], high: &[Point], opacity: f64, role: Role) -> Markup {
    let around: Vec<Point> = high.iter().chain(low.iter().rev()).copied().collect();
    html! {
        path class=(role.class()) d={ (trace(frame, &around)) "Z" } fill="currentColor" fill-opacity=(opacity) stroke="none" {}
    }
}

fn segment(frame: &Frame, [from, to]: &[Point; 2], head: bool) -> String {
    let (Some([ax, ay]), Some([bx, by])) = (frame.place(*from), frame.place(*to)) else {
        return String::new();
    };
    let mut d = format!("M{} {}L{} {}", coordinate(ax), coordinate(ay), coordinate(bx), coordinate(by));
    let (dx, dy) = (bx - ax, by - ay);
    let length = dx.hypot(dy);
    if head && length > 1.5 {
        let size = (0.4 * length).min(4.0) / length;
        for side in [0.5, -0.5] {
            let (hx, hy) = (bx - size * (dx - side * dy), by - size * (dy + side * dx));
            let _ = write!(d, "M{} {}L{} {}", coordinate(hx), coordinate(hy), coordinate(bx), coordinate(by));
        }
    }
    d
}

fn steps(frame: &Frame, edges: &[f64], heights: &[f64], filled: bool, role: Role) -> Markup {
    let mut outline = vec![[edges[0], 0.0]];
    for (pair, &height) in edges.windows(2).zip(heights) {
        outline.extend([[pair[0], height], [pair[1], height]]);
    }
    outline.push([edges[edges.len() - 1], 0.0]);
    let d = trace(frame, &outline);
    html! {
        @if filled {
            path class=(role.class()) d={ (d) "Z" } fill="currentColor" fill-opacity="0.14" stroke="none" {}
        }
        (stroke(&d, 1.6, 1.0, role, role.dashes()))
    }
}

fn image(frame: &Frame, raster: &Raster, role: Role) -> Markup {
    let [left, right, bottom, top] = raster.extent;
    let (Some([x0, y0]), Some([x1, y1])) = (frame.place([left, top]), frame.place([right, bottom])) else {
        return html! {};
    };
    let (width, height) = (coordinate(x1 - x0), coordinate(y1 - y0));
    let (x, y) = (coordinate(x0), coordinate(y0));
    let id = raster.key(&format!("{x} {y} {width} {height}"));
    html! {
        mask id=(id) maskUnits="userSpaceOnUse" x=(x) y=(y) width=(width) height=(height) {
            image href=(raster.data_url()) x=(x) y=(y) width=(width) height=(height) preserveAspectRatio="none" {}
        }
        rect class=(role.class()) x=(x) y=(y) width=(width) height=(height) fill="currentColor" mask={ "url(#" (id) ")" } {}
    }
}

fn interval(
    frame: &Frame,
    at: f64,
    shift: f64,
    outer: Option<[f64; 2]>,
    inner: [f64; 2],
    middle: f64,
    role: Role,
) -> Markup {
    let upright = |[low, high]: [f64; 2]| {
        let ([x, y0], [_, y1]) = (frame.place([at, low])?, frame.place([at, high])?);
        let x = coordinate(x + shift);
        Some(format!("M{x} {}L{x} {}", coordinate(y0), coordinate(y1)))
    };
    let dot = frame.place([at, middle]);
    html! {
        @if let Some(d) = outer.and_then(upright) { (stroke(&d, 1.2, 1.0, role, "")) }
        @if let Some(d) = upright(inner) { (stroke(&d, 4.5, 0.55, role, "")) }
        @if let Some([x, y]) = dot {
            circle class=(role.class()) cx=(coordinate(x + shift)) cy=(coordinate(y)) r="3.4" fill="currentColor" stroke="var(--paper)" stroke-width="1" {}
        }
    }
}

fn span(frame: &Frame, at: f64, [low, high]: [f64; 2], middle: f64, role: Role) -> Markup {
    let line = trace(frame, &[[low, at], [high, at]]);
    html! {
        (stroke(&line, 2.2, 0.8, role, ""))
        @if let Some([x, y]) = frame.place([middle, at]) {
            circle class=(role.class()) cx=(coordinate(x)) cy=(coordinate(y)) r="3.6" fill="currentColor" stroke="var(--paper)" stroke-width="1" {}
        }
    }
}

fn rule(frame: &Frame, value: f64, upright: bool, role: Role) -> Markup {
    let place = if upright {
        frame.x.fraction(value).map(|share| (share * frame.width, 0.0, share * frame.width, frame.height))
    } else {
        frame
            .y
            .fraction(value)
            .map(|share| (0.0, (1.0 - share) * frame.height, frame.width, (1.0 - share) * frame.height))
    };
    html! {
        @if let Some((x0, y0, x1, y1)) = place {
            (stroke(
                &format!("M{} {}L{} {}", coordinate(x0), coordinate(y0), coordinate(x1), coordinate(y1)),
                1.4, 1.0, role, role.dashes(),
            ))
        }
    }
}
