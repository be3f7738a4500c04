//! Which operator is read by which rule.

use super::attributes::{Attributes, bind};
use super::functions;
use super::import::{Importer, Value};
use super::proto::NodeProto;
use super::{
    attention, convolve, einsum, elementwise, indexing, integers, linear, logic, lookup, normalise, padding,
    pooling, reduce, resize, sequences, shaping, sources,
};
use crate::ir::{Function, NodeId, Op};

/// The results of a node. `Err(None)`: an argument failed before, which has been reported.
pub(super) fn lower<'a>(
    importer: &mut Importer<'a>,
    node: &'a NodeProto,
) -> Result<Vec<Value>, Option<String>> {
    let attributes = bind(node, importer.frames.last());
    let function = importer.functions.find(node);
    let rule = if function.is_none() { Some(rule(node).map_err(Some)?) } else { None };
    let mut arguments = Vec::with_capacity(node.input.len());
    for i in 0..node.input.len() {
        arguments.push(importer.argument(node, i).map_err(Some)?);
    }
    if let Some(function) = function {
        return functions::call(importer, node, function, attributes, arguments).map_err(Some);
    }
    if arguments.iter().any(|a| matches!(a, Some(Value::Failed))) {
        return Err(None);
    }
    let (attributes, outputs) = (Attributes(&attributes), node.output.len());
    let operator = node.op_type.as_deref().unwrap_or("");
    let call = Call { operator, attributes, arguments, outputs };
    let rule = rule.ok_or(None)?;
    let results = match integers::lower(importer, &call, rule) {
        Some(results) => results,
        None => rule(importer, &call).and_then(|results| keep_whole(importer, &call, results)),
    };
    attributes.misread().map_or(results, Err).map_err(Some)
}

/// Whether a node could be read, without reading it: where there is no room for more, further nodes are only looked at.
pub(super) fn look(importer: &Importer, node: &NodeProto) -> Result<Vec<Value>, Option<String>> {
    if importer.functions.find(node).is_none() {
        rule(node).map_err(Some)?;
    }
    Err(None)
}

/// Operators on integers make integers, relations truth values; quotients lose their fraction.
fn keep_whole(importer: &mut Importer, call: &Call, results: Vec<Value>) -> Result<Vec<Value>, String> {
    let nodes: Vec<NodeId> = call.arguments.iter().flatten().filter_map(Value::node).collect();
    let truth = matches!(
        call.operator(),
        "Equal"
            | "Less"
            | "LessOrEqual"
            | "Greater"
            | "GreaterOrEqual"
            | "And"
            | "Or"
            | "Xor"
            | "Not"
            | "IsNaN"
            | "IsInf"
    );
    let whole = !nodes.is_empty() && nodes.iter().all(|node| importer.whole.contains(node));
    if !(whole || truth) || call.operator() == "Cast" || call.operator() == "CastLike" {
        return Ok(results);
    }
    let keep = |value: Value| match value {
        Value::Data { node, dims } => {
            let divides = call.operator() == "Div";
            let node = if divides { importer.emit(Op::Map(Function::Truncate), &[node])? } else { node };
            importer.whole.insert(node);
            Ok(Value::Data { node, dims })
        }
        other => Ok(other),
    };
    results.into_iter().map(keep).collect()
}

/// A node with the values of its arguments.
#[derive(Clone)]
pub(super) struct Call<'a> {
    operator: &'a str,
    pub attributes: Attributes<'a>,
    pub arguments: Vec<Option<Value>>,
    pub outputs: usize,
}

impl<'a> Call<'a> {
    /// An optional argument.
    pub fn optional(&self, i: usize) -> Option<Value> {
        self.arguments.get(i).cloned().flatten()
    }

    /// An argument that must be there.
    pub fn required(&self, i: usize) -> Result<Value, String> {
        self.optional(i).ok_or_else(|| format!("has no argument {i}"))
    }

    /// Name of the operator.
    pub fn operator(&self) -> &'a str {
        self.operator
    }
}

pub(super) type Rule = fn(&mut Importer, &Call) -> Result<Vec<Value>, String>;

pub(super) fn rule(node: &NodeProto) -> Result<Rule, String> {
    if !functions::is_standard(&node.domain) {
        return Err("this operator domain is not supported".into());
    }
    Ok(match node.op_type.as_deref().unwrap_or("") {
        "Neg" | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Sin" | "Cos" | "Tan" | "Asin" | "Acos" | "Atan"
        | "Sinh" | "Cosh" | "Asinh" | "Acosh" | "Atanh" | "Abs" | "Sign" | "Floor" | "Ceil" | "Round"
        | "Erf" | "Sigmoid" | "Tanh" | "Relu" | "LeakyRelu" | "Elu" | "Celu" | "Selu" | "Softplus"
        | "Swish" | "Gelu" => elementwise::map,
        "Add" | "Sub" | "Mul" | "Div" => elementwise::binary,
        "Mod" => elementwise::remainder,
        "Pow" => elementwise::power,
        "Gemm" => linear::gemm,
        "MatMul" => linear::matmul,
        "Einsum" => einsum::einsum,
        "Conv" => convolve::convolution,
        "ConvTranspose" => convolve::transposed,
        "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceSumSquare"
        | "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" => reduce::reduce,
        "Softmax" | "LogSoftmax" => reduce::softmax,
        "CumSum" => reduce::cumulative_sum,
        "LayerNormalization" | "RMSNormalization" => normalise::layer,
        "InstanceNormalization" => normalise::instance,
        "GroupNormalization" => normalise::group,
        "BatchNormalization" => normalise::batch,
        "LpNormalization" => normalise::unit,
        "Resize" => resize::resize,
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" => logic::compare,
        "And" | "Or" | "Xor" | "Not" => logic::logic,
        "IsNaN" | "IsInf" => logic::classify,
        "Where" => logic::choose,
        "Clip" => logic::clip,
        "Max" | "Min" => logic::extreme,
        "Identity" | "Dropout" => shaping::identity,
        "Cast" => shaping::cast,
        "CastLike" => shaping::cast_like,
        "SequenceConstruct" | "SequenceEmpty" => sequences::construct,
        "SequenceAt" => sequences::at,
        "SequenceInsert" => sequences::insert,
        "SplitToSequence" => sequences::split,
        "ConcatFromSequence" => sequences::concat,
        "Constant" => sources::constant,
        "Shape" => sources::shape,
        "Size" => sources::size,
        "ConstantOfShape" => sources::constant_of_shape,
        "EyeLike" => sources::eye_like,
        "Range" => sources::range,
        "Gather" => indexing::gather,
        "GatherElements" => indexing::gather_elements,
        "GatherND" => indexing::gather_nd,
        "OneHot" => lookup::one_hot,
        "ScatterND" | "ScatterElements" => indexing::scatter,
        "Trilu" => indexing::triangle,
        "Tile" => indexing::tile,
        "DepthToSpace" | "SpaceToDepth" => indexing::blocks,
        "Pad" => padding::pad,
        "AveragePool" => pooling::average,
        "MaxPool" => pooling::max,
        "GlobalAveragePool" | "GlobalMaxPool" => pooling::global,
        "Attention" => attention::attention,
        "RotaryEmbedding" => attention::rotary,
        "Mish" | "HardSigmoid" | "HardSwish" | "PRelu" | "ThresholdedRelu" | "Softsign" | "Shrink" => {
            elementwise::composed
        }
        "Sum" | "Mean" => elementwise::total,
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
