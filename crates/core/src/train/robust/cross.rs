//! The penalty on cross derivatives: how much the normal part of the output changes along the support.

use crate::error::{Error, Result};
use crate::linalg::{axpy, dot};
use crate::random::{Purpose, random_signs, stream};
use crate::support::SharedSupport;
use crate::train::objective::{Objective, Recipe};

/// Penalises ‖N Nᵀ (∂y/∂x) T Tᵀ‖_F², the derivative along the support of the part of the output y normal to it
/// (theory §9): what turns a displacement along the support into one off it.
///
/// T and N are the tangent and normal space of the support at the point nearest to x_u/κ, with x_u = κ x_1 + noise of
/// deviation ς (sources counted as noise of deviation 1), at times with ς ≤ `reach` κ; other times are not penalised. To
/// the squared error of a pair, before it is weighted, the penalty adds
///
/// ```text
/// strength · ς² ‖N Nᵀ (∂y/∂x) T Tᵀ z‖²,   E = strength · ς² ‖N Nᵀ (∂y/∂x) T Tᵀ‖_F²
/// ```
///
/// with z of independent random signs (Hutchinson 1990). ς makes it the change of y when x moves as far as the noise
/// moves it, which is comparable with the error of y at all times.
#[derive(Clone)]
pub struct CrossPenalty {
    /// The support of the data, of dimension from 1 to D − 1.
    pub support: SharedSupport,
    /// Factor of the penalty, > 0.
    pub strength: f64,
    /// Largest ς/κ, > 0.
    pub reach: f64,
}

/// What the penalty asks of a batch of n pairs with d tangent directions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Crossing {
    /// √strength ς T Tᵀ z, or 0 at a time that is not penalised `[n, D]`.
    pub direction: Vec<f32>,
    /// Orthonormal rows T, or 0 `[n, d, D]`.
    pub tangent: Vec<f32>,
}

impl CrossPenalty {
    /// Checks the settings for data of dimension `dim`.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the setting that does not fit.
    pub fn check(&self, dim: usize) -> Result<()> {
        let invalid = |expected: String, got: String, remedy: &str| {
            Err(Error::invalid("penalising cross derivatives", expected, got, remedy))
        };
        let (own, d) = (self.support.dim(), self.support.intrinsic_dim());
        if own != dim || d == 0 || d >= dim {
            return invalid(
                format!("a support in dimension {dim} with tangent and normal directions"),
                format!("one of dimension {d} in dimension {own}"),
                "Leave the penalty out, or give another support",
            );
        }
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if !positive(self.strength) || !positive(self.reach) {
            let got = format!("{} and {}", self.strength, self.reach);
            return invalid(
                "a finite strength > 0 and a finite reach > 0".into(),
                got,
                "Leave the penalty out for none",
            );
        }
        Ok(())
    }

    /// d, the number of tangent directions.
    pub fn tangents(&self) -> usize {
        self.support.intrinsic_dim()
    }

    /// ς, where the time with these factors is penalised.
    fn noise(&self, recipe: &Recipe) -> Option<f64> {
        let noise = recipe.state.source.hypot(recipe.state.noise);
        (recipe.state.data > 0.0 && noise <= self.reach * recipe.state.data).then_some(noise)
    }

    /// Directions and tangent spaces at `state[n, D]`, the states of update `number` at model times `times[n]`.
    pub(in crate::train) fn crossing(
        &self,
        objective: &Objective,
        times: &[f64],
        state: &[f32],
        seed: u64,
        number: u64,
    ) -> Crossing {
        let (dim, d) = (self.support.dim(), self.tangents());
        let mut probes = vec![0.0; state.len()];
        random_signs(&mut stream(seed, number, Purpose::TrainProbe), &mut probes);
        let mut crossing =
            Crossing { direction: vec![0.0; state.len()], tangent: vec![0.0; state.len() * d] };
        let rows = crossing.direction.chunks_exact_mut(dim).zip(crossing.tangent.chunks_exact_mut(d * dim));
        let places = state.chunks_exact(dim).zip(probes.chunks_exact(dim)).zip(times);
        for ((direction, tangent), ((x, z), u)) in rows.zip(places) {
            let recipe = objective.recipe(*u);
            let Some(noise) = self.noise(&recipe) else { continue };
            let near: Vec<f64> = x.iter().map(|x| f64::from(*x) / recipe.state.data).collect();
            let foot = self.support.project(&near);
            let mut along = vec![0.0; dim];
            for row in foot.tangent.chunks_exact(dim) {
                axpy(&mut along, self.strength.sqrt() * noise * dot(row, z), row);
            }
            direction.iter_mut().zip(along).for_each(|(v, along)| *v = along as f32);
            tangent.iter_mut().zip(&foot.tangent).for_each(|(t, row)| *t = *row as f32);
        }
        crossing
    }
}
