//! Running products: with packed weights, of two operands that both vary, and summed over samples.

use super::run::{Memory, Stage, split};
use super::{Matrix, Place, Plan, Step};
use crate::kernels::{
    Activation, BLOCK, Contract, Element, Executed, Linear, Map, Outer, TotalProduct, View, strips, work_len,
};
use std::ptr::{null, null_mut};

impl<T: Executed> Plan<T> {
    /// # Safety
    /// As [`Plan::step`].
    pub(super) unsafe fn linear(&self, step: &Step, stage: &Stage<T>) {
        let Step::Linear { input, weights, tokens, bias, scale, out, activation } = step else { return };
        let (memory, width) = (&stage.memory, stage.width);
        let weights = self.matrix(memory, *weights);
        let (from, to) = (self.read(memory, *input), self.write(memory, *out));
        let scale = scale.map(|id| self.view(memory, &Place { buffer: id, rows: None }));
        for token in 0..*tokens {
            let (input_row, output_row) = (token * weights.inner * width, token * weights.outputs * width);
            let shifted = |start: *mut T| start.wrapping_add(output_row);
            let activation = activation.map(|(function, slope)| Activation {
                function,
                slope: slope.map_or(null_mut(), |id| shifted(self.write(memory, id))),
                map: stage.kernels.rows.map,
            });
            let scale = scale.map(|view| View {
                base: view.base.wrapping_add(token * weights.outputs * view.stride),
                ..view
            });
            let product = Linear {
                input: from.wrapping_add(input_row),
                input_stride: width,
                weights: weights.packed,
                inner: weights.inner,
                outputs: 0..weights.outputs,
                bias: bias.map_or(null(), |id| self.read(memory, id)),
                scale,
                out: shifted(to),
                out_stride: width,
                activation,
                columns: width,
            };
            // SAFETY: as for this function.
            unsafe { (stage.kernels.linear)(&product) };
        }
    }

    /// # Safety
    /// As [`Plan::step`].
    pub(super) unsafe fn linear_numbers(&self, step: &Step, stage: &Stage<T>) {
        let Step::Linear { input, weights, tokens, bias, scale, out, activation } = step else { return };
        let memory = &stage.memory;
        let weights = self.matrix(memory, *weights);
        let out = self.write(memory, *out);
        let product = Outer {
            input: self.read(memory, *input),
            token_stride: weights.inner,
            inner_stride: 1,
            tokens: *tokens,
            weights: weights.packed,
            inner: weights.inner,
            outputs: 0..weights.outputs,
            bias: bias.map_or(null(), |id| self.read(memory, id)),
            scale: scale.map_or(null(), |id| self.read(memory, id)),
            out,
            out_stride: weights.outputs,
        };
        // SAFETY: as for this function.
        unsafe { (stage.kernels.outer)(&product) };
        if let Some((function, slope)) = activation {
            let input = View { base: out.cast_const(), stride: 1, splat: true, rows: null() };
            let slope = slope.map_or(null_mut(), |id| self.write(memory, id));
            let rows = tokens * weights.outputs;
            let map = Map { function: *function, input, value: out, slope, rows, chunks: 1 };
            // SAFETY: as for this function.
            unsafe { self.map_numbers(&map, stage) };
        }
    }

    /// The packed weights of a product.
    fn matrix(&self, memory: &Memory<T>, matrix: Matrix) -> Weights<T> {
        match matrix {
            Matrix::Constant(i) => {
                let packed = &self.weights[i];
                Weights { packed: packed.as_ptr(), inner: packed.inner, outputs: packed.outputs }
            }
            Matrix::Given { buffer, inner, outputs } => {
                Weights { packed: self.read(memory, buffer), inner, outputs }
            }
        }
    }

