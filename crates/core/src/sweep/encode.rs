//! A generation undone: the starts x_0 from which a deterministic sampler generates given points (theory §10).

use super::check_finite;
use crate::error::{Error, Result};
use crate::linalg::{gmres_to, row_distances};
use crate::sampler::{Step, StepNoise};

/// Newton's iterations of a step, at most.
const ITERATIONS: usize = 20;
/// What is left of y − F_n(x), relative to the size of y, at which a step is undone.
const TOLERANCE: f64 = 1e-12;
/// The same from which on a row that no longer gains has met the rounding of a network in single precision.
const SINGLE: f64 = 1e-5;
/// The same beyond which a row that no longer gains has not been undone.
const LOST: f64 = 1e-3;
/// A row whose rest is not below this share of the best before no longer gains.
const GAIN: f64 = 0.7;
/// What a linear system leaves of its right-hand side: every iteration gains by about this much (Dembo, Eisenstat and
/// Steihaug 1982), and more would be lost to the next.
const FORCING: f64 = 1e-4;
/// What it may leave at most: where a network in single precision contracts strongly, less cannot be had, and Newton's method
/// goes on with smaller gains.
const MOST_LEFT: f64 = 0.5;

/// Iterations of a step that is undone only nearly.
const NEAR_ITERATIONS: usize = 8;

/// How well the steps of a generation are undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Undo {
    /// To the rounding of the field, by Newton's method with the exact tangents of the step; else it is an error.
    #[default]
    Exactly,
    /// As near as x ← x + (y − F_n(x)) comes from x = y: directions that a step keeps are undone, those that it all but
    /// forgets are left. For points that the sampler never generates, and networks that contract too strongly.
    Nearly,
}

/// Where points come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Encoded {
    /// x_0 `[n, D]`
    pub start: Vec<f64>,
    /// ‖F(x_0) − x_τ‖, how far what is generated from x_0 lies from the point `[n]`
    pub mismatch: Vec<f64>,
}

/// The starts of `points[n, D]` at x_τ: every step y = F_n(x) is solved for x, so that the sampler itself, not the flow that it
/// approximates, is undone. Errors count the points from `first`.
///
/// # Errors
/// [`Error::Invalid`] for a stochastic step, or if the length of `points` does not fit; [`Error::NonFinite`]; with
/// [`Undo::Exactly`] [`Error::NotUndone`] where a step cannot be undone.
pub fn encode(step: &Step, points: &[f64], undo: Undo, first: usize) -> Result<Encoded> {
    let dim = step.dim();
    if step.noises() > 0 || !step.forcing.is_empty() || !points.len().is_multiple_of(dim) {
        return Err(Error::invalid(
            "going back from points to their starts",
            format!("a deterministic sampler without errors, and rows of {dim} numbers"),
            format!(
                "{} noises a step, {} errors, {} numbers",
                step.noises(),
                step.forcing.len(),
                points.len()
            ),
            "Take noise level 0",
        ));
    }
    let noise = StepNoise::default();
    let mut x = points.to_vec();
    for n in (0..step.grid.steps).rev() {
        match undo {
            Undo::Exactly => solve(step, n, noise, &mut x, first)?,
            Undo::Nearly => approach(step, n, noise, &mut x),
        }
        check_finite("state", &x, dim, first, n)?;
    }
    let (mut again, mut next) = (x.clone(), vec![0.0; x.len()]);
    for n in 0..step.grid.steps {
        step.advance(n, &again, noise, &mut next);
        std::mem::swap(&mut again, &mut next);
    }
    Ok(Encoded { start: x, mismatch: row_distances(dim, &again, points) })
}

/// Replaces every row y by the x nearest in image, |y − F_n(x)|, among the iterates; a row that no longer gains stays.
fn approach(step: &Step, n: usize, noise: StepNoise, y: &mut [f64]) {
    let (dim, target) = (step.dim(), y.to_vec());
    let (mut x, mut image) = (y.to_vec(), vec![0.0; y.len()]);
    let mut best = vec![f64::INFINITY; y.len() / dim];
    let mut gains = vec![true; best.len()];
    for _ in 0..NEAR_ITERATIONS {
        step.advance(n, &x, noise, &mut image);
        let rows = x.chunks_exact_mut(dim).zip(image.chunks_exact(dim)).zip(target.chunks_exact(dim));
        for (row, (((x, image), target), y)) in rows.zip(y.chunks_exact_mut(dim)).enumerate() {
            let left = image.iter().zip(target).map(|(f, y)| (y - f) * (y - f)).sum::<f64>().sqrt();
            gains[row] &= left < GAIN * best[row];
            if gains[row] {
                best[row] = left;
                y.copy_from_slice(x);
                for ((x, f), target) in x.iter_mut().zip(image).zip(target) {
                    *x += target - f;
                }
            }
        }
        if gains.iter().all(|gains| !gains) {
            return;
        }
    }
}

/// Replaces y = F_n(x) by x, row by row.
fn solve(step: &Step, n: usize, noise: StepNoise, y: &mut [f64], first: usize) -> Result<()> {
    let (dim, target) = (step.dim(), y.to_vec());
    let (mut image, mut change) = (vec![0.0; y.len()], vec![0.0; y.len()]);
    let mut best = vec![f64::INFINITY; y.len() / dim];
    for iteration in 0..ITERATIONS {
        step.advance(n, y, noise, &mut image);
        let mut rest: Vec<f64> = target.iter().zip(&image).map(|(y, f)| y - f).collect();
        // Rows that no longer gain have met the rounding of the field; they stay as they are.
        for (row, (rest, target)) in rest.chunks_exact_mut(dim).zip(target.chunks_exact(dim)).enumerate() {
            let (left, size) = (largest(rest), largest(target).max(1e-300));
            let stays = left >= GAIN * best[row] && (iteration > 3 || left <= SINGLE * size);
            best[row] = best[row].min(left);
            if (stays || iteration + 1 == ITERATIONS) && best[row] > LOST * size {
                return Err(Error::NotUndone { sample: first + row, step: n, residual: best[row] / size });
            }
            if left <= TOLERANCE * size || stays {
                rest.fill(0.0);
            }
        }
        if rest.iter().all(|r| *r == 0.0) {
            return Ok(());
        }
        let at = y.to_vec();
        let mut apply = |v: &[f64], out: &mut [f64]| step.advance_tangent(n, &at, noise, v, &mut image, out);
        if let Err(left) = gmres_to(FORCING, dim, &mut apply, &rest, &mut change)
            && (left.residual.is_nan() || left.residual > MOST_LEFT)
        {
            return Err(Error::NotUndone { sample: first + left.row, step: n, residual: left.residual });
        }
        y.iter_mut().zip(&change).for_each(|(y, change)| *y += change);
    }
    Ok(())
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| value.abs().max(most))
}
