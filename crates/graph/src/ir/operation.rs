//! The primitive operations.

use super::{Function, Role, Window};
use std::sync::Arc;

/// A primitive operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// A value given by the caller.
    Input,
    /// Values known when the graph is built.
    Constant(Arc<[f64]>),
    /// A function of every element.
    Map(Function),
    /// The derivative of a function at every element.
    Slope(Function),
    /// a + b, broadcasting.
    Add,
    /// a − b, broadcasting.
    Sub,
    /// a b, elementwise, broadcasting.
    Mul,
    /// a / b, broadcasting.
    Div,
    /// a to the power b, broadcasting.
    Pow,
    /// 1 where the relation holds, 0 elsewhere, broadcasting. Has no derivative.
    Compare(Comparison),
    /// The second argument where the first is not 0, the third elsewhere, broadcasting.
    Select,
    /// Matrix product over the last two axes, broadcasting the others. Both arguments have rank 2 at least.
    MatMul,
    /// A convolution, or the adjoint of one by an argument.
    Convolve {
        /// Strides, dilations, padding, groups, lengths.
        window: Arc<Window>,
        /// Which of the three arguments of the form is the result.
        role: Role,
    },
    /// Sum over axes, which stay with length 1.
    Sum(Vec<usize>),
    /// Sum over all samples, and over all directions where there is one value a direction: one value a call.
    Total,
    /// Largest element over axes, which stay with length 1; NaN if there is one. Ties share the derivative evenly.
    Max(Vec<usize>),
    /// The argument, which derivative passes take for a constant: for shifts that the result does not depend on.
    Detach,
    /// The same elements in row-major order under another shape.
    Reshape(Vec<usize>),
    /// Repetition along axes of length 1 (and new leading axes) up to a shape.
    Expand(Vec<usize>),
    /// Axis i of the result is axis `perm[i]` of the argument.
    Transpose(Vec<usize>),
    /// Arguments one after the other along an axis.
    Concat(usize),
    /// Part of an axis.
    Slice(Span),
    /// Zeros along an axis with the argument placed into a part of it: the adjoint of a slice.
    Embed {
        /// Where the argument goes.
        span: Span,
        /// Length of the axis of the result.
        size: usize,
    },
    /// Listed positions of an axis, each as often as it is listed.
    Gather {
        /// The axis.
        axis: usize,
        /// The positions.
        indices: Arc<[u32]>,
    },
    /// Sums of the elements along an axis by the position that each belongs to: the adjoint of a gather.
    Scatter {
        /// The axis.
        axis: usize,
        /// The position of every element.
        indices: Arc<[u32]>,
        /// Length of the axis of the result.
        size: usize,
    },
}

impl Op {
    /// Does the derivative by this argument vanish wherever there is one?
    pub(crate) fn is_flat(&self, position: usize) -> bool {
        match self {
            Op::Compare(_) | Op::Detach => true,
            Op::Select => position == 0,
            Op::Map(f) => f.is_step(),
            Op::Slope(f) => f.is_piecewise_linear(),
            _ => false,
        }
    }
}

/// A relation of two numbers; false where either is NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// a = b
    Equal,
    /// a < b
    Less,
    /// a ≤ b
    LessOrEqual,
}

impl Comparison {
    /// 1 where it holds, 0 elsewhere.
    pub(crate) fn value(self, a: f64, b: f64) -> f64 {
        f64::from(match self {
            Comparison::Equal => a == b,
            Comparison::Less => a < b,
            Comparison::LessOrEqual => a <= b,
        })
    }
}

/// Positions `start`, `start + step`, … along an axis, `len` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The axis.
    pub axis: usize,
    /// First position.
    pub start: usize,
    /// Number of positions.
    pub len: usize,
    /// Distance from one position to the next; may be negative.
    pub step: i64,
}

impl Span {
    /// The position of index `i`.
    pub(crate) fn position(&self, i: usize) -> usize {
        (self.start as i64 + i as i64 * self.step) as usize
    }
}
