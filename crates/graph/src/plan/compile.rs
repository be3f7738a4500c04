//! From a graph to steps over buffers.

use super::allocate::allocate;
use super::chain::chain;
use super::fuse::{Finish, Fused, Fusion, fuse};
use super::memory::Pool;
use super::weights::Weights;
use super::{Buffer, BufferId, Place, Plan, Port, Space, Step};
use crate::ir::{Convolution, Extent, Graph, NodeId, Op, Role, Window, broadcast_rows, elements, sum_rows};
use crate::kernels::{Arithmetic, Element, Reduction};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

impl<T: Element> Plan<T> {
    /// Compiles a graph.
    pub fn compile(graph: &Graph, shared: &Weights<T>) -> Plan<T> {
        let work = [Extent::Sample, Extent::Direction].map(|extent| graph.matrix_flops(extent) as usize / 2);
        let plan = Plan {
            call: vec![],
            sample: vec![],
            direction: vec![],
            last: vec![],
            buffers: vec![],
            constants: vec![],
            weights: vec![],
            layers: vec![],
            inputs: vec![],
            outputs: vec![],
            rows: [0; 4],
            work,
            prepared: AtomicBool::new(false),
            pool: Pool::default(),
        };
        let mut compiler = Compiler {
            graph,
            fusion: fuse(graph),
            late: late(graph),
            places: vec![None; graph.nodes.len()],
            packed: HashMap::new(),
            plan,
            shared,
        };
        graph.ids().for_each(|id| compiler.node(id));
        compiler.outputs();
        let mut plan = compiler.plan;
        // Kernels may read a chunk beyond their operand.
        plan.constants.extend(vec![T::default(); T::CHUNK]);
        chain(&mut plan);
        allocate(&mut plan);
        plan
    }

    /// Packs all weights that are packed at their first use.
    pub fn prepare(&self) {
        if !self.prepared.load(Ordering::Acquire) {
            self.layers.par_iter().for_each(|layer| layer.prepare());
            self.prepared.store(true, Ordering::Release);
        }
    }
}

pub(super) struct Compiler<'a, T: 'static> {
    pub graph: &'a Graph,
    pub fusion: Fusion,
    /// Values that are known only after the last tile.
    late: Vec<bool>,
    pub places: Vec<Option<Place>>,
    /// Where matrices of the call lie packed.
    pub packed: HashMap<NodeId, BufferId>,
    pub plan: Plan<T>,
    pub shared: &'a Weights<T>,
}

