//! Uniform laws on regions of the plane.

use super::Law;
use crate::random::Stream;
use rand::RngExt;
use std::f64::consts::TAU;

/// Uniform in area on a disc.
#[derive(Debug, Clone, Copy)]
pub struct Disc {
    /// Its centre.
    pub centre: [f64; 2],
    /// Its radius.
    pub radius: f64,
}

impl Law for Disc {
    fn dim(&self) -> usize {
        2
    }

    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let (sin, cos) = (TAU * rng.random::<f64>()).sin_cos();
        let r = self.radius * rng.random::<f64>().sqrt();
        x.copy_from_slice(&[self.centre[0] + r * cos, self.centre[1] + r * sin]);
    }
}

/// Uniform in area on a union of discs of one radius.
#[derive(Debug, Clone)]
pub struct Discs {
    /// Their centres, all different; at least one.
    pub centres: Vec<[f64; 2]>,
    /// Their radius.
    pub radius: f64,
}

impl Discs {
    /// Number of discs that hold a point.
    fn cover(&self, x: &[f64]) -> usize {
        self.centres.iter().filter(|c| (x[0] - c[0]).hypot(x[1] - c[1]) <= self.radius).count()
    }
}

impl Law for Discs {
    fn dim(&self) -> usize {
        2
    }

    /// A point that m discs hold is drawn m times as often as one of a single disc: it is kept once in m times.
    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        loop {
            let centre = self.centres[rng.random_range(0..self.centres.len())];
            Disc { centre, radius: self.radius }.sample(rng, x);
            if rng.random::<f64>() * self.cover(x) as f64 <= 1.0 {
                return;
            }
        }
    }
}

/// Uniform in area on the inside of a simple polygon.
#[derive(Debug, Clone)]
pub struct Polygon {
    vertices: Vec<[f64; 2]>,
    slabs: Vec<Slab>,
}

/// The part of a polygon between two heights with no corner between them: its width is linear in the height.
#[derive(Debug, Clone)]
struct Slab {
    /// Lower and upper height.
    heights: [f64; 2],
    /// Width of the polygon there, approached from inside the slab.
    widths: [f64; 2],
    /// Area of this slab and those below.
    cumulative: f64,
}

impl Polygon {
    /// With distinct corners in order around the region, edges meeting at corners only.
    pub fn new(vertices: Vec<[f64; 2]>) -> Self {
        let mut heights: Vec<f64> = vertices.iter().map(|v| v[1]).collect();
        heights.sort_unstable_by(f64::total_cmp);
        heights.dedup();
        let mut polygon = Polygon { vertices, slabs: Vec::new() };
        let mut cumulative = 0.0;
        for pair in heights.windows(2) {
            let heights = [pair[0], pair[1]];
            let crossed = polygon.crossed(0.5 * (pair[0] + pair[1]));
            let widths = heights.map(|y| {
                let sides = crossed.chunks_exact(2).map(|pair| at(pair[1], y) - at(pair[0], y));
                sides.sum::<f64>().max(0.0)
            });
            cumulative += 0.5 * (widths[0] + widths[1]) * (heights[1] - heights[0]);
            polygon.slabs.push(Slab { heights, widths, cumulative });
        }
        polygon
    }

    /// Edges that cross a height, from left to right: the inside lies between the first and the second, the third and the fourth, ….
    fn crossed(&self, y: f64) -> Vec<[[f64; 2]; 2]> {
        let n = self.vertices.len();
        let edges = (0..n).map(|i| [self.vertices[i], self.vertices[(i + 1) % n]]);
        let mut crossed: Vec<_> = edges.filter(|[a, b]| (a[1] > y) != (b[1] > y)).collect();
        crossed.sort_by(|&a, &b| at(a, y).total_cmp(&at(b, y)));
        crossed
    }
}

/// Where an edge, prolonged, is at a height.
fn at([a, b]: [[f64; 2]; 2], y: f64) -> f64 {
    a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
}

impl Law for Polygon {
    fn dim(&self) -> usize {
        2
    }

    /// A slab by its area, a height in it by its width, a place across among the parts that are inside.
    fn sample(&self, rng: &mut Stream, x: &mut [f64]) {
        let total = self.slabs.last().map_or(0.0, |slab| slab.cumulative);
        let level = total * rng.random::<f64>();
        let chosen = self.slabs.partition_point(|slab| slab.cumulative <= level).min(self.slabs.len() - 1);
        let Slab { heights: [from, to], widths: [low, high], .. } = self.slabs[chosen];
        // The share t of the height with low t + (high − low) t²/2 = v (low + high)/2.
        let v = rng.random::<f64>();
        let t = v * (low + high) / (low + (low * low + v * (high * high - low * low)).sqrt());
        let y = from + (to - from) * t;
        let crossed = self.crossed(y.clamp(from, to.next_down()));
        let widths = || crossed.chunks_exact(2).map(|pair| [at(pair[0], y), at(pair[1], y)]);
        let mut place = rng.random::<f64>() * widths().map(|[left, right]| right - left).sum::<f64>();
        for [left, right] in widths() {
            x.copy_from_slice(&[(left + place).min(right), y]);
            if place <= right - left {
                return;
            }
            place -= right - left;
        }
    }
}
