//! Sums of many rows in a fixed order: 16 partial sums by position, added up in halves.
//!
//! The order is that of a vector of 16 lanes running along the rows, so that rows of lanes and numbers as lanes give
//! the same bits.

use super::vector::{Element, Vector};
use super::view::View;

/// Partial sums.
pub(crate) const PARTIAL: usize = 16;

/// Arguments of [`accumulate`].
pub(crate) struct Accumulate<T> {
    pub input: View<T>,
    /// Position of the first row in its group.
    pub first: usize,
    pub rows: usize,
    /// [`PARTIAL`] rows.
    pub partial: *mut T,
    pub chunks: usize,
}

/// Adds row i of a group to the partial sum i mod [`PARTIAL`].
///
/// # Safety
/// As [`Vector`]; input and partial sums are valid for the rows named, of `chunks` chunks.
#[inline(always)]
pub(super) unsafe fn accumulate<V: Vector>(k: &Accumulate<V::Scalar>) {
    let head = (PARTIAL - k.first % PARTIAL) % PARTIAL;
    let head = head.min(k.rows);
    let body = (k.rows - head) / PARTIAL * PARTIAL;
    // SAFETY: handed on to the caller.
    unsafe {
        for c in 0..k.chunks {
            let partial = k.partial.add(c * V::LANES);
            let stride = k.chunks * V::LANES;
            for i in 0..head {
                let to = partial.add((k.first + i) % PARTIAL * stride);
                V::load(to).add(k.input.row::<V>(i).chunk(c)).store(to);
            }
            let mut sums = [V::splat(V::Scalar::from_f64(0.0)); PARTIAL];
            for (j, sum) in sums.iter_mut().enumerate() {
                *sum = V::load(partial.add(j * stride));
            }
            for i in (head..head + body).step_by(PARTIAL) {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.add(k.input.row::<V>(i + j).chunk(c));
                }
            }
            for (j, sum) in sums.iter().enumerate() {
                sum.store(partial.add(j * stride));
            }
            for i in head + body..k.rows {
                let to = partial.add((k.first + i) % PARTIAL * stride);
                V::load(to).add(k.input.row::<V>(i).chunk(c)).store(to);
            }
        }
    }
}

/// Arguments of [`combine`].
pub(crate) struct Combine<T> {
    pub partial: *mut T,
    pub out: *mut T,
    pub chunks: usize,
}

/// Adds up the partial sums into a row, and clears them.
///
/// # Safety
/// As [`Vector`]; partial sums and output are valid for rows of `chunks` chunks.
#[inline(always)]
pub(super) unsafe fn combine<V: Vector>(k: &Combine<V::Scalar>) {
    let stride = k.chunks * V::LANES;
    // SAFETY: handed on to the caller.
    unsafe {
        for c in 0..k.chunks {
            let partial = k.partial.add(c * V::LANES);
            let mut half = PARTIAL / 2;
            while half > 0 {
                for j in 0..half {
                    let (to, from) = (partial.add(j * stride), partial.add((j + half) * stride));
                    V::load(to).add(V::load(from)).store(to);
                }
                half /= 2;
            }
            V::load(partial).store(k.out.add(c * V::LANES));
            for j in 0..PARTIAL {
                V::splat(V::Scalar::from_f64(0.0)).store(partial.add(j * stride));
            }
        }
    }
}

/// As [`accumulate`] for numbers one after the other, which are lanes.
///
/// # Safety
/// As [`Vector`]; the input is valid for `rows` numbers from its base on.
#[inline(always)]
pub(super) unsafe fn accumulate_numbers<V: Vector>(k: &Accumulate<V::Scalar>) {
    let head = ((PARTIAL - k.first % PARTIAL) % PARTIAL).min(k.rows);
    let body = (k.rows - head) / PARTIAL * PARTIAL;
    // SAFETY: handed on to the caller.
    unsafe {
        for i in 0..head {
            let to = k.partial.add((k.first + i) % PARTIAL);
            *to = (*to).plus(*k.input.base.add(i));
        }
        for lane in (0..PARTIAL).step_by(V::LANES) {
            let mut sum = V::load(k.partial.add(lane));
            for i in (head..head + body).step_by(PARTIAL) {
                sum = sum.add(V::load(k.input.base.add(i + lane)));
            }
            sum.store(k.partial.add(lane));
        }
        for i in head + body..k.rows {
            let to = k.partial.add((k.first + i) % PARTIAL);
            *to = (*to).plus(*k.input.base.add(i));
        }
    }
}
