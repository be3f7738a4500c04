//! Reading and writing ONNX: messages, weights, symbolic shapes, and the operators in terms of primitive operations.

mod attention;
mod attributes;
mod budget;
mod convolve;
mod dims;
mod einsum;
mod element;
mod elementwise;
mod entry;
mod functions;
mod import;
mod indexing;
mod integers;
mod interface;
mod linear;
mod logic;
mod lookup;
mod manual;
mod normalise;
mod operators;
mod padding;
mod pooling;
pub(crate) mod proto;
mod reduce;
mod refusal;
mod resize;
mod sequences;
mod shaping;
mod sources;
mod survey;
mod tensor;
mod terms;
mod write;

pub(crate) use budget::Budget;
pub use element::from_half;
pub(crate) use elementwise::SELU;
pub(crate) use import::{Import, import};
pub(crate) use interface::Interface;
pub use write::WriteOptions;
pub(crate) use write::encode;

/// What a file may cost. Checked before memory is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes for the file, its weights, and the values of one evaluation, each.
    pub memory: u64,
}

impl Default for Limits {
    /// 8 GiB.
    fn default() -> Self {
        Limits { memory: 8 << 30 }
    }
}

/// Operator sets that are read.
pub(crate) const OPSETS: std::ops::RangeInclusive<i64> = 13..=23;
