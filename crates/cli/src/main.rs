//! The program `surefoot`.

#[allow(dead_code)]
mod report;

fn main() {}
