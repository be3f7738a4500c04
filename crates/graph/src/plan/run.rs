//! Running a plan on a batch.

use super::{BufferId, Place, Plan, Port, Space, Step, TILE_CHUNKS};
use crate::kernels::{Activation, Binary, Contract, Copy, Executed, Kernels, Linear, Map, Sum, View};
use std::marker::PhantomData;
use std::ptr::{null, null_mut};

/// Samples, and directions of theirs, in row-major order.
pub(crate) struct Batch<'a> {
    /// n.
    pub samples: usize,
    /// k.
    pub directions: usize,
    pub time: f64,
    /// `[n, D]`.
    pub x: &'a [f64],
    /// `[n, k, D]`.
    pub along: &'a [f64],
    /// `[n, D]`.
    pub y: &'a mut [f64],
    /// `[n, k, D]`.
    pub derivative: &'a mut [f64],
}

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u64; 8]);

/// Memory of one running evaluation.
pub(crate) struct Scratch<T> {
    spaces: [Vec<Line>; 3],
    element: PhantomData<T>,
}

/// The memory of a run and the lanes in use.
struct Memory<T> {
    constants: *const T,
    spaces: [*mut T; 3],
    chunks: usize,
    /// Lanes of a row: chunks times lanes of a chunk.
    width: usize,
}

/// Which sample and direction a lane works on.
#[derive(Clone, Copy)]
struct Lane {
    sample: usize,
    direction: usize,
}

impl<T: Executed> Plan<T> {
    /// Bytes of the scratch memory.
    pub fn scratch_bytes(&self) -> usize {
        self.space_elements()
            .iter()
            .fold(0, |n: usize, &e| n.saturating_add(e.saturating_mul(size_of::<T>())))
    }

    fn space_elements(&self) -> [usize; 3] {
        let width = TILE_CHUNKS * T::CHUNK;
        let [call, sample, direction] = self.rows;
        [call, sample.saturating_mul(width), direction.saturating_mul(width)]
    }

    /// New scratch memory.
    pub fn scratch(&self) -> Scratch<T> {
        let lines = |elements: usize| vec![Line([0; 8]); (elements * size_of::<T>()).div_ceil(64) + 1];
        Scratch { spaces: self.space_elements().map(lines), element: PhantomData }
    }

    /// Evaluates a batch. The names are those of the graph: inputs `x`, `t`, `along`; outputs `y`, `derivative`.
    pub fn run(&self, kernels: &Kernels<T>, scratch: &mut Scratch<T>, names: [&str; 2], batch: &mut Batch) {
        let spaces = scratch.spaces.each_mut().map(|s| s.as_mut_ptr().cast::<T>());
        let mut memory = Memory { constants: self.constants.as_ptr(), spaces, chunks: 1, width: 1 };
        self.fill(&memory, "t", |_, _| batch.time, 1);
        self.steps(&self.call, T::single(), &memory);
        let (n, k) = (batch.samples, batch.directions);
        let paired = n.saturating_mul(k).div_ceil(kernels.lanes) * 2;
        let lanes = if k > 0 && paired < n.div_ceil(kernels.lanes) * (1 + k) { n * k } else { n };
        let mut first = 0;
        for chunks in tiles(lanes.div_ceil(kernels.lanes)) {
            memory.chunks = chunks;
            memory.width = chunks * kernels.lanes;
            let count = memory.width.min(lanes - first);
            if lanes == n {
                self.point_tile(kernels, &memory, names, batch, first, count);
            } else {
                self.pair_tile(kernels, &memory, names, batch, first, count);
            }
            first += count;
        }
    }

    /// Lanes are points; the directions of a point follow one another.
    fn point_tile(
        &self,
        kernels: &Kernels<T>,
        memory: &Memory<T>,
        names: [&str; 2],
        batch: &mut Batch,
        first: usize,
        count: usize,
    ) {
        let lane = |i: usize, direction| Lane { sample: first + i, direction };
        self.start(kernels, memory, batch, |i| lane(i, 0), count);
        self.finish(memory, "y", batch.y, 0, |i| lane(i, 0), count);
        for direction in 0..batch.directions {
            self.derive(kernels, memory, names, batch, |i| lane(i, direction), count);
        }
    }

