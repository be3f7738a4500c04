//! How straight generated paths are: S = ∫_0^1 E|x_1 − x_0 − ẋ_s|² ds with the time of the generation running from 0 to 1
//! (Liu, Gong and Liu 2023). S = 0 where every path is a straight line at constant speed: then one Euler step is exact.

use crate::response::Estimate;
use serde::Serialize;

/// Straightness of a sample of paths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Straightness {
    /// S.
    pub bend: Estimate,
    /// E|x_1 − x_0|², what S is to be compared with.
    pub squared_distance: Estimate,
}

/// Σ_n |τ (x_{n+1} − x_n) − (x_τ − x_0)|²/τ of every path, S of the polygon through its states: `path[τ + 1, n, D]` of
/// equal steps. For Euler's method ẋ is constant in a step, and this is the integral along the path that is followed.
pub fn bends(dim: usize, samples: usize, path: &[f64]) -> Vec<f64> {
    let states: Vec<&[f64]> = path.chunks_exact((samples * dim).max(1)).collect();
    let mut bends = vec![0.0; samples];
    let (Some(first), Some(last)) = (states.first(), states.last()) else { return bends };
    let steps = (states.len() - 1) as f64;
    for pair in states.windows(2) {
        for (i, bend) in bends.iter_mut().enumerate() {
            let square = |d: usize| {
                let moved = steps * (pair[1][d] - pair[0][d]);
                (moved - (last[d] - first[d])).powi(2)
            };
            *bend += (i * dim..(i + 1) * dim).map(square).sum::<f64>() / steps;
        }
    }
    bends
}

impl Straightness {
    /// Of the paths with these bends and these |x_1 − x_0|².
    pub fn of(bends: &[f64], squared_distances: &[f64]) -> Straightness {
        Straightness {
            bend: Estimate::of(bends.iter().copied()),
            squared_distance: Estimate::of(squared_distances.iter().copied()),
        }
    }
}
