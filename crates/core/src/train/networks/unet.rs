//! U-Nets.

use super::embedding::{self, TimeFeatures};
use super::{image, with_batch};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use surefoot_graph::build::{Activation, Builder, Convolution, Linear, Norm, Start, Value};

/// A U-Net: residual blocks with group norm, SiLU, and scale and shift by time and class (Ho, Jain & Abbeel 2020; Dhariwal
/// & Nichol 2021); coarser level by level and back, with the values of the way down beside those of the way up. Sides
/// halve from level to level while they are even: 28 × 28 becomes 14 × 14, 7 × 7 and stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UNet {
    /// Channels of the finest level. Default: 32.
    pub channels: usize,
    /// Channels of every level over those of the finest. Default: \[1, 2, 4\].
    pub multipliers: Vec<usize>,
    /// Residual blocks a level and way. Default: 2.
    pub blocks: usize,
    /// Groups of the group norms; divides `channels`. Default: 8.
    pub groups: usize,
    /// Levels with attention over all positions, 0 the finest. Default: the coarsest.
    pub attention: Option<Vec<usize>>,
    /// Heads of the attention. Default: 4.
    pub heads: usize,
    /// Pairs of sine and cosine of the time. Default: 16.
    pub frequencies: usize,
    /// The highest angular frequency of the time; the lowest is 10⁻⁴ of it. Default: 1000, for times from 0 to 1.
    pub highest: f64,
    /// Number of classes; default: the network takes no label.
    pub classes: Option<usize>,
}

impl Default for UNet {
    fn default() -> Self {
        UNet {
            channels: 32,
            multipliers: vec![1, 2, 4],
            blocks: 2,
            groups: 8,
            attention: None,
            heads: 4,
            frequencies: 16,
            highest: 1000.0,
            classes: None,
        }
    }
}

/// Length of the embedding of time and class over the channels of the finest level.
const EMBEDDING: usize = 4;

/// A U-Net under construction.
struct Assembly<'u, 'b, 'd> {
    unet: &'u UNet,
    b: &'b mut Builder<'d>,
    /// SiLU of the embedding of time and class.
    condition: Value,
    attended: Vec<usize>,
}

impl UNet {
    /// Adds the layers for images of a shape; answers y.
    pub(super) fn assemble(&self, b: &mut Builder, shape: &[usize]) -> Result<Value> {
        let attended = self.checked()?;
        let (x, [channels, ..]) = image(b, shape)?;
        let width = self.channels.saturating_mul(EMBEDDING);
        let features = TimeFeatures { frequencies: self.frequencies, highest: self.highest, width };
        let condition = embedding::condition(b, &features, self.classes, 1.0)?;
        let condition = b.activate("condition", condition, Activation::Silu)?;
        let first = b.convolution("stem", x, &Convolution::new(self.channels, 3))?;
        let mut assembly = Assembly { unet: self, b, condition, attended };
        let last = assembly.levels(first)?;
        let normal = assembly.norm("out.norm", last)?;
        let out = Convolution { start: Some(Start::Constant(0.0)), ..Convolution::new(channels, 3) };
        let y = b.convolution("out", normal, &out)?;
        Ok(b.reshape("y", y, &with_batch(shape))?)
    }

    /// The levels with attention, if the settings fit to each other.
    fn checked(&self) -> Result<Vec<usize>> {
        let refuse =
            |expected: &str, got: String, remedy: &str| Err(Error::invalid("unet", expected, got, remedy));
        let Some(coarsest) = self.multipliers.len().checked_sub(1) else {
            return refuse("one level at least", "no multipliers".into(), "Set `multipliers`, as [1, 2, 4]");
        };
        if self.blocks == 0 || self.channels == 0 || self.multipliers.contains(&0) {
            let got = format!(
                "channels = {}, multipliers = {:?}, blocks = {}",
                self.channels, self.multipliers, self.blocks
            );
            return refuse("numbers from 1 on", got, "Set `channels`, `multipliers` and `blocks`");
        }
        if self.groups == 0 || !self.channels.is_multiple_of(self.groups) {
            let expected = format!("groups that divide the {} channels", self.channels);
            return refuse(&expected, self.groups.to_string(), "Set `groups`");
        }
        let attended = self.attention.clone().unwrap_or_else(|| vec![coarsest]);
        match attended.iter().find(|&&level| level > coarsest) {
            Some(level) => {
                refuse(&format!("attention at levels 0 to {coarsest}"), level.to_string(), "Set `attention`")
            }
            None => Ok(attended),
        }
    }
}

