//! Single layers of `build` against PyTorch (`layers/layers.py`): values, and gradients by their arguments and weights.

mod arrays;

use arrays::{Arrays, deviation};
use std::path::Path;
use surefoot_graph::build::{Activation, Builder, Convolution, Linear, Norm, Start, Value};
use surefoot_graph::passes::{adjoint, gradients};
use surefoot_graph::{Error, Graph, Limits, Precision, Program, WriteOptions};

type Layer<'a> = dyn Fn(&mut Builder, Value) -> Result<Value, Error> + 'a;

/// Numbers in [0, 1) that differ from weight to weight.
fn draw(weight: u64, out: &mut [f64]) {
    out.iter_mut().zip(1..).for_each(|(v, i)| *v = (0.618_033_988 * (1000 * weight + i) as f64).fract());
}

fn build(shape: &[usize], layer: &Layer) -> Result<Graph, Error> {
    let mut draw = draw;
    let mut b = Builder::new(&mut draw, &Limits::default());
    let x = b.sample(shape)?;
    let y = layer(&mut b, x)?;
    b.finish_with(&[("y", y)])
}

/// A layer with the weights of the reference, its value, and gradients by x and by every weight.
fn check(npz: &mut Arrays, name: &str, layer: &Layer) {
    let mut get = |what: &str| npz.get(&format!("{name}.{what}"));
    let (x, y, u, by_x) = (get("x"), get("y"), get("u"), get("x.u"));
    let graph = build(&x.shape[1..], layer).unwrap();
    assert_eq!(graph.outputs()[0].shape[1..], y.shape[1..], "{name}: shape of the result");
    let key = |weight: &str| weight.trim_start_matches("l.").replace('.', "_");
    let weights: Vec<(String, Vec<f64>, Vec<f64>)> = graph
        .parameters()
        .map(|p| {
            let (numbers, by) = (get(&format!("w.{}", key(p.name))), get(&format!("g.{}", key(p.name))));
            assert_eq!(numbers.shape, p.shape, "{name}: shape of {}", p.name);
            (p.name.to_string(), numbers.values, by.values)
        })
        .collect();
    let values: Vec<(&str, &[f64])> = weights.iter().map(|(n, v, _)| (n.as_str(), &v[..])).collect();
    let graph = graph.with_values(&values).unwrap();
    let n = x.shape[0];
    let close = |what: &str, got: &[f64], expected: &[f64]| {
        let deviation = deviation(got, expected);
        assert!(deviation < 1e-12, "{name}: {what} deviates by {deviation:e}");
    };
    let backward = adjoint(&graph, "y", "x", "u").unwrap();
    let program = Program::new(&backward, Precision::F64).unwrap();
    let (mut value, mut gradient) = (vec![0.0; y.values.len()], vec![0.0; x.values.len()]);
    program.run(
        n,
        1,
        &[("x", &x.values), ("u", &u.values)],
        &mut [("y", &mut value), ("x.u", &mut gradient)],
    );
    close("value", &value, &y.values);
    close("gradient by x", &gradient, &by_x.values);
    let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    if names.is_empty() {
        return;
    }
    let open = graph.with_parameters_as_inputs(&names).unwrap();
    let program = Program::new(&gradients(&open, "y", &names, "u").unwrap(), Precision::F64).unwrap();
    for (weight, _, by) in &weights {
        let mut gradient = vec![0.0; by.len()];
        let mut inputs = values.clone();
        inputs.extend([("x", &x.values[..]), ("u", &u.values)]);
        program.run(n, 0, &inputs, &mut [(&format!("{weight}.u"), &mut gradient)]);
        close(weight, &gradient, by);
    }
}

