//! Imported networks against reference values computed elsewhere in f64.

mod arrays;

use arrays::{Arrays, deviation};
use std::path::PathBuf;
use surefoot_graph::{CpuPath, Graph, Limits, Network, Precision};

const MODELS: [&str; 4] = ["moons-cfm", "moons-cfm-undertrained", "moons-otcfm", "moons-si"];
const PATHS: [CpuPath; 3] = [CpuPath::Avx512, CpuPath::Avx2, CpuPath::Portable];

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn check(model: &str, precision: Precision, path: CpuPath, tolerance: f64) {
    let graph = Graph::read(repository(&format!("models/{model}.onnx")), &Limits::default()).unwrap();
    let network = Network::with_path(&graph, precision, path).unwrap();
    let mut npz = Arrays::open(&repository(&format!("models/{model}.npz")));
    let [x, t, y, v, jv, u, uj] =
        ["x", "t", "y", "tangents", "jvp", "cotangents", "vjp"].map(|name| npz.get(name));
    let (n, dim) = (x.shape[0], network.dim());
    let (k, m) = (v.shape[1], u.shape[1]);
    let mut got = [vec![0.0; y.values.len()], vec![0.0; jv.values.len()], vec![0.0; uj.values.len()]];
    let mut again = vec![0.0; dim];
    for i in 0..n {
        let (sample, tangents, cotangents) =
            (i * dim..(i + 1) * dim, i * k * dim..(i + 1) * k * dim, i * m * dim..(i + 1) * m * dim);
        let at = &x.values[sample.clone()];
        network.adjoint(t.values[i], at, &u.values[cotangents.clone()], &mut again, &mut got[2][cotangents]);
        let [value, jvp, _] = &mut got;
        network.tangents(
            t.values[i],
            at,
            &v.values[tangents.clone()],
            &mut value[sample.clone()],
            &mut jvp[tangents],
        );
        assert_eq!(again, value[sample.clone()]);
        network.value(t.values[i], at, &mut again);
        assert_eq!(again, value[sample]);
    }
    for (what, got, reference) in
        [("value", &got[0], &y.values), ("jvp", &got[1], &jv.values), ("vjp", &got[2], &uj.values)]
    {
        let deviation = deviation(got, reference);
        assert!(deviation <= tolerance, "{model} {what} {precision:?} {path:?}: {deviation:e}");
    }
}

#[test]
fn imported_networks_match_their_references() {
    for model in MODELS {
        for path in PATHS {
            check(model, Precision::F64, path, 1e-6);
            check(model, Precision::F32, path, 2e-5);
        }
    }
}

#[test]
fn an_imported_unet_with_attention_matches_its_reference() {
    check("mnist-ddpm", Precision::F64, CpuPath::detect(), 1e-6);
    check("mnist-ddpm", Precision::F32, CpuPath::detect(), 2e-5);
}

#[test]
fn benchmark_networks_run() {
    for (name, dim) in [("w1", 2), ("w1b", 64), ("w2", 784)] {
        let graph = Graph::read(repository(&format!("bench/data/{name}.onnx")), &Limits::default()).unwrap();
        let [double, single] = [Precision::F64, Precision::F32].map(|p| Network::new(&graph, p).unwrap());
        assert_eq!(double.dim(), dim);
        let x: Vec<f64> = (0..3 * dim).map(|i| (i as f64 * 0.7).sin()).collect();
        let v: Vec<f64> = (0..6 * dim).map(|i| (i as f64 * 0.3).cos()).collect();
        let (mut y, mut jv) =
            ([vec![0.0; 3 * dim], vec![0.0; 3 * dim]], [vec![0.0; 6 * dim], vec![0.0; 6 * dim]]);
        double.tangents(0.25, &x, &v, &mut y[0], &mut jv[0]);
        single.tangents(0.25, &x, &v, &mut y[1], &mut jv[1]);
        assert!(deviation(&y[1], &y[0]) < 2e-5);
        assert!(deviation(&jv[1], &jv[0]) < 2e-5);
        assert!(y[0].iter().any(|v| *v != 0.0) && jv[0].iter().any(|v| *v != 0.0));
    }
}
