//! Taking a batch through a plan, tile of lanes by tile of lanes.
//!
//! Where samples are many, the lanes of a tile are samples, and their directions follow one another. Where they are few
//! and directions many, a tile is one sample: what belongs to the sample is computed once, as numbers, and the lanes
//! are its directions. Which way is taken changes no bit of the answer.

use super::memory::Region;
use super::run::{Engine, Memory, Stage, split};
use super::{Place, Plan, Step, TILE_CHUNKS};
use crate::ir::Extent;
use crate::kernels::{Element, Executed, View};
use std::ops::Range;
use std::ptr::null;

/// Samples, and directions of theirs, with the arrays of a call by the names of the graph's inputs and outputs, in
/// row-major order: `[…]` for what is given once a call, `[n, …]` a sample, `[n, k, …]` a direction.
pub(crate) struct Batch<'b, 'a, S> {
    /// n.
    pub samples: usize,
    /// k.
    pub directions: usize,
    pub inputs: &'b [(&'a str, &'a [S])],
    pub outputs: &'b mut [(&'a str, &'a mut [S])],
}

/// Numbers that stay in the nearest cache while terms are added to them.
const NEAREST: usize = 1 << 11;
/// Bytes of the nearer caches that a tile should stay within.
const NEAR: usize = 1 << 20;
/// Bytes of the values of a tile of samples beyond which samples go one by one.
const LARGE: usize = 1 << 25;
/// Most chunks of a tile whose samples are summed.
const SUMMED_CHUNKS: usize = 4;
/// Bytes that the sums of all groups of tiles may take.
const GROUPS_BYTES: usize = 1 << 23;
/// Most groups of tiles with sums of their own.
const MOST_GROUPS: usize = 32;
/// Multiplications that are worth another thread.
pub(super) const PARALLEL_WORK: usize = 1 << 19;
/// Elements of elementwise work that are worth another thread.
pub(super) const PARALLEL_ELEMENTS: usize = 1 << 16;

/// A batch as the tiles see it, which write to different rows of the outputs.
struct Arrays<'a, S> {
    samples: usize,
    directions: usize,
    inputs: &'a [(&'a str, &'a [S])],
    /// Name, start and length.
    outputs: Vec<(&'a str, Numbers<S>)>,
}

/// The start of an array and its length.
#[derive(Clone, Copy)]
struct Numbers<S> {
    start: *mut S,
    len: usize,
}

// SAFETY: tiles write to different rows.
unsafe impl<S: Send> Send for Numbers<S> {}
// SAFETY: as above.
unsafe impl<S: Send> Sync for Numbers<S> {}

/// The start of a space of sums.
struct Start<T>(*mut T);

// SAFETY: threads write to different spaces.
unsafe impl<T: Send> Sync for Start<T> {}

/// The rows of the arrays that the lanes of a tile stand for, and the lanes of a row.
struct Lanes<F> {
    extent: Extent,
    /// The row of a lane.
    row: F,
    count: usize,
    width: usize,
}

impl<T: Executed> Plan<T> {
    /// Bytes that one evaluation takes at least.
    pub fn scratch_bytes(&self) -> usize {
        let [call, sample, direction, total] = self.rows;
        let lanes = if self.sums() { [T::CHUNK, T::CHUNK] } else { [1, T::CHUNK] };
        let spaces = [call, sample.saturating_mul(lanes[0]), direction.saturating_mul(lanes[1]), total];
        spaces.iter().fold(0usize, |n, &e| n.saturating_add(e.saturating_mul(size_of::<T>())))
    }

    /// Bytes that evaluations on so many threads, of any number of samples and directions, hold between them: those of
    /// their tiles, of which a thread may have two at once, as it takes up another evaluation while it waits for a part of
    /// its own.
    pub fn held_bytes(&self, engine: Engine<T>, threads: usize) -> usize {
        let [call, sample, direction, total] = self.rows;
        let lanes = engine.kernels.lanes;
        let numbers = direction > 0 && sample.saturating_mul(lanes * size_of::<T>()) > LARGE;
        let of_samples = lanes * self.tile_chunks(sample.saturating_add(direction), 8 * NEAR);
        let of_directions = lanes * self.tile_chunks(direction, NEAR);
        let tile = match numbers {
            true => sample.saturating_add(direction.saturating_mul(of_directions)),
            false => sample
                .saturating_mul(of_samples)
                .saturating_add(direction.saturating_mul(of_samples.max(of_directions))),
        };
        let rows = call.saturating_add(total).saturating_add(tile);
        rows.saturating_mul(2 * threads).saturating_mul(size_of::<T>())
    }

