//! Running the steps of a plan.

use super::memory::Pool;
use super::spatial::Images;
use super::tile::{PARALLEL_ELEMENTS, PARALLEL_WORK};
use super::{BufferId, Matrix, Place, Plan, Space, Step};
use crate::kernels::{
    Activation, BLOCK, Binary, Contract, Convolve, Copy, CpuPath, Element, Executed, Kernels, Linear, Map,
    Outer, Reduce, RowKernels, Select, Total, TotalProduct, View, strips, work_len,
};
use std::ops::Range;
use std::ptr::{null, null_mut};
use std::sync::Arc;

/// The kernels of an instruction set, for lanes and for numbers.
pub(crate) struct Engine<T: 'static> {
    pub kernels: &'static Kernels<T>,
    pub numbers: &'static RowKernels<T>,
}

impl<T> Clone for Engine<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> std::marker::Copy for Engine<T> {}

impl<T: Executed> Engine<T> {
    /// Those of a path that this machine has.
    pub fn new(path: CpuPath) -> Engine<T> {
        Engine { kernels: T::kernels(path), numbers: T::numbers(path) }
    }
}

/// The memory of a tile: where the spaces start, and the lanes of a row in each.
#[derive(Clone, Copy)]
pub(super) struct Memory<T> {
    constants: *const T,
    spaces: [*mut T; 4],
    widths: [usize; 4],
}

// SAFETY: the threads of a step write to different places, and a step begins when those before it have ended.
unsafe impl<T: Send> Send for Memory<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Memory<T> {}

impl<T> Memory<T> {
    pub fn new(constants: *const T, call: *mut T, total: *mut T) -> Memory<T> {
        Memory { constants, spaces: [call, null_mut(), null_mut(), total], widths: [1; 4] }
    }

    /// With another space of sums.
    pub fn summing(self, total: *mut T) -> Memory<T> {
        let [call, sample, direction, _] = self.spaces;
        Memory { spaces: [call, sample, direction, total], ..self }
    }

    /// With the spaces of samples and directions.
    pub fn with(self, sample: *mut T, sample_width: usize, direction: *mut T, width: usize) -> Memory<T> {
        let [call, .., total] = self.spaces;
        Memory { spaces: [call, sample, direction, total], widths: [1, sample_width, width, 1], ..self }
    }

    pub fn sample(&self) -> *mut T {
        self.spaces[1]
    }

    pub fn total(&self) -> *mut T {
        self.spaces[3]
    }

    /// Lanes of a row.
    pub fn width(&self, space: Space) -> usize {
        match space {
            Space::Constant | Space::Call | Space::Total => 1,
            Space::Sample => self.widths[1],
            Space::Direction => self.widths[2],
        }
    }
}

/// What the steps of an extent run with.
pub(super) struct Stage<'a, T: 'static> {
    pub engine: Engine<T>,
    pub kernels: &'static Kernels<T>,
    pub memory: Memory<T>,
    /// Lanes of the rows that the steps write; 1 where they are numbers.
    pub width: usize,
    /// Lanes that hold a sample or direction.
    pub count: usize,
    /// Threads that a step may use.
    pub workers: usize,
    pub pool: &'a Pool,
}

impl<T: Executed> Stage<'_, T> {
    /// Threads worth using for so many multiplications a lane.
    pub fn workers_for(&self, multiplications: usize) -> usize {
        let lanes = if self.width == 1 { 1 } else { self.width };
        if multiplications.saturating_mul(lanes) < PARALLEL_WORK { 1 } else { self.workers }
    }

    /// Threads worth using for elementwise work on so many rows.
    pub fn workers_for_rows(&self, rows: usize) -> usize {
        if rows.saturating_mul(self.width) < PARALLEL_ELEMENTS { 1 } else { self.workers }
    }

    /// Lends working space.
    pub fn with_work<R>(&self, elements: usize, work: impl FnOnce(*mut T) -> R) -> R {
        let mut region = self.pool.take::<T>(elements);
        let result = work(region.as_mut_ptr());
        self.pool.give_back(region);
        result
    }

    /// Chunks of a row.
    fn chunks(&self) -> usize {
        if self.width == 1 { 1 } else { self.width / self.kernels.lanes }
    }

    /// The kernels for rows of the stage's width.
    pub fn rows(&self) -> &'static RowKernels<T> {
        if self.width == 1 { self.engine.numbers } else { &self.kernels.rows }
    }
}

