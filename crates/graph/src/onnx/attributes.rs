//! Attributes of a node by name.

use super::functions::Frame;
use super::proto::{AttributeProto, NodeProto, TensorProto};

/// An attribute under the name by which its node knows it.
#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    name: &'a str,
    value: &'a AttributeProto,
}

/// Kinds of attributes whose zero may be left out.
const FLOAT: i32 = 1;
const INT: i32 = 2;

/// The attributes of a node. Inside a function, those that refer to attributes of the call are replaced by them or
/// their defaults, and dropped where there is neither.
pub(super) fn bind<'a>(node: &'a NodeProto, frame: Option<&Frame<'a>>) -> Vec<Attribute<'a>> {
    let bound = |own: &'a AttributeProto| {
        let value = match own.ref_attr_name.as_deref() {
            None | Some("") => own,
            Some(name) => frame?.attribute(name)?,
        };
        Some(Attribute { name: own.name.as_deref().unwrap_or(""), value })
    };
    node.attribute.iter().filter_map(bound).collect()
}

/// The attributes of a node.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(pub &'a [Attribute<'a>]);

impl<'a> Attributes<'a> {
    pub fn int(self, name: &str, default: i64) -> i64 {
        self.optional_int(name).unwrap_or(default)
    }

    pub fn optional_int(self, name: &str) -> Option<i64> {
        self.find(name).and_then(|a| a.i.or((a.r#type == Some(INT)).then_some(0)))
    }

    pub fn optional_float(self, name: &str) -> Option<f64> {
        self.find(name).and_then(|a| a.f.or((a.r#type == Some(FLOAT)).then_some(0.0))).map(f64::from)
    }

    pub fn float(self, name: &str, default: f64) -> f64 {
        self.optional_float(name).unwrap_or(default)
    }

    pub fn ints(self, name: &str) -> Option<&'a [i64]> {
        self.find(name).map(|a| a.ints.as_slice())
    }

    pub fn floats(self, name: &str) -> Option<&'a [f32]> {
        self.find(name).map(|a| a.floats.as_slice())
    }

    pub fn tensor(self, name: &str) -> Option<&'a TensorProto> {
        self.find(name).and_then(|a| a.t.as_deref())
    }

    pub fn text(self, name: &str, default: &'static str) -> Result<&'a str, String> {
        match self.find(name).and_then(|a| a.s.as_deref()) {
            Some(bytes) => std::str::from_utf8(bytes).map_err(|_| format!("attribute {name} is no text")),
            None => Ok(default),
        }
    }

    fn find(self, name: &str) -> Option<&'a AttributeProto> {
        find(self.0, name)
    }
}

/// The attribute of a name.
pub(super) fn find<'a>(attributes: &[Attribute<'a>], name: &str) -> Option<&'a AttributeProto> {
    attributes.iter().find(|a| a.name == name).map(|a| a.value)
}
