//! `[support]`: an analytic shape with its parameters, a constraint, or a reference sample.

use super::normalisation::Mapping;
use super::read::Files;
use super::section::{Section, suggestion};
use super::spec::SupportSpec;
use super::tree::Node;
use crate::failure::{Failure, Result};
use serde::Deserialize;
use surefoot::support::Shape;
use toml::value::Table;

/// Reads `[support]`; the table is absent where the section is.
///
/// # Errors
/// Bad keys or values.
pub fn support(section: Option<Section>, files: &Files) -> Result<(SupportSpec, Option<Table>)> {
    let Some(section) = section else { return Ok((SupportSpec::Derived, None)) };
    if section.has("reference") && !section.has("kind") {
        let spec = reference(&section, files)?;
        return Ok((spec, Some(section.finish()?)));
    }
    let meaning = format!("{} | constraint | none, or `reference = \"data.npy\"`", Shape::NAMES.join(" | "));
    let kind = section.text("kind")?.ok_or_else(|| section.missing("kind", &meaning))?;
    if kind == "none" {
        return Ok((SupportSpec::None, Some(section.finish()?)));
    }
    if kind == "constraint" {
        let spec = constraint(&section, files)?;
        return Ok((spec, Some(section.finish()?)));
    }
    if !Shape::NAMES.contains(&kind.as_str()) {
        return Err(Failure::Value {
            place: section.place_of("kind").to_string(),
            what: "support.kind".into(),
            expected: meaning,
            got: format!("{kind:?}"),
            remedy: suggestion(&kind, Shape::NAMES.into_iter().chain(["constraint", "none"])),
        });
    }
    let mut table = Table::from_iter([("kind".to_string(), kind.clone().into())]);
    for key in parameters(&kind) {
        if let Some(node) = section.node(key) {
            table.insert(key.to_string(), shape_value(key, node));
        }
    }
    for (key, value) in &table {
        section.record(key, value.clone());
    }
    let place = section.place_of("kind");
    let resolved = section.finish()?;
    let shape = Shape::deserialize(toml::Value::Table(table)).map_err(|error| Failure::Value {
        place: place.to_string(),
        what: "support".into(),
        expected: format!("the parameters of {kind:?}: {}", parameters(&kind).join(", ")),
        got: error.message().trim().to_string(),
        remedy: "Mend the value".into(),
    })?;
    Ok((SupportSpec::Shape(shape), Some(resolved)))
}

/// The parameters of a shape, in the order of its documentation.
fn parameters(kind: &str) -> &'static [&'static str] {
    match kind {
        "two-moons" => &["scale", "shift", "strip"],
        "circle" => &["radius"],
        "spiral" => &["pitch", "start", "end"],
        "sphere" => &["dim", "radius"],
        "torus" => &["major", "minor"],
        "swiss-roll" => &["pitch", "height", "start", "end"],
        "disc" => &["centre", "radius"],
        "discs" => &["centres", "radius"],
        "polygon" => &["vertices"],
        "affine" => &["point", "basis"],
        "product" => &["factors"],
        _ => &[],
    }
}

/// The value of a shape's parameter: whole numbers stand for lengths too, except for a dimension.
fn shape_value(key: &str, node: &Node) -> toml::Value {
    fn floats(key: &str, value: toml::Value) -> toml::Value {
        match value {
            toml::Value::Integer(number) if key != "dim" => (number as f64).into(),
            toml::Value::Array(items) => {
                toml::Value::Array(items.into_iter().map(|item| floats(key, item)).collect())
            }
            // The parameters of a factor.
            toml::Value::Table(table) => {
                let floated = |(key, value): (String, toml::Value)| (key.clone(), floats(&key, value));
                toml::Value::Table(table.into_iter().map(floated).collect())
            }
            other => other,
        }
    }
    floats(key, node.value.plain())
}

/// c(x) = 0, and points of the support where there are any.
fn constraint(section: &Section, files: &Files) -> Result<SupportSpec> {
    let meaning = "an ONNX file with c(x): x [batch, …] to c [batch, m]";
    let name = section.text("file")?.ok_or_else(|| section.missing("file", meaning))?;
    let file = files.named(section, ["support", "file"], &name)?;
    let reference = section.text("reference")?;
    let reference =
        reference.map(|name| files.named(section, ["support", "reference"], &name)).transpose()?;
    Ok(SupportSpec::Constraint { file, reference })
}

fn reference(section: &Section, files: &Files) -> Result<SupportSpec> {
    let name = section.text("reference")?.unwrap_or_default();
    let file = files.named(section, ["support", "reference"], &name)?;
    let mapping = Mapping::read(section)?;
    let dimension = section.count("dimension", 1..=1_000_000, "a whole number ≥ 1")?;
    let neighbours = section.count("neighbours", 2..=1_000_000, "a whole number ≥ 2")?;
    Ok(SupportSpec::Reference { file, mapping, dimension, neighbours })
}
