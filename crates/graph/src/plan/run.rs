//! Running a plan on a batch.

use super::{BufferId, Place, Plan, Port, Space, Step, TILE_CHUNKS};
use crate::ir::Extent;
use crate::kernels::{
    Activation, Binary, Contract, Convolve, Copy, Executed, Kernels, Linear, Map, Reduce, Select, Total,
    TotalProduct, View,
};
use std::marker::PhantomData;
use std::ptr::{null, null_mut};
use std::sync::Arc;

/// Samples, and directions of theirs, with the arrays of a call by the names of the graph's inputs and outputs, in
/// row-major order: `[…]` for what is given once a call, `[n, …]` a sample, `[n, k, …]` a direction.
pub(crate) struct Batch<'b, 'a> {
    /// n.
    pub samples: usize,
    /// k.
    pub directions: usize,
    pub inputs: &'b [(&'a str, &'a [f64])],
    pub outputs: &'b mut [(&'a str, &'a mut [f64])],
}

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u64; 8]);

/// Memory of one running evaluation.
pub(crate) struct Scratch<T> {
    spaces: [Vec<Line>; 4],
    element: PhantomData<T>,
}

/// The memory of a run and the lanes in use.
struct Memory<T> {
    constants: *const T,
    spaces: [*mut T; 4],
    chunks: usize,
    /// Lanes of a row: chunks times lanes of a chunk.
    width: usize,
    /// Lanes that hold a sample.
    count: usize,
}

/// Which sample and direction a lane works on.
#[derive(Clone, Copy)]
struct Lane {
    sample: usize,
    direction: usize,
}

impl Lane {
    /// Its row in an array of an extent.
    fn row(self, extent: Extent, directions: usize) -> usize {
        match extent {
            Extent::Call => 0,
            Extent::Sample => self.sample,
            Extent::Direction => self.sample * directions + self.direction,
        }
    }
}

impl<T: Executed> Plan<T> {
    /// Bytes of the scratch memory.
    pub fn scratch_bytes(&self) -> usize {
        self.space_elements()
            .iter()
            .fold(0, |n: usize, &e| n.saturating_add(e.saturating_mul(size_of::<T>())))
    }

    fn space_elements(&self) -> [usize; 4] {
        let width = TILE_CHUNKS * T::CHUNK;
        let [call, sample, direction, total] = self.rows;
        [call, sample.saturating_mul(width), direction.saturating_mul(width), total]
    }

    /// New scratch memory.
    pub fn scratch(&self) -> Scratch<T> {
        let lines = |elements: usize| vec![Line([0; 8]); (elements * size_of::<T>()).div_ceil(64) + 1];
        Scratch { spaces: self.space_elements().map(lines), element: PhantomData }
    }

    /// Evaluates a batch.
    pub fn run(&self, kernels: &Kernels<T>, scratch: &mut Scratch<T>, batch: &mut Batch) {
        scratch.spaces[3].fill(Line([0; 8]));
        let spaces = scratch.spaces.each_mut().map(|s| s.as_mut_ptr().cast::<T>());
        let mut memory = Memory { constants: self.constants.as_ptr(), spaces, chunks: 1, width: 1, count: 1 };
        let once = |_| Lane { sample: 0, direction: 0 };
        self.fill(&memory, Extent::Call, batch, once);
        self.steps(&self.call, T::single(), &memory);
        let (n, k) = (batch.samples, batch.directions);
        let lanes = if self.pairs_lanes(kernels.lanes, n, k) { n * k } else { n };
        let mut first = 0;
        for chunks in tiles(lanes.div_ceil(kernels.lanes), self.tile_chunks()) {
            memory.chunks = chunks;
            memory.width = chunks * kernels.lanes;
            memory.count = memory.width.min(lanes - first);
            if lanes == n {
                self.point_tile(kernels, &memory, batch, first);
            } else {
                self.pair_tile(kernels, &memory, batch, first);
            }
            first += memory.count;
        }
        (memory.chunks, memory.width, memory.count) = (1, 1, 1);
        self.steps(&self.last, T::single(), &memory);
        self.finish(&memory, Extent::Call, batch, once);
    }

    /// Are lanes pairs of a point and a direction? That is better where points are few and directions many; sums over
    /// samples need every point once.
    fn pairs_lanes(&self, lanes: usize, n: usize, k: usize) -> bool {
        let paired = n.saturating_mul(k).div_ceil(lanes) * 2;
        k > 0
            && paired < n.div_ceil(lanes) * (1 + k)
            && !self.sample.iter().chain(&self.direction).any(Step::sums)
    }

