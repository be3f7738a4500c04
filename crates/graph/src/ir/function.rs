//! Functions of one real variable, with their derivatives, in plain f64.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

/// A function applied to every element. Derivatives at kinks follow PyTorch: the left one, that of |x| is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// −x
    Neg,
    /// eˣ
    Exp,
    /// ln x
    Log,
    /// √x
    Sqrt,
    /// 1/x
    Reciprocal,
    /// sin x
    Sin,
    /// cos x
    Cos,
    /// tan x
    Tan,
    /// arcsin x
    Asin,
    /// arccos x
    Acos,
    /// arctan x
    Atan,
    /// sinh x
    Sinh,
    /// cosh x
    Cosh,
    /// arsinh x
    Asinh,
    /// arcosh x
    Acosh,
    /// artanh x
    Atanh,
    /// |x|
    Abs,
    /// −1, 0 or 1
    Sign,
    /// The integer below
    Floor,
    /// The integer above
    Ceil,
    /// The nearest integer, ties to even
    Round,
    /// The integer towards 0
    Truncate,
    /// x to a fixed power
    Power(f64),
    /// 2/√π ∫₀ˣ e^{−s²} ds
    Erf,
    /// 1/(1 + e^{−x})
    Sigmoid,
    /// tanh x
    Tanh,
    /// max(x, 0)
    Relu,
    /// x for x > 0, slope · x otherwise
    LeakyRelu(f64),
    /// gain · x for x > 0, amplitude · (e^{rate · x} − 1) otherwise: ELU, CELU and SELU
    ExpLinear {
        /// Slope for positive x.
        gain: f64,
        /// Distance of the lower limit from 0.
        amplitude: f64,
        /// Rate of the exponential.
        rate: f64,
    },
    /// ln(1 + eˣ)
    Softplus,
    /// x/(1 + e^{−rate · x}): SiLU at rate 1
    Swish(f64),
    /// x Φ(x) with the normal distribution function Φ
    Gelu,
    /// GELU's approximation by a hyperbolic tangent
    GeluTanh,
}

/// √(2/π) and the cubic coefficient of the tanh form of GELU (Hendrycks & Gimpel 2016).
pub(crate) const GELU_TANH: [f64; 2] = [0.797_884_560_802_865_4, 0.044715];

impl Function {
    /// f(x).
    pub fn value(self, x: f64) -> f64 {
        match self {
            Function::Neg => -x,
            Function::Exp => x.exp(),
            Function::Log => x.ln(),
            Function::Sqrt => x.sqrt(),
            Function::Reciprocal => 1.0 / x,
            Function::Sin => x.sin(),
            Function::Cos => x.cos(),
            Function::Tan => x.tan(),
            Function::Asin => x.asin(),
            Function::Acos => x.acos(),
            Function::Atan => x.atan(),
            Function::Sinh => x.sinh(),
            Function::Cosh => x.cosh(),
            Function::Asinh => libm::asinh(x),
            Function::Acosh => libm::acosh(x),
            Function::Atanh => libm::atanh(x),
            Function::Abs => x.abs(),
            Function::Sign => sign(x),
            Function::Floor => x.floor(),
            Function::Ceil => x.ceil(),
            Function::Round => x.round_ties_even(),
            Function::Truncate => x.trunc(),
            Function::Power(p) => x.powf(p),
            Function::Erf => libm::erf(x),
            Function::Sigmoid => sigmoid(x),
            Function::Tanh => x.tanh(),
            Function::Relu => {
                if x <= 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Function::LeakyRelu(a) => {
                if x > 0.0 {
                    x
                } else {
                    a * x
                }
            }
            Function::ExpLinear { gain, amplitude, rate } => {
                if x > 0.0 {
                    gain * x
                } else {
                    amplitude * (rate * x).exp_m1()
                }
            }
            Function::Softplus => softplus(x),
            Function::Swish(rate) => x * sigmoid(rate * x),
            Function::Gelu => x * normal_cdf(x),
            Function::GeluTanh => {
                let [a, b] = GELU_TANH;
                x * sigmoid(2.0 * a * (x + b * x * x * x))
            }
        }
    }

    /// df/dx.
    pub fn slope(self, x: f64) -> f64 {
        match self {
            Function::Neg => -1.0,
            Function::Exp => x.exp(),
            Function::Log => 1.0 / x,
            Function::Sqrt => 0.5 / x.sqrt(),
            Function::Reciprocal => -1.0 / (x * x),
            Function::Sin => x.cos(),
            Function::Cos => -x.sin(),
            Function::Tan => 1.0 + x.tan() * x.tan(),
            Function::Asin => 1.0 / ((1.0 - x) * (1.0 + x)).sqrt(),
            Function::Acos => -1.0 / ((1.0 - x) * (1.0 + x)).sqrt(),
            Function::Atan => 1.0 / (1.0 + x * x),
            Function::Sinh => x.cosh(),
            Function::Cosh => x.sinh(),
            Function::Asinh => 1.0 / x.hypot(1.0),
            Function::Acosh => 1.0 / ((x - 1.0).sqrt() * (x + 1.0).sqrt()),
            Function::Atanh => 1.0 / ((1.0 - x) * (1.0 + x)),
            Function::Abs => sign(x),
            Function::Sign | Function::Floor | Function::Ceil | Function::Round | Function::Truncate => 0.0,
            Function::Power(p) => {
                if p == 0.0 {
                    0.0
                } else {
                    p * x.powf(p - 1.0)
                }
            }
            Function::Erf => FRAC_2_SQRT_PI * (-x * x).exp(),
            Function::Sigmoid => sigmoid(x) * sigmoid(-x),
            Function::Tanh => 4.0 * sigmoid(2.0 * x) * sigmoid(-2.0 * x),
            Function::Relu => step(x, 0.0, 1.0),
            Function::LeakyRelu(a) => step(x, a, 1.0),
            Function::ExpLinear { gain, amplitude, rate } => {
                if x > 0.0 {
                    gain
                } else {
                    amplitude * rate * (rate * x).exp()
                }
            }
            Function::Softplus => sigmoid(x),
            Function::Swish(rate) => sigmoid(rate * x) * (1.0 + rate * x * sigmoid(-rate * x)),
            Function::Gelu => normal_cdf(x) + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt(),
            Function::GeluTanh => {
                let [a, b] = GELU_TANH;
                let (z, dz) = (2.0 * a * (x + b * x * x * x), 2.0 * a * (1.0 + 3.0 * b * x * x));
                sigmoid(z) * (1.0 + x * dz * sigmoid(-z))
            }
        }
    }
}

impl Function {
    /// Is it constant between its jumps?
    pub(crate) fn is_step(self) -> bool {
        use Function::{Ceil, Floor, Round, Sign, Truncate};
        matches!(self, Sign | Floor | Ceil | Round | Truncate)
    }

    /// Is its slope constant between its kinks?
    pub(crate) fn is_piecewise_linear(self) -> bool {
        use Function::{Abs, LeakyRelu, Neg, Relu};
        self.is_step() || matches!(self, Neg | Abs | Relu | LeakyRelu(_))
    }
}

/// −1, 0 or 1; NaN for NaN.
fn sign(x: f64) -> f64 {
    if x.is_nan() || x == 0.0 { x + 0.0 } else { x.signum() }
}

/// `below` for x ≤ 0, `above` for x > 0, NaN for NaN.
fn step(x: f64, below: f64, above: f64) -> f64 {
    if x.is_nan() {
        x
    } else if x > 0.0 {
        above
    } else {
        below
    }
}

fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p() + if x.is_nan() { x } else { 0.0 }
}

fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}
