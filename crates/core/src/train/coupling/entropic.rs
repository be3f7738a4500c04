//! Entropic optimal transport between two uniform samples: the plan P with marginals 1/n that minimises
//! Σ P_ij C_ij + reg Σ P_ij log P_ij, by Sinkhorn's iteration (M. Cuturi, NeurIPS 2013).
//!
//! P_ij = a_i K_ij b_j with K_ij = exp((f_i + g_j − C_ij)/reg). The potentials f and g take in the scalings whenever
//! these grow beyond bounds, which makes it an iteration of log a and log b at the price of a product with a matrix, and
//! reg falls from the mean cost to its value by halves, a few iterations each, which keeps the potentials near those of
//! the solution (B. Schmitzer, *Stabilized sparse scaling algorithms*, SIAM J. Sci. Comput. 41 (2019)). The smaller reg,
//! the more iterations the last tolerance takes.

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
    /// Iterations at most, after reg has come down.
    pub iterations: usize,
}

impl Entropic {
    /// Tolerance 1e-4, at most one pair in 10,000 drawn otherwise than from the exact plan; 1,000 iterations, which may
    /// not suffice for a reg below a hundredth of the mean cost: see [`Plan::defect`].
    pub fn new(reg: f64) -> Entropic {
        Entropic { reg, tolerance: 1e-4, iterations: 1000 }
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
    /// Iterations taken after reg had come down.
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
        let (n, stride) = (costs.n, costs.stride());
        let zeros = vec![[0.0; WIDTH]; stride];
        let mut plan = Plan {
            n,
            kernel: costs.blocks.clone(),
            a: vec![1.0; n],
            b: zeros.clone(),
            defect: f64::INFINITY,
            iterations: 0,
        };
        let iteration = Iteration { costs, reg: settings.reg, f: vec![0.0; n], g: zeros, plan: &mut plan };
        dispatch(Solve { iteration, settings }, Instructions::best());
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
            "Leave them out for 1e-4 and 1000",
        ))
    }
}

/// Iterations at every reg on the way down, and the defect that ends them earlier.
const ON_THE_WAY: usize = 50;
const GOOD_ENOUGH: f64 = 1e-3;

struct Solve<'a> {
    iteration: Iteration<'a>,
    settings: Entropic,
}

impl Task for Solve<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Solve { mut iteration, settings } = self;
        iteration.start_potentials();
        let mut reg = iteration.costs.mean_magnitude();
        while reg > settings.reg {
            iteration.run::<L>(Entropic { reg, tolerance: GOOD_ENOUGH, iterations: ON_THE_WAY });
            iteration.absorb();
            reg *= 0.5;
        }
        iteration.run::<L>(settings);
    }
}

struct Iteration<'a> {
    costs: &'a Costs,
    reg: f64,
    f: Vec<f64>,
    g: Vec<[f64; WIDTH]>,
    plan: &'a mut Plan,
}

impl Iteration<'_> {
    /// f_i = min_j C_ij and g_j = min_i (C_ij − f_i): K ≤ 1, with a 1 in every row and column.
    fn start_potentials(&mut self) {
        let n = self.plan.n;
        let g = &mut self.g.as_flattened_mut()[..n];
        g.fill(f64::INFINITY);
        for (i, f) in self.f.iter_mut().enumerate() {
            let row = &self.costs.row(i).as_flattened()[..n];
            *f = row.iter().copied().fold(f64::INFINITY, f64::min);
            g.iter_mut().zip(row).for_each(|(g, cost)| *g = g.min(cost - *f));
        }
        self.plan.b.as_flattened_mut()[..n].fill(1.0);
    }

    /// Scales rows and columns by turns until the tolerance is met; ends with the rows.
    #[inline(always)]
    fn run<L: Lanes>(&mut self, settings: Entropic) {
        self.reg = settings.reg;
        self.fill_kernel::<L>();
        self.plan.iterations = 0;
        let share = 1.0 / self.plan.n as f64;
        let mut columns = vec![[0.0; WIDTH]; self.plan.b.len()];
        loop {
            self.scale_rows::<L>(share, &mut columns);
            let plan = &mut *self.plan;
            let sums = columns.as_flattened()[..plan.n].iter().zip(plan.b.as_flattened_mut());
            plan.defect = sums.map(|(sum, b)| (sum * *b - share).abs()).sum();
            plan.iterations += 1;
            if plan.defect <= settings.tolerance || plan.iterations == settings.iterations {
                return;
            }
            let sums = columns.as_flattened()[..plan.n].iter().zip(plan.b.as_flattened_mut());
            sums.for_each(|(sum, b)| *b = share / sum);
            if self.out_of_bounds() {
                self.absorb();
                self.fill_kernel::<L>();
            }
        }
    }

    /// K from the potentials.
    #[inline(always)]
    fn fill_kernel<L: Lanes>(&mut self) {
        let (stride, rate) = (self.g.len(), L::splat(1.0 / self.reg));
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

    fn out_of_bounds(&self) -> bool {
        let Plan { n, a, b, .. } = &*self.plan;
        !a.iter().chain(&b.as_flattened()[..*n]).all(|scaling| SCALINGS.contains(scaling))
    }

    /// Takes the scalings into the potentials.
    fn absorb(&mut self) {
        let Plan { n, a, b, .. } = &mut *self.plan;
        let reg = self.reg;
        let take = |(potential, scaling): (&mut f64, &mut f64)| {
            *potential += reg * scaling.ln();
            *scaling = 1.0;
        };
        self.f.iter_mut().zip(a).for_each(take);
        self.g.as_flattened_mut().iter_mut().zip(&mut b.as_flattened_mut()[..*n]).for_each(take);
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
