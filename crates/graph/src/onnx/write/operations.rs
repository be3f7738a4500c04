//! Primitive operations as ONNX nodes.

use super::functions;
use super::window::reach;
use super::writer::{Layout, Writer, Written};
use super::{int, ints};
use crate::ir::{Comparison, NodeId, Op, Role, Span, Window, WindowAxis};
use crate::onnx::proto::AttributeProto;

impl Writer<'_> {
    /// Writes an operation on values written before.
    pub(super) fn operation(&mut self, id: NodeId) -> Written {
        let node = self.graph.node(id);
        let inputs = &node.inputs;
        match &node.op {
            Op::Map(f) => {
                let x = self.written(inputs[0]);
                let (operator, attributes) = functions::operator(*f).expect("others are spelled out");
                Written { name: self.emit(operator, &[&x.name], attributes), layout: x.layout }
            }
            Op::Add => self.elementwise(id, "Add"),
            Op::Sub => self.elementwise(id, "Sub"),
            Op::Mul => self.elementwise(id, "Mul"),
            Op::Div => self.elementwise(id, "Div"),
            Op::Pow => self.elementwise(id, "Pow"),
            Op::Compare(comparison) => self.compare(id, *comparison),
            Op::Select => self.select(id),
            Op::MatMul => self.product(id),
            Op::Convolve { window, role } => self.convolve(id, window, *role),
            Op::Sum(axes) => self.reduce(id, "ReduceSum", axes),
            Op::Max(axes) => self.reduce(id, "ReduceMax", axes),
            Op::Total => self.total(id),
            Op::Reshape(shape) => self.reshape(inputs[0], shape),
            Op::Expand(shape) => self.expand(inputs[0], shape),
            Op::Transpose(perm) => self.transpose(inputs[0], perm),
            Op::Concat(axis) => self.concat(id, *axis),
            Op::Slice(span) => self.slice(inputs[0], span),
            Op::Embed { span, size } => self.pad(inputs[0], span, *size),
            Op::Gather { axis, indices } => {
                let layout = self.kept_axis(inputs[0], *axis);
                let x = self.operand(inputs[0], self.rank(inputs[0]), layout);
                let indices: Vec<i64> = indices.iter().map(|&i| i64::from(i)).collect();
                let indices = self.list(&indices);
                let axis = int("axis", layout.axis(*axis) as i64);
                Written { name: self.emit("Gather", &[&x, &indices], vec![axis]), layout }
            }
            Op::Input | Op::Constant(_) | Op::Slope(_) | Op::Detach | Op::Scatter { .. } => {
                unreachable!("inputs and constants are no operations, the others are spelled out")
            }
        }
    }

    fn rank(&self, id: NodeId) -> usize {
        self.graph.shape(id).len()
    }

    /// The arguments of a node in the layout in which they meet.
    fn met(&mut self, id: NodeId) -> (Vec<String>, Layout) {
        let node = self.graph.node(id);
        let layout = self.meeting(&node.inputs, &node.shape);
        let names = node.inputs.iter().map(|&i| self.operand(i, node.shape.len(), layout)).collect();
        (names, layout)
    }

    fn elementwise(&mut self, id: NodeId, operator: &str) -> Written {
        let (names, layout) = self.met(id);
        Written { name: self.emit(operator, &[&names[0], &names[1]], vec![]), layout }
    }

    fn compare(&mut self, id: NodeId, comparison: Comparison) -> Written {
        let (names, layout) = self.met(id);
        let operator = match comparison {
            Comparison::Equal => "Equal",
            Comparison::Less => "Less",
            Comparison::LessOrEqual => "LessOrEqual",
        };
        let truth = self.emit(operator, &[&names[0], &names[1]], vec![]);
        let to = int("to", self.element().into());
        let name = self.emit("Cast", &[&truth], vec![to]);
        self.truths.insert(id, truth);
        Written { name, layout }
    }

    fn select(&mut self, id: NodeId) -> Written {
        let condition = self.graph.node(id).inputs[0];
        let (names, layout) = self.met(id);
        match self.truths.get(&condition).cloned() {
            Some(truth) if self.written(condition).name == names[0] => {
                Written { name: self.emit("Where", &[&truth, &names[1], &names[2]], vec![]), layout }
            }
            _ => {
                let zero = self.zero();
                let not = self.emit("Equal", &[&names[0], &zero], vec![]);
                Written { name: self.emit("Where", &[&not, &names[2], &names[1]], vec![]), layout }
            }
        }
    }

    /// A matrix product. Rows of one sample are rows of the batch where the other matrix is the same for all.
    fn product(&mut self, id: NodeId) -> Written {
        let node = self.graph.node(id);
        let (a, b) = (node.inputs[0], node.inputs[1]);
        let left = self.written(a);
        let shared = self.written(b).layout.lead == 0 && self.rank(b) == 2;
        if shared && left.layout.lead > 0 && self.rank(a) >= 2 {
            let merged = self.graph.shape(a)[0] == 1;
            let layout = Layout { merged, ..left.layout };
            let names = [self.operand(a, self.rank(a), layout), self.written(b).name];
            return Written { name: self.emit("MatMul", &[&names[0], &names[1]], vec![]), layout };
        }
        let met = self.meeting(&node.inputs, &node.shape);
        let layout = Layout { merged: met.merged && node.shape.len() > 2, ..met };
        let names = [a, b].map(|i| self.operand(i, node.shape.len(), layout));
        Written { name: self.emit("MatMul", &[&names[0], &names[1]], vec![]), layout }
    }

    fn reduce(&mut self, id: NodeId, operator: &str, axes: &[usize]) -> Written {
        let x = self.written(self.graph.node(id).inputs[0]);
        // An axis that is left out has length 1: nothing to reduce.
        let kept = axes.iter().filter(|&&axis| !(x.layout.merged && axis == 0));
        let axes: Vec<i64> = kept.map(|&axis| x.layout.axis(axis) as i64).collect();
        if axes.is_empty() {
            return x;
        }
        let axes = self.list(&axes);
        Written { name: self.emit(operator, &[&x.name, &axes], vec![int("keepdims", 1)]), layout: x.layout }
    }

    /// A sum over the batch, and the directions where there are any.
    fn total(&mut self, id: NodeId) -> Written {
        let argument = self.graph.node(id).inputs[0];
        let lead = self.written(argument).layout.lead.max(1);
        let x = self.repeated(argument, Layout { lead, merged: false });
        let axes = self.list(&(0..lead as i64).collect::<Vec<_>>());
        let name = self.emit("ReduceSum", &[&x, &axes], vec![int("keepdims", 0)]);
        Written { name, layout: Layout { lead: 0, merged: false } }
    }

    /// The shape in the file of a value that varies over its lead axes.
    fn target(&self, shape: &[usize], layout: Layout) -> Vec<i64> {
        let lead = [-1, self.repetitions(layout.lead) as i64];
        let rest = shape[usize::from(layout.merged)..].iter().map(|&d| d as i64);
        lead[..layout.lead].iter().copied().chain(rest).collect()
    }

    fn reshape(&mut self, x: NodeId, shape: &[usize]) -> Written {
        let from = self.written(x);
        let lead = from.layout.lead;
        let layout = Layout { lead, merged: lead > 0 && shape.first() == Some(&1) };
        let to = self.target(shape, layout);
        if to == self.target(self.graph.shape(x), from.layout) {
            return Written { layout, ..from };
        }
        Written { name: self.reshaped(&from.name, &to), layout }
    }

    fn expand(&mut self, x: NodeId, shape: &[usize]) -> Written {
        let lead = self.written(x).layout.lead;
        let layout = Layout { lead, merged: lead > 0 && shape.first() == Some(&1) };
        let name = self.operand(x, shape.len(), layout);
        let mut to = self.target(shape, layout);
        to[..lead].fill(1);
        let to = self.list(&to);
        Written { name: self.emit("Expand", &[&name, &to], vec![]), layout }
    }

    /// The layout of a value in which an axis is there.
    fn kept_axis(&self, x: NodeId, axis: usize) -> Layout {
        let layout = self.written(x).layout;
        Layout { merged: layout.merged && axis > 0, ..layout }
    }

    fn transpose(&mut self, x: NodeId, perm: &[usize]) -> Written {
        let from = self.written(x).layout;
        let layout = Layout { merged: from.merged && perm.first() == Some(&0), ..from };
        let name = self.operand(x, perm.len(), layout);
        let own = perm[usize::from(layout.merged)..].iter().map(|&axis| layout.axis(axis) as i64);
        let perm: Vec<i64> = (0..layout.lead as i64).chain(own).collect();
        Written { name: self.emit("Transpose", &[&name], vec![ints("perm", &perm)]), layout }
    }

    fn concat(&mut self, id: NodeId, axis: usize) -> Written {
        let node = self.graph.node(id);
        let met = self.meeting(&node.inputs, &node.shape);
        let layout = Layout { merged: met.merged && axis > 0, ..met };
        let names: Vec<String> = node.inputs.iter().map(|&i| self.repeated(i, layout)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let axis = int("axis", layout.axis(axis) as i64);
        Written { name: self.emit("Concat", &names, vec![axis]), layout }
    }

    fn slice(&mut self, x: NodeId, span: &Span) -> Written {
        let layout = self.kept_axis(x, span.axis);
        let name = self.operand(x, self.rank(x), layout);
        let reach = (span.len.max(1) as i64 - 1) * span.step;
        let end = match span.start as i64 + reach + span.step.signum() {
            _ if span.len == 0 => span.start as i64,
            // Before the first position: a negative end would count from the other end.
            end if end < 0 => i64::MIN,
            end => end,
        };
        let lists =
            [span.start as i64, end, layout.axis(span.axis) as i64, span.step].map(|v| self.list(&[v]));
        let inputs: Vec<&str> = std::iter::once(&name).chain(&lists).map(String::as_str).collect();
        Written { name: self.emit("Slice", &inputs, vec![]), layout }
    }

    fn pad(&mut self, x: NodeId, span: &Span, size: usize) -> Written {
        let layout = self.kept_axis(x, span.axis);
        let name = self.operand(x, self.rank(x), layout);
        let rank = layout.axis(self.rank(x));
        let mut pads = vec![0; 2 * rank];
        pads[layout.axis(span.axis)] = span.start as i64;
        pads[rank + layout.axis(span.axis)] = (size - span.start - span.len) as i64;
        Written { name: self.padded(&name, &pads), layout }
    }

    fn padded(&mut self, name: &str, pads: &[i64]) -> String {
        if pads.iter().all(|&p| p == 0) {
            return name.into();
        }
        let pads = self.list(pads);
        self.emit("Pad", &[name, &pads], vec![])
    }

    /// A convolution or its adjoint with weights that are the same for all samples. The directions join the batch.
    fn convolve(&mut self, id: NodeId, window: &Window, role: Role) -> Written {
        let node = self.graph.node(id);
        let x = self.written(node.inputs[0]);
        let w = self.written(node.inputs[1]).name;
        let per_batch = |shape: &[usize]| -> Vec<i64> {
            let batch = if x.layout.lead > 0 { -1 } else { shape[0] as i64 };
            std::iter::once(batch).chain(shape[1..].iter().map(|&d| d as i64)).collect()
        };
        let from = self.graph.shape(node.inputs[0]);
        let plain = x.layout.lead == 0 || x.layout == Layout { lead: 1, merged: true };
        let signal = if plain { x.name } else { self.reshaped(&x.name, &per_batch(from)) };
        let result = match role {
            Role::Output => self.forward(&signal, &w, window, from.len()),
            _ => self.backward(&signal, &w, window, from.len()),
        };
        let layout = Layout { lead: x.layout.lead, merged: x.layout.lead > 0 && node.shape[0] == 1 };
        if layout.lead == 0 || layout == (Layout { lead: 1, merged: true }) {
            return Written { name: result, layout };
        }
        let to = self.target(&node.shape, layout);
        Written { name: self.reshaped(&result, &to), layout }
    }

    fn forward(&mut self, x: &str, w: &str, window: &Window, rank: usize) -> String {
        let mut ends = vec![0i64; window.axes.len()];
        let mut x = x.to_string();
        for (i, axis) in window.axes.iter().enumerate() {
            let missing = reach(axis) as i64 - (axis.pad + axis.input) as i64;
            ends[i] = missing.max(0);
            if missing <= -(axis.stride as i64) {
                // More windows would fit than there are: leave the end away.
                let lists = [0, axis.input as i64 + missing, (rank - window.axes.len() + i) as i64];
                let lists = lists.map(|v| self.list(&[v]));
                x = self.emit("Slice", &[&x, &lists[0], &lists[1], &lists[2]], vec![]);
            }
        }
        let attributes = attributes(window, &ends);
        self.emit("Conv", &[&x, w], attributes)
    }

    fn backward(&mut self, u: &str, w: &str, window: &Window, rank: usize) -> String {
        let mut ends = vec![0i64; window.axes.len()];
        let mut pads = vec![0i64; 2 * rank];
        for (i, axis) in window.axes.iter().enumerate() {
            let beyond = reach(axis) as i64 - (axis.pad + axis.input) as i64;
            ends[i] = beyond.max(0);
            // Positions that no window reaches get nothing.
            pads[2 * rank - window.axes.len() + i] = (-beyond).max(0);
        }
        let attributes = attributes(window, &ends);
        let result = self.emit("ConvTranspose", &[u, w], attributes);
        self.padded(&result, &pads)
    }
}

fn attributes(window: &Window, ends: &[i64]) -> Vec<AttributeProto> {
    let of = |f: &dyn Fn(&WindowAxis) -> usize| -> Vec<i64> {
        window.axes.iter().map(|axis| f(axis) as i64).collect()
    };
    let pads = [of(&|axis| axis.pad), ends.to_vec()].concat();
    vec![
        ints("dilations", &of(&|axis| axis.dilation)),
        int("group", window.groups as i64),
        ints("kernel_shape", &of(&|axis| axis.kernel)),
        ints("pads", &pads),
        ints("strides", &of(&|axis| axis.stride)),
    ]
}
