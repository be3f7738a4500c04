//! Filled regions of the plane, d = D: distance 0 inside, foot on the topological boundary.

mod discs;
mod polygon;

pub use discs::Discs;
pub use polygon::Polygon;

use super::Foot;

/// A candidate for the nearest boundary point.
struct Shore {
    point: [f64; 2],
    /// Outward normal there, for a corner the mean of the two that meet.
    normal: [f64; 2],
    /// Whether two smooth parts meet, so that the normal is that of the line from x.
    corner: bool,
    component: usize,
}

fn gap(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The unit vector along (a, b), or `otherwise` for (0, 0).
fn unit_or(a: f64, b: f64, otherwise: [f64; 2]) -> [f64; 2] {
    let length = a.hypot(b);
    if length == 0.0 { otherwise } else { [a / length, b / length] }
}

/// The foot of x on a region, given the nearest boundary point. At a corner the outward normal is the direction of the
/// line that joins x and the corner, which lies in the cone of the normals of the parts that meet there.
fn foot_on(x: [f64; 2], inside: bool, shore: &Shore) -> Foot {
    let middle_distance = gap(x, shore.point);
    let sign = if inside { -1.0 } else { 1.0 };
    let normal = if shore.corner {
        unit_or(sign * (x[0] - shore.point[0]), sign * (x[1] - shore.point[1]), shore.normal)
    } else {
        shore.normal
    };
    Foot {
        point: shore.point.to_vec(),
        distance: if inside { 0.0 } else { middle_distance },
        middle_distance,
        tangent: vec![-normal[1], normal[0]],
        normal: normal.to_vec(),
        component: shore.component,
        flaw: None,
    }
}
