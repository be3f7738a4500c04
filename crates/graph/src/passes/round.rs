//! Weights as they are stored in fewer bits.

use crate::ir::{Graph, NodeId, Op};

/// A number format for weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightFormat {
    /// IEEE half precision: 11 significant bits, normal from 2⁻¹⁴ to 65504. All weights.
    F16,
    /// The upper half of single precision: 8 significant bits, its range. All weights.
    Bf16,
    /// Whole multiples −127 … 127 of one scale a tensor, max|w|/127: symmetric, per tensor. The factors of matrix products
    /// and convolutions only; what is added stays as it is.
    Int8,
}

/// A binary floating-point format with subnormal numbers.
struct Floating {
    significant_bits: i32,
    least_exponent: i32,
    largest: f64,
}

const HALF: Floating = Floating { significant_bits: 11, least_exponent: -14, largest: 65504.0 };
const BFLOAT: Floating =
    Floating { significant_bits: 8, least_exponent: -126, largest: 255.0 * (1u128 << 120) as f64 };

/// Largest multiple of the scale of [`WeightFormat::Int8`].
const LEVELS: f64 = 127.0;

impl WeightFormat {
    /// As it is written: `f16`, `bf16`, `int8`.
    pub fn name(self) -> &'static str {
        match self {
            WeightFormat::F16 => "f16",
            WeightFormat::Bf16 => "bf16",
            WeightFormat::Int8 => "int8",
        }
    }

    /// A tensor in this format: every number to the nearest one of the format, ties to even.
    ///
    /// # Errors
    /// A number beyond the largest of the format, which would become infinite; for `int8` one that is not finite.
    pub fn round(self, values: &[f64]) -> Result<Vec<f64>, String> {
        match self {
            WeightFormat::F16 => values.iter().map(|&v| HALF.round(v)).collect(),
            WeightFormat::Bf16 => values.iter().map(|&v| BFLOAT.round(v)).collect(),
            WeightFormat::Int8 => whole_multiples(values),
        }
    }
}

impl Floating {
    /// The nearest number, ties to even. What is not finite stays.
    fn round(&self, value: f64) -> Result<f64, String> {
        if value == 0.0 || !value.is_finite() {
            return Ok(value);
        }
        let exponent = exponent(value).max(self.least_exponent);
        let spacing = 2f64.powi(exponent + 1 - self.significant_bits);
        // Dividing by a power of two is exact.
        let rounded = (value / spacing).round_ties_even() * spacing;
        if rounded.abs() <= self.largest {
            return Ok(rounded);
        }
        Err(format!("{value:e} would become infinite, as the largest number is {:.4e}", self.largest))
    }
}

/// e with 2^e ≤ |value| < 2^{e+1}; of subnormal numbers of f64, which no format here tells from 0, the least one.
fn exponent(value: f64) -> i32 {
    let biased = (value.to_bits() >> 52) & 0x7ff;
    biased as i32 - 1023
}

fn whole_multiples(values: &[f64]) -> Result<Vec<f64>, String> {
    if let Some(value) = values.iter().find(|value| !value.is_finite()) {
        return Err(format!("{value}, which no scale can hold"));
    }
    let scale = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs())) / LEVELS;
    if scale == 0.0 {
        return Ok(values.to_vec());
    }
    Ok(values.iter().map(|value| (value / scale).round_ties_even().clamp(-LEVELS, LEVELS) * scale).collect())
}

/// The network with its weights (the tensors of real numbers that the file names) rounded to a format. All computing
/// stays in the network's own precision: this is what storing the weights in fewer bits does.
///
/// # Errors
/// A weight that the format cannot hold, by its name; a graph without weights to round.
pub fn rounded(graph: &Graph, format: WeightFormat) -> Result<Graph, String> {
    let chosen: Vec<bool> = match format {
        WeightFormat::F16 | WeightFormat::Bf16 => vec![true; graph.parameters.len()],
        WeightFormat::Int8 => factors(graph),
    };
    let mut result = graph.clone();
    let mut count = 0;
    for (parameter, _) in graph.parameters.iter().zip(chosen).filter(|(_, chosen)| *chosen) {
        let Some(values) = graph.constant_values(parameter.node) else { continue };
        let values = format.round(values).map_err(|got| format!("the weight {}: {got}", parameter.name))?;
        result.nodes[parameter.node.0].op = Op::Constant(values.into());
        count += 1;
    }
    if count == 0 {
        return Err("no weights that it applies to".into());
    }
    Ok(result)
}

/// For every weight: is it, perhaps under another arrangement, a factor of a matrix product or a convolution?
fn factors(graph: &Graph) -> Vec<bool> {
    // The weight that a node is an arrangement of.
    let mut origin: Vec<Option<usize>> = vec![None; graph.nodes.len()];
    let mut found = vec![false; graph.parameters.len()];
    for (index, parameter) in graph.parameters.iter().enumerate() {
        origin[parameter.node.0] = Some(index);
    }
    let of = |origin: &[Option<usize>], id: &NodeId| origin[id.0];
    for id in graph.ids() {
        let node = graph.node(id);
        match &node.op {
            Op::Reshape(_) | Op::Transpose(_) | Op::Slice(_) | Op::Expand(_) => {
                origin[id.0] = of(&origin, &node.inputs[0]);
            }
            Op::MatMul | Op::Convolve { .. } => {
                node.inputs
                    .iter()
                    .filter_map(|input| of(&origin, input))
                    .for_each(|index| found[index] = true);
            }
            _ => {}
        }
    }
    found
}
