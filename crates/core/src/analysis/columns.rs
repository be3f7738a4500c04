//! Columns: the per-sample results of a run, named and shaped before the work starts.

use super::request::Request;
use super::system::System;
use crate::error::Result;
use std::collections::BTreeMap;
use std::ops::Range;

/// Named axis of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// All samples.
    Sample,
    /// The leading samples that keep their path.
    Path,
    /// The leading samples repeated with twice the steps.
    Subset,
    /// Generation step.
    Step,
    /// Frame vector, most sensitive first.
    Vector,
    /// Coordinate in R^D.
    Component,
    /// Error kind.
    Error,
    /// Error kind and size.
    Perturbation,
}

impl Axis {
    /// Dimension name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Axis::Sample => "sample",
            Axis::Path => "path",
            Axis::Subset => "subset",
            Axis::Step => "step",
            Axis::Vector => "vector",
            Axis::Component => "component",
            Axis::Error => "error",
            Axis::Perturbation => "perturbation",
        }
    }
}

/// Name, axes and full shape of a column. The first axis runs over samples (`Sample`, `Path` or `Subset`).
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    /// Name in the store.
    pub name: &'static str,
    /// Axes.
    pub axes: Vec<Axis>,
    /// Full shape of the finished run.
    pub shape: Vec<usize>,
    /// Unit, or "" for a pure number.
    pub unit: &'static str,
    /// What it is, with the theory's section.
    pub description: &'static str,
}

impl ColumnSpec {
    /// Rows along the first axis that a chunk of samples contributes.
    pub fn rows(&self, samples: &Range<usize>) -> Range<usize> {
        samples.start.min(self.shape[0])..samples.end.min(self.shape[0])
    }

    /// Numbers in one row.
    pub fn row_len(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// All columns of a range of samples, row-major, the part of each column that [`ColumnSpec::rows`] names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chunk {
    /// Which samples.
    pub samples: Range<usize>,
    /// Values by column name.
    pub columns: BTreeMap<&'static str, Vec<f64>>,
}

/// Finished columns, read back one at a time.
pub trait ColumnSource {
    /// All values of a column, row-major.
    ///
    /// # Errors
    /// When it is absent or unreadable.
    fn read(&self, name: &str) -> Result<Vec<f64>>;
}

/// The columns that `request` on `system` will produce.
pub fn layout(_system: &System, _request: &Request, _perturbations: usize) -> Vec<ColumnSpec> {
    todo!()
}
