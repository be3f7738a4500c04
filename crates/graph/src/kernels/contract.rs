//! Matrix products of operands that both vary.

use super::linear::{BLOCK, Linear, linear, packed_len};
use super::vector::{Element, Vector};
use super::view::View;
use std::ops::Range;

/// Rows of a strip, and most rows and columns of a register tile.
const TILE: usize = 4;

/// Arguments of [`contract`].
pub(crate) struct Contract<T> {
    /// Rows ordered [batch, m, inner].
    pub a: View<T>,
    /// Rows ordered [batch, inner, n].
    pub b: View<T>,
    /// Rows ordered [batch, m, n].
    pub out: *mut T,
    pub m: usize,
    pub inner: usize,
    pub n: usize,
    /// The strips computed: [`TILE`] of the m rows of a matrix each (the last one fewer), or, without lanes,
    /// [`BLOCK`].
    pub strips: Range<usize>,
    pub chunks: usize,
    /// Space for [`work_len`] elements where there are no lanes.
    pub work: *mut T,
}

/// Strips of the products of `batch` matrices.
pub(crate) fn strips(batch: usize, m: usize, lanes: bool) -> usize {
    batch * m.div_ceil(if lanes { TILE } else { BLOCK })
}

/// Elements of the working space without lanes.
pub(crate) fn work_len(inner: usize, n: usize) -> usize {
    packed_len(inner, BLOCK) + inner * n + 16
}

/// Matrix products, lane by lane.
///
/// # Safety
/// As [`Vector`]; operands and output are valid for the rows named, of `chunks` chunks.
#[inline(always)]
pub(super) unsafe fn contract<V: Vector>(k: &Contract<V::Scalar>) {
    // SAFETY: handed on to the caller.
    unsafe {
        match (k.a.splat, k.b.splat) {
            (false, false) => products::<V, false, false>(k),
            (true, false) => products::<V, true, false>(k),
            (false, true) => products::<V, false, true>(k),
            (true, true) => products::<V, true, true>(k),
        }
    }
}

#[inline(always)]
unsafe fn products<V: Vector, const A: bool, const B: bool>(k: &Contract<V::Scalar>) {
    let per_matrix = k.m.div_ceil(TILE);
    // SAFETY: handed on to the caller.
    unsafe {
        for strip in k.strips.clone() {
            let (block, row) = (strip / per_matrix, strip % per_matrix * TILE);
            let rows = row..k.m.min(row + TILE);
            for chunk in 0..k.chunks {
                if V::TILE_ROWS >= 8 {
                    tiles::<V, A, B, TILE, TILE>(k, block, rows.clone(), chunk);
                } else {
                    tiles::<V, A, B, 2, 3>(k, block, rows.clone(), chunk);
                }
            }
        }
    }
}

/// Rows of a product in register tiles of `R` rows and `C` columns.
#[inline(always)]
unsafe fn tiles<V: Vector, const A: bool, const B: bool, const R: usize, const C: usize>(
    k: &Contract<V::Scalar>,
    block: usize,
    rows: Range<usize>,
    chunk: usize,
) {
    // SAFETY: handed on to the caller.
    unsafe {
        for column in (0..k.n).step_by(C) {
            let columns = C.min(k.n - column);
            for row in rows.clone().step_by(R) {
                match (rows.end - row >= R, columns == C) {
                    (true, true) => tile::<V, A, B, R, C>(k, block, [row, column], chunk),
                    (true, false) => {
                        for c in column..column + columns {
                            tile::<V, A, B, R, 1>(k, block, [row, c], chunk);
                        }
                    }
                    (false, true) => {
                        for r in row..rows.end {
                            tile::<V, A, B, 1, C>(k, block, [r, column], chunk);
                        }
                    }
                    (false, false) => {
                        for r in row..rows.end {
                            for c in column..column + columns {
                                tile::<V, A, B, 1, 1>(k, block, [r, c], chunk);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A register tile of `R` rows and `C` columns of a product.
#[inline(always)]
unsafe fn tile<V: Vector, const A: bool, const B: bool, const R: usize, const C: usize>(
    k: &Contract<V::Scalar>,
    block: usize,
    [row, column]: [usize; 2],
    chunk: usize,
) {
    // SAFETY: handed on to the caller.
    unsafe {
        let zero = V::splat(V::Scalar::from_f64(0.0));
        let mut sums = [[zero; C]; R];
        for l in 0..k.inner {
            let mut right = [zero; C];
            for (c, right) in right.iter_mut().enumerate() {
                *right = V::load_or_splat::<B>(k.b.start((block * k.inner + l) * k.n + column + c), chunk);
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let left = V::load_or_splat::<A>(k.a.start((block * k.m + row + r) * k.inner + l), chunk);
                for (sum, right) in sums.iter_mut().zip(&right) {
                    *sum = left.mul_add(*right, *sum);
                }
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            for (c, sum) in sums.iter().enumerate() {
                let at = (block * k.m + row + r) * k.n + column + c;
                sum.store(k.out.add((at * k.chunks + chunk) * V::LANES));
            }
        }
    }
}

/// Matrix products of numbers: the columns are lanes. Strips are [`BLOCK`] rows.
///
/// # Safety
/// As [`Vector`]; operands, output and working space are valid for the rows named.
#[inline(always)]
pub(super) unsafe fn contract_numbers<V: Vector>(k: &Contract<V::Scalar>) {
    let per_matrix = k.m.div_ceil(BLOCK);
    let panel = k.work.wrapping_add(packed_len(k.inner, BLOCK));
    let mut gathered = None;
    // SAFETY: handed on to the caller.
    unsafe {
        for strip in k.strips.clone() {
            let (block, row) = (strip / per_matrix, strip % per_matrix * BLOCK);
            let rows = BLOCK.min(k.m - row);
            if gathered != Some(block) {
                for i in 0..k.inner * k.n {
                    *panel.add(i) = *k.b.start(block * k.inner * k.n + i);
                }
                gathered = Some(block);
            }
            for l in 0..k.inner {
                for r in 0..BLOCK {
                    let value = k.work.add(l * BLOCK + r);
                    *value = V::Scalar::default();
                    if r < rows {
                        *value = *k.a.start((block * k.m + row + r) * k.inner + l);
                    }
                }
            }
            linear::<V>(&Linear {
                input: panel,
                input_stride: k.n,
                weights: k.work,
                inner: k.inner,
                outputs: 0..rows,
                bias: std::ptr::null(),
                scale: None,
                out: k.out.add((block * k.m + row) * k.n),
                out_stride: k.n,
                activation: None,
                columns: k.n,
            });
        }
    }
}
