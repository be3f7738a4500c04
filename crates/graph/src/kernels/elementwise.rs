//! Kernels on rows of lanes: arithmetic of two operands, selections, copies and reductions.

use super::vector::{Element, Vector};
use super::view::View;
use crate::ir::Comparison;

/// Arithmetic of two operands; relations give 1 or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Compare(Comparison),
}

/// Arguments of [`binary`].
pub(crate) struct Binary<T> {
    pub arithmetic: Arithmetic,
    pub a: View<T>,
    pub b: View<T>,
    pub out: *mut T,
    pub rows: usize,
    pub chunks: usize,
}

/// Runs an expression of two operands over all rows.
macro_rules! pairs {
    ($k:expr, $V:ty, $a:ident, $b:ident => $result:expr) => {
        match ($k.a.splat, $k.b.splat) {
            (false, false) => pairs!($k, $V, $a, $b, false, false => $result),
            (false, true) => pairs!($k, $V, $a, $b, false, true => $result),
            (true, false) => pairs!($k, $V, $a, $b, true, false => $result),
            (true, true) => pairs!($k, $V, $a, $b, true, true => $result),
        }
    };
    ($k:expr, $V:ty, $a:ident, $b:ident, $left:literal, $right:literal => $result:expr) => {{
        let (k, lanes) = ($k, <$V>::LANES);
        // Rows of one chunk at equal distances need no address of their own.
        if k.chunks == 1 && k.a.rows.is_null() && k.b.rows.is_null() {
            let (mut left, mut right, mut out) = (k.a.base, k.b.base, k.out);
            let (left_stride, right_stride) = (k.a.stride, k.b.stride);
            for _ in 0..k.rows {
                let $a = <$V>::load_or_splat::<$left>(left, 0);
                let $b = <$V>::load_or_splat::<$right>(right, 0);
                $result.store(out);
                left = left.wrapping_add(left_stride);
                right = right.wrapping_add(right_stride);
                out = out.wrapping_add(lanes);
            }
            return;
        }
        for r in 0..k.rows {
            let (left, right) = (k.a.start(r), k.b.start(r));
            let out = k.out.add(r * k.chunks * lanes);
            for c in 0..k.chunks {
                let $a = <$V>::load_or_splat::<$left>(left, c);
                let $b = <$V>::load_or_splat::<$right>(right, c);
                $result.store(out.add(c * lanes));
            }
        }
    }};
}

/// Elementwise arithmetic.
///
/// # Safety
/// As [`Vector`]; operands and output are valid for `rows` rows of `chunks` chunks.
#[inline(always)]
pub(super) unsafe fn binary<V: Vector>(k: &Binary<V::Scalar>) {
    // SAFETY: handed on to the caller.
    unsafe {
        match k.arithmetic {
            Arithmetic::Add => pairs!(k, V, a, b => a.add(b)),
            Arithmetic::Sub => pairs!(k, V, a, b => a.sub(b)),
            Arithmetic::Mul => pairs!(k, V, a, b => a.mul(b)),
            Arithmetic::Div => pairs!(k, V, a, b => a.div(b)),
            Arithmetic::Compare(comparison) => {
                let (one, zero) = (V::splat(V::Scalar::from_f64(1.0)), V::splat(V::Scalar::from_f64(0.0)));
                match comparison {
                    Comparison::Equal => pairs!(k, V, a, b => V::select(a.eq(b), one, zero)),
                    Comparison::Less => pairs!(k, V, a, b => V::select(b.gt(a), one, zero)),
                    Comparison::LessOrEqual => {
                        pairs!(k, V, a, b => V::select(b.gt(a), one, V::select(a.eq(b), one, zero)))
                    }
                }
            }
            Arithmetic::Pow => {
                let width = k.chunks * V::LANES;
                for i in 0..k.rows * width {
                    let (r, lane) = (i / width, i % width);
                    *k.out.add(i) = k.a.element(r, lane).power(k.b.element(r, lane));
                }
            }
        }
    }
}

