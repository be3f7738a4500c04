//! What is in the way of reading a file: the nodes that cannot be evaluated, every cause once.

use super::element::ElementType;
use super::functions::{full_name, is_standard};
use super::import::Importer;
use super::manual;
use super::proto::{NodeProto, TensorProto};
use crate::error::{MORE, UnsupportedNode};

/// Most nodes that a refusal lists.
const MOST_LISTED: usize = 1000;

/// Characters of a text of a file that a refusal repeats.
const MOST_SHOWN: usize = 200;

impl Importer<'_> {
    /// Notes why a node cannot be evaluated, with the line of the list of operators that applies.
    pub(super) fn refuse(&mut self, node: &NodeProto, reason: String) {
        let list = match is_standard(&node.domain) {
            true => manual::operator(node.op_type.as_deref().unwrap_or(""), &reason),
            false => manual::other_domain(),
        };
        self.note(full_name(&self.frames, node), operator(node), reason, Some(list));
    }

    /// Notes what is wrong with a node, whatever its operator is.
    pub(super) fn reject(&mut self, node: &NodeProto, reason: String) {
        self.note(full_name(&self.frames, node), operator(node), reason, None);
    }

    /// Notes a weight of an element type that is not supported. Is it of one?
    pub(super) fn refuse_weight(&mut self, weight: &TensorProto) -> bool {
        let Err(reason) = ElementType::from_code(weight.data_type.unwrap_or(0)) else { return false };
        let list = manual::operator("", &reason);
        self.note(weight.name.clone().unwrap_or_default(), "initializer".into(), reason, Some(list));
        true
    }

    fn note(&mut self, node: String, operator: String, reason: String, list: Option<String>) {
        let [node, operator, reason] = match self.unsupported.len() {
            0..MOST_LISTED => [node, operator, reason].map(|text| short(&text)),
            MOST_LISTED => [MORE, MORE, "more nodes follow that are not listed"].map(String::from),
            _ => return,
        };
        let list = list.filter(|_| self.unsupported.len() < MOST_LISTED);
        self.unsupported.push(UnsupportedNode { node, operator, reason, list });
    }
}

/// The operator with its domain, unless that is ONNX's own.
fn operator(node: &NodeProto) -> String {
    let operator = node.op_type.as_deref().unwrap_or("");
    match node.domain.as_deref() {
        Some(domain) if !is_standard(&node.domain) => format!("{domain}.{operator}"),
        _ => operator.into(),
    }
}

/// The beginning of a text of a file, where it is long, without characters that a terminal would act upon.
pub(super) fn short(text: &str) -> String {
    let plain = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let mut shown: String = text.chars().take(MOST_SHOWN).map(plain).collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
