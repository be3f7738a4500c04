//! How far a learned score is from the exact one, noise level by noise level.

use super::objective::{Spread, Times};
use crate::error::{Error, Result};
use crate::field::SharedField;
use crate::law::SharedLaw;
use crate::process::{Drift, Grid, Noising, Process};
use crate::random::{Purpose, standard_normal, stream};
use crate::statistics::bootstrap;
use rayon::prelude::*;
use serde::Serialize;

/// Points that one thread takes together.
const TILE: usize = 128;

/// Data whose law and exact score are known, and where a learned score is compared with them.
///
/// The points of a noise level are x = m x_0 + σ z with x_0 from the law and z standard normal: what the network meets
/// while it is trained, and with an exact score and sampler while it generates. All levels share the draws (x_0, z).
#[derive(Clone)]
pub struct ScoreProbe {
    /// Law of X_0.
    pub law: SharedLaw,
    /// The exact score of m X_0 + σ Z, as a function of m and σ.
    pub score: SharedField,
    /// Model times \[low, high\]: the levels are evenly spaced in log σ/m between them, both ends included.
    pub times: [f64; 2],
    /// Noise levels ≥ 1; a single one is at `low`, the end at the data.
    pub levels: usize,
    /// Points a level, ≥ 1.
    pub points: usize,
    /// Seed of the draws and of the resamples behind the intervals.
    pub seed: u64,
}

/// √( E|s_θ − s|² / E|s|² ), a pure number: 0 for the exact score, 1 for a score of 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RelativeError {
    /// On all points; not finite where one of the scores is not.
    pub value: f64,
    /// Lower end of the 95 % bootstrap interval; `None` for a single point and where no finite one is found.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Number of points.
    pub n: usize,
}

/// The error at one noise level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ScoreError {
    /// Model time u.
    pub time: f64,
    /// m(u)
    pub signal: f64,
    /// σ(u), in the units of the data.
    pub noise: f64,
    /// There.
    #[serde(flatten)]
    pub error: RelativeError,
}

/// The error at all noise levels.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreErrors {
    /// From the end of the generation, at the data, to its start.
    pub levels: Vec<ScoreError>,
    /// √( Σ σ² E|s_θ − s|² / Σ σ² E|s|² ) over the levels: σ² as in the loss that counts all noise levels alike.
    pub overall: RelativeError,
}

/// |s_θ − s|² and |s|² at one point.
#[derive(Debug, Clone, Copy, Default)]
struct Squares {
    missed: f64,
    exact: f64,
}

/// x_0 and z, each `[n, D]`.
struct Draws {
    data: Vec<f64>,
    noise: Vec<f64>,
}

impl ScoreProbe {
    /// Compares a model with the exact score; the same bits for any number of threads.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a flow, whose velocity alone does not determine a score, for another dimension, times
    /// outside the process, no level or no point.
    pub fn measure(&self, drift: &Drift) -> Result<ScoreErrors> {
        let noising = self.check(drift)?;
        let draws = self.draws();
        let times = self.level_times(noising);
        let tiles: Vec<[usize; 2]> = (0..times.len())
            .flat_map(|level| (0..self.points).step_by(TILE).map(move |start| [level, start]))
            .collect();
        let of = |[level, start]: [usize; 2]| self.squares(drift, times[level], &draws, start);
        let squares = tiles.into_par_iter().map(of).collect::<Result<Vec<_>>>()?.concat();
        let levels: Vec<ScoreError> = times
            .iter()
            .zip(squares.chunks_exact(self.points))
            .map(|(&time, squares)| {
                let moment = drift.moment(time);
                let error = self.relative(squares);
                ScoreError { time, signal: moment.signal, noise: moment.noise, error }
            })
            .collect();
        let mut sums = vec![Squares::default(); self.points];
        for (level, squares) in levels.iter().zip(squares.chunks_exact(self.points)) {
            let weight = level.noise * level.noise;
            for (sum, square) in sums.iter_mut().zip(squares) {
                sum.missed += weight * square.missed;
                sum.exact += weight * square.exact;
            }
        }
        Ok(ScoreErrors { levels, overall: self.relative(&sums) })
    }

