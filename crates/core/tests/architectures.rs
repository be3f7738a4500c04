//! Networks to be trained: against PyTorch (`networks/networks.py`), as files, and at one label.

#[path = "../../graph/tests/arrays/mod.rs"]
mod arrays;

use arrays::{Arrays, deviation};
use std::collections::BTreeMap;
use std::path::Path;
use surefoot::field::NetworkField;
use surefoot::train::networks::{Mlp, Network, Time, Transformer, UNet};
use surefoot_graph::passes::{Guidance, adjoint, gradients, guided, labelled, simplify};
use surefoot_graph::{Description, Graph, Limits, Precision, Program, WriteOptions};

#[derive(serde::Deserialize)]
struct Case {
    shape: Vec<usize>,
    network: Network,
}

fn cases() -> BTreeMap<String, Case> {
    serde_json::from_str(include_str!("networks/networks.json")).unwrap()
}

fn references() -> Arrays {
    Arrays::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/networks/networks.npz"))
}

fn graph(network: &Network, shape: &[usize]) -> Graph {
    network.graph(shape, 3, &Limits::default()).unwrap()
}

fn names(graph: &Graph) -> Vec<String> {
    graph.parameters().map(|p| p.name.to_string()).collect()
}

/// The network of a case with the weights of the reference, all of which it must have.
fn referenced(npz: &mut Arrays, name: &str, Case { shape, network }: &Case) -> Graph {
    let graph = graph(network, shape);
    let numbers: Vec<(String, Vec<f64>)> = graph
        .parameters()
        .map(|p| {
            let reference = npz.get(&format!("{name}.w.{}", p.name));
            assert_eq!(reference.shape, p.shape, "{name}: {}", p.name);
            (p.name.to_string(), reference.values)
        })
        .collect();
    let numbers: Vec<(&str, &[f64])> = numbers.iter().map(|(n, v)| (n.as_str(), &v[..])).collect();
    graph.with_values(&numbers).unwrap()
}

/// x, t and, where there is one, label of a case.
fn inputs(npz: &mut Arrays, name: &str) -> Vec<(&'static str, Vec<f64>)> {
    let get = |key: &'static str| npz.find(&format!("{name}.{key}")).map(|array| (key, array.values));
    ["x", "t", "label"].into_iter().filter_map(get).collect()
}