#[test]
fn layers_and_their_gradients_match_pytorch() {
    let npz = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layers/layers.npz");
    let npz = &mut Arrays::open(&npz);
    check(npz, "linear", &|b, x| b.linear("l", x, 5));
    check(npz, "linear-one", &|b, x| b.linear("l", x, 1));
    let plain = Linear { bias: false, ..Linear::new(2) };
    check(npz, "linear-positions", &|b, x| b.linear_with("l", x, &plain));
    let convolution = |channels, kernel, stride, padding| Convolution {
        stride,
        padding,
        ..Convolution::new(channels, kernel)
    };
    for (name, layer) in [
        ("convolution", Convolution::new(4, 3)),
        ("convolution-stride", convolution(3, 3, [2, 2], 1)),
        ("convolution-unequal", convolution(2, 4, [1, 2], 0)),
        ("convolution-pixel", Convolution::new(1, 3)),
        ("convolution-point", Convolution::new(2, 1)),
    ] {
        check(npz, name, &|b, x| b.convolution("l", x, &layer));
    }
    for (name, groups) in
        [("group-norm", 3), ("group-norm-one", 1), ("group-norm-single", 3), ("group-norm-positions", 2)]
    {
        check(npz, name, &|b, x| b.group_norm("l", x, groups, Norm::default()));
    }
    check(npz, "layer-norm", &|b, x| b.layer_norm("l", x, Norm::default()));
    let norm = Norm { epsilon: 1e-6, affine: false };
    check(npz, "layer-norm-plain", &|b, x| b.layer_norm("l", x, norm));
    for (name, activation) in [
        ("selu", Activation::Selu),
        ("silu", Activation::Silu),
        ("gelu", Activation::Gelu),
        ("gelu-tanh", Activation::GeluTanh),
        ("tanh", Activation::Tanh),
        ("relu", Activation::Relu),
    ] {
        check(npz, name, &|b, x| b.activate("l", x, activation));
    }
    check(npz, "self-attention", &|b, x| b.self_attention("l", x, 2, &Linear::new(6)));
}

#[test]
fn attention_and_rearrangements_match_pytorch() {
    let npz = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layers/layers.npz");
    let npz = &mut Arrays::open(&npz);
    check(npz, "attention", &|b, x| {
        let (queries, others) = (b.slice("q", x, 1, 0, 2)?, b.slice("kv", x, 1, 2, 3)?);
        let query = b.slice("q", queries, 2, 0, 6)?;
        let [key, value] = b.split::<2>("kv", others, 2)?;
        b.attention("l", [query, key, value], 3)
    });
    check(npz, "attention-one", &|b, x| {
        let [key, value] = b.split::<2>("kv", x, 2)?;
        b.attention("l", [key, key, value], 1)
    });
    check(npz, "upsample", &|b, x| b.upsample("l", x, [2, 2]));
    check(npz, "upsample-width", &|b, x| b.upsample("l", x, [1, 3]));
    check(npz, "patchify", &|b, x| b.patchify("l", x, 2));
    check(npz, "unpatchify", &|b, x| b.unpatchify("l", x, [3, 4, 6], 2));
}

/// Times as waves, and labels as rows of a table.
#[test]
fn embeddings_are_waves_and_rows() {
    let mut draw = draw;
    let mut b = Builder::new(&mut draw, &Limits::default());
    let (t, label) = (b.time().unwrap(), b.label().unwrap());
    let waves = b.fourier("waves", t, &[0.0, 2.5, -30.0]).unwrap();
    let table = Start::Values((0..8).map(f64::from).collect());
    let row = b.embedding("rows", label, [4, 2], &table).unwrap();
    let graph = b.finish_with(&[("waves", waves), ("row", row)]).unwrap();
    let program = Program::new(&graph, Precision::F64).unwrap();
    let (mut waves, mut rows) = (vec![0.0; 4 * 6], vec![0.0; 4 * 2]);
    let labels = [3.0, 0.0, 4.0, 1.5];
    program.run(4, 0, &[("t", &[0.3]), ("label", &labels)], &mut [("waves", &mut waves), ("row", &mut rows)]);
    let expected: Vec<f64> = [f64::sin, f64::cos].iter().flat_map(|f| [0.0, 0.75, -9.0].map(f)).collect();
    waves.chunks_exact(6).for_each(|waves| assert!(deviation(waves, &expected) < 1e-14));
    assert_eq!(rows[..4], [6.0, 7.0, 0.0, 1.0]);
    assert!(rows[4..].iter().all(|v| v.is_nan()), "labels that name no row: {rows:?}");
}

