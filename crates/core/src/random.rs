//! Random streams keyed by (seed, sample, purpose): the same numbers whatever the thread count or chunk size.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// What a stream is used for; streams of different purposes are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The start x_0 from the source.
    Source = 1,
    /// The noise Ξ of a stochastic sampler.
    Noise = 2,
    /// The refinement of Ξ when the number of steps is doubled.
    Bridge = 3,
    /// The random start frame E_0.
    Frame = 4,
    /// Coefficients of a random smooth error field (sample index = field index).
    ErrorField = 5,
    /// A model error white in time.
    WhiteError = 6,
    /// Reference samples of the target law.
    Reference = 7,
    /// Start of the backward recursion of covariant vectors.
    Covariant = 8,
    /// Resampling for confidence intervals.
    Bootstrap = 9,
    /// Random vectors that stand for the whole normal space of a support.
    NormalProbe = 10,
    /// Probes of a stochastic trace.
    Probe = 11,
    /// Noise that an estimate of the intrinsic dimension adds to points (sample index = point).
    Dimension = 12,
    /// Random directions beside the vectors along which samples are moved.
    Move = 13,
    /// Weights that a network starts from (sample index = number of the weight).
    Weights = 16,
    /// Training: the times of a batch (sample index = step, as for all of training).
    TrainTime = 20,
    /// Training: the noise of a batch.
    TrainNoise = 21,
    /// Training: the sources of a batch.
    TrainSource = 22,
    /// Training: pairs drawn from an entropic plan.
    TrainPlan = 23,
    /// Training: the order of the data in an epoch (sample index = epoch).
    TrainOrder = 24,
    /// Training: draws from the law of the data (sample index = place in all batches).
    TrainData = 27,
    /// Training: which labels are withheld.
    TrainLabel = 25,
    /// Training: which rows of a data set are kept for validation.
    TrainSplit = 26,
    /// Training: probes of derivatives.
    TrainProbe = 28,
    /// Training: data and noise at which the learned score is compared with the exact one (sample index = point).
    ScoreError = 29,
}

/// A reproducible stream of random numbers.
pub type Stream = ChaCha8Rng;

/// The stream of (seed, sample, purpose).
pub fn stream(seed: u64, sample: u64, purpose: Purpose) -> Stream {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&sample.to_le_bytes());
    key[16..24].copy_from_slice(&(purpose as u64).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// Fills `out` with independent random signs, one bit each.
pub fn random_signs(rng: &mut Stream, out: &mut [f64]) {
    for signs in out.chunks_mut(64) {
        let bits = rng.next_u64();
        for (place, sign) in signs.iter_mut().enumerate() {
            *sign = if bits >> place & 1 == 0 { 1.0 } else { -1.0 };
        }
    }
}

/// Fills `out` with independent standard normal numbers.
pub fn standard_normal(rng: &mut Stream, out: &mut [f64]) {
    for value in out {
        *value = StandardNormal.sample(rng);
    }
}
