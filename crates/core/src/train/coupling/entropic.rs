//! Entropic optimal transport between two uniform samples: the plan P with marginals 1/n that minimises
//! Σ P_ij C_ij + reg Σ P_ij log P_ij, by Sinkhorn's iteration (M. Cuturi, NeurIPS 2013).
//!
//! P_ij = a_i K_ij b_j with K_ij = exp((f_i + g_j − C_ij)/reg). The potentials f and g take in the scalings whenever
//! these grow beyond bounds (B. Schmitzer, *Stabilized sparse scaling algorithms*, SIAM J. Sci. Comput. 41 (2019)),
//! which makes it an iteration of log a and log b at the price of a product with a matrix. They start at the prices of
//! the exact assignment: then K ≤ 1 with a 1 in every row and column, so nothing underflows however small reg is.

use super::assignment::Assignment;
use super::cost::{Costs, WIDTH};
use crate::error::{Error, Result};
use crate::field::lanes::{Instructions, Lanes, Task, dispatch};
use crate::random::Stream;
use rand::RngExt;

/// How an entropic plan is found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entropic {
    /// reg > 0, in the units of the cost. The Schrödinger bridge of noise σ has 2σ² (Tong et al. 2024).
    pub reg: f64,
    /// Stop when Σ_j |Σ_i P_ij − 1/n| is at most this; the rows' sums are 1/n to rounding.
    pub tolerance: f64,
    /// Iterations at most.
    pub iterations: usize,
}

impl Entropic {
    /// Tolerance 1e-6, 2,000 iterations.
    pub fn new(reg: f64) -> Entropic {
        Entropic { reg, tolerance: 1e-6, iterations: 2000 }
    }
}

/// A coupling of two uniform samples of n points.
#[derive(Debug, Clone)]
pub struct Plan {
    n: usize,
    kernel: Vec<[f64; WIDTH]>,
    a: Vec<f64>,
    b: Vec<[f64; WIDTH]>,
    /// Σ_j |Σ_i P_ij − 1/n|: above the tolerance if the iterations did not suffice.
    pub defect: f64,
    /// Iterations taken.
    pub iterations: usize,
}

/// The smallest reg, as a share of the mean cost, for which (f + g − C)/reg is more than rounding.
const SMALLEST_SHARE: f64 = 1e-10;
/// Scalings outside are taken into the potentials.
const SCALINGS: std::ops::Range<f64> = 1e-100..1e100;

impl Plan {
    /// Solves for the plan; deterministic, one thread.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a reg that is not positive or is lost in the rounding of the costs, a tolerance that is
    /// not positive, or no iterations.
    pub fn solve(costs: &Costs, settings: Entropic) -> Result<Plan> {
        settings.check(costs)?;
        let Assignment { rows, columns, .. } = Assignment::solve(costs);
        let (n, stride) = (costs.n, costs.stride());
        let mut b = vec![[0.0; WIDTH]; stride];
        b.as_flattened_mut()[..n].fill(1.0);
        let mut g = vec![[0.0; WIDTH]; stride];
        g.as_flattened_mut()[..n].copy_from_slice(&columns);
        let mut plan = Plan {
            n,
            kernel: costs.blocks.clone(),
            a: vec![1.0; n],
            b,
            defect: f64::INFINITY,
            iterations: 0,
        };
        dispatch(Iteration { costs, settings, f: rows, g, plan: &mut plan }, Instructions::best());
        Ok(plan)
    }

    /// P_ij.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.a[i] * self.row(i)[j / WIDTH][j % WIDTH] * self.b[j / WIDTH][j % WIDTH]
    }

    /// A data point for every source, drawn from P_i·: the pairs have the law P, and every source occurs once, which
    /// varies less than n independent draws of pairs.
    pub fn sample(&self, rng: &mut Stream) -> Vec<usize> {
        (0..self.n).map(|i| self.draw(i, rng.random())).collect()
    }

    /// The column at which the cumulated row i reaches the share `level` of its sum.
    fn draw(&self, i: usize, level: f64) -> usize {
        let weights =
            || self.row(i).as_flattened()[..self.n].iter().zip(self.b.as_flattened()).map(|(k, b)| k * b);
        let mut left = level * weights().sum::<f64>();
        let reached = |weight: f64| {
            left -= weight;
            left < 0.0
        };
        weights().position(reached).unwrap_or_else(|| self.likeliest(i))
    }

    /// Where rounding leaves nothing of a row.
    fn likeliest(&self, i: usize) -> usize {
        (0..self.n).max_by(|j, k| self.at(i, *j).total_cmp(&self.at(i, *k))).unwrap_or(0)
    }

    fn row(&self, i: usize) -> &[[f64; WIDTH]] {
        let stride = self.b.len();
        &self.kernel[i * stride..][..stride]
    }
}