#[test]
fn weights_start_from_their_laws_independently_of_each_other() {
    let limits = Limits::default();
    let mut draw = draw;
    let mut b = Builder::new(&mut draw, &limits);
    let x = b.sample(&[16]).unwrap();
    let h = b.linear("one", x, 400).unwrap();
    let normal = Linear { start: Some(Start::Normal(0.5)), ..Linear::new(25) };
    let h = b.linear_with("two", h, &normal).unwrap();
    let y = b.linear_with("three", h, &Linear::zeros(16)).unwrap();
    let graph = b.finish(y).unwrap();
    let find = |name: &str| graph.parameters().find(|p| p.name == name).unwrap().values.to_vec();
    // U(±1/√16), weights and biases: mean 0, variance bound²/3.
    for (name, bound) in [("one.weight", 0.25), ("one.bias", 0.25)] {
        let values = find(name);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
        assert!(values.iter().all(|v| v.abs() <= bound) && mean.abs() < 0.01, "{name}: {mean}");
        assert!((variance / (bound * bound / 3.0) - 1.0).abs() < 0.05, "{name}: {variance}");
    }
    assert!(find("three.weight").iter().chain(&find("three.bias")).all(|v| *v == 0.0));
    assert_eq!(graph.source().parameters, 17 * 400 + 401 * 25 + 26 * 16);
    // A layer more at the end leaves the others as they are.
    let mut draw = self::draw;
    let mut b = Builder::new(&mut draw, &limits);
    let x = b.sample(&[16]).unwrap();
    let h = b.linear("one", x, 400).unwrap();
    let y = b.linear("other", h, 16).unwrap();
    let other = b.finish(y).unwrap();
    assert_eq!(other.parameters().next().unwrap().values, find("one.weight"));
}

/// A file holds the weights as initialisers, and other numbers (frequencies, the NaN beyond a table) otherwise: what is read
/// back has the same weights and the same values.
#[test]
fn a_file_has_the_weights_alone_as_its_weights() {
    let limits = Limits::default();
    let mut draw = draw;
    let mut b = Builder::new(&mut draw, &limits);
    let x = b.sample(&[3]).unwrap();
    let (t, label) = (b.time().unwrap(), b.label().unwrap());
    let waves = b.fourier("waves", t, &[1.0, 5.0, 25.0]).unwrap();
    let class = b.embedding("class", label, [4, 5], &Start::Normal(1.0)).unwrap();
    let h = b.concatenate("input", &[x, waves, class], 1).unwrap();
    let h = b.activate("silu", h, Activation::Silu).unwrap();
    let y = b.linear("out", h, 3).unwrap();
    let graph = b.finish(y).unwrap();
    let options = WriteOptions { keep_weights: true, ..WriteOptions::default() };
    let read = Graph::from_bytes(&graph.to_onnx(&options).unwrap(), &limits).unwrap();
    let weights = |graph: &Graph| -> Vec<(String, Vec<f32>)> {
        let single = |p: surefoot_graph::Parameter| {
            (p.name.to_string(), p.values.iter().map(|&v| v as f32).collect::<Vec<_>>())
        };
        let mut weights: Vec<_> = graph.parameters().map(single).collect();
        weights.sort_by(|a, b| a.0.cmp(&b.0));
        weights
    };
    assert_eq!(weights(&read), weights(&graph));
    assert_eq!(read.source().parameters, 20 + 14 * 3 + 3);
    let values = |graph: &Graph| {
        let program = Program::new(graph, Precision::F32).unwrap();
        let mut y = vec![0.0f32; 6];
        let (x, t, label) = ([0.3f32, -1.0, 0.7, 2.0, 0.1, -0.4], [0.4f32], [1.0f32, 3.0]);
        program.run(2, 0, &[("x", &x[..]), ("t", &t[..]), ("label", &label[..])], &mut [("y", &mut y[..])]);
        y
    };
    let (own, again) = (values(&graph), values(&read));
    assert!(own.iter().zip(&again).all(|(a, b)| (a - b).abs() < 1e-5 && a.is_finite()), "{own:?} {again:?}");
}

