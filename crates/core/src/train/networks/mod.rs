//! Networks to be trained, each described by a few numbers and made as a graph with named weights.
//!
//! Every network takes x, a time t and, where it has classes, a label; it answers a y shaped like x. Labels 0, 1, … name
//! the classes, the label after the last stands for no class ([`Network::no_class`]), so that one network learns both
//! sides of classifier-free guidance ([`surefoot_graph::passes::guided`]).

mod embedding;
mod mlp;
mod transformer;
mod unet;

pub use mlp::{Fourier, Mlp, Time};
pub use transformer::Transformer;
pub use unet::UNet;

use crate::error::{Error, Result};
use crate::random::{Purpose, stream};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use surefoot_graph::build::{self, Builder, Value};
use surefoot_graph::{Graph, Limits};

/// A network to be trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Network {
    /// A multilayer perceptron, for samples of a few numbers.
    Mlp(Mlp),
    /// A U-Net of residual blocks, for images.
    #[serde(rename = "unet")]
    UNet(UNet),
    /// A diffusion transformer, for images.
    Transformer(Transformer),
}

/// A function between layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// Scaled exponential linear unit.
    #[default]
    Selu,
    /// x/(1 + e^{−x}).
    Silu,
    /// x Φ(x) with the normal distribution function Φ.
    Gelu,
    /// tanh x.
    Tanh,
    /// max(x, 0).
    Relu,
}

impl From<Mlp> for Network {
    fn from(mlp: Mlp) -> Self {
        Network::Mlp(mlp)
    }
}

impl From<UNet> for Network {
    fn from(unet: UNet) -> Self {
        Network::UNet(unet)
    }
}

impl From<Transformer> for Network {
    fn from(transformer: Transformer) -> Self {
        Network::Transformer(transformer)
    }
}

impl From<Activation> for build::Activation {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Selu => build::Activation::Selu,
            Activation::Silu => build::Activation::Silu,
            Activation::Gelu => build::Activation::Gelu,
            Activation::Tanh => build::Activation::Tanh,
            Activation::Relu => build::Activation::Relu,
        }
    }
}

impl Network {
    /// The network for samples of a shape, with the weights that it starts from: those of PyTorch's layers, drawn from
    /// streams keyed by (seed, number of the weight).
    ///
    /// # Errors
    /// If the settings do not fit to each other or to the shape, or the network exceeds the limits.
    pub fn graph(&self, shape: &[usize], seed: u64, limits: &Limits) -> Result<Graph> {
        let mut draw = |weight: u64, out: &mut [f64]| {
            let mut rng = stream(seed, weight, Purpose::Weights);
            out.iter_mut().for_each(|value| *value = rng.random());
        };
        self.assembled(shape, &mut draw, limits)
    }

    /// Number of weights for samples of a shape.
    ///
    /// # Errors
    /// As [`Network::graph`].
    pub fn parameters(&self, shape: &[usize], limits: &Limits) -> Result<u64> {
        Ok(self.assembled(shape, &mut |_, out| out.fill(0.0), limits)?.source().parameters)
    }

    fn assembled(&self, shape: &[usize], draw: &mut build::Draw, limits: &Limits) -> Result<Graph> {
        let mut b = Builder::new(draw, limits);
        let y = match self {
            Network::Mlp(mlp) => mlp.assemble(&mut b, shape)?,
            Network::UNet(unet) => unet.assemble(&mut b, shape)?,
            Network::Transformer(transformer) => transformer.assemble(&mut b, shape)?,
        };
        Ok(b.finish(y)?)
    }

    /// Number of classes, where the network takes a label.
    pub fn classes(&self) -> Option<usize> {
        match self {
            Network::Mlp(Mlp { classes, .. })
            | Network::UNet(UNet { classes, .. })
            | Network::Transformer(Transformer { classes, .. }) => *classes,
        }
    }

    /// The label that stands for no class.
    pub fn no_class(&self) -> Option<usize> {
        self.classes()
    }
}

/// x as an image of channels, height and width; an image without channels has one.
fn image(b: &mut Builder, shape: &[usize]) -> Result<(Value, [usize; 3])> {
    let image = match *shape {
        [channels, height, width] => [channels, height, width],
        [height, width] => [1, height, width],
        _ => {
            return Err(Error::invalid(
                "network for images",
                "samples of channels, height and width, or of height and width",
                format!("samples of shape {shape:?}"),
                "Take kind = \"mlp\", or give the data the shape of images",
            ));
        }
    };
    let x = b.sample(shape)?;
    let [channels, height, width] = image;
    Ok((b.reshape("image", x, &[1, channels, height, width])?, image))
}

/// The batch and the axes of a sample.
fn with_batch(shape: &[usize]) -> Vec<usize> {
    [&[1], shape].concat()
}
