//! A smooth random error: a Gaussian random field by random Fourier features (Rahimi & Recht 2007).

use super::sin_cos::sin_cos;
use crate::error::{Error, Result};
use crate::field::lanes::{Instructions, Lanes, Task, dispatch};
use crate::field::{Field, Moment};
use crate::random::{Purpose, standard_normal, stream};
use rand_distr::{Distribution, Uniform};
use std::f64::consts::TAU;

/// Number of Fourier features. The mean square of a component over space, 1 in the limit, scatters by
/// 1/√(2M) between fields: 6 % with 128.
const FEATURES: usize = 128;
/// Features worked on together.
const LANES: usize = 8;
/// Blocks of features.
const BLOCKS: usize = FEATURES / LANES;

/// One number for each of eight features.
type Lane = [f64; LANES];

/// χ_d(x, u) = √(2/M) Σ_j a_dj cos(ω_j·x + ν_j u + φ_j) with independent standard normal a: in the limit of many
/// features a Gaussian field of variance 1 and covariance exp(−|x − x′|²/2ℓ² − (u − u′)²/2ℓ_u²) in every component.
#[derive(Debug, Clone)]
pub struct SmoothField {
    dim: usize,
    /// ω `[M/8, D, 8]`
    frequencies: Vec<Lane>,
    /// ν `[M]`, zero for a frozen field
    time_frequencies: Vec<f64>,
    /// φ `[M]`
    phases: Vec<f64>,
    /// √(2/M) a `[M/8, D, 8]`
    amplitudes: Vec<Lane>,
}

impl SmoothField {
    /// The field number `index` of a seed, with length scale ℓ in state space and ℓ_u in model time (`None`: frozen).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a dimension of 0 or a scale that is not positive and finite.
    pub fn new(
        dim: usize,
        length_scale: f64,
        time_scale: Option<f64>,
        seed: u64,
        index: u64,
    ) -> Result<Self> {
        let positive = |scale: f64| scale > 0.0 && scale.is_finite();
        if dim == 0 || !positive(length_scale) || !time_scale.is_none_or(positive) {
            return Err(Error::invalid(
                "setting up a smooth random error",
                "a dimension of at least 1 and positive finite scales",
                format!("dimension {dim}, length scale {length_scale}, time scale {time_scale:?}"),
                "Correct the length scale",
            ));
        }
        let mut rng = stream(seed, index, Purpose::ErrorField);
        let mut normal = |count: usize, factor: f64| -> Vec<f64> {
            let mut values = vec![0.0; count];
            standard_normal(&mut rng, &mut values);
            values.iter_mut().for_each(|value| *value *= factor);
            values
        };
        let frequencies = normal(FEATURES * dim, 1.0 / length_scale);
        let amplitudes = normal(FEATURES * dim, (2.0 / FEATURES as f64).sqrt());
        let time_frequencies = normal(FEATURES, time_scale.map_or(0.0, |scale| 1.0 / scale));
        let turns = Uniform::new(0.0, TAU).expect("0 < 2π");
        let phases = (0..FEATURES).map(|_| turns.sample(&mut rng)).collect();
        Ok(SmoothField {
            dim,
            frequencies: in_lanes(dim, &frequencies),
            time_frequencies,
            phases,
            amplitudes: in_lanes(dim, &amplitudes),
        })
    }

    /// ν_j u + φ_j of every feature.
    fn phases_at(&self, time: f64) -> [Lane; BLOCKS] {
        std::array::from_fn(|block| {
            std::array::from_fn(|l| {
                let j = block * LANES + l;
                self.time_frequencies[j] * time + self.phases[j]
            })
        })
    }
}

/// `[M, D]` as `[M/8, D, 8]`.
fn in_lanes(dim: usize, values: &[f64]) -> Vec<Lane> {
    let lane = |index: usize| {
        let (block, d) = (index / dim, index % dim);
        std::array::from_fn(|l| values[(block * LANES + l) * dim + d])
    };
    (0..BLOCKS * dim).map(lane).collect()
}

