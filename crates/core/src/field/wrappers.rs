//! Fields around fields: cost counters, finite differences, sums and differences.

use super::{Along, Expansion, Field, Moment, SharedField};
use crate::error::{Error, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a field was asked for, in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Field values.
    pub evaluations: u64,
    /// Tangent rows (Jacobian–vector products).
    pub jvp: u64,
    /// Cotangent rows (vector–Jacobian products).
    pub vjp: u64,
}

/// Counts what its field is asked for.
pub struct Counting {
    field: SharedField,
    evaluations: AtomicU64,
    jvp: AtomicU64,
    vjp: AtomicU64,
}

impl Counting {
    /// Starts at zero.
    pub fn new(field: SharedField) -> Self {
        Counting { field, evaluations: 0.into(), jvp: 0.into(), vjp: 0.into() }
    }

    /// So far.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts { evaluations: read(&self.evaluations), jvp: read(&self.jvp), vjp: read(&self.vjp) }
    }

    fn add(&self, count: &AtomicU64, values: usize) {
        count.fetch_add((values / self.dim()) as u64, Ordering::Relaxed);
    }
}

impl Field for Counting {
    fn dim(&self) -> usize {
        self.field.dim()
    }

    fn held_bytes(&self, second: bool) -> u64 {
        self.field.held_bytes(second)
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.add(&self.evaluations, x.len());
        self.field.eval(at, x, y);
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.add(&self.evaluations, x.len());
        self.add(&self.jvp, v.len());
        self.field.tangents(at, x, v, y, jv);
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.add(&self.evaluations, x.len());
        self.add(&self.vjp, u.len());
        self.field.adjoint(at, x, u, y, uj);
    }

    /// A second-order row counts as two tangent rows.
    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        self.add(&self.evaluations, x.len());
        self.add(&self.jvp, u.len() + v.len());
        self.field.second(at, x, u, v, y, d2)
    }

    /// A row counts as a tangent row and a cotangent row.
    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        v: &[f64],
        u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        self.add(&self.evaluations, x.len());
        self.add(&self.jvp, v.len());
        self.add(&self.vjp, u.len());
        self.field.second_adjoint(at, x, v, u, y, out)
    }

    fn expand(&self, at: Moment, x: &[f64], along: Along, out: Expansion) -> Result<()> {
        self.add(&self.evaluations, x.len());
        self.add(&self.jvp, along.directions.len() + along.left.len() + along.right.len());
        self.field.expand(at, x, along, out)
    }
}

/// Derivatives by central differences, for a field that has values only: a fallback to be named in reports.
///
/// With step h the error of a tangent along a unit vector is h² |f‴|/6 + ε |f|/h, ε the rounding of f.
pub struct FiniteDifference {
    field: SharedField,
    step: f64,
}

impl FiniteDifference {
    /// With displacements of length `step`.
    ///
    /// # Errors
    /// [`Error::Invalid`] unless the step is positive and finite.
    pub fn new(field: SharedField, step: f64) -> Result<Self> {
        if step > 0.0 && step.is_finite() {
            return Ok(FiniteDifference { field, step });
        }
        Err(Error::invalid(
            "finite differences",
            "a positive step",
            step.to_string(),
            "Use about 1e-5 of the size of the states.",
        ))
    }

    /// (f(x + h d) − f(x − h d))/2h of one sample.
    fn slope(&self, at: Moment, x: &[f64], direction: impl Fn(usize) -> f64, h: f64, out: &mut [f64]) {
        let shifted = |sign: f64| -> Vec<f64> {
            x.iter().enumerate().map(|(i, x)| x + sign * h * direction(i)).collect()
        };
        let mut below = vec![0.0; x.len()];
        self.field.eval(at, &shifted(1.0), out);
        self.field.eval(at, &shifted(-1.0), &mut below);
        for (out, below) in out.iter_mut().zip(below) {
            *out = (*out - below) / (2.0 * h);
        }
    }
}

impl Field for FiniteDifference {
    fn dim(&self) -> usize {
        self.field.dim()
    }

