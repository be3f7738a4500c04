//! What all pictures of a run share: the plane, the window onto it, and the support drawn there.

use super::columns::{Table, quantile};
use super::figure::{Axis, Height, Mark, Panel, Point, Scale};
use super::palette::Role;
use super::plane::Plane;
use surefoot::analysis::System;

/// Points of a support's outline.
const OUTLINE: usize = 1200;
/// Samples from which principal axes are taken.
const AXES_FROM: usize = 5000;

/// A plane with its window and the support on it.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The plane.
    pub plane: Plane,
    /// Left, right, bottom, top.
    pub window: [f64; 4],
    /// The support; empty if none is known.
    pub support: Vec<Mark>,
}

impl Scene {
    /// One scene a plane for `system`, framing the support and nearly all points of `clouds` (tables of `x[n, D]`).
    pub fn all(system: &System, clouds: &[&Table]) -> Vec<Scene> {
        let dim = system.dim();
        let outline = system.support.as_ref().map_or(Vec::new(), |support| support.outline(OUTLINE));
        let mut points: Vec<&[f64]> = outline.iter().flat_map(|piece| piece.chunks_exact(dim)).collect();
        let whose = if points.is_empty() { "the samples" } else { "the support" };
        if points.is_empty() {
            points.extend(
                clouds
                    .iter()
                    .take(1)
                    .flat_map(|cloud| (0..cloud.rows().min(AXES_FROM)).map(|i| cloud.row(i))),
            );
        }
        Plane::choose(&points, dim, whose)
            .into_iter()
            .map(|plane| {
                let support = drawn_support(&outline, dim, &plane);
                let window = window(&plane, &outline, clouds, dim);
                Scene { plane, window, support }
            })
            .collect()
    }

    /// A panel onto the window with the support under (or over) `marks`.
    pub fn panel(&self, title: impl Into<String>, marks: Vec<Mark>) -> Panel {
        self.panel_onto(self.window, title, self.support.iter().cloned().chain(marks).collect())
    }

    /// A panel onto another window.
    pub fn panel_onto(&self, window: [f64; 4], title: impl Into<String>, marks: Vec<Mark>) -> Panel {
        let [left, right, bottom, top] = window;
        Panel {
            title: title.into(),
            x: Axis::new(Scale::linear(left, right), self.plane.labels[0].clone()),
            y: Axis::new(Scale::linear(bottom, top), self.plane.labels[1].clone()),
            marks,
            height: Height::EqualUnits,
        }
    }

    /// Width of the window.
    pub fn width(&self) -> f64 {
        self.window[1] - self.window[0]
    }

    /// Whether panels are nearly as high as wide.
    pub fn is_tall(&self) -> bool {
        self.window[3] - self.window[2] > 0.75 * self.width()
    }

    /// `window` widened to the aspect ratio of this scene's own.
    pub fn same_aspect(&self, [left, right, bottom, top]: [f64; 4]) -> [f64; 4] {
        let aspect = (self.window[3] - self.window[2]) / self.width();
        let (x, y) = ((left + right) / 2.0, (bottom + top) / 2.0);
        let half = ((right - left) / 2.0).max((top - bottom) / (2.0 * aspect));
        [x - half, x + half, y - half * aspect, y + half * aspect]
    }
}

fn drawn_support(outline: &[Vec<f64>], dim: usize, plane: &Plane) -> Vec<Mark> {
    let pieces: Vec<Vec<Point>> =
        outline.iter().map(|piece| piece.chunks_exact(dim).map(|x| plane.point(x)).collect()).collect();
    let (dots, lines): (Vec<_>, Vec<_>) = pieces.into_iter().partition(|piece: &Vec<Point>| piece.len() == 1);
    let mut marks = Vec::new();
    if !lines.is_empty() {
        let width = if lines.len() > 6 { 0.8 } else { 1.6 };
        marks.push(Mark::Lines { lines, width, opacity: 0.75, role: Role::Target });
    }
    if !dots.is_empty() {
        let radius = if dots.len() > 100 { 0.8 } else { 3.0 };
        marks.push(Mark::Points { at: dots.concat(), radius, opacity: 0.6, role: Role::Target });
    }
    marks
}

/// Frames the whole outline and the central 99 % of every cloud (each widening the outline's frame by half its size
/// at most), with a margin.
fn window(plane: &Plane, outline: &[Vec<f64>], clouds: &[&Table], dim: usize) -> [f64; 4] {
    let drawn: Vec<Point> =
        outline.iter().flat_map(|piece| piece.chunks_exact(dim)).map(|x| plane.point(x)).collect();
    let mut frame = ends(&drawn, 0.0);
    for (index, cloud) in clouds.iter().enumerate() {
        let points: Vec<Point> = (0..cloud.rows()).map(|i| plane.point(cloud.row(i))).collect();
        let Some(wanted) = ends(&points, 0.005) else { continue };
        frame = Some(match frame {
            None => wanted,
            Some(now) => widened(now, wanted, if index == 0 { 4.0 } else { 0.5 }),
        });
    }
    let [left, right, bottom, top] = frame.unwrap_or([-1.0, 1.0, -1.0, 1.0]);
    let margin = (0.06 * (right - left).max(top - bottom)).max(1e-9);
    // Neither side shorter than a third of the other, so that panels keep a readable shape.
    let (x, y) = ((left + right) / 2.0, (bottom + top) / 2.0);
    let (half_x, half_y) = ((right - left) / 2.0 + margin, (top - bottom) / 2.0 + margin);
    let (half_x, half_y) = (half_x.max(half_y / 1.4), half_y.max(half_x / 2.6));
    [x - half_x, x + half_x, y - half_y, y + half_y]
}

/// Left, right, bottom, top of the points without a share of `tail` on every side.
fn ends(points: &[Point], tail: f64) -> Option<[f64; 4]> {
    if points.is_empty() {
        return None;
    }
    let side = |axis: usize| {
        let mut values: Vec<f64> = points.iter().map(|p| p[axis]).collect();
        values.sort_by(f64::total_cmp);
        [quantile(&values, tail), quantile(&values, 1.0 - tail)]
    };
    let ([left, right], [bottom, top]) = (side(0), side(1));
    Some([left, right, bottom, top])
}

/// `now` enlarged to hold `wanted`, every side by `at_most` of the longer side at most.
fn widened(now: [f64; 4], wanted: [f64; 4], at_most: f64) -> [f64; 4] {
    let room = at_most * (now[1] - now[0]).max(now[3] - now[2]);
    let lower = |a: f64, b: f64| a.min(b.max(a - room));
    let upper = |a: f64, b: f64| a.max(b.min(a + room));
    [lower(now[0], wanted[0]), upper(now[1], wanted[1]), lower(now[2], wanted[2]), upper(now[3], wanted[3])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_widen_within_bounds() {
        let now = [0.0, 2.0, 0.0, 1.0];
        assert_eq!(widened(now, [-0.5, 9.0, 0.2, 0.8], 0.5), [-0.5, 3.0, 0.0, 1.0]);
    }

    #[test]
    fn aspect_is_kept() {
        let plane = Plane::choose(&[&[0.0, 0.0]], 2, "the samples").remove(0);
        let scene = Scene { plane, window: [0.0, 2.0, 0.0, 1.0], support: vec![] };
        assert_eq!(scene.same_aspect([-4.0, 4.0, -4.0, 4.0]), [-8.0, 8.0, -4.0, 4.0]);
    }
}
