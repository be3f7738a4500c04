//! Damaged files: an error, never a panic.

use surefoot_graph::{Graph, Limits, Network, Precision};

fn model() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-cfm.onnx")).unwrap()
}

/// Reads, and evaluates what can be read.
fn attempt(bytes: &[u8]) -> bool {
    let Ok(graph) = Graph::from_bytes(bytes, &Limits { memory: 64 << 20 }) else { return false };
    let Ok(network) = Network::new(&graph, Precision::F32) else { return false };
    let dim = network.dim();
    if dim > 1 << 16 {
        return true;
    }
    let (x, v) = (vec![0.5; dim], vec![1.0; 2 * dim]);
    let (mut y, mut jv) = (vec![0.0; dim], vec![0.0; 2 * dim]);
    network.tangents(0.5, &x, &v, &mut y, &mut jv);
    network.adjoint(0.5, &x, &v, &mut y, &mut jv);
    true
}

/// A sequence of numbers without pattern.
fn scramble(i: u64) -> u64 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 31)
}

#[test]
fn truncated_files_are_refused() {
    let bytes = model();
    let cuts = (0..400).chain((400..bytes.len()).step_by(997)).chain(bytes.len() - 300..bytes.len());
    for cut in cuts {
        attempt(&bytes[..cut]);
    }
    assert!(!attempt(&bytes[..bytes.len() / 2]));
    assert!(attempt(&bytes));
}

#[test]
fn flipped_bits_never_panic() {
    let bytes = model();
    let (head, tail) = (1500, bytes.len() - 1500);
    let mut refused = 0;
    for i in 0..4000u64 {
        let r = scramble(i);
        let place = match i % 4 {
            0 => r as usize % bytes.len(),
            1 => tail + r as usize % 1500,
            _ => r as usize % head,
        };
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << ((r >> 40) % 8);
        refused += usize::from(!attempt(&damaged));
    }
    assert!(refused > 100, "only {refused} damaged files were refused");
}

#[test]
fn declared_sizes_are_checked_against_the_bytes_and_the_limit() {
    let bytes = model();
    let error = Graph::from_bytes(&bytes, &Limits { memory: 1000 }).unwrap_err().to_string();
    assert!(error.contains("1000 bytes"), "{error}");
}
