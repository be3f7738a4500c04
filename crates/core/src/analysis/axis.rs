//! Named, shaped columns of numbers, one row a sample, and where finished ones are read back.

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
    /// Error kind with a first-order displacement.
    Error,
    /// Error kind and size.
    Perturbation,
    /// The leading samples that keep their error budget.
    Curve,
    /// The way from one generation step to the next.
    Interval,
    /// The leading samples of the central differences.
    Checked,
    /// Error kind whose effect on the density is known to first order.
    Response,
    /// Size of a central difference, falling.
    Size,
    /// Function of a sample.
    Observable,
    /// Learning error: the difference to another model.
    Learned,
    /// The leading samples on which the sufficient condition is examined.
    Examined,
    /// The leading samples whose exact vectors are searched for (k < D).
    Searched,
    /// … with twice the steps, too.
    SearchedSubset,
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
            Axis::Curve => "curve",
            Axis::Interval => "interval",
            Axis::Checked => "checked",
            Axis::Response => "response",
            Axis::Size => "size",
            Axis::Observable => "observable",
            Axis::Learned => "learning_error",
            Axis::Examined => "examined",
            Axis::Searched => "searched",
            Axis::SearchedSubset => "searched_subset",
        }
    }
}

/// Name, axes and full shape of a column. The first axis runs over samples (`Sample`, `Path`, `Subset`,
/// `Curve`, `Checked`, `Examined`, `Searched` or `SearchedSubset`).
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

    /// At least the first `rows` rows of a column, where it has as many; sources that can spare themselves the others do.
    ///
    /// # Errors
    /// As [`ColumnSource::read`].
    fn read_leading(&self, name: &str, rows: usize) -> Result<Vec<f64>> {
        let _ = rows;
        self.read(name)
    }
}

/// Unit of lengths in the model's own coordinates.
pub(super) const LENGTH: &str = "data units";
pub(super) const NATS: &str = "nats";
pub(super) const DEGREES: &str = "degrees";
pub(super) const FLAWS: &str = "0: the foot is sound, 1: not shown to be nearest, 2: no tangent space there";

/// Takes specifications of columns; those with an axis of length 0 are left out.
pub(super) trait ColumnSink {
    /// Adds a column.
    fn add(&mut self, name: &'static str, axes: &[Axis], unit: &'static str, description: &'static str);
}
