//! Times and labels as vectors.

use super::{Builder, Start, Value, unfit};
use crate::error::Error;
use crate::ir::{Comparison, Function, Op, elements};

impl Builder<'_> {
    /// (sin ωt, cos ωt) of a time for F angular frequencies ω: `[1, 2 F]`, the sines first.
    ///
    /// # Errors
    /// If t is not one number, or a frequency is missing or not finite.
    pub fn fourier(&mut self, layer: &str, t: Value, frequencies: &[f64]) -> Result<Value, Error> {
        if frequencies.is_empty() || frequencies.iter().any(|w| !w.is_finite()) {
            let got = format!("{frequencies:?}");
            return Err(unfit(layer, "finite frequencies, one at least", got, "List some"));
        }
        let t = self.single(layer, t)?;
        let frequencies = self.constant(layer, &[frequencies.len()], frequencies.to_vec())?;
        let angles = self.multiply(layer, t, frequencies)?;
        let sines = self.map(layer, angles, Function::Sin)?;
        let cosines = self.map(layer, angles, Function::Cos)?;
        self.concatenate(layer, &[sines, cosines], 1)
    }

    /// The row of a table `NAME.weight` `[rows, width]` that a label names, from 0 on: `[1, width]`; NaN for labels that
    /// name none. Rows are found as products with unit vectors.
    ///
    /// # Errors
    /// If the label is not one number, the name is taken, or the table exceeds the limits.
    pub fn embedding(
        &mut self,
        name: &str,
        label: Value,
        [rows, width]: [usize; 2],
        start: &Start,
    ) -> Result<Value, Error> {
        let label = self.single(name, label)?;
        let table = self.weight(&format!("{name}.weight"), &[rows, width], start)?;
        let all = self.constant(name, &[rows], (0..rows).map(|i| i as f64).collect())?;
        let hot = self.push(name, Op::Compare(Comparison::Equal), &[label, all])?;
        let found = self.push(name, Op::MatMul, &[hot, table])?;
        let named = self.push(name, Op::Sum(vec![1]), &[hot])?;
        let (zero, nothing) = (self.number(0.0), self.number(f64::NAN));
        let unknown = self.push(name, Op::Compare(Comparison::Equal), &[named, zero])?;
        self.push(name, Op::Select, &[unknown, nothing, found])
    }

    /// One number as `[1, 1]`.
    fn single(&mut self, layer: &str, x: Value) -> Result<Value, Error> {
        if self.shape(x).is_empty() || elements(self.shape(x)) != 1 {
            let got = format!("{:?}", self.shape(x));
            return Err(unfit(layer, "one number", got, "Give Builder::time or Builder::label"));
        }
        self.reshape(layer, x, &[1, 1])
    }
}
