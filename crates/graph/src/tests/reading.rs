//! What the reader accepts, refuses, and says.

use super::build::{Model, int, ints};
use super::checks::{check, numbers, read};
use crate::{Description, Error, Graph, Limits, UnsupportedNode};

fn refused(model: &Model) -> Vec<UnsupportedNode> {
    match Graph::from_bytes(&model.bytes(), &Limits::default()) {
        Err(Error::Unsupported { nodes, .. }) => nodes,
        other => panic!("expected unsupported nodes, got {other:?}"),
    }
}

#[test]
fn all_unsupported_nodes_are_listed() {
    let model =
        Model::new(&[3]).node("a = Frobnicate x").node("b = If a").node("c = Exp b").node("y = Cast x");
    let nodes = refused(&model);
    let names: Vec<&str> = nodes.iter().map(|n| n.node.as_str()).collect();
    assert_eq!(names, ["node a", "node b", "node y"]);
    assert_eq!(nodes[0].operator, "Frobnicate");
    assert!(nodes[1].reason.contains("control flow"), "{nodes:?}");
}

#[test]
fn models_that_mix_samples_are_refused_by_node() {
    let x = || Model::new(&[3]).integers("zero", &[0]).floats("w", &[3, 3], &numbers(9, 1));
    let mixing = [
        x().node("m = ReduceMean x zero").node("y = Sub x m"),
        x().node_with("m = Transpose x", vec![ints("perm", &[1, 0])])
            .node("p = MatMul x m")
            .node("y = MatMul p x"),
        x().integers("s", &[3, -1]).node("m = Reshape x s").node("y = Reshape m s"),
        x().node_with("m = Concat x x", vec![int("axis", 0)]).node("y = Exp m"),
        x().node("m = Add x w").node("y = Exp m"),
        x().node("y = Add x t"),
    ];
    for model in &mixing {
        let nodes = refused(model);
        assert_eq!(nodes.len(), 1, "{nodes:?}");
        assert!(nodes[0].reason.contains("batch"), "{nodes:?}");
    }
}

#[test]
fn shape_arithmetic_with_the_batch_is_resolved() {
    let model = Model::new(&[2, 3])
        .integers("zero", &[0])
        .integers("six", &[6])
        .node("s = Shape x")
        .node_with("b = Gather s zero", vec![int("axis", 0)])
        .node_with("flat = Concat b six", vec![int("axis", 0)])
        .node("f = Reshape x flat")
        .node("g = Exp f")
        .node("y = Reshape g s");
    check(&model, |_, x| x.iter().map(|x| x.exp()).collect());
}

#[test]
fn integers_of_the_time_divide_without_fraction() {
    let model = Model::new(&[2])
        .floats("hundred", &[], &[100.0])
        .integers("seven", &[7])
        .integers("minus", &[-7])
        .node("s = Mul t hundred")
        .node_with("i = Cast s", vec![int("to", 7)])
        .node("q = Div i seven")
        .node("r = Div i minus")
        .node_with("f = Cast q", vec![int("to", 1)])
        .node_with("g = Cast r", vec![int("to", 1)])
        .node_with("j = Cast i", vec![int("to", 1)])
        .floats("two", &[], &[2.0])
        .node("h = Div j two")
        .node_with("b = Cast t", vec![int("to", 9)])
        .node_with("c = Cast b", vec![int("to", 1)])
        .node("l = Sub f g")
        .node("m = Add l h")
        .node("n = Add m c")
        .integers("one", &[1])
        .node("o = Unsqueeze n one")
        .node("y = Mul x o");
    // t = 0.37: 37 / 7 = 5, 37 / −7 = −5, 37.0 / 2.0 = 18.5, and t ≠ 0.
    check(&model, |t, x| {
        x.iter().map(|x| x * if t == 0.37 { 5.0 + 5.0 + 18.5 + 1.0 } else { f64::NAN }).collect()
    });
}

