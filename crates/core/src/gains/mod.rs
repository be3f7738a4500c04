//! Worst-case gains and the error budget over the generation, by one adjoint sweep (theory §8).

mod directions;
mod worst;

pub use worst::{ErrorNorm, Worst, worst_error};

use crate::error::Result;
use crate::error_field::Place;
use crate::linalg::{row_sum_norm, spectral_norm};
use crate::process::Grid;
use crate::support::Foot;
use crate::sweep::{Backstep, Trail};
use directions::Directions;
use worst::Worsts;

/// Random normal vectors a sample where the normal space is too large to be swept.
const PROBES: usize = 8;

/// How gains are measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// Where the model errors sit.
    pub place: Place,
    /// Whether the support has the full dimension, d = D: N is then the outward normal of its boundary.
    pub full: bool,
    /// Leading samples of the batch whose rates are kept for every step.
    pub curves: usize,
    /// Seed of the probes.
    pub seed: u64,
}

/// Gains of the n samples of a batch: first-order displacement at x_τ per unit pointwise size of the model error.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gains {
    /// G_N = Σ σ_max(Nᵀ A_{n+1,τ} B_n) `[n]`: bound on ‖Nᵀζ_τ‖ per unit 2-norm, attained where N is one column
    pub normal: Vec<f64>,
    /// G_T, the same along the support `[n]`
    pub tangent: Vec<f64>,
    /// With row 1-norms: bound on ‖Nᵀζ_τ‖_∞ per unit ∞-norm `[n]`
    pub normal_inf: Vec<f64>,
    /// The same along the support `[n]`
    pub tangent_inf: Vec<f64>,
    /// tr(NᵀW_τN) for errors white in time `[n]`
    pub white_normal: Vec<f64>,
    /// tr(TᵀW_τT) `[n]`
    pub white_tangent: Vec<f64>,
    /// Standard error of `white_normal` `[n]`; 0 where all normal directions were swept
    pub white_normal_error: Vec<f64>,
    /// g_N(n) of the leading samples `[curves, τ]`, per unit of model time
    pub normal_rate: Vec<f64>,
    /// g_T(n) of the leading samples `[curves, τ]`
    pub tangent_rate: Vec<f64>,
    /// Whether N holds all normal directions; if not, the outward one alone, whose gain is a lower bound
    pub complete: bool,
    /// Bytes that the paths took on the way back
    pub stored_bytes: usize,
}

impl Gains {
    /// Normal share tr(NᵀWN)/tr W of white errors and its standard error, sample by sample; 0 where W vanishes.
    pub fn white_normal_share(&self) -> Vec<Share> {
        let parts = self.white_normal.iter().zip(&self.white_tangent).zip(&self.white_normal_error);
        let share = |((normal, tangent), error): ((&f64, &f64), &f64)| {
            let whole = normal + tangent;
            if whole > 0.0 {
                Share { value: normal / whole, standard_error: error / whole * (tangent / whole) }
            } else {
                Share::default()
            }
        };
        parts.map(share).collect()
    }
}

/// A share in [0, 1].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Share {
    /// The share.
    pub value: f64,
    /// Its standard error; 0 where it is exact.
    pub standard_error: f64,
}

/// Gains at the `feet` of the ends of a trail's paths.
///
/// Where the feet carry no normal space (D above [`crate::support::NORMAL_LIMIT`]) the normal gain is that of the
/// outward direction alone, and tr(NᵀWN) is estimated with random normal vectors.
///
/// # Errors
/// [`crate::Error::Invalid`] if the feet do not belong to the paths or there can be no error at the place;
/// [`crate::Error::NonFinite`] when a cotangent leaves the finite numbers.
pub fn gains(trail: &mut Trail, feet: &[Foot], measure: Measure) -> Result<Gains> {
    Ok(gains_and_worst(trail, feet, measure, &[])?.gains)
}

/// What one way back over the paths finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The gains.
    pub gains: Gains,
    /// Worst-case errors at the same place, one a norm.
    pub worst: Vec<Worst>,
}

