//! Whatever the bytes: a graph or an error, in bounded memory and time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use surefoot_graph::{Graph, Limits};

fuzz_target!(|bytes: &[u8]| {
    let _ = Graph::from_bytes(bytes, &Limits { memory: 4 << 20 });
});
