//! Sums over lanes: what all samples of a tile add to a value of the call.

use super::vector::{Element, Vector};
use super::view::View;

/// Arguments of [`total`].
pub(crate) struct Total<T> {
    pub input: View<T>,
    /// One number a row.
    pub out: *mut T,
    pub rows: usize,
    /// Lanes that hold a sample.
    pub count: usize,
}

/// Adds the lanes of every row to a sum, in their order.
///
/// # Safety
/// As [`Vector`]; the input is valid for `rows` rows of `count` lanes, the output for `rows` numbers.
#[inline(always)]
pub(super) unsafe fn total<V: Vector>(k: &Total<V::Scalar>) {
    for r in 0..k.rows {
        // SAFETY: handed on to the caller.
        unsafe {
            let mut sum = *k.out.add(r);
            for lane in 0..k.count {
                sum = sum.plus(k.input.element(r, lane));
            }
            *k.out.add(r) = sum;
        }
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
    pub m: usize,
    pub inner: usize,
    pub n: usize,
    /// Lanes that hold a sample.
    pub count: usize,
}

/// Columns of a block of the result.
const COLUMNS: usize = 64;
/// Most lanes of a chunk.
const LANES: usize = 16;

/// Adds the matrix products of all lanes to a matrix: chunk by chunk, term by term, lane by lane.
///
/// # Safety
/// As [`Vector`]; the operands are valid for their rows of `count` lanes, the output for m n numbers.
#[inline(always)]
pub(super) unsafe fn total_product<V: Vector>(k: &TotalProduct<V::Scalar>) {
    let mut block = [[V::Scalar::default(); COLUMNS]; LANES];
    for first in (0..k.count).step_by(V::Scalar::CHUNK) {
        let lanes = V::Scalar::CHUNK.min(k.count - first);
        for start in (0..k.n).step_by(COLUMNS) {
            let columns = COLUMNS.min(k.n - start);
            for i in 0..k.inner {
                for (lane, row) in block.iter_mut().enumerate().take(lanes) {
                    for (j, b) in row.iter_mut().enumerate().take(columns) {
                        // SAFETY: handed on to the caller.
                        *b = unsafe { k.b.element(i * k.n + start + j, first + lane) };
                    }
                }
                for row in 0..k.m {
                    // SAFETY: handed on to the caller; the columns lie within row `row` of the output.
                    unsafe {
                        let out = std::slice::from_raw_parts_mut(k.out.add(row * k.n + start), columns);
                        for (lane, b) in block.iter().enumerate().take(lanes) {
                            let a = k.a.element(row * k.inner + i, first + lane);
                            out.iter_mut().zip(b).for_each(|(sum, &b)| *sum = sum.plus(a.times(b)));
                        }
                    }
                }
            }
        }
    }
}
