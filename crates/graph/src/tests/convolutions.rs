//! Convolutions, their adjoints, and pooling against plain loops.

use super::build::{Model, int, ints, text};
use super::checks::{at, check_operator, check_projected, indices, numbers};
use proptest::prelude::*;

/// A convolution with its channels before and after, and one entry an axis of everything else.
#[derive(Debug, Clone)]
struct Case {
    channels: [usize; 2],
    groups: usize,
    lengths: Vec<usize>,
    kernel: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    /// Before every axis, then after every axis.
    pads: Vec<usize>,
}

fn signed(list: &[usize]) -> Vec<i64> {
    list.iter().map(|&n| n as i64).collect()
}

impl Case {
    fn attributes(&self) -> Vec<crate::onnx::proto::AttributeProto> {
        vec![
            ints("strides", &signed(&self.strides)),
            ints("dilations", &signed(&self.dilations)),
            ints("pads", &signed(&self.pads)),
            ints("kernel_shape", &signed(&self.kernel)),
        ]
    }

    fn reach(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilations[axis] + 1
    }

    fn padded(&self, axis: usize) -> usize {
        self.lengths[axis] + self.pads[axis] + self.pads[axis + self.lengths.len()]
    }

    fn output(&self) -> Vec<usize> {
        (0..self.lengths.len()).map(|i| (self.padded(i) - self.reach(i)) / self.strides[i] + 1).collect()
    }

    /// The position of x that a window at `p` has at `q`.
    fn position(&self, p: &[usize], q: &[usize]) -> Option<Vec<usize>> {
        let along = |i: usize| {
            let padded = p[i] * self.strides[i] + q[i] * self.dilations[i];
            padded.checked_sub(self.pads[i]).filter(|&at| at < self.lengths[i])
        };
        (0..p.len()).map(along).collect()
    }

    fn signal(&self) -> Vec<usize> {
        [&self.channels[..1], &self.lengths].concat()
    }

    fn check_convolution(&self) {
        let [before, after] = self.channels;
        let shape = [&[after, before / self.groups], &self.kernel[..]].concat();
        let (w, bias) = (numbers(shape.iter().product(), 50), numbers(after, 51));
        let nodes = |model: Model| {
            let model = model.floats("w", &signed(&shape), &w).floats("b", &[after as i64], &bias);
            model.node_with(
                "z = Conv h w b",
                [self.attributes(), vec![int("group", self.groups as i64)]].concat(),
            )
        };
        check_operator(&signed(&self.signal()), nodes, |x| {
            let element = |index: &Vec<usize>| {
                let (o, p) = (index[0], &index[1..]);
                let group = o / (after / self.groups);
                let mut sum = bias[o];
                for wi in indices(&shape[1..]) {
                    let Some(i) = self.position(p, &wi[1..]) else { continue };
                    let channel = group * (before / self.groups) + wi[0];
                    let from_x = at(x, &self.signal(), &[&[channel], &i[..]].concat());
                    sum += from_x * at(&w, &shape, &[&[o], &wi[..]].concat());
                }
                sum
            };
            indices(&[&[after], &self.output()[..]].concat()).iter().map(element).collect()
        });
    }

    /// The transposed convolution that makes `lengths` of `output`.
    fn check_transposed(&self) {
        let [after, before] = self.channels;
        let output = self.output();
        let extra: Vec<i64> = (0..output.len())
            .map(|i| (self.padded(i) - self.reach(i) - (output[i] - 1) * self.strides[i]) as i64)
            .collect();
        let shape = [&[before, after / self.groups], &self.kernel[..]].concat();
        let w = numbers(shape.iter().product(), 52);
        let attributes =
            [self.attributes(), vec![int("group", self.groups as i64), ints("output_padding", &extra)]];
        let nodes = |model: Model| {
            model.floats("w", &signed(&shape), &w).node_with("z = ConvTranspose h w", attributes.concat())
        };
        let from = [&[before], &output[..]].concat();
        check_operator(&signed(&from), nodes, |u| {
            let mut result = vec![0.0; self.signal().iter().product()];
            for (ui, &value) in indices(&from).iter().zip(u) {
                let group = ui[0] / (before / self.groups);
                for wi in indices(&shape[1..]) {
                    let Some(i) = self.position(&ui[1..], &wi[1..]) else { continue };
                    let channel = group * (after / self.groups) + wi[0];
                    let index = [&[channel], &i[..]].concat();
                    let place = self.signal().iter().zip(&index).fold(0, |sum, (n, i)| sum * n + i);
                    result[place] += value * at(&w, &shape, &[&ui[..1], &wi[..]].concat());
                }
            }
            result
        });
    }
}