impl Entropic {
    fn check(&self, costs: &Costs) -> Result<()> {
        let least = SMALLEST_SHARE * costs.mean_magnitude();
        if !(self.reg > least && self.reg.is_finite()) {
            return Err(Error::invalid(
                "setting up entropic transport",
                format!("a finite regularisation above {least:e}, for these costs"),
                self.reg.to_string(),
                "Use the exact coupling instead, or a larger σ",
            ));
        }
        if self.tolerance > 0.0 && self.iterations > 0 {
            return Ok(());
        }
        Err(Error::invalid(
            "setting up entropic transport",
            "a positive tolerance and at least one iteration",
            format!("tolerance {} and {} iterations", self.tolerance, self.iterations),
            "Leave them out for 1e-6 and 2000",
        ))
    }
}

struct Iteration<'a> {
    costs: &'a Costs,
    settings: Entropic,
    f: Vec<f64>,
    g: Vec<[f64; WIDTH]>,
    plan: &'a mut Plan,
}

impl Task for Iteration<'_> {
    #[inline(always)]
    fn run<L: Lanes>(mut self) {
        self.fill_kernel::<L>();
        let share = 1.0 / self.plan.n as f64;
        let mut columns = vec![[0.0; WIDTH]; self.plan.b.len()];
        loop {
            self.scale_rows::<L>(share, &mut columns);
            let plan = &mut *self.plan;
            let sums = columns.as_flattened()[..plan.n].iter().zip(plan.b.as_flattened_mut());
            plan.defect = sums.map(|(sum, b)| (sum * *b - share).abs()).sum();
            plan.iterations += 1;
            if plan.defect <= self.settings.tolerance || plan.iterations == self.settings.iterations {
                return;
            }
            let sums = columns.as_flattened()[..plan.n].iter().zip(plan.b.as_flattened_mut());
            sums.for_each(|(sum, b)| *b = share / sum);
            self.absorb::<L>();
        }
    }
}

impl Iteration<'_> {
    /// K from the potentials.
    #[inline(always)]
    fn fill_kernel<L: Lanes>(&mut self) {
        let (stride, rate) = (self.g.len(), L::splat(1.0 / self.settings.reg));
        for (i, row) in self.plan.kernel.chunks_mut(stride).enumerate() {
            let f = L::splat(self.f[i]);
            for ((k, cost), g) in row.iter_mut().zip(self.costs.row(i)).zip(&self.g) {
                f.add(L::load(g)).sub(L::load(cost)).mul(rate).exp().store(k);
            }
        }
    }

    /// a = share / K b, and the column sums Kᵀ a of the plan before they are scaled by b.
    #[inline(always)]
    fn scale_rows<L: Lanes>(&mut self, share: f64, columns: &mut [[f64; WIDTH]]) {
        columns.fill([0.0; WIDTH]);
        let Plan { kernel, a, b, .. } = &mut *self.plan;
        for (row, a) in kernel.chunks(b.len()).zip(a) {
            *a = share / dot::<L>(row, b);
            let factor = L::splat(*a);
            for (sum, k) in columns.iter_mut().zip(row) {
                L::load(k).mul_add(factor, L::load(sum)).store(sum);
            }
        }
    }

    /// Takes scalings that have grown beyond bounds into the potentials.
    #[inline(always)]
    fn absorb<L: Lanes>(&mut self) {
        let Plan { n, a, b, .. } = &mut *self.plan;
        let b = &mut b.as_flattened_mut()[..*n];
        if a.iter().chain(&*b).all(|scaling| SCALINGS.contains(scaling)) {
            return;
        }
        let reg = self.settings.reg;
        let take = |(potential, scaling): (&mut f64, &mut f64)| {
            *potential += reg * scaling.ln();
            *scaling = 1.0;
        };
        self.f.iter_mut().zip(a).for_each(take);
        self.g.as_flattened_mut().iter_mut().zip(b).for_each(take);
        self.fill_kernel::<L>();
    }
}

/// Σ_j K_j b_j.
#[inline(always)]
fn dot<L: Lanes>(row: &[[f64; WIDTH]], b: &[[f64; WIDTH]]) -> f64 {
    let mut sums = [L::splat(0.0); 4];
    for (row, b) in row.chunks(4).zip(b.chunks(4)) {
        for ((sum, k), b) in sums.iter_mut().zip(row).zip(b) {
            *sum = L::load(k).mul_add(L::load(b), *sum);
        }
    }
    sums[0].add(sums[1]).add(sums[2].add(sums[3])).sum()
}
