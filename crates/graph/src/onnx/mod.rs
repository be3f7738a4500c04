//! Reading ONNX: messages, weights, symbolic shapes, and the operators in terms of primitive operations.

mod attributes;
mod dims;
mod elementwise;
mod entry;
mod functions;
mod import;
mod integers;
mod linear;
mod operators;
pub(crate) mod proto;
mod shaping;
mod tensor;

pub(crate) use import::{Import, import};

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

/// Element types that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ElementType {
    Float,
    Double,
    Int32,
    Int64,
    Bool,
}

impl ElementType {
    fn from_code(code: i32) -> Result<Self, String> {
        const NAMES: [&str; 17] = [
            "undefined",
            "float",
            "uint8",
            "int8",
            "uint16",
            "int16",
            "int32",
            "int64",
            "string",
            "bool",
            "float16",
            "double",
            "uint32",
            "uint64",
            "complex64",
            "complex128",
            "bfloat16",
        ];
        Ok(match code {
            1 => ElementType::Float,
            6 => ElementType::Int32,
            7 => ElementType::Int64,
            9 => ElementType::Bool,
            11 => ElementType::Double,
            _ => {
                let name = usize::try_from(code).ok().and_then(|c| NAMES.get(c));
                let name = name.map_or_else(|| format!("number {code}"), |n| n.to_string());
                return Err(format!(
                    "element type {name} is not supported (float, double, int32, int64, bool are)"
                ));
            }
        })
    }

    fn is_float(self) -> bool {
        matches!(self, ElementType::Float | ElementType::Double)
    }

    /// Bytes of an element.
    fn size(self) -> usize {
        match self {
            ElementType::Bool => 1,
            ElementType::Float | ElementType::Int32 => 4,
            ElementType::Double | ElementType::Int64 => 8,
        }
    }
}
