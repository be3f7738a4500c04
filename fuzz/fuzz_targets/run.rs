//! What can be read can be compiled and run: value, tangents and adjoint.
#![no_main]

use libfuzzer_sys::fuzz_target;
use surefoot_graph::{Description, Graph, Limits, Network, Precision};

/// Operations that a model may cost a sample, so that a run does not look like a hang.
const MOST_FLOPS: u64 = 10_000_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(graph) = Graph::from_bytes(bytes, &Limits { memory: 1 << 20 }) else { return };
    let description = Description::of(&graph);
    if description.value_flops.saturating_add(description.tangent_flops) > MOST_FLOPS {
        return;
    }
    let Ok(network) = Network::new(&graph, Precision::F32) else { return };
    let dim = network.dim();
    let (x, v) = (vec![0.5; 2 * dim], vec![1.0; 4 * dim]);
    let (mut y, mut jv) = (vec![0.0; 2 * dim], vec![0.0; 4 * dim]);
    network.tangents(0.5, &x, &v, &mut y, &mut jv);
    network.adjoint(0.5, &x, &v, &mut y, &mut jv);
});
