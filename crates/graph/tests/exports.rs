//! Networks exported by both exporters of PyTorch: against reference values, or refused for what is in them.

mod arrays;

use arrays::{Arrays, deviation};
use std::io::Read;
use std::path::{Path, PathBuf};
use surefoot_graph::{Error, Graph, Limits, Network, Precision};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exports")
}

/// The ONNX files of a folder, sorted; compressed ones end with `.onnx.zip`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let is_model = |p: &PathBuf| [".onnx", ".onnx.zip"].iter().any(|end| p.to_str().unwrap().ends_with(end));
    let mut files: Vec<PathBuf> = entries.filter(is_model).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Result<Graph, Error> {
    if path.extension().is_some_and(|e| e == "onnx") {
        return Graph::read(path, &Limits::default());
    }
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive.by_index(0).unwrap().read_to_end(&mut bytes).unwrap();
    Graph::from_bytes(&bytes, &Limits::default())
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// NAME of NAME-EXPORTER-OPSET.onnx.
fn network_name(path: &Path) -> &str {
    name(path).rsplitn(3, '-').nth(2).unwrap()
}

/// What is off by more than the tolerance: value, tangents, adjoint or second-order derivative.
fn compare(graph: &Graph, reference: &Path, precision: Precision, tolerance: f64) -> Result<(), String> {
    let network = Network::new(graph, precision).map_err(|e| e.to_string())?;
    let mut arrays = Arrays::open(reference);
    let [x, t, y, v, jv, u, uj] =
        ["x", "t", "y", "tangents", "jvp", "cotangents", "vjp"].map(|name| arrays.get(name));
    let (n, dim) = (t.values.len(), network.dim());
    let (k, m) = (v.shape[1], u.shape[1]);
    let mut got = [vec![0.0; y.values.len()], vec![0.0; jv.values.len()], vec![0.0; uj.values.len()]];
    let mut again = vec![0.0; dim];
    for i in 0..n {
        let row = |per: usize| i * per * dim..(i + 1) * per * dim;
        let (at, time) = (&x.values[row(1)], t.values[i]);
        let [value, jvp, vjp] = &mut got;
        network.tangents(time, at, &v.values[row(k)], &mut value[row(1)], &mut jvp[row(k)]);
        network.adjoint(time, at, &u.values[row(m)], &mut again, &mut vjp[row(m)]);
    }
    let mut pairs = vec![("value", &got[0], &y), ("jvp", &got[1], &jv), ("vjp", &got[2], &uj)];
    // PyTorch has no second derivative of some operators.
    let reference = arrays.find("second");
    let mut second = vec![0.0; y.values.len()];
    if let Some(reference) = &reference {
        for i in 0..n {
            let at = |j: usize| (i * k + j) * dim..(i * k + j + 1) * dim;
            let (sample, v) = (i * dim..(i + 1) * dim, [0, 1].map(|j| &v.values[at(j)]));
            let x = &x.values[sample.clone()];
            let result = network.second(t.values[i], x, v[0], v[1], &mut again, &mut second[sample]);
            result.map_err(|e| e.to_string())?;
        }
        pairs.push(("second order", &second, reference));
    }
    for (what, got, reference) in pairs {
        let deviation = deviation(got, &reference.values);
        if deviation.is_nan() || deviation > tolerance {
            return Err(format!("{what} in {precision:?} is off by {deviation:e}"));
        }
    }
    Ok(())
}

#[test]
fn exports_match_their_references() {
    let files = files(&folder());
    assert!(files.len() > 40, "only {} exports", files.len());
    let mut failures = Vec::new();
    for path in &files {
        let reference = folder().join(format!("{}.npz", network_name(path)));
        let outcome = read(path).map_err(|e| e.to_string()).and_then(|graph| {
            compare(&graph, &reference, Precision::F64, 1e-6)?;
            compare(&graph, &reference, Precision::F32, 2e-5)
        });
        failures.extend(outcome.err().map(|problem| format!("{}: {problem}", name(path))));
    }
    assert!(failures.is_empty(), "{} of {} fail:\n{}", failures.len(), files.len(), failures.join("\n"));
}

/// What makes the samples of a batch depend on each other in an export of `tests/exports/refused`.
const REFUSED: [(&str, &[&str], &str); 13] = [
    ("batch-size", &["Cast", "Mul"], "size of the batch"),
    ("batchnorm-training", &["BatchNormalization"], "mixes samples"),
    ("branch", &["If"], "control flow"),
    ("cumsum-batch", &["CumSum"], "mixes samples"),
    ("deviation-batch", &["ReduceMean"], "mixes samples"),
    ("first-of-batch", &["Slice"], "mixes samples"),
    ("fixed-batch", &["Add"], "mixes samples"),
    ("flip-batch", &["Slice"], "mixes samples"),
    ("gram-batch", &["MatMul"], "mixes samples"),
    ("mean-batch", &["ReduceMean"], "mixes samples"),
    ("repeated", &["Loop"], "control flow"),
    ("softmax-batch", &["Softmax"], "mixes samples"),
    ("sum-all", &["ReduceSum"], "mixes samples"),
];

#[test]
fn networks_that_mix_samples_or_branch_are_refused_by_node() {
    let files = files(&folder().join("refused"));
    assert!(files.len() > 20, "only {} exports", files.len());
    let mut failures = Vec::new();
    for path in &files {
        let network = name(path).rsplit_once('-').unwrap().0;
        let (_, operators, word) = REFUSED.iter().find(|(name, ..)| *name == network).unwrap();
        let nodes = match read(path) {
            Err(Error::Unsupported { nodes, .. }) => nodes,
            Err(other) => panic!("{}: {other}", name(path)),
            Ok(_) => vec![],
        };
        let named = nodes.iter().any(|n| operators.contains(&n.operator.as_str()) && n.reason.contains(word));
        if !named {
            failures.push(format!("{}: {nodes:?}", name(path)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
