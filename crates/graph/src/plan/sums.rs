//! Compiling what training adds: weights that are given with the call, and sums over samples.

use super::compile::{Compiler, rearranged};
use super::fuse::Biased;
use super::gradient::Gradient;
use super::spatial::Layer;
use super::{BufferId, Matrix, Place, Space, Step};
use crate::ir::{Extent, NodeId, Op};
use crate::kernels::{Element, packed_len};
use std::sync::Arc;

impl<T: Element> Compiler<'_, T> {
    pub fn weights(&mut self, id: NodeId) -> Matrix {
        let shape = self.graph.shape(id);
        let [inner, outputs] = [shape[0], shape[1]];
        let Some(values) = self.graph.constant_values(id) else {
            let known = self.packed.get(&id).copied();
            let buffer = known.unwrap_or_else(|| self.pack(id, [inner, outputs]));
            return Matrix::Given { buffer, inner, outputs };
        };
        self.plan.weights.push(self.shared.matrix(values, [inner, outputs]));
        Matrix::Constant(self.plan.weights.len() - 1)
    }

    /// Packs a matrix of the call.
    fn pack(&mut self, id: NodeId, [inner, outputs]: [usize; 2]) -> BufferId {
        let place = self.place(id);
        let lattice = place.rows.as_ref().map_or(Some((0, [outputs, 1])), |rows| lattice(rows, outputs));
        let (input, (start, strides)) = match lattice {
            Some(lattice) => (place.buffer, lattice),
            None => (self.contiguous(id), (0, [outputs, 1])),
        };
        let out = self.buffer(Space::Call, packed_len(inner, outputs));
        self.emit(Space::Call, Step::Pack { input, start, strides, inner, outputs, out });
        self.packed.insert(id, out);
        out
    }

    /// A convolution of one sample with weights that are the same for all, with the bias that is added to it.
    pub fn layer(&mut self, id: NodeId) {
        let Some(Biased { product, bias }) = self.fusion.layers.get(&id).cloned() else { return };
        let node = self.graph.node(product);
        let Op::Convolve { window, role } = &node.op else { return };
        let shape = self.graph.shape(node.inputs[1]);
        let (layer, given) = match self.graph.constant_values(node.inputs[1]) {
            Some(values) => (self.shared.layer(values, shape, window, *role), None),
            None => (Arc::new(Layer::new(window, *role, shape, None)), Some(node.inputs[1])),
        };
        self.plan.layers.push(layer);
        let layer = self.plan.layers.len() - 1;
        let weights = given.map(|weights| {
            let input = self.contiguous(weights);
            let out = self.buffer(Space::Call, self.plan.layers[layer].packed_len());
            self.emit(Space::Call, Step::PackLayer { layer, input, out });
            out
        });
        let input = self.contiguous(node.inputs[0]);
        let bias = bias.map(|bias| self.contiguous(bias));
        let out = self.value(id);
        self.emit(self.space(id), Step::Spatial { layer, weights, input, bias, out });
    }

    /// A sum over samples: taken up tile by tile, where its argument is made.
    pub fn total(&mut self, id: NodeId) {
        let node = self.graph.node(id);
        let out = self.value(id);
        let step = match self.fusion.totals.get(&id) {
            Some(&product) => self.total_product(id, product, out),
            None => Step::Total { input: self.place(node.inputs[0]), rows: node.elements(), out },
        };
        // What is the same for all samples counts once for each.
        let taken_up = self.graph.node(node.inputs[0]).extent.max(Extent::Sample);
        self.emit(taken_up.into(), step);
    }

    /// The products of a sum over samples: as they stand, or with factors and result transposed, whichever fills the
    /// lanes better.
    fn total_product(&mut self, id: NodeId, product: NodeId, out: BufferId) -> Step {
        let (shape, inputs) = (self.graph.shape(product), &self.graph.node(product).inputs);
        if let Op::Convolve { window, .. } = &self.graph.node(product).op {
            let channels = [0, 1].map(|i| self.graph.shape(inputs[i])[1]);
            let gradient = Arc::new(Gradient::new(window, channels));
            let [u, x] = [0, 1].map(|i| self.contiguous(inputs[i]));
            return Step::TotalConvolve { gradient, u, x, out };
        }
        let inner = *self.graph.shape(inputs[0]).last().unwrap_or(&1);
        let (m, n) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        let (a, b) = (self.place(inputs[0]), self.place(inputs[1]));
        let cost = |rows: usize, columns: usize| rows.div_ceil(4) * columns.div_ceil(T::CHUNK);
        if cost(m, n) <= cost(n, m) && !self.is_transposed_only(id) || cost(m, n) < cost(n, m) {
            return Step::TotalProduct { a, b, m, inner, n, out };
        }
        let turned = |rows: usize, columns: usize| -> Vec<usize> {
            (0..rows * columns).map(|i| i % rows * columns + i / rows).collect()
        };
        let a = rearranged(&a, &turned(m, inner), m * inner);
        let b = rearranged(&b, &turned(inner, n), inner * n);
        let here = Place { buffer: out, rows: None };
        self.places[id.0] = Some(rearranged(&here, &turned(n, m), m * n));
        Step::TotalProduct { a: b, b: a, m: n, inner, n: m, out }
    }

    /// Is a matrix used for nothing but its transpose?
    fn is_transposed_only(&self, id: NodeId) -> bool {
        let mut users = self.graph.nodes.iter().filter(|node| node.inputs.contains(&id));
        let first = users.next();
        first.is_some_and(|node| matches!(node.op, Op::Transpose(_))) && users.next().is_none()
    }
}

/// Start and strides of a list of rows, if row (i, j) of `columns` a line lies at start + i · strides\[0\] + j · strides\[1\].
fn lattice(rows: &[u32], columns: usize) -> Option<(usize, [usize; 2])> {
    let at = |i: usize| rows.get(i).map(|&row| row as usize);
    let start = at(0)?;
    let down = if rows.len() > columns { at(columns)?.checked_sub(start)? } else { 0 };
    let across = if columns > 1 { at(1)?.checked_sub(start)? } else { 0 };
    let fits = |(i, &row): (usize, &u32)| row as usize == start + i / columns * down + i % columns * across;
    rows.iter().enumerate().all(fits).then_some((start, [down, across]))
}
