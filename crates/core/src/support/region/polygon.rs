//! Filled polygons.

use super::{Shore, foot_on, gap, unit_or};
use crate::error::{Error, Result};
use crate::law;
use crate::support::check::{finite, outline_count};
use crate::support::{Foot, Support};

/// The inside of a simple polygon, edges included.
#[derive(Debug, Clone, PartialEq)]
pub struct Polygon {
    /// Corners, counter-clockwise.
    vertices: Vec<[f64; 2]>,
}

impl Polygon {
    /// Most corners.
    pub const MOST: usize = 2048;

    /// With corners in order, either way round; a last corner equal to the first is taken as closing the line.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer than three or more than [`Polygon::MOST`] corners, repeated corners, edges that meet
    /// away from their common corner, or coordinates that are not finite.
    pub fn new(vertices: &[[f64; 2]]) -> Result<Polygon> {
        finite("polygon", "vertices", vertices.as_flattened())?;
        let mut vertices = vertices.to_vec();
        if vertices.len() > 1 && vertices.first() == vertices.last() {
            vertices.pop();
        }
        let wrong = |got: String| {
            Err(Error::invalid(
                "support polygon, vertices",
                format!("3 to {} distinct corners whose edges meet at corners only", Polygon::MOST),
                got,
                "Give the corners in order around the region",
            ))
        };
        if !(3..=Polygon::MOST).contains(&vertices.len()) {
            return wrong(format!("{} corners", vertices.len()));
        }
        let area = signed_area(&vertices);
        if !(area.is_finite() && area != 0.0) {
            return wrong(format!("corners that enclose an area of {area}"));
        }
        if let Some([i, j]) = meeting_edges(&vertices) {
            return wrong(format!("edges {i} and {j} that meet"));
        }
        if area < 0.0 {
            vertices.reverse();
        }
        Ok(Polygon { vertices })
    }

    /// The uniform law on it.
    pub fn law(&self) -> law::Polygon {
        law::Polygon::new(self.vertices.clone())
    }

    /// The edge from corner i to the next.
    fn edge(&self, i: usize) -> [[f64; 2]; 2] {
        edge(&self.vertices, i)
    }

    /// Outward unit normal of edge i.
    fn normal(&self, i: usize) -> [f64; 2] {
        let [a, b] = self.edge(i);
        unit_or(b[1] - a[1], a[0] - b[0], [1.0, 0.0])
    }

    /// Nearest point of edge i.
    fn shore(&self, i: usize, x: [f64; 2]) -> Shore {
        let [a, b] = self.edge(i);
        let along = [b[0] - a[0], b[1] - a[1]];
        let length = along[0].hypot(along[1]);
        let unit = [along[0] / length, along[1] / length];
        let reach = (x[0] - a[0]) * unit[0] + (x[1] - a[1]) * unit[1];
        let normal = self.normal(i);
        if reach > 0.0 && reach < length {
            let point = [a[0] + reach * unit[0], a[1] + reach * unit[1]];
            return Shore { point, normal, corner: false, component: 0 };
        }
        let n = self.vertices.len();
        let (point, other) =
            if reach <= 0.0 { (a, self.normal((i + n - 1) % n)) } else { (b, self.normal((i + 1) % n)) };
        Shore {
            point,
            normal: unit_or(normal[0] + other[0], normal[1] + other[1], normal),
            corner: true,
            component: 0,
        }
    }

    /// Whether x is inside, by counting the edges that a ray along the first axis crosses.
    fn holds(&self, x: [f64; 2]) -> bool {
        let crosses = |i: usize| {
            let [a, b] = self.edge(i);
            (a[1] > x[1]) != (b[1] > x[1]) && x[0] < a[0] + (x[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
        };
        (0..self.vertices.len()).filter(|&i| crosses(i)).count() % 2 == 1
    }
}

fn edge(vertices: &[[f64; 2]], i: usize) -> [[f64; 2]; 2] {
    [vertices[i], vertices[(i + 1) % vertices.len()]]
}

/// Positive where c lies to the left of the line from a to b.
fn turn(a: [f64; 2], b: [f64; 2], c: [f64; 2]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

fn signed_area(vertices: &[[f64; 2]]) -> f64 {
    let origin = vertices[0];
    0.5 * (1..vertices.len() - 1).map(|i| turn(origin, vertices[i], vertices[i + 1])).sum::<f64>()
}

/// Two edges that meet away from a common corner, or an edge without length, if there are any.
fn meeting_edges(vertices: &[[f64; 2]]) -> Option<[usize; 2]> {
    let n = vertices.len();
    for i in 0..n {
        let [a, b] = edge(vertices, i);
        let next = (i + 1) % n;
        let [_, c] = edge(vertices, next);
        let back = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1]) < 0.0;
        if a == b || (turn(a, b, c) == 0.0 && back) {
            return Some([i, next]);
        }
        let apart = |j: usize| j != i && j != next && (j + 1) % n != i;
        if let Some(j) = (i + 1..n).find(|&j| apart(j) && segments_meet([a, b], edge(vertices, j))) {
            return Some([i, j]);
        }
    }
    None
}

/// Whether two closed segments share a point.
fn segments_meet(p: [[f64; 2]; 2], q: [[f64; 2]; 2]) -> bool {
    let sides = |s: [[f64; 2]; 2], r: [[f64; 2]; 2]| [turn(s[0], s[1], r[0]), turn(s[0], s[1], r[1])];
    let (on_p, on_q) = (sides(p, q), sides(q, p));
    let apart = |s: [f64; 2]| (s[0] > 0.0 && s[1] > 0.0) || (s[0] < 0.0 && s[1] < 0.0);
    if apart(on_p) || apart(on_q) {
        return false;
    }
    // Touching or collinear segments share a point only where their boxes do.
    (0..2)
        .all(|c| p[0][c].min(p[1][c]) <= q[0][c].max(q[1][c]) && q[0][c].min(q[1][c]) <= p[0][c].max(p[1][c]))
}

impl Support for Polygon {
    fn dim(&self) -> usize {
        2
    }

    fn intrinsic_dim(&self) -> usize {
        2
    }

    fn project(&self, x: &[f64]) -> Foot {
        let x = [x[0], x[1]];
        let mut shore = self.shore(0, x);
        let mut least = gap(x, shore.point);
        for i in 1..self.vertices.len() {
            let candidate = self.shore(i, x);
            let distance = gap(x, candidate.point);
            if distance < least {
                (least, shore) = (distance, candidate);
            }
        }
        foot_on(x, self.holds(x), &shore)
    }

    /// The edges, each divided evenly.
    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        let n = self.vertices.len();
        let parts = (outline_count(count) / n).max(1);
        let mut line = Vec::with_capacity(2 * (n * parts + 1));
        for i in 0..n {
            let [a, b] = self.edge(i);
            for k in 0..parts {
                let share = k as f64 / parts as f64;
                line.extend([a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])]);
            }
        }
        line.extend(self.vertices[0]);
        vec![line]
    }
}
