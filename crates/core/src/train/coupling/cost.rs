//! Squared distances between two samples.

use crate::error::{Error, Result};
use crate::field::lanes::{Instructions, Lanes, Task, dispatch};

/// Columns that stand in one block.
pub(super) const WIDTH: usize = 8;

/// Costs beyond this are refused: the prices must stay finite.
const LARGEST: f64 = 1e200;

/// C_ij = |x_i − y_j|² of n sources and n data, row after row in blocks of eight columns; the columns
/// from n to the end of the last block are +∞.
#[derive(Debug, Clone)]
pub struct Costs {
    pub(super) n: usize,
    pub(super) blocks: Vec<[f64; WIDTH]>,
}

impl Costs {
    /// Of `x[n, dim]` and `y[n, dim]`. An entry has the same bits on every machine.
    ///
    /// # Errors
    /// [`Error::Invalid`] for different sizes, an empty sample, or a distance that is missing or beyond 1e200.
    pub fn squared_distances(dim: usize, x: &[f64], y: &[f64]) -> Result<Costs> {
        Costs::squared_distances_on(dim, x, y, Instructions::best())
    }

    pub(super) fn squared_distances_on(
        dim: usize,
        x: &[f64],
        y: &[f64],
        instructions: Instructions,
    ) -> Result<Costs> {
        let operation = "coupling two samples";
        if dim == 0 || x.is_empty() || !x.len().is_multiple_of(dim) || x.len() != y.len() {
            return Err(Error::invalid(
                operation,
                "two equally large samples of at least one point each",
                format!("{} and {} numbers in dimension {dim}", x.len(), y.len()),
                "Draw as many points from the source as from the data",
            ));
        }
        let n = x.len() / dim;
        let mut costs = Costs { n, blocks: vec![[0.0; WIDTH]; n * n.div_ceil(WIDTH)] };
        dispatch(Fill { dim, x, y, costs: &mut costs }, instructions);
        costs.checked()
    }

    /// Of a matrix `c[n, n]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is empty, not square, or has an entry that is missing or beyond 1e200.
    pub fn of_matrix(n: usize, c: &[f64]) -> Result<Costs> {
        if n == 0 || n.checked_mul(n) != Some(c.len()) {
            let (expected, got) = (format!("{n} × {n} costs, at least one"), format!("{} costs", c.len()));
            return Err(Error::invalid("coupling two samples", expected, got, "Give a square matrix"));
        }
        let padded = |row: &[f64]| std::array::from_fn(|l| row.get(l).copied().unwrap_or(f64::INFINITY));
        let blocks = c.chunks(n).flat_map(|row| row.chunks(WIDTH).map(padded)).collect();
        Costs { n, blocks }.checked()
    }

    /// n, the number of points on either side.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Never: there is at least one point.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// C_ij.
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.row(i)[j / WIDTH][j % WIDTH]
    }

    /// Blocks a row.
    pub(super) fn stride(&self) -> usize {
        self.n.div_ceil(WIDTH)
    }

    /// Row i.
    pub(super) fn row(&self, i: usize) -> &[[f64; WIDTH]] {
        &self.blocks[i * self.stride()..][..self.stride()]
    }

    /// Mean of |C_ij|.
    pub(super) fn mean_magnitude(&self) -> f64 {
        let total =
            |i| self.row(i).as_flattened()[..self.n].iter().map(|c| c.abs()).sum::<f64>() / self.n as f64;
        (0..self.n).map(total).sum::<f64>() / self.n as f64
    }

    fn checked(self) -> Result<Costs> {
        let n = self.n;
        let bad = |row: &[[f64; WIDTH]]| {
            row.as_flattened()[..n].iter().position(|c| !(0.0..=LARGEST).contains(&c.abs()))
        };
        match (0..n).find_map(|i| bad(self.row(i)).map(|j| (i, j))) {
            None => Ok(self),
            Some((i, j)) => Err(Error::invalid(
                "coupling two samples",
                format!("squared distances below {LARGEST:e}"),
                format!("{} between source {i} and data point {j}", self.at(i, j)),
                "Look for missing or huge numbers in the data, or scale them",
            )),
        }
    }
}

struct Fill<'a> {
    dim: usize,
    x: &'a [f64],
    y: &'a [f64],
    costs: &'a mut Costs,
}

/// Rows of x that are worked on together.
const ROWS: usize = 4;

impl Task for Fill<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Fill { dim, x, y, costs } = self;
        let (n, stride) = (costs.n, costs.stride());
        let mut column = vec![[0.0; WIDTH]; dim];
        for block in 0..stride {
            let points = n.min((block + 1) * WIDTH) - block * WIDTH;
            gather(dim, &y[block * WIDTH * dim..][..points * dim], &mut column);
            let mut first = 0;
            while first < n {
                let count = ROWS.min(n - first);
                let sums = match count {
                    ROWS => squares::<L, ROWS>(dim, &x[first * dim..], &column),
                    _ => {
                        let mut sums = [L::splat(0.0); ROWS];
                        for (r, sum) in sums.iter_mut().enumerate().take(count) {
                            [*sum] = squares::<L, 1>(dim, &x[(first + r) * dim..], &column);
                        }
                        sums
                    }
                };
                for (r, sum) in sums.iter().enumerate().take(count) {
                    let out = &mut costs.blocks[(first + r) * stride + block];
                    sum.store(out);
                    out[points..].fill(f64::INFINITY);
                }
                first += count;
            }
        }
    }
}

/// Up to [`WIDTH`] points, `y[points, dim]`, one a lane.
fn gather(dim: usize, y: &[f64], column: &mut [[f64; WIDTH]]) {
    for (l, point) in y.chunks(dim).enumerate() {
        column.iter_mut().zip(point).for_each(|(lanes, value)| lanes[l] = *value);
    }
}

/// Σ_d (x_d − y_d)² of R rows against a block of columns, in the order of d.
#[inline(always)]
fn squares<L: Lanes, const R: usize>(dim: usize, x: &[f64], column: &[[f64; WIDTH]]) -> [L; R] {
    let mut sums = [L::splat(0.0); R];
    for (d, y) in column.iter().enumerate() {
        let y = L::load(y);
        for (r, sum) in sums.iter_mut().enumerate() {
            let difference = L::splat(x[r * dim + d]).sub(y);
            *sum = sum.add(difference.mul(difference));
        }
    }
    sums
}
