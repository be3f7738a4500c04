//! The plane that pictures are drawn in: the coordinates themselves in two dimensions, principal axes beyond.

use super::figure::Point;
use surefoot::random::{Purpose, standard_normal, stream};

/// Two orthonormal axes through a centre.
#[derive(Debug, Clone)]
pub struct Plane {
    axes: [Vec<f64>; 2],
    centre: Vec<f64>,
    /// Names of the axes.
    pub labels: [String; 2],
    /// One sentence saying which plane this is; empty for D = 2.
    pub note: String,
    /// Which principal axes; `None` for the coordinates themselves.
    pair: Option<[usize; 2]>,
}

impl Plane {
    /// The plane (D = 2) or planes (principal axes 1 and 2, 1 and 3) to draw `points`, rows of D numbers, in.
    /// `whose` names the points: "the support". Empty for D = 1.
    pub fn choose(points: &[&[f64]], dim: usize, whose: &str) -> Vec<Plane> {
        if dim < 2 || points.is_empty() {
            return Vec::new();
        }
        if dim == 2 {
            let axes = [vec![1.0, 0.0], vec![0.0, 1.0]];
            let labels = [0, 1].map(|i| format!("x{i}"));
            return vec![Plane { axes, centre: vec![0.0; 2], labels, note: String::new(), pair: None }];
        }
        let centre = mean(points, dim);
        let axes = principal_axes(points, &centre, 3);
        [[0, 1], [0, 2]]
            .map(|pair| Plane {
                axes: pair.map(|i| axes[i].clone()),
                centre: centre.clone(),
                pair: Some(pair),
                labels: pair.map(|i| format!("principal axis {} of {whose}", i + 1)),
                note: format!(
                    "Drawn in D = {dim} by orthogonal projection onto principal axes {} and {} of {whose}.",
                    pair[0] + 1,
                    pair[1] + 1
                ),
            })
            .into()
    }

    /// Whether the axes are the coordinates themselves.
    pub fn is_exact(&self) -> bool {
        self.pair.is_none()
    }

    /// ", axes 1 and 2" for titles; nothing for the coordinates themselves.
    pub fn suffix(&self) -> String {
        self.pair.map_or(String::new(), |[a, b]| format!(", axes {} and {}", a + 1, b + 1))
    }

    /// A point on the plane.
    pub fn point(&self, x: &[f64]) -> Point {
        [0, 1].map(|i| self.axes[i].iter().zip(x).zip(&self.centre).map(|((a, x), c)| a * (x - c)).sum())
    }

    /// A direction on the plane, shortened by the projection.
    pub fn direction(&self, v: &[f64]) -> Point {
        [0, 1].map(|i| dot(&self.axes[i], v))
    }

    /// The point of R^D at a place on the plane.
    pub fn lift(&self, [a, b]: Point) -> Vec<f64> {
        let at = |i: usize| self.centre[i] + a * self.axes[0][i] + b * self.axes[1][i];
        (0..self.centre.len()).map(at).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn mean(points: &[&[f64]], dim: usize) -> Vec<f64> {
    let mut sum = vec![0.0; dim];
    for point in points {
        for (s, x) in sum.iter_mut().zip(*point) {
            *s += x / points.len() as f64;
        }
    }
    sum
}

/// Leading principal axes by orthogonal iteration on the covariance, which is never formed; each axis has its
/// largest component positive.
fn principal_axes(points: &[&[f64]], centre: &[f64], count: usize) -> Vec<Vec<f64>> {
    const ROUNDS: usize = 60;
    let dim = centre.len();
    let mut axes: Vec<Vec<f64>> = (0..count.min(dim))
        .map(|i| {
            let mut axis = vec![0.0; dim];
            standard_normal(&mut stream(0, i as u64, Purpose::Frame), &mut axis);
            axis
        })
        .collect();
    orthonormalize(&mut axes);
    for _ in 0..ROUNDS {
        let mut next = vec![vec![0.0; dim]; axes.len()];
        for point in points {
            let offset: Vec<f64> = point.iter().zip(centre).map(|(x, c)| x - c).collect();
            for (axis, out) in axes.iter().zip(&mut next) {
                let share = dot(axis, &offset);
                out.iter_mut().zip(&offset).for_each(|(o, x)| *o += share * x);
            }
        }
        for (axis, new) in axes.iter_mut().zip(next) {
            // A direction without spread keeps its axis.
            if dot(&new, &new) > f64::MIN_POSITIVE {
                *axis = new;
            }
        }
        orthonormalize(&mut axes);
    }
    for axis in &mut axes {
        let largest = axis.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
        if largest < 0.0 {
            axis.iter_mut().for_each(|a| *a = -*a);
        }
    }
    axes
}

/// Gram–Schmidt, twice; a vector that vanishes is replaced by a unit vector that does not.
fn orthonormalize(axes: &mut [Vec<f64>]) {
    for i in 0..axes.len() {
        let (done, rest) = axes.split_at_mut(i);
        let axis = &mut rest[0];
        let mut spare = 0;
        loop {
            let before = dot(axis, axis).sqrt();
            for _ in 0..2 {
                for other in done.iter() {
                    let share = dot(axis, other);
                    axis.iter_mut().zip(other).for_each(|(a, o)| *a -= share * o);
                }
            }
            let norm = dot(axis, axis).sqrt();
            if norm > 1e-10 * before && norm > f64::MIN_POSITIVE || spare >= axis.len() {
                axis.iter_mut().for_each(|a| *a /= norm);
                break;
            }
            axis.fill(0.0);
            axis[spare] = 1.0;
            spare += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principal_axes_of_an_ellipsoid_are_its_axes() {
        let mut rows = Vec::new();
        for i in 0..500 {
            let mut z = [0.0; 3];
            standard_normal(&mut stream(3, i, Purpose::Source), &mut z);
            rows.push(vec![0.1 * z[0], 3.0 * z[1] + 5.0, z[2]]);
        }
        let points: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        let planes = Plane::choose(&points, 3, "the samples");
        let along = planes[0].direction(&[0.0, 1.0, 0.0]);
        assert!(along[0] > 0.99 && along[1].abs() < 0.1);
        assert!(planes[1].direction(&[1.0, 0.0, 0.0])[1].abs() > 0.99);
        let there = planes[0].lift([0.3, -0.2]);
        let back = planes[0].point(&there);
        assert!((back[0] - 0.3).abs() < 1e-12 && (back[1] + 0.2).abs() < 1e-12);
    }

    #[test]
    fn flat_sets_have_axes_too() {
        let rows = [[1.0, 2.0, 3.0, 4.0]; 5];
        let points: Vec<&[f64]> = rows.iter().map(|row| &row[..]).collect();
        for plane in Plane::choose(&points, 4, "the samples") {
            let a = plane.direction(&plane.axes[0]);
            let b = plane.direction(&plane.axes[1]);
            assert!((a[0] - 1.0).abs() < 1e-9 && a[1].abs() < 1e-9 && (b[1] - 1.0).abs() < 1e-9);
        }
    }
}
