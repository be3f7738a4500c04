//! Which operator is read by which rule.

use super::attributes::Attributes;
use super::import::{Importer, Value};
use super::proto::NodeProto;
use super::{elementwise, linear, shaping};

/// The results of a node. `Err(None)`: an argument failed before, which has been reported.
pub(super) fn lower(importer: &mut Importer, node: &NodeProto) -> Result<Vec<Value>, Option<String>> {
    let rule = rule(node).map_err(Some)?;
    let mut arguments = Vec::with_capacity(node.input.len());
    for i in 0..node.input.len() {
        let argument = importer.argument(node, i).map_err(Some)?;
        if matches!(argument, Some(Value::Failed)) {
            return Err(None);
        }
        arguments.push(argument);
    }
    rule(importer, &Call { attributes: Attributes(node), arguments, outputs: node.output.len() })
        .map_err(Some)
}

/// A node with the values of its arguments.
pub(super) struct Call<'a> {
    pub attributes: Attributes<'a>,
    pub arguments: Vec<Option<Value>>,
    pub outputs: usize,
}

impl Call<'_> {
    /// An optional argument.
    pub fn optional(&self, i: usize) -> Option<Value> {
        self.arguments.get(i).cloned().flatten()
    }

    /// An argument that must be there.
    pub fn required(&self, i: usize) -> Result<Value, String> {
        self.optional(i).ok_or_else(|| format!("has no argument {i}"))
    }

    /// Name of the operator.
    pub fn operator(&self) -> &str {
        self.attributes.0.op_type.as_deref().unwrap_or("")
    }
}

type Rule = fn(&mut Importer, &Call) -> Result<Vec<Value>, String>;

fn rule(node: &NodeProto) -> Result<Rule, String> {
    if !matches!(node.domain.as_deref(), None | Some("" | "ai.onnx")) {
        return Err("this operator domain is not supported".into());
    }
    Ok(match node.op_type.as_deref().unwrap_or("") {
        "Neg" | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Sin" | "Cos" | "Erf" | "Sigmoid" | "Tanh"
        | "Relu" | "LeakyRelu" | "Elu" | "Celu" | "Selu" | "Softplus" | "Swish" | "Gelu" => elementwise::map,
        "Add" | "Sub" | "Mul" | "Div" => elementwise::binary,
        "Pow" => elementwise::power,
        "Gemm" => linear::gemm,
        "MatMul" => linear::matmul,
        "ReduceSum" | "ReduceMean" => linear::reduce,
        "LayerNormalization" => linear::layer_normalization,
        "Identity" | "Dropout" => shaping::identity,
        "Cast" => shaping::cast,
        "Constant" => shaping::constant,
        "Shape" => shaping::shape,
        "Gather" => shaping::gather,
        "Reshape" => shaping::reshape,
        "Flatten" => shaping::flatten,
        "Unsqueeze" => shaping::unsqueeze,
        "Squeeze" => shaping::squeeze,
        "Transpose" => shaping::transpose,
        "Expand" => shaping::expand,
        "Concat" => shaping::concat,
        "Slice" => shaping::slice,
        "Split" => shaping::split,
        "If" | "Loop" | "Scan" => return Err("control flow is not supported".into()),
        _ => return Err("this operator is not supported".into()),
    })
}
