//! Written files say the same as the graphs they came from.

use super::build::{Model, float, int, ints, text};
use super::checks::{close, numbers, read};
use crate::onnx::proto::ModelProto;
use crate::passes::gradients;
use crate::{Derivative, Error, Extent, Graph, Limits, Port, Precision, Program, WriteOptions};
use prost::Message;

const DERIVATIVES: [Derivative; 5] = [
    Derivative::Value,
    Derivative::Tangents,
    Derivative::Cotangents,
    Derivative::Second,
    Derivative::TangentCotangents,
];

fn options(directions: usize) -> WriteOptions {
    WriteOptions { precision: Precision::F64, directions, ..WriteOptions::default() }
}

/// Runs a program; names of the outputs with their values.
fn run(graph: &Graph, n: usize, k: usize, inputs: &[(&str, &[f64])]) -> Vec<(String, Vec<f64>)> {
    let program = Program::new(graph, Precision::F64).unwrap();
    let make = |p: &Port| (p.name.clone(), vec![f64::NAN; p.elements(n, k)]);
    let mut results: Vec<(String, Vec<f64>)> = program.outputs().iter().map(make).collect();
    let given = |(name, _): &&(&str, &[f64])| program.inputs().iter().any(|p| p.name == *name);
    let inputs: Vec<(&str, &[f64])> = inputs.iter().filter(given).copied().collect();
    let mut asked: Vec<(&str, &mut [f64])> =
        results.iter_mut().map(|(name, values)| (name.as_str(), values.as_mut_slice())).collect();
    program.run(n, k, &inputs, &mut asked);
    results
}

/// Writes every derivative, reads it back, and compares; at one sample and direction, and at several.
#[track_caller]
fn round_trip(what: &str, model: &Model) {
    let graph = read(model);
    let dim: usize = graph.sample_shape().iter().product();
    let directory = tempfile::tempdir().unwrap();
    for derivative in DERIVATIVES {
        for (n, k) in [(1, 1), (3, 2)] {
            let derived = graph.derivative(derivative).unwrap();
            let path = directory.path().join("derivative.onnx");
            derived.write(&path, &options(k)).unwrap();
            let again = Graph::read_function(&path, &Limits::default()).unwrap();
            let (x, u, v) = (numbers(n * dim, 1), numbers(n * k * dim, 2), numbers(n * k * dim, 3));
            let inputs: [(&str, &[f64]); 4] = [("x", &x), ("t", &[0.37]), ("u", &u), ("v", &v)];
            let (expected, got) = (run(&derived, n, k, &inputs), run(&again, n, k, &inputs));
            assert_eq!(expected.len(), got.len());
            for ((name, expected), (other, got)) in expected.iter().zip(&got) {
                assert_eq!(name, other);
                close(&format!("{what}, {name} of {derivative:?}"), got, expected, 1e-12);
            }
        }
    }
}

#[test]
fn functions_survive() {
    for function in [
        "Neg",
        "Exp",
        "Sin",
        "Cos",
        "Tan",
        "Atan",
        "Sinh",
        "Cosh",
        "Asinh",
        "Abs",
        "Sign",
        "Floor",
        "Ceil",
        "Round",
        "Erf",
        "Sigmoid",
        "Tanh",
        "Relu",
        "Softplus",
        "Swish",
        "Gelu",
        "Selu",
        "Elu",
        "Celu",
        "LeakyRelu",
    ] {
        round_trip(function, &Model::new(&[3]).node(&format!("a = {function} x")).node("y = Mul a x"));
    }
    for function in ["Asin", "Acos", "Atanh"] {
        let model = Model::new(&[3])
            .floats("third", &[], &[0.3])
            .node("p = Mul x third")
            .node(&format!("a = {function} p"))
            .node("y = Mul a x");
        round_trip(function, &model);
    }
    for function in ["Log", "Sqrt", "Reciprocal", "Acosh"] {
        let model = Model::new(&[3])
            .floats("three", &[], &[3.0])
            .node("p = Add x three")
            .node(&format!("a = {function} p"))
            .node("y = Mul a x");
        round_trip(function, &model);
    }
    let alpha = |operator: &str, value: f32| {
        let attribute = vec![float("alpha", value)];
        Model::new(&[3]).node_with(&format!("a = {operator} x"), attribute).node("y = Mul a x")
    };
    for operator in ["Elu", "Celu", "Selu", "LeakyRelu"] {
        round_trip(operator, &alpha(operator, 0.3));
    }
    let tanh_form = Model::new(&[3]).node_with("y = Gelu x", vec![text("approximate", "tanh")]);
    round_trip("GeluTanh", &tanh_form);
    let powers = Model::new(&[3])
        .floats("three", &[], &[3.0])
        .floats("p", &[], &[2.7])
        .node("b = Add x three")
        .node("c = Pow b p")
        .node("y = Pow c x");
    round_trip("Pow", &powers);
}