    /// Lanes are pairs of a point and a direction: better where points are few and directions many.
    fn pair_tile(
        &self,
        kernels: &Kernels<T>,
        memory: &Memory<T>,
        names: [&str; 2],
        batch: &mut Batch,
        first: usize,
        count: usize,
    ) {
        let k = batch.directions;
        let lane = |i: usize| Lane { sample: (first + i) / k, direction: (first + i) % k };
        self.start(kernels, memory, batch, lane, count);
        self.finish(memory, "y", batch.y, 0, lane, count);
        self.derive(kernels, memory, names, batch, lane, count);
    }

    fn start(
        &self,
        kernels: &Kernels<T>,
        memory: &Memory<T>,
        batch: &Batch,
        lane: impl Fn(usize) -> Lane,
        count: usize,
    ) {
        let dim = batch.x.len() / batch.samples;
        self.fill(memory, "x", |i, r| batch.x[lane(i).sample * dim + r], count);
        self.steps(&self.sample, kernels, memory);
    }

    fn derive(
        &self,
        kernels: &Kernels<T>,
        memory: &Memory<T>,
        [input, output]: [&str; 2],
        batch: &mut Batch,
        lane: impl Fn(usize) -> Lane,
        count: usize,
    ) {
        let (k, dim) = (batch.directions, batch.x.len() / batch.samples);
        let at = |i: usize| (lane(i).sample * k + lane(i).direction) * dim;
        self.fill(memory, input, |i, r| batch.along[at(i) + r], count);
        self.steps(&self.direction, kernels, memory);
        self.finish(memory, output, batch.derivative, k, lane, count);
    }

    /// Writes an input into its rows; lanes beyond `count` get zeros.
    fn fill(&self, memory: &Memory<T>, name: &str, value: impl Fn(usize, usize) -> f64, count: usize) {
        let Some(port) = self.inputs.iter().find(|p| p.name == name) else { return };
        let (start, width) = (self.write(memory, port.place.buffer), memory.width);
        for i in 0..width {
            for r in 0..port.rows {
                let x = if i < count { T::from_f64(value(i, r)) } else { T::default() };
                // SAFETY: the buffer has `rows` rows of `width` lanes in the scratch memory.
                unsafe { *start.add(r * width + i) = x };
            }
        }
    }

    /// Reads an output from its rows into `[n, D]` (k = 0) or `[n, k, D]`.
    fn finish(
        &self,
        memory: &Memory<T>,
        name: &str,
        to: &mut [f64],
        k: usize,
        lane: impl Fn(usize) -> Lane,
        count: usize,
    ) {
        let Some(Port { place, rows, .. }) = self.outputs.iter().find(|p| p.name == name) else { return };
        let view = self.view(memory, place);
        for i in 0..count {
            let Lane { sample, direction } = lane(i);
            let row = if k == 0 { sample } else { sample * k + direction };
            for (r, y) in to[row * rows..(row + 1) * rows].iter_mut().enumerate() {
                // SAFETY: the view has `rows` rows of at least `count` lanes.
                *y = unsafe { view.element(r, i) }.to_f64();
            }
        }
    }

    /// Start of a buffer that is read.
    fn read(&self, memory: &Memory<T>, id: BufferId) -> *const T {
        match self.buffers[id].space {
            Space::Constant => memory.constants.wrapping_add(self.buffers[id].row),
            _ => self.write(memory, id).cast_const(),
        }
    }

    /// Start of a buffer that is written.
    fn write(&self, memory: &Memory<T>, id: BufferId) -> *mut T {
        let buffer = &self.buffers[id];
        match buffer.space {
            Space::Constant => unreachable!("no step writes constants"),
            Space::Call => memory.spaces[0].wrapping_add(buffer.row),
            Space::Sample => memory.spaces[1].wrapping_add(buffer.row * memory.width),
            Space::Direction => memory.spaces[2].wrapping_add(buffer.row * memory.width),
        }
    }

