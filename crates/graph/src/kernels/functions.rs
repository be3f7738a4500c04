//! Elementwise functions and their slopes on chunks of lanes, and the kernels that apply them to rows.

use super::vector::{Element, Vector};
use super::view::View;
use crate::ir::{Function, GELU_TANH};

/// Arguments of [`map`].
pub(crate) struct Map<T> {
    pub function: Function,
    pub input: View<T>,
    /// Where f(x) goes, row after row; null where it is not wanted.
    pub value: *mut T,
    /// Where df/dx goes; null where it is not wanted.
    pub slope: *mut T,
    pub rows: usize,
    pub chunks: usize,
}

/// Runs an expression for (f(x), df/dx) over all rows; what is not wanted is not computed. A macro, since a closure
/// would not be compiled for the instruction set of the kernel.
macro_rules! each {
    ($m:expr, $V:ty, $x:ident => $pair:expr) => {{
        let (m, lanes) = ($m, <$V>::LANES);
        let width = m.chunks * lanes;
        for r in 0..m.rows {
            let input = m.input.row::<$V>(r);
            let (value, slope) = (m.value.wrapping_add(r * width), m.slope.wrapping_add(r * width));
            if m.slope.is_null() {
                for c in 0..m.chunks {
                    let $x: $V = input.chunk(c);
                    $pair.0.store(value.add(c * lanes));
                }
            } else if m.value.is_null() {
                for c in 0..m.chunks {
                    let $x: $V = input.chunk(c);
                    $pair.1.store(slope.add(c * lanes));
                }
            } else {
                for c in 0..m.chunks {
                    let $x: $V = input.chunk(c);
                    let pair = $pair;
                    pair.0.store(value.add(c * lanes));
                    pair.1.store(slope.add(c * lanes));
                }
            }
        }
    }};
}

/// A number in all lanes.
#[inline(always)]
unsafe fn number<V: Vector>(x: f64) -> V {
    // SAFETY: handed on to the caller.
    unsafe { V::splat(V::Scalar::from_f64(x)) }
}

/// Applies a function to rows. Reads every chunk before it writes it, so that input and output may be the same.
///
/// # Safety
/// As [`Vector`]; input and outputs are valid for `rows` rows of `chunks` chunks.
#[inline(always)]
pub(super) unsafe fn map<V: Vector>(m: &Map<V::Scalar>) {
    // SAFETY: handed on to the caller.
    unsafe {
        match m.function {
            Function::Neg => each!(m, V, x => (number::<V>(0.0).sub(x), number::<V>(-1.0))),
            Function::Exp => each!(m, V, x => (exp(x), exp(x))),
            Function::Sqrt => each!(m, V, x => (x.sqrt(), number::<V>(0.5).div(x.sqrt()))),
            Function::Reciprocal => each!(m, V, x => reciprocal_pair(x)),
            Function::Sigmoid => each!(m, V, x => sigmoid_pair(x)),
            Function::Tanh => each!(m, V, x => tanh_pair(x)),
            Function::Relu => {
                let zero: V = number(0.0);
                each!(m, V, x => leaky(x, zero, zero.max(x)))
            }
            Function::LeakyRelu(a) => {
                let a: V = number(a);
                each!(m, V, x => leaky(x, a, a.mul(x)))
            }
            Function::ExpLinear { gain, amplitude, rate } => {
                let (bent, gain) = (number(amplitude * rate), number(gain));
                let (amplitude, rate) = (number(amplitude), number::<V>(rate));
                each!(m, V, x => exp_linear(x, gain, amplitude, rate, bent))
            }
            Function::Swish(rate) => {
                let rate: V = number(rate);
                each!(m, V, x => gated(x, rate.mul(x), rate))
            }
            Function::GeluTanh => each!(m, V, x => gelu_tanh(x)),
            Function::Log
            | Function::Sin
            | Function::Cos
            | Function::Tan
            | Function::Asin
            | Function::Acos
            | Function::Atan
            | Function::Sinh
            | Function::Cosh
            | Function::Asinh
            | Function::Acosh
            | Function::Atanh
            | Function::Abs
            | Function::Sign
            | Function::Floor
            | Function::Ceil
            | Function::Round
            | Function::Truncate
            | Function::Power(_)
            | Function::Erf
            | Function::Softplus
            | Function::Gelu => lane_by_lane::<V>(m),
        }
    }
}

/// Functions without a vector form, in f64.
#[inline(always)]
unsafe fn lane_by_lane<V: Vector>(m: &Map<V::Scalar>) {
    let width = m.chunks * V::LANES;
    // SAFETY: all pointers are valid for `rows` rows of `width` elements.
    unsafe {
        for r in 0..m.rows {
            for i in 0..width {
                let x = m.input.element(r, i).to_f64();
                if !m.slope.is_null() {
                    *m.slope.add(r * width + i) = V::Scalar::from_f64(m.function.slope(x));
                }
                if !m.value.is_null() {
                    *m.value.add(r * width + i) = V::Scalar::from_f64(m.function.value(x));
                }
            }
        }
    }
}

/// Parts of e^x = 2ⁿ (1 + `less_one`).
struct Reduced<V> {
    n: V,
    less_one: V,
}

