//! The program `surefoot`.
fn main() {}
