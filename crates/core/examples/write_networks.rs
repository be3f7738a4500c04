//! Writes the networks of `tests/networks/networks.json` as ONNX files into a folder, for `scripts/check-networks.py`.

use std::collections::BTreeMap;
use surefoot::train::networks::Network;
use surefoot_graph::{Limits, Precision, WriteOptions};

#[derive(serde::Deserialize)]
struct Case {
    shape: Vec<usize>,
    network: Network,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("expected a folder")?;
    let folder = std::path::Path::new(&folder);
    let cases: BTreeMap<String, Case> =
        serde_json::from_str(include_str!("../tests/networks/networks.json"))?;
    for (name, Case { shape, network }) in cases {
        let graph = network.graph(&shape, 1, &Limits::default())?;
        for (suffix, precision) in [("f32", Precision::F32), ("f64", Precision::F64)] {
            let options = WriteOptions { precision, keep_weights: true, ..WriteOptions::default() };
            graph.write(folder.join(format!("{name}.{suffix}.onnx")), &options)?;
        }
        // The same with constants made of weights, under no names.
        graph.write(folder.join(format!("{name}.simple.onnx")), &WriteOptions::default())?;
    }
    Ok(())
}