#[test]
fn a_network_with_time_survives() {
    let model = Model::new(&[3])
        .floats("w", &[4, 5], &numbers(20, 20))
        .floats("b", &[5], &numbers(5, 21))
        .floats("w2", &[3, 5], &numbers(15, 22))
        .floats("g", &[5], &numbers(5, 23))
        .integers("one", &[1])
        .node("s = Unsqueeze t one")
        .node_with("c = Concat x s", vec![int("axis", 1)])
        .node("h = Gemm c w b")
        .node("e = Mul s g")
        .node("f = Tanh e")
        .node("a = Swish h")
        .node("m = Mul a f")
        .node_with("y = Gemm m w2", vec![int("transB", 1)]);
    round_trip("network", &model);
}

#[test]
fn constants_and_time_alone_survive() {
    let constant = Model::new(&[2]).floats("c", &[1, 2], &[1.5, -2.0]).node("y = Identity c");
    round_trip("constant", &constant);
    let timed = Model::new(&[2])
        .floats("c", &[2], &[1.5, -2.0])
        .integers("one", &[1])
        .node("s = Unsqueeze t one")
        .node("y = Mul s c");
    round_trip("time", &timed);
    round_trip("identity", &Model::new(&[2, 2]).node("y = Identity x"));
}

#[test]
fn rearrangements_survive() {
    let model = Model::new(&[4, 3])
        .floats("zeros", &[1, 4, 1], &numbers(4, 40))
        .integers("shape", &[0, 3, 4])
        .integers("back", &[0, 4, 3])
        .integers("starts", &[-1])
        .integers("ends", &[i64::MIN])
        .integers("axes", &[1])
        .integers("steps", &[-2])
        .node("r = Reshape x shape")
        .node_with("q = Transpose r", vec![ints("perm", &[0, 2, 1])])
        .node("s = Slice q starts ends axes steps")
        .node_with("d = Concat s s", vec![int("axis", 1)])
        .node("p = Mul d x")
        .node("e = Mul p zeros")
        .node_with("m = Softmax e", vec![int("axis", 1)])
        .node("y = Add m q");
    round_trip("rearrangements", &model);
}

#[test]
fn attention_survives() {
    let model = Model::new(&[5, 4])
        .floats("q", &[4, 4], &numbers(16, 50))
        .floats("k", &[4, 4], &numbers(16, 51))
        .floats("v", &[4, 4], &numbers(16, 52))
        .integers("heads", &[0, 5, 2, 2])
        .integers("joined", &[0, 5, 4])
        .node("q1 = MatMul x q")
        .node("k1 = MatMul x k")
        .node("v1 = MatMul x v")
        .node("q2 = Reshape q1 heads")
        .node("k2 = Reshape k1 heads")
        .node("v2 = Reshape v1 heads")
        .node_with("q3 = Transpose q2", vec![ints("perm", &[0, 2, 1, 3])])
        .node_with("k3 = Transpose k2", vec![ints("perm", &[0, 2, 3, 1])])
        .node_with("v3 = Transpose v2", vec![ints("perm", &[0, 2, 1, 3])])
        .node("s = MatMul q3 k3")
        .node_with("p = Softmax s", vec![int("axis", -1)])
        .node("o = MatMul p v3")
        .node_with("o2 = Transpose o", vec![ints("perm", &[0, 2, 1, 3])])
        .node("o3 = Reshape o2 joined")
        .node("y = Add x o3");
    round_trip("attention", &model);
}

