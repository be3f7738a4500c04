//! Linear layers and convolutions.

use super::{Builder, Start, Value, unfit};
use crate::error::Error;
use crate::ir::{Op, Role, Window, WindowAxis, elements};
use std::sync::Arc;

/// A linear layer x W + b over the last axis: weights `NAME.weight` `[in, out]` and `NAME.bias` `[out]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// Length of the last axis of the result.
    pub outputs: usize,
    /// Is there a bias?
    pub bias: bool,
    /// What weights and bias start from; `None`: PyTorch's default, [`Start::fan_in`].
    pub start: Option<Start>,
}

/// A convolution of images: weights `NAME.weight` `[out, in, kernel, kernel]` and `NAME.bias` `[out, 1, 1]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// Channels of the result.
    pub channels: usize,
    /// Sides of the window.
    pub kernel: usize,
    /// Distance of windows along height and width.
    pub stride: [usize; 2],
    /// Zeros around the image.
    pub padding: usize,
    /// Is there a bias?
    pub bias: bool,
    /// What weights and bias start from; `None`: PyTorch's default, [`Start::fan_in`].
    pub start: Option<Start>,
}

impl Linear {
    /// With bias, from PyTorch's default.
    pub fn new(outputs: usize) -> Linear {
        Linear { outputs, bias: true, start: None }
    }

    /// With bias, from zeros.
    pub fn zeros(outputs: usize) -> Linear {
        Linear { start: Some(Start::Constant(0.0)), ..Linear::new(outputs) }
    }
}

impl Convolution {
    /// With bias, stride 1 and a padding of ⌊kernel / 2⌋, which keeps the sizes for an odd kernel; from PyTorch's default.
    pub fn new(channels: usize, kernel: usize) -> Convolution {
        Convolution { channels, kernel, stride: [1, 1], padding: kernel / 2, bias: true, start: None }
    }
}

impl Builder<'_> {
    /// A linear layer with bias, from PyTorch's default, over the last axis: `[1, …, in]` to `[1, …, out]`.
    ///
    /// # Errors
    /// As [`Builder::linear_with`].
    pub fn linear(&mut self, name: &str, x: Value, outputs: usize) -> Result<Value, Error> {
        self.linear_with(name, x, &Linear::new(outputs))
    }

    /// A linear layer over the last axis.
    ///
    /// # Errors
    /// If x has no axis after the batch, the name is taken, or weights or values exceed the limits.
    pub fn linear_with(&mut self, name: &str, x: Value, layer: &Linear) -> Result<Value, Error> {
        let [_, .., inputs] = *self.shape(x) else {
            let got = format!("{:?}", self.shape(x));
            return Err(unfit(name, "a value [1, …, features]", got, "Reshape it to [1, features]"));
        };
        let start = layer.start.clone().unwrap_or_else(|| Start::fan_in(inputs));
        let weight = self.weight(&format!("{name}.weight"), &[inputs, layer.outputs], &start)?;
        let product = self.push(name, Op::MatMul, &[x, weight])?;
        if !layer.bias {
            return Ok(product);
        }
        let bias = self.weight(&format!("{name}.bias"), &[layer.outputs], &bias_start(start))?;
        self.add(name, product, bias)
    }

    /// A convolution of an image `[1, C, H, W]`.
    ///
    /// # Errors
    /// If x is no image, a window does not fit into it, a length is 0, the name is taken, or weights or values exceed the
    /// limits.
    pub fn convolution(&mut self, name: &str, x: Value, layer: &Convolution) -> Result<Value, Error> {
        let [inputs, height, width] = self.image(name, x)?;
        let Convolution { channels, kernel, stride, padding, .. } = *layer;
        let axis = |stride: usize, input: usize| {
            let free = input.checked_add(padding.checked_mul(2)?)?.checked_sub(kernel)?;
            let output = free.checked_div(stride)? + 1;
            let axis = WindowAxis { stride, dilation: 1, pad: padding, input, kernel, output };
            (kernel > 0 && padding < kernel).then_some(axis)
        };
        let axes: Option<Vec<WindowAxis>> = [(stride[0], height), (stride[1], width)]
            .map(|(stride, input)| axis(stride, input))
            .into_iter()
            .collect();
        let Some(axes) = axes else {
            let expected = format!("a window that fits into {height} × {width}, a padding below its side");
            let got = format!("kernel {kernel}, stride {stride:?}, padding {padding}");
            return Err(unfit(name, &expected, got, "Choose a smaller kernel or more padding"));
        };
        let window = Window { axes, groups: 1 };
        let meetings = [window.lengths(Role::Output), window.lengths(Role::Weights)].concat();
        self.within_limits(name, &meetings)?;
        let fan = elements(&[inputs, kernel, kernel]);
        let start = layer.start.clone().unwrap_or_else(|| Start::fan_in(fan));
        let weight = self.weight(&format!("{name}.weight"), &[channels, inputs, kernel, kernel], &start)?;
        let op = Op::Convolve { window: Arc::new(window), role: Role::Output };
        let result = self.push(name, op, &[x, weight])?;
        if !layer.bias {
            return Ok(result);
        }
        let bias = self.weight(&format!("{name}.bias"), &[channels, 1, 1], &bias_start(start))?;
        self.add(name, result, bias)
    }
}

/// Given weights say nothing of the bias, which then starts at 0; laws are the same for both.
fn bias_start(start: Start) -> Start {
    match start {
        Start::Values(_) => Start::Constant(0.0),
        law => law,
    }
}
