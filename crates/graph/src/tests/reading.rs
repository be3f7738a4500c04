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
