//! How the numbers of a data file become those that a model computes with, and back.

use super::section::Section;
use crate::data_file::Array;
use crate::failure::{Failure, Result};
use toml::value::Table;

/// What is done with the numbers of a file.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Mapping {
    /// Nothing.
    #[default]
    AsTheyAre,
    /// `scale`: the range of the number type (or of the values) goes to [low, high].
    Range([f64; 2]),
    /// `normalise = "standard"`: every coordinate gets mean 0 and standard deviation 1 over the rows of the file.
    Standard,
}

/// x = shift + factor z for data x and a model's state z: one number for all coordinates, or D.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalisation {
    /// In data units.
    pub shift: Vec<f64>,
    /// Data units a unit of the model, positive.
    pub factor: Vec<f64>,
}

/// Most coordinates that are normalised one by one: a model file holds two numbers for each.
const MOST_COORDINATES: usize = 1 << 14;
/// A deviation below this share of the mean is rounding.
const ROUNDING: f64 = 1e-12;

impl Mapping {
    /// Reads `scale` and `normalise`.
    ///
    /// # Errors
    /// Bad values, both at once.
    pub fn read(section: &Section) -> Result<Mapping> {
        let scale = section.interval("scale")?;
        let standard = section.has("normalise")
            && section.choice("normalise", &[("none", false), ("standard", true)], None)?;
        // Known even where it is not there.
        let _ = section.node("normalise");
        match (scale, standard) {
            (Some(_), true) => Err(section.wrong("normalise", "\"none\" beside `scale`", "\"standard\"")),
            (Some(range), false) => Ok(Mapping::Range(range)),
            (None, true) => Ok(Mapping::Standard),
            (None, false) => Ok(Mapping::AsTheyAre),
        }
    }

    /// Its key and value, where anything is done.
    pub fn entry(self) -> Option<(String, toml::Value)> {
        match self {
            Mapping::AsTheyAre => None,
            Mapping::Range([low, high]) => Some(("scale".into(), vec![low, high].into())),
            Mapping::Standard => Some(("normalise".into(), "standard".into())),
        }
    }

    /// The numbers as the model has them, `[n, D]`, and the way back where anything was done.
    ///
    /// # Errors
    /// Too many coordinates to be normalised one by one.
    pub fn apply(self, array: Array) -> Result<Mapped> {
        let (dim, rows) = (array.row_len(), array.rows());
        match self {
            Mapping::AsTheyAre => Ok(Mapped { values: array.values, normalisation: None }),
            Mapping::Range(range) => Ok(ranged(array, range)),
            Mapping::Standard if dim > MOST_COORDINATES => Err(Failure::Value {
                place: "normalise = \"standard\"".into(),
                what: "standard normalisation".into(),
                expected: format!("data of at most {MOST_COORDINATES} coordinates"),
                got: dim.to_string(),
                remedy: "Map all coordinates alike with `scale`".into(),
            }),
            Mapping::Standard => {
                let normalisation = standard(dim, rows, &array.values);
                let mut values = array.values;
                normalisation.map(dim, &mut values, |value, shift, factor| (value - shift) / factor);
                Ok(Mapped { values, normalisation: Some(normalisation) })
            }
        }
    }
}

/// Numbers of a file as a model has them.
pub struct Mapped {
    /// `[n, D]`
    pub values: Vec<f64>,
    /// The way back.
    pub normalisation: Option<Normalisation>,
}

/// The range of the number type, or of the values, to [low, high]; equal numbers all to low.
fn ranged(array: Array, [low, high]: [f64; 2]) -> Mapped {
    let extent = |values: &[f64]| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        [least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max)]
    };
    let [least, most] = array.type_range.unwrap_or_else(|| extent(&array.values));
    let slope = if most > least { (high - low) / (most - least) } else { 0.0 };
    let factor = if most > least { (most - least) / (high - low) } else { 1.0 };
    let values = array.values.iter().map(|value| low + (value - least) * slope).collect();
    let normalisation = Normalisation { shift: vec![least - low * factor], factor: vec![factor] };
    Mapped { values, normalisation: Some(normalisation) }
}

/// Mean and standard deviation (over n) of every coordinate; a coordinate that does not vary keeps its unit.
fn standard(dim: usize, rows: usize, values: &[f64]) -> Normalisation {
    let column = |d: usize| values.iter().skip(d).step_by(dim);
    let mean = |d: usize| column(d).map(|value| value / rows as f64).sum::<f64>();
    let shift: Vec<f64> = (0..dim).map(mean).collect();
    let deviation = |d: usize| {
        let square = column(d).map(|value| (value - shift[d]).powi(2) / rows as f64).sum::<f64>().sqrt();
        if square > ROUNDING * shift[d].abs() && square.is_finite() { square } else { 1.0 }
    };
    let factor = (0..dim).map(deviation).collect();
    Normalisation { shift, factor }
}

