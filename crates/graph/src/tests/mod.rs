//! Tests on small models written as ONNX.

mod accuracy;
mod build;
mod checks;
mod choices;
mod convolutions;
mod derivatives;
mod elementary;
mod functions;
mod image;
mod interfaces;
mod mixing;
mod moving;
mod operators;
mod passes;
mod products;
mod reading;
mod reductions;
mod refusals;
mod training;
mod writing;