fn cases() -> Vec<Case> {
    let case = |channels, groups, parts: [&[usize]; 5]| Case {
        channels,
        groups,
        lengths: parts[0].into(),
        kernel: parts[1].into(),
        strides: parts[2].into(),
        dilations: parts[3].into(),
        pads: parts[4].into(),
    };
    vec![
        case([1, 1], 1, [&[1], &[1], &[1], &[1], &[0, 0]]),
        case([2, 3], 1, [&[5], &[3], &[2], &[1], &[1, 0]]),
        case([2, 4], 2, [&[7], &[2], &[3], &[2], &[0, 2]]),
        case([3, 2], 1, [&[4, 3], &[3, 3], &[1, 1], &[1, 1], &[1, 1, 1, 1]]),
        case([2, 2], 2, [&[5, 1], &[2, 1], &[2, 1], &[2, 3], &[1, 0, 0, 0]]),
        case([1, 2], 1, [&[3, 4], &[1, 1], &[2, 2], &[1, 1], &[0, 0, 0, 0]]),
        case([1, 2], 1, [&[2, 3, 3], &[2, 2, 3], &[1, 2, 1], &[1, 1, 1], &[0, 1, 1, 1, 0, 1]]),
    ]
}

#[test]
fn convolutions_over_one_to_three_axes() {
    cases().iter().for_each(Case::check_convolution);
}

#[test]
fn transposed_convolutions_over_one_to_three_axes() {
    cases().iter().for_each(Case::check_transposed);
}