    /// Most chunks of a tile: one where directions are summed, so that the order of the terms does not depend on tiles.
    fn tile_chunks(&self) -> usize {
        if self.direction.iter().any(Step::sums) { 1 } else { TILE_CHUNKS }
    }

    /// Lanes are points; the directions of a point follow one another.
    fn point_tile(&self, kernels: &Kernels<T>, memory: &Memory<T>, batch: &mut Batch, first: usize) {
        let lane = |i: usize, direction| Lane { sample: first + i, direction };
        self.points(kernels, memory, batch, |i| lane(i, 0));
        for direction in 0..batch.directions {
            self.derive(kernels, memory, batch, |i| lane(i, direction));
        }
    }

    /// Lanes are pairs of a point and a direction.
    fn pair_tile(&self, kernels: &Kernels<T>, memory: &Memory<T>, batch: &mut Batch, first: usize) {
        let k = batch.directions;
        let lane = |i: usize| Lane { sample: (first + i) / k, direction: (first + i) % k };
        self.points(kernels, memory, batch, lane);
        self.derive(kernels, memory, batch, lane);
    }

    fn points(
        &self,
        kernels: &Kernels<T>,
        memory: &Memory<T>,
        batch: &mut Batch,
        lane: impl Fn(usize) -> Lane,
    ) {
        self.fill(memory, Extent::Sample, batch, &lane);
        self.steps(&self.sample, kernels, memory);
        self.finish(memory, Extent::Sample, batch, &lane);
    }

    fn derive(
        &self,
        kernels: &Kernels<T>,
        memory: &Memory<T>,
        batch: &mut Batch,
        lane: impl Fn(usize) -> Lane,
    ) {
        self.fill(memory, Extent::Direction, batch, &lane);
        self.steps(&self.direction, kernels, memory);
        self.finish(memory, Extent::Direction, batch, &lane);
    }

    /// Writes the inputs of an extent into their rows; lanes that hold no sample get zeros.
    fn fill(&self, memory: &Memory<T>, extent: Extent, batch: &Batch, lane: impl Fn(usize) -> Lane) {
        for port in self.inputs.iter().filter(|p| p.extent == extent) {
            let Some((_, from)) = batch.inputs.iter().find(|(name, _)| *name == port.name) else { continue };
            let (start, width) = (self.write(memory, port.place.buffer), memory.width);
            for i in 0..width {
                let row =
                    if i < memory.count { lane(i).row(extent, batch.directions) * port.rows } else { 0 };
                for r in 0..port.rows {
                    let x = if i < memory.count { T::from_f64(from[row + r]) } else { T::default() };
                    // SAFETY: the buffer has `rows` rows of `width` lanes in the scratch memory.
                    unsafe { *start.add(r * width + i) = x };
                }
            }
        }
    }

    /// Reads the outputs of an extent from their rows.
    fn finish(&self, memory: &Memory<T>, extent: Extent, batch: &mut Batch, lane: impl Fn(usize) -> Lane) {
        for Port { name, place, rows, .. } in self.outputs.iter().filter(|p| p.extent == extent) {
            let Some((_, to)) = batch.outputs.iter_mut().find(|(other, _)| other == name) else { continue };
            let view = self.view(memory, place);
            for i in 0..memory.count {
                let row = lane(i).row(extent, batch.directions);
                for (r, y) in to[row * rows..(row + 1) * rows].iter_mut().enumerate() {
                    // SAFETY: the view has `rows` rows of at least `count` lanes.
                    *y = unsafe { view.element(r, i) }.to_f64();
                }
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
            Space::Total => memory.spaces[3].wrapping_add(buffer.row),
        }
    }

    fn view(&self, memory: &Memory<T>, place: &Place) -> View<T> {
        let splat = matches!(self.buffers[place.buffer].space, Space::Constant | Space::Call | Space::Total);
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
                Step::Reduce { reduction, input, starts, rows, group, out } => (kernels.reduce)(&Reduce {
                    reduction: *reduction,
                    input: self.view(memory, input),
                    out: self.write(memory, *out),
                    starts: starts.as_ref().map_or(null(), |starts| starts.as_ptr()),
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
                Step::Total { input, rows, out } => (kernels.total)(&Total {
                    input: self.view(memory, input),
                    out: self.write(memory, *out),
                    rows: *rows,
                    count: memory.count,
                }),
                Step::TotalProduct { a, b, m, inner, n, out } => (kernels.total_product)(&TotalProduct {
                    a: self.view(memory, a),
                    b: self.view(memory, b),
                    out: self.write(memory, *out),
                    m: *m,
                    inner: *inner,
                    n: *n,
                    count: memory.count,
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
fn tiles(chunks: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = chunks.div_ceil(most);
    (0..count).map(move |i| chunks * (i + 1) / count - chunks * i / count)
}
