//! A support that is known by its constraint c(x) = 0 (theory §5).

mod function;
mod landed;
mod local;
mod nearest;

pub use landed::Landed;

use self::function::Function;
use self::local::Local;
use self::nearest::{Found, Search};
use super::check::{finite, outline_count};
use super::frame::{distance, extend_basis, norm, normal_complement};
use super::{Flaw, Foot, NORMAL_LIMIT, Support};
use crate::error::{Error, Result};
use crate::random::{Purpose, standard_normal, stream};
use rayon::prelude::*;
use surefoot_graph::Graph;

/// The zeros of a differentiable function c: R^D → R^m, for example the states with a given energy.
///
/// The foot of x is a critical point of the distance to x along c = 0: Gauss–Newton steps lead from x onto the
/// constraint, Newton steps along it, and both are halved until they gain. Some points of the constraint are known from the
/// start (the anchors: reference points brought onto it, or where standard normal points land); where one of them is nearer
/// than the foot found from x, the search is repeated from it, so that the foot is never further away than any anchor.
/// T and N come from the singular vectors of dc at the foot, with rows scaled to unit length; d is D minus the largest
/// rank that dc has at the anchors. A foot that is not what it should be says so in [`Foot::flaw`].
pub struct Constraint {
    function: Function,
    rank: usize,
    /// Points of the constraint; at least one.
    anchors: Vec<Local>,
    /// Median lengths of the gradients at the anchors, `[m]`.
    gradients: Vec<f64>,
    /// Median distance of the anchors from the origin.
    size: f64,
}

impl Constraint {
    /// Most dimensions: the tangent space of every foot has d × D numbers.
    pub const MOST_DIMENSIONS: usize = 1024;
    /// Most reference points that become anchors, evenly spread over the reference.
    pub const MOST_ANCHORS: usize = 4096;
    /// Standard normal points that become anchors where there is no reference.
    const PROBES: usize = 256;

    /// From a graph with one input x `[batch, …]` and one output c `[batch, …]`, both of any name, and points
    /// `reference[n, D]` of the support, which may be empty.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another interface, a reference of another dimension, a constraint that no point could be
    /// brought onto, or one that only touches zero; [`Error::Graph`] for one that cannot be differentiated.
    pub fn new(graph: &Graph, reference: &[f64]) -> Result<Constraint> {
        let function = Function::new(graph)?;
        let dim = function.dim();
        if dim > Constraint::MOST_DIMENSIONS {
            let expected = format!("at most {} dimensions", Constraint::MOST_DIMENSIONS);
            return Err(unfit(expected, dim.to_string(), "Give the support as a reference sample instead"));
        }
        finite("constraint", "reference", reference)?;
        if !reference.len().is_multiple_of(dim) {
            let got = format!("{} numbers in all", reference.len());
            return Err(unfit(format!("reference points of {dim} numbers"), got, "Take another reference"));
        }
        let unmet = || {
            unfit(
                "points with c(x) = 0 where c changes sign, reached by gradients that do not vanish".into(),
                "none".into(),
                "Check the sign and the level of c, make it cross zero (|x|² − 1, not (|x|² − 1)²), and give \
                 points of the support as `reference`",
            )
        };
        let starts = if reference.is_empty() { scattered(dim) } else { thinned(dim, reference) };
        let mut found: Vec<Local> = starts.par_chunks_exact(dim).filter_map(|x| onto(&function, x)).collect();
        let rank = found.iter().map(|local| local.rank).max().unwrap_or(0);
        if rank == 0 {
            return Err(unmet());
        }
        found.retain(|local| local.rank == rank);
        let of_anchors = |length: &dyn Fn(&Local) -> f64| median(found.iter().map(length).collect());
        let gradients = (0..function.count()).map(|i| of_anchors(&|local| local.gradients[i])).collect();
        let size = of_anchors(&|local| norm(&local.point));
        Ok(Constraint { function, rank, anchors: found, gradients, size })
    }

