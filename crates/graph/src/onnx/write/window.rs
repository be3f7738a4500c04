//! Convolutions whose weights vary from sample to sample, and gradients of weights, as gathers and matrix products.

use super::spell::Speller;
use crate::ir::{NodeId, Op, Role, Span, Window, WindowAxis, elements};

/// The convolution in a role as a matrix product with the columns of all windows.
pub(super) fn spell(speller: &mut Speller, window: &Window, role: Role, [a, b]: [NodeId; 2]) -> NodeId {
    match role {
        Role::Output => {
            let columns = columns(speller, window, a);
            let weights = weights(speller, window, b);
            let product = speller.push(Op::MatMul, &[weights, columns]);
            let shape =
                [&[speller.shape(a)[0], speller.shape(b)[0]], &window.lengths(Role::Output)[..]].concat();
            speller.reshape(product, &shape)
        }
        Role::Weights => {
            let (u, columns) = (by_group(speller, window, a), columns(speller, window, b));
            let columns = speller.transpose(columns, &[0, 1, 3, 2]);
            let product = speller.push(Op::MatMul, &[u, columns]);
            let sum = speller.push(Op::Sum(vec![0]), &[product]);
            let channels = [speller.shape(a)[1], speller.shape(b)[1] / window.groups];
            let shape = [&channels, &window.lengths(Role::Weights)[..]].concat();
            speller.reshape(sum, &shape)
        }
        Role::Input => {
            let u = by_group(speller, window, a);
            let weights = weights(speller, window, b);
            let weights = speller.transpose(weights, &[0, 1, 3, 2]);
            let product = speller.push(Op::MatMul, &[weights, u]);
            let channels = [speller.shape(a)[0], speller.shape(b)[1] * window.groups];
            from_columns(speller, window, channels, product)
        }
    }
}

/// Does every axis have windows that reach the input, so that ONNX has a padding for them?
pub(super) fn is_usual(window: &Window) -> bool {
    window.axes.iter().all(|axis| axis.output > 0 && axis.kernel > 0 && reach(axis) > axis.pad)
}

/// Positions up to the end of the last window.
pub(super) fn reach(axis: &WindowAxis) -> usize {
    axis.output.saturating_sub(1) * axis.stride + axis.kernel.saturating_sub(1) * axis.dilation + 1
}

/// Length of an axis with all positions that windows reach.
fn padded(axis: &WindowAxis) -> usize {
    reach(axis).max(axis.pad + axis.input)
}

/// The padded position of every pair (position in the window, window).
fn positions(axis: &WindowAxis) -> Vec<u32> {
    let position = |q: usize, p: usize| (q * axis.dilation + p * axis.stride) as u32;
    (0..axis.kernel).flat_map(|q| (0..axis.output).map(move |p| position(q, p))).collect()
}

/// [n, c, q₁, p₁, q₂, p₂, …] to [n, c, q₁, q₂, …, p₁, p₂, …].
fn sorted(axes: usize) -> Vec<usize> {
    let of = |first: usize| (0..axes).map(move |i| first + 2 * i);
    [0, 1].into_iter().chain(of(2)).chain(of(3)).collect()
}

/// [n, c, i…] to [n, group, channel and position in the window, window].
fn columns(speller: &mut Speller, window: &Window, x: NodeId) -> NodeId {
    let [n, channels] = [speller.shape(x)[0], speller.shape(x)[1]];
    let mut result = x;
    for (i, axis) in window.axes.iter().enumerate() {
        let (at, size) = (2 + 2 * i, padded(axis));
        if size != axis.input {
            let span = Span { axis: at, start: axis.pad, len: axis.input, step: 1 };
            result = speller.push(Op::Embed { span, size }, &[result]);
        }
        result = speller.push(Op::Gather { axis: at, indices: positions(axis).into() }, &[result]);
        let mut shape = speller.shape(result);
        shape.splice(at..=at, [axis.kernel, axis.output]);
        result = speller.reshape(result, &shape);
    }
    let result = speller.transpose(result, &sorted(window.axes.len()));
    let [kernel, output] = [Role::Weights, Role::Output].map(|role| elements(&window.lengths(role)));
    speller.reshape(result, &[n, window.groups, channels / window.groups * kernel, output])
}

/// The adjoint of [`columns`].
fn from_columns(
    speller: &mut Speller,
    window: &Window,
    [n, channels]: [usize; 2],
    columns: NodeId,
) -> NodeId {
    let lengths = [Role::Weights, Role::Output].map(|role| window.lengths(role));
    let shape = [&[n, channels], &lengths[0][..], &lengths[1][..]].concat();
    let split = speller.reshape(columns, &shape);
    let mut back = vec![0; shape.len()];
    sorted(window.axes.len()).into_iter().enumerate().for_each(|(to, from)| back[from] = to);
    let mut result = speller.transpose(split, &back);
    for (i, axis) in window.axes.iter().enumerate().rev() {
        let at = 2 + 2 * i;
        let mut shape = speller.shape(result);
        shape.splice(at..=at + 1, [axis.kernel * axis.output]);
        result = speller.reshape(result, &shape);
        result = speller.scatter(result, at, &positions(axis), padded(axis));
        if padded(axis) != axis.input {
            let span = Span { axis: at, start: axis.pad, len: axis.input, step: 1 };
            result = speller.push(Op::Slice(span), &[result]);
        }
    }
    result
}

/// [n, o, p…] to [n, group, o of the group, p].
fn by_group(speller: &mut Speller, window: &Window, u: NodeId) -> NodeId {
    let shape = speller.shape(u);
    let positions = elements(&window.lengths(Role::Output));
    speller.reshape(u, &[shape[0], window.groups, shape[1] / window.groups, positions])
}

/// [o, c, q…] to [1, group, o of the group, c and q].
fn weights(speller: &mut Speller, window: &Window, w: NodeId) -> NodeId {
    let shape = speller.shape(w);
    let terms = elements(&shape[1..]);
    speller.reshape(w, &[1, window.groups, shape[0] / window.groups, terms])
}
