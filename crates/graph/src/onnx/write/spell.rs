//! Spelling out what ONNX has no operator for, in terms of primitive operations that it has.

use super::functions::{Expr, operator, slope, value};
use super::window;
use crate::ir::{Comparison, Extent, Function, Graph, NodeId, Op, Role, Span};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// An equal graph without slopes, scatters, strided embeddings and convolutions with varying weights. Equal nodes are
/// joined.
pub(super) fn spell(graph: &Graph) -> Graph {
    let mut known = Known::default();
    graph.rebuilt(|result, op, inputs| Speller { result, known: &mut known }.operation(op, inputs))
}

/// What was made before.
#[derive(Default)]
struct Known {
    /// Numbers by their bits.
    scalars: HashMap<u64, NodeId>,
    /// Operations by their digest; those of one digest need not be equal.
    operations: HashMap<u64, Vec<NodeId>>,
}

/// A number that equal operations on equal arguments share. Lists of positions, which may be long, are taken as they
/// are, the rest as text, which is short.
fn digest(op: &Op, inputs: &[NodeId]) -> u64 {
    let mut hasher = DefaultHasher::new();
    inputs.hash(&mut hasher);
    match op {
        Op::Gather { axis, indices } => (axis, indices).hash(&mut hasher),
        op => format!("{op:?}").hash(&mut hasher),
    }
    hasher.finish()
}

/// A graph under construction in which no operation is made twice.
pub(super) struct Speller<'a> {
    result: &'a mut Graph,
    known: &'a mut Known,
}

impl Speller<'_> {
    pub fn shape(&self, id: NodeId) -> Vec<usize> {
        self.result.shape(id).to_vec()
    }

    /// Adds an operation as it is, or finds it.
    pub fn push(&mut self, op: Op, inputs: &[NodeId]) -> NodeId {
        let alike = self.known.operations.entry(digest(&op, inputs)).or_default();
        let equal = |id: &&NodeId| {
            let node = self.result.node(**id);
            node.op == op && node.inputs == inputs
        };
        if let Some(&id) = alike.iter().find(equal) {
            return id;
        }
        let id = self.result.push(op, inputs);
        alike.push(id);
        id
    }

    pub fn scalar(&mut self, value: f64) -> NodeId {
        *self.known.scalars.entry(value.to_bits()).or_insert_with(|| self.result.scalar(value))
    }

    pub fn reshape(&mut self, id: NodeId, shape: &[usize]) -> NodeId {
        if self.result.shape(id) == shape { id } else { self.push(Op::Reshape(shape.to_vec()), &[id]) }
    }

    pub fn transpose(&mut self, id: NodeId, perm: &[usize]) -> NodeId {
        if perm.iter().copied().eq(0..perm.len()) {
            id
        } else {
            self.push(Op::Transpose(perm.to_vec()), &[id])
        }
    }

    /// Adds an operation, spelled out where need be.
    fn operation(&mut self, op: &Op, inputs: &[NodeId]) -> NodeId {
        match op {
            Op::Detach => inputs[0],
            Op::Map(f) if operator(*f).is_none() => self.expression(&value(*f), inputs[0]),
            Op::Slope(f) => {
                let slope = self.expression(&slope(*f), inputs[0]);
                let shape = self.shape(inputs[0]);
                if self.result.shape(slope) == shape { slope } else { self.push(Op::Expand(shape), &[slope]) }
            }
            Op::Embed { span, size } => self.embed(inputs[0], *span, *size),
            Op::Scatter { axis, indices, size } => self.scatter(inputs[0], *axis, indices, *size),
            Op::Convolve { window, role }
                if *role == Role::Weights
                    || self.result.node(inputs[1]).extent > Extent::Call
                    || !window::is_usual(window) =>
            {
                window::spell(self, window, *role, [inputs[0], inputs[1]])
            }
            op => self.push(op.clone(), inputs),
        }
    }

    /// Where a function has no operator, its parts may lack one, too.
    fn expression(&mut self, expr: &Expr, x: NodeId) -> NodeId {
        let [a, b] = match expr {
            Expr::X => return x,
            Expr::Number(value) => return self.scalar(*value),
            Expr::Map(f, a) => {
                let a = self.expression(a, x);
                return self.map(*f, a);
            }
            Expr::Pow(a, p) => {
                let (a, p) = (self.expression(a, x), self.scalar(*p));
                return self.push(Op::Pow, &[a, p]);
            }
            Expr::Add(a, b) | Expr::Mul(a, b) | Expr::Step(a, b) => [a, b].map(|e| self.expression(e, x)),
        };
        match expr {
            Expr::Add(..) => self.push(Op::Add, &[a, b]),
            Expr::Mul(..) => self.push(Op::Mul, &[a, b]),
            _ => {
                let zero = self.scalar(0.0);
                let above = self.push(Op::Compare(Comparison::Less), &[zero, x]);
                self.push(Op::Select, &[above, a, b])
            }
        }
    }

    fn map(&mut self, f: Function, x: NodeId) -> NodeId {
        self.operation(&Op::Map(f), &[x])
    }

    /// Zeros around a part that may be reversed or have gaps: reversed, with zeros into the gaps, then padded.
    pub fn embed(&mut self, x: NodeId, span: Span, size: usize) -> NodeId {
        let Span { axis, len, step, .. } = span;
        if step == 1 || len == 0 {
            return self.push(Op::Embed { span, size }, &[x]);
        }
        let reversed = Span { axis, start: len - 1, len, step: -1 };
        let forward = if step < 0 { self.push(Op::Slice(reversed), &[x]) } else { x };
        let first = if step < 0 { span.position(len - 1) } else { span.start };
        let gap = step.unsigned_abs() as usize;
        let mut shape = self.shape(forward);
        shape.insert(axis + 1, 1);
        let column = self.reshape(forward, &shape);
        let cell = Span { axis: axis + 1, start: 0, len: 1, step: 1 };
        let filled = self.push(Op::Embed { span: cell, size: gap }, &[column]);
        shape.remove(axis + 1);
        shape[axis] = len * gap;
        let flat = self.reshape(filled, &shape);
        let extent = (len - 1) * gap + 1;
        let cut = self.push(Op::Slice(Span { axis, start: 0, len: extent, step: 1 }), &[flat]);
        self.push(Op::Embed { span: Span { axis, start: first, len: extent, step: 1 }, size }, &[cut])
    }

    /// Sums by position: for every position the elements that belong to it, filled up with a zero from behind the
    /// end, next to each other.
    pub fn scatter(&mut self, x: NodeId, axis: usize, indices: &[u32], size: usize) -> NodeId {
        let mut members: Vec<Vec<u32>> = vec![vec![]; size];
        indices.iter().zip(0..).for_each(|(&position, element)| members[position as usize].push(element));
        let most = members.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let zero = indices.len() as u32;
        let ragged = members.iter().any(|list| list.len() < most);
        members.iter_mut().for_each(|list| list.resize(most, zero));
        let mut shape = self.shape(x);
        let span = Span { axis, start: 0, len: indices.len(), step: 1 };
        let padded = if ragged { self.push(Op::Embed { span, size: indices.len() + 1 }, &[x]) } else { x };
        let gathered = self.push(Op::Gather { axis, indices: members.concat().into() }, &[padded]);
        shape.splice(axis..=axis, [size, most]);
        let groups = self.reshape(gathered, &shape);
        let sums = if most > 1 { self.push(Op::Sum(vec![axis + 1]), &[groups]) } else { groups };
        shape.remove(axis + 1);
        self.reshape(sums, &shape)
    }
}
