//! Attention over positions.

use super::{Builder, Linear, Value, unfit};
use crate::error::Error;
use crate::ir::{Function, Op};

impl Builder<'_> {
    /// softmax(Q Kᵀ/√d) V head by head: queries `[1, N, W]`, keys and values `[1, M, W]`, d = W / heads (Vaswani et al.
    /// 2017). No weights.
    ///
    /// # Errors
    /// If the shapes differ, or the heads do not divide W.
    pub fn attention(&mut self, layer: &str, [q, k, v]: [Value; 3], heads: usize) -> Result<Value, Error> {
        let ([1, _, width], [1, length, _]) = (self.shape(q), self.shape(k)) else {
            let got = format!("{:?} and {:?}", self.shape(q), self.shape(k));
            return Err(unfit(layer, "values [1, positions, features]", got, "Reshape them"));
        };
        let (width, length) = (*width, *length);
        if [k, v].iter().any(|&side| *self.shape(side) != [1, length, width]) {
            let got = format!("{:?} and {:?} for {width} features", self.shape(k), self.shape(v));
            return Err(unfit(layer, "keys and values of one shape", got, "Give all three the same width"));
        }
        if heads == 0 || !width.is_multiple_of(heads) {
            let expected = format!("heads that divide {width} features");
            return Err(unfit(layer, &expected, heads.to_string(), "Choose another number of heads"));
        }
        let query = self.by_heads(layer, q, heads, &[0, 2, 1, 3])?;
        let query = self.scale(layer, query, 1.0 / ((width / heads) as f64).sqrt())?;
        let key = self.by_heads(layer, k, heads, &[0, 2, 3, 1])?;
        let value = self.by_heads(layer, v, heads, &[0, 2, 1, 3])?;
        let scores = self.push(layer, Op::MatMul, &[query, key])?;
        let weights = self.softmax(layer, scores)?;
        let mixed = self.push(layer, Op::MatMul, &[weights, value])?;
        let positions = self.transpose(layer, mixed, &[0, 2, 1, 3])?;
        let shape = self.shape(q).to_vec();
        self.reshape(layer, positions, &shape)
    }

    /// Attention of positions `[1, N, W]` to one another: a linear layer `NAME.qkv` `[W, 3 W]`, attention, and a linear
    /// layer `NAME.out` as given, from W features.
    ///
    /// # Errors
    /// As [`Builder::attention`] and [`Builder::linear_with`].
    pub fn self_attention(
        &mut self,
        name: &str,
        x: Value,
        heads: usize,
        out: &Linear,
    ) -> Result<Value, Error> {
        let width = self.shape(x).last().copied().unwrap_or(0);
        let all = self.linear(&format!("{name}.qkv"), x, width.saturating_mul(3))?;
        let axis = self.shape(all).len() - 1;
        let sides = self.split::<3>(name, all, axis)?;
        let mixed = self.attention(name, sides, heads)?;
        self.linear_with(&format!("{name}.out"), mixed, out)
    }

    /// `[1, N, W]` as `[1, N, heads, d]` with its axes in another order.
    fn by_heads(&mut self, layer: &str, x: Value, heads: usize, order: &[usize]) -> Result<Value, Error> {
        let [_, length, width] = *self.shape(x) else {
            return Err(unfit(layer, "a value [1, N, W]", format!("{:?}", self.shape(x)), "Reshape it"));
        };
        let split = self.reshape(layer, x, &[1, length, heads, width / heads])?;
        self.transpose(layer, split, order)
    }

    /// exp(x − max x) over its sum along the last axis; the maximum has no influence, so it has no derivative.
    fn softmax(&mut self, layer: &str, x: Value) -> Result<Value, Error> {
        let last = vec![self.shape(x).len() - 1];
        let largest = self.push(layer, Op::Max(last.clone()), &[x])?;
        let shift = self.push(layer, Op::Detach, &[largest])?;
        let shifted = self.subtract(layer, x, shift)?;
        let powers = self.map(layer, shifted, Function::Exp)?;
        let sum = self.push(layer, Op::Sum(last), &[powers])?;
        self.divide(layer, powers, sum)
    }
}
