//! Unions of discs.

use super::{Shore, foot_on, gap, unit_or};
use crate::error::{Error, Result};
use crate::law;
use crate::support::check::{finite, outline_count, positive};
use crate::support::{Foot, Support};
use std::f64::consts::TAU;

/// The union of discs of one radius in the plane; they may overlap. From the centre of a disc the foot lies in the
/// direction of the first axis, or at a corner where another disc covers that point.
#[derive(Debug, Clone, PartialEq)]
pub struct Discs {
    centres: Vec<[f64; 2]>,
    radius: f64,
    /// Connected component of every disc, numbered in order of first appearance.
    component: Vec<usize>,
    /// Boundary points where two circles meet, with the discs they belong to.
    corners: Vec<Corner>,
}

#[derive(Debug, Clone, PartialEq)]
struct Corner {
    point: [f64; 2],
    discs: [usize; 2],
}

/// A point counts as covered by a disc when it is this share of the radius or more inside its circle.
const COVER: f64 = 1e-12;

impl Discs {
    /// Most discs.
    pub const MOST: usize = 256;

    /// Discs about `centres` (repeated ones count once).
    ///
    /// # Errors
    /// [`Error::Invalid`] for no discs or more than [`Discs::MOST`], a radius that is not positive, or centres that are
    /// not finite.
    pub fn new(centres: &[[f64; 2]], radius: f64) -> Result<Discs> {
        positive("disc", "radius", radius)?;
        finite("disc", "centre", centres.as_flattened())?;
        if centres.is_empty() || centres.len() > Discs::MOST {
            return Err(Error::invalid(
                "support discs, centres",
                format!("1 to {} discs", Discs::MOST),
                centres.len().to_string(),
                "Describe larger regions by a polygon",
            ));
        }
        let mut distinct: Vec<[f64; 2]> = Vec::new();
        for &centre in centres {
            if !distinct.contains(&centre) {
                distinct.push(centre);
            }
        }
        let component = components(&distinct, radius);
        let mut discs = Discs { centres: distinct, radius, component, corners: Vec::new() };
        discs.corners = discs.find_corners();
        Ok(discs)
    }

    /// The uniform law on it.
    pub fn law(&self) -> law::Discs {
        law::Discs { centres: self.centres.clone(), radius: self.radius }
    }

    /// Whether a disc other than those excepted covers the point.
    fn covered(&self, point: [f64; 2], except: [usize; 2]) -> bool {
        let inner = self.radius * (1.0 - COVER);
        let mut others = self.centres.iter().enumerate().filter(|(i, _)| !except.contains(i));
        others.any(|(_, &centre)| gap(point, centre) < inner)
    }

    fn find_corners(&self) -> Vec<Corner> {
        let mut corners = Vec::new();
        for (i, &a) in self.centres.iter().enumerate() {
            for (j, &b) in self.centres.iter().enumerate().skip(i + 1) {
                let half = 0.5 * gap(a, b);
                if half > self.radius {
                    continue;
                }
                let across = ((self.radius - half) * (self.radius + half)).sqrt();
                let along = unit_or(b[0] - a[0], b[1] - a[1], [1.0, 0.0]);
                for side in [1.0, -1.0] {
                    let point = [
                        0.5 * (a[0] + b[0]) - side * across * along[1],
                        0.5 * (a[1] + b[1]) + side * across * along[0],
                    ];
                    if !self.covered(point, [i, j]) {
                        corners.push(Corner { point, discs: [i, j] });
                    }
                }
            }
        }
        corners
    }

    /// Outward normal of disc i towards a point.
    fn normal(&self, i: usize, towards: [f64; 2]) -> [f64; 2] {
        let centre = self.centres[i];
        unit_or(towards[0] - centre[0], towards[1] - centre[1], [1.0, 0.0])
    }

    /// Every candidate for the boundary point nearest to x.
    fn shores(&self, x: [f64; 2]) -> impl Iterator<Item = Shore> {
        let smooth = self.centres.iter().enumerate().filter_map(move |(i, centre)| {
            let normal = self.normal(i, x);
            let point = [centre[0] + self.radius * normal[0], centre[1] + self.radius * normal[1]];
            let component = self.component[i];
            (!self.covered(point, [i, i])).then_some(Shore { point, normal, corner: false, component })
        });
        let corners = self.corners.iter().map(|corner| {
            let [a, b] = corner.discs.map(|i| self.normal(i, corner.point));
            let normal = unit_or(a[0] + b[0], a[1] + b[1], a);
            Shore { point: corner.point, normal, corner: true, component: self.component[corner.discs[0]] }
        });
        smooth.chain(corners)
    }
}

/// Connected components of discs that touch or overlap.
fn components(centres: &[[f64; 2]], radius: f64) -> Vec<usize> {
    let mut component = vec![usize::MAX; centres.len()];
    let mut found = 0;
    for first in 0..centres.len() {
        if component[first] != usize::MAX {
            continue;
        }
        let mut waiting = vec![first];
        component[first] = found;
        while let Some(disc) = waiting.pop() {
            for (other, centre) in centres.iter().enumerate() {
                if component[other] == usize::MAX && gap(*centre, centres[disc]) <= 2.0 * radius {
                    component[other] = found;
                    waiting.push(other);
                }
            }
        }
        found += 1;
    }
    component
}

impl Support for Discs {
    fn dim(&self) -> usize {
        2
    }

    fn intrinsic_dim(&self) -> usize {
        2
    }

    fn components(&self) -> usize {
        self.component.iter().max().map_or(1, |last| last + 1)
    }

    fn project(&self, x: &[f64]) -> Foot {
        let x = [x[0], x[1]];
        let inside = self.centres.iter().any(|&centre| gap(x, centre) <= self.radius);
        let mut nearest: Option<(f64, Shore)> = None;
        for shore in self.shores(x) {
            let distance = gap(x, shore.point);
            if nearest.as_ref().is_none_or(|(least, _)| distance < *least) {
                nearest = Some((distance, shore));
            }
        }
        // The disc that reaches farthest along the first axis always has a boundary point.
        let (_, shore) = nearest.unwrap_or_else(|| {
            let farthest =
                (0..self.centres.len()).max_by(|&i, &j| self.centres[i][0].total_cmp(&self.centres[j][0]));
            let disc = farthest.unwrap_or(0);
            let [a, b] = self.centres[disc];
            let component = self.component[disc];
            (0.0, Shore { point: [a + self.radius, b], normal: [1.0, 0.0], corner: false, component })
        });
        foot_on(x, inside, &shore)
    }

    /// The parts of the circles that no other disc covers.
    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        let points = (outline_count(count) / self.centres.len()).max(16);
        let mut pieces = Vec::new();
        for (i, centre) in self.centres.iter().enumerate() {
            let mut piece: Vec<f64> = Vec::new();
            for k in 0..=points {
                let (sin, cos) = (TAU * (k % points) as f64 / points as f64).sin_cos();
                let point = [centre[0] + self.radius * cos, centre[1] + self.radius * sin];
                if !self.covered(point, [i, i]) {
                    piece.extend(point);
                } else if !piece.is_empty() {
                    pieces.push(std::mem::take(&mut piece));
                }
            }
            if !piece.is_empty() {
                pieces.push(piece);
            }
        }
        pieces
    }
}
