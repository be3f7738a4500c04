//! Attributes of a node by name.

use super::proto::{AttributeProto, NodeProto, TensorProto};

/// The attributes of a node.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(pub &'a NodeProto);

impl<'a> Attributes<'a> {
    fn find(self, name: &str) -> Option<&'a AttributeProto> {
        self.0.attribute.iter().find(|a| a.name.as_deref() == Some(name))
    }

    pub fn int(self, name: &str, default: i64) -> i64 {
        self.optional_int(name).unwrap_or(default)
    }

    pub fn optional_int(self, name: &str) -> Option<i64> {
        self.find(name).and_then(|a| a.i)
    }

    pub fn optional_float(self, name: &str) -> Option<f64> {
        self.find(name).and_then(|a| a.f).map(f64::from)
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
}
