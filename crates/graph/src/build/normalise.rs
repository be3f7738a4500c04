//! Normalisations, in the terms in which imported ones are evaluated.

use super::{Builder, Start, Value, unfit};
use crate::error::Error;
use crate::ir::{Function, Op, elements};

/// How a normalisation is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norm {
    /// Added to the variance.
    pub epsilon: f64,
    /// Are there weights `NAME.weight`, from 1, and `NAME.bias`, from 0, one a channel or feature?
    pub affine: bool,
}

impl Default for Norm {
    /// ε = 10⁻⁵, with weights.
    fn default() -> Self {
        Norm { epsilon: 1e-5, affine: true }
    }
}

impl Builder<'_> {
    /// Groups of channels of `[1, C, …]`, each brought to mean 0 and variance 1 over its channels and positions (Wu & He
    /// 2018); weights `[C, 1, …]`.
    ///
    /// # Errors
    /// If the groups do not divide the channels, x has no axis of channels, or ε is not positive.
    pub fn group_norm(&mut self, name: &str, x: Value, groups: usize, norm: Norm) -> Result<Value, Error> {
        let shape = self.shape(x).to_vec();
        let [1, channels, positions @ ..] = &shape[..] else {
            let remedy = "Reshape it to channels and positions";
            return Err(unfit(name, "a value [1, C, …]", format!("{shape:?}"), remedy));
        };
        if groups == 0 || !channels.is_multiple_of(groups) {
            let expected = format!("groups that divide {channels} channels");
            return Err(unfit(name, &expected, groups.to_string(), "Choose another number of groups"));
        }
        let split = [&[1, groups, channels / groups], positions].concat();
        let grouped = self.reshape(name, x, &split)?;
        let axes = (2..split.len()).collect();
        let standard = self.standardised(name, grouped, axes, norm.epsilon)?;
        let standard = self.reshape(name, standard, &shape)?;
        let along = [&[*channels][..], &vec![1; positions.len()]].concat();
        self.affine(name, standard, &along, norm)
    }

    /// The last axis brought to mean 0 and variance 1 at every position (Ba, Kiros & Hinton 2016); weights of its length.
    ///
    /// # Errors
    /// If x has no axis after the batch, or ε is not positive.
    pub fn layer_norm(&mut self, name: &str, x: Value, norm: Norm) -> Result<Value, Error> {
        let shape = self.shape(x).to_vec();
        let [_, .., features] = shape[..] else {
            return Err(unfit(name, "a value [1, …, features]", format!("{shape:?}"), "Reshape it"));
        };
        let standard = self.standardised(name, x, vec![shape.len() - 1], norm.epsilon)?;
        self.affine(name, standard, &[features], norm)
    }

    /// (x − mean)/√(variance + ε) over some axes.
    fn standardised(&mut self, name: &str, x: Value, axes: Vec<usize>, epsilon: f64) -> Result<Value, Error> {
        if !(epsilon.is_finite() && epsilon > 0.0) {
            let remedy = "Take 1e-5";
            return Err(unfit(name, "a positive number for epsilon", epsilon.to_string(), remedy));
        }
        let mean = self.mean(name, x, &axes)?;
        let centred = self.subtract(name, x, mean)?;
        let squares = self.multiply(name, centred, centred)?;
        let variance = self.mean(name, squares, &axes)?;
        let epsilon = self.number(epsilon);
        let variance = self.add(name, variance, epsilon)?;
        let deviation = self.map(name, variance, Function::Sqrt)?;
        self.divide(name, centred, deviation)
    }

    /// Mean over axes, which stay with length 1.
    fn mean(&mut self, name: &str, x: Value, axes: &[usize]) -> Result<Value, Error> {
        let lengths: Vec<usize> = axes.iter().filter_map(|&axis| self.shape(x).get(axis).copied()).collect();
        let total = self.push(name, Op::Sum(axes.to_vec()), &[x])?;
        let count = self.number(elements(&lengths) as f64);
        self.divide(name, total, count)
    }

    fn affine(&mut self, name: &str, x: Value, shape: &[usize], norm: Norm) -> Result<Value, Error> {
        if !norm.affine {
            return Ok(x);
        }
        let scale = self.weight(&format!("{name}.weight"), shape, &Start::Constant(1.0))?;
        let bias = self.weight(&format!("{name}.bias"), shape, &Start::Constant(0.0))?;
        let scaled = self.multiply(name, x, scale)?;
        self.add(name, scaled, bias)
    }
}