/// [`gains`] and, from the same way back, the worst-case error in each of `norms`: bit for bit that of [`worst_error`].
///
/// # Errors
/// Those of [`gains`].
pub fn gains_and_worst(
    trail: &mut Trail,
    feet: &[Foot],
    measure: Measure,
    norms: &[ErrorNorm],
) -> Result<Measured> {
    let directions = Directions::at(trail, feet, measure.full, PROBES, measure.seed)?;
    let grid = trail.step().grid;
    let mut sums = Sums::new(&directions, feet.len(), measure.curves.min(feet.len()), grid);
    let mut worst = Worsts::new(trail, &directions, norms);
    let rows = worst.join(trail, feet, &measure, &directions)?;
    let left = trail.backward(rows, measure.place, &mut |back| {
        sums.add(&directions, worst.rows(), back);
        worst.add(&directions, back);
    })?;
    let worst = worst.finish(&directions);
    Ok(Measured { gains: sums.finish(&directions, left.stored_bytes), worst })
}

/// Sums under way.
struct Sums {
    grid: Grid,
    curves: usize,
    /// Σ ‖B_nᵀ A_{n+1,τ}ᵀ z‖²/δt of every probe `[n, probes]`
    probes: Vec<f64>,
    found: Gains,
}

impl Sums {
    fn new(directions: &Directions, n: usize, curves: usize, grid: Grid) -> Self {
        let zeros = || vec![0.0; n];
        let found = Gains {
            normal: zeros(),
            tangent: zeros(),
            normal_inf: zeros(),
            tangent_inf: zeros(),
            white_normal: zeros(),
            white_tangent: zeros(),
            white_normal_error: zeros(),
            normal_rate: vec![0.0; curves * grid.steps],
            tangent_rate: vec![0.0; curves * grid.steps],
            ..Gains::default()
        };
        Sums { grid, curves, probes: vec![0.0; n * directions.probes], found }
    }

    /// `extra` further rows a sample are not looked at.
    fn add(&mut self, directions: &Directions, extra: usize, back: Backstep) {
        let (dim, count) = (directions.dim, directions.count());
        let (found, dt) = (&mut self.found, self.grid.dt(back.step));
        for (sample, rows) in back.error.chunks_exact(((count + extra) * dim).max(1)).enumerate() {
            let (normal, rest) = rows[..count * dim].split_at(directions.normal * dim);
            let (tangent, probes) = rest.split_at(directions.tangent * dim);
            let (off, along) = (spectral_norm(dim, normal), spectral_norm(dim, tangent));
            found.normal[sample] += off;
            found.tangent[sample] += along;
            found.normal_inf[sample] += row_sum_norm(dim, normal);
            found.tangent_inf[sample] += row_sum_norm(dim, tangent);
            found.white_normal[sample] += square(normal) / dt;
            found.white_tangent[sample] += square(tangent) / dt;
            for (sum, probe) in
                self.probes[sample * directions.probes..].iter_mut().zip(probes.chunks_exact(dim))
            {
                *sum += square(probe) / dt;
            }
            if sample < self.curves {
                found.normal_rate[sample * self.grid.steps + back.step] = off / dt;
                found.tangent_rate[sample * self.grid.steps + back.step] = along / dt;
            }
        }
    }

    fn finish(mut self, directions: &Directions, stored_bytes: usize) -> Gains {
        let found = &mut self.found;
        (found.complete, found.stored_bytes) = (directions.complete, stored_bytes);
        if directions.probes > 0 {
            for (sample, values) in self.probes.chunks_exact(directions.probes).enumerate() {
                let count = values.len() as f64;
                let mean = values.iter().sum::<f64>() / count;
                let spread = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
                found.white_normal[sample] = mean;
                found.white_normal_error[sample] = (spread / (count * (count - 1.0))).sqrt();
            }
        }
        self.found
    }
}

fn square(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum()
}