impl<T: Element> Compiler<'_, T> {
    fn node(&mut self, id: NodeId) {
        if let Some(fused) = self.fusion.at.get(&id).cloned() {
            return self.fused(id, &fused);
        }
        if self.fusion.layers.contains_key(&id) {
            return self.layer(id);
        }
        let done = self.places[id.0].is_some() || self.fusion.absorbed[id.0];
        if done || self.graph.constant_values(id).is_some() {
            return;
        }
        let node = self.graph.node(id);
        let inputs = &node.inputs;
        match &node.op {
            Op::Input => self.input(id),
            Op::Constant(_) => {}
            Op::Map(_) | Op::Slope(_) => self.map(id),
            Op::Add => self.binary(id, Arithmetic::Add),
            Op::Sub => self.binary(id, Arithmetic::Sub),
            Op::Mul => self.binary(id, Arithmetic::Mul),
            Op::Div => self.binary(id, Arithmetic::Div),
            Op::Pow => self.binary(id, Arithmetic::Pow),
            Op::Compare(comparison) => self.binary(id, Arithmetic::Compare(*comparison)),
            Op::Select => self.select(id),
            Op::MatMul => self.contract(id),
            Op::Convolve { window, role } => self.convolve(id, window, *role),
            Op::Sum(_) => self.reduce(id, Reduction::Sum),
            Op::Max(_) => self.reduce(id, Reduction::Max),
            Op::Scatter { .. } => self.scatter(id),
            Op::Total => self.total(id),
            Op::Reshape(_) | Op::Detach => self.places[id.0] = Some(self.place(inputs[0])),
            Op::Expand(_) | Op::Transpose(_) | Op::Slice(_) | Op::Gather { .. } => {
                let rows = node.op.view_rows(self.graph.shape(inputs[0]), &node.shape);
                self.places[id.0] =
                    Some(rearranged(&self.place(inputs[0]), &rows, elements(self.graph.shape(inputs[0]))));
            }
            Op::Concat(axis) => self.concat(id, *axis),
            Op::Embed { .. } => self.embed(id),
        }
    }

    pub fn buffer(&mut self, space: Space, rows: usize) -> BufferId {
        self.plan.buffers.push(Buffer { space, rows, row: 0 });
        self.plan.buffers.len() - 1
    }

    /// A new buffer for a node's value.
    pub fn value(&mut self, id: NodeId) -> BufferId {
        let node = self.graph.node(id);
        let buffer = self.buffer(self.space(id), node.elements());
        self.places[id.0] = Some(Place { buffer, rows: None });
        buffer
    }

    /// Where the value of a node lies.
    pub fn space(&self, id: NodeId) -> Space {
        if self.late[id.0] { Space::Total } else { self.graph.node(id).extent.into() }
    }

    /// Adds a step that writes into a space.
    pub fn emit(&mut self, space: Space, step: Step) {
        match space {
            Space::Constant => unreachable!("no step writes constants"),
            Space::Call => self.plan.call.push(step),
            Space::Sample => self.plan.sample.push(step),
            Space::Direction => self.plan.direction.push(step),
            Space::Total => self.plan.last.push(step),
        }
    }

    /// Where a value lies; constants are placed when they are first asked for.
    pub fn place(&mut self, id: NodeId) -> Place {
        if let Some(place) = &self.places[id.0] {
            return place.clone();
        }
        let values = self.graph.constant_values(id).cloned().unwrap_or_default();
        let place = self.constant(&values);
        self.places[id.0] = Some(place.clone());
        place
    }

    fn constant(&mut self, values: &[f64]) -> Place {
        let buffer = self.buffer(Space::Constant, values.len());
        self.plan.buffers[buffer].row = self.plan.constants.len();
        self.plan.constants.extend(values.iter().map(|&v| T::from_f64(v)));
        Place { buffer, rows: None }
    }

    /// Where a value lies, broadcast to a shape.
    fn operand(&mut self, id: NodeId, shape: &[usize]) -> Place {
        let place = self.place(id);
        let from = self.graph.shape(id);
        if elements(from) == elements(shape) {
            place
        } else {
            rearranged(&place, &broadcast_rows(from, shape), elements(from))
        }
    }

    /// The buffer that holds a value and nothing else, in order; copied there if need be.
    pub fn contiguous(&mut self, id: NodeId) -> BufferId {
        let place = self.place(id);
        if place.rows.is_none() {
            return place.buffer;
        }
        let (space, rows) = (self.space(id), self.graph.node(id).elements());
        let out = self.buffer(space, rows);
        self.emit(space, Step::Copy { input: place, rows, out, out_rows: None });
        self.places[id.0] = Some(Place { buffer: out, rows: None });
        out
    }

    fn input(&mut self, id: NodeId) {
        let buffer = self.value(id);
        let name =
            self.graph.inputs.iter().find(|p| p.node == id).map(|p| p.name.clone()).unwrap_or_default();
        let (place, node) = (Place { buffer, rows: None }, self.graph.node(id));
        self.plan.inputs.push(Port { name, place, rows: node.elements(), extent: node.extent });
    }

    fn outputs(&mut self) {
        for port in &self.graph.outputs {
            let place = self.place(port.node);
            let rows = self.graph.node(port.node).elements();
            self.plan.outputs.push(Port { name: port.name.clone(), place, rows, extent: port.extent });
        }
    }

    fn fused(&mut self, id: NodeId, fused: &Fused) {
        let product = self.graph.node(fused.product);
        let space = self.space(id);
        let input = self.contiguous(product.inputs[0]);
        let weights = self.weights(product.inputs[1]);
        let bias = fused.bias.map(|bias| self.contiguous(bias));
        let tokens = product.elements() / self.graph.shape(product.inputs[1])[1].max(1);
        let mut scale = None;
        let mut activation = None;
        let out = match &fused.finish {
            Finish::Plain => self.value(id),
            Finish::Scale(factor) => {
                scale = Some(self.contiguous(*factor));
                self.value(id)
            }
            Finish::Activation { function, values, slopes } => {
                let rows = product.elements();
                let out = self.buffer(space, rows);
                let slope = (!slopes.is_empty()).then(|| self.buffer(space, rows));
                activation = Some((*function, slope));
                values.iter().for_each(|v| self.places[v.0] = Some(Place { buffer: out, rows: None }));
                let place = slope.map(|buffer| Place { buffer, rows: None });
                slopes.iter().for_each(|s| self.places[s.0].clone_from(&place));
                out
            }
        };
        self.emit(space, Step::Linear { input, weights, tokens, bias, scale, out, activation });
    }

    fn map(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let (input, rows) = (self.place(node.inputs[0]), node.elements());
        let out = self.value(id);
        let (function, value, slope) = match node.op {
            Op::Slope(function) => (function, None, Some(out)),
            Op::Map(function) => (function, Some(out), None),
            _ => return,
        };
        self.emit(self.space(id), Step::Map { function, input, rows, value, slope });
    }

    fn binary(&mut self, id: NodeId, arithmetic: Arithmetic) {
        let node = self.graph.node(id);
        let a = self.operand(node.inputs[0], &node.shape);
        let b = self.operand(node.inputs[1], &node.shape);
        let out = self.value(id);
        self.emit(self.space(id), Step::Binary { arithmetic, a, b, rows: node.elements(), out });
    }

    fn contract(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let (batch, [m, n]) = node.shape.split_at(node.shape.len() - 2) else { return };
        let inner = *self.graph.shape(node.inputs[0]).last().unwrap_or(&1);
        let a = self.operand(node.inputs[0], &[batch, &[*m, inner]].concat());
        let b = self.operand(node.inputs[1], &[batch, &[inner, *n]].concat());
        let out = self.value(id);
        let batch = elements(batch);
        self.emit(self.space(id), Step::Contract { a, b, batch, m: *m, inner, n: *n, out });
    }

    fn select(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let [condition, a, b] = [0, 1, 2].map(|i| self.operand(node.inputs[i], &node.shape));
        let out = self.value(id);
        self.emit(self.space(id), Step::Select { condition, a, b, rows: node.elements(), out });
    }

    fn convolve(&mut self, id: NodeId, window: &Window, role: Role) {
        let node = self.graph.node(id);
        let [a, b] = [0, 1].map(|i| self.graph.shape(node.inputs[i]));
        let convolution = Arc::new(Convolution::new(window, role, a, b));
        let [a, b] = [0, 1].map(|i| self.place(node.inputs[i]));
        let out = self.value(id);
        self.emit(self.space(id), Step::Convolve { convolution, a, b, out });
    }

    fn reduce(&mut self, id: NodeId, reduction: Reduction) {
        let node = self.graph.node(id);
        let from = self.graph.shape(node.inputs[0]);
        let input = rearranged(&self.place(node.inputs[0]), &sum_rows(from, &node.shape), elements(from));
        let rows = node.elements();
        let group = elements(from).checked_div(rows).unwrap_or(0);
        let out = self.value(id);
        self.emit(self.space(id), Step::Reduce { reduction, input, starts: None, rows, group, out });
    }

    fn scatter(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let owner = node.op.scatter_rows(self.graph.shape(node.inputs[0]), &node.shape);
        let rows = node.elements();
        let mut starts = vec![0u32; rows + 1];
        owner.iter().for_each(|&r| starts[r + 1] += 1);
        (0..rows).for_each(|r| starts[r + 1] += starts[r]);
        let mut sources: Vec<usize> = (0..owner.len()).collect();
        sources.sort_by_key(|&r| owner[r]);
        let input = rearranged(&self.place(node.inputs[0]), &sources, sources.len());
        let (reduction, starts, out) = (Reduction::Sum, Some(starts.into()), self.value(id));
        self.emit(self.space(id), Step::Reduce { reduction, input, starts, rows, group: 0, out });
    }

    fn concat(&mut self, id: NodeId, axis: usize) {
        let node = self.graph.node(id);
        let out = self.value(id);
        let inner = elements(&node.shape[axis + 1..]);
        let mut start = 0;
        for &part in &node.inputs {
            let shape = self.graph.shape(part);
            let block = shape[axis] * inner;
            let stride = node.shape[axis] * inner;
            let row = |r: usize| (r / block * stride + start * inner + r % block) as u32;
            let rows = elements(shape);
            let out_rows = Some((0..rows).map(row).collect());
            let input = self.place(part);
            self.emit(self.space(id), Step::Copy { input, rows, out, out_rows });
            start += shape[axis];
        }
    }

    fn embed(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let Op::Embed { span, .. } = node.op else { return };
        let zero = self.constant(&[0.0]);
        let input = self.place(node.inputs[0]);
        let out = self.value(id);
        let clear = rearranged(&zero, &vec![0; node.elements()], 1);
        self.emit(self.space(id), Step::Copy { input: clear, rows: node.elements(), out, out_rows: None });
        let from = self.graph.shape(node.inputs[0]);
        let rows = Op::Slice(span).view_rows(&node.shape, from);
        let out_rows = Some(rows.iter().map(|&r| r as u32).collect());
        self.emit(self.space(id), Step::Copy { input, rows: rows.len(), out, out_rows });
    }
}

/// Which nodes depend on a sum over samples?
fn late(graph: &Graph) -> Vec<bool> {
    let mut late = vec![false; graph.nodes.len()];
    for id in graph.ids() {
        let node = graph.node(id);
        late[id.0] = node.op == Op::Total || node.inputs.iter().any(|i| late[i.0]);
        debug_assert!(!late[id.0] || node.extent == Extent::Call, "passes give no sample a sum over samples");
    }
    late
}

/// The rows `rows` of a place that has `of` rows.
pub(super) fn rearranged(place: &Place, rows: &[usize], of: usize) -> Place {
    if rows.len() == of && rows.iter().copied().eq(0..of) {
        return place.clone();
    }
    let row = |&r: &usize| place.rows.as_ref().map_or(r as u32, |map| map[r]);
    Place { buffer: place.buffer, rows: Some(rows.iter().map(row).collect()) }
}
