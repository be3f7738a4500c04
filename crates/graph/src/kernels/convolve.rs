//! Convolutions in all three roles, for any geometry.

use super::vector::{Element, Vector};
use super::view::View;
use crate::ir::Convolution;

/// Arguments of [`convolve`].
pub(crate) struct Convolve<T> {
    pub convolution: *const Convolution,
    pub a: View<T>,
    pub b: View<T>,
    pub out: *mut T,
    pub chunks: usize,
}

/// The sum of the products of all elements that meet, for every element of the result.
///
/// # Safety
/// As [`Vector`]; the convolution exists, and operands and output are valid for its shapes with `chunks` chunks a row.
#[inline(always)]
pub(super) unsafe fn convolve<V: Vector>(k: &Convolve<V::Scalar>) {
    // SAFETY: handed on to the caller.
    unsafe {
        let convolution = &*k.convolution;
        let (meetings, positions) = (&convolution.meetings, convolution.positions());
        for row in 0..convolution.blocks * positions {
            let (block, position) = (row / positions, row % positions);
            let met = meetings.starts[position] as usize..meetings.starts[position + 1] as usize;
            let pairs = &meetings.pairs[met];
            for c in 0..k.chunks {
                let mut total = V::splat(V::Scalar::from_f64(0.0));
                for term in 0..convolution.terms {
                    let [left, right] = convolution.channels(block, term);
                    for [i, j] in pairs {
                        let a: V = k.a.row::<V>(left + *i as usize).chunk(c);
                        let b: V = k.b.row::<V>(right + *j as usize).chunk(c);
                        total = a.mul_add(b, total);
                    }
                }
                total.store(k.out.add((row * k.chunks + c) * V::LANES));
            }
        }
    }
}
