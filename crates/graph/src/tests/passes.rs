//! Derivative passes compose, and keep what they promise.

use super::build::{Model, int, text};
use super::checks::{close, numbers, read};
use crate::ir::{Graph, Known};
use crate::passes::{adjoint, simplify, tangent};
use std::collections::HashMap;

/// Plain evaluation of a graph, for one sample and direction: outputs by name.
fn evaluate(graph: &Graph, inputs: &[(&str, &[f64])]) -> HashMap<String, Vec<f64>> {
    let mut values: Vec<Vec<f64>> = Vec::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let known = |i: &crate::ir::NodeId| Known { shape: graph.shape(*i), values: &values[i.0] };
        let arguments: Vec<Known> = node.inputs.iter().map(known).collect();
        let value = node.op.evaluate(&arguments, &node.shape).unwrap_or_else(|| {
            let name = &graph.inputs.iter().find(|p| p.node == id).unwrap().name;
            inputs.iter().find(|(n, _)| n == name).unwrap().1.to_vec()
        });
        values.push(value);
    }
    graph.outputs.iter().map(|p| (p.name.clone(), values[p.node.0].clone())).collect()
}

fn model(function: &str, approximate: Option<&str>) -> Graph {
    let attributes = approximate.map(|a| text("approximate", a)).into_iter().collect();
    let model = Model::new(&[3])
        .floats("w", &[4, 3], &numbers(12, 20))
        .floats("o", &[3], &[3.0, 4.0, 5.0])
        .integers("one", &[1])
        .node("s = Unsqueeze t one")
        .node_with("c = Concat x s", vec![int("axis", 1)])
        .node("h = MatMul c w")
        .node("p = Add h o")
        .node_with(&format!("a = {function} p"), attributes)
        .node("y = Mul a x");
    read(&model)
}

#[test]
fn second_derivatives_are_symmetric_and_match_differences() {
    let functions = [
        ("Exp", None),
        ("Log", None),
        ("Sqrt", None),
        ("Reciprocal", None),
        ("Sin", None),
        ("Cos", None),
        ("Erf", None),
        ("Sigmoid", None),
        ("Tanh", None),
        ("Selu", None),
        ("Softplus", None),
        ("Swish", None),
        ("Gelu", None),
        ("Gelu", Some("tanh")),
        ("Relu", None),
        ("LeakyRelu", None),
        ("Neg", None),
    ];
    let (x, v, w): (&[f64], &[f64], &[f64]) = (&[0.3, -0.2, 0.1], &[0.5, 1.0, -0.7], &[-0.4, 0.8, 0.6]);
    for (function, approximate) in functions {
        let first = tangent(&model(function, approximate), "x", "v").unwrap();
        let second = simplify(&tangent(&first, "x", "w").unwrap());
        let at = |x: &[f64], v, w| evaluate(&second, &[("x", x), ("t", &[0.4]), ("v", v), ("w", w)]);
        let mixed = at(x, v, w)["y.v.w"].clone();
        close(function, &mixed, &at(x, w, v)["y.v.w"], 1e-13);
        let h = 1e-3;
        let shifted = |s: f64| {
            let moved: Vec<f64> = x.iter().zip(w).map(|(x, w)| x + s * w).collect();
            at(&moved, v, w)["y.v"].clone()
        };
        let stencil = [(1.0, 0.75), (2.0, -0.15), (3.0, 1.0 / 60.0)];
        let mut difference = vec![0.0; 3];
        for (steps, weight) in stencil {
            let (right, left) = (shifted(steps * h), shifted(-steps * h));
            (0..3).for_each(|i| difference[i] += weight * (right[i] - left[i]) / h);
        }
        close(function, &mixed, &difference, 1e-10);
    }
}

#[test]
fn the_adjoint_of_a_tangent_graph_is_its_transpose() {
    let first = tangent(&model("Tanh", None), "x", "v").unwrap();
    let second = tangent(&first, "x", "w").unwrap();
    let reverse = adjoint(&first, "y.v", "x", "u").unwrap();
    let (x, v, w, u): (&[f64], &[f64], &[f64], &[f64]) =
        (&[0.3, -0.2, 0.1], &[0.5, 1.0, -0.7], &[-0.4, 0.8, 0.6], &[1.0, -2.0, 0.3]);
    let mixed = &evaluate(&second, &[("x", x), ("t", &[0.4]), ("v", v), ("w", w)])["y.v.w"];
    let gradient = &evaluate(&reverse, &[("x", x), ("t", &[0.4]), ("v", v), ("u", u)])["x.u"];
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    close("pairing", &[dot(mixed, u)], &[dot(gradient, w)], 1e-13);
}

#[test]
fn simplifying_changes_no_value() {
    let model = Model::new(&[3])
        .floats("one", &[], &[1.0])
        .floats("zero", &[3], &[0.0; 3])
        .node("a = Sigmoid x")
        .node("b = Mul a x")
        .node("c = Mul b one")
        .node("d = Add zero c")
        .node("y = Div d one");
    let graph = simplify(&read(&model));
    assert_eq!(graph.nodes.len(), 3, "x, t and one function are left");
    let x = [0.7f64, -1.1, 2.0];
    let expected: Vec<f64> = x.iter().map(|x| x / (1.0 + (-x).exp())).collect();
    close("SiLU", &evaluate(&graph, &[("x", &x), ("t", &[0.0])])["y"], &expected, 1e-15);
}