/// Strides, dilations, groups, uneven padding, and up-sampling.
#[test]
fn convolutions_survive() {
    let plain = Model::new(&[2, 5, 6])
        .floats("w", &[2, 2, 3, 3], &numbers(36, 60))
        .node_with("h = Conv x w", vec![ints("pads", &[1, 1, 1, 1])])
        .node("y = Tanh h");
    round_trip("3×3", &plain);
    let strided = Model::new(&[4, 8])
        .floats("w", &[6, 2, 3], &numbers(36, 61))
        .floats("v", &[6, 2, 4], &numbers(48, 62))
        .node_with("h = Conv x w", vec![ints("pads", &[2, 1]), ints("strides", &[2]), int("group", 2)])
        .node("a = Swish h")
        .node_with(
            "y = ConvTranspose a v",
            vec![ints("pads", &[2, 2]), ints("strides", &[2]), int("group", 2)],
        );
    round_trip("strided groups", &strided);
    let dilated = Model::new(&[1, 7])
        .floats("w", &[1, 1, 2], &numbers(2, 63))
        .node_with("h = Conv x w", vec![ints("pads", &[2, 1]), ints("dilations", &[3])])
        .node("y = Mul h x");
    round_trip("dilated", &dilated);
    let up = Model::new(&[1, 4, 4])
        .floats("none", &[0], &[])
        .floats("scales", &[4], &[1.0, 1.0, 2.0, 2.0])
        .floats("w", &[1, 1, 2, 2], &numbers(4, 64))
        .node("s = Mul x x")
        .node_with(
            "r = Resize s none scales",
            vec![
                text("mode", "nearest"),
                text("coordinate_transformation_mode", "asymmetric"),
                text("nearest_mode", "floor"),
            ],
        )
        .node_with("y = Conv r w", vec![ints("strides", &[2, 2])]);
    round_trip("up-sampled", &up);
}

#[test]
fn choices_survive() {
    let model = Model::new(&[3])
        .floats("half", &[], &[0.5])
        .integers("axes", &[1])
        .node("c = Greater x half")
        .node("s = Mul x x")
        .node("a = Where c s half")
        .node("b = Max a x")
        .node("m = ReduceMax b axes")
        .node("y = Sub b m");
    round_trip("choices", &model);
}

#[test]
fn files_say_what_they_hold() {
    let graph = read(&Model::new(&[3]).floats("w", &[3, 3], &numbers(9, 70)).node("y = MatMul x w"));
    let described =
        WriteOptions { name: "jvp".into(), description: "Tangents of a model".into(), ..options(4) };
    let bytes = graph.derivative(Derivative::Tangents).unwrap().to_onnx(&described).unwrap();
    let model = ModelProto::decode(bytes.as_slice()).unwrap();
    assert_eq!(model.producer_name.as_deref(), Some("surefoot"));
    assert_eq!(model.doc_string.as_deref(), Some("Tangents of a model"));
    let graph = model.graph.unwrap();
    assert_eq!(graph.name.as_deref(), Some("jvp"));
    let names = |ports: &[crate::onnx::proto::ValueInfoProto]| -> Vec<String> {
        ports.iter().map(|p| p.name.clone().unwrap()).collect()
    };
    assert_eq!(names(&graph.input), ["x", "t", "v"]);
    assert_eq!(names(&graph.output), ["y", "jv"]);
    assert_eq!(graph.initializer[0].name.as_deref(), Some("w"));
    let operators: Vec<&str> = graph.node.iter().map(|n| n.op_type.as_deref().unwrap()).collect();
    assert_eq!(operators, ["MatMul", "MatMul"], "the network looks like itself");
}

#[test]
fn what_cannot_be_written_is_refused() {
    let graph = read(&Model::new(&[3]).floats("w", &[3, 3], &numbers(9, 70)).node("y = MatMul x w"));
    let tangents = graph.derivative(Derivative::Tangents).unwrap();
    assert!(matches!(tangents.to_onnx(&options(0)), Err(Error::Unwritable { .. })));
    assert!(matches!(tangents.to_onnx(&options(usize::MAX / 8)), Err(Error::Unwritable { .. })));
    let nowhere = tangents.write("/no such folder/jvp.onnx", &options(1));
    assert!(matches!(nowhere, Err(Error::Unwritable { .. })));
}

/// Gradients by weights are sums over the batch; weights keep their names as inputs.
#[test]
fn gradients_by_weights_are_written_as_sums_over_the_batch() {
    let model = Model::new(&[3])
        .floats("w", &[3, 3], &numbers(9, 70))
        .integers("one", &[1])
        .node("s = Unsqueeze t one")
        .node("h = Mul x s")
        .node("y = MatMul h w");
    let graph = read(&model).with_parameters_as_inputs(&["w"]).unwrap().with_sample_times();
    let reverse = gradients(&graph, "y", &["w"], "u").unwrap();
    assert!(reverse.outputs().iter().any(|p| p.name == "w.u" && p.extent == Extent::Call));
    let written =
        ModelProto::decode(reverse.to_onnx(&options(1)).unwrap().as_slice()).unwrap().graph.unwrap();
    let sum = written.node.iter().find(|n| n.op_type.as_deref() == Some("ReduceSum")).unwrap();
    assert_eq!(sum.output, ["w.u"]);
}
