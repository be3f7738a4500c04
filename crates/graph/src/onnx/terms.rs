//! Primitive operations on imported tensors. Every one follows the batch axis, and refuses what mixes samples, so
//! that an operator made of them cannot.

use super::dims::{self, Dim, batch_axis, broadcast, not_along_batch, one_batch_axis, per_sample, show};
use super::entry::Entry;
use super::import::{Importer, Value};
use crate::ir::{Comparison, Function, NodeId, Op, Span, elements};
use std::sync::Arc;

/// Real numbers in the graph.
#[derive(Debug, Clone)]
pub(super) struct Real {
    pub node: NodeId,
    pub dims: Vec<Dim>,
}

impl From<Real> for Value {
    fn from(Real { node, dims }: Real) -> Value {
        Value::Data { node, dims }
    }
}

impl Real {
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// Length of an axis that is not the batch.
    pub fn length(&self, axis: usize) -> Result<usize, String> {
        not_along_batch(&self.dims, axis)?;
        Ok(self.dims[axis].per_sample)
    }
}

type Outcome = Result<Real, String>;

impl Importer<'_> {
    /// A value as real numbers.
    pub fn real(&mut self, value: Value) -> Outcome {
        let (node, dims) = self.data(value)?;
        Ok(Real { node, dims })
    }

    /// One number.
    pub fn number(&mut self, value: f64) -> Real {
        Real { node: self.graph.scalar(value), dims: vec![] }
    }

    /// Numbers known now.
    pub fn numbers(&mut self, shape: &[usize], values: Vec<f64>) -> Outcome {
        self.within_limit(values.len())?;
        let dims = shape.iter().map(|&d| Dim::fixed(d)).collect();
        Ok(Real { node: self.graph.constant(shape, values), dims })
    }

    /// An elementwise operation, broadcasting.
    pub fn elementwise(&mut self, op: Op, arguments: &[&Real]) -> Outcome {
        let join = |dims: Result<Vec<Dim>, String>, a: &&Real| broadcast(&dims?, &a.dims);
        let dims = arguments.iter().fold(Ok(vec![]), join)?;
        let nodes: Vec<NodeId> = arguments.iter().map(|a| a.node).collect();
        Ok(Real { node: self.emit(op, &nodes)?, dims })
    }

    pub fn map(&mut self, f: Function, x: &Real) -> Outcome {
        self.elementwise(Op::Map(f), &[x])
    }

    pub fn add(&mut self, a: &Real, b: &Real) -> Outcome {
        self.elementwise(Op::Add, &[a, b])
    }

    pub fn sub(&mut self, a: &Real, b: &Real) -> Outcome {
        self.elementwise(Op::Sub, &[a, b])
    }

    pub fn mul(&mut self, a: &Real, b: &Real) -> Outcome {
        self.elementwise(Op::Mul, &[a, b])
    }

    pub fn div(&mut self, a: &Real, b: &Real) -> Outcome {
        self.elementwise(Op::Div, &[a, b])
    }

    pub fn add_number(&mut self, a: &Real, b: f64) -> Outcome {
        let b = self.number(b);
        self.add(a, &b)
    }

    pub fn times(&mut self, a: &Real, factor: f64) -> Outcome {
        let factor = self.number(factor);
        self.mul(a, &factor)
    }

    pub fn compare(&mut self, a: &Real, relation: Comparison, b: &Real) -> Outcome {
        self.elementwise(Op::Compare(relation), &[a, b])
    }

    /// `a` where the condition is not 0, `b` elsewhere.
    pub fn select(&mut self, condition: &Real, a: &Real, b: &Real) -> Outcome {
        self.elementwise(Op::Select, &[condition, a, b])
    }

    /// The same numbers, taken for constant by derivative passes.
    pub fn detached(&mut self, x: &Real) -> Outcome {
        self.elementwise(Op::Detach, &[x])
    }

    fn reduced(&mut self, op: Op, x: &Real, axes: &[usize]) -> Outcome {
        axes.iter().try_for_each(|&axis| not_along_batch(&x.dims, axis))?;
        let mut dims = x.dims.clone();
        axes.iter().for_each(|&axis| dims[axis] = Dim::fixed(1));
        Ok(Real { node: self.emit(op, &[x.node])?, dims })
    }

    /// Sum over axes, which stay with length 1.
    pub fn sum(&mut self, x: &Real, axes: &[usize]) -> Outcome {
        self.reduced(Op::Sum(axes.to_vec()), x, axes)
    }

    /// Maximum over axes, which stay with length 1.
    pub fn max(&mut self, x: &Real, axes: &[usize]) -> Outcome {
        self.reduced(Op::Max(axes.to_vec()), x, axes)
    }

    /// Mean over axes, which stay with length 1.
    pub fn mean(&mut self, x: &Real, axes: &[usize]) -> Outcome {
        let total = self.sum(x, axes)?;
        let lengths: Vec<usize> = axes.iter().map(|&axis| x.dims[axis].per_sample).collect();
        let count = self.number(elements(&lengths) as f64);
        self.div(&total, &count)
    }

    /// Matrix product over the last two axes, broadcasting the others.
    pub fn product(&mut self, a: &Real, b: &Real) -> Outcome {
        let (p, q) = (a.rank(), b.rank());
        if p < 2 || q < 2 {
            return Err(format!("a product of {} and {}", show(&a.dims), show(&b.dims)));
        }
        not_along_batch(&a.dims, p - 1)?;
        not_along_batch(&b.dims, q - 2)?;
        let mut dims = broadcast(&a.dims[..p - 2], &b.dims[..q - 2])?;
        dims.extend([a.dims[p - 2], b.dims[q - 1]]);
        Ok(Real { node: self.emit(Op::MatMul, &[a.node, b.node])?, dims: one_batch_axis(dims)? })
    }

    /// The same numbers in row-major order under another shape.
    pub fn reshaped(&mut self, x: &Real, dims: Vec<Dim>) -> Outcome {
        if x.dims == dims {
            return Ok(x.clone());
        }
        let target: Vec<Entry> = dims.iter().map(|&d| Entry::from(d)).collect();
        let dims = dims::reshape(&x.dims, &target, false)?;
        Ok(Real { node: self.emit(Op::Reshape(per_sample(&dims)), &[x.node])?, dims })
    }

    /// The same numbers for every sample, in a shape that has the batch as an axis of length 1 a sample.
    pub fn reinterpreted(&mut self, x: &Real, dims: Vec<Dim>) -> Outcome {
        if batch_axis(&x.dims).is_some() || batch_axis(&dims).is_none() {
            return self.reshaped(x, dims);
        }
        let fixed = dims.iter().map(|d| Dim::fixed(d.per_sample)).collect();
        let single = self.reshaped(x, fixed)?;
        self.expanded(&single, &dims)
    }

    /// Axis i of the result is axis `perm[i]`.
    pub fn permuted(&mut self, x: &Real, perm: &[usize]) -> Outcome {
        let node = self.emit(Op::Transpose(perm.to_vec()), &[x.node])?;
        Ok(Real { node, dims: perm.iter().map(|&axis| x.dims[axis]).collect() })
    }

    /// Broadcast to (at least) a shape. What does not depend on the sample may be repeated over the batch.
    pub fn expanded(&mut self, x: &Real, dims: &[Dim]) -> Outcome {
        let dims = broadcast(&x.dims, dims)?;
        Ok(Real { node: self.emit(Op::Expand(per_sample(&dims)), &[x.node])?, dims })
    }

    /// Tensors one after the other along an axis.
    pub fn joined(&mut self, parts: &[&Real], axis: usize) -> Outcome {
        let mut dims = parts.first().ok_or("has no arguments")?.dims.clone();
        if parts.len() > 1 {
            parts.iter().filter(|p| axis < p.rank()).try_for_each(|p| not_along_batch(&p.dims, axis))?;
        }
        for other in &parts[1..] {
            let same = |i: usize| i == axis || dims[i] == other.dims[i];
            if other.rank() != dims.len() || !(0..dims.len()).all(same) {
                return Err(format!(
                    "{} does not fit to {} along axis {axis}",
                    show(&other.dims),
                    show(&dims)
                ));
            }
            dims[axis].per_sample = dims[axis].per_sample.saturating_add(other.dims[axis].per_sample);
        }
        let nodes: Vec<NodeId> = parts.iter().map(|p| p.node).collect();
        Ok(Real { node: self.emit(Op::Concat(axis), &nodes)?, dims })
    }

    /// Part of an axis.
    pub fn sliced(&mut self, x: &Real, span: Span) -> Outcome {
        not_along_batch(&x.dims, span.axis)?;
        let mut dims = x.dims.clone();
        dims[span.axis] = Dim::fixed(span.len);
        Ok(Real { node: self.emit(Op::Slice(span), &[x.node])?, dims })
    }

    /// Listed positions of an axis.
    pub fn gathered(&mut self, x: &Real, axis: usize, indices: &[usize]) -> Outcome {
        not_along_batch(&x.dims, axis)?;
        let mut dims = x.dims.clone();
        dims[axis] = Dim::fixed(indices.len());
        let op = Op::Gather { axis, indices: self.positions(indices)? };
        Ok(Real { node: self.emit(op, &[x.node])?, dims })
    }
    /// Sums of the elements along an axis by the position that each belongs to.
    pub fn scattered(&mut self, x: &Real, axis: usize, indices: &[usize], size: usize) -> Outcome {
        not_along_batch(&x.dims, axis)?;
        let mut dims = x.dims.clone();
        dims[axis] = Dim::fixed(size);
        let op = Op::Scatter { axis, indices: self.positions(indices)?, size };
        Ok(Real { node: self.emit(op, &[x.node])?, dims })
    }

    fn positions(&mut self, indices: &[usize]) -> Result<Arc<[u32]>, String> {
        self.within_limit(indices.len())?;
        let narrow = |&i: &usize| u32::try_from(i).map_err(|_| format!("position {i} exceeds 32 bits"));
        indices.iter().map(narrow).collect()
    }

    /// Copies of one number before and after an axis.
    pub fn padded(&mut self, x: &Real, axis: usize, [before, after]: [usize; 2], value: &Real) -> Outcome {
        let mut side = |length: usize| {
            let mut dims = x.dims.clone();
            *dims.get_mut(axis)? = Dim::fixed(length);
            dims.iter_mut().filter(|d| d.batch).for_each(|d| *d = Dim::fixed(d.per_sample));
            (length > 0).then(|| self.expanded(value, &dims))
        };
        let sides = [side(before).transpose()?, side(after).transpose()?];
        let [before, after] = sides.each_ref().map(Option::as_ref);
        let parts: Vec<&Real> = [before, Some(x), after].into_iter().flatten().collect();
        not_along_batch(&x.dims, axis)?;
        let mut dims = x.dims.clone();
        dims[axis] = Dim::fixed(parts.iter().map(|p| p.dims[axis].per_sample).sum());
        let nodes: Vec<NodeId> = parts.iter().map(|p| p.node).collect();
        if let [_] = nodes[..] {
            return Ok(x.clone());
        }
        Ok(Real { node: self.emit(Op::Concat(axis), &nodes)?, dims })
    }
}
