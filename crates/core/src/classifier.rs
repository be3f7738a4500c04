//! Support classifier: the support of a sample as a one-class support vector machine learns it (theory §10, CdC Prop. 4.1).

use crate::error::{Error, Result};
use crate::statistics::sorted;
use libsvm_rs::{KernelType, SvmNode, SvmParameter, SvmProblem, SvmType, set_quiet, train::svm_train};
use rayon::prelude::*;

/// Neighbour whose distance sets the width of the kernel.
const NEIGHBOUR: usize = 10;
/// Width of the kernel as a multiple of that distance.
const WIDTH: f64 = 2.0;
/// Stopping tolerance of the solver.
const TOLERANCE: f64 = 1e-4;

/// A half space in the feature space of the kernel exp(−‖x − y‖²/2h²) that holds all but a share ν of the sample it was
/// trained on, as far from the origin as possible (Schölkopf et al. 2001). What it holds is the learned support.
#[derive(Debug, Clone)]
pub struct OneClass {
    dim: usize,
    width: f64,
    /// Support vectors `[s, D]` and their weights.
    vectors: Vec<f64>,
    weights: Vec<f64>,
    /// ρ: f(x) = Σ α_i k(x_i, x) − ρ.
    offset: f64,
    /// ‖w‖, the length of the normal in feature space.
    norm: f64,
}

impl OneClass {
    /// From `points[n, D]`, with the kernel's standard deviation h and the share ν of points left outside.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fewer than two points, numbers that are not finite, or h or ν out of range.
    pub fn train(dim: usize, points: &[f64], width: f64, outside: f64) -> Result<OneClass> {
        let wrong = |expected: &str, got: String| {
            Err(Error::invalid(
                "support classifier",
                expected,
                got,
                "Take more samples of a model that varies",
            ))
        };
        if dim == 0 || points.len() < 2 * dim || points.iter().any(|x| !x.is_finite()) {
            return wrong("two finite points or more", format!("{} numbers in rows of {dim}", points.len()));
        }
        if !(width.is_finite() && width > 0.0 && outside > 0.0 && outside < 1.0) {
            return wrong("a width > 0 and a share in (0, 1)", format!("{width} and {outside}"));
        }
        set_quiet(true);
        let instances: Vec<Vec<SvmNode>> = points.chunks_exact(dim).map(sparse).collect();
        let problem = SvmProblem { labels: vec![1.0; instances.len()], instances };
        let model = svm_train(
            &problem,
            &SvmParameter {
                svm_type: SvmType::OneClass,
                kernel_type: KernelType::Rbf,
                gamma: 0.5 / (width * width),
                nu: outside,
                eps: TOLERANCE,
                ..SvmParameter::default()
            },
        );
        let vectors =
            model.sv_indices.iter().flat_map(|i| points[(i - 1) * dim..][..dim].iter().copied()).collect();
        let weights = model.sv_coef.first().cloned().unwrap_or_default();
        let offset = model.rho.first().copied().unwrap_or_default();
        let mut machine = OneClass { dim, width, vectors, weights, offset, norm: 1.0 };
        let rows: Vec<&[f64]> = machine.vectors.chunks_exact(dim).collect();
        let square: f64 = rows.iter().zip(&machine.weights).map(|(x, a)| a * machine.sum(x)).sum();
        machine.norm = square.sqrt();
        if !(machine.norm.is_finite() && machine.norm > 0.0) {
            return wrong("points that a half space holds", format!("a normal of length {}", machine.norm));
        }
        Ok(machine)
    }

    /// Σ α_i k(x_i, x).
    fn sum(&self, x: &[f64]) -> f64 {
        let term = |(row, weight): (&[f64], &f64)| {
            let square: f64 = row.iter().zip(x).map(|(a, b)| (a - b) * (a - b)).sum();
            weight * (-0.5 * square / (self.width * self.width)).exp()
        };
        self.vectors.chunks_exact(self.dim).zip(&self.weights).map(term).sum()
    }

    /// ρ/‖w‖: how far the half space is from the origin of the feature space, between 0 and 1.
    pub fn margin(&self) -> f64 {
        self.offset / self.norm
    }

    /// Number of support vectors.
    pub fn support_vectors(&self) -> usize {
        self.weights.len()
    }

    /// Signed distances of `x[n, D]` to the boundary in feature space, positive inside.
    pub fn distances(&self, x: &[f64]) -> Vec<f64> {
        let distance = |row: &[f64]| (self.sum(row) - self.offset) / self.norm;
        x.par_chunks_exact(self.dim).map(distance).collect()
    }
}

/// The width for points `[n, D]`: twice the median distance to the tenth nearest neighbour (the last one where there are
/// fewer). `None` where that is 0.
pub fn kernel_width(dim: usize, points: &[f64]) -> Option<f64> {
    let away = |x: &[f64]| {
        let square = |y: &[f64]| x.iter().zip(y).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        // The point itself comes first.
        let squares = sorted(&points.chunks_exact(dim).map(square).collect::<Vec<_>>());
        squares[NEIGHBOUR.min(squares.len() - 1)].sqrt()
    };
    let distances = sorted(&points.par_chunks_exact(dim).map(away).collect::<Vec<_>>());
    let middle = distances.get(distances.len() / 2)?;
    (*middle > 0.0 && middle.is_finite()).then_some(WIDTH * middle)
}

fn sparse(row: &[f64]) -> Vec<SvmNode> {
    (1..).zip(row).map(|(index, &value)| SvmNode { index, value }).collect()
}
