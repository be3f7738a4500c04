//! Every rule refuses to mix samples, and names the node that would.

use super::build::{Model, int, ints, text};
use super::checks::numbers;
use crate::{Error, Graph, Limits};

/// The first node of some that is refused: its name and the reason.
fn refusal(model: &Model) -> (String, String) {
    match Graph::from_bytes(&model.bytes(), &Limits::default()) {
        Err(Error::Unsupported { nodes, .. }) => (nodes[0].node.clone(), nodes[0].reason.clone()),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[track_caller]
fn refuses(model: Model) {
    let (node, reason) = refusal(&model.node("y = Reshape z back"));
    assert_eq!(node, "node z", "{reason}");
    assert!(reason.contains("batch"), "{reason}");
}

/// x of images [batch, 2, 3, 3].
fn images() -> Model {
    Model::new(&[2, 3, 3])
        .integers("back", &[-1, 2, 3, 3])
        .integers("zero", &[0])
        .integers_of("first", &[], &[0])
        .floats("w", &[2, 2, 1, 1], &numbers(4, 1))
        .floats("two", &[2], &[1.0, 2.0])
}

#[test]
fn reductions_and_sums_over_the_batch() {
    for operator in [
        "ReduceSum",
        "ReduceMean",
        "ReduceMax",
        "ReduceMin",
        "ReduceProd",
        "ReduceSumSquare",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
    ] {
        refuses(images().node(&format!("z = {operator} x zero")));
        refuses(images().node(&format!("z = {operator} x")));
    }
    refuses(images().node_with("z = Softmax x", vec![int("axis", 0)]));
    refuses(images().node_with("z = LogSoftmax x", vec![int("axis", -4)]));
    refuses(images().node("z = CumSum x first"));
    refuses(images().node_with("z = LpNormalization x", vec![int("axis", 0)]));
    refuses(images().floats("s", &[1], &[1.0]).node_with("z = LayerNormalization x s", vec![int("axis", 0)]));
    refuses(images().floats("s", &[1], &[1.0]).node_with("z = RMSNormalization x s", vec![int("axis", 0)]));
    let training = vec![int("training_mode", 1)];
    refuses(images().node_with("z = BatchNormalization x two two two two", training));
}

#[test]
fn windows_and_products_over_the_batch() {
    let moved = || images().node_with("m = Transpose x", vec![ints("perm", &[1, 0, 2, 3])]);
    refuses(moved().node("z = Conv m w"));
    refuses(moved().node("z = ConvTranspose m w"));
    refuses(moved().node_with("z = MaxPool m", vec![ints("kernel_shape", &[1, 1])]));
    refuses(moved().node_with("z = AveragePool m", vec![ints("kernel_shape", &[1, 1])]));
    let last = || images().node_with("m = Transpose x", vec![ints("perm", &[1, 2, 3, 0])]);
    refuses(last().node("z = GlobalAveragePool m"));
    refuses(last().node("z = GlobalMaxPool m"));
    refuses(last().floats("c", &[3], &[1.0; 3]).node("z = InstanceNormalization m c c"));
    for equation in ["bcij,dcij->bd", "bcij,bcij->cij", "bcij,bdij->cd"] {
        refuses(images().node_with("z = Einsum x x", vec![text("equation", equation)]));
    }
    refuses(images().node_with("z = Einsum x", vec![text("equation", "bcij->cij")]));
    refuses(last().node("n = Sin x").node("z = MatMul n m"));
}

#[test]
fn moves_of_the_batch() {
    let pads = |pads: &[i64]| images().integers("p", pads).node("z = Pad x p");
    refuses(pads(&[1, 0, 0, 0, 0, 0, 0, 0]));
    refuses(pads(&[0, 0, 0, 0, -1, 0, 0, 0]));
    refuses(images().integers("r", &[2, 1, 1, 1]).node("z = Tile x r"));
    refuses(images().floats("s", &[4], &[2.0, 1.0, 1.0, 1.0]).node("z = Resize x _ s"));
    refuses(images().integers("s", &[2, 2, 3, 3]).node("z = Resize x _ _ s"));
    refuses(images().node("z = Gather x zero"));
    refuses(images().integers_of("i", &[1, 1], &[0]).node("z = GatherND x i"));
    refuses(images().integers_of("i", &[1, 2, 3, 3], &[0; 18]).node("z = GatherElements x i"));
    let update = images().floats("u", &[1, 2, 3, 3], &[0.0; 18]);
    refuses(update.integers_of("i", &[1, 1], &[0]).node("z = ScatterND x i u"));
    let update = images().floats("u", &[1, 2, 3, 3], &[0.0; 18]);
    refuses(update.integers_of("i", &[1, 2, 3, 3], &[0; 18]).node("z = ScatterElements x i u"));
    refuses(images().node_with("m = Transpose x", vec![ints("perm", &[1, 2, 3, 0])]).node("z = Trilu m"));
    refuses(
        images()
            .node_with("m = Concat x x", vec![int("axis", 1)])
            .node_with("z = Concat m m", vec![int("axis", 0)]),
    );
    let moved = images().node_with("m = Transpose x", vec![ints("perm", &[1, 0, 2, 3])]);
    refuses(moved.node_with("z = DepthToSpace m", vec![int("blocksize", 1)]));
}

#[test]
fn combinations_of_different_samples() {
    let fixed = || images().floats("c", &[3, 2, 3, 3], &[0.0; 54]);
    for operator in ["Max", "Min", "Less", "Equal", "PRelu", "Sum"] {
        refuses(fixed().node(&format!("z = {operator} x c")));
    }
    refuses(fixed().node("b = Less x x").node("z = Where b x c"));
    refuses(fixed().node("z = Clip x c"));
    let attention = Model::new(&[2, 3, 3]).integers("back", &[-1, 2, 3, 3]).opset(23);
    let swapped = attention.node_with("m = Transpose x", vec![ints("perm", &[1, 0, 2, 3])]);
    refuses(swapped.node("z = Attention m x x"));
}

#[test]
fn everything_unsupported_is_listed_with_its_reason() {
    let model = images()
        .node_with("a = Resize x _ one", vec![text("mode", "sinc")])
        .floats("one", &[4], &[1.0, 1.0, 2.0, 2.0])
        .node_with("b = MaxPool x", vec![ints("kernel_shape", &[2])])
        .node("c = NonMaxSuppression x")
        .node_with("d = LpNormalization x", vec![int("p", 3)])
        .node("y = Exp x");
    let Err(Error::Unsupported { nodes, .. }) = Graph::from_bytes(&model.bytes(), &Limits::default()) else {
        panic!("expected a refusal")
    };
    let names: Vec<&str> = nodes.iter().map(|n| n.node.as_str()).collect();
    assert_eq!(names, ["node a", "node b", "node c", "node d"]);
    for (node, word) in nodes.iter().zip(["sinc", "kernel_shape", "not supported", "order 3"]) {
        assert!(node.reason.contains(word), "{node:?}");
    }
}
