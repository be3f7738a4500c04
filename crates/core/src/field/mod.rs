//! Fields: what a network learned, or what is known exactly, with value, tangents, adjoint and second order.

mod abreast;
mod bessel;
mod bound;
mod cloud;
mod compact;
mod data;
mod density;
mod gauss_legendre;
mod high_sphere;
pub(crate) mod lanes;
mod mixture;
mod network;
mod nodes;
mod path;
mod point_set;
mod posterior;
mod product;
mod quadrature;
mod refine;
mod rings;
mod round;
mod wrappers;

pub use cloud::Cloud;
pub use data::Data;
pub use density::NoisedDensity;
pub use high_sphere::HighSphere;
pub use mixture::Mixture;
pub use network::NetworkField;
pub use path::{Interval, Path};
pub use point_set::{Bandwidth, PointSet};
pub use posterior::{Conditional, Cumulants, Posterior, Score};
pub use product::Product;
pub use quadrature::Quadrature;
pub use rings::Rings;
pub use round::{Circle, Sphere};
pub use wrappers::{Counting, Counts, Difference, FiniteDifference, Sum};

use crate::error::{Error, Result};
use std::sync::Arc;

/// The moment of a generation at which a field is asked. Only [`crate::process`] makes moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// The network's own time.
    pub time: f64,
    /// Factor in front of the data: m(u) of a diffusion, κ(u) of a flow.
    pub signal: f64,
    /// Standard deviation of the noise: σ(u) of a diffusion, α(u) of a flow.
    pub noise: f64,
}

/// A vector field R^D → R^D that depends on the moment, with exact derivatives.
///
/// All batches are row-major. A field works on samples independently: a row of the answer depends only on the
/// same row of the input, bit for bit, whatever else is in the batch.
/// Non-finite values are passed on as IEEE arithmetic has them; the sweep reports them.
pub trait Field: Send + Sync {
    /// D.
    fn dim(&self) -> usize;

    /// Bytes that evaluations on all threads hold between them beside the arrays of their callers, at most, with `second`
    /// also those of second derivatives; 0 where that is little.
    fn held_bytes(&self, second: bool) -> u64 {
        let _ = second;
        0
    }

    /// y = f(x): `x[n, D]`, `y[n, D]`.
    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]);

    /// Value and k tangents a sample: `v[n, k, D]`, `jv[n, k, D]` = df(x) v. k = 0 is allowed.
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]);

    /// Value and m cotangents a sample: `u[n, m, D]`, `uj[n, m, D]` = df(x)ᵀ u.
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]);

    /// Value and second-order directional derivatives along k pairs a sample: `u[n, k, D]`, `v[n, k, D]`, `d2[n, k, D]` =
    /// d²f(x)\[u_j, v_j\]. k = 0 is allowed.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the field has no exact second order, as finite differences have not; an imported
    /// network whose second-order graph exceeds the memory limit.
    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        let _ = (at, x, u, v, y, d2);
        Err(Error::invalid(
            "second-order derivative",
            "an imported network or an exact score",
            "a field without exact second derivatives",
            "Take differences of its tangents.",
        ))
    }

    /// Whether f is known to be a gradient, as a score is: its derivatives are symmetric in all indices.
    fn is_gradient(&self) -> bool {
        false
    }

    /// Value and transposed second order along k pairs a sample: `v[n, k, D]`, `u[n, k, D]`, `out[n, k, D]` =
    /// (d²f(x)\[v_j, ·\])ᵀ u_j, the gradient by x of u_j · df(x) v_j. k = 0 is allowed. Of a gradient
    /// ([`Field::is_gradient`]) it is d²f(x)\[v_j, u_j\].
    ///
    /// # Errors
    /// Those of [`Field::second`].
    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        v: &[f64],
        u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        if self.is_gradient() {
            return self.second(at, x, v, u, y, out);
        }
        Err(Error::invalid(
            "transposed second-order derivative",
            "an imported network or an exact score",
            "a field without exact second derivatives",
            "Take differences of its adjoint.",
        ))
    }

    /// Tangents and second order at once: bit for bit those of [`Field::tangents`] and [`Field::second`], for fields that
    /// save work so. A quadrature with a tolerance well above rounding agrees within that tolerance only.
    ///
    /// # Errors
    /// Those of [`Field::second`].
    fn expand(&self, at: Moment, x: &[f64], along: Along, out: Expansion) -> Result<()> {
        self.second(at, x, along.left, along.right, out.value, out.second)?;
        self.tangents(at, x, along.directions, out.value, out.tangents);
        Ok(())
    }
}

/// Along what a field is expanded.
#[derive(Debug, Clone, Copy)]
pub struct Along<'a> {
    /// Directions of the tangents `[n, k, D]`.
    pub directions: &'a [f64],
    /// First directions of the pairs `[n, p, D]`.
    pub left: &'a [f64],
    /// Second directions of the pairs `[n, p, D]`.
    pub right: &'a [f64],
}

/// What an expansion fills.
#[derive(Debug)]
pub struct Expansion<'a> {
    /// f(x) `[n, D]`.
    pub value: &'a mut [f64],
    /// df(x) v `[n, k, D]`.
    pub tangents: &'a mut [f64],
    /// d²f(x)\[left, right\] `[n, p, D]`.
    pub second: &'a mut [f64],
}

/// A field shared between threads.
pub type SharedField = Arc<dyn Field>;
