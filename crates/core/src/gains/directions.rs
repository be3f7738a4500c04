//! The directions at x_τ whose cotangents are carried back: normal, tangent, outward, random probes.

use crate::error::{Error, Result};
use crate::linalg::{axpy, dot};
use crate::random::{Purpose, standard_normal, stream};
use crate::support::Foot;
use crate::sweep::Trail;

/// Below this distance to the support, as a share of the largest coordinate, the direction away from it is rounding.
const ON_SUPPORT: f64 = 1e-12;

/// Rows for every sample of a batch, in the order normal, tangent, probe.
pub(super) struct Directions {
    pub(super) dim: usize,
    /// All normal directions, or the outward one alone.
    pub(super) normal: usize,
    /// Tangent directions.
    pub(super) tangent: usize,
    /// Random normal vectors.
    pub(super) probes: usize,
    /// Whether normal and tangent rows span everything.
    pub(super) complete: bool,
    /// `[n, normal + tangent + probes, D]`
    pub(super) rows: Vec<f64>,
}

impl Directions {
    /// N and T at the feet of the trail's ends; where the feet carry no N (large D), the outward direction instead, and
    /// `probes` standard normal vectors cleared of T.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is not one foot a sample.
    pub(super) fn at(trail: &Trail, feet: &[Foot], full: bool, probes: usize, seed: u64) -> Result<Self> {
        let dim = trail.step().dim();
        check_feet(trail, feet)?;
        let rows_of = |rows: &[f64]| rows.len() / dim;
        let (tangent, kept) = feet.first().map_or((0, 0), |f| (rows_of(&f.tangent), rows_of(&f.normal)));
        let complete = tangent + kept == dim;
        let (normal, probes) = if complete { (kept, 0) } else { (1, probes) };
        let mut rows = Vec::with_capacity(feet.len() * (normal + tangent + probes) * dim);
        for ((foot, x), sample) in feet.iter().zip(trail.end().chunks_exact(dim)).zip(trail.samples()) {
            if complete {
                rows.extend_from_slice(&foot.normal);
            } else {
                rows.extend(outward(x, foot, full).unwrap_or_else(|| random_normal(foot, dim, seed, sample)));
            }
            rows.extend_from_slice(&foot.tangent);
            (0..probes).for_each(|probe| rows.extend(cleared_probe(foot, dim, seed, sample, probe)));
        }
        Ok(Directions { dim, normal, tangent, probes, complete, rows })
    }

    /// Rows of a sample.
    pub(super) fn count(&self) -> usize {
        self.normal + self.tangent + self.probes
    }
}

/// One foot a sample, of the paths' dimension.
pub(super) fn check_feet(trail: &Trail, feet: &[Foot]) -> Result<()> {
    let (n, dim) = (trail.samples().len(), trail.step().dim());
    let same = |f: &Foot| {
        f.point.len() == dim
            && f.tangent.len() == feet[0].tangent.len()
            && f.normal.len() == feet[0].normal.len()
    };
    if feet.len() == n && feet.iter().all(same) {
        return Ok(());
    }
    Err(Error::invalid(
        "measuring gains at the support",
        format!("{n} feet in dimension {dim} with spaces of one dimension"),
        format!("{} feet", feet.len()),
        "Project the ends of the same paths onto one support",
    ))
}

/// The unit direction in which the distance of x to the support (its middle, if it is thick) grows fastest; for d = D
/// (`full`) the outward normal. `None` for a point on a support with d < D: all normal directions lead away alike.
pub(super) fn outward(x: &[f64], foot: &Foot, full: bool) -> Option<Vec<f64>> {
    if full {
        return Some(foot.normal.clone());
    }
    let away: Vec<f64> = x.iter().zip(&foot.point).map(|(x, p)| x - p).collect();
    let largest = |values: &[f64]| values.iter().fold(0.0_f64, |largest, v| largest.max(v.abs()));
    let scale = largest(&away);
    if scale <= ON_SUPPORT * largest(x).max(largest(&foot.point)) {
        return None;
    }
    let scaled: Vec<f64> = away.iter().map(|v| v / scale).collect();
    let length = dot(&scaled, &scaled).sqrt();
    Some(scaled.into_iter().map(|v| v / length).collect())
}

/// A standard normal vector cleared of the tangent space: E ‖M z‖² is the sum over all normal directions.
fn cleared_probe(foot: &Foot, dim: usize, seed: u64, sample: usize, probe: usize) -> Vec<f64> {
    let mut rng = stream(seed, sample as u64, Purpose::NormalProbe);
    rng.set_stream(probe as u64);
    let mut z = vec![0.0; dim];
    standard_normal(&mut rng, &mut z);
    for _ in 0..2 {
        for row in foot.tangent.chunks_exact(dim) {
            let part = dot(row, &z);
            axpy(&mut z, -part, row);
        }
    }
    z
}

/// A unit normal direction drawn at random.
pub(super) fn random_normal(foot: &Foot, dim: usize, seed: u64, sample: usize) -> Vec<f64> {
    let z = cleared_probe(foot, dim, seed, sample, 0);
    let length = dot(&z, &z).sqrt();
    z.into_iter().map(|v| v / length).collect()
}