    /// Applies a function to numbers one after the other.
    ///
    /// # Safety
    /// As [`Plan::step`].
    unsafe fn map_numbers(&self, map: &Map<T>, stage: &Stage<T>) {
        let lanes = stage.kernels.lanes;
        let whole = map.rows / lanes * lanes;
        let shifted = |start: *mut T| if start.is_null() { start } else { start.wrapping_add(whole) };
        let part = |base: *const T, value, slope, rows, splat, chunks| Map {
            function: map.function,
            input: View { base, splat, ..map.input },
            value,
            slope,
            rows,
            chunks,
        };
        let rest = map.input.base.wrapping_add(whole);
        let many = part(map.input.base, map.value, map.slope, 1, false, whole / lanes);
        let few = part(rest, shifted(map.value), shifted(map.slope), map.rows - whole, true, 1);
        // SAFETY: as for this function.
        unsafe {
            (stage.kernels.rows.map)(&many);
            (stage.engine.numbers.map)(&few);
        }
    }
}

/// Packed weights where they lie.
#[derive(Clone, Copy)]
pub(super) struct Weights<T> {
    pub packed: *const T,
    pub inner: usize,
    pub outputs: usize,
}

// SAFETY: weights are only read while a layer runs.
unsafe impl<T: Sync> Sync for Weights<T> {}

/// The operands and the result of a product.
#[derive(Clone, Copy)]
pub(super) struct Product<T> {
    pub operands: [View<T>; 2],
    pub out: *mut T,
}

// SAFETY: threads write to different rows of the result.
unsafe impl<T: Send> Sync for Product<T> {}

/// Products of two operands that both vary.
///
/// # Safety
/// As [`Plan::step`].
pub(super) unsafe fn contract<T: Executed>(
    stage: &Stage<T>,
    operands: [View<T>; 2],
    out: *mut T,
    batch: usize,
    [m, inner, n]: [usize; 3],
) {
    let (lanes, product) = (stage.width != 1, Product { operands, out });
    let kernel = if lanes { stage.kernels.contract } else { stage.kernels.contract_numbers };
    let elements = if lanes { 0 } else { work_len(inner, n) };
    split(stage.workers_for(batch * m * inner * n), strips(batch, m, lanes), &|strips| {
        let product = &product;
        stage.with_work(elements, |work| {
            let [a, b] = product.operands;
            let chunks = stage.chunks();
            // SAFETY: as for this function.
            unsafe { kernel(&Contract { a, b, out: product.out, m, inner, n, strips, chunks, work }) }
        });
    });
}

/// Adds the products of all lanes to a sum over samples.
///
/// # Safety
/// As [`Plan::step`].
pub(super) unsafe fn total_product<T: Executed>(
    stage: &Stage<T>,
    product: Product<T>,
    [m, inner, n]: [usize; 3],
) {
    const ROWS: usize = 16;
    let workers = stage.workers_for(m * inner * n);
    split(workers, m.div_ceil(ROWS), &|part| {
        let product = &product;
        stage.with_work(TotalProduct::<T>::work_len(n), |work| {
            let [a, b] = product.operands;
            let rows = part.start * ROWS..m.min(part.end * ROWS);
            // SAFETY: as for this function.
            unsafe {
                (stage.kernels.total_product)(&TotalProduct {
                    a,
                    b,
                    out: product.out,
                    rows,
                    inner,
                    n,
                    count: stage.count,
                    work,
                });
            }
        });
    });
}

/// Packs a matrix into blocks of outputs.
///
/// # Safety
/// The matrix is valid at its strides, and so is the space of the packed one.
pub(super) unsafe fn pack<T: Element>(
    from: *const T,
    [along_inner, along_outputs]: [usize; 2],
    [inner, outputs]: [usize; 2],
    to: *mut T,
) {
    for first in (0..outputs.next_multiple_of(2 * BLOCK)).step_by(BLOCK) {
        let (block, from) = (to.wrapping_add(first * inner), from.wrapping_add(first * along_outputs));
        let rows = outputs.saturating_sub(first).min(BLOCK);
        for l in 0..inner {
            let (row, line) = (block.wrapping_add(l * BLOCK), from.wrapping_add(l * along_inner));
            let value = |r: usize| line.wrapping_add(r * along_outputs);
            // SAFETY: as for this function.
            unsafe {
                if rows == BLOCK {
                    (0..BLOCK).for_each(|r| *row.add(r) = *value(r));
                } else {
                    (0..BLOCK).for_each(|r| *row.add(r) = if r < rows { *value(r) } else { T::default() });
                }
            }
        }
    }
}
