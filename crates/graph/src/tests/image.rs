//! Convolutions by every algorithm, sums and products of awkward sizes, against plain loops.

use super::build::{Model, int, ints};
use super::checks::{check, numbers};

/// Image `[channels, height, width]`.
#[derive(Clone)]
struct Image {
    size: [usize; 3],
    values: Vec<f64>,
}

/// A layer: weights `[outputs, inputs / groups, kernel, kernel]`, the same geometry along both axes.
struct Layer {
    weights: Vec<f64>,
    channels: [usize; 2],
    groups: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
    dilation: usize,
}

impl Layer {
    fn new(channels: [usize; 2], kernel: usize, pad: usize) -> Layer {
        Layer { weights: vec![], channels, groups: 1, kernel, stride: 1, pad, dilation: 1 }.filled(1)
    }

    fn filled(mut self, seed: u64) -> Layer {
        let terms = self.channels[0] / self.groups * self.kernel * self.kernel;
        let scale = 0.6 / (terms as f64).sqrt();
        self.weights = numbers(self.channels[1] * terms, 70 + seed).iter().map(|w| scale * w).collect();
        self
    }

    /// Adds the layer to a model as "out = Conv in".
    fn node(&self, model: Model, out: &str, input: &str) -> Model {
        let [inputs, outputs] = self.channels.map(|n| n as i64);
        let kernel = self.kernel as i64;
        let dims = [outputs, inputs / self.groups as i64, kernel, kernel];
        let attributes = vec![
            ints("strides", &[self.stride as i64; 2]),
            ints("pads", &[self.pad as i64; 4]),
            ints("dilations", &[self.dilation as i64; 2]),
            int("group", self.groups as i64),
        ];
        let weights = format!("w{out}");
        model
            .floats(&weights, &dims, &self.weights)
            .node_with(&format!("{out} = Conv {input} {weights}"), attributes)
    }

    fn apply(&self, x: &Image) -> Image {
        let [inputs, height, width] = x.size;
        let reach = (self.kernel - 1) * self.dilation;
        let length = |n: usize| (n + 2 * self.pad - reach - 1) / self.stride + 1;
        let size = [self.channels[1], length(height), length(width)];
        let per = [inputs / self.groups, self.channels[1] / self.groups];
        let mut values = Vec::new();
        for o in 0..size[0] {
            for p in 0..size[1] * size[2] {
                let mut sum = 0.0;
                for c in 0..per[0] {
                    for q in 0..self.kernel * self.kernel {
                        let at =
                            |p: usize, q: usize| (p * self.stride + q * self.dilation).wrapping_sub(self.pad);
                        let (y, z) = (at(p / size[2], q / self.kernel), at(p % size[2], q % self.kernel));
                        if y < height && z < width {
                            let weight = self.weights[(o * per[0] + c) * self.kernel * self.kernel + q];
                            sum += weight * x.values[((o / per[1] * per[0] + c) * height + y) * width + z];
                        }
                    }
                }
                values.push(sum);
            }
        }
        Image { size, values }
    }
}