/// Runs parts of `0..count` on several threads.
pub(super) fn split(workers: usize, count: usize, run: &(impl Fn(Range<usize>) + Sync)) {
    fn halves(workers: usize, range: Range<usize>, run: &(impl Fn(Range<usize>) + Sync)) {
        if workers <= 1 || range.len() <= 1 {
            return run(range);
        }
        let left = workers / 2;
        let middle = range.start + range.len() * left / workers;
        rayon::join(
            || halves(left, range.start..middle, run),
            || halves(workers - left, middle..range.end, run),
        );
    }
    halves(workers.min(count), 0..count, run);
}

impl<T: Executed> Plan<T> {
    /// Start of a buffer that is read.
    pub(super) fn read(&self, memory: &Memory<T>, id: BufferId) -> *const T {
        match self.buffers[id].space {
            Space::Constant => memory.constants.wrapping_add(self.buffers[id].row),
            _ => self.write(memory, id).cast_const(),
        }
    }

    /// Start of a buffer that is written.
    pub(super) fn write(&self, memory: &Memory<T>, id: BufferId) -> *mut T {
        let buffer = &self.buffers[id];
        let space = match buffer.space {
            Space::Constant => unreachable!("no step writes constants"),
            Space::Call => 0,
            Space::Sample => 1,
            Space::Direction => 2,
            Space::Total => 3,
        };
        memory.spaces[space].wrapping_add(buffer.row * memory.widths[space])
    }

    pub(super) fn steps(&self, steps: &[Step], stage: &Stage<T>) {
        for step in steps {
            // SAFETY: the compiler of the plan has sized all buffers and row maps for the step, and the kernels
            // are those of an instruction set that this machine has.
            unsafe { self.step(step, stage) };
        }
    }

    /// # Safety
    /// The machine has the kernels' instruction set; the memory is that of this plan.
    unsafe fn step(&self, step: &Step, stage: &Stage<T>) {
        let (chunks, kernels, memory) = (stage.chunks(), stage.rows(), &stage.memory);
        let write = |id: Option<BufferId>| id.map_or(null_mut(), |id| self.write(memory, id));
        // SAFETY: as for this function.
        unsafe {
            match step {
                Step::Linear { .. } if stage.width == 1 => self.linear_numbers(step, stage),
                Step::Linear { .. } => self.linear(step, stage),
                Step::Pack { input, start, strides, inner, outputs, out } => {
                    let from = self.read(memory, *input).wrapping_add(*start);
                    pack(from, *strides, [*inner, *outputs], self.write(memory, *out));
                }
                Step::Chain(chain) => self.chain(chain, stage),
                Step::PackLayer { layer, input, out } => {
                    let (from, to) = (self.read(memory, *input), self.write(memory, *out));
                    self.layers[*layer].pack(stage, from, to);
                }
                Step::TotalConvolve { gradient, u, x, out } => {
                    let operands = [u, x].map(|id| self.read(memory, *id));
                    gradient.run(stage, operands, self.write(memory, *out));
                }
                Step::Spatial { layer, weights, input, bias, out } => self.layers[*layer].run(
                    stage,
                    weights.map_or(null(), |weights| self.read(memory, weights)),
                    Images {
                        input: self.read(memory, *input),
                        bias: bias.map_or(null(), |bias| self.read(memory, bias)),
                        out: self.write(memory, *out),
                    },
                ),
                Step::Map { function, input, rows, value, slope } => (kernels.map)(&Map {
                    function: *function,
                    input: self.view(memory, input),
                    value: write(*value),
                    slope: write(*slope),
                    rows: *rows,
                    chunks,
                }),
                Step::Binary { arithmetic, a, b, rows, out } => (kernels.binary)(&Binary {
                    arithmetic: *arithmetic,
                    a: self.view(memory, a),
                    b: self.view(memory, b),
                    out: self.write(memory, *out),
                    rows: *rows,
                    chunks,
                }),
                Step::Copy { input, rows, out, out_rows } => {
                    let ends = Ends { from: self.view(memory, input), to: self.write(memory, *out) };
                    let listed = out_rows.as_deref();
                    ends.in_parts(stage, *rows, 1, |ends, part| {
                        let to = if listed.is_some() { 0 } else { part.start };
                        (kernels.copy)(&Copy {
                            input: ends.from.skip(part.start),
                            out: ends.to.wrapping_add(to * stage.width),
                            out_rows: listed.map_or(null(), |rows| rows[part.start..].as_ptr()),
                            rows: part.len(),
                            chunks,
                        });
                    });
                }
                Step::Select { condition, a, b, rows, out } => (kernels.select)(&Select {
                    condition: self.view(memory, condition),
                    a: self.view(memory, a),
                    b: self.view(memory, b),
                    out: self.write(memory, *out),
                    rows: *rows,
                    chunks,
                }),
                Step::Convolve { convolution, a, b, out } => (kernels.convolve)(&Convolve {
                    convolution: Arc::as_ptr(convolution),
                    a: self.view(memory, a),
                    b: self.view(memory, b),
                    out: self.write(memory, *out),
                    chunks,
                }),
                Step::Reduce { reduction, input, starts, rows, group, out } => {
                    let ends = Ends { from: self.view(memory, input), to: self.write(memory, *out) };
                    let starts = starts.as_deref();
                    ends.in_parts(stage, *rows, *group, |ends, part| {
                        let skipped = if starts.is_some() { 0 } else { part.start * group };
                        (kernels.reduce)(&Reduce {
                            reduction: *reduction,
                            input: ends.from.skip(skipped),
                            out: ends.to.wrapping_add(part.start * stage.width),
                            starts: starts.map_or(null(), |starts| starts[part.start..].as_ptr()),
                            rows: part.len(),
                            group: *group,
                            chunks,
                        });
                    });
                }
                Step::Total { input, rows, out } => {
                    let ends = Ends { from: self.view(memory, input), to: self.write(memory, *out) };
                    ends.in_parts(stage, *rows, 1, |ends, part| {
                        (stage.kernels.total)(&Total {
                            input: ends.from.skip(part.start),
                            out: ends.to.wrapping_add(part.start),
                            rows: part.len(),
                            count: stage.count,
                        });
                    });
                }
                Step::TotalProduct { a, b, m, inner, n, out } => {
                    let operands = [a, b].map(|place| self.view(memory, place));
                    let product = Product { operands, out: self.write(memory, *out) };
                    total_product(stage, product, [*m, *inner, *n]);
                }
                Step::Contract { a, b, batch, m, inner, n, out } => {
                    let views = [self.view(memory, a), self.view(memory, b)];
                    contract(stage, views, self.write(memory, *out), *batch, [*m, *inner, *n]);
                }
            }
        }
    }

