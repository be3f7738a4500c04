//! The assignment problem: the permutation of least total cost, with the dual prices that prove it.
//!
//! First an auction with falling increments brings the prices near their final values (D. P. Bertsekas, *The auction
//! algorithm*, Annals of Operations Research 14 (1988)); without it, sets in the plane have far too many paths to
//! search. Its assignment is thrown away, its prices are the start of an exact method (R. Jonker and A. Volgenant,
//! *A shortest augmenting path algorithm for dense and sparse linear assignment problems*, Computing 38 (1987)):
//! augmenting row reduction, then one shortest augmenting path (Dijkstra on the reduced costs) for every row still
//! free. All loops over columns run on lanes; only additions, subtractions and comparisons are used, so that the result
//! has the same bits on every machine.

use super::cost::{Costs, WIDTH};
use super::scan::{Least, lower_to, relax, two_least};
use crate::field::lanes::{Instructions, Lanes, Task, dispatch};
use std::collections::VecDeque;

/// A permutation of least total cost.
///
/// `cost(i, j) − rows[i] − columns[j]` is at least 0 for all i and j, and 0 where j = `partner[i]`, both to rounding:
/// which proves that no other permutation costs less.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The column of every row.
    pub partner: Vec<usize>,
    /// Dual price of every row.
    pub rows: Vec<f64>,
    /// Dual price of every column.
    pub columns: Vec<f64>,
    /// Sum of the costs of all pairs.
    pub total: f64,
}

/// No row or column.
const FREE: usize = usize::MAX;

/// The auction's first increment as a share of the mean cost, its last as a share of the mean second least reduced cost
/// of a row over n, the factor between one round and the next, and the bids a row that a round may take.
const FIRST_INCREMENT: f64 = 0.1;
const LAST_INCREMENT: f64 = 0.3;
const FALL: f64 = 5.0;
const BIDS: usize = 32;

/// Passes of augmenting row reduction over the free rows, and the steps a row that each may take.
const PASSES: usize = 2;
const STEPS: usize = 4;

impl Assignment {
    /// Solves the problem exactly; one of the best permutations where several are best.
    pub fn solve(costs: &Costs) -> Assignment {
        Assignment::solve_on(costs, Instructions::best())
    }

    fn solve_on(costs: &Costs, instructions: Instructions) -> Assignment {
        let (n, stride) = (costs.n, costs.stride());
        let mut search = Search {
            costs,
            price: vec![[0.0; WIDTH]; stride],
            partner: vec![FREE; n],
            owner: vec![FREE; n],
            free: Vec::new(),
        };
        dispatch(&mut search, instructions);
        let Search { price, partner, .. } = search;
        let columns = price.as_flattened()[..n].to_vec();
        let rows = partner.iter().enumerate().map(|(i, j)| costs.at(i, *j) - columns[*j]).collect();
        let total = partner.iter().enumerate().map(|(i, j)| costs.at(i, *j)).sum();
        Assignment { partner, rows, columns, total }
    }
}

/// A partial assignment that is best for its rows under the prices of the columns.
struct Search<'a> {
    costs: &'a Costs,
    /// v_j
    price: Vec<[f64; WIDTH]>,
    /// Column of a row.
    partner: Vec<usize>,
    /// Row of a column.
    owner: Vec<usize>,
    /// Rows without a column.
    free: Vec<usize>,
}

impl Task for &mut Search<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        if self.costs.n == 1 {
            self.assign(0, 0);
            return;
        }
        self.start_prices::<L>();
        self.auction::<L>();
        self.clear();
        self.free = (0..self.costs.n).collect();
        for _ in 0..PASSES {
            self.reduce_rows::<L>();
        }
        let mut tree = Tree::new(self.costs.stride());
        for row in std::mem::take(&mut self.free) {
            self.augment::<L>(row, &mut tree);
        }
    }
}

