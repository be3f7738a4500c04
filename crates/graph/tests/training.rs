//! Gradients of losses by all weights: against PyTorch in f64 (`bench/training_rivals.py gradients` wrote the
//! references), the same bits for any number of threads, and in single precision.

use std::path::Path;
use surefoot_graph::passes::{gradients, squared_error};
use surefoot_graph::{Graph, Limits, Precision, Program};

/// A weight of the reference: Σ g cos(i/10) and Σ g².
struct Reference {
    name: String,
    projection: f64,
    square: f64,
}

fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The loss and its gradients of a job.
fn references(job: &str) -> (f64, Vec<Reference>) {
    let file = repository(&format!("crates/graph/tests/gradients/{job}.txt"));
    let text = std::fs::read_to_string(file).unwrap();
    let (mut loss, mut all) = (f64::NAN, vec![]);
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["loss", value] => loss = value.parse().unwrap(),
            [name, projection, square] => all.push(Reference {
                name: name.into(),
                projection: projection.parse().unwrap(),
                square: square.parse().unwrap(),
            }),
            _ => panic!("{line}"),
        }
    }
    (loss, all)
}

/// A network with a loss, and the inputs that the references were computed at.
struct Training {
    program: Program,
    batch: usize,
    given: Vec<(String, Vec<f64>)>,
    names: Vec<String>,
}

impl Training {
    fn new(file: &str, unit: f64, batch: usize, names: Vec<String>, precision: Precision) -> Training {
        let graph = Graph::read(repository(file), &Limits::default()).unwrap().with_sample_times();
        let listed: Vec<&str> = names.iter().map(String::as_str).collect();
        let weights = graph.parameters().filter(|p| listed.contains(&p.name));
        let mut given: Vec<(String, Vec<f64>)> =
            weights.map(|p| (p.name.into(), p.values.to_vec())).collect();
        let trained = graph.with_parameters_as_inputs(&listed).unwrap();
        let loss = squared_error(&trained, "y", "target", "weight").unwrap();
        let program = Program::new(&gradients(&loss, "loss", &listed, "u").unwrap(), precision).unwrap();
        let dim = program.outputs().iter().find(|p| p.name == "y").unwrap().elements(1, 0);
        // The references start from numbers rounded to single precision only where they compute in it.
        let wave = |f: fn(f64) -> f64, rate: f64| (0..batch * dim).map(|i| f(rate * i as f64)).collect();
        given.push(("x".into(), wave(f64::sin, 0.37)));
        given.push(("target".into(), wave(f64::cos, 0.23)));
        given.push(("t".into(), (0..batch).map(|i| (0.05 + 0.618 * i as f64).fract() * unit).collect()));
        given.push(("weight".into(), vec![1.0 / (batch * dim) as f64; batch]));
        given.push(("u".into(), vec![1.0; batch]));
        Training { program, batch, given, names }
    }

    /// The losses and the gradients.
    fn run(&self) -> (Vec<f64>, Vec<Vec<f64>>) {
        let inputs: Vec<(&str, &[f64])> =
            self.given.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        let mut losses = vec![f64::NAN; self.batch];
        let ports: Vec<String> = self.names.iter().map(|name| format!("{name}.u")).collect();
        let length = |port: &str| {
            self.program.outputs().iter().find(|p| p.name == port).unwrap().elements(self.batch, 0)
        };
        let mut found: Vec<Vec<f64>> = ports.iter().map(|port| vec![f64::NAN; length(port)]).collect();
        let mut outputs: Vec<(&str, &mut [f64])> =
            ports.iter().zip(&mut found).map(|(p, g)| (p.as_str(), g.as_mut_slice())).collect();
        outputs.push(("loss", &mut losses));
        self.program.run(self.batch, 0, &inputs, &mut outputs);
        (losses, found)
    }

