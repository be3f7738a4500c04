//! Running the steps of a plan.

use super::memory::Pool;
use super::product::{Product, contract, pack, total_product};
use super::spatial::Images;
use super::tile::{PARALLEL_ELEMENTS, PARALLEL_WORK};
use super::{BufferId, Plan, Space, Step};
use crate::kernels::{
    Binary, Convolve, Copy, CpuPath, Executed, Kernels, Map, Reduce, RowKernels, Select, Total, View,
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
    pub fn chunks(&self) -> usize {
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
