//! How far quadrature on a path can be from the integral: a proven bound.
//!
//! The posterior of X_0 = γ(t) given ξ has density f(t) = exp(−(|ξ − γ(t)|² − δ²)/2V), δ the distance of ξ
//! from the path. For complex t the square is that of the real scalar product, so with γ = u + iv
//!
//! ```text
//! |f(t)| = exp((δ² − |ξ − u|² + |v|²)/2V) ≤ exp((|v|² + δ² − (δ − e)²)/2V)
//! ```
//!
//! where e is the distance of u from the path: |ξ − u| ≥ |δ − e|. On a horizontal line Im t = b, |v| ≤ lift(b) and
//! e ≤ bend(b) ([`Path::lift_bound`], [`Path::bend_bound`]); where only e ≤ E is known, δ² − (δ − E)₊² bounds the
//! last terms. For lines far from the real one, where the curve's parts go apart, |v| and e are taken at points of
//! the line ([`Lines`]), widened by what they can change to the next point.
//!
//! *Closed path, N equally spaced nodes.* f is periodic and entire, so the mean over the nodes differs from the
//! mean over t by at most 2M/(e^{bN} − 1), M the largest |f| on |Im t| = b, for every b > 0.
//!
//! *Open path, Gauss–Legendre panels of p nodes.* On a panel of half width l, f is analytic in the ellipse
//! with foci at the panel's ends and semi-axes l(ρ ± 1/ρ)/2. Its Chebyshev coefficients are at most 2Mρ^{−k};
//! the rule is exact up to degree 2p − 1, and on T_k with k ≥ 2p even it errs by at most 2 + 2/(4p² − 1)
//! (odd k: not at all). So the mean over the panel errs by at most (32/15) M ρ^{−2p}/(1 − ρ^{−2}).
//! There b ≤ l(ρ − 1/ρ)/2; the ellipse sticks out of the panel by l((ρ + 1/ρ)/2 − 1), which stays on the path
//! except at a panel that touches an end, where e grows by that length times the speed.
//!
//! *Relative to the whole.* Let W be the mean of f over t. At a parameter s away from the nearest one,
//! |ξ − γ| ≤ δ + speed · s, so W ≥ (1/T) ∫₀^{T/2} exp(−((δ + speed · s)² − δ²)/2V) ds, T the length of the parameter
//! range, and twice that on a closed path. The integrand falls, so a sum of its values at the right ends of
//! equal pieces is less. The same
//! bounds hold for the integrands (γ − x̄)f and (γ − x̄)(γ − x̄)ᵀf with factors q and q², where
//! q = sup |γ − x̄| weighted by f: since r ↦ e^{−r²/2V}(r + c)² falls beyond r = √(2V),
//! q ≤ max(δ, √(2V)) + lift + |ξ − x̄|, and |ξ − x̄| ≤ √(δ² + 2V ln(1/W)) as a relative entropy is not negative.
//! Hence q ≤ c (δ + √V) with c = max(2, √2 + lift/√V + √(2 ln(1/W))). With ε the error of the mean of f
//! relative to W, the mean is wrong by at most 2εq, the covariance by 4εq², if ε ≤ 1/8. We ask for
//! 4 ε c max(1, 2c/κ) ≤ tolerance (κ = [`COARSER`]), twice what that needs, so that any two rules that pass agree within
//! the tolerance too: |Δx̄| ≤ tolerance (δ + √V), |ΔCov| ≤ κ tolerance (δ + √V)².

use super::nodes::COARSER;
use super::path::Path;

/// Nodes of a Gauss–Legendre panel.
pub(super) const PANEL: usize = 16;

/// Lines Im t = b on which a closed path's continuation was measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
}

/// One line.
#[derive(Debug, Clone)]
struct Line {
    /// b
    height: f64,
    /// Largest |v|.
    lift: f64,
    samples: Vec<Sample>,
}

