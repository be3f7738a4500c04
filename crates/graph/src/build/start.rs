//! What weights start from.

use super::Draw;
use std::f64::consts::PI;

/// What a weight starts from.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Independent, uniform on [−bound, bound).
    Uniform(f64),
    /// Independent, normal with mean 0 and this standard deviation.
    Normal(f64),
    /// One number.
    Constant(f64),
    /// Given numbers in row-major order.
    Values(Vec<f64>),
}

impl Start {
    /// Uniform on ±1/√fan: PyTorch's default for linear layers and convolutions, weights and biases, where `fan` is the
    /// number of terms of a sum (Kaiming's uniform law with a = √5).
    pub fn fan_in(fan: usize) -> Start {
        Start::Uniform(1.0 / (fan.max(1) as f64).sqrt())
    }

    /// The numbers for the weight of a number.
    pub(super) fn numbers(&self, count: usize, weight: u64, draw: &mut Draw) -> Vec<f64> {
        match self {
            Start::Constant(value) => vec![*value; count],
            Start::Values(values) => values.clone(),
            Start::Uniform(bound) => {
                let mut numbers = vec![0.0; count];
                draw(weight, &mut numbers);
                numbers.iter_mut().for_each(|u| *u = bound * (2.0 * *u - 1.0));
                numbers
            }
            Start::Normal(deviation) => {
                let mut numbers = vec![0.0; count.next_multiple_of(2)];
                draw(weight, &mut numbers);
                numbers.chunks_exact_mut(2).for_each(|pair| normal(pair, *deviation));
                numbers.truncate(count);
                numbers
            }
        }
    }
}

/// Two normal numbers from two uniform ones (Box & Muller 1958); the logarithm is never that of 0.
fn normal(pair: &mut [f64], deviation: f64) {
    let radius = deviation * (-2.0 * libm::log(1.0 - pair[0])).sqrt();
    let angle = 2.0 * PI * pair[1];
    pair[0] = radius * libm::cos(angle);
    pair[1] = radius * libm::sin(angle);
}