impl Assembly<'_, '_, '_> {
    /// The way down, the middle, and the way up.
    fn levels(&mut self, first: Value) -> Result<Value> {
        let widths: Vec<usize> =
            self.unet.multipliers.iter().map(|m| m.saturating_mul(self.unet.channels)).collect();
        let coarsest = widths.len() - 1;
        let (mut h, mut kept, mut factors) = (first, vec![], vec![]);
        for (level, &width) in widths.iter().enumerate() {
            for block in 0..self.unet.blocks {
                h = self.stage(&format!("down.{level}.{block}"), h, width, level)?;
                kept.push(h);
            }
            if level < coarsest {
                let by = self.halves(h);
                let layer = Convolution { stride: by, ..Convolution::new(width, 3) };
                h = self.b.convolution(&format!("down.{level}.coarser"), h, &layer)?;
                factors.push(by);
            }
        }
        let width = widths[coarsest];
        h = self.stage("middle.0", h, width, coarsest)?;
        h = self.block("middle.1", h, width)?;
        for (level, &width) in widths.iter().enumerate().rev() {
            for block in 0..self.unet.blocks {
                let name = format!("up.{level}.{block}");
                let beside: Vec<Value> = [Some(h), kept.pop()].into_iter().flatten().collect();
                h = self.b.concatenate(&name, &beside, 1)?;
                h = self.stage(&name, h, width, level)?;
            }
            if let Some(by) = factors.pop() {
                let name = format!("up.{level}.finer");
                h = self.b.upsample(&name, h, by)?;
                h = self.b.convolution(&name, h, &Convolution::new(widths[level - 1], 3))?;
            }
        }
        Ok(h)
    }

    /// By how much height and width are divided on the way to the next level.
    fn halves(&self, h: Value) -> [usize; 2] {
        let side = |axis: usize| self.b.shape(h).get(axis).copied().unwrap_or(1);
        [2, 3].map(|axis| if side(axis).is_multiple_of(2) { 2 } else { 1 })
    }

    /// A residual block, and attention where the level has some.
    fn stage(&mut self, name: &str, x: Value, width: usize, level: usize) -> Result<Value> {
        let h = self.block(name, x, width)?;
        if self.attended.contains(&level) { self.attention(&format!("{name}.attention"), h) } else { Ok(h) }
    }

    /// Group norm and SiLU.
    fn norm(&mut self, name: &str, x: Value) -> Result<Value> {
        let normal = self.b.group_norm(name, x, self.unet.groups, Norm::default())?;
        Ok(self.b.activate(name, normal, Activation::Silu)?)
    }

    /// x (brought to `width` channels) + two convolutions; the second starts from zeros, and sees the condition.
    fn block(&mut self, name: &str, x: Value, width: usize) -> Result<Value> {
        let part = |suffix: &str| format!("{name}.{suffix}");
        let h = self.norm(&part("norm1"), x)?;
        let h = self.b.convolution(&part("conv1"), h, &Convolution::new(width, 3))?;
        let h = self.b.group_norm(&part("norm2"), h, self.unet.groups, Norm::default())?;
        let by_channel = self.b.linear(&part("condition"), self.condition, width.saturating_mul(2))?;
        let by_channel = self.b.reshape(name, by_channel, &[1, width.saturating_mul(2), 1, 1])?;
        let [scale, shift] = self.b.split::<2>(name, by_channel, 1)?;
        let h = self.b.modulate(name, h, scale, shift)?;
        let h = self.b.activate(name, h, Activation::Silu)?;
        let second = Convolution { start: Some(Start::Constant(0.0)), ..Convolution::new(width, 3) };
        let h = self.b.convolution(&part("conv2"), h, &second)?;
        let same = self.b.shape(x).get(1) == Some(&width);
        let x = if same { x } else { self.b.convolution(&part("skip"), x, &Convolution::new(width, 1))? };
        Ok(self.b.add(name, x, h)?)
    }

    /// x + attention of its positions to one another; the last layer starts from zeros.
    fn attention(&mut self, name: &str, x: Value) -> Result<Value> {
        let shape = self.b.shape(x).to_vec();
        let [_, channels, height, width] = shape[..] else { return Ok(x) };
        let normal = self.b.group_norm(&format!("{name}.norm"), x, self.unet.groups, Norm::default())?;
        let rows = self.b.reshape(name, normal, &[1, channels, height * width])?;
        let positions = self.b.transpose(name, rows, &[0, 2, 1])?;
        let mixed = self.b.self_attention(name, positions, self.unet.heads, &Linear::zeros(channels))?;
        let rows = self.b.transpose(name, mixed, &[0, 2, 1])?;
        let h = self.b.reshape(name, rows, &shape)?;
        Ok(self.b.add(name, x, h)?)
    }
}