/// Box and Muller's numbers against the moments of the normal law, from evenly spread uniform numbers.
#[test]
fn normal_weights_have_the_moments_of_the_normal_law() {
    // A lattice of rank 1 in the square.
    let count = 1 << 16;
    let mut draw = |_: u64, out: &mut [f64]| {
        let pairs = out.len() / 2;
        for (i, pair) in out.chunks_exact_mut(2).enumerate() {
            pair[0] = (i as f64 + 0.5) / pairs as f64;
            pair[1] = (0.618_033_988_749_895 * i as f64).fract();
        }
    };
    let mut b = Builder::new(&mut draw, &Limits::default());
    let w = b.weight("w", &[1, count], &Start::Normal(2.0)).unwrap();
    let odd = b.weight("odd", &[3], &Start::Normal(1.0)).unwrap();
    assert_eq!(b.shape(odd), [3]);
    let graph = b.finish_with(&[("w", w)]).unwrap();
    let values = graph.parameters().next().unwrap().values.to_vec();
    let moment = |p: i32| values.iter().map(|v| (v / 2.0).powi(p)).sum::<f64>() / count as f64;
    for (power, expected) in [(1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0), (6, 15.0)] {
        assert!((moment(power) - expected).abs() < 0.02 * expected.max(1.0), "{power}: {}", moment(power));
    }
}

fn refused(layer: &Layer, shape: &[usize], words: &[&str]) {
    let error = build(shape, layer).err().unwrap_or_else(|| panic!("taken: {words:?}"));
    let text = error.to_string();
    assert!(matches!(error, Error::Layer { .. }), "{text}");
    words.iter().for_each(|word| assert!(text.contains(word), "{text} without {word}"));
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let image = &[4, 5, 6];
    refused(&|b, x| b.convolution("c", x, &Convolution::new(2, 0)), image, &["layer c", "kernel 0"]);
    let wide = Convolution { padding: 0, ..Convolution::new(2, 7) };
    refused(&|b, x| b.convolution("c", x, &wide), image, &["fits into 5 × 6", "kernel 7"]);
    let padded = Convolution { padding: usize::MAX, ..Convolution::new(2, 3) };
    refused(&|b, x| b.convolution("c", x, &padded), image, &["padding"]);
    let still = Convolution { stride: [0, 1], ..Convolution::new(2, 3) };
    refused(&|b, x| b.convolution("c", x, &still), image, &["stride [0, 1]"]);
    refused(
        &|b, x| b.convolution("c", x, &Convolution::new(0, 3)),
        image,
        &["c.weight", "length 1 at least"],
    );
    refused(&|b, x| b.convolution("c", x, &Convolution::new(2, 3)), &[4], &["image"]);
    for groups in [0, 3, 5] {
        refused(&|b, x| b.group_norm("n", x, groups, Norm::default()), image, &["divide 4 channels"]);
    }
    let flat = Norm { epsilon: 0.0, affine: true };
    refused(&|b, x| b.layer_norm("n", x, flat), image, &["epsilon"]);
    refused(&|b, x| b.attention("a", [x, x, x], 4), &[3, 6], &["heads that divide 6"]);
    refused(&|b, x| b.attention("a", [x, x, x], 0), &[3, 6], &["heads"]);
    refused(&|b, x| b.attention("a", [x, x, x], 1), &[3], &["positions"]);
    refused(&|b, x| b.linear("l", x, 0), &[3], &["length 1 at least"]);
    refused(&|b, x| b.patchify("p", x, 2), image, &["divides 5 and 6"]);
    refused(&|b, x| b.patchify("p", x, 0), image, &["divides"]);
    refused(&|b, x| b.unpatchify("p", x, [4, 4, 4], 2), &[4, 12], &["squares [1, 4, 16]"]);
    refused(&|b, x| b.unpatchify("p", x, [usize::MAX, 4, 4], 2), &[4, 12], &["squares"]);
    refused(&|b, x| b.upsample("u", x, [0, 1]), image, &["factor"]);
    refused(&|b, x| b.upsample("u", x, [1, usize::MAX]), image, &["factor"]);
    refused(&|b, x| b.concatenate("j", &[x, x], 0), image, &["after the batch"]);
    refused(&|b, x| b.concatenate("j", &[x], 9), image, &["no axis 9"]);
    refused(&|b, _| b.concatenate("j", &[], 1), image, &["argument"]);
    refused(&|b, x| b.slice("s", x, 1, 3, 2), image, &["leaves"]);
    refused(&|b, x| b.split::<3>("s", x, 1).map(|_| x), image, &["3 divides"]);
    refused(&|b, x| b.split::<3>("s", x, 8).map(|_| x), image, &["3 divides"]);
    refused(&|b, x| b.reshape("r", x, &[1, 7]), image, &["reshape"]);
    refused(&|b, x| b.reshape("r", x, &[4, 30]), image, &["batch"]);
    refused(&|b, x| b.transpose("r", x, &[1, 0, 2, 3]), image, &["batch"]);
    refused(&|b, x| b.transpose("r", x, &[0, 1]), image, &["permutation"]);
    refused(&|b, x| b.fourier("f", x, &[1.0]), &[2], &["one number"]);
    refused(&|b, x| b.fourier("f", x, &[]), &[1], &["frequencies"]);
    refused(&|b, x| b.fourier("f", x, &[f64::NAN]), &[1], &["finite"]);
    refused(&|b, x| b.embedding("e", x, [0, 2], &Start::Constant(0.0)), &[1], &["length"]);
    refused(&|b, x| b.weight("", &[1], &Start::Constant(0.0)).map(|_| x), &[1], &["a name"]);
    refused(&|b, x| b.weight("t", &[1], &Start::Constant(0.0)).map(|_| x), &[1], &["a name"]);
    refused(&|b, x| b.weight("w", &[2], &Start::Values(vec![1.0])).map(|_| x), &[1], &["2 numbers"]);
    refused(&|b, x| b.weight("w", &[2], &Start::Constant(f64::INFINITY)).map(|_| x), &[1], &["finite"]);
    refused(&|b, x| b.constant("c", &[2], vec![1.0]).map(|_| x), &[1], &["2 numbers"]);
    refused(
        &|b, x| b.linear("l", x, 3).and_then(|y| b.linear("l", y, 3)),
        &[3],
        &["l.weight", "nothing has"],
    );
    refused(&|b, x| b.sample(&[2]).map(|_| x), &[1], &["one input"]);
    refused(&|b, x| b.time().and_then(|_| b.time()).map(|_| x), &[1], &["one input"]);
    let nothing: &Layer = &|_, x| Ok(x);
    refused(nothing, &[], &["axes"]);
    refused(nothing, &[3, 0], &["axes"]);
}