impl Search<'_> {
    fn assign(&mut self, row: usize, column: usize) {
        (self.partner[row], self.owner[column]) = (column, row);
    }

    fn price(&self, j: usize) -> f64 {
        self.price[j / WIDTH][j % WIDTH]
    }

    fn lower(&mut self, j: usize, by: f64) {
        self.price[j / WIDTH][j % WIDTH] -= by;
    }

    #[inline(always)]
    fn two_least<L: Lanes>(&self, row: usize) -> [Least; 2] {
        two_least::<L>(self.costs.row(row), &self.price)
    }

    fn clear(&mut self) {
        self.partner.fill(FREE);
        self.owner.fill(FREE);
    }

    /// Every column starts with its least cost as price.
    #[inline(always)]
    fn start_prices<L: Lanes>(&mut self) {
        let n = self.costs.n;
        self.price.fill([f64::INFINITY; WIDTH]);
        (0..n).for_each(|i| lower_to::<L>(&mut self.price, self.costs.row(i)));
        self.price.as_flattened_mut()[n..].fill(0.0);
    }

    /// Rounds with falling increments; only the prices count.
    #[inline(always)]
    fn auction<L: Lanes>(&mut self) {
        let n = self.costs.n;
        let second: f64 = (0..n).map(|i| self.two_least::<L>(i)[1].value).sum::<f64>() / n as f64;
        let last = LAST_INCREMENT * second / n as f64;
        let mut increment = FIRST_INCREMENT * self.costs.mean_magnitude();
        while last > 0.0 && increment > last {
            self.round::<L>(increment);
            increment /= FALL;
        }
    }

    /// Every row without a column bids for its best one, so high that its second best is better by the increment.
    #[inline(always)]
    fn round<L: Lanes>(&mut self, increment: f64) {
        self.clear();
        let mut queue: VecDeque<usize> = (0..self.costs.n).collect();
        for _ in 0..BIDS * self.costs.n {
            let Some(row) = queue.pop_front() else { return };
            let [first, second] = self.two_least::<L>(row);
            self.lower(first.column, second.value - first.value + increment);
            let loser = self.owner[first.column];
            self.assign(row, first.column);
            if loser != FREE {
                queue.push_back(loser);
            }
        }
    }

    /// Every free row takes its best column at the price that makes its second best as good; whoever loses the column
    /// is next if the price fell, and waits for the next pass otherwise.
    #[inline(always)]
    fn reduce_rows<L: Lanes>(&mut self) {
        let mut todo = std::mem::take(&mut self.free);
        todo.reverse();
        let mut left = STEPS * self.costs.n;
        while let Some(row) = todo.pop() {
            let [first, second] = self.two_least::<L>(row);
            let before = self.price(first.column);
            self.lower(first.column, second.value - first.value);
            let fell = self.price(first.column) < before;
            let taken = self.owner[first.column];
            let column = if !fell && taken != FREE { second.column } else { first.column };
            let loser = self.owner[column];
            self.assign(row, column);
            left -= 1;
            if loser != FREE {
                self.partner[loser] = FREE;
                if fell && left > 0 { todo.push(loser) } else { self.free.push(loser) }
            }
            if left == 0 {
                self.free.append(&mut todo);
            }
        }
    }

    /// Assigns `row` along the shortest augmenting path from it, and moves the prices so that the path has length 0.
    #[inline(always)]
    fn augment<L: Lanes>(&mut self, row: usize, tree: &mut Tree) {
        tree.start(&self.price);
        let (mut from, mut offset) = (row, 0.0);
        let end = loop {
            let next = relax::<L>(self.costs.row(from), from, offset, tree);
            let owner = self.owner[next.column];
            if owner == FREE {
                break next;
            }
            tree.close(next);
            offset = self.costs.at(owner, next.column) - self.price(next.column) - next.value;
            from = owner;
        };
        for closed in &tree.closed {
            self.lower(closed.column, end.value - closed.value);
        }
        let mut column = end.column;
        loop {
            let parent = tree.parent(column);
            let before = self.partner[parent];
            self.assign(parent, column);
            if parent == row {
                break;
            }
            column = before;
        }
    }
}

/// The shortest paths from one row to the columns.
pub(super) struct Tree {
    /// v_j of the columns not yet closed, −∞ of the others.
    pub(super) price: Vec<[f64; WIDTH]>,
    /// Length of the shortest path known to a column; +∞ once it is closed.
    pub(super) length: Vec<[f64; WIDTH]>,
    /// The row before a column, as a number.
    pub(super) parent: Vec<[f64; WIDTH]>,
    /// Columns whose shortest path is known.
    closed: Vec<Least>,
}

impl Tree {
    fn new(stride: usize) -> Tree {
        let zeros = || vec![[0.0; WIDTH]; stride];
        Tree { price: zeros(), length: zeros(), parent: zeros(), closed: Vec::new() }
    }

    fn start(&mut self, price: &[[f64; WIDTH]]) {
        self.price.copy_from_slice(price);
        self.length.fill([f64::INFINITY; WIDTH]);
        self.closed.clear();
    }

    fn close(&mut self, column: Least) {
        let (block, lane) = (column.column / WIDTH, column.column % WIDTH);
        self.price[block][lane] = f64::NEG_INFINITY;
        self.length[block][lane] = f64::INFINITY;
        self.closed.push(column);
    }

    fn parent(&self, j: usize) -> usize {
        self.parent[j / WIDTH][j % WIDTH] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, standard_normal, stream};

    #[test]
    fn every_instruction_set_finds_the_same_bits() {
        for (n, dim) in [(1, 1), (7, 2), (65, 2), (120, 5)] {
            let (mut x, mut y) = (vec![0.0; n * dim], vec![0.0; n * dim]);
            let mut rng = stream(1, n as u64, Purpose::Source);
            standard_normal(&mut rng, &mut x);
            standard_normal(&mut rng, &mut y);
            let sets = [Instructions::Portable, Instructions::Avx2, Instructions::Avx512];
            let costs = sets.map(|set| Costs::squared_distances_on(dim, &x, &y, set).expect("finite"));
            let bits =
                |costs: &Costs| costs.blocks.as_flattened().iter().map(|c| c.to_bits()).collect::<Vec<_>>();
            assert!(costs.iter().all(|other| bits(other) == bits(&costs[0])));
            let found = sets.map(|set| Assignment::solve_on(&costs[0], set));
            assert!(found.iter().all(|other| *other == found[0]), "n = {n}");
        }
    }
}
