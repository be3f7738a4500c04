//! Arithmetic, functions and rearrangements.

use super::{Activation, Builder, Value, unfit};
use crate::error::Error;
use crate::ir::{Function, Op, Span};

type Outcome = Result<Value, Error>;

impl Builder<'_> {
    /// A function of every element.
    ///
    /// # Errors
    /// If the values exceed the limits, as for all layers.
    pub fn map(&mut self, layer: &str, x: Value, f: Function) -> Outcome {
        self.push(layer, Op::Map(f), &[x])
    }

    /// An activation of every element.
    ///
    /// # Errors
    /// If the values exceed the limits.
    pub fn activate(&mut self, layer: &str, x: Value, activation: Activation) -> Outcome {
        self.map(layer, x, activation.function())
    }

    /// a + b, axes matched from the right, those of length 1 repeated.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    pub fn add(&mut self, layer: &str, a: Value, b: Value) -> Outcome {
        self.push(layer, Op::Add, &[a, b])
    }

    /// a − b, broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    pub fn subtract(&mut self, layer: &str, a: Value, b: Value) -> Outcome {
        self.push(layer, Op::Sub, &[a, b])
    }

    /// a b, elementwise, broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    pub fn multiply(&mut self, layer: &str, a: Value, b: Value) -> Outcome {
        self.push(layer, Op::Mul, &[a, b])
    }

    /// a / b, elementwise, broadcasting.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    pub fn divide(&mut self, layer: &str, a: Value, b: Value) -> Outcome {
        self.push(layer, Op::Div, &[a, b])
    }

    /// One number.
    pub(super) fn number(&mut self, value: f64) -> Value {
        Value(self.graph.scalar(value))
    }

    /// factor · x.
    ///
    /// # Errors
    /// If the values exceed the limits.
    pub fn scale(&mut self, layer: &str, x: Value, factor: f64) -> Outcome {
        let factor = self.number(factor);
        self.multiply(layer, x, factor)
    }

    /// x (1 + scale) + shift: how embeddings of time and class enter a layer.
    ///
    /// # Errors
    /// If the shapes do not broadcast.
    pub fn modulate(&mut self, layer: &str, x: Value, scale: Value, shift: Value) -> Outcome {
        let one = self.number(1.0);
        let factor = self.add(layer, scale, one)?;
        let scaled = self.multiply(layer, x, factor)?;
        self.add(layer, scaled, shift)
    }

    /// The same numbers in row-major order under another shape.
    ///
    /// # Errors
    /// If the numbers of elements differ, or axis 0 would not be the batch, of length 1.
    pub fn reshape(&mut self, layer: &str, x: Value, shape: &[usize]) -> Outcome {
        if shape.first() != Some(&1) {
            return Err(unfit(
                layer,
                "a shape [1, …]",
                format!("{shape:?}"),
                "Begin with the batch, of length 1",
            ));
        }
        self.push(layer, Op::Reshape(shape.to_vec()), &[x])
    }

    /// Axis i of the result is axis `order[i]`.
    ///
    /// # Errors
    /// If `order` is no permutation of the axes, or moves the batch, axis 0.
    pub fn transpose(&mut self, layer: &str, x: Value, order: &[usize]) -> Outcome {
        if order.first() != Some(&0) {
            let remedy = "Begin with 0";
            return Err(unfit(layer, "an order that leaves the batch first", format!("{order:?}"), remedy));
        }
        self.push(layer, Op::Transpose(order.to_vec()), &[x])
    }

    /// Values one after the other along an axis.
    ///
    /// # Errors
    /// If the shapes differ in another axis, there is nothing to join, or the axis is the batch.
    pub fn concatenate(&mut self, layer: &str, parts: &[Value], axis: usize) -> Outcome {
        self.after_batch(layer, axis)?;
        self.push(layer, Op::Concat(axis), parts)
    }

    /// `len` positions of an axis from `start` on.
    ///
    /// # Errors
    /// If there are not so many, or the axis is the batch.
    pub fn slice(&mut self, layer: &str, x: Value, axis: usize, start: usize, len: usize) -> Outcome {
        self.after_batch(layer, axis)?;
        self.push(layer, Op::Slice(Span { axis, start, len, step: 1 }), &[x])
    }

    /// An axis in equal parts.
    ///
    /// # Errors
    /// If its length is no multiple of their number, or the axis is the batch.
    pub fn split<const PARTS: usize>(
        &mut self,
        layer: &str,
        x: Value,
        axis: usize,
    ) -> Result<[Value; PARTS], Error> {
        let length = self.shape(x).get(axis).copied().unwrap_or(0);
        if length == 0 || !length.is_multiple_of(PARTS) {
            let expected = format!("a length that {PARTS} divides");
            return Err(unfit(layer, &expected, length.to_string(), "Choose another width"));
        }
        let mut parts = [x; PARTS];
        for (i, part) in parts.iter_mut().enumerate() {
            *part = self.slice(layer, x, axis, i * (length / PARTS), length / PARTS)?;
        }
        Ok(parts)
    }

    fn after_batch(&self, layer: &str, axis: usize) -> Result<(), Error> {
        if axis == 0 {
            return Err(unfit(
                layer,
                "an axis after the batch",
                "axis 0".into(),
                "Count the batch as axis 0",
            ));
        }
        Ok(())
    }

    /// Every position of an image `[1, C, H, W]` repeated, `[by[0], by[1]]` times along H and W: nearest up-sampling.
    ///
    /// # Errors
    /// If x is no image, or a factor is 0 or beyond 32-bit positions.
    pub fn upsample(&mut self, layer: &str, x: Value, by: [usize; 2]) -> Outcome {
        let [_, height, width] = self.image(layer, x)?;
        let mut result = x;
        for (axis, length, by) in [(2, height, by[0]), (3, width, by[1])] {
            let longer = length.saturating_mul(by);
            if by == 0 || u32::try_from(longer).is_err() {
                let expected = "a factor from 1 on and 32-bit positions";
                return Err(unfit(layer, expected, by.to_string(), "Choose another factor"));
            }
            let mut shape = self.shape(result).to_vec();
            shape[axis] = longer;
            self.within_limits(layer, &shape)?;
            if by > 1 {
                let indices = (0..longer).map(|i| (i / by) as u32).collect();
                result = self.push(layer, Op::Gather { axis, indices }, &[result])?;
            }
        }
        Ok(result)
    }

    /// Channels, height and width of an image `[1, C, H, W]`.
    pub(super) fn image(&self, layer: &str, x: Value) -> Result<[usize; 3], Error> {
        match *self.shape(x) {
            [1, channels, height, width] => Ok([channels, height, width]),
            ref other => {
                let remedy = "Reshape it to channels, height and width";
                Err(unfit(layer, "an image [1, C, H, W]", format!("{other:?}"), remedy))
            }
        }
    }

    /// An image `[1, C, H, W]` as squares of `patch` × `patch` in reading order: `[1, H W / patch², C patch²]`.
    ///
    /// # Errors
    /// If x is no image, or `patch` does not divide its sides.
    pub fn patchify(&mut self, layer: &str, x: Value, patch: usize) -> Outcome {
        let [c, h, w] = self.image(layer, x)?;
        let [rows, columns] = patches(layer, [h, w], patch)?;
        let cells = self.reshape(layer, x, &[1, c, rows, patch, columns, patch])?;
        let cells = self.transpose(layer, cells, &[0, 2, 4, 1, 3, 5])?;
        self.reshape(layer, cells, &[1, rows * columns, c * patch * patch])
    }

    /// The image `[1, C, H, W]` of squares, given as [`Builder::patchify`] makes them.
    ///
    /// # Errors
    /// If `patch` does not divide the sides, or x is no list of squares that fill the image.
    pub fn unpatchify(&mut self, layer: &str, x: Value, image: [usize; 3], patch: usize) -> Outcome {
        let [c, h, w] = image;
        let [rows, columns] = patches(layer, [h, w], patch)?;
        let wanted = [1, rows * columns, c.saturating_mul(patch * patch)];
        if *self.shape(x) != wanted {
            let got = format!("{:?}", self.shape(x));
            return Err(unfit(layer, &format!("squares {wanted:?}"), got, "Make as many numbers a square"));
        }
        let cells = self.reshape(layer, x, &[1, rows, columns, c, patch, patch])?;
        let cells = self.transpose(layer, cells, &[0, 3, 1, 4, 2, 5])?;
        self.reshape(layer, cells, &[1, c, h, w])
    }
}

/// Rows and columns of squares in an image.
fn patches(layer: &str, sides: [usize; 2], patch: usize) -> Result<[usize; 2], Error> {
    if patch == 0 || sides.iter().any(|side| !side.is_multiple_of(patch)) {
        let [h, w] = sides;
        let expected = format!("a side of squares that divides {h} and {w}");
        return Err(unfit(layer, &expected, patch.to_string(), "Choose another patch size"));
    }
    Ok(sides.map(|side| side / patch))
}
