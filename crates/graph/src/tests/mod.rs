//! Tests on small models written as ONNX.

mod accuracy;
mod build;
mod checks;
mod derivatives;
mod functions;
mod image;
mod operators;
mod passes;
mod reading;
mod writing;