    fn view(&self, memory: &Memory<T>, place: &Place) -> View<T> {
        let splat = matches!(self.buffers[place.buffer].space, Space::Constant | Space::Call);
        View {
            base: self.read(memory, place.buffer),
            stride: if splat { 1 } else { memory.width },
            splat,
            rows: place.rows.as_ref().map_or(null(), |rows| rows.as_ptr()),
        }
    }

    fn steps(&self, steps: &[Step], kernels: &Kernels<T>, memory: &Memory<T>) {
        for step in steps {
            // SAFETY: the compiler of the plan has sized all buffers and row maps for the step, and the kernels
            // are those of an instruction set that this machine has.
            unsafe { self.step(step, kernels, memory) };
        }
    }

    /// # Safety
    /// The machine has the kernels' instruction set; the memory is that of this plan.
    unsafe fn step(&self, step: &Step, kernels: &Kernels<T>, memory: &Memory<T>) {
        let chunks = memory.chunks;
        let write = |id: Option<BufferId>| id.map_or(null_mut(), |id| self.write(memory, id));
        // SAFETY: as for this function.
        unsafe {
            match step {
                Step::Linear { .. } => self.linear(step, kernels, memory),
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
                Step::Copy { input, rows, out, out_rows } => (kernels.copy)(&Copy {
                    input: self.view(memory, input),
                    out: self.write(memory, *out),
                    out_rows: out_rows.as_ref().map_or(null(), |rows| rows.as_ptr()),
                    rows: *rows,
                    chunks,
                }),
                Step::Sum { input, rows, group, out } => (kernels.sum)(&Sum {
                    input: self.view(memory, input),
                    out: self.write(memory, *out),
                    rows: *rows,
                    group: *group,
                    chunks,
                }),
                Step::Contract { a, b, batch, m, inner, n, out } => (kernels.contract)(&Contract {
                    a: self.view(memory, a),
                    b: self.view(memory, b),
                    out: self.write(memory, *out),
                    batch: *batch,
                    m: *m,
                    inner: *inner,
                    n: *n,
                    chunks,
                }),
            }
        }
    }

    /// # Safety
    /// As [`Plan::step`].
    unsafe fn linear(&self, step: &Step, kernels: &Kernels<T>, memory: &Memory<T>) {
        let Step::Linear { input, weights, tokens, bias, scale, out, activation } = step else { return };
        let weights = &self.weights[*weights];
        let width = memory.width;
        let (from, to) = (self.read(memory, *input), self.write(memory, *out));
        for token in 0..*tokens {
            let (input_row, output_row) = (token * weights.inner * width, token * weights.outputs * width);
            let shifted = |start: *mut T| start.wrapping_add(output_row);
            let activation = activation.map(|(function, slope)| Activation {
                function,
                slope: slope.map_or(null_mut(), |id| shifted(self.write(memory, id))),
                map: kernels.map,
            });
            let product = Linear {
                input: from.wrapping_add(input_row),
                weights: weights.as_ptr(),
                inner: weights.inner,
                outputs: weights.outputs,
                bias: bias.map_or(null(), |id| self.read(memory, id)),
                scale: scale.map_or(null(), |id| self.read(memory, id).wrapping_add(output_row)),
                out: shifted(to),
                activation,
                chunks: memory.chunks,
            };
            // SAFETY: as for this function.
            unsafe { (kernels.linear)(&product) };
        }
    }
}

/// Sizes of tiles, in chunks, as equal as possible.
fn tiles(chunks: usize) -> impl Iterator<Item = usize> {
    let count = chunks.div_ceil(TILE_CHUNKS);
    (0..count).map(move |i| chunks * (i + 1) / count - chunks * i / count)
}
