//! A model's score at one moment.

use crate::error::{Error, Result};
use crate::field::{Moment, SharedField};
use crate::linalg::dot;
use crate::process::{Affine, Drift};

/// The score `state · x + output · f(x)` of the law of m X_0 + σ Z, the data at one moment of a noising.
#[derive(Clone)]
pub struct ScoreAt {
    /// f.
    pub field: SharedField,
    /// The moment at which it is asked.
    pub moment: Moment,
    /// How the score follows from its output.
    pub conversion: Affine,
    /// m > 0.
    pub signal: f64,
    /// σ > 0.
    pub noise: f64,
}

/// The score at a point, and products with its Jacobian.
pub(super) struct Slopes {
    /// s(x) `[D]`
    pub(super) score: Vec<f64>,
    /// zᵀ ∇s(x) z of every direction z
    pub(super) forms: Vec<f64>,
}

/// Rows that a field is asked for together.
const ROWS: usize = 64;

impl ScoreAt {
    /// The score of a diffusion model at its time u, without an error that was added to the model.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a flow, whose velocity alone does not determine the score, a drift without meaning, or a time
    /// outside (0, 1] or without noise or data.
    pub fn of_drift(drift: &Drift, u: f64) -> Result<ScoreAt> {
        drift.check()?;
        let moment = drift.moment(u);
        let found = ScoreAt {
            field: drift.field.clone(),
            moment,
            conversion: drift.score(u)?,
            signal: moment.signal,
            noise: moment.noise,
        };
        if !(0.0..=1.0).contains(&u) {
            let operation = "reading the score off a model";
            return Err(Error::invalid(operation, "a time from 0 to 1", u.to_string(), "Correct the time"));
        }
        found.check()?;
        Ok(found)
    }

    /// D.
    pub fn dim(&self) -> usize {
        self.field.dim()
    }

    /// # Errors
    /// [`Error::Invalid`] unless D ≥ 1 and m and σ are positive and finite.
    pub(super) fn check(&self) -> Result<()> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if self.dim() > 0 && positive(self.signal) && positive(self.noise) {
            return Ok(());
        }
        Err(Error::invalid(
            "a score at one moment",
            "a field of dimension at least 1, and m > 0 and σ > 0",
            format!("dimension {}, m = {}, σ = {}", self.dim(), self.signal, self.noise),
            "Choose a time between data and noise",
        ))
    }

    /// Points `x[n, D]` of the data, n ≥ 1, as an estimator takes them.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a ragged or empty list or numbers that are not finite.
    pub(super) fn check_points(&self, operation: &str, x: &[f64]) -> Result<()> {
        self.check()?;
        let dim = self.dim();
        let got = match x.iter().position(|value| !value.is_finite()) {
            _ if x.is_empty() || !x.len().is_multiple_of(dim) => format!("{} numbers", x.len()),
            Some(place) => format!("{} in point {}", x[place], place / dim),
            None => return Ok(()),
        };
        Err(Error::invalid(
            operation,
            format!("finite points of {dim} numbers, one at least"),
            got,
            "Mend them",
        ))
    }

    /// One random stream for every point of `x[n, D]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of streams.
    pub(super) fn check_streams(&self, operation: &str, x: &[f64], streams: &[u64]) -> Result<()> {
        let points = x.len() / self.dim();
        if streams.len() == points {
            return Ok(());
        }
        Err(Error::invalid(
            operation,
            format!("one random stream for each of {points} points"),
            streams.len().to_string(),
            "Number the points",
        ))
    }

    /// s at `x[n, D]`.
    pub fn eval(&self, x: &[f64]) -> Vec<f64> {
        let mut score = vec![0.0; x.len()];
        let len = ROWS * self.dim();
        for (x, score) in x.chunks(len).zip(score.chunks_mut(len)) {
            self.field.eval(self.moment, x, score);
            self.convert(x, score);
        }
        score
    }

    /// s at one point `x[D]`, and zᵀ ∇s z along directions `z[m, D]`.
    pub(super) fn slopes(&self, x: &[f64], z: &[f64]) -> Slopes {
        let dim = self.dim();
        let mut score = vec![0.0; dim];
        let mut forms = Vec::with_capacity(z.len() / dim);
        for z in z.chunks(ROWS * dim) {
            let mut images = vec![0.0; z.len()];
            self.field.tangents(self.moment, x, z, &mut score, &mut images);
            self.convert(z, &mut images);
            forms.extend(z.chunks_exact(dim).zip(images.chunks_exact(dim)).map(|(z, image)| dot(z, image)));
        }
        self.convert(x, &mut score);
        Slopes { score, forms }
    }

    /// From rows and the field's answers, or directions and the field's tangents.
    fn convert(&self, x: &[f64], y: &mut [f64]) {
        let Affine { state, output } = self.conversion;
        y.iter_mut().zip(x).for_each(|(y, x)| *y = state * x + output * *y);
    }
}