    /// # Safety
    /// As [`Plan::step`].
    unsafe fn linear(&self, step: &Step, stage: &Stage<T>) {
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
    unsafe fn linear_numbers(&self, step: &Step, stage: &Stage<T>) {
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

/// Where rows are taken from and put.
#[derive(Clone, Copy)]
struct Ends<T> {
    from: View<T>,
    to: *mut T,
}

// SAFETY: threads write to different rows.
unsafe impl<T: Send> Sync for Ends<T> {}

impl<T: Executed> Ends<T> {
    /// Runs parts of `rows` rows, each made of `terms` rows, on the threads that they are worth.
    fn in_parts(
        &self,
        stage: &Stage<T>,
        rows: usize,
        terms: usize,
        run: impl Fn(&Ends<T>, Range<usize>) + Sync,
    ) {
        const ROWS: usize = 16;
        split(stage.workers_for_rows(rows * terms.max(1)), rows.div_ceil(ROWS), &|part| {
            let part = part.start * ROWS..rows.min(part.end * ROWS);
            if !part.is_empty() {
                run(self, part);
            }
        });
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
struct Product<T> {
    operands: [View<T>; 2],
    out: *mut T,
}

// SAFETY: threads write to different rows of the result.
unsafe impl<T: Send> Sync for Product<T> {}

/// Products of two operands that both vary.
///
/// # Safety
/// As [`Plan::step`].
unsafe fn contract<T: Executed>(
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
unsafe fn total_product<T: Executed>(stage: &Stage<T>, product: Product<T>, [m, inner, n]: [usize; 3]) {
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
unsafe fn pack<T: Element>(
    from: *const T,
    [along_inner, along_outputs]: [usize; 2],
    [inner, outputs]: [usize; 2],
    to: *mut T,
) {
    for first in (0..outputs.next_multiple_of(2 * BLOCK)).step_by(BLOCK) {
        let block = to.wrapping_add(first * inner);
        for r in 0..BLOCK {
            let column = from.wrapping_add((first + r) * along_outputs);
            for l in 0..inner {
                let value = if first + r < outputs { column.wrapping_add(l * along_inner) } else { null() };
                // SAFETY: as for this function.
                unsafe { *block.add(l * BLOCK + r) = if value.is_null() { T::default() } else { *value } };
            }
        }
    }
}
