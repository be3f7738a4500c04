//! Element types of tensors.

use super::tensor::Values;

/// Element types that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElementType {
    Float,
    Double,
    Float16,
    BFloat16,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Bool,
}

impl ElementType {
    /// The type of a number in a file.
    pub fn from_code(code: i32) -> Result<Self, String> {
        Ok(match code {
            1 => ElementType::Float,
            2 => ElementType::Uint8,
            3 => ElementType::Int8,
            4 => ElementType::Uint16,
            5 => ElementType::Int16,
            6 => ElementType::Int32,
            7 => ElementType::Int64,
            9 => ElementType::Bool,
            10 => ElementType::Float16,
            11 => ElementType::Double,
            12 => ElementType::Uint32,
            13 => ElementType::Uint64,
            16 => ElementType::BFloat16,
            _ => {
                let name = match code {
                    0 => "undefined".into(),
                    8 => "string".into(),
                    14 => "complex64".into(),
                    15 => "complex128".into(),
                    17..=20 => "float8".into(),
                    21 => "uint4".into(),
                    22 => "int4".into(),
                    23 => "float4".into(),
                    _ => format!("number {code}"),
                };
                return Err(format!(
                    "element type {name} is not supported (floating point of 16 bits or more, integers of 8 bits or \
                     more and bool are)"
                ));
            }
        })
    }

    pub fn is_float(self) -> bool {
        matches!(
            self,
            ElementType::Float | ElementType::Double | ElementType::Float16 | ElementType::BFloat16
        )
    }

    /// Bytes of an element.
    pub fn size(self) -> usize {
        match self {
            ElementType::Bool | ElementType::Int8 | ElementType::Uint8 => 1,
            ElementType::Float16 | ElementType::BFloat16 | ElementType::Int16 | ElementType::Uint16 => 2,
            ElementType::Float | ElementType::Int32 | ElementType::Uint32 => 4,
            ElementType::Double | ElementType::Int64 | ElementType::Uint64 => 8,
        }
    }

    /// The numbers that little-endian bytes stand for.
    pub fn decode(self, raw: &[u8]) -> Result<Values, String> {
        fn floats<const N: usize>(raw: &[u8], number: impl Fn([u8; N]) -> f64) -> Values {
            Values::Floats(items(raw).map(number).collect())
        }
        fn integers<const N: usize, T: Into<i64>>(raw: &[u8], number: impl Fn([u8; N]) -> T) -> Values {
            Values::Integers(items(raw).map(|b| number(b).into()).collect())
        }
        Ok(match self {
            ElementType::Float => floats(raw, |b| f32::from_le_bytes(b).into()),
            ElementType::Double => floats(raw, f64::from_le_bytes),
            ElementType::Float16 => floats(raw, |b| from_half(u16::from_le_bytes(b))),
            ElementType::BFloat16 => floats(raw, |b| from_brain(u16::from_le_bytes(b))),
            ElementType::Int8 => integers(raw, i8::from_le_bytes),
            ElementType::Int16 => integers(raw, i16::from_le_bytes),
            ElementType::Int32 => integers(raw, i32::from_le_bytes),
            ElementType::Int64 => integers(raw, i64::from_le_bytes),
            ElementType::Uint8 => integers(raw, u8::from_le_bytes),
            ElementType::Uint16 => integers(raw, u16::from_le_bytes),
            ElementType::Uint32 => integers(raw, u32::from_le_bytes),
            ElementType::Uint64 => unsigned(items(raw).map(u64::from_le_bytes))?,
            ElementType::Bool => integers(raw, |[b]: [u8; 1]| b != 0),
        })
    }
}

fn items<const N: usize>(raw: &[u8]) -> impl Iterator<Item = [u8; N]> {
    raw.chunks_exact(N).map(|c| c.try_into().unwrap_or([0; N]))
}

/// Integers up to 64 bits without sign, which must fit into 63.
pub(super) fn unsigned(numbers: impl Iterator<Item = u64>) -> Result<Values, String> {
    let signed = |n: u64| i64::try_from(n).map_err(|_| format!("holds {n}, which is beyond 63 bits"));
    Ok(Values::Integers(numbers.map(signed).collect::<Result<_, _>>()?))
}

/// The number of IEEE's binary16: a sign, 5 bits of exponent, 10 of fraction.
pub fn from_half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 0x3ff) / 1024.0);
    sign * match exponent {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

/// The number of bfloat16: the upper half of a binary32.
pub(super) fn from_brain(bits: u16) -> f64 {
    f32::from_bits(u32::from(bits) << 16).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_exactly() {
        let cases = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0400, 6.103515625e-5),
            (0x0001, 5.960464477539063e-8),
            (0x3555, 0.333251953125),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ];
        for (bits, number) in cases {
            assert_eq!(from_half(bits), number, "{bits:#x}");
        }
        assert!(from_half(0x8000).is_sign_negative() && from_half(0x7e00).is_nan());
        assert_eq!(
            [from_brain(0x3f80), from_brain(0xc049), from_brain(0x0001)],
            [1.0, -3.140625, 2f64.powi(-133)]
        );
    }
}
