//! Functions that a file defines: at every call, their nodes take its place.

use super::OPSETS;
use super::attributes::{Attribute, find};
use super::import::{Importer, Scope, Value};
use super::proto::{AttributeProto, FunctionProto, ModelProto, NodeProto, OperatorSetIdProto};
use std::collections::HashMap;

/// Most calls within calls.
const DEEPEST: usize = 64;

/// The functions of a file by domain, name and overload.
#[derive(Default)]
pub(super) struct Functions<'a>(HashMap<[&'a str; 3], &'a FunctionProto>);

impl<'a> Functions<'a> {
    pub fn of(model: &'a ModelProto) -> Self {
        let key = |f: &'a FunctionProto| [text(&f.domain), text(&f.name), text(&f.overload)];
        Functions(model.functions.iter().map(|f| (key(f), f)).collect())
    }

    pub fn find(&self, node: &NodeProto) -> Option<&'a FunctionProto> {
        self.0.get(&[text(&node.domain), text(&node.op_type), text(&node.overload)]).copied()
    }
}

fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or("")
}

/// Is a domain that of ONNX's own operators?
pub(super) fn is_standard(domain: &Option<String>) -> bool {
    matches!(text(domain), "" | "ai.onnx")
}

/// Version of ONNX's own operators that a list of imports names.
pub(super) fn standard_version(imports: &[OperatorSetIdProto]) -> Option<i64> {
    imports.iter().find(|o| is_standard(&o.domain)).and_then(|o| o.version)
}

/// A call whose function is being read.
pub(super) struct Frame<'a> {
    function: &'a FunctionProto,
    /// Name of the calling node.
    node: &'a str,
    attributes: Vec<Attribute<'a>>,
}

impl<'a> Frame<'a> {
    /// An attribute of the call, or the function's default for it.
    pub fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        let default = || self.function.attribute_proto.iter().find(|a| a.name.as_deref() == Some(name));
        find(&self.attributes, name).or_else(default)
    }
}

/// Name of a node: its own or that of its first output.
pub(super) fn node_name(node: &NodeProto) -> &str {
    let own = node.name.as_deref().filter(|n| !n.is_empty());
    own.or_else(|| node.output.first().map(String::as_str)).unwrap_or("?")
}

/// Name of a node after the names of the calls it is in.
pub(super) fn full_name(frames: &[Frame], node: &NodeProto) -> String {
    let mut names: Vec<&str> = frames.iter().map(|f| f.node).collect();
    names.push(node_name(node));
    names.join("/")
}

/// The results of a call: those of the function's nodes on the call's arguments. Nodes that cannot be evaluated are
/// noted one by one, as anywhere else.
pub(super) fn call<'a>(
    importer: &mut Importer<'a>,
    node: &'a NodeProto,
    function: &'a FunctionProto,
    attributes: Vec<Attribute<'a>>,
    arguments: Vec<Option<Value>>,
) -> Result<Vec<Value>, String> {
    if importer.frames.iter().any(|f| std::ptr::eq(f.function, function)) {
        return Err("this function calls itself".into());
    }
    if importer.frames.len() == DEEPEST {
        return Err(format!("calls are nested more than {DEEPEST} deep"));
    }
    if arguments.len() > function.input.len() {
        return Err(format!("gives {} arguments to a function of {}", arguments.len(), function.input.len()));
    }
    let version = standard_version(&function.opset_import).filter(|v| !OPSETS.contains(v));
    if let Some(version) = version {
        return Err(format!("its function is written for operator set {version}"));
    }
    let given = arguments.into_iter().chain(std::iter::repeat(None));
    let inner: Scope = function.input.iter().map(String::as_str).zip(given).collect();
    let outer = std::mem::replace(&mut importer.scope, inner);
    importer.frames.push(Frame { function, node: node_name(node), attributes });
    function.node.iter().for_each(|node| importer.node(node));
    importer.frames.pop();
    let inner = std::mem::replace(&mut importer.scope, outer);
    let result = |name: &String| match inner.get(name.as_str()) {
        Some(Some(value)) => Ok(value.clone()),
        _ => Err(format!("its function makes no {name:?}")),
    };
    function.output.iter().take(node.output.len()).map(result).collect()
}
