//! Networks against reference arrays made elsewhere.

use crate::data_file::{Array, npz};
use crate::failure::{Failure, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};
use surefoot_graph::{Graph, Limits, Network, Precision};

/// Largest deviation allowed, max |difference| / max |reference|: (f32, f64). ONNX stores attributes in f32, so that
/// f64 cannot agree to its own rounding.
const TOLERANCE: [f64; 2] = [2e-5, 1e-6];

/// Deviation of one quantity in one precision.
#[derive(Debug, Clone, Serialize)]
pub struct Deviation {
    pub quantity: &'static str,
    pub precision: &'static str,
    pub deviation: f64,
    pub tolerance: f64,
}

impl Deviation {
    /// Is it within the tolerance?
    pub fn agrees(&self) -> bool {
        self.deviation <= self.tolerance
    }
}

impl std::fmt::Display for Deviation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Deviation { quantity, precision, deviation, tolerance } = self;
        write!(f, "{quantity} in {precision} deviates by {deviation:.2e}, allowed {tolerance:.0e}")
    }
}

/// The arrays of a reference file.
struct Reference {
    file: PathBuf,
    arrays: Vec<(String, Array)>,
}

impl Reference {
    fn get(&self, name: &str) -> Option<&Array> {
        self.arrays.iter().find(|(other, _)| other == name).map(|(_, array)| array)
    }

    /// An array that must be there and hold something.
    fn required(&self, name: &'static str) -> Result<&Array> {
        self.fitting(name, "numbers for at least one sample".into(), |array| !array.values.is_empty())
    }

    /// An array that must be there, of `rows` samples with `width` numbers each.
    fn sized(&self, name: &'static str, rows: usize, width: usize) -> Result<&Array> {
        let expected = format!("{rows} samples of {width} numbers");
        self.fitting(name, expected, |array| array.rows() == rows && array.row_len() == width)
    }

    /// An array that must be there and be as expected.
    fn fitting(&self, name: &'static str, expected: String, fits: impl Fn(&Array) -> bool) -> Result<&Array> {
        let array = self.get(name);
        let got = array.map_or_else(|| "no such array".to_string(), |array| format!("{:?}", array.shape));
        array.filter(|array| fits(array)).ok_or_else(|| Failure::Value {
            place: self.file.display().to_string(),
            what: name.into(),
            expected,
            got,
            remedy: "Write x, t, y, and tangents with jvp, cotangents with vjp".into(),
        })
    }
}

/// Compares value, tangents and cotangents of a network with the arrays of a file, in both precisions.
///
/// # Errors
/// A network that cannot be run, arrays that are not there or do not fit.
pub fn compare(onnx: &Path, file: &Path, limits: &Limits) -> Result<Vec<Deviation>> {
    let graph = Graph::read(onnx, limits).map_err(surefoot::Error::from)?;
    let reference = Reference { file: file.to_path_buf(), arrays: npz(file)? };
    let mut deviations = Vec::new();
    for (precision, name, tolerance) in
        [(Precision::F32, "f32", TOLERANCE[0]), (Precision::F64, "f64", TOLERANCE[1])]
    {
        let network = Network::new(&graph, precision).map_err(surefoot::Error::from)?;
        if graph.takes_time() {
            reference.required("t")?;
        }
        for (quantity, deviation) in Comparison::new(&network, &reference)?.deviations()? {
            deviations.push(Deviation { quantity, precision: name, deviation, tolerance });
        }
    }
    Ok(deviations)
}

/// A network beside reference arrays.
struct Comparison<'a> {
    network: &'a Network,
    reference: &'a Reference,
    x: &'a Array,
    /// One time a sample.
    times: Vec<f64>,
}

impl<'a> Comparison<'a> {
    fn new(network: &'a Network, reference: &'a Reference) -> Result<Self> {
        let rows = reference.required("x")?.rows();
        let x = reference.sized("x", rows, network.dim())?;
        let times = match reference.get("t") {
            None => vec![0.0; rows],
            Some(_) => reference.sized("t", rows, 1)?.values.clone(),
        };
        Ok(Comparison { network, reference, x, times })
    }

    fn deviations(&self) -> Result<Vec<(&'static str, f64)>> {
        let dim = self.network.dim();
        let y = self.reference.sized("y", self.x.rows(), dim)?;
        let value = self.by_sample(dim, |t, x, _, out| self.network.value(t, x, out), None);
        let mut list = vec![("value", deviation(&value, &y.values))];
        let mut directional = |quantity: &'static str, directions: &'static str, result: &'static str| {
            if self.reference.get(directions).is_none() {
                return Ok(());
            }
            let given = self.reference.required(directions)?;
            let given = self.reference.sized(directions, self.x.rows(), given.row_len() / dim * dim)?;
            let expected = self.reference.sized(result, self.x.rows(), given.row_len())?;
            let computed = self.by_sample(
                given.row_len(),
                |t, x, v, out| {
                    let mut y = vec![0.0; x.len()];
                    match quantity {
                        "jvp" => self.network.tangents(t, x, v, &mut y, out),
                        _ => self.network.adjoint(t, x, v, &mut y, out),
                    }
                },
                Some(given),
            );
            list.push((quantity, deviation(&computed, &expected.values)));
            Ok::<(), Failure>(())
        };
        directional("jvp", "tangents", "jvp")?;
        directional("vjp", "cotangents", "vjp")?;
        Ok(list)
    }

    /// Asks the network sample by sample, as every sample has its own time.
    fn by_sample(
        &self,
        width: usize,
        ask: impl Fn(f64, &[f64], &[f64], &mut [f64]),
        directions: Option<&Array>,
    ) -> Vec<f64> {
        let mut out = vec![0.0; self.x.rows() * width];
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let x = &self.x.values[row * self.network.dim()..][..self.network.dim()];
            let v = directions.map_or(&[][..], |array| &array.values[row * width..][..width]);
            ask(self.times[row], x, v, out);
        }
        out
    }
}

/// max |difference| / max |reference| over the finite numbers of the reference. Where the reference is NaN or infinite, the
/// same must have been computed; else the deviation is NaN.
fn deviation(computed: &[f64], reference: &[f64]) -> f64 {
    let finite = reference.iter().filter(|value| value.is_finite());
    let largest = finite.fold(0.0f64, |largest, value| largest.max(value.abs()));
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    let differences =
        computed.iter().zip(reference).map(|(&a, &b)| if same(a, b) { 0.0 } else { (a - b).abs() });
    let worst = differences
        .fold(0.0f64, |worst, d| if d.is_finite() && worst.is_finite() { worst.max(d) } else { f64::NAN });
    if largest > 0.0 { worst / largest } else { worst }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_must_agree() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        assert_eq!(deviation(&[nan, inf, 2.5], &[nan, inf, 2.0]), 0.25);
        assert_eq!(deviation(&[nan], &[nan]), 0.0);
        for (computed, reference) in [(nan, 1.0), (1.0, nan), (inf, -inf), (inf, nan), (1.0, inf)] {
            assert!(deviation(&[computed, 1.0], &[reference, 1.0]).is_nan(), "{computed} {reference}");
        }
    }
}