    /// With single-precision arrays.
    fn run_single(&self) -> (Vec<f32>, Vec<Vec<f32>>) {
        let single = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<f32>>();
        let given: Vec<(&str, Vec<f32>)> = self.given.iter().map(|(n, v)| (n.as_str(), single(v))).collect();
        let inputs: Vec<(&str, &[f32])> = given.iter().map(|(n, v)| (*n, v.as_slice())).collect();
        let ports: Vec<String> = self.names.iter().map(|name| format!("{name}.u")).collect();
        let (_, lengths) = self.run();
        let mut losses = vec![f32::NAN; self.batch];
        let mut found: Vec<Vec<f32>> = lengths.iter().map(|g| vec![f32::NAN; g.len()]).collect();
        let mut outputs: Vec<(&str, &mut [f32])> =
            ports.iter().zip(&mut found).map(|(p, g)| (p.as_str(), g.as_mut_slice())).collect();
        outputs.push(("loss", &mut losses));
        self.program.run(self.batch, 0, &inputs, &mut outputs);
        (losses, found)
    }
}

fn check(job: &str, file: &str, unit: f64) {
    let (loss, references) = references(job);
    let batch = job.split_once('-').unwrap().1.parse().unwrap();
    let names: Vec<String> = references.iter().map(|r| r.name.clone()).collect();
    for (precision, tolerance) in [(Precision::F64, 1e-6), (Precision::F32, 1e-3)] {
        let training = Training::new(file, unit, batch, names.clone(), precision);
        let (losses, found) = training.run();
        let sum: f64 = losses.iter().sum();
        assert!((sum - loss).abs() <= tolerance * loss, "{job} {precision:?}: loss {sum}, expected {loss}");
        for (reference, g) in references.iter().zip(&found) {
            let projection: f64 = g.iter().enumerate().map(|(i, g)| g * (0.1 * i as f64).cos()).sum();
            let square: f64 = g.iter().map(|g| g * g).sum();
            let scale = reference.square.sqrt();
            let name = &reference.name;
            assert!(
                (projection - reference.projection).abs() <= tolerance * scale,
                "{job} {precision:?} {name}: projection {projection}, expected {} of {scale}",
                reference.projection
            );
            assert!(
                (square.sqrt() - scale).abs() <= tolerance * scale,
                "{job} {precision:?} {name}: length {}, expected {scale}",
                square.sqrt()
            );
        }
    }
}

#[test]
fn gradients_of_a_small_network_match_pytorch() {
    check("mlp-5", "bench/data/w1.onnx", 1.0);
}

#[test]
fn gradients_of_a_unet_with_group_norm_and_attention_match_pytorch() {
    check("w2-3", "bench/data/w2.onnx", 1.0);
}

#[test]
fn gradients_of_a_trained_ddpm_match_pytorch() {
    check("ddpm-2", "models/mnist-ddpm.onnx", 1000.0);
}

#[test]
fn threads_change_no_bit() {
    for (job, file, batches) in
        [("mlp-5", "bench/data/w1.onnx", vec![1, 64, 65, 300]), ("w2-3", "bench/data/w2.onnx", vec![1, 17])]
    {
        let names: Vec<String> = references(job).1.into_iter().map(|r| r.name).collect();
        for batch in batches {
            let training = Training::new(file, 1.0, batch, names.clone(), Precision::F32);
            let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let alone = pool(1).install(|| training.run_single());
            for threads in [2, 3] {
                assert!(pool(threads).install(|| training.run_single()) == alone, "{job} {batch} {threads}");
            }
            assert!(alone.1.iter().flatten().all(|g| g.is_finite()));
        }
    }
}

/// Arrays of single precision are those of double precision rounded, where both are the same numbers.
#[test]
fn arrays_of_either_type_give_the_same_numbers() {
    let names: Vec<String> = references("mlp-5").1.into_iter().map(|r| r.name).collect();
    let mut training = Training::new("bench/data/w1.onnx", 1.0, 67, names, Precision::F32);
    for (_, values) in &mut training.given {
        values.iter_mut().for_each(|v| *v = f64::from(*v as f32));
    }
    let (losses, found) = training.run();
    let (single, rounded) = training.run_single();
    assert!(losses.iter().zip(&single).all(|(a, b)| *a == f64::from(*b)));
    assert!(found.iter().flatten().zip(rounded.iter().flatten()).all(|(a, b)| *a == f64::from(*b)));
}