/// Arguments of [`select`].
pub(crate) struct Select<T> {
    pub condition: View<T>,
    pub a: View<T>,
    pub b: View<T>,
    pub out: *mut T,
    pub rows: usize,
    pub chunks: usize,
}

/// `a` where the condition is not 0, `b` elsewhere.
///
/// # Safety
/// As [`Vector`]; operands and output are valid for `rows` rows of `chunks` chunks.
#[inline(always)]
pub(super) unsafe fn select<V: Vector>(k: &Select<V::Scalar>) {
    // SAFETY: handed on to the caller.
    unsafe {
        let zero = V::splat(V::Scalar::from_f64(0.0));
        for r in 0..k.rows {
            let (condition, a, b) = (k.condition.row::<V>(r), k.a.row::<V>(r), k.b.row::<V>(r));
            for c in 0..k.chunks {
                let fails = condition.chunk::<V>(c).eq(zero);
                let chosen = V::select(fails, b.chunk(c), a.chunk(c));
                chosen.store(k.out.add((r * k.chunks + c) * V::LANES));
            }
        }
    }
}

/// Arguments of [`copy`].
pub(crate) struct Copy<T> {
    pub input: View<T>,
    pub out: *mut T,
    /// The row of the output for every row of the input; null if they agree.
    pub out_rows: *const u32,
    pub rows: usize,
    pub chunks: usize,
}

/// Copies rows.
///
/// # Safety
/// As [`Vector`]; input and output are valid for the rows named, of `chunks` chunks.
#[inline(always)]
pub(super) unsafe fn copy<V: Vector>(k: &Copy<V::Scalar>) {
    // SAFETY: handed on to the caller.
    unsafe {
        for r in 0..k.rows {
            let row = if k.out_rows.is_null() { r } else { *k.out_rows.add(r) as usize };
            let (input, out) = (k.input.row::<V>(r), k.out.add(row * k.chunks * V::LANES));
            for c in 0..k.chunks {
                let x: V = input.chunk(c);
                x.store(out.add(c * V::LANES));
            }
        }
    }
}

/// How the rows of a group become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduction {
    Sum,
    /// NaN if there is one.
    Max,
}

/// Arguments of [`reduce`].
pub(crate) struct Reduce<T> {
    pub reduction: Reduction,
    /// `rows` groups of `group` rows each.
    pub input: View<T>,
    pub out: *mut T,
    /// Where groups of different lengths start, one more at the end; null if all have the length `group`.
    pub starts: *const u32,
    pub rows: usize,
    pub group: usize,
    pub chunks: usize,
}

/// Reduces groups of rows.
///
/// # Safety
/// As [`Vector`]; input and output are valid for the rows named, of `chunks` chunks.
#[inline(always)]
pub(super) unsafe fn reduce<V: Vector>(k: &Reduce<V::Scalar>) {
    // SAFETY: handed on to the caller.
    unsafe {
        for r in 0..k.rows {
            let start = |r: usize| if k.starts.is_null() { r * k.group } else { *k.starts.add(r) as usize };
            let (first, end) = (start(r), start(r + 1));
            for c in 0..k.chunks {
                let result = match k.reduction {
                    Reduction::Sum => {
                        let mut total = V::splat(V::Scalar::from_f64(0.0));
                        for i in first..end {
                            total = total.add(k.input.row::<V>(i).chunk(c));
                        }
                        total
                    }
                    Reduction::Max => {
                        let mut largest = V::splat(V::Scalar::from_f64(f64::NEG_INFINITY));
                        for i in first..end {
                            let x: V = k.input.row::<V>(i).chunk(c);
                            largest = V::select(x.eq(x), V::select(x.gt(largest), x, largest), x);
                        }
                        largest
                    }
                };
                result.store(k.out.add((r * k.chunks + c) * V::LANES));
            }
        }
    }
}
