//! Weights: raw, typed or external data of a tensor, checked against its declared size before it is copied.

use super::Limits;
use super::budget::MOST_AXES;
use super::element::{ElementType, from_brain, from_half, unsigned};
use super::proto::TensorProto;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// A tensor of a file: integers stay exact, since they decide shapes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    Floats(Vec<f64>),
    Integers(Vec<i64>),
}

/// A tensor with its shape.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tensor {
    pub shape: Vec<usize>,
    pub values: Values,
}

/// Reads tensors, and counts the bytes they take against the limit.
pub(super) struct Loader<'a> {
    pub directory: Option<PathBuf>,
    pub limits: &'a Limits,
    pub used: u64,
}

impl Loader<'_> {
    /// The tensor, or what is wrong with it.
    pub fn load(&mut self, proto: &TensorProto) -> Result<Tensor, String> {
        let element = ElementType::from_code(proto.data_type.unwrap_or(0))?;
        let shape: Vec<usize> = proto
            .dims
            .iter()
            .map(|&d| usize::try_from(d).map_err(|_| format!("has the length {d} along an axis")))
            .collect::<Result<_, _>>()?;
        if shape.len() > MOST_AXES {
            return Err(format!("has {} axes, more than {MOST_AXES}", shape.len()));
        }
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or("its size overflows")?;
        // Axes of length 0 count as 1: loops over the others take their time.
        let span = shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d.max(1) as u64));
        let bytes = span.and_then(|n| n.checked_mul(8)).ok_or("its size overflows")?;
        self.used = self.used.saturating_add(bytes);
        if self.used > self.limits.memory {
            return Err(format!("exceeds the memory limit of {} bytes", self.limits.memory));
        }
        let values = if proto.data_location == Some(1) {
            decode(element, &self.external(proto, element.size() * count)?, count)?
        } else if let Some(raw) = &proto.raw_data {
            decode(element, raw, count)?
        } else {
            typed(element, proto, count)?
        };
        Ok(Tensor { shape, values })
    }

    /// The bytes of external data: a file beside the model, never outside its directory.
    fn external(&self, proto: &TensorProto, size: usize) -> Result<Vec<u8>, String> {
        let entry = |key: &str| {
            let found = proto.external_data.iter().find(|e| e.key.as_deref() == Some(key));
            found.and_then(|e| e.value.as_deref())
        };
        let number = |key: &str, default: u64| match entry(key) {
            Some(text) => text.parse::<u64>().map_err(|_| format!("external {key} {text:?} is no number")),
            None => Ok(default),
        };
        let directory = self.directory.as_ref().ok_or("has external data, but the model is not a file")?;
        let location = entry("location").ok_or("has external data without a location")?;
        let inside = |c| matches!(c, Component::Normal(_) | Component::CurDir);
        let inside = Path::new(location).components().all(inside);
        if !inside {
            return Err(format!("external data {location:?} lie outside the model's directory"));
        }
        let (offset, length) = (number("offset", 0)?, number("length", size as u64)?);
        if length != size as u64 {
            return Err(format!("declares {size} bytes, but its external data have {length}"));
        }
        let fail = |e: std::io::Error| format!("external data {location:?}: {e}");
        let path = directory.join(location);
        let metadata = std::fs::metadata(&path).map_err(fail)?;
        if !metadata.is_file() {
            return Err(format!("external data {location:?} are no regular file"));
        }
        let available = metadata.len();
        if offset.checked_add(length).is_none_or(|end| end > available) {
            return Err(format!("needs bytes {offset}+{length} of {location:?}, which has {available}"));
        }
        let mut file = std::fs::File::open(path).map_err(fail)?;
        file.seek(SeekFrom::Start(offset)).map_err(fail)?;
        let mut bytes = vec![0; size];
        file.read_exact(&mut bytes).map_err(fail)?;
        Ok(bytes)
    }
}

fn decode(element: ElementType, raw: &[u8], count: usize) -> Result<Values, String> {
    if count.checked_mul(element.size()) != Some(raw.len()) {
        return Err(format!(
            "declares {count} elements of {} bytes, but has {} bytes",
            element.size(),
            raw.len()
        ));
    }
    element.decode(raw)
}

/// The numbers of the fields that are no bytes.
fn typed(element: ElementType, proto: &TensorProto, count: usize) -> Result<Values, String> {
    // Small types are stored in 32 bits each.
    let bits = || proto.int32_data.iter().map(|&v| v as u16);
    let values = match element {
        ElementType::Float => Values::Floats(proto.float_data.iter().map(|&v| f64::from(v)).collect()),
        ElementType::Double => Values::Floats(proto.double_data.clone()),
        ElementType::Float16 => Values::Floats(bits().map(from_half).collect()),
        ElementType::BFloat16 => Values::Floats(bits().map(from_brain).collect()),
        ElementType::Int64 => Values::Integers(proto.int64_data.clone()),
        ElementType::Uint32 | ElementType::Uint64 => unsigned(proto.uint64_data.iter().copied())?,
        ElementType::Int8
        | ElementType::Int16
        | ElementType::Int32
        | ElementType::Uint8
        | ElementType::Uint16
        | ElementType::Bool => Values::Integers(proto.int32_data.iter().map(|&v| i64::from(v)).collect()),
    };
    let got = match &values {
        Values::Floats(v) => v.len(),
        Values::Integers(v) => v.len(),
    };
    if got == count { Ok(values) } else { Err(format!("declares {count} elements, but has {got}")) }
}