    /// The anchor nearest to x and its distance.
    fn nearest_anchor(&self, x: &[f64]) -> (&Local, f64) {
        // ½‖a‖² − x·a orders as ‖x − a‖ does, also where x is so far away that all distances are one number.
        let order = |a: &Local| x.iter().zip(&a.point).map(|(x, a)| a * (0.5 * a - x)).sum::<f64>();
        let mut nearest = (&self.anchors[0], order(&self.anchors[0]));
        for anchor in &self.anchors[1..] {
            let place = order(anchor);
            if place < nearest.1 {
                nearest = (anchor, place);
            }
        }
        (nearest.0, distance(x, &nearest.0.point))
    }

    /// The best point found from x and, where it is nearer, from an anchor.
    fn search(&self, x: &[f64]) -> Found {
        let search = Search { function: &self.function, x, typical: &self.gradients, size: self.size };
        let own = search.from(x);
        let (anchor, away) = self.nearest_anchor(x);
        match own {
            Some(own) if own.distance <= away => own,
            own => {
                let other = search.along(anchor.clone());
                own.filter(|own| own.distance <= other.distance).unwrap_or(other)
            }
        }
    }

    fn foot(&self, Found { local, distance, gradient, converged }: Found) -> Foot {
        let dim = self.dim();
        let mut normal = local.normal;
        normal.truncate(self.rank * dim);
        let flaw = match local.rank < self.rank {
            true => Some(Flaw::Singular { rank: local.rank }),
            false => (!converged).then_some(Flaw::NotNearest { gradient }),
        };
        extend_basis(dim, &mut normal, self.rank);
        let tangent = normal_complement(dim, &normal);
        if dim > NORMAL_LIMIT {
            normal.clear();
        }
        Foot { point: local.point, distance, middle_distance: distance, tangent, normal, component: 0, flaw }
    }
}

impl Support for Constraint {
    fn dim(&self) -> usize {
        self.function.dim()
    }

    fn intrinsic_dim(&self) -> usize {
        self.dim() - self.rank
    }

    fn project(&self, x: &[f64]) -> Foot {
        self.foot(self.search(x))
    }

    fn project_batch(&self, x: &[f64]) -> Vec<Foot> {
        x.par_chunks_exact(self.dim()).map(|row| self.project(row)).collect()
    }

    fn may_fail(&self) -> bool {
        true
    }

    /// Single points: the anchors, evenly spread.
    fn outline(&self, count: usize) -> Vec<Vec<f64>> {
        let step = self.anchors.len().div_ceil(outline_count(count));
        self.anchors.iter().step_by(step).map(|anchor| anchor.point.clone()).collect()
    }
}

/// The constraint where a start leads to, if c crosses zero there.
fn onto(function: &Function, start: &[f64]) -> Option<Local> {
    let unknown = vec![0.0; function.count()];
    let local = Search { function, x: start, typical: &unknown, size: norm(start) }.onto(start)?;
    // A little off a zero that c only touches, its gradient is far longer than on it.
    let off = local.normal.chunks_exact(start.len()).next()?;
    let size = 1e-3 * (norm(&local.point) + distance(start, &local.point));
    let beside: Vec<f64> = local.point.iter().zip(off).map(|(p, n)| p + size * n).collect();
    let beside = function.linearised(&beside)?.jacobian;
    let lengths = beside.chunks_exact(start.len()).map(norm);
    let crossing = local.gradients.iter().zip(lengths).any(|(on, off)| *on > 1e-2 * off && *on > 0.0);
    crossing.then_some(local)
}

/// Standard normal points, always the same.
fn scattered(dim: usize) -> Vec<f64> {
    let mut points = vec![0.0; Constraint::PROBES * dim];
    standard_normal(&mut stream(0, 0, Purpose::Reference), &mut points);
    points
}

/// At most [`Constraint::MOST_ANCHORS`] rows, evenly spread.
fn thinned(dim: usize, points: &[f64]) -> Vec<f64> {
    let step = (points.len() / dim).div_ceil(Constraint::MOST_ANCHORS);
    points.chunks_exact(dim).step_by(step).flatten().copied().collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

fn unfit(expected: String, got: String, remedy: &str) -> Error {
    Error::invalid("constraint c(x) = 0", expected, got, remedy)
}
