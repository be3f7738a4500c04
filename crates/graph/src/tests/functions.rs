//! Functions that a file defines.

use super::build::{Model, call, float, int, node, reference};
use super::checks::{check, numbers};
use crate::{Error, Graph, Limits, UnsupportedNode};

fn refused(model: &Model) -> Vec<UnsupportedNode> {
    match Graph::from_bytes(&model.bytes(), &Limits { memory: 64 << 20 }) {
        Err(Error::Unsupported { nodes, .. }) => nodes,
        other => panic!("expected unsupported nodes, got {other:?}"),
    }
}

#[test]
fn functions_call_functions_and_keep_their_names_to_themselves() {
    let w = numbers(9, 3);
    // Both functions and the model call their values a and b.
    let model = Model::new(&[3])
        .floats("w", &[3, 3], &w)
        .function("b = Dense a w", vec![node("c = MatMul a w", vec![]), node("b = Tanh c", vec![])], vec![])
        .function(
            "a b = Pair x w",
            vec![call("a = Dense x w", vec![]), call("c = Dense a w", vec![]), node("b = Exp c", vec![])],
            vec![],
        )
        .node("b = Neg x")
        .call("a c = Pair b w", vec![])
        .node("d = Add a c")
        .node("y = Mul d b");
    check(&model, |_, x| {
        let dense = |x: &[f64]| -> Vec<f64> {
            (0..3).map(|j| (0..3).map(|i| x[i] * w[i * 3 + j]).sum::<f64>().tanh()).collect()
        };
        let b: Vec<f64> = x.iter().map(|x| -x).collect();
        let a = dense(&b);
        dense(&a).iter().zip(&a).zip(&b).map(|((c, a), b)| (a + c.exp()) * b).collect()
    });
}

#[test]
fn attributes_of_the_call_reach_the_nodes() {
    let body = |kind| vec![node(kind, vec![reference("alpha", "slope")])];
    let model = Model::new(&[3])
        .function("b = Leaky a", body("b = LeakyRelu a"), vec![])
        .function("b = Steep a", body("b = LeakyRelu a"), vec![float("slope", 0.5)])
        .function(
            "b = Twice a",
            vec![call("c = Steep a", vec![reference("slope", "inner")]), call("b = Steep c", vec![])],
            vec![],
        )
        .call("p = Leaky x", vec![])
        .call("q = Leaky x", vec![float("slope", 0.25)])
        .call("r = Steep x", vec![])
        .call("s = Twice x", vec![float("inner", 2.0)])
        .node("e = Add p q")
        .node("f = Add e r")
        .node("g = Add f s")
        .node("y = Mul g g");
    check(&model, |_, x| {
        let leaky = |slope: f64, x: f64| if x > 0.0 { x } else { slope * x };
        let sum = |x: f64| {
            let usual = f64::from(0.01f32);
            leaky(usual, x) + leaky(0.25, x) + leaky(0.5, x) + leaky(0.5, leaky(2.0, x))
        };
        x.iter().map(|&x| sum(x) * sum(x)).collect()
    });
}

#[test]
fn arguments_that_a_call_leaves_out_are_left_out_inside() {
    let w = numbers(4, 5);
    let model = Model::new(&[2])
        .floats("w", &[2, 2], &w)
        .floats("c", &[2], &[0.5, -1.0])
        .function("b = Dense a w c", vec![node("b = Gemm a w c", vec![int("transB", 1)])], vec![])
        .call("p = Dense x w", vec![])
        .call("q = Dense p w _", vec![])
        .call("r = Dense q w c", vec![])
        .node("y = Sin r");
    check(&model, |_, x| {
        let dense = |x: &[f64], c: [f64; 2]| -> Vec<f64> {
            (0..2).map(|o| w[o * 2] * x[0] + w[o * 2 + 1] * x[1] + c[o]).collect()
        };
        let q = dense(&dense(x, [0.0; 2]), [0.0; 2]);
        dense(&q, [0.5, -1.0]).iter().map(|r| r.sin()).collect()
    });
}

#[test]
fn nodes_inside_are_refused_under_the_names_of_their_calls() {
    let body =
        vec![node("c = Frobnicate a", vec![]), node("d = Loop a", vec![]), node("b = Add c d", vec![])];
    let model = Model::new(&[3])
        .function("b = Inner a", body, vec![])
        .function("b = Outer a", vec![call("b = Inner a", vec![])], vec![])
        .call("p = Outer x", vec![])
        .call("y = Nowhere p", vec![]);
    let nodes = refused(&model);
    let names: Vec<&str> = nodes.iter().map(|n| n.node.as_str()).collect();
    assert_eq!(names, ["node p/node b/node c", "node p/node b/node d", "node y"]);
    assert_eq!(nodes[2].operator, "own.Nowhere");
}

#[test]
fn functions_without_end_are_refused() {
    let endless = Model::new(&[3])
        .function("b = One a", vec![call("b = Other a", vec![])], vec![])
        .function("b = Other a", vec![call("b = One a", vec![])], vec![])
        .call("y = One x", vec![]);
    let nodes = refused(&endless);
    assert!(nodes[0].reason.contains("calls itself"), "{nodes:?}");

    // Every function calls the next one twice: 2^50 nodes, from 100.
    let doubling = (0..50).fold(Model::new(&[3]), |model, i| {
        let next = if i == 49 { "Exp".into() } else { format!("F{}", i + 1) };
        let make = |text: String| if i == 49 { node(&text, vec![]) } else { call(&text, vec![]) };
        let body = vec![make(format!("c = {next} a")), make(format!("b = {next} c"))];
        model.function(&format!("b = F{i} a"), body, vec![])
    });
    assert!(!refused(&doubling.call("y = F0 x", vec![])).is_empty());

    let deep = (0..1000).fold(Model::new(&[3]), |model, i| {
        model.function(&format!("b = F{i} a"), vec![call(&format!("b = F{} a", i + 1), vec![])], vec![])
    });
    let nodes = refused(&deep.call("y = F0 x", vec![]));
    assert!(nodes[0].reason.contains("deep"), "{nodes:?}");
}