fn silu(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

/// x ↦ x + last(SiLU(first(x) + bias + t)) on images of a size; both layers together keep the size.
fn two_layers(size: [usize; 3], first: &Layer, last: &Layer) {
    let bias: Vec<f64> = numbers(first.channels[1], 5);
    let model = Model::new(&size.map(|n| n as i64)).floats("b", &[bias.len() as i64, 1, 1], &bias);
    let model = first.node(model, "h", "x").node("p = Add h b").integers("axes", &[1, 2, 3]);
    let model =
        model.node("s = Unsqueeze t axes").node("q = Add p s").node("g = Sigmoid q").node("a = Mul q g");
    let model = last.node(model, "z", "a").node("y = Add x z");
    check(&model, |t, x| {
        let mut hidden = first.apply(&Image { size, values: x.to_vec() });
        let area = hidden.size[1] * hidden.size[2];
        for (i, value) in hidden.values.iter_mut().enumerate() {
            *value = silu(*value + bias[i / area] + t);
        }
        let z = last.apply(&hidden);
        assert_eq!(z.size, size);
        x.iter().zip(&z.values).map(|(x, z)| x + z).collect()
    });
}

#[test]
fn convolutions_with_few_multiplications() {
    for size in [[13, 5, 7], [13, 4, 4], [12, 9, 3]] {
        let c = size[0];
        two_layers(size, &Layer::new([c, 17], 3, 1), &Layer::new([17, c], 3, 1));
    }
    two_layers([12, 3, 6], &Layer::new([12, 12], 3, 2), &Layer::new([12, 12], 3, 0));
}

#[test]
fn convolutions_at_single_positions() {
    two_layers([5, 3, 7], &Layer::new([5, 19], 1, 0), &Layer::new([19, 5], 1, 0));
}

#[test]
fn convolutions_with_few_channels_wide_kernels_groups_and_dilations() {
    two_layers([1, 6, 5], &Layer::new([1, 14], 3, 1), &Layer::new([14, 1], 3, 1));
    two_layers([2, 5, 4], &Layer::new([2, 3], 5, 2), &Layer::new([3, 2], 5, 2));
    let groups = |channels| Layer { groups: 2, ..Layer::new(channels, 3, 1) }.filled(2);
    two_layers([4, 3, 5], &groups([4, 6]), &groups([6, 4]));
    let wide = |channels| Layer { dilation: 2, pad: 2, ..Layer::new(channels, 3, 1) };
    two_layers([3, 4, 5], &wide([3, 9]), &wide([9, 3]));
}

#[test]
fn strided_convolutions() {
    // The first channels, summed over their positions, multiply x.
    let first = Layer { stride: 2, ..Layer::new([3, 12], 3, 1) };
    let size = [3, 7, 5];
    let model = Model::new(&size.map(|n| n as i64)).integers("axes", &[2, 3]);
    let model =
        first.node(model, "h", "x").node("m = ReduceSum h axes").integers("c", &[0]).integers("e", &[3]);
    let model = model.integers("one", &[1]).node("n = Slice m c e one").node("y = Mul n x");
    check(&model, |_, x| {
        let hidden = first.apply(&Image { size, values: x.to_vec() });
        let area = hidden.size[1] * hidden.size[2];
        let sum = |c: usize| hidden.values[c * area..(c + 1) * area].iter().sum::<f64>();
        x.iter().enumerate().map(|(i, x)| sum(i / 35) * x).collect()
    });
}

#[test]
fn long_sums_along_and_across() {
    let model = Model::new(&[5, 37])
        .integers("first", &[1])
        .integers("last", &[2])
        .node("m = ReduceMean x last")
        .node("c = Sub x m")
        .node("s = Mul c c")
        .node("v = ReduceSum s last")
        .node("r = Sqrt v")
        .node("z = Div c r")
        .node("a = ReduceSum z first")
        .node("y = Mul a x");
    check(&model, |_, x| {
        let mut z = Vec::new();
        for row in x.chunks(37) {
            let mean = row.iter().sum::<f64>() / 37.0;
            let length = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>().sqrt();
            z.extend(row.iter().map(|x| (x - mean) / length));
        }
        let across = |i: usize| (0..5).map(|r| z[37 * r + i]).sum::<f64>();
        x.iter().enumerate().map(|(i, x)| across(i % 37) * x).collect()
    });
}

#[test]
fn products_of_matrices_larger_than_a_tile() {
    let model = Model::new(&[5, 9])
        .node_with("z = Transpose x", vec![ints("perm", &[0, 2, 1])])
        .node("a = MatMul x z")
        .node("y = MatMul a x");
    check(&model, |_, x| {
        let a = |i: usize, j: usize| (0..9).map(|l| x[9 * i + l] * x[9 * j + l]).sum::<f64>();
        (0..45).map(|i| (0..5).map(|j| a(i / 9, j) * x[9 * j + i % 9]).sum()).collect()
    });
}