fn borrowed<'a>(inputs: &'a [(&'a str, Vec<f64>)]) -> Vec<(&'a str, &'a [f64])> {
    inputs.iter().map(|(name, values)| (*name, &values[..])).collect()
}

fn values(
    graph: &Graph,
    precision: Precision,
    inputs: &[(&str, Vec<f64>)],
    n: usize,
    len: usize,
) -> Vec<f64> {
    let program = Program::new(&graph.with_sample_times(), precision).unwrap();
    let mut y = vec![0.0; len];
    program.run(n, 0, &borrowed(inputs), &mut [("y", &mut y)]);
    y
}

#[test]
fn values_and_all_gradients_match_pytorch() {
    let npz = &mut references();
    for (name, case) in cases() {
        let graph = referenced(npz, &name, &case).with_sample_times();
        let mut inputs = inputs(npz, &name);
        let [y, u, by_x] = ["y", "u", "x.u"].map(|key| npz.get(&format!("{name}.{key}")));
        let n = y.shape[0];
        inputs.push(("u", u.values));
        // Some gradients vanish: those by what comes before a norm of single numbers.
        let close = |what: &str, got: &[f64], expected: &[f64]| {
            let largest = expected.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            let difference = got.iter().zip(expected).map(|(g, e)| (g - e).abs()).fold(0.0, f64::max);
            assert!(difference <= 1e-10 * largest + 1e-13, "{name}: {what} deviates by {difference:e}");
            assert!(got.iter().all(|g| g.is_finite()), "{name}: {what}");
        };
        let program = Program::new(&adjoint(&graph, "y", "x", "u").unwrap(), Precision::F64).unwrap();
        let (mut value, mut gradient) = (vec![0.0; y.values.len()], vec![0.0; y.values.len()]);
        program.run(n, 1, &borrowed(&inputs), &mut [("y", &mut value), ("x.u", &mut gradient)]);
        close("value", &value, &y.values);
        close("gradient by x", &gradient, &by_x.values);
        // By all weights at once, as in training.
        let names = names(&graph);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let open = simplify(&graph.with_parameters_as_inputs(&names).unwrap());
        let program = Program::new(&gradients(&open, "y", &names, "u").unwrap(), Precision::F64).unwrap();
        let mut given = borrowed(&inputs);
        given.extend(graph.parameters().map(|p| (p.name, p.values)));
        let outputs: Vec<String> = names.iter().map(|name| format!("{name}.u")).collect();
        let mut found: Vec<Vec<f64>> = graph.parameters().map(|p| vec![0.0; p.values.len()]).collect();
        let mut asked: Vec<(&str, &mut [f64])> =
            outputs.iter().zip(&mut found).map(|(name, values)| (name.as_str(), &mut values[..])).collect();
        program.run(n, 0, &given, &mut asked);
        for (weight, got) in names.iter().zip(&found) {
            close(weight, got, &npz.get(&format!("{name}.g.{weight}")).values);
        }
    }
}

#[test]
fn files_keep_values_and_weights() {
    let npz = &mut references();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.onnx");
    for (name, case) in cases() {
        let graph = referenced(npz, &name, &case);
        let inputs = inputs(npz, &name);
        let y = npz.get(&format!("{name}.y"));
        let n = y.shape[0];
        for (precision, keep_weights, tolerance) in [
            (Precision::F64, true, 1e-12),
            (Precision::F64, false, 1e-12),
            (Precision::F32, true, 2e-5),
            (Precision::F32, false, 2e-5),
        ] {
            let options = WriteOptions { precision, keep_weights, ..WriteOptions::default() };
            graph.write(&path, &options).unwrap();
            let read = Graph::read(&path, &Limits::default()).unwrap();
            let got = values(&read, precision, &inputs, n, y.values.len());
            let deviation = deviation(&got, &y.values);
            assert!(deviation < tolerance, "{name} {options:?}: {deviation:e}");
            assert_eq!(read.sample_shape(), case.shape, "{name}");
            let inputs: Vec<String> = read.inputs().into_iter().map(|port| port.name).collect();
            let expected =
                if case.network.classes().is_some() { &["x", "t", "label"][..] } else { &["x", "t"] };
            assert_eq!(inputs, expected, "{name}");
            if keep_weights {
                let (mut kept, mut own) = (names(&read), names(&graph));
                // Numbers that are no weights have names in a file, too.
                kept.retain(|name| own.contains(name));
                kept.sort();
                own.sort();
                assert_eq!(kept, own, "{name}");
                assert!(read.source().parameters >= graph.source().parameters);
            }
            // What is read costs what was built.
            let [built, again] = [&graph, &read].map(Description::of);
            assert_eq!(again.value_flops, built.value_flops, "{name} {options:?}");
            assert_eq!(again.tangent_flops, built.tangent_flops, "{name} {options:?}");
            // Equal operations are written once.
            let bytes = [again.bytes_per_sample, built.bytes_per_sample];
            assert!(bytes[0] <= bytes[1], "{name} {options:?}: {bytes:?} bytes");
        }
    }
}

fn count(network: impl Into<Network>, shape: &[usize]) -> u64 {
    network.into().parameters(shape, &Limits::default()).unwrap()
}

#[test]
fn weights_are_as_many_as_counted_by_hand() {
    let linear = |i: u64, o: u64| i * o + o;
    let conv = |i: u64, o: u64, k: u64| i * o * k * k + o;
    let norm = |c: u64| 2 * c;
    assert_eq!(count(Mlp::default(), &[2]), linear(3, 64) + 2 * linear(64, 64) + linear(64, 2));
    assert_eq!(count(Mlp::default(), &[2]), 8706);
    assert_eq!(count(Mlp { hidden: vec![], ..Mlp::default() }, &[1]), linear(2, 1));
    let time = Time::Fourier(Default::default());
    let classes = Some(10);
    assert_eq!(
        count(Mlp { time, classes, ..Mlp::default() }, &[2]),
        linear(32, 64) + linear(64, 64) + 11 * 16 + linear(82, 64) + 2 * linear(64, 64) + linear(64, 2)
    );
    let block = |i: u64, o: u64| {
        let skip = if i == o { 0 } else { conv(i, o, 1) };
        norm(i) + conv(i, o, 3) + norm(o) + linear(128, 2 * o) + conv(o, o, 3) + skip
    };
    let attention = |c: u64| norm(c) + linear(c, 3 * c) + linear(c, c);
    let down = 2 * block(32, 32)
        + conv(32, 32, 3)
        + (block(32, 64) + block(64, 64) + conv(64, 64, 3))
        + (block(64, 128) + block(128, 128) + 2 * attention(128));
    let middle = 2 * block(128, 128) + attention(128);
    let up = 2 * (block(256, 128) + attention(128))
        + conv(128, 64, 3)
        + (2 * block(128, 64) + conv(64, 32, 3))
        + 2 * block(64, 32);
    let unet =
        conv(1, 32, 3) + linear(32, 128) + linear(128, 128) + down + middle + up + norm(32) + conv(32, 1, 3);
    assert_eq!(count(UNet::default(), &[1, 28, 28]), unet);
    assert_eq!(count(UNet { classes, ..UNet::default() }, &[28, 28]), unet + 11 * 128);
    let layer = linear(128, 768) + linear(128, 384) + linear(128, 128) + linear(128, 512) + linear(512, 128);
    let transformer = linear(16, 128) + 2 * linear(128, 128) + 6 * layer + linear(128, 256) + linear(128, 16);
    assert_eq!(count(Transformer::default(), &[1, 28, 28]), transformer);
    assert_eq!(count(Transformer { classes, ..Transformer::default() }, &[28, 28]), transformer + 11 * 128);
}

#[test]
fn the_defaults_take_digits_and_start_where_is_customary() {
    let settings = [
        (UNet::default().into(), vec![1, 28, 28]),
        (Transformer::default().into(), vec![28, 28]),
        (Network::from(Mlp::default()), vec![2]),
    ];
    for (network, shape) in settings {
        let graph = graph(&network, &shape);
        let dim: usize = shape.iter().product();
        let x: Vec<f64> = (0..2 * dim).map(|i| (0.37 * i as f64).sin()).collect();
        let field = surefoot_graph::Network::new(&graph, Precision::F64).unwrap();
        let mut y = vec![f64::NAN; 2 * dim];
        field.value(0.3, &x, &mut y);
        let zero = !matches!(network, Network::Mlp(_));
        assert!(y.iter().all(|v| v.is_finite() && (*v == 0.0) == zero), "{network:?}");
        assert_eq!(count(network.clone(), &shape), graph.source().parameters);
        // Starting weights follow from the seed alone.
        let again = network.graph(&shape, 3, &Limits::default()).unwrap();
        assert!(graph.parameters().eq(again.parameters()));
        let other = network.graph(&shape, 4, &Limits::default()).unwrap();
        assert!(!graph.parameters().eq(other.parameters()));
        // None is lost as an input, though many start from 0 and 1.
        let names = names(&graph);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let open = simplify(&graph.with_parameters_as_inputs(&names).unwrap());
        let kept: Vec<String> = open.inputs().into_iter().map(|port| port.name).collect();
        assert!(names.iter().all(|name| kept.iter().any(|kept| kept == name)));
        let bytes = graph.to_onnx(&WriteOptions { keep_weights: true, ..WriteOptions::default() }).unwrap();
        let read = Graph::from_bytes(&bytes, &Limits::default()).unwrap();
        let kept = self::names(&read);
        assert!(names.iter().all(|name| kept.iter().any(|kept| kept == name)));
    }
}

#[test]
fn settings_are_read_with_their_defaults() {
    let read = |text: &str| serde_json::from_str::<Network>(text);
    assert_eq!(read(r#"{"kind": "mlp"}"#).unwrap(), Mlp::default().into());
    assert_eq!(read(r#"{"kind": "unet"}"#).unwrap(), UNet::default().into());
    assert_eq!(read(r#"{"kind": "transformer"}"#).unwrap(), Transformer::default().into());
    let mlp =
        Mlp { class_width: 3, classes: Some(2), time: Time::Fourier(Default::default()), ..Mlp::default() };
    let text = r#"{"kind": "mlp", "class_width": 3, "classes": 2, "time": {"kind": "fourier"}}"#;
    assert_eq!(read(text).unwrap(), Network::from(mlp.clone()));
    assert_eq!(Network::from(mlp).no_class(), Some(2));
    for wrong in [
        r#"{"kind": "cnn"}"#,
        r#"{"kind": "mlp", "class-width": 3}"#,
        r#"{"kind": "unet", "hidden": [2]}"#,
        r#"{"kind": "transformer", "depth": -1}"#,
        r#"{"kind": "mlp", "time": {"kind": "fourier", "freqs": 2}}"#,
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    for case in cases().into_values() {
        let text = serde_json::to_string(&case.network).unwrap();
        assert_eq!(read(&text).unwrap(), case.network);
    }
}

#[test]
fn settings_without_meaning_are_refused_in_words() {
    let refused = |network: Network, shape: &[usize], word: &str| {
        let error = network.graph(shape, 0, &Limits { memory: 1 << 28 }).err();
        let text = error.unwrap_or_else(|| panic!("taken: {network:?}")).to_string();
        assert!(text.contains(word), "{text} without {word}");
    };
    let image = &[1, 8, 8];
    let unet = UNet::default;
    refused(UNet { multipliers: vec![], ..unet() }.into(), image, "one level at least");
    refused(UNet { multipliers: vec![1, 0], ..unet() }.into(), image, "from 1 on");
    refused(UNet { blocks: 0, ..unet() }.into(), image, "from 1 on");
    refused(UNet { channels: 0, ..unet() }.into(), image, "from 1 on");
    refused(UNet { groups: 0, ..unet() }.into(), image, "divide the 32 channels");
    refused(UNet { groups: 5, ..unet() }.into(), image, "divide the 32 channels");
    refused(UNet { attention: Some(vec![0, 3]), ..unet() }.into(), image, "levels 0 to 2, got 3");
    refused(UNet { heads: 3, ..unet() }.into(), image, "down.2.0.attention");
    refused(UNet { frequencies: 0, ..unet() }.into(), image, "frequencies");
    refused(UNet { highest: f64::NAN, ..unet() }.into(), image, "highest");
    refused(UNet { classes: Some(0), ..unet() }.into(), image, "classes");
    refused(UNet { classes: Some(usize::MAX), ..unet() }.into(), image, "classes");
    refused(UNet { channels: 1 << 62, groups: 1, ..unet() }.into(), image, "memory limit");
    refused(unet().into(), &[3], "network for images");
    refused(unet().into(), &[0, 8, 8], "length 1 at least");
    refused(unet().into(), &[1, 1 << 20, 1 << 20], "memory limit");
    let transformer = Transformer::default;
    refused(Transformer { width: 6, ..transformer() }.into(), image, "multiple of 4");
    refused(Transformer { width: 0, ..transformer() }.into(), image, "multiple of 4");
    refused(Transformer { width: 1 << 62, ..transformer() }.into(), image, "memory limit");
    refused(Transformer { patch: 3, ..transformer() }.into(), image, "divides 8 and 8");
    refused(Transformer { patch: 0, ..transformer() }.into(), image, "divides 8 and 8");
    refused(Transformer { patch: usize::MAX, ..transformer() }.into(), image, "divides 8 and 8");
    refused(Transformer { heads: 5, ..transformer() }.into(), image, "heads that divide 128");
    refused(Transformer { ratio: 0, ..transformer() }.into(), image, "blocks.0.mlp.0.weight");
    refused(Transformer { depth: usize::MAX, ..transformer() }.into(), image, "memory limit");
    refused(Mlp { hidden: vec![4, 0], ..Mlp::default() }.into(), &[2], "layers.1.weight");
    refused(Mlp { hidden: vec![usize::MAX], ..Mlp::default() }.into(), &[2], "memory limit");
    refused(Mlp { classes: Some(2), class_width: 0, ..Mlp::default() }.into(), &[2], "classes.weight");
    refused(Mlp::default().into(), &[], "axes");
}

#[test]
fn guidance_is_the_combination_of_two_labels_in_all_derivatives() {
    let npz = &mut references();
    for name in ["mlp-fourier", "unet-odd", "transformer"] {
        let graph = referenced(npz, name, &cases()[name]);
        let none = cases()[name].network.no_class().unwrap() as f64;
        let Err(error) = NetworkField::new(&graph, Precision::F64) else { panic!("a label is missing") };
        assert!(error.to_string().contains("label"), "{error}");
        let [of_class, of_none, both] = [
            labelled(&graph, 1.0).unwrap(),
            labelled(&graph, none).unwrap(),
            guided(&graph, Guidance { label: 1.0, no_class: none, weight: 2.5 }).unwrap(),
        ]
        .map(|graph| surefoot_graph::Network::new(&graph, Precision::F64).unwrap());
        let dim = both.dim();
        let waves = |rate: f64| (0..dim).map(|i| (rate * (i + 1) as f64).sin()).collect::<Vec<_>>();
        let (x, u, v, t) = (waves(0.7), waves(1.3), waves(2.1), 0.4);
        let all = |network: &surefoot_graph::Network| {
            let mut out: [Vec<f64>; 4] = std::array::from_fn(|_| vec![0.0; dim]);
            let [y, jv, uj, d2] = &mut out;
            network.tangents(t, &x, &v, y, jv);
            network.adjoint(t, &x, &u, y, uj);
            network.second(t, &x, &u, &v, y, d2).unwrap();
            out
        };
        let [of_class, of_none, both] = [of_class, of_none, both].map(|network| all(&network));
        for i in 0..4 {
            let expected: Vec<f64> =
                of_none[i].iter().zip(&of_class[i]).map(|(n, c)| n + 2.5 * (c - n)).collect();
            assert!(deviation(&both[i], &expected) < 1e-12, "{name}, {i}");
            assert!(deviation(&of_class[i], &of_none[i]) > 1e-3, "{name}, {i}: the label has no influence");
        }
        // The label of the input gives the network of one label.
        let inputs = [("x", x.clone()), ("t", vec![t]), ("label", vec![1.0])];
        assert!(deviation(&values(&graph, Precision::F64, &inputs, 1, dim), &of_class[0]) < 1e-13);
    }
    let plain = graph(&Mlp::default().into(), &[2]);
    assert!(labelled(&plain, 0.0).unwrap_err().contains("no input named label"));
}
