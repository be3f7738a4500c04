//! Second derivatives of the elementwise functions, as graphs, so that derivative passes can be repeated.

use crate::ir::{Function, GELU_TANH, Graph, NodeId, Op};
use std::f64::consts::FRAC_1_SQRT_2;

/// d²f/dx² at every element of x.
pub(super) fn curvature(graph: &mut Graph, f: Function, x: NodeId) -> NodeId {
    let mut at = At { graph, x };
    match f {
        Function::Neg | Function::Abs | Function::Relu | Function::LeakyRelu(_) => at.graph.scalar(0.0),
        Function::Sign | Function::Floor | Function::Ceil | Function::Round | Function::Truncate => {
            at.graph.scalar(0.0)
        }
        Function::Exp => at.map(Function::Exp, x),
        Function::Log => at.slope(Function::Reciprocal, x),
        Function::Sqrt => at.power_term(-0.25, -1.5),
        Function::Reciprocal => at.power_term(2.0, -3.0),
        Function::Sin => at.negative(Function::Sin),
        Function::Cos => at.negative(Function::Cos),
        Function::Tan => {
            let (slope, value) = (at.slope(Function::Tan, x), at.map(Function::Tan, x));
            let factor = at.times(value, 2.0);
            at.mul(slope, factor)
        }
        Function::Atan => {
            let slope = at.slope(Function::Atan, x);
            let square = at.mul(slope, slope);
            let factor = at.times(x, -2.0);
            at.mul(square, factor)
        }
        Function::Asin | Function::Acos => at.cubic_term(f, 1.0),
        Function::Asinh | Function::Acosh => at.cubic_term(f, -1.0),
        Function::Atanh => {
            let slope = at.slope(Function::Atanh, x);
            let square = at.mul(slope, slope);
            let factor = at.times(x, 2.0);
            at.mul(square, factor)
        }
        Function::Sinh | Function::Cosh => at.map(f, x),
        Function::Power(p) => at.power_term(p * (p - 1.0), p - 2.0),
        Function::Erf => {
            let slope = at.slope(Function::Erf, x);
            let factor = at.times(x, -2.0);
            at.mul(slope, factor)
        }
        Function::Sigmoid => at.sigmoid_curvature(x),
        Function::Tanh => {
            let (slope, value) = (at.slope(Function::Tanh, x), at.map(Function::Tanh, x));
            let factor = at.times(value, -2.0);
            at.mul(slope, factor)
        }
        Function::ExpLinear { amplitude, rate, .. } => {
            at.slope(Function::ExpLinear { gain: 0.0, amplitude: amplitude * rate, rate }, x)
        }
        Function::Softplus => at.slope(Function::Sigmoid, x),
        Function::Swish(rate) => at.swish(rate),
        Function::Gelu => at.gelu(),
        Function::GeluTanh => at.gelu_tanh(),
    }
}

/// Building terms at a point.
struct At<'a> {
    graph: &'a mut Graph,
    x: NodeId,
}

impl At<'_> {
    fn map(&mut self, f: Function, x: NodeId) -> NodeId {
        self.graph.push(Op::Map(f), &[x])
    }

    fn slope(&mut self, f: Function, x: NodeId) -> NodeId {
        self.graph.push(Op::Slope(f), &[x])
    }

    fn mul(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.graph.push(Op::Mul, &[a, b])
    }

    fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.graph.push(Op::Add, &[a, b])
    }

    fn times(&mut self, a: NodeId, factor: f64) -> NodeId {
        let factor = self.graph.scalar(factor);
        self.mul(factor, a)
    }

    fn plus(&mut self, a: NodeId, term: f64) -> NodeId {
        let term = self.graph.scalar(term);
        self.add(a, term)
    }

    fn negative(&mut self, f: Function) -> NodeId {
        let value = self.map(f, self.x);
        self.map(Function::Neg, value)
    }

    /// factor · x to the power p.
    fn power_term(&mut self, factor: f64, p: f64) -> NodeId {
        let power = self.map(Function::Power(p), self.x);
        self.times(power, factor)
    }

    /// sign · x f′³: the curvature of functions whose slope is ±(1 ± x²)^(−1/2).
    fn cubic_term(&mut self, f: Function, sign: f64) -> NodeId {
        let slope = self.slope(f, self.x);
        let square = self.mul(slope, slope);
        let cube = self.mul(square, slope);
        let factor = self.times(self.x, sign);
        self.mul(cube, factor)
    }

    /// σ″ = σ′ (1 − 2σ).
    fn sigmoid_curvature(&mut self, z: NodeId) -> NodeId {
        let (slope, value) = (self.slope(Function::Sigmoid, z), self.map(Function::Sigmoid, z));
        let factor = self.times(value, -2.0);
        let factor = self.plus(factor, 1.0);
        self.mul(slope, factor)
    }

    /// (x σ(bx))″ = b (2 σ′(bx) + bx σ″(bx)).
    fn swish(&mut self, b: f64) -> NodeId {
        let z = self.times(self.x, b);
        let second = self.sigmoid_curvature(z);
        let second = self.mul(z, second);
        let slope = self.slope(Function::Sigmoid, z);
        let first = self.times(slope, 2.0);
        let both = self.add(first, second);
        self.times(both, b)
    }

    /// (x Φ(x))″ = φ(x) (2 − x²), with φ(x) = erf′(x/√2)/(2√2).
    fn gelu(&mut self) -> NodeId {
        let scaled = self.times(self.x, FRAC_1_SQRT_2);
        let density = self.slope(Function::Erf, scaled);
        let square = self.mul(self.x, self.x);
        let factor = self.times(square, -0.5 * FRAC_1_SQRT_2);
        let factor = self.plus(factor, FRAC_1_SQRT_2);
        self.mul(density, factor)
    }

    /// (x σ(z))″ = 2 σ′ z′ + x (σ″ z′² + σ′ z″), with z = 2a (x + b x³).
    fn gelu_tanh(&mut self) -> NodeId {
        let [a, b] = GELU_TANH;
        let square = self.mul(self.x, self.x);
        let inner = self.times(square, 2.0 * a * b);
        let inner = self.plus(inner, 2.0 * a);
        let z = self.mul(inner, self.x);
        let dz = self.times(square, 6.0 * a * b);
        let dz = self.plus(dz, 2.0 * a);
        let ddz = self.times(self.x, 12.0 * a * b);
        let (first, second) = (self.slope(Function::Sigmoid, z), self.sigmoid_curvature(z));
        let bend = self.mul(dz, dz);
        let bend = self.mul(second, bend);
        let turn = self.mul(first, ddz);
        let sum = self.add(bend, turn);
        let sum = self.mul(self.x, sum);
        let cross = self.mul(first, dz);
        let cross = self.times(cross, 2.0);
        self.add(cross, sum)
    }
}
