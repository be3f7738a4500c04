//! Sums over lanes: what all samples of a tile add to a value of the call.

use super::vector::{Element, Vector};
use super::view::View;
use std::ops::Range;

/// Arguments of [`total`].
pub(crate) struct Total<T> {
    pub input: View<T>,
    /// One number a row.
    pub out: *mut T,
    pub rows: usize,
    /// Lanes that hold a sample.
    pub count: usize,
}

/// Adds the lanes of every row to a sum: chunk on chunk, then the lanes of the chunk in halves.
///
/// # Safety
/// As [`Vector`]; the input is valid for `rows` rows of `count` lanes, to a whole chunk, the output for `rows`
/// numbers.
#[inline(always)]
pub(super) unsafe fn total<V: Vector>(k: &Total<V::Scalar>) {
    // SAFETY: handed on to the caller.
    unsafe {
        for r in 0..k.rows {
            let row = k.input.row::<V>(r);
            let mut sum = V::splat(V::Scalar::default());
            for chunk in 0..k.count.div_ceil(V::LANES) {
                sum = sum.add(first_lanes::<V>(row.chunk(chunk), k.count - chunk * V::LANES));
            }
            *k.out.add(r) = (*k.out.add(r)).plus(sum.sum());
        }
    }
}

/// The first lanes of a chunk, and zeros behind them.
#[inline(always)]
pub(super) unsafe fn first_lanes<V: Vector>(chunk: V, count: usize) -> V {
    if count >= V::LANES {
        return chunk;
    }
    let mut lanes = [V::Scalar::default(); 16];
    // SAFETY: handed on to the caller; no vector has more than 16 lanes.
    unsafe {
        chunk.store_first(lanes.as_mut_ptr(), count);
        V::load(lanes.as_ptr())
    }
}

/// Arguments of [`total_product`].
pub(crate) struct TotalProduct<T> {
    /// Rows ordered [m, inner].
    pub a: View<T>,
    /// Rows ordered [inner, n].
    pub b: View<T>,
    /// Numbers ordered [m, n].
    pub out: *mut T,
    /// The rows of the result computed.
    pub rows: Range<usize>,
    pub inner: usize,
    pub n: usize,
    /// Lanes that hold a sample.
    pub count: usize,
    /// Space for [`TotalProduct::work_len`] elements.
    pub work: *mut T,
}

/// Terms that are worked on together: pairs of an inner index and a lane.
const TERMS: usize = 128;
/// Rows of the result in a register tile.
const TILE: usize = 4;
/// Rows that are transposed together.
const SQUARE: usize = 8;

impl<T: Element> TotalProduct<T> {
    /// Elements of the working space.
    pub fn work_len(n: usize) -> usize {
        (TERMS + SQUARE) * n.next_multiple_of(T::CHUNK)
    }
}

/// Adds the matrix products of all lanes to a matrix. The columns of the result become lanes: `b` is transposed, and
/// the numbers of `a` are taken one by one.
///
/// # Safety
/// As [`Vector`]; the operands are valid for their rows of `count` lanes, the output for its numbers.
#[inline(always)]
pub(super) unsafe fn total_product<V: Vector>(k: &TotalProduct<V::Scalar>) {
    let stride = k.n.next_multiple_of(V::LANES);
    // SAFETY: handed on to the caller.
    unsafe {
        for first in (0..k.count).step_by(TERMS) {
            let lanes = first..k.count.min(first + TERMS);
            let together = (TERMS / lanes.len()).max(1);
            for from in (0..k.inner).step_by(together) {
                let inner = from..k.inner.min(from + together);
                for (slot, i) in inner.clone().enumerate() {
                    turn::<V>(k, i, &lanes, k.work.add(slot * lanes.len() * stride));
                }
                for row in k.rows.clone().step_by(TILE) {
                    for column in (0..k.n).step_by(V::LANES) {
                        match k.rows.end - row {
                            1 => tile::<V, 1>(k, row, column, &inner, &lanes),
                            2 => tile::<V, 2>(k, row, column, &inner, &lanes),
                            3 => tile::<V, 3>(k, row, column, &inner, &lanes),
                            _ => tile::<V, TILE>(k, row, column, &inner, &lanes),
                        }
                    }
                }
            }
        }
    }
}

/// Writes the rows of `b` at an inner index as columns: `[lane][n]`, with zeros up to whole chunks.
#[inline(always)]
unsafe fn turn<V: Vector>(k: &TotalProduct<V::Scalar>, i: usize, lanes: &Range<usize>, to: *mut V::Scalar) {
    let stride = k.n.next_multiple_of(V::LANES);
    // SAFETY: handed on to the caller; rows are valid to a whole chunk, and the working space has as much.
    unsafe {
        let mut column = 0;
        while column + SQUARE <= k.n && !k.b.splat {
            let rows: [*const V::Scalar; SQUARE] =
                std::array::from_fn(|r| k.b.start(i * k.n + column + r).add(lanes.start));
            for lane in (0..lanes.len()).step_by(SQUARE) {
                V::transpose(rows.map(|row| row.wrapping_add(lane)), to.add(lane * stride + column), stride);
            }
            column += SQUARE;
        }
        for column in column..stride {
            for lane in 0..lanes.len() {
                *to.add(lane * stride + column) = if column < k.n {
                    k.b.element(i * k.n + column, lanes.start + lane)
                } else {
                    V::Scalar::default()
                };
            }
        }
    }
}

/// Adds to a register tile of `R` rows and one chunk of columns.
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize>(
    k: &TotalProduct<V::Scalar>,
    row: usize,
    column: usize,
    inner: &Range<usize>,
    lanes: &Range<usize>,
) {
    let stride = k.n.next_multiple_of(V::LANES);
    let columns = V::LANES.min(k.n - column);
    // SAFETY: handed on to the caller.
    unsafe {
        let mut sums = [V::splat(V::Scalar::default()); R];
        for (slot, i) in inner.clone().enumerate() {
            let mut right = k.work.add(slot * lanes.len() * stride + column).cast_const();
            let left: [*const V::Scalar; R] = std::array::from_fn(|r| {
                k.a.start((row + r) * k.inner + i).add(if k.a.splat { 0 } else { lanes.start })
            });
            let step = usize::from(!k.a.splat);
            for lane in 0..lanes.len() {
                let b = V::load(right);
                for (sum, left) in sums.iter_mut().zip(&left) {
                    *sum = V::splat(*left.add(lane * step)).mul_add(b, *sum);
                }
                right = right.add(stride);
            }
        }
        for (r, sum) in sums.iter().enumerate() {
            let out = k.out.add((row + r) * k.n + column);
            if columns == V::LANES {
                V::load(out).add(*sum).store(out);
            } else {
                let mut lanes = [V::Scalar::default(); 16];
                std::ptr::copy_nonoverlapping(out, lanes.as_mut_ptr(), columns);
                V::load(lanes.as_ptr()).add(*sum).store_first(out, columns);
            }
        }
    }
}
