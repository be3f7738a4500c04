//! Small clouds of points in the plane or in space, sorted so that far blocks can be left out.

use super::lanes::{Instructions, Lanes, Task, dispatch};
use super::nodes::{Look, Moments, Nodes, TOGETHER};
use super::posterior::{Conditional, Cumulants, Posterior};

/// Weighted points of R^D, D small, in blocks of neighbours.
///
/// Blocks that weigh less than `tolerance` beside the others are left out, see this folder's `nodes`.
#[derive(Debug, Clone)]
pub struct Cloud<const D: usize> {
    nodes: Nodes<D>,
}

impl<const D: usize> Cloud<D> {
    /// Of one point or more, with positive weights.
    pub fn new(points: &[[f64; D]], weights: &[f64], tolerance: f64) -> Self {
        let mut order: Vec<usize> = (0..points.len()).collect();
        sort(points, &mut order);
        let points: Vec<[f64; D]> = order.iter().map(|j| points[*j]).collect();
        let weights: Vec<f64> = order.iter().map(|j| weights[*j]).collect();
        Cloud { nodes: Nodes::new(&points, &weights, tolerance) }
    }
}

/// Halves along the widest coordinate, at a multiple of eight, until a block is left.
fn sort<const D: usize>(points: &[[f64; D]], order: &mut [usize]) {
    if order.len() <= 8 {
        return;
    }
    let width = |i: usize| {
        let values = || order.iter().map(|j| points[*j][i]);
        values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min)
    };
    let widest = (0..D).max_by(|a, b| width(*a).total_cmp(&width(*b))).unwrap_or(0);
    let middle = (order.len() / 2).next_multiple_of(8).min(order.len() - 1);
    order.select_nth_unstable_by(middle, |a, b| points[*a][widest].total_cmp(&points[*b][widest]));
    let (low, high) = order.split_at_mut(middle);
    sort(points, low);
    sort(points, high);
}

/// The conditional moments of a batch.
struct Batch<'a, M, const D: usize> {
    nodes: &'a Nodes<D>,
    variance: f64,
    xi: &'a [[f64; D]],
    out: &'a mut [M],
}

impl<M: Moments<D>, const D: usize> Task for Batch<'_, M, D> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let mut look = Look::default();
        for (xi, out) in self.xi.chunks(TOGETHER).zip(self.out.chunks_mut(TOGETHER)) {
            look.clear();
            let mut choices = [None; TOGETHER];
            for (xi, choice) in xi.iter().zip(&mut choices) {
                let near = self.nodes.nearest::<L>(xi, &mut look);
                *choice = Some(self.nodes.choose::<L>(self.variance, xi, &near, &mut look));
            }
            for ((xi, out), choice) in xi.iter().zip(out).zip(choices.iter().flatten()) {
                *out = M::sum::<L>(self.nodes, self.variance, xi, choice, &mut look);
            }
        }
    }
}

impl<const D: usize> Posterior<D> for Cloud<D> {
    fn condition(&self, variance: f64, xi: &[[f64; D]], out: &mut [Conditional<D>]) {
        dispatch(Batch { nodes: &self.nodes, variance, xi, out }, Instructions::best());
    }

    fn cumulants(&self, variance: f64, xi: &[[f64; D]], out: &mut [Cumulants<D>]) {
        dispatch(Batch { nodes: &self.nodes, variance, xi, out }, Instructions::best());
    }
}
