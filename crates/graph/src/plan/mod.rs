//! A graph compiled for execution: steps over buffers of rows of lanes.
//!
//! Lanes are points, or the directions of one point. A *tile* of at most [`TILE_CHUNKS`] chunks of lanes goes
//! through all steps of the graph while it is in cache: the steps of extent `Call` run once a call on one lane, those
//! of extent `Sample` once a tile, those of extent `Direction` once a tile and direction (or, where the lanes are
//! directions, once for all lanes). Sums over samples take up the samples in their order, chunk by chunk, so that they
//! do not depend on the tiles.

mod allocate;
mod chain;
mod compile;
mod filter;
mod fuse;
mod gradient;
mod memory;
mod pointwise;
mod product;
mod run;
mod spatial;
mod sums;
mod tile;
mod weights;

use crate::ir::{Convolution, Extent, Function};
use crate::kernels::{Arithmetic, Element, Packed, Reduction};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(crate) use run::Engine;
pub(crate) use tile::Batch;
pub(crate) use weights::Weights;

use chain::Chain;
use gradient::Gradient;
use memory::Pool;
use spatial::Layer;

/// Most chunks of lanes of a tile.
pub(crate) const TILE_CHUNKS: usize = 3;

/// Which memory a buffer lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    /// Numbers known when compiled, one lane.
    Constant,
    /// Values of a call, one lane.
    Call,
    /// Values of the points of a tile.
    Sample,
    /// Values of one direction of the points of a tile.
    Direction,
    /// Sums over samples and what is made of them, one lane.
    Total,
}

impl From<Extent> for Space {
    fn from(extent: Extent) -> Space {
        match extent {
            Extent::Call => Space::Call,
            Extent::Sample => Space::Sample,
            Extent::Direction => Space::Direction,
        }
    }
}

/// Rows of a space, from `row` on.
#[derive(Debug, Clone, Copy)]
struct Buffer {
    space: Space,
    rows: usize,
    row: usize,
}

/// A buffer by its number in the plan.
type BufferId = usize;

/// Rows of a buffer in some order: all of them where `rows` is `None`.
#[derive(Debug, Clone)]
struct Place {
    buffer: BufferId,
    rows: Option<Arc<[u32]>>,
}

/// The packed weights of a product.
#[derive(Debug, Clone, Copy)]
enum Matrix {
    /// Packed when compiled; its number among the plan's weights.
    Constant(usize),
    /// Packed once a call.
    Given { buffer: BufferId, inner: usize, outputs: usize },
}

impl Matrix {
    fn buffer(self) -> Option<BufferId> {
        match self {
            Matrix::Constant(_) => None,
            Matrix::Given { buffer, .. } => Some(buffer),
        }
    }
}

/// Work of a kernel.
#[derive(Debug, Clone)]
enum Step {
    /// Packs a matrix that is given with the call: element (l, o) lies at `start + l · strides[0] + o · strides[1]`.
    Pack {
        input: BufferId,
        start: usize,
        strides: [usize; 2],
        inner: usize,
        outputs: usize,
        out: BufferId,
    },
    Linear {
        input: BufferId,
        weights: Matrix,
        /// Products one after the other in the rows of input and output.
        tokens: usize,
        bias: Option<BufferId>,
        scale: Option<BufferId>,
        out: BufferId,
        activation: Option<(Function, Option<BufferId>)>,
    },
    Map {
        function: Function,
        input: Place,
        rows: usize,
        value: Option<BufferId>,
        slope: Option<BufferId>,
    },
    Binary {
        arithmetic: Arithmetic,
        a: Place,
        b: Place,
        rows: usize,
        out: BufferId,
    },
    Copy {
        input: Place,
        rows: usize,
        out: BufferId,
        out_rows: Option<Arc<[u32]>>,
    },
    Select {
        condition: Place,
        a: Place,
        b: Place,
        rows: usize,
        out: BufferId,
    },
    Reduce {
        reduction: Reduction,
        input: Place,
        /// Where groups of different lengths start.
        starts: Option<Arc<[u32]>>,
        rows: usize,
        group: usize,
        out: BufferId,
    },
    Contract {
        a: Place,
        b: Place,
        batch: usize,
        m: usize,
        inner: usize,
        n: usize,
        out: BufferId,
    },
    Convolve {
        convolution: Arc<Convolution>,
        a: Place,
        b: Place,
        out: BufferId,
    },
    /// Adds the lanes of a tile to a sum over samples.
    Total {
        input: Place,
        rows: usize,
        out: BufferId,
    },
    /// Adds the lanes of the products of a tile to a sum over samples.
    TotalProduct {
        a: Place,
        b: Place,
        m: usize,
        inner: usize,
        n: usize,
        out: BufferId,
    },
    /// Adds the gradient of a convolution by its weights to a sum over samples.
    TotalConvolve {
        gradient: Arc<Gradient>,
        u: BufferId,
        x: BufferId,
        out: BufferId,
    },
    /// Packs the weights of a layer that are given with the call.
    PackLayer {
        layer: usize,
        input: BufferId,
        out: BufferId,
    },
    /// A convolution with weights that are the same for all samples.
    Spatial {
        layer: usize,
        /// Packed weights that are given with the call.
        weights: Option<BufferId>,
        input: BufferId,
        bias: Option<BufferId>,
        out: BufferId,
    },
    Chain(Chain),
}