    fn check(&self, drift: &Drift) -> Result<Noising> {
        let invalid = |expected: String, got: String, remedy: &str| {
            Err(Error::invalid("comparing a learned score with the exact one", expected, got, remedy))
        };
        let Process::Diffusion { noising, .. } = drift.process else {
            let remedy = "Measure the score of a diffusion model";
            return invalid("a diffusion model".into(), "a flow's velocity".into(), remedy);
        };
        drift.check()?;
        let [low, high] = self.times;
        Grid::uniform(high, low, 1).check(&drift.process)?;
        if self.levels == 0 || self.points == 0 {
            let got = format!("{} and {}", self.levels, self.points);
            return invalid("at least one noise level and one point".into(), got, "Ask for more");
        }
        let dim = drift.field.dim();
        if self.law.dim() != dim || self.score.dim() != dim {
            let got = format!("{} and {}", self.law.dim(), self.score.dim());
            let expected = format!("a law and an exact score of dimension {dim}");
            return invalid(expected, got, "Compare with those of the data of the model");
        }
        Ok(noising)
    }

    /// u of every level.
    fn level_times(&self, noising: Noising) -> Vec<f64> {
        let [low, high] = self.times;
        let times = Times { low, high, spread: Spread::LogSnr(noising), stratified: true };
        let last = self.levels - 1;
        let at = |level: usize| match level {
            0 => low,
            level if level == last => high,
            level => times.at(level as f64 / last as f64),
        };
        (0..self.levels).map(at).collect()
    }

    /// The draws that all levels share, point by point from streams of their own.
    fn draws(&self) -> Draws {
        let dim = self.law.dim();
        let mut draws = Draws { data: vec![0.0; self.points * dim], noise: vec![0.0; self.points * dim] };
        let rows = draws.data.par_chunks_exact_mut(dim).zip(draws.noise.par_chunks_exact_mut(dim));
        rows.enumerate().for_each(|(point, (data, noise))| {
            let mut rng = stream(self.seed, point as u64, Purpose::ScoreError);
            self.law.sample(&mut rng, data);
            standard_normal(&mut rng, noise);
        });
        draws
    }

    /// The points of a tile at model time u.
    fn squares(&self, drift: &Drift, u: f64, draws: &Draws, start: usize) -> Result<Vec<Squares>> {
        let dim = self.law.dim();
        let rows = start * dim..(start + TILE).min(self.points) * dim;
        let moment = drift.moment(u);
        let parts = draws.data[rows.clone()].iter().zip(&draws.noise[rows]);
        let x: Vec<f64> = parts.map(|(x, z)| moment.signal * x + moment.noise * z).collect();
        let (mut output, mut exact) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        drift.field.eval(moment, &x, &mut output);
        self.score.eval(moment, &x, &mut exact);
        let learned = drift.score(u)?;
        let point = |row: usize| {
            let mut squares = Squares::default();
            for i in row * dim..(row + 1) * dim {
                let score = learned.state * x[i] + learned.output * output[i];
                squares.missed += (score - exact[i]).powi(2);
                squares.exact += exact[i].powi(2);
            }
            squares
        };
        Ok((0..x.len() / dim).map(point).collect())
    }

    fn relative(&self, squares: &[Squares]) -> RelativeError {
        let n = squares.len();
        let interval = bootstrap(n, self.seed, |rows| ratio(squares, rows.iter().copied()));
        RelativeError {
            value: ratio(squares, 0..n),
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            n,
        }
    }
}

/// √( Σ |s_θ − s|² / Σ |s|² ) over some rows.
fn ratio(squares: &[Squares], rows: impl Iterator<Item = usize>) -> f64 {
    let (mut missed, mut exact) = (0.0, 0.0);
    for row in rows {
        missed += squares[row].missed;
        exact += squares[row].exact;
    }
    (missed / exact).sqrt()
}