    fn held_bytes(&self, second: bool) -> u64 {
        self.field.held_bytes(second)
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.field.eval(at, x, y);
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.field.eval(at, x, y);
        let dim = self.dim();
        let k = if x.is_empty() { 0 } else { v.len() / x.len() };
        for (row, (v, jv)) in v.chunks_exact(dim).zip(jv.chunks_exact_mut(dim)).enumerate() {
            let x = &x[row / k * dim..][..dim];
            let length = v.iter().map(|v| v * v).sum::<f64>().sqrt();
            if length == 0.0 {
                jv.fill(0.0);
                continue;
            }
            self.slope(at, x, |i| v[i] / length, self.step, jv);
            jv.iter_mut().for_each(|value| *value *= length);
        }
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.field.eval(at, x, y);
        let dim = self.dim();
        let m = if x.is_empty() { 0 } else { u.len() / x.len() };
        let mut column = vec![0.0; dim];
        for (sample, x) in x.chunks_exact(dim).enumerate() {
            for j in 0..dim {
                self.slope(at, x, |i| if i == j { 1.0 } else { 0.0 }, self.step, &mut column);
                for row in sample * m..(sample + 1) * m {
                    let u = &u[row * dim..][..dim];
                    uj[row * dim + j] = u.iter().zip(&column).map(|(u, c)| u * c).sum();
                }
            }
        }
    }
}

/// base + factor · other: a perturbed model f + ε g, or a difference g − f.
pub struct Sum {
    base: SharedField,
    other: SharedField,
    base_factor: f64,
    other_factor: f64,
}

impl Sum {
    /// f + ε g.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the dimensions differ.
    pub fn new(f: SharedField, g: SharedField, epsilon: f64) -> Result<Self> {
        same_dimension("sum of fields", &f, &g)?;
        Ok(Sum { base: f, other: g, base_factor: 1.0, other_factor: epsilon })
    }

    fn combine(&self, base: &mut [f64], other: &[f64]) {
        for (base, other) in base.iter_mut().zip(other) {
            *base = self.base_factor * *base + self.other_factor * other;
        }
    }
}

fn same_dimension(operation: &str, f: &SharedField, g: &SharedField) -> Result<()> {
    if f.dim() == g.dim() {
        return Ok(());
    }
    Err(Error::invalid(
        operation,
        format!("two fields in {} dimensions", f.dim()),
        format!("one in {}", g.dim()),
        "Compare models of the same data.",
    ))
}

impl Field for Sum {
    fn dim(&self) -> usize {
        self.base.dim()
    }

    fn held_bytes(&self, second: bool) -> u64 {
        self.base.held_bytes(second) + self.other.held_bytes(second)
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        let mut other = vec![0.0; y.len()];
        self.base.eval(at, x, y);
        self.other.eval(at, x, &mut other);
        self.combine(y, &other);
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        let (mut other_y, mut other_jv) = (vec![0.0; y.len()], vec![0.0; jv.len()]);
        self.base.tangents(at, x, v, y, jv);
        self.other.tangents(at, x, v, &mut other_y, &mut other_jv);
        self.combine(y, &other_y);
        self.combine(jv, &other_jv);
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        let (mut other_y, mut other_uj) = (vec![0.0; y.len()], vec![0.0; uj.len()]);
        self.base.adjoint(at, x, u, y, uj);
        self.other.adjoint(at, x, u, &mut other_y, &mut other_uj);
        self.combine(y, &other_y);
        self.combine(uj, &other_uj);
    }

    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        let (mut other_y, mut other_d2) = (vec![0.0; y.len()], vec![0.0; d2.len()]);
        self.base.second(at, x, u, v, y, d2)?;
        self.other.second(at, x, u, v, &mut other_y, &mut other_d2)?;
        self.combine(y, &other_y);
        self.combine(d2, &other_d2);
        Ok(())
    }

    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        v: &[f64],
        u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        let (mut other_y, mut other_out) = (vec![0.0; y.len()], vec![0.0; out.len()]);
        self.base.second_adjoint(at, x, v, u, y, out)?;
        self.other.second_adjoint(at, x, v, u, &mut other_y, &mut other_out)?;
        self.combine(y, &other_y);
        self.combine(out, &other_out);
        Ok(())
    }
}

/// g − f: how one model errs against another.
pub struct Difference(Sum);

impl Difference {
    /// g − f.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the dimensions differ.
    pub fn new(g: SharedField, f: SharedField) -> Result<Self> {
        same_dimension("difference of fields", &g, &f)?;
        Ok(Difference(Sum { base: g, other: f, base_factor: 1.0, other_factor: -1.0 }))
    }
}

impl Field for Difference {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn held_bytes(&self, second: bool) -> u64 {
        self.0.held_bytes(second)
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.0.eval(at, x, y);
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.0.tangents(at, x, v, y, jv);
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.0.adjoint(at, x, u, y, uj);
    }

    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        self.0.second(at, x, u, v, y, d2)
    }

    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        v: &[f64],
        u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        self.0.second_adjoint(at, x, v, u, y, out)
    }
}