impl Normalisation {
    /// Reads `[normalisation]`.
    ///
    /// # Errors
    /// Bad keys or values.
    pub fn read(section: &Section) -> Result<Normalisation> {
        let list = |key: &str, meaning: &str| -> Result<Vec<f64>> {
            let numbers = section.numbers(key, .., meaning)?;
            numbers.ok_or_else(|| section.missing(key, meaning))
        };
        let shift = list("shift", "a list of one number, or of one a coordinate")?;
        let meaning = "a list of one number > 0, or of one a coordinate";
        let factor = list("factor", meaning)?;
        match factor.iter().find(|factor| **factor <= 0.0) {
            Some(factor) => Err(section.wrong("factor", meaning, factor.to_string())),
            None => Ok(Normalisation { shift, factor }),
        }
    }

    /// `[normalisation]`.
    pub fn table(&self) -> Table {
        let entries = [("shift", &self.shift), ("factor", &self.factor)];
        entries.map(|(key, numbers)| (key.to_string(), numbers.clone().into())).into_iter().collect()
    }

    /// Refuses lists that do not fit dimension `dim`.
    ///
    /// # Errors
    /// The key whose list has another length.
    pub fn check(&self, dim: usize) -> Result<()> {
        for (key, numbers) in [("shift", &self.shift), ("factor", &self.factor)] {
            if ![1, dim].contains(&numbers.len()) {
                return Err(Failure::Value {
                    place: "[normalisation]".into(),
                    what: format!("normalisation.{key}"),
                    expected: format!("1 number or {dim}, one a coordinate"),
                    got: numbers.len().to_string(),
                    remedy: "Mend the list".into(),
                });
            }
        }
        Ok(())
    }

    /// From the model's units to those of the data: `rows[n, D]`.
    pub fn to_data_units(&self, dim: usize, rows: &mut [f64]) {
        self.map(dim, rows, |value, shift, factor| shift + factor * value);
    }

    fn map(&self, dim: usize, rows: &mut [f64], map: impl Fn(f64, f64, f64) -> f64) {
        let of = |numbers: &[f64], d: usize| numbers[if numbers.len() == 1 { 0 } else { d }];
        for row in rows.chunks_exact_mut(dim) {
            for (d, value) in row.iter_mut().enumerate() {
                *value = map(*value, of(&self.shift, d), of(&self.factor, d));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: [usize; 2], values: &[f64], type_range: Option<[f64; 2]>) -> Array {
        Array { shape: shape.to_vec(), values: values.to_vec(), type_range }
    }

    /// Numbers that are known by hand, and the way back.
    #[test]
    fn there_and_back() {
        // Means 2 and 7, deviations 1 and 0: the second coordinate keeps its unit.
        let cases = [
            (Mapping::Standard, None, [1.0, 7.0, 3.0, 7.0], [-1.0, 0.0, 1.0, 0.0]),
            (Mapping::Range([-1.0, 1.0]), None, [1.0, 2.0, 3.0, 2.0], [-1.0, 0.0, 1.0, 0.0]),
            (
                Mapping::Range([-1.0, 1.0]),
                Some([0.0, 255.0]),
                [0.0, 255.0, 51.0, 127.5],
                [-1.0, 1.0, -0.6, 0.0],
            ),
            (Mapping::Range([2.0, 3.0]), None, [5.0; 4], [2.0; 4]),
        ];
        for (mapping, range, values, expected) in cases {
            let Mapped { values: mut mapped, normalisation } =
                mapping.apply(array([2, 2], &values, range)).unwrap();
            assert!(mapped.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-14), "{mapped:?}");
            let normalisation = normalisation.unwrap();
            normalisation.check(2).unwrap();
            normalisation.to_data_units(2, &mut mapped);
            assert!(mapped.iter().zip(values).all(|(a, b)| (a - b).abs() < 1e-12), "{mapped:?}");
        }
        let plain = Mapping::AsTheyAre.apply(array([2, 1], &[3.0, 4.0], None)).unwrap();
        assert_eq!((plain.values, plain.normalisation), (vec![3.0, 4.0], None));
    }

    #[test]
    fn one_row_and_huge_numbers_stay_finite() {
        for values in [[5.0, -1e300], [1e-300, 1e154]] {
            let mapped = Mapping::Standard.apply(array([1, 2], &values, None)).unwrap();
            assert_eq!(mapped.values, [0.0, 0.0]);
        }
        let mapped = Mapping::Standard.apply(array([2, 1], &[1e300, -1e300], None)).unwrap();
        assert!(mapped.values.iter().all(|value| value.is_finite()));
        let wide = MOST_COORDINATES + 1;
        let message = Mapping::Standard.apply(array([1, wide], &vec![0.0; wide], None)).err().unwrap();
        assert!(message.to_string().contains("scale"), "{message}");
    }
}