/// An input or output of the plan.
#[derive(Debug, Clone)]
struct Port {
    name: String,
    place: Place,
    rows: usize,
    extent: Extent,
}

/// A compiled graph.
pub(crate) struct Plan<T: 'static> {
    call: Vec<Step>,
    sample: Vec<Step>,
    direction: Vec<Step>,
    /// What is made of sums over samples, after the last tile.
    last: Vec<Step>,
    buffers: Vec<Buffer>,
    constants: Vec<T>,
    weights: Vec<Arc<Packed<T>>>,
    layers: Vec<Arc<Layer<T>>>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// Rows of the spaces of call, sample, direction and total.
    rows: [usize; 4],
    /// Multiplications of a sample and of a direction, about.
    work: [usize; 2],
    /// Are the weights packed that are packed at their first use?
    prepared: AtomicBool,
    pool: Pool,
}

impl<T: Element> Plan<T> {
    /// The steps that write into a space.
    fn section(&mut self, space: Space) -> &mut Vec<Step> {
        match space {
            Space::Constant | Space::Call => &mut self.call,
            Space::Sample => &mut self.sample,
            Space::Direction => &mut self.direction,
            Space::Total => &mut self.last,
        }
    }

    /// Bytes that a sample takes while it is evaluated, with the values of one direction.
    pub fn bytes_per_sample(&self) -> usize {
        (self.rows[1] + self.rows[2]) * size_of::<T>()
    }
}

impl Step {
    /// Does it add to a sum over samples?
    fn sums(&self) -> bool {
        matches!(self, Step::Total { .. } | Step::TotalProduct { .. } | Step::TotalConvolve { .. })
    }

    /// The buffers read.
    fn reads(&self) -> Vec<BufferId> {
        match self {
            Step::Linear { input, weights, bias, scale, .. } => {
                [Some(*input), weights.buffer(), *bias, *scale].into_iter().flatten().collect()
            }
            Step::Pack { input, .. } | Step::PackLayer { input, .. } => vec![*input],
            Step::TotalConvolve { u, x, .. } => vec![*u, *x],
            Step::Map { input, .. }
            | Step::Copy { input, .. }
            | Step::Reduce { input, .. }
            | Step::Total { input, .. } => {
                vec![input.buffer]
            }
            Step::Binary { a, b, .. }
            | Step::Contract { a, b, .. }
            | Step::Convolve { a, b, .. }
            | Step::TotalProduct { a, b, .. } => {
                vec![a.buffer, b.buffer]
            }
            Step::Select { condition, a, b, .. } => vec![condition.buffer, a.buffer, b.buffer],
            Step::Spatial { weights, input, bias, .. } => {
                [Some(*input), *weights, *bias].into_iter().flatten().collect()
            }
            Step::Chain(chain) => chain.places().map(|(place, _)| place.buffer).collect(),
        }
    }

    /// The buffers written.
    fn writes(&self) -> Vec<BufferId> {
        match self {
            Step::Linear { out, activation, .. } => {
                [Some(*out), activation.and_then(|(_, slope)| slope)].into_iter().flatten().collect()
            }
            Step::Map { value, slope, .. } => [*value, *slope].into_iter().flatten().collect(),
            Step::Copy { out, .. }
            | Step::Pack { out, .. }
            | Step::PackLayer { out, .. }
            | Step::TotalConvolve { out, .. }
            | Step::Reduce { out, .. }
            | Step::Binary { out, .. }
            | Step::Select { out, .. }
            | Step::Contract { out, .. }
            | Step::Convolve { out, .. }
            | Step::Spatial { out, .. }
            | Step::Chain(Chain { out, .. })
            | Step::Total { out, .. }
            | Step::TotalProduct { out, .. } => vec![*out],
        }
    }
}