fn any_case() -> impl Strategy<Value = Case> {
    let axis = (1usize..5, 1usize..4, 1usize..3, 1usize..3, 0usize..3, 0usize..3);
    let fits = |(n, k, _, d, before, after): &(usize, usize, usize, usize, usize, usize)| {
        n + before + after > (k - 1) * d
    };
    let axes = proptest::collection::vec(axis.prop_filter("a window that fits", fits), 1..3);
    (1usize..3, 1usize..3, 1usize..3, axes).prop_map(|(groups, before, after, axes)| Case {
        channels: [groups * before, groups * after],
        groups,
        lengths: axes.iter().map(|a| a.0).collect(),
        kernel: axes.iter().map(|a| a.1).collect(),
        strides: axes.iter().map(|a| a.2).collect(),
        dilations: axes.iter().map(|a| a.3).collect(),
        pads: axes.iter().map(|a| a.4).chain(axes.iter().map(|a| a.5)).collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_of_any_geometry(case in any_case()) {
        case.check_convolution();
        case.check_transposed();
    }
}

#[test]
fn automatic_padding_keeps_the_length_over_the_stride() {
    let w = [0.5, -1.0, 2.0, 0.25];
    for (name, before) in [("SAME_UPPER", 1), ("SAME_LOWER", 2)] {
        // Length 5, kernel 4, stride 2: 3 windows over 8 positions, 3 of padding.
        let nodes = |model: Model| {
            let attributes = vec![text("auto_pad", name), ints("strides", &[2])];
            model.floats("w", &[1, 1, 4], &w).node_with("z = Conv h w", attributes)
        };
        check_operator(&[1, 5], nodes, |x| {
            let tap =
                |p: usize, q: usize| (2 * p + q).checked_sub(before).and_then(|i| x.get(i)).unwrap_or(&0.0);
            (0..3).map(|p| (0..4).map(|q| w[q] * tap(p, q)).sum()).collect()
        });
    }
}

/// Positions of x that the windows of a pooling have, with the number that count in each: those outside are `None`.
fn pooled(
    lengths: [usize; 2],
    [kernel, stride, dilation, pad]: [usize; 4],
    ceil: bool,
) -> Vec<Vec<Option<usize>>> {
    let windows = |n: usize| {
        let free = n + 2 * pad - (kernel - 1) * dilation - 1;
        let count = if ceil { free.div_ceil(stride) } else { free / stride } + 1;
        if ceil && (count - 1) * stride >= n + pad { count - 1 } else { count }
    };
    let place =
        |n: usize, p: usize, q: usize| (p * stride + q * dilation).checked_sub(pad).filter(|&i| i < n);
    let window = |p: &Vec<usize>| {
        let taps = indices(&[kernel, kernel]);
        let taps = taps
            .iter()
            .map(|q| Some(place(lengths[0], p[0], q[0])? * lengths[1] + place(lengths[1], p[1], q[1])?));
        taps.collect()
    };
    indices(&[windows(lengths[0]), windows(lengths[1])]).iter().map(window).collect()
}

#[test]
fn pooling_over_windows() {
    for (lengths, geometry, ceil) in [
        ([4, 4], [2, 2, 1, 0], false),
        ([5, 4], [3, 2, 1, 1], false),
        ([5, 6], [2, 2, 1, 0], true),
        ([5, 5], [2, 1, 2, 0], false),
        ([1, 3], [1, 1, 1, 0], false),
        ([6, 3], [3, 3, 1, 1], true),
    ] {
        let [kernel, stride, dilation, pad] = geometry.map(|n| n as i64);
        let attributes = vec![
            ints("kernel_shape", &[kernel; 2]),
            ints("strides", &[stride; 2]),
            ints("dilations", &[dilation; 2]),
            ints("pads", &[pad; 4]),
            int("ceil_mode", i64::from(ceil)),
        ];
        let shape = [2, lengths[0] as i64, lengths[1] as i64];
        let windows = pooled(lengths, geometry, ceil);
        let each = |x: &[f64], f: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
            let channel = |c: usize| &x[c * lengths[0] * lengths[1]..(c + 1) * lengths[0] * lengths[1]];
            let window = |c: usize, w: &Vec<Option<usize>>| {
                f(&w.iter().flatten().map(|&i| channel(c)[i]).collect::<Vec<_>>())
            };
            (0..2).flat_map(|c| windows.iter().map(move |w| (c, w))).map(|(c, w)| window(c, w)).collect()
        };
        let average = |model: Model| model.node_with("z = AveragePool h", attributes.clone());
        check_operator(&shape, average, |x| each(x, &|w| w.iter().sum::<f64>() / w.len() as f64));
        // Numbers far enough apart that no difference changes their order.
        let apart = |x: f64| 40.0 * x;
        let largest = |model: Model| model.node_with("z = MaxPool x", attributes.clone());
        check_projected(&shape, apart, largest, |x| {
            each(x, &|w| w.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        });
    }
}

#[test]
fn averages_that_count_padding() {
    let attributes = vec![
        ints("kernel_shape", &[3]),
        ints("strides", &[2]),
        ints("pads", &[1, 1]),
        int("count_include_pad", 1),
        int("ceil_mode", 1),
    ];
    let nodes = |model: Model| model.node_with("z = AveragePool h", attributes.clone());
    // Windows [pad 0 1] [1 2 3] and [3 pad beyond]: what lies beyond the padding never counts.
    check_operator(&[1, 4], nodes, |x| vec![(x[0] + x[1]) / 3.0, (x[1] + x[2] + x[3]) / 3.0, x[3] / 2.0]);
}

#[test]
fn pooling_over_everything() {
    check_operator(
        &[2, 2, 3],
        |m| m.node("z = GlobalAveragePool h"),
        |x| x.chunks(6).map(|c| c.iter().sum::<f64>() / 6.0).collect(),
    );
    let apart = |x: f64| 40.0 * x;
    check_projected(
        &[2, 2, 3],
        apart,
        |m| m.node("z = GlobalMaxPool x"),
        |x| x.chunks(6).map(|c| c.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect(),
    );
}
