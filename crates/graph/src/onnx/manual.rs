//! The list of supported operators, `docs/operators.md`, and which line of it applies to a node that is refused.

/// The page, as it ships with the crate.
const PAGE: &str = include_str!("../../docs/operators.md");

/// Its name in messages.
const NAME: &str = "docs/operators.md";

/// Sections for what is wrong with a node whatever its operator.
const BATCH: &str = "## The batch";
const ELEMENT_TYPES: &str = "## Element types";

/// Words of the paragraph that says which operators are meant.
const DOMAIN: &str = "domain `ai.onnx`";

/// A row of a table of operators.
struct Row<'a> {
    /// Line number, from 1.
    line: usize,
    /// The operators, separated by commas.
    operators: &'a str,
    /// What it says of them.
    notes: String,
}

fn rows() -> impl Iterator<Item = Row<'static>> {
    let row = |(i, text): (usize, &'static str)| {
        let cells: Vec<&str> = text.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let (operators, notes) = cells.split_first()?;
        let titles = *operators == "operator" || operators.starts_with('-');
        let notes = notes.iter().filter(|note| !note.is_empty()).copied().collect::<Vec<_>>().join("; ");
        (!titles).then_some(Row { line: i + 1, operators, notes })
    };
    PAGE.lines().enumerate().filter_map(row)
}

/// Number of the line that contains a text.
fn line_of(text: &str) -> Option<usize> {
    PAGE.lines().position(|line| line.contains(text)).map(|i| i + 1)
}

/// The line that applies to an operator of ONNX's own domain, refused for a reason.
pub(super) fn operator(operator: &str, reason: &str) -> String {
    let section = if reason.contains("batch") {
        Some(BATCH)
    } else if reason.starts_with("element type") {
        Some(ELEMENT_TYPES)
    } else {
        None
    };
    if let Some(line) = section.and_then(line_of) {
        return format!("{NAME} line {line}");
    }
    match rows().find(|row| row.operators.split(", ").any(|name| name == operator)) {
        Some(Row { line, notes, .. }) if notes.is_empty() => format!("{NAME} line {line}"),
        Some(Row { line, notes, .. }) => format!("{NAME} line {line}: {notes}"),
        None => {
            let first = rows().next().map_or(1, |row| row.line);
            format!("not among the operators of {NAME}, from line {first} on")
        }
    }
}

/// The line that applies to an operator of another domain.
pub(super) fn other_domain() -> String {
    format!("{NAME} line {}", line_of(DOMAIN).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::super::operators::rule;
    use super::super::proto::NodeProto;
    use super::*;

    /// All operators of ONNX up to operator set 23, from its own schemas.
    const ONNX: &str = "Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool \
        BatchNormalization Bernoulli BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike \
        Ceil Celu CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape Conv \
        ConvInteger ConvTranspose Cos Cosh CumSum DFT DeformConv DepthToSpace DequantizeLinear Det Div Dropout \
        DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND \
        Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization \
        HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity If ImageDecoder InstanceNormalization IsInf \
        IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool MatMul \
        MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul \
        Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement \
        OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN RandomNormal \
        RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum \
        ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape \
        Resize ReverseSequence RoiAlign RotaryEmbedding Round STFT Scan ScatterElements ScatterND Selu SequenceAt \
        SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink Sigmoid \
        Sign Sin Sinh Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence \
        Sqrt Squeeze StringConcat StringNormalizer StringSplit Sub Sum Swish Tan Tanh TensorScatter TfIdfVectorizer \
        ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Where Xor";

    fn is_read(operator: &str) -> bool {
        rule(&NodeProto { op_type: Some(operator.into()), ..NodeProto::default() }).is_ok()
    }

    #[test]
    fn the_page_lists_exactly_the_operators_that_are_read() {
        let refused = line_of("## Not supported").unwrap();
        let listed = |yes: bool| {
            rows().filter(move |row| (row.line < refused) == yes).flat_map(|row| row.operators.split(", "))
        };
        let known: Vec<&str> = ONNX.split_whitespace().collect();
        for operator in listed(true).chain(listed(false)) {
            assert!(known.contains(&operator), "{operator} is no operator of ONNX");
        }
        for operator in known {
            let times = listed(true).filter(|name| *name == operator).count();
            assert_eq!(times, usize::from(is_read(operator)), "{operator} in the tables");
            let excused = listed(false).filter(|name| *name == operator).count();
            assert!(excused <= usize::from(!is_read(operator)), "{operator} under \"Not supported\"");
        }
    }

    #[test]
    fn messages_name_the_line_that_says_so() {
        let line = |text: &str| -> &str {
            let number = text.split("line ").nth(1).unwrap();
            let number: usize = number.split([':', ' ']).next().unwrap().parse().unwrap();
            PAGE.lines().nth(number - 1).unwrap()
        };
        let attention = operator("Attention", "has caches of past keys");
        assert!(line(&attention).starts_with("| Attention |"), "{attention}");
        assert!(attention.ends_with(line(&attention).split('|').nth(2).unwrap().trim()), "{attention}");
        assert!(line(&operator("Loop", "control flow is not supported")).contains("Loop"));
        assert_eq!(line(&operator("Gemm", "a product of [2] and [3]")), "| Gemm, MatMul | |");
        assert_eq!(line(&operator("Add", "mixes samples of the batch")), BATCH);
        assert_eq!(line(&operator("Cast", "element type string is not supported")), ELEMENT_TYPES);
        assert!(line(&other_domain()).contains("ai.onnx"));
        let unknown = operator("Frobnicate", "this operator is not supported");
        assert!(unknown.starts_with("not among") && line(&unknown).starts_with('|'), "{unknown}");
    }
}