#[test]
fn chains_of_shape_arithmetic_are_resolved() {
    // As exporters write x.view(b, 6).expand(...): comparisons, choices, products and ranges of lengths.
    let model = Model::new(&[2, 3])
        .integers("zero", &[0])
        .integers("one", &[1])
        .integers("two", &[2])
        .integers("none", &[-1])
        .integers("axes", &[1])
        .integers("end", &[i64::MAX])
        .node("s = Shape x")
        .node("size = Size x")
        .node("b = Gather s zero")
        .node("inner = Div size b")
        .node_with("flat = Concat b inner", vec![int("axis", 0)])
        .node("f = Reshape x flat")
        .node("rest = Slice s one end zero")
        .node_with("whole = ReduceProd rest zero", vec![int("keepdims", 1)])
        .node("same = Equal whole inner")
        .node("length = Where same whole none")
        .node("unknown = Equal s none")
        .node("lengths = Where unknown one s")
        .node_with("column = Concat b none", vec![int("axis", 0)])
        .node("g = Reshape f column")
        .node_with("scalar = ReduceMax length", vec![int("keepdims", 0)])
        .node_with("z = ReduceSum zero", vec![int("keepdims", 0)])
        .node_with("u = ReduceSum one", vec![int("keepdims", 0)])
        .node("r = Range z scalar u")
        .node_with("ramp = Cast r", vec![int("to", 1)])
        .node("h = Mul g ramp")
        .node("k = Reshape h lengths")
        .node_with("batch_one = Concat b one one", vec![int("axis", 0)])
        .node("zeros = ConstantOfShape batch_one")
        .node("e = Expand zeros s")
        .node("l = Add k e")
        .node("half = Mod inner two")
        .node("spread = Add half one")
        .node_with("m = Cast spread", vec![int("to", 11)])
        .node("y = Mul l m");
    check(&model, |_, x| x.iter().enumerate().map(|(i, x)| x * i as f64).collect());
}

#[test]
fn what_depends_on_the_size_of_the_batch_is_refused() {
    let with = |nodes: &[&str]| {
        let model = Model::new(&[3]).integers("zero", &[0]).integers("four", &[4]).node("s = Shape x");
        nodes.iter().fold(model.node("b = Gather s zero"), |model, text| model.node(text))
    };
    for nodes in [
        &["c = Greater b four", "d = Where c four b", "y = Reshape x d"][..],
        &["c = Mul b b", "y = Reshape x c"],
        &["c = Add b four", "y = Expand x c"],
        &["y = Mul x b"],
        &["c = Mod b four", "y = Expand x c"],
    ] {
        let nodes = refused(&with(nodes));
        assert!(nodes.iter().any(|n| n.reason.contains("size of the batch")), "{nodes:?}");
    }
}

#[test]
fn names_are_given_once() {
    let twice = Model::new(&[3]).node("a = Exp x").node("a = Sin x").node("y = Neg a");
    assert!(refused(&twice)[0].reason.contains("makes a, which something before it makes"));
    let weights = Model::new(&[3]).floats("w", &[1], &[1.0]).floats("w", &[1], &[2.0]).node("y = Mul x w");
    let error = Graph::from_bytes(&weights.bytes(), &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("initializer w") && error.contains("two of this name"), "{error}");
    let cycle = Model::new(&[3]).node("a = Exp b").node("b = Exp a").node("y = Neg b");
    assert!(refused(&cycle)[0].reason.contains("nothing before it makes"));
}

#[test]
fn operator_sets_outside_the_range_are_refused() {
    for (version, accepted) in [(12, false), (13, true), (23, true), (24, false)] {
        let model = Model::new(&[2]).opset(version).node("y = Exp x");
        assert_eq!(Graph::from_bytes(&model.bytes(), &Limits::default()).is_ok(), accepted, "{version}");
    }
}

#[test]
fn an_output_shaped_unlike_x_is_refused() {
    let model = Model::new(&[3]).node_with("y = Concat x x", vec![int("axis", 1)]);
    let error = Graph::from_bytes(&model.bytes(), &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("[batch, 6]"), "{error}");
}

#[test]
fn huge_declared_sizes_are_refused_before_memory_is_taken() {
    let model = Model::new(&[1]).integers("s", &[1 << 20, 1 << 20]).node("e = Expand x s").node("y = Exp e");
    assert!(!refused(&model).is_empty());
    let model = Model::new(&[1]).floats("w", &[1 << 40, 1 << 20], &[1.0]).node("y = Exp x");
    assert!(Graph::from_bytes(&model.bytes(), &Limits::default()).is_err());
}

#[test]
fn a_description_counts_operators_weights_and_flops() {
    let model =
        Model::new(&[3]).floats("w", &[3, 3], &numbers(9, 1)).node("h = MatMul x w").node("y = Tanh h");
    let description = Description::of(&read(&model));
    assert_eq!(description.operators, [("MatMul".to_string(), 1), ("Tanh".to_string(), 1)]);
    assert_eq!((description.parameters, description.value_flops, description.tangent_flops), (9, 18, 18));
    assert!(description.takes_time && description.bytes_per_sample >= 4 * 12);
}

#[test]
fn the_work_of_a_sample_at_its_own_time_includes_that_of_the_time() {
    let model = Model::new(&[3]).floats("w", &[3, 3], &numbers(9, 1)).floats("m", &[1, 3], &numbers(3, 2));
    let model = model.integers("s", &[-1, 1]).node("time = Reshape t s").node("e = MatMul time m");
    let graph = read(&model.node("h = MatMul x w").node("y = Add h e"));
    let description = Description::of(&graph);
    assert_eq!((description.value_flops, description.call_flops), (18, 6));
    assert_eq!(graph.sample_flops(), 2 * (3 * 3 + 3));
}