/// Bounds on a piece of a line.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// |v|² at most.
    lift_square: f64,
    /// e, the distance of u from the path, at least.
    nearest: f64,
    /// e at most.
    farthest: f64,
}

/// Bounds on a line at one distance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Growth {
    /// b
    height: f64,
    /// Bound of |v|.
    lift: f64,
    /// Bound of |v|² + δ² − (δ − e)².
    growth: f64,
}

/// Pieces of a line.
const SAMPLES: usize = 1024;
/// Points that stand for the path itself.
const POINTS: usize = 512;
/// Lines from 0.05 on, in steps of 2^{1/4}.
const LINES: i32 = 24;

impl Lines {
    /// Measures a closed path; an open one has no lines.
    pub(super) fn new<const D: usize>(path: &impl Path<D>) -> Self {
        if !path.is_closed() {
            return Lines::default();
        }
        let [from, to] = path.range();
        let step = (to - from) / SAMPLES as f64;
        let reach = from.abs().max(to.abs());
        let spacing = (to - from) / POINTS as f64;
        let points: Vec<[f64; D]> = (0..POINTS).map(|j| path.point(from + spacing * j as f64)).collect();
        let gap = 0.5 * spacing * path.speed_bound(reach);
        let line = |height: f64| {
            let slack = 0.5 * step * path.line_speed_bound(height, reach);
            let sample = |j: usize| {
                let at = path.continued(from + step * (j as f64 + 0.5), height);
                let lift = at.imaginary.iter().map(|v| v * v).sum::<f64>().sqrt() + slack;
                let square =
                    |p: &[f64; D]| -> f64 { p.iter().zip(&at.real).map(|(p, u)| (p - u) * (p - u)).sum() };
                let distance = points.iter().map(square).fold(f64::INFINITY, f64::min).sqrt();
                let nearest = (distance - gap - slack).max(0.0);
                Sample { lift_square: lift * lift, nearest, farthest: distance + slack }
            };
            let samples: Vec<Sample> = (0..SAMPLES).map(sample).collect();
            let lift = samples.iter().map(|s| s.lift_square).fold(0.0, f64::max).sqrt();
            Line { height, lift, samples }
        };
        Lines { lines: (0..LINES).map(|i| line(0.05 * (0.25 * f64::from(i)).exp2())).collect() }
    }

    /// What every line says at a distance δ from the path.
    pub(super) fn measured(&self, distance: f64) -> Vec<Growth> {
        let of = |line: &Line| Growth { height: line.height, lift: line.lift, growth: line.growth(distance) };
        self.lines.iter().map(of).collect()
    }
}

impl Line {
    /// Bound of |v|² + δ² − (δ − e)².
    fn growth(&self, distance: f64) -> f64 {
        let of = |sample: &Sample| {
            let e = distance.clamp(sample.nearest, sample.farthest);
            sample.lift_square + e * (2.0 * distance - e)
        };
        self.samples.iter().map(of).fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Lower bound of ∫ exp(−((δ + r)² − δ²)/2V) dr from 0 to `length`.
fn falling_mass(variance: f64, distance: f64, length: f64) -> f64 {
    const PIECES: i32 = 32;
    /// Exponent beyond which nothing is counted.
    const FAR: f64 = 8.0;
    let square = distance * distance + 2.0 * FAR * variance;
    let reach = (2.0 * FAR * variance / (square.sqrt() + distance)).min(length);
    let width = reach / f64::from(PIECES);
    let value = |r: f64| (-r * (2.0 * distance + r) / (2.0 * variance)).exp();
    (1..=PIECES).map(|j| width * value(width * f64::from(j))).sum()
}

/// The posterior for which a bound is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    /// V, in the data's own units.
    variance: f64,
    /// δ or more.
    distance: f64,
    /// Lower bound of W.
    mass: f64,
}

impl Setting {
    /// A noise variance and the distance from paths of equal mass.
    pub(super) fn new<P: Path<D>, const D: usize>(paths: &[P], variance: f64, distance: f64) -> Self {
        let share = |path: &P| {
            let [from, to] = path.range();
            let speed = path.speed_bound(from.abs().max(to.abs()));
            let sides = if path.is_closed() { 2.0 } else { 1.0 };
            let arc = falling_mass(variance, distance, 0.5 * (to - from) * speed);
            sides * arc / (speed * (to - from))
        };
        let least = paths.iter().map(share).fold(f64::INFINITY, f64::min);
        Setting { variance, distance, mass: least / paths.len() as f64 }
    }