    /// Evaluates a batch. A thread outside the pool hands the whole over to it once, and not every step that threads share.
    pub fn run<S: Element>(&self, engine: Engine<T>, batch: &mut Batch<S>) {
        if self.is_shared() && rayon::current_thread_index().is_none() {
            return rayon::scope(|_| self.run(engine, batch));
        }
        self.prepare();
        let outputs = batch.outputs.iter_mut().map(|(name, to)| {
            let len = to.len();
            (*name, Numbers { start: to.as_mut_ptr(), len })
        });
        let arrays = Arrays {
            samples: batch.samples,
            directions: batch.directions,
            inputs: batch.inputs,
            outputs: outputs.collect(),
        };
        let [mut call, mut total] = [self.rows[0], self.rows[3]].map(|rows| self.pool.take::<T>(rows));
        let memory = Memory::new(self.constants.as_ptr(), call.as_mut_ptr(), total.as_mut_ptr());
        // SAFETY: the region has so many elements.
        unsafe { std::ptr::write_bytes(total.as_mut_ptr::<T>(), 0, self.rows[3]) };
        let once = Lanes { extent: Extent::Call, row: |_| 0, count: 1, width: 1 };
        self.fill(&memory, &arrays, &once);
        let threads = rayon::current_num_threads();
        self.steps(&self.call, &self.stage(engine, memory, 1, 1, threads));
        if self.sums() {
            self.summed(engine, memory, &arrays);
        } else if self.one_by_one(engine, &arrays) {
            (0..arrays.samples).for_each(|sample| self.sample(engine, memory, &arrays, sample));
        } else if arrays.samples > 0 {
            self.point_tiles(engine, memory, &arrays);
        }
        self.steps(&self.last, &self.stage(engine, memory, 1, 1, 1));
        self.finish(&memory, &arrays, &once);
        [call, total].into_iter().for_each(|region| self.pool.give_back(region));
    }