/// Values and derivative rows −Σ_j sin(…)_j (p_j·v) q_j of a batch: tangents with p = ω, q = a, adjoints the other
/// way round.
struct Rows<'a> {
    field: &'a SmoothField,
    time: f64,
    x: &'a [f64],
    v: &'a [f64],
    y: &'a mut [f64],
    out: &'a mut [f64],
    p: &'a [Lane],
    q: &'a [Lane],
}

impl Task for Rows<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Rows { field, time, x, v, y, out, p, q } = self;
        let (dim, samples) = (field.dim, x.len() / field.dim);
        let len = v.len().checked_div(samples).unwrap_or(0);
        let phases = field.phases_at(time);
        let zero = L::splat(0.0);
        for (sample, (x, y)) in x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)).enumerate() {
            let (mut cosines, mut slopes) = ([zero; BLOCKS], [zero; BLOCKS]);
            for (block, phase) in phases.iter().enumerate() {
                let argument = project(L::load(phase), &field.frequencies[block * dim..][..dim], x);
                let (sine, cosine) = sin_cos(argument);
                cosines[block] = cosine;
                slopes[block] = zero.sub(sine);
            }
            spread(&cosines, &field.amplitudes, y);
            let own = sample * len..(sample + 1) * len;
            for (v, out) in v[own.clone()].chunks_exact(dim).zip(out[own].chunks_exact_mut(dim)) {
                let mut weights = slopes;
                for (block, weight) in weights.iter_mut().enumerate() {
                    *weight = weight.mul(project(zero, &p[block * dim..][..dim], v));
                }
                spread(&weights, q, out);
            }
        }
    }
}

/// Values and second derivatives −Σ_j cos(…)_j (ω_j·u) (p_j·v) q_j of a batch: d²χ\[u, v\] with p = ω, q = a, transposed
/// the other way round.
struct Curvatures<'a> {
    field: &'a SmoothField,
    time: f64,
    x: &'a [f64],
    pairs: [&'a [f64]; 2],
    y: &'a mut [f64],
    out: &'a mut [f64],
    p: &'a [Lane],
    q: &'a [Lane],
}

impl Task for Curvatures<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let Curvatures { field, time, x, pairs: [u, v], y, out, p, q } = self;
        let (dim, samples) = (field.dim, x.len() / field.dim);
        let len = v.len().checked_div(samples).unwrap_or(0);
        let phases = field.phases_at(time);
        let zero = L::splat(0.0);
        for (sample, (x, y)) in x.chunks_exact(dim).zip(y.chunks_exact_mut(dim)).enumerate() {
            let mut cosines = [zero; BLOCKS];
            for (block, phase) in phases.iter().enumerate() {
                let argument = project(L::load(phase), &field.frequencies[block * dim..][..dim], x);
                cosines[block] = sin_cos(argument).1;
            }
            spread(&cosines, &field.amplitudes, y);
            let own = sample * len..(sample + 1) * len;
            let rows = u[own.clone()].chunks_exact(dim).zip(v[own.clone()].chunks_exact(dim));
            for ((u, v), out) in rows.zip(out[own].chunks_exact_mut(dim)) {
                let mut weights = cosines;
                for (block, weight) in weights.iter_mut().enumerate() {
                    let own = block * dim..(block + 1) * dim;
                    let along = project(zero, &field.frequencies[own.clone()], u);
                    *weight = zero.sub(weight.mul(along.mul(project(zero, &p[own], v))));
                }
                spread(&weights, q, out);
            }
        }
    }
}

/// start + p·v for the features of a block.
#[inline(always)]
fn project<L: Lanes>(start: L, p: &[Lane], v: &[f64]) -> L {
    p.iter().zip(v).fold(start, |sum, (p, v)| L::load(p).mul_add(L::splat(*v), sum))
}

