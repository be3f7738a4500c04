//! Columns of a run as tables, with what a figure needs to know about them.

use crate::report::figure::Point;
use surefoot::Error;
use surefoot::analysis::{ColumnSource, ColumnSpec};

/// Rows of equal length, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    values: Vec<f64>,
    row: usize,
}

impl Table {
    /// Splits `values` into rows of `row` numbers.
    pub fn new(values: Vec<f64>, row: usize) -> Table {
        Table { values, row: row.max(1) }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.row
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.row..(index + 1) * self.row]
    }

    /// All values.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The `part`-th of equal parts of every row, `len` numbers each.
    pub fn parts(&self, part: usize, len: usize) -> impl Iterator<Item = &[f64]> {
        (0..self.rows()).map(move |i| &self.row(i)[part * len..(part + 1) * len])
    }

    /// One number a row.
    pub fn column(&self, index: usize) -> Vec<f64> {
        (0..self.rows()).map(|i| self.row(i)[index]).collect()
    }
}

/// Reads the columns that a run has.
pub struct Columns<'a> {
    source: &'a dyn ColumnSource,
    specs: Vec<ColumnSpec>,
}

impl<'a> Columns<'a> {
    /// The columns of `specs`, read from `source`.
    pub fn new(source: &'a dyn ColumnSource, specs: Vec<ColumnSpec>) -> Columns<'a> {
        Columns { source, specs }
    }

    /// The column, one row an entry of its first axis, if the run has it.
    ///
    /// # Errors
    /// When it is unreadable, of another length than its specification says, or holds a number that is not finite.
    pub fn get(&self, name: &str) -> Result<Option<Table>, Error> {
        self.leading(name, usize::MAX)
    }

    /// The first `rows` rows of the column, or all it has, if the run has it.
    ///
    /// # Errors
    /// Those of [`Columns::get`].
    pub fn leading(&self, name: &str, rows: usize) -> Result<Option<Table>, Error> {
        let Some(spec) = self.specs.iter().find(|spec| spec.name == name) else { return Ok(None) };
        let (rows, row) = (rows.min(spec.shape[0]), spec.row_len());
        let mut values = self.source.read_leading(name, rows)?;
        values.truncate(if values.len() > spec.shape[0] * row { values.len() } else { rows * row });
        let wrong = |expected: String, got: String| {
            Err(Error::invalid(format!("reading column {name}"), expected, got, "Run the analysis again"))
        };
        if row == 0 || values.len() != rows * row {
            return wrong(format!("numbers of shape {:?}", spec.shape), format!("{} numbers", values.len()));
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return wrong("finite numbers".into(), format!("{} in row {}", values[index], index / row));
        }
        Ok(Some(Table::new(values, row)))
    }
}

/// About `at_most` indices of 0 … n, evenly spread; all of them if they are few.
pub fn spread(n: usize, at_most: usize) -> Vec<usize> {
    if n <= at_most {
        return (0..n).collect();
    }
    (0..at_most).map(|i| (i as u128 * n as u128 / at_most as u128) as usize).collect()
}

/// The empirical distribution function as a staircase of at most about `corners` corners.
pub fn staircase(values: &[f64], corners: usize) -> Vec<Point> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let mut line = Vec::new();
    for i in spread(n, corners) {
        line.push([sorted[i], i as f64 / n as f64]);
        line.push([sorted[i], (i + 1) as f64 / n as f64]);
    }
    if let Some(&last) = sorted.last() {
        line.push([last, 1.0]);
    }
    line
}

/// Heights of a histogram normalised to area 1, counting all values (those outside `edges` only in the norm).
pub fn histogram(values: &[f64], edges: &[f64]) -> Vec<f64> {
    let mut heights = vec![0.0; edges.len().saturating_sub(1)];
    let bins = heights.len();
    if bins == 0 || values.is_empty() {
        return heights;
    }
    for &value in values {
        let bin = edges.partition_point(|&edge| edge <= value);
        if bin >= 1 && bin <= bins {
            heights[bin - 1] += 1.0;
        } else if value == edges[bins] {
            heights[bins - 1] += 1.0;
        }
    }
    for (height, pair) in heights.iter_mut().zip(edges.windows(2)) {
        *height /= values.len() as f64 * (pair[1] - pair[0]);
    }
    heights
}

/// `bins` equal bins between `low` and `high`.
pub fn edges(low: f64, high: f64, bins: usize) -> Vec<f64> {
    (0..=bins).map(|i| low + (high - low) * i as f64 / bins as f64).collect()
}

/// The value below which `share` of `sorted` lies, linearly interpolated.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use surefoot::analysis::Axis;

    struct One(Vec<f64>);
    impl ColumnSource for One {
        fn read(&self, _name: &str) -> surefoot::Result<Vec<f64>> {
            Ok(self.0.clone())
        }
    }

    #[test]
    fn columns_are_checked() {
        let spec = |shape: &[usize]| ColumnSpec {
            name: "x",
            axes: vec![Axis::Sample, Axis::Component],
            shape: shape.to_vec(),
            unit: "",
            description: "",
        };
        let get = |values: &[f64]| Columns::new(&One(values.to_vec()), vec![spec(&[2, 2])]).get("x");
        assert_eq!(get(&[1.0, 2.0, 3.0, 4.0]).unwrap().unwrap().row(1), [3.0, 4.0]);
        assert!(get(&[1.0, 2.0, 3.0]).is_err());
        assert!(get(&[1.0, f64::NAN, 0.0, 0.0]).is_err());
        assert!(Columns::new(&One(vec![1.0]), vec![]).get("x").unwrap().is_none());
    }

    #[test]
    fn histograms_have_the_area_of_what_they_cover() {
        let heights = histogram(&[0.0, 0.1, 0.6, 1.0, 7.0], &edges(0.0, 1.0, 2));
        assert_eq!(heights, [0.8, 0.8]);
    }

    #[test]
    fn staircases_climb_to_one() {
        assert_eq!(staircase(&[2.0, 1.0], 10), [[1.0, 0.0], [1.0, 0.5], [2.0, 0.5], [2.0, 1.0], [2.0, 1.0]]);
        let long: Vec<f64> = (0..10_000).map(f64::from).collect();
        let line = staircase(&long, 100);
        assert!(line.len() <= 201 && line.windows(2).all(|p| p[0][0] <= p[1][0] && p[0][1] <= p[1][1]));
        assert!(staircase(&[], 5).is_empty());
    }

    #[test]
    fn quantiles_interpolate() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert!(quantile(&[], 0.5).is_nan());
        assert_eq!(spread(10, 3), [0, 3, 6]);
    }
}