    /// Bound of ln(4 ε c max(1, 2c/κ)), given ln of the rule's error bound without M, the lift, and the bound of
    /// |v|² + δ² − (δ − e)².
    fn assemble(&self, log_rule: f64, lift: f64, growth: f64) -> f64 {
        let spread = 2f64.sqrt() + lift / self.variance.sqrt() + (-2.0 * self.mass.ln()).sqrt();
        let c = spread.max(2.0);
        let moments = 4.0 * c * (2.0 * c / COARSER).max(1.0);
        log_rule + growth / (2.0 * self.variance) - self.mass.ln() + moments.ln()
    }

    /// Bound of |v|² + δ² − (δ − e)² from |v| ≤ lift and e ≤ bend.
    fn growth(&self, lift: f64, bend: f64) -> f64 {
        let nearer = (self.distance - bend).max(0.0);
        lift * lift + (self.distance - nearer) * (self.distance + nearer)
    }

    /// ln(4 ε c max(1, 2c/κ)) for `count` equally spaced nodes on a closed path, whose lines were measured at δ.
    pub(super) fn closed<const D: usize>(&self, path: &impl Path<D>, lines: &[Growth], count: usize) -> f64 {
        let [from, to] = path.range();
        // The parameter's period may not be 2π.
        let n = count as f64 * std::f64::consts::TAU / (to - from);
        let reach = from.abs().max(to.abs());
        let rule = |b: f64| std::f64::consts::LN_2 - b * n - (-(-b * n).exp()).ln_1p();
        // On a straight line b = n V/speed² would be best.
        let best = (n * self.variance / path.speed_bound(reach).powi(2)).min(40.0);
        let near = (-2..24).map(|i| best * 0.5f64.powf(0.5 * f64::from(i))).map(|b| {
            let lift = path.lift_bound(b, reach);
            self.assemble(rule(b), lift, self.growth(lift, path.bend_bound(b, reach)))
        });
        let far = lines.iter().map(|line| self.assemble(rule(line.height), line.lift, line.growth));
        near.chain(far).fold(f64::INFINITY, f64::min)
    }

    /// ln(4 ε c max(1, 2c/κ)) for Gauss–Legendre panels of a half width in the parameter, inside the path or at its ends.
    pub(super) fn panel<const D: usize>(&self, path: &impl Path<D>, half_width: f64, at_end: bool) -> f64 {
        let [from, to] = path.range();
        let at = |rho: f64| {
            let log_rule = (32f64 / 15.0).ln() - 2.0 * PANEL as f64 * rho.ln() - (1.0 - rho.powi(-2)).ln();
            let b = 0.5 * half_width * (rho - 1.0 / rho);
            let out = half_width * (0.5 * (rho + 1.0 / rho) - 1.0);
            let reach = from.abs().max(to.abs()) + out;
            let beyond = if at_end { out * path.speed_bound(reach) } else { 0.0 };
            let lift = path.lift_bound(b, reach);
            self.assemble(log_rule, lift, self.growth(lift, path.bend_bound(b, reach) + beyond))
        };
        // ρ ≤ 5.8 keeps the ellipse of a panel inside its neighbours, which are at least half as wide.
        (0..20).map(|i| at(1.3 + 4.5 * f64::from(i) / 19.0)).fold(f64::INFINITY, f64::min)
    }
}