/// Σ_j w_j q_j.
#[inline(always)]
fn spread<L: Lanes>(weights: &[L; BLOCKS], q: &[Lane], out: &mut [f64]) {
    let dim = out.len();
    for (d, out) in out.iter_mut().enumerate() {
        let add = |sum: L, (block, weight): (usize, &L)| L::load(&q[block * dim + d]).mul_add(*weight, sum);
        *out = weights.iter().enumerate().fold(L::splat(0.0), add).sum();
    }
}

impl Field for SmoothField {
    fn dim(&self) -> usize {
        self.dim
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.tangents(at, x, &[], y, &mut []);
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        let (p, q) = (&self.frequencies, &self.amplitudes);
        dispatch(Rows { field: self, time: at.time, x, v, y, out: jv, p, q }, Instructions::best());
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        let (p, q) = (&self.amplitudes, &self.frequencies);
        dispatch(Rows { field: self, time: at.time, x, v: u, y, out: uj, p, q }, Instructions::best());
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
        let (p, q) = (&self.frequencies, &self.amplitudes);
        let curvatures = Curvatures { field: self, time: at.time, x, pairs: [u, v], y, out: d2, p, q };
        dispatch(curvatures, Instructions::best());
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
        let (p, q) = (&self.amplitudes, &self.frequencies);
        let curvatures = Curvatures { field: self, time: at.time, x, pairs: [v, u], y, out, p, q };
        dispatch(curvatures, Instructions::best());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of the definition, feature by feature, with the library's own sine and cosine.
    fn by_definition(field: &SmoothField, time: f64, x: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let dim = field.dim;
        let (mut y, mut jv) = (vec![0.0; dim], vec![0.0; dim]);
        for j in 0..FEATURES {
            let of = |rows: &[Lane], d: usize| rows[j / LANES * dim + d][j % LANES];
            let dot = |z: &[f64]| (0..dim).map(|d| of(&field.frequencies, d) * z[d]).sum::<f64>();
            let argument = dot(x) + field.time_frequencies[j] * time + field.phases[j];
            for d in 0..dim {
                y[d] += argument.cos() * of(&field.amplitudes, d);
                jv[d] -= argument.sin() * dot(v) * of(&field.amplitudes, d);
            }
        }
        (y, jv)
    }

    #[test]
    fn every_instruction_set_sums_the_definition() {
        for (dim, k) in [(1, 1), (2, 2), (3, 0), (5, 2)] {
            let field = SmoothField::new(dim, 0.7, Some(0.3), 11, 2).unwrap();
            let (mut x, mut v) = (vec![0.0; 3 * dim], vec![0.0; 3 * k * dim]);
            standard_normal(&mut stream(3, 0, Purpose::Reference), &mut x);
            standard_normal(&mut stream(3, 1, Purpose::Reference), &mut v);
            for set in [Instructions::Portable, Instructions::Avx2, Instructions::Avx512] {
                let (mut y, mut out) = (vec![0.0; x.len()], vec![0.0; v.len()]);
                let (p, q) = (&field.frequencies, &field.amplitudes);
                let (y_rows, out_rows) = (&mut y, &mut out);
                dispatch(
                    Rows { field: &field, time: 0.4, x: &x, v: &v, y: y_rows, out: out_rows, p, q },
                    set,
                );
                for sample in 0..3 {
                    let x = &x[sample * dim..][..dim];
                    let zero = vec![0.0; dim];
                    let (value, _) = by_definition(&field, 0.4, x, &zero);
                    for d in 0..dim {
                        assert!((y[sample * dim + d] - value[d]).abs() < 1e-13, "{set:?} D={dim}");
                    }
                    for row in 0..k {
                        let start = (sample * k + row) * dim;
                        let (_, slope) = by_definition(&field, 0.4, x, &v[start..start + dim]);
                        for d in 0..dim {
                            assert!((out[start + d] - slope[d]).abs() < 1e-12, "{set:?} D={dim}");
                        }
                    }
                }
            }
        }
    }
}
