//! Diffusion transformers.

use super::embedding::{self, TimeFeatures};
use super::{image, with_batch};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use surefoot_graph::build::{Activation, Builder, Linear, Norm, Value};

/// A transformer over squares of an image, every layer scaled, shifted and gated by time and class, from the identity
/// (Peebles & Xie 2023, DiT with adaLN-zero).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Transformer {
    /// Side of a square; divides the sides of the image. Default: 4.
    pub patch: usize,
    /// Features of a square; a multiple of 4. Default: 128.
    pub width: usize,
    /// Number of blocks. Default: 6.
    pub depth: usize,
    /// Heads of the attention; they divide `width`. Default: 4.
    pub heads: usize,
    /// Width of the hidden layer in a block over `width`. Default: 4.
    pub ratio: usize,
    /// Pairs of sine and cosine of the time. Default: 64.
    pub frequencies: usize,
    /// The highest angular frequency of the time; the lowest is 10⁻⁴ of it. Default: 1000, for times from 0 to 1.
    pub highest: f64,
    /// Number of classes; default: the network takes no label.
    pub classes: Option<usize>,
}

impl Default for Transformer {
    fn default() -> Self {
        Transformer {
            patch: 4,
            width: 128,
            depth: 6,
            heads: 4,
            ratio: 4,
            frequencies: 64,
            highest: 1000.0,
            classes: None,
        }
    }
}

/// Layer norms between modulations, as in DiT.
const NORM: Norm = Norm { epsilon: 1e-6, affine: false };

/// Standard deviation from which the vectors of classes start, as in DiT.
const CLASS_DEVIATION: f64 = 0.02;

impl Transformer {
    /// Adds the layers for images of a shape; answers y.
    pub(super) fn assemble(&self, b: &mut Builder, shape: &[usize]) -> Result<Value> {
        if self.width == 0 || !self.width.is_multiple_of(4) {
            return Err(Error::invalid(
                "transformer",
                "a multiple of 4 for the width, for sines and cosines along height and width",
                self.width.to_string(),
                "Set `width`",
            ));
        }
        let (x, sides @ [channels, height, width]) = image(b, shape)?;
        let features =
            TimeFeatures { frequencies: self.frequencies, highest: self.highest, width: self.width };
        let condition = embedding::condition(b, &features, self.classes, CLASS_DEVIATION)?;
        let condition = b.activate("condition", condition, Activation::Silu)?;
        let squares = b.patchify("embed", x, self.patch)?;
        let mut h = b.linear("embed", squares, self.width)?;
        let (rows, columns) = (height / self.patch, width / self.patch);
        let positions =
            b.constant("positions", &[rows * columns, self.width], self.positions(rows, columns))?;
        h = b.add("positions", h, positions)?;
        for i in 0..self.depth {
            h = self.block(b, &format!("blocks.{i}"), h, condition)?;
        }
        let [scale, shift] = modulations::<2>(b, "out.modulation", condition, self.width)?;
        let normal = b.layer_norm("out.norm", h, NORM)?;
        let normal = b.modulate("out", normal, scale, shift)?;
        let numbers = channels.saturating_mul(self.patch * self.patch);
        let squares = b.linear_with("out", normal, &Linear::zeros(numbers))?;
        let y = b.unpatchify("y", squares, sides, self.patch)?;
        Ok(b.reshape("y", y, &with_batch(shape))?)
    }

    /// Attention and a hidden layer, each scaled, shifted and gated; the gates start at 0.
    fn block(&self, b: &mut Builder, name: &str, x: Value, condition: Value) -> Result<Value> {
        let part = |suffix: &str| format!("{name}.{suffix}");
        let [scale1, shift1, gate1, scale2, shift2, gate2] =
            modulations::<6>(b, &part("modulation"), condition, self.width)?;
        let normal = b.layer_norm(&part("norm1"), x, NORM)?;
        let normal = b.modulate(name, normal, scale1, shift1)?;
        let mixed = b.self_attention(&part("attention"), normal, self.heads, &Linear::new(self.width))?;
        let mixed = b.multiply(name, mixed, gate1)?;
        let x = b.add(name, x, mixed)?;
        let normal = b.layer_norm(&part("norm2"), x, NORM)?;
        let normal = b.modulate(name, normal, scale2, shift2)?;
        let hidden = b.linear(&part("mlp.0"), normal, self.width.saturating_mul(self.ratio))?;
        let hidden = b.activate(&part("mlp.1"), hidden, Activation::GeluTanh)?;
        let hidden = b.linear(&part("mlp.2"), hidden, self.width)?;
        let hidden = b.multiply(name, hidden, gate2)?;
        Ok(b.add(name, x, hidden)?)
    }

    /// Sines and cosines of row and column of every square, `width`/4 of each.
    fn positions(&self, rows: usize, columns: usize) -> Vec<f64> {
        let quarter = self.width / 4;
        let frequency = |i: usize| 1e4f64.powf(-(i as f64) / quarter as f64);
        let waves = |at: usize| {
            let angle = move |i: usize| at as f64 * frequency(i);
            (0..quarter).map(move |i| angle(i).sin()).chain((0..quarter).map(move |i| angle(i).cos()))
        };
        (0..rows * columns).flat_map(|p| waves(p / columns).chain(waves(p % columns))).collect()
    }
}

/// Vectors `[1, 1, width]` for every square, linear in the condition, from zeros.
fn modulations<const N: usize>(
    b: &mut Builder,
    name: &str,
    condition: Value,
    width: usize,
) -> Result<[Value; N]> {
    let all = b.linear_with(name, condition, &Linear::zeros(width.saturating_mul(N)))?;
    let all = b.reshape(name, all, &[1, 1, width.saturating_mul(N)])?;
    Ok(b.split::<N>(name, all, 2)?)
}
