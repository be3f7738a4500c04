//! What a network's output means, and the affine conversions between the meanings (theory §2).

use std::ops::{Add, Mul};

/// What the network's output means (theory §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predicts {
    /// v of a flow
    Velocity,
    /// s
    Score,
    /// ε̂ = −σ s
    Noise,
    /// x̂_0 = (x + σ² s)/m
    Denoised,
    /// v̂ = m ε̂ − σ x̂_0
    V,
}

/// A quantity as an affine function of state and network output: `state · x + output · y`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Factor of x.
    pub state: f64,
    /// Factor of the network output y.
    pub output: f64,
}

impl Affine {
    /// The state itself.
    pub const STATE: Affine = Affine { state: 1.0, output: 0.0 };
    /// The network output itself.
    pub const OUTPUT: Affine = Affine { state: 0.0, output: 1.0 };

    /// The same quantity where y is itself `inner` of x and another output.
    pub fn after(self, inner: Affine) -> Affine {
        Affine::STATE * self.state + inner * self.output
    }
}

impl Add for Affine {
    type Output = Affine;
    fn add(self, other: Affine) -> Affine {
        Affine { state: self.state + other.state, output: self.output + other.output }
    }
}

impl Mul<f64> for Affine {
    type Output = Affine;
    fn mul(self, factor: f64) -> Affine {
        Affine { state: self.state * factor, output: self.output * factor }
    }
}

impl Predicts {
    /// The score as a function of x and this output, at signal m and noise σ; `None` for a velocity.
    pub fn to_score(self, m: f64, sigma: f64) -> Option<Affine> {
        let total = m * m + sigma * sigma;
        match self {
            Predicts::Velocity => None,
            Predicts::Score => Some(Affine::OUTPUT),
            Predicts::Noise => Some(Affine { state: 0.0, output: -1.0 / sigma }),
            Predicts::Denoised => Some(Affine { state: -1.0 / (sigma * sigma), output: m / (sigma * sigma) }),
            Predicts::V => Some(Affine { state: -1.0 / total, output: -m / (sigma * total) }),
        }
    }

    /// This output as a function of x and the score, at signal m and noise σ; `None` for a velocity.
    pub fn of_score(self, m: f64, sigma: f64) -> Option<Affine> {
        let total = m * m + sigma * sigma;
        match self {
            Predicts::Velocity => None,
            Predicts::Score => Some(Affine::OUTPUT),
            Predicts::Noise => Some(Affine { state: 0.0, output: -sigma }),
            Predicts::Denoised => Some(Affine { state: 1.0 / m, output: sigma * sigma / m }),
            Predicts::V => Some(Affine { state: -sigma / m, output: -sigma * total / m }),
        }
    }

    /// What a network of the meaning `target` would answer, as a function of x and this output.
    pub fn convert(self, target: Predicts, m: f64, sigma: f64) -> Option<Affine> {
        if self == target {
            return Some(Affine::OUTPUT);
        }
        Some(target.of_score(m, sigma)?.after(self.to_score(m, sigma)?))
    }
}
