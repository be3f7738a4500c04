//! Paths x_u from a source point (u = 0) to a data point (u = 1), and their velocities.

use super::Mix;
use std::f64::consts::FRAC_PI_2;

/// The path of a flow; σ is its noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// x_u = (1 − u) x_0 + u x_1 + σ ξ, velocity x_1 − x_0: conditional flow matching with any coupling (Tong et al.
    /// 2024; TorchCFM's `ConditionalFlowMatcher` and `ExactOptimalTransportConditionalFlowMatcher`); σ = 0 is rectified
    /// flow (Liu et al. 2023) and the linear interpolant (Albergo and Vanden-Eijnden 2023).
    Linear,
    /// x_u = (1 − u) x_0 + u x_1 + σ √(u (1 − u)) ξ, the Brownian bridge, with velocity
    /// x_1 − x_0 + (1 − 2u)/(2u(1 − u)) (x_u − its mean) (Tong et al. 2024). σ = √2 is also the latent interpolant of
    /// Albergo, Boffi and Vanden-Eijnden (2023). TorchCFM's `SchrodingerBridgeConditionalFlowMatcher` adds 1e-8 to the
    /// denominator; here the formula is exact, and times 0 and 1, where it diverges, are refused.
    Bridge,
    /// x_u = u x_1 + (1 − (1 − σ) u) ξ, velocity x_1 − (1 − σ) ξ: the source is the noise (Lipman et al. 2023, eq. 20 to
    /// 23; TorchCFM's `TargetConditionalFlowMatcher`).
    Target,
    /// x_u = cos(πu/2) x_0 + sin(πu/2) x_1 + σ ξ: variance preserving where x_0 and x_1 are independent of equal variance
    /// (Albergo and Vanden-Eijnden 2023; TorchCFM's `VariancePreservingConditionalFlowMatcher`).
    VariancePreserving,
}

impl Path {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Path::Linear => "straight path",
            Path::Bridge => "Brownian bridge",
            Path::Target => "path from noise to data",
            Path::VariancePreserving => "variance-preserving path",
        }
    }

    /// x_u.
    pub(super) fn state(self, sigma: f64, u: f64) -> Mix {
        let mix = |source, data, noise| Mix { source, data, noise };
        let angle = FRAC_PI_2 * u;
        match self {
            Path::Linear => mix(1.0 - u, u, sigma),
            Path::Bridge => mix(1.0 - u, u, sigma * (u * (1.0 - u)).sqrt()),
            Path::Target => mix(0.0, u, 1.0 - (1.0 - sigma) * u),
            Path::VariancePreserving => mix(angle.cos(), angle.sin(), sigma),
        }
    }

    /// ∂x_u/∂u at fixed x_0, x_1, ξ.
    pub(super) fn velocity(self, sigma: f64, u: f64) -> Mix {
        let mix = |source, data, noise| Mix { source, data, noise };
        let angle = FRAC_PI_2 * u;
        match self {
            Path::Linear => mix(-1.0, 1.0, 0.0),
            Path::Bridge if sigma == 0.0 => mix(-1.0, 1.0, 0.0),
            Path::Bridge => mix(-1.0, 1.0, sigma * (1.0 - 2.0 * u) / (2.0 * (u * (1.0 - u)).sqrt())),
            Path::Target => mix(0.0, 1.0, -(1.0 - sigma)),
            Path::VariancePreserving => mix(-FRAC_PI_2 * angle.sin(), FRAC_PI_2 * angle.cos(), 0.0),
        }
    }
}
