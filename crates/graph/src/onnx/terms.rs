//! Primitive operations on imported tensors. Every one follows the batch axis, and refuses what mixes samples, so
//! that an operator made of them cannot.

use super::dims::{self, Dim, broadcast, not_along_batch, one_batch_axis, per_sample, show};
use super::entry::Entry;
use super::import::{Importer, Value};
use crate::ir::{Comparison, Function, NodeId, Op, Span, elements};

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
        self.within_limit(indices.len())?;
        let narrow = |&i: &usize| u32::try_from(i).map_err(|_| format!("position {i} exceeds 32 bits"));
        let indices = indices.iter().map(narrow).collect::<Result<Vec<u32>, _>>()?;
        let mut dims = x.dims.clone();
        dims[axis] = Dim::fixed(indices.len());
        let op = Op::Gather { axis, indices: indices.into() };
        Ok(Real { node: self.emit(op, &[x.node])?, dims })
    }
}
