//! Weights of convolutions, packed as their kernels take them: when they are first used, or once a call.

use super::run::{Stage, split};
use crate::kernels::{
    BLOCK, Element, Executed, POSITIONS, Packed, TransformWeights, WinogradWeights, packed_len,
};
use std::sync::{Arc, LazyLock};

/// Something made when it is first used.
pub(super) type Lazy<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send + Sync>>;

/// Where the weights of a convolution lie: [`output channel`, `input channel of a group`, `tap`], of which the layer's
/// result has the output channels (`forward`) or the input channels.
#[derive(Clone, Copy)]
pub(super) struct Filter {
    pub groups: usize,
    /// Channels of the argument and of the result, of a group.
    pub channels: [usize; 2],
    pub forward: bool,
    pub taps: usize,
}

impl Filter {
    /// Elements from one channel of the argument, and of the result, to the next.
    fn strides(&self) -> [usize; 2] {
        let inputs = self.channels[if self.forward { 0 } else { 1 }];
        let [output, input] = [inputs * self.taps, self.taps];
        if self.forward { [input, output] } else { [output, input] }
    }

    /// Elements of a group.
    fn group(&self) -> usize {
        self.channels[0] * self.channels[1] * self.taps
    }

    /// Numbers of the packed weights.
    pub fn packed_len(&self, winograd: bool) -> usize {
        let [from, to] = self.channels;
        if winograd {
            POSITIONS * packed_len(from, to)
        } else {
            self.groups * packed_len(self.taps * from, to)
        }
    }

    /// Constant weights, packed at their first use: matrices with taps first, one a group, or transformed.
    pub fn packed<T: Element>(self, winograd: bool, weights: Arc<[f64]>) -> Lazy<Vec<T>> {
        let ([inputs, outputs], [from, to]) = (self.channels, self.strides());
        let make = move || {
            let at = |group: usize, c: usize, o: usize, tap: usize| {
                weights[group * self.group() + c * from + o * to + tap]
            };
            if winograd {
                let turned = |tap: usize| if self.forward { tap } else { 8 - tap };
                return WinogradWeights::new(inputs, outputs, |c, o| {
                    std::array::from_fn(|tap| at(0, c, o, turned(tap)))
                })
                .into_values();
            }
            let matrix = |group: usize| {
                Packed::from_fn(self.taps * inputs, outputs, |l, o| at(group, l % inputs, o, l / inputs))
                    .into_values()
            };
            (0..self.groups).flat_map(matrix).collect()
        };
        LazyLock::new(Box::new(make))
    }

    /// Packs weights given with a call.
    ///
    /// # Safety
    /// The weights are valid, and `to` for [`Filter::packed_len`] numbers; the machine has the kernels' instruction set.
    pub unsafe fn pack<T: Executed>(&self, stage: &Stage<T>, winograd: bool, weights: *const T, to: *mut T) {
        let [inputs, outputs] = self.channels;
        let (ends, workers) = (Ends { weights, to }, stage.workers_for(self.group() * BLOCK));
        if winograd {
            let parts = outputs.div_ceil(2 * BLOCK);
            return split(workers, parts, &|part| {
                let ends = &ends;
                // SAFETY: as for this function.
                unsafe {
                    (stage.kernels.transform_weights)(&TransformWeights {
                        weights: ends.weights,
                        strides: self.strides(),
                        turned: !self.forward,
                        inputs,
                        all: outputs,
                        outputs: part.start * 2 * BLOCK..outputs.min(part.end * 2 * BLOCK),
                        to: ends.to,
                    });
                }
            });
        }
        let len = packed_len(self.taps * inputs, outputs);
        let blocks = outputs.next_multiple_of(2 * BLOCK) / BLOCK;
        split(workers, self.groups * blocks, &|part| {
            let ends = &ends;
            for block in part {
                let (group, first) = (block / blocks, block % blocks * BLOCK);
                let from = ends.weights.wrapping_add(group * self.group());
                let to = ends.to.wrapping_add(group * len + first * self.taps * inputs);
                // SAFETY: as for this function.
                unsafe { self.block(from, first, to) };
            }
        });
    }

    /// Packs a block of outputs from `first` on; zeros stand for those that are none.
    ///
    /// # Safety
    /// As [`Filter::pack`].
    unsafe fn block<T: Element>(&self, weights: *const T, first: usize, to: *mut T) {
        let ([inputs, outputs], [from, step]) = (self.channels, self.strides());
        for r in 0..BLOCK {
            for c in 0..inputs {
                for tap in 0..self.taps {
                    let at = c * from + (first + r) * step + tap;
                    // SAFETY: as for this function.
                    unsafe {
                        let value = if first + r < outputs { *weights.add(at) } else { T::default() };
                        *to.add((tap * inputs + c) * BLOCK + r) = value;
                    }
                }
            }
        }
    }
}

/// Where weights are taken from and packed to.
struct Ends<T> {
    weights: *const T,
    to: *mut T,
}

// SAFETY: threads write to different blocks.
unsafe impl<T: Send> Sync for Ends<T> {}
