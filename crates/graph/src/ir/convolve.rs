//! Convolution as one form, linear in each of three arguments.
//!
//! T(u, x, w) = Σ u[n, o, p] x[n, c, i] w[o, c′, q] over all positions that meet: i = stride · p + dilation · q − pad
//! along every axis, inside x. Channel c is the c′-th of the group that output channel o belongs to. The gradient of T
//! by u is the convolution, by x its adjoint (the transposed convolution), by w the gradient of the weights, so the
//! derivatives of each role are the other two.

use super::elements;
use super::interpret::Known;

/// Which argument of T the result is the gradient by. The other two are the arguments, in the order u, x, w.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// (x, w) to u: convolution.
    Output,
    /// (u, w) to x: transposed convolution.
    Input,
    /// (u, x) to w: gradient of the weights.
    Weights,
}

/// Geometry of a convolution along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowAxis {
    /// Distance of windows.
    pub stride: usize,
    /// Distance of positions within a window.
    pub dilation: usize,
    /// Positions of the first window before the start of the input.
    pub pad: usize,
    /// Length of x.
    pub input: usize,
    /// Length of w.
    pub kernel: usize,
    /// Length of u.
    pub output: usize,
}

/// Geometry of a convolution: its axes and groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The axes after sample and channel.
    pub axes: Vec<WindowAxis>,
    /// Groups of channels that do not mix.
    pub groups: usize,
}

/// For every position of a result the pairs of positions of both arguments that meet there.
#[derive(Debug, Clone)]
pub(crate) struct Meetings {
    /// Where the pairs of a position start in `pairs`; one more at the end.
    pub starts: Vec<u32>,
    pub pairs: Vec<[u32; 2]>,
}

/// A convolution in one of its roles, ready to be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Convolution {
    role: Role,
    outputs: usize,
    inputs: usize,
    groups: usize,
    /// Positions of the arguments: the distance of their channels in elements.
    pub strides: [usize; 2],
    /// Channel pairs of the result: (sample, channel) or (output channel, input channel of its group).
    pub blocks: usize,
    /// Terms of a sum for each pair of positions.
    pub terms: usize,
    pub meetings: Meetings,
}

impl Role {
    /// The roles that the arguments have, in order.
    pub(crate) fn arguments(self) -> [Role; 2] {
        match self {
            Role::Output => [Role::Input, Role::Weights],
            Role::Input => [Role::Output, Role::Weights],
            Role::Weights => [Role::Output, Role::Input],
        }
    }
}

impl WindowAxis {
    fn length(&self, role: Role) -> usize {
        match role {
            Role::Output => self.output,
            Role::Input => self.input,
            Role::Weights => self.kernel,
        }
    }

    /// Pairs of positions of the arguments by position of the result.
    fn meetings(&self, role: Role) -> Vec<Vec<[usize; 2]>> {
        let mut lists = vec![vec![]; self.length(role)];
        for p in 0..self.output {
            for q in 0..self.kernel {
                let padded = p * self.stride + q * self.dilation;
                let Some(i) = padded.checked_sub(self.pad).filter(|&i| i < self.input) else { continue };
                match role {
                    Role::Output => lists[p].push([i, q]),
                    Role::Input => lists[i].push([p, q]),
                    Role::Weights => lists[q].push([p, i]),
                }
            }
        }
        lists
    }

    /// No position computed with this geometry exceeds 32 bits.
    fn is_sound(&self) -> bool {
        let reach = |n: usize, step: usize| (n as u128) * (step as u128);
        let farthest = reach(self.output, self.stride) + reach(self.kernel, self.dilation);
        let longest = self.input as u128 + self.pad as u128 + self.output as u128;
        self.stride > 0 && self.dilation > 0 && farthest.max(longest) <= u128::from(u32::MAX)
    }
}

impl Window {
    /// Lengths of the axes of the value in a role.
    pub(crate) fn lengths(&self, role: Role) -> Vec<usize> {
        self.axes.iter().map(|axis| axis.length(role)).collect()
    }

    pub(crate) fn meetings(&self, role: Role) -> Meetings {
        let [first, second] = role.arguments();
        let mut lists: Vec<Vec<[usize; 2]>> = vec![vec![[0, 0]]];
        for axis in &self.axes {
            let along = axis.meetings(role);
            let lengths = [axis.length(first), axis.length(second)];
            let inside = |outer: &Vec<[usize; 2]>, inner: &Vec<[usize; 2]>| {
                let join = |a: &[usize; 2], b: &[usize; 2]| [0, 1].map(|i| a[i] * lengths[i] + b[i]);
                outer.iter().flat_map(|a| inner.iter().map(move |b| join(a, b))).collect()
            };
            lists =
                lists.iter().flat_map(|outer| along.iter().map(move |inner| inside(outer, inner))).collect();
        }
        let mut starts = vec![0u32];
        let mut pairs = Vec::new();
        for list in lists {
            pairs.extend(list.into_iter().map(|pair| pair.map(|position| position as u32)));
            starts.push(pairs.len() as u32);
        }
        Meetings { starts, pairs }
    }

