//! Attributes of a node by name.

use super::functions::Frame;
use super::proto::{AttributeProto, NodeProto, TensorProto};
use std::cell::Cell;

/// An attribute under the name by which its node knows it.
pub(super) struct Attribute<'a> {
    name: &'a str,
    value: &'a AttributeProto,
    /// The kind that was asked for, where the attribute is of another.
    misread: Cell<Option<&'static str>>,
}

/// Kinds of attributes by their numbers in ONNX.
const FLOAT: i32 = 1;
const INT: i32 = 2;
const STRING: i32 = 3;
const TENSOR: i32 = 4;
const FLOATS: i32 = 6;
const INTS: i32 = 7;

/// The attributes of a node. Inside a function, those that refer to attributes of the call are replaced by them or
/// their defaults, and dropped where there is neither.
pub(super) fn bind<'a>(node: &'a NodeProto, frame: Option<&Frame<'a>>) -> Vec<Attribute<'a>> {
    let bound = |own: &'a AttributeProto| {
        let value = match own.ref_attr_name.as_deref() {
            None | Some("") => own,
            Some(name) => frame?.attribute(name)?,
        };
        Some(Attribute { name: own.name.as_deref().unwrap_or(""), value, misread: Cell::new(None) })
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
        self.find(name, INT, "an integer").and_then(|a| a.i.or((a.r#type == Some(INT)).then_some(0)))
    }

    /// An integer that must be there.
    pub fn required_int(self, name: &str) -> Result<i64, String> {
        self.optional_int(name).ok_or_else(|| format!("has no attribute {name}"))
    }

    pub fn optional_float(self, name: &str) -> Option<f64> {
        let found = self.find(name, FLOAT, "a number");
        found.and_then(|a| a.f.or((a.r#type == Some(FLOAT)).then_some(0.0))).map(f64::from)
    }

    pub fn float(self, name: &str, default: f64) -> f64 {
        self.optional_float(name).unwrap_or(default)
    }

    pub fn ints(self, name: &str) -> Option<&'a [i64]> {
        self.find(name, INTS, "a list of integers").map(|a| a.ints.as_slice())
    }

    pub fn floats(self, name: &str) -> Option<&'a [f32]> {
        self.find(name, FLOATS, "a list of numbers").map(|a| a.floats.as_slice())
    }

    pub fn tensor(self, name: &str) -> Option<&'a TensorProto> {
        self.find(name, TENSOR, "a tensor").and_then(|a| a.t.as_deref())
    }

    pub fn text(self, name: &str, default: &'static str) -> Result<&'a str, String> {
        match self.find(name, STRING, "a text").and_then(|a| a.s.as_deref()) {
            Some(bytes) => std::str::from_utf8(bytes).map_err(|_| format!("attribute {name} is no text")),
            None => Ok(default),
        }
    }

    /// The attribute of a name; one of another kind is noted, and counts as absent.
    fn find(self, name: &str, kind: i32, meaning: &'static str) -> Option<&'a AttributeProto> {
        let attribute = self.0.iter().find(|a| a.name == name)?;
        let fits = kind_of(attribute.value).is_none_or(|own| own == kind);
        if !fits {
            attribute.misread.set(Some(meaning));
        }
        fits.then_some(attribute.value)
    }

    /// What is wrong with an attribute that was asked for.
    pub fn misread(self) -> Option<String> {
        let wrong = |a: &Attribute| Some(format!("the attribute {} is not {}", a.name, a.misread.get()?));
        self.0.iter().find_map(wrong)
    }
}

/// The kind that an attribute says it is of, or else that of what it holds; `None` for one that holds nothing.
fn kind_of(attribute: &AttributeProto) -> Option<i32> {
    let held = [
        (INT, attribute.i.is_some()),
        (FLOAT, attribute.f.is_some()),
        (STRING, attribute.s.is_some()),
        (TENSOR, attribute.t.is_some()),
        (FLOATS, !attribute.floats.is_empty()),
        (INTS, !attribute.ints.is_empty()),
    ];
    let held = held.into_iter().find(|(_, held)| *held).map(|(kind, _)| kind);
    attribute.r#type.filter(|&declared| declared != 0).or(held)
}

/// The attribute of a name.
pub(super) fn find<'a>(attributes: &[Attribute<'a>], name: &str) -> Option<&'a AttributeProto> {
    attributes.iter().find(|a| a.name == name).map(|a| a.value)
}