/// x = n ln 2 + r with |r| ≤ ½ ln 2; e^r − 1 by its Taylor polynomial, cut where it reaches the precision.
#[inline(always)]
unsafe fn reduce<V: Vector>(x: V) -> Reduced<V> {
    // SAFETY: handed on to the caller.
    unsafe {
        let (ln2_high, ln2_low) = (V::splat(V::Scalar::LN_2[0]), V::splat(V::Scalar::LN_2[1]));
        let n = x.mul(V::splat(V::Scalar::LOG2_E)).round();
        let minus_n = number::<V>(0.0).sub(n);
        let r = minus_n.mul_add(ln2_low, minus_n.mul_add(ln2_high, x));
        let mut series = V::splat(V::Scalar::EXP[V::Scalar::EXP.len() - 1]);
        for &coefficient in V::Scalar::EXP.iter().rev().skip(1) {
            series = series.mul_add(r, V::splat(coefficient));
        }
        Reduced { n, less_one: r.mul(r).mul_add(series, r) }
    }
}

/// e^x with small relative error; 0 below the range of normal numbers.
#[inline(always)]
unsafe fn exp<V: Vector>(x: V) -> V {
    // SAFETY: handed on to the caller.
    unsafe {
        let (low, high) = (V::splat(V::Scalar::EXP_RANGE[0]), V::splat(V::Scalar::EXP_RANGE[1]));
        let Reduced { n, less_one } = reduce(high.min(low.max(x)));
        let exp = number::<V>(1.0).add(less_one).scale(n);
        let below = V::select(low.gt(x), number(0.0), exp);
        V::select(x.gt(high), number(f64::INFINITY), below)
    }
}

/// (e^x, e^x − 1) for x ≤ 0, both with small relative error; (0, −1) below the range of normal numbers.
#[inline(always)]
unsafe fn decay_pair<V: Vector>(x: V) -> (V, V) {
    // SAFETY: handed on to the caller.
    unsafe {
        let low = V::splat(V::Scalar::EXP_RANGE[0]);
        let one = number::<V>(1.0);
        let Reduced { n, less_one } = reduce(low.max(x));
        let power = n.power_of_two();
        let exp = V::select(low.gt(x), number(0.0), one.add(less_one).mul(power));
        (exp, less_one.mul_add(power, power.sub(one)))
    }
}

/// (σ(x), σ(−x)), neither with cancellation.
#[inline(always)]
unsafe fn sigmoid_and_rest<V: Vector>(x: V) -> (V, V) {
    // SAFETY: handed on to the caller.
    unsafe {
        let zero = number::<V>(0.0);
        let one = number::<V>(1.0);
        let e = decay_pair(zero.sub(x.abs())).0;
        let large = one.div(one.add(e));
        let small = e.mul(large);
        let positive = x.gt(zero);
        (V::select(positive, large, small), V::select(positive, small, large))
    }
}

#[inline(always)]
unsafe fn reciprocal_pair<V: Vector>(x: V) -> (V, V) {
    // SAFETY: handed on to the caller.
    unsafe {
        let value = number::<V>(1.0).div(x);
        (value, number::<V>(0.0).sub(value.mul(value)))
    }
}

#[inline(always)]
unsafe fn sigmoid_pair<V: Vector>(x: V) -> (V, V) {
    // SAFETY: handed on to the caller.
    unsafe {
        let (value, rest) = sigmoid_and_rest(x);
        (value, value.mul(rest))
    }
}

/// tanh x = (1 − e^{−2|x|})/(1 + e^{−2|x|}) with the sign of x; its slope 4 e^{−2|x|}/(1 + e^{−2|x|})².
#[inline(always)]
unsafe fn tanh_pair<V: Vector>(x: V) -> (V, V) {
    // SAFETY: handed on to the caller.
    unsafe {
        let (e, less_one) = decay_pair(number::<V>(-2.0).mul(x.abs()));
        let sum = number::<V>(1.0).add(e);
        let value = number::<V>(0.0).sub(less_one).div(sum).copysign(x);
        (value, number::<V>(4.0).mul(e).div(sum.mul(sum)))
    }
}

/// x and 1 for x > 0, `below` and `slope` for x ≤ 0, NaN for NaN.
#[inline(always)]
unsafe fn leaky<V: Vector>(x: V, slope: V, below: V) -> (V, V) {
    // SAFETY: handed on to the caller.
    unsafe {
        let zero = number::<V>(0.0);
        let one = number::<V>(1.0);
        let positive = x.gt(zero);
        let not_positive = zero.max(x).mul(zero).add(slope);
        (V::select(positive, x, below), V::select(positive, one, not_positive))
    }
}

#[inline(always)]
unsafe fn exp_linear<V: Vector>(x: V, gain: V, amplitude: V, rate: V, bent: V) -> (V, V) {
    // SAFETY: handed on to the caller.
    unsafe {
        let zero = number::<V>(0.0);
        let positive = x.gt(zero);
        let (e, less_one) = decay_pair(zero.min(rate.mul(x)));
        let value = V::select(positive, gain.mul(x), amplitude.mul(less_one));
        (value, V::select(positive, gain, bent.mul(e)))
    }
}

/// x σ(z) and σ(z) (1 + x z′ σ(−z)).
#[inline(always)]
unsafe fn gated<V: Vector>(x: V, z: V, dz: V) -> (V, V) {
    // SAFETY: handed on to the caller.
    unsafe {
        let one = number::<V>(1.0);
        let (gate, rest) = sigmoid_and_rest(z);
        (x.mul(gate), gate.mul(x.mul(dz).mul_add(rest, one)))
    }
}

/// The tanh form of GELU is x σ(2a (x + b x³)).
#[inline(always)]
unsafe fn gelu_tanh<V: Vector>(x: V) -> (V, V) {
    // SAFETY: handed on to the caller.
    unsafe {
        let [a, b] = GELU_TANH;
        let square = x.mul(x);
        let z = square.mul_add(number(2.0 * a * b), number(2.0 * a)).mul(x);
        let dz = square.mul_add(number(6.0 * a * b), number(2.0 * a));
        gated(x, z, dz)
    }
}