    fn stage(
        &self,
        engine: Engine<T>,
        memory: Memory<T>,
        width: usize,
        count: usize,
        workers: usize,
    ) -> Stage<'_, T> {
        Stage { engine, kernels: engine.kernels, memory, width, count, workers, pool: &self.pool }
    }

    /// Is there enough work in a tile for several threads?
    fn is_shared(&self) -> bool {
        self.work.iter().any(|work| work.saturating_mul(T::CHUNK) > PARALLEL_WORK)
    }

    /// Does it sum over samples?
    fn sums(&self) -> bool {
        self.sample.iter().chain(&self.direction).any(Step::sums)
    }

    /// Is it better to take the samples one by one?
    fn one_by_one<S>(&self, engine: Engine<T>, arrays: &Arrays<S>) -> bool {
        let (n, k, lanes) = (arrays.samples, arrays.directions, engine.kernels.lanes);
        let kept = self.rows[1].saturating_mul(lanes * size_of::<T>());
        if k > 0 && kept > LARGE {
            return true;
        }
        // What is computed as numbers costs a fraction of a tile where whole images are lanes, and about a tile in
        // small networks.
        let numbers = if kept > NEAR { 1 } else { 4 };
        let alone = n.saturating_mul(numbers + 4 * k.div_ceil(lanes));
        alone < 4 * n.div_ceil(lanes) * (1 + k)
    }

    /// Most chunks of a tile: one where a tile would be too large.
    fn tile_chunks(&self, rows: usize, limit: usize) -> usize {
        let bytes = rows.saturating_mul(TILE_CHUNKS * T::CHUNK * size_of::<T>());
        if bytes > limit { 1 } else { TILE_CHUNKS }
    }

    /// Sums over samples. Tiles have a fixed size, and every so many tiles are summed apart from the others, so that
    /// the order of the terms depends on the plan alone. These groups of tiles are what threads share.
    fn summed<S: Element>(&self, engine: Engine<T>, memory: Memory<T>, arrays: &Arrays<S>) {
        let lanes = self.summed_chunks() * engine.kernels.lanes;
        let tiles = arrays.samples.div_ceil(lanes);
        let groups = self.groups().min(tiles);
        let threads = rayon::current_num_threads();
        let workers = (threads / groups.max(1)).max(1);
        let mut sums: Vec<Region> = (0..groups).map(|_| self.pool.take::<T>(self.rows[3])).collect();
        let starts: Vec<Start<T>> = sums.iter_mut().map(|region| Start(region.as_mut_ptr())).collect();
        split(threads, groups, &|part| {
            for group in part {
                let memory = memory.summing(starts[group].0);
                // SAFETY: the region has so many elements.
                unsafe { std::ptr::write_bytes(starts[group].0, 0, self.rows[3]) };
                for tile in (group..tiles).step_by(self.groups()) {
                    let samples = tile * lanes..arrays.samples.min((tile + 1) * lanes);
                    self.tile(engine, memory, arrays, samples, workers);
                }
            }
        });
        self.add_groups(&starts, &Start(memory.total()));
        sums.into_iter().for_each(|region| self.pool.give_back(region));
    }

    /// Adds the sums of all groups to the whole, in the order of the groups.
    fn add_groups(&self, groups: &[Start<T>], total: &Start<T>) {
        let rows = self.rows[3];
        let workers = if rows * groups.len() < PARALLEL_ELEMENTS { 1 } else { rayon::current_num_threads() };
        split(workers, rows.div_ceil(NEAREST), &|part| {
            for block in part {
                let (first, len) = (block * NEAREST, NEAREST.min(rows - block * NEAREST));
                // SAFETY: the spaces of sums have so many elements, all tiles are done, and threads take different blocks.
                let of =
                    |start: &Start<T>| unsafe { std::slice::from_raw_parts_mut(start.0.add(first), len) };
                let sums = of(total);
                for group in groups {
                    sums.iter_mut().zip(of(group)).for_each(|(sum, term)| *sum = sum.plus(*term));
                }
            }
        });
    }

    /// Chunks of a tile whose samples are summed.
    fn summed_chunks(&self) -> usize {
        let bytes = (self.rows[1] + self.rows[2]).saturating_mul(SUMMED_CHUNKS * T::CHUNK * size_of::<T>());
        if bytes > 8 * NEAR { 1 } else { SUMMED_CHUNKS }
    }

    /// Groups of tiles with sums of their own: fewer where sums are large.
    fn groups(&self) -> usize {
        let bytes = (self.rows[3] * size_of::<T>()).max(1);
        let most = (GROUPS_BYTES / bytes).clamp(1, MOST_GROUPS);
        1 << most.ilog2()
    }

    /// A tile whose lanes are samples; the directions of a sample follow one another.
    fn tile<S: Element>(
        &self,
        engine: Engine<T>,
        memory: Memory<T>,
        arrays: &Arrays<S>,
        samples: Range<usize>,
        workers: usize,
    ) {
        let (k, first, count) = (arrays.directions, samples.start, samples.len());
        let width = count.next_multiple_of(engine.kernels.lanes);
        let [mut sample, mut direction] =
            [self.rows[1], self.rows[2]].map(|rows| self.pool.take::<T>(rows.saturating_mul(width)));
        let memory = memory.with(sample.as_mut_ptr(), width, direction.as_mut_ptr(), width);
        let stage = self.stage(engine, memory, width, count, workers);
        let points = Lanes { extent: Extent::Sample, row: |i| first + i, count, width };
        self.fill(&memory, arrays, &points);
        self.steps(&self.sample, &stage);
        self.finish(&memory, arrays, &points);
        for direction in 0..k {
            let row = |i| (first + i) * k + direction;
            let along = Lanes { extent: Extent::Direction, row, count, width };
            self.fill(&memory, arrays, &along);
            self.steps(&self.direction, &stage);
            self.finish(&memory, arrays, &along);
        }
        [sample, direction].into_iter().for_each(|region| self.pool.give_back(region));
    }

    /// Lanes are samples; the directions of a sample follow one another.
    fn point_tiles<S: Element>(&self, engine: Engine<T>, memory: Memory<T>, arrays: &Arrays<S>) {
        let (n, lanes) = (arrays.samples, engine.kernels.lanes);
        let most = self.tile_chunks(self.rows[1] + self.rows[2], 8 * NEAR);
        let mut first = 0;
        for chunks in tiles(n.div_ceil(lanes), most) {
            let count = (chunks * lanes).min(n - first);
            self.tile(engine, memory, arrays, first..first + count, rayon::current_num_threads());
            first += count;
        }
    }

    /// One sample, whose values are numbers; lanes are its directions.
    fn sample<S: Element>(&self, engine: Engine<T>, memory: Memory<T>, arrays: &Arrays<S>, sample: usize) {
        let (k, lanes) = (arrays.directions, engine.kernels.lanes);
        let threads = rayon::current_num_threads();
        let mut values = self.pool.take::<T>(self.rows[1]);
        let memory = memory.with(values.as_mut_ptr(), 1, std::ptr::null_mut(), 1);
        let point = Lanes { extent: Extent::Sample, row: |_| sample, count: 1, width: 1 };
        self.fill(&memory, arrays, &point);
        self.steps(&self.sample, &self.stage(engine, memory, 1, 1, threads));
        self.finish(&memory, arrays, &point);
        let chunks = k.div_ceil(lanes);
        let most = self.tile_chunks(self.rows[2], NEAR);
        let count = chunks.div_ceil(most);
        let enough = self.work[1].saturating_mul(k.min(lanes)) > PARALLEL_WORK;
        let side_by_side = enough && count >= threads;
        split(if side_by_side { threads } else { 1 }, count, &|part| {
            for tile in part {
                let [first, end] = [tile, tile + 1].map(|tile| chunks * tile / count * lanes);
                let (width, count) = (end - first, (end - first).min(k - first));
                let mut direction = self.pool.take::<T>(self.rows[2] * width);
                let memory = memory.with(memory.sample(), 1, direction.as_mut_ptr(), width);
                let row = |i| sample * k + first + i;
                let along = Lanes { extent: Extent::Direction, row, count, width };
                let workers = if side_by_side { 1 } else { threads };
                self.fill(&memory, arrays, &along);
                self.steps(&self.direction, &self.stage(engine, memory, width, count, workers));
                self.finish(&memory, arrays, &along);
                self.pool.give_back(direction);
            }
        });
        self.pool.give_back(values);
    }

    /// Writes the inputs of an extent into their rows; lanes that stand for nothing get zeros.
    fn fill<S: Element>(
        &self,
        memory: &Memory<T>,
        arrays: &Arrays<S>,
        lanes: &Lanes<impl Fn(usize) -> usize>,
    ) {
        for port in self.inputs.iter().filter(|p| p.extent == lanes.extent) {
            let Some((_, from)) = arrays.inputs.iter().find(|(name, _)| *name == port.name) else { continue };
            let start = self.write(memory, port.place.buffer);
            if lanes.width == 1 {
                let row = (lanes.row)(0) * port.rows;
                // SAFETY: the buffer has `rows` numbers in the memory.
                let to = unsafe { std::slice::from_raw_parts_mut(start, port.rows) };
                let from = &from[row..row + port.rows];
                to.iter_mut().zip(from).for_each(|(to, from)| *to = T::from_f64(from.to_f64()));
                continue;
            }
            for i in 0..lanes.width {
                let row = if i < lanes.count { (lanes.row)(i) * port.rows } else { 0 };
                for r in 0..port.rows {
                    let x = if i < lanes.count { T::from_f64(from[row + r].to_f64()) } else { T::default() };
                    // SAFETY: the buffer has `rows` rows of `width` lanes in the memory.
                    unsafe { *start.add(r * lanes.width + i) = x };
                }
            }
        }
    }

    /// Reads the outputs of an extent from their rows.
    fn finish<S: Element>(
        &self,
        memory: &Memory<T>,
        arrays: &Arrays<S>,
        lanes: &Lanes<impl Fn(usize) -> usize>,
    ) {
        for port in self.outputs.iter().filter(|p| p.extent == lanes.extent) {
            let Some((_, to)) = arrays.outputs.iter().find(|(name, _)| *name == port.name) else { continue };
            let view = self.view(memory, &port.place);
            for i in 0..lanes.count {
                let first = (lanes.row)(i) * port.rows;
                assert!(first + port.rows <= to.len, "{} is too short", port.name);
                for r in 0..port.rows {
                    // SAFETY: the view has `rows` rows of at least `count` lanes; the row lies within the array, and
                    // no other tile writes to it.
                    unsafe { *to.start.add(first + r) = S::from_f64(view.element(r, i).to_f64()) };
                }
            }
        }
    }

    /// A place as the rows of a kernel's operand.
    pub(super) fn view(&self, memory: &Memory<T>, place: &Place) -> View<T> {
        let width = memory.width(self.buffers[place.buffer].space);
        View {
            base: self.read(memory, place.buffer),
            stride: width,
            splat: width == 1,
            rows: place.rows.as_ref().map_or(null(), |rows| rows.as_ptr()),
        }
    }
}

/// Sizes of tiles, in chunks, as equal as possible.
fn tiles(chunks: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = chunks.div_ceil(most);
    (0..count).map(move |i| chunks * (i + 1) / count - chunks * i / count)
}