#[test]
fn networks_end_with_the_shape_of_x_and_know_their_values() {
    let (mut one, mut two) = (draw, draw);
    let limits = Limits::default();
    let mut b = Builder::new(&mut one, &limits);
    let x = b.sample(&[3]).unwrap();
    let y = b.linear("l", x, 2).unwrap();
    let strange = (0..9).fold(y, |y, i| b.linear(&format!("l{i}"), y, 2).unwrap());
    assert!(b.finish(y).unwrap_err().to_string().contains("the shape of x, [1, 3]"));
    let mut b = Builder::new(&mut two, &limits);
    assert!(b.shape(strange).is_empty());
    let x = b.sample(&[3]).unwrap();
    for error in
        [b.linear("l", strange, 2).err(), b.add("a", x, strange).err(), b.patchify("p", strange, 1).err()]
    {
        assert!(matches!(error, Some(Error::Layer { .. })), "{error:?}");
    }
    assert!(b.finish_with(&[("y", strange)]).is_err());
    let b = Builder::new(&mut two, &limits);
    assert!(b.finish(strange).unwrap_err().to_string().contains("input x"));
}

#[test]
fn what_exceeds_the_limits_is_refused_before_memory_is_taken() {
    let limits = Limits { memory: 1 << 20 };
    let layers: [(&str, &Layer); 5] = [
        ("w.weight", &|b, x| b.linear("w", x, 1 << 20)),
        ("w.weight", &|b, x| b.linear("w", x, usize::MAX)),
        ("layer u", &|b, x| b.reshape("i", x, &[1, 1, 4, 4]).and_then(|x| b.upsample("u", x, [1 << 20, 1]))),
        ("c.weight", &|b, x| {
            let x = b.reshape("i", x, &[1, 1, 4, 4])?;
            b.convolution("c", x, &Convolution::new(1 << 40, 3))
        }),
        ("e.weight", &|b, _| {
            let label = b.label()?;
            b.embedding("e", label, [1 << 40, 1 << 40], &Start::Normal(1.0))
        }),
    ];
    for (name, layer) in layers {
        let mut draw = draw;
        let mut b = Builder::new(&mut draw, &limits);
        let x = b.sample(&[16]).unwrap();
        let error = layer(&mut b, x).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }) && error.to_string().contains(name), "{error}");
    }
}
