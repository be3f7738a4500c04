//! Whether a path meets the sufficient condition, from when on, and what breaks it (CdC Theorem 4.3, Remark 4.5).

use super::{LARGEST, Quantities};

/// Cross derivatives count as about 0 up to this share of the block norms.
pub const CROSS_RATIO: f64 = 0.1;
/// Curvature up to this is taken for none.
const STRAIGHT: f64 = 1e-9;

/// The clauses that are asked of every step from t* on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clause {
    /// (i) the products of stretches grow at least as (1 + δ)^{τ−n}.
    Stretch,
    /// (ii) the curvature is at most δ^{1/(τ−n)}.
    Curvature,
    /// (i) and (ii) can each be met, but by no δ in common.
    Delta,
    /// (iii) cross derivatives are about 0.
    Cross,
}

/// Which stretch clause (i) is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    /// Π ‖R_j‖, as the theorem states.
    Stated,
    /// ‖(R_{τ−1}⋯R_n)^{-1}‖^{-1}, as its proof needs.
    Proved,
}

/// One number a clause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerClause<T> {
    /// For (i).
    pub stretch: T,
    /// For (ii).
    pub curvature: T,
    /// For (iii).
    pub cross: T,
}

/// The condition on one path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Earliest t* for which some δ meets all clauses at every n ≥ t*; `None` if there is none below τ.
    pub t_star: Option<usize>,
    /// The largest such δ at t*.
    pub delta: Option<f64>,
    /// The clause that breaks at the step before t*, the first by number of several; `None` if the condition holds from
    /// the start.
    pub first_failing: Option<Clause>,
    /// Every clause that breaks by itself at that step.
    pub broken: PerClause<bool>,
    /// At that step (or at 0): mean log stretch a step to the end in nats, 1 − curvature, `CROSS_RATIO` − cross ratio.
    /// Positive where the clause can hold.
    pub margin: PerClause<f64>,
    /// Earliest step from which each clause holds by itself for some δ in (0, 1); τ if it does not hold at the last step.
    pub from: PerClause<usize>,
    /// Σ log R_ii < 0: the generation loses volume.
    pub compressive: bool,
    /// α_n > 1 at every step (Remark 4.5).
    pub all_stretching: bool,
    /// α_n < 1 at every step: (i) fails for every δ, as for all uniformly contracting models.
    pub all_contracting: bool,
    /// Earliest step from which the curvature vanishes (Remark 4.5); τ if it does not at the last step.
    pub straight_from: usize,
}

/// From when on the condition holds.
struct Window {
    t_star: Option<usize>,
    delta: Option<f64>,
    first_failing: Option<Clause>,
    broken: PerClause<bool>,
}

/// The clauses at one step.
struct Margins {
    stretch: f64,
    curvature: f64,
    ratio: f64,
}

/// Judges one path.
///
/// # Panics
/// If there is no such sample.
pub fn judge(quantities: &Quantities, sample: usize, stretch: Stretch) -> Judgement {
    let steps = quantities.steps;
    let own = sample * steps..(sample + 1) * steps;
    let alphas = &quantities.stretch[own.clone()];
    let curvature = &quantities.curvature[own];
    let margins = margins(quantities, sample, stretch);
    let from =
        |holds: &dyn Fn(usize) -> bool| (0..steps).rev().take_while(|n| holds(*n)).last().unwrap_or(steps);
    let Window { t_star, delta, first_failing, broken } = window(&margins);
    let at = &margins[first_failing.map_or(0, |_| t_star.unwrap_or(steps) - 1)];
    Judgement {
        t_star,
        delta,
        first_failing,
        broken,
        margin: PerClause {
            stretch: at.stretch,
            curvature: 1.0 - at.curvature,
            cross: CROSS_RATIO - at.ratio,
        },
        from: PerClause {
            stretch: from(&|n| margins[n].stretch > 0.0),
            curvature: from(&|n| margins[n].curvature < 1.0),
            cross: from(&|n| margins[n].ratio <= CROSS_RATIO),
        },
        compressive: quantities.log_volume[sample] < 0.0,
        all_stretching: alphas.iter().all(|a| *a > 1.0),
        all_contracting: alphas.iter().all(|a| *a < 1.0),
        straight_from: from(&|n| curvature[n] <= STRAIGHT),
    }
}

impl Quantities {
    /// The larger cross derivative over the block norms, step n of a sample; 0 where nothing moves at all.
    pub fn cross_ratio(&self, sample: usize, n: usize) -> f64 {
        let at = sample * self.steps + n;
        let cross = self.cross_out[at].max(self.cross_in[at]);
        if cross == 0.0 { 0.0 } else { (cross / self.block[at]).min(LARGEST) }
    }
}

fn margins(quantities: &Quantities, sample: usize, stretch: Stretch) -> Vec<Margins> {
    let steps = quantities.steps;
    let at = |n: usize| sample * steps + n;
    let mut log = 0.0;
    let mut margins: Vec<Margins> = Vec::with_capacity(steps);
    for n in (0..steps).rev() {
        log += quantities.stretch[at(n)].ln();
        let product = match stretch {
            Stretch::Stated => log,
            Stretch::Proved => quantities.log_least_stretch[at(n)],
        };
        margins.push(Margins {
            stretch: product / (steps - n) as f64,
            curvature: quantities.curvature[at(n)],
            ratio: quantities.cross_ratio(sample, n),
        });
    }
    margins.reverse();
    margins
}

/// Goes back from the last step while some δ in (0, 1) meets all clauses: δ ≤ exp(mean log stretch) − 1 by (i) and
/// δ ≥ curvature^{τ−n} by (ii), at every step so far.
fn window(margins: &[Margins]) -> Window {
    let steps = margins.len();
    let (mut least, mut most): (f64, f64) = (0.0, 1.0);
    for (n, at) in margins.iter().enumerate().rev() {
        let upper = most.min(at.stretch.exp_m1());
        let lower = least.max(at.curvature.powf((steps - n) as f64));
        let broken =
            PerClause { stretch: upper <= 0.0, curvature: lower >= 1.0, cross: at.ratio > CROSS_RATIO };
        let first_failing = if broken.stretch {
            Some(Clause::Stretch)
        } else if broken.curvature {
            Some(Clause::Curvature)
        } else if broken.cross {
            Some(Clause::Cross)
        } else if lower > upper {
            Some(Clause::Delta)
        } else {
            None
        };
        if first_failing.is_some() {
            let t_star = (n + 1 < steps).then_some(n + 1);
            return Window { t_star, delta: t_star.map(|_| most), first_failing, broken };
        }
        (least, most) = (lower, upper);
    }
    let broken = PerClause { stretch: false, curvature: false, cross: false };
    Window { t_star: Some(0), delta: Some(most), first_failing: None, broken }
}
