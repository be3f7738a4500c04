//! The loops over all columns of the assignment problem, eight columns at a time.

use super::assignment::Tree;
use super::cost::WIDTH;
use crate::field::lanes::Lanes;

/// A column and its value; of equal values the lowest column counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Least {
    pub(super) value: f64,
    pub(super) column: usize,
}

impl Least {
    const NONE: Least = Least { value: f64::INFINITY, column: usize::MAX };

    fn before(self, other: Least) -> bool {
        (self.value, self.column) < (other.value, other.column)
    }
}

/// The numbers 0..8 of the lanes.
const STEPS: [f64; WIDTH] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];

/// Values and columns of the lanes as pairs.
#[inline(always)]
fn lanes<L: Lanes>(value: L, column: L) -> [Least; WIDTH] {
    let (mut values, mut columns) = ([0.0; WIDTH], [0.0; WIDTH]);
    value.store(&mut values);
    column.store(&mut columns);
    std::array::from_fn(|l| Least { value: values[l], column: columns[l] as usize })
}

/// The columns with the least and the second least C_ij − v_j.
#[inline(always)]
pub(super) fn two_least<L: Lanes>(row: &[[f64; WIDTH]], price: &[[f64; WIDTH]]) -> [Least; 2] {
    let infinite = L::splat(f64::INFINITY);
    let (mut first, mut second) = (infinite, infinite);
    let (mut first_at, mut second_at) = (L::splat(0.0), L::splat(0.0));
    let mut here = L::load(&STEPS);
    for (cost, price) in row.iter().zip(price) {
        let value = L::load(cost).sub(L::load(price));
        let worse = value.max(first);
        let worse_at = here.where_at_most(first_at, first, value);
        first_at = first_at.where_at_most(here, first, value);
        first = first.min(value);
        second_at = second_at.where_at_most(worse_at, second, worse);
        second = second.min(worse);
        here = here.add(L::splat(WIDTH as f64));
    }
    let mut best = [Least::NONE; 2];
    for found in lanes(first, first_at).into_iter().chain(lanes(second, second_at)) {
        if found.before(best[0]) {
            best = [found, best[0]];
        } else if found.before(best[1]) {
            best[1] = found;
        }
    }
    best
}

/// Offers the paths through `from` of length C − v − offset to all open columns, and finds the nearest of them.
#[inline(always)]
pub(super) fn relax<L: Lanes>(row: &[[f64; WIDTH]], from: usize, offset: f64, tree: &mut Tree) -> Least {
    let (from, offset) = (L::splat(from as f64), L::splat(offset));
    let (mut least, mut least_at) = (L::splat(f64::INFINITY), L::splat(0.0));
    let mut here = L::load(&STEPS);
    let columns = tree.price.iter().zip(&mut tree.length).zip(&mut tree.parent);
    for (cost, ((price, length), parent)) in row.iter().zip(columns) {
        let through = L::load(cost).sub(L::load(price)).sub(offset);
        let before = L::load(length);
        let shorter = before.min(through);
        shorter.store(length);
        L::load(parent).where_at_most(from, before, through).store(parent);
        least_at = least_at.where_at_most(here, least, shorter);
        least = least.min(shorter);
        here = here.add(L::splat(WIDTH as f64));
    }
    let least = lanes(least, least_at);
    least.into_iter().fold(Least::NONE, |best, found| if found.before(best) { found } else { best })
}

/// The lesser of every price and cost.
#[inline(always)]
pub(super) fn lower_to<L: Lanes>(price: &mut [[f64; WIDTH]], row: &[[f64; WIDTH]]) {
    for (price, cost) in price.iter_mut().zip(row) {
        L::load(price).min(L::load(cost)).store(price);
    }
}