    /// The shape of the result in a role, or why the arguments do not fit.
    pub(super) fn infer(&self, role: Role, a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
        let unfit = || format!("{a:?} and {b:?} do not fit to the convolution {self:?}");
        let lengths = |role: Role| self.lengths(role);
        let [first, second] = role.arguments();
        let sound = self.groups > 0 && self.axes.iter().all(WindowAxis::is_sound);
        if !sound || a.len() < 2 || b.len() < 2 || a[2..] != lengths(first) || b[2..] != lengths(second) {
            return Err(unfit());
        }
        let grouped = |channels: usize| channels.is_multiple_of(self.groups);
        let (fits, lead) = match role {
            Role::Output => (a[1] == b[1].saturating_mul(self.groups) && grouped(b[0]), [a[0], b[0]]),
            Role::Input => (a[1] == b[0] && grouped(b[0]), [a[0], b[1].saturating_mul(self.groups)]),
            Role::Weights => (a[0] == b[0] && grouped(a[1]) && grouped(b[1]), [a[1], b[1] / self.groups]),
        };
        if fits { Ok([&lead[..], &lengths(role)].concat()) } else { Err(unfit()) }
    }

    /// Multiplications of the convolution, those with padding included.
    pub(crate) fn multiplications(&self, role: Role, a: &[usize], b: &[usize]) -> usize {
        let channels = match role {
            Role::Output => [a[0], b[0], b[1]],
            Role::Input => [a[0], b[0], b[1]],
            Role::Weights => [a[0], a[1], b[1] / self.groups],
        };
        elements(&[&channels[..], &self.lengths(Role::Output), &self.lengths(Role::Weights)].concat())
    }
}

impl Convolution {
    /// Of arguments of shapes `a` and `b`, which fit.
    pub fn new(window: &Window, role: Role, a: &[usize], b: &[usize]) -> Convolution {
        let groups = window.groups;
        let [samples, outputs, inputs] = match role {
            Role::Output => [a[0], b[0], a[1]],
            Role::Input => [a[0], a[1], b[1] * groups],
            Role::Weights => [a[0], a[1], b[1]],
        };
        let (blocks, terms) = match role {
            Role::Output => (samples * outputs, inputs / groups),
            Role::Input => (samples * inputs, outputs / groups),
            Role::Weights => (outputs * (inputs / groups), samples),
        };
        let strides = role.arguments().map(|role| elements(&window.lengths(role)));
        let meetings = window.meetings(role);
        Convolution { role, outputs, inputs, groups, strides, blocks, terms, meetings }
    }

    /// First elements of the channels of both arguments in a term of a block of the result.
    #[inline(always)]
    pub fn channels(&self, block: usize, term: usize) -> [usize; 2] {
        let (per_output, per_input) = (self.outputs / self.groups, self.inputs / self.groups);
        let rows = match self.role {
            Role::Output => {
                let (n, o) = (block / self.outputs, block % self.outputs);
                [n * self.inputs + o / per_output * per_input + term, o * per_input + term]
            }
            Role::Input => {
                let (n, c) = (block / self.inputs, block % self.inputs);
                let o = c / per_input * per_output + term;
                [n * self.outputs + o, o * per_input + c % per_input]
            }
            Role::Weights => {
                let (o, c) = (block / per_input, block % per_input);
                [term * self.outputs + o, term * self.inputs + o / per_output * per_input + c]
            }
        };
        [rows[0] * self.strides[0], rows[1] * self.strides[1]]
    }

    /// Number of positions of the result.
    pub fn positions(&self) -> usize {
        self.meetings.starts.len() - 1
    }

    pub(super) fn evaluate(&self, a: &Known, b: &Known) -> Vec<f64> {
        let positions = self.positions();
        let mut result = vec![0.0; self.blocks * positions];
        for (row, sum) in result.iter_mut().enumerate() {
            let (block, position) = (row / positions, row % positions);
            let met = self.meetings.starts[position] as usize..self.meetings.starts[position + 1] as usize;
            for term in 0..self.terms {
                let [left, right] = self.channels(block, term);
                for [i, j] in &self.meetings.pairs[met.clone()] {
                    *sum += a.values[left + *i as usize] * b.values[right + *j as usize];
                }
            }
        }
        result
    }
}
