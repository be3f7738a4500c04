//! Multilayer perceptrons.

use super::embedding::{self, TimeFeatures};
use super::{Activation, with_batch};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use surefoot_graph::build::{self, Builder};

/// A multilayer perceptron of the sample's elements and the time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mlp {
    /// Widths of the hidden layers. Default: \[64, 64, 64\].
    pub hidden: Vec<usize>,
    /// What follows every hidden layer. Default: SELU.
    pub activation: Activation,
    /// How the time enters. Default: as one number more.
    pub time: Time,
    /// Number of classes; default: the network takes no label.
    pub classes: Option<usize>,
    /// Length of the vector that stands for a class beside x and time. Default: 16.
    pub class_width: usize,
}

/// How the time enters a perceptron.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Time {
    /// As one number beside those of x.
    #[default]
    Concatenated,
    /// As a vector made of waves of it, beside x.
    Fourier(Fourier),
}

/// Waves of the time, through two linear layers with a SiLU between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fourier {
    /// Pairs of sine and cosine. Default: 16.
    pub frequencies: usize,
    /// The highest angular frequency; the lowest is 10⁻⁴ of it. Default: 1000, for times from 0 to 1.
    pub highest: f64,
    /// Length of the vector. Default: 64.
    pub width: usize,
}

impl Default for Mlp {
    /// The perceptron of TorchCFM's examples (Tong et al. 2024): x and t through three layers of 64 with SELU.
    fn default() -> Self {
        Mlp {
            hidden: vec![64; 3],
            activation: Activation::Selu,
            time: Time::Concatenated,
            classes: None,
            class_width: 16,
        }
    }
}

impl Default for Fourier {
    fn default() -> Self {
        Fourier { frequencies: 16, highest: 1000.0, width: 64 }
    }
}

impl Mlp {
    /// Adds the layers for samples of a shape; answers y.
    pub(super) fn assemble(&self, b: &mut Builder, shape: &[usize]) -> Result<build::Value> {
        let x = b.sample(shape)?;
        let dim = shape.iter().fold(1usize, |n, &d| n.saturating_mul(d));
        let flat = b.reshape("x", x, &[1, dim])?;
        let t = b.time()?;
        let time = match &self.time {
            Time::Concatenated => b.reshape("time", t, &[1, 1])?,
            Time::Fourier(Fourier { frequencies, highest, width }) => {
                let features = TimeFeatures { frequencies: *frequencies, highest: *highest, width: *width };
                embedding::time(b, t, &features)?
            }
        };
        let mut parts = vec![flat, time];
        if let Some(classes) = self.classes {
            parts.push(embedding::class(b, classes, self.class_width, 1.0)?);
        }
        let mut h = b.concatenate("input", &parts, 1)?;
        for (i, &width) in self.hidden.iter().enumerate() {
            let layer = format!("layers.{i}");
            h = b.linear(&layer, h, width)?;
            h = b.activate(&layer, h, self.activation.into())?;
        }
        let y = b.linear("out", h, dim)?;
        Ok(b.reshape("y", y, &with_batch(shape))?)
    }
}
