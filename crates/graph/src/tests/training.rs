//! Losses and their gradients by weights that are given with the call: convolutions of every geometry, and refusals.

use super::build::{Model, int, ints};
use super::checks::{close, numbers, read};
use crate::passes::{gradients, squared_error, tangent_over};
use crate::{Extent, Graph, Precision, Program};

/// A convolution of x [channels, lengths…], a nonlinearity, and a projection back to the shape of x.
struct Case {
    channels: [i64; 2],
    groups: i64,
    lengths: &'static [i64],
    kernel: &'static [i64],
    strides: &'static [i64],
    dilations: &'static [i64],
    pads: &'static [i64],
}

const CASES: [Case; 7] = [
    Case {
        channels: [1, 3],
        groups: 1,
        lengths: &[5, 4],
        kernel: &[3, 3],
        strides: &[1, 1],
        dilations: &[1, 1],
        pads: &[1, 1, 1, 1],
    },
    // The sizes from which on Winograd's algorithm is used.
    Case {
        channels: [12, 14],
        groups: 1,
        lengths: &[6, 5],
        kernel: &[3, 3],
        strides: &[1, 1],
        dilations: &[1, 1],
        pads: &[1, 1, 1, 1],
    },
    Case {
        channels: [17, 13],
        groups: 1,
        lengths: &[4, 7],
        kernel: &[3, 3],
        strides: &[1, 1],
        dilations: &[1, 1],
        pads: &[0, 0, 0, 0],
    },
    Case {
        channels: [4, 6],
        groups: 2,
        lengths: &[7, 6],
        kernel: &[3, 2],
        strides: &[2, 1],
        dilations: &[1, 2],
        pads: &[1, 0, 2, 1],
    },
    Case {
        channels: [3, 5],
        groups: 1,
        lengths: &[3, 5],
        kernel: &[1, 1],
        strides: &[1, 1],
        dilations: &[1, 1],
        pads: &[0, 0, 0, 0],
    },
    // Lines longer than a block of positions.
    Case {
        channels: [2, 3],
        groups: 1,
        lengths: &[67],
        kernel: &[3],
        strides: &[1],
        dilations: &[2],
        pads: &[2, 2],
    },
    Case {
        channels: [3, 2],
        groups: 1,
        lengths: &[9],
        kernel: &[4],
        strides: &[2],
        dilations: &[1],
        pads: &[1, 2],
    },
];

const WEIGHTS: [&str; 3] = ["w", "b", "probe"];

impl Case {
    fn output(&self) -> i64 {
        let axes = self.lengths.len();
        let along = |i: usize| {
            let reach = (self.kernel[i] - 1) * self.dilations[i] + 1;
            (self.lengths[i] + self.pads[i] + self.pads[i + axes] - reach) / self.strides[i] + 1
        };
        self.channels[1] * (0..axes).map(along).product::<i64>()
    }

    fn dim(&self) -> usize {
        (self.channels[0] * self.lengths.iter().product::<i64>()) as usize
    }

    /// The weights by their order in [`WEIGHTS`].
    fn weights(&self) -> [Vec<f64>; 3] {
        let taps: i64 = self.kernel.iter().product();
        let sizes = [
            self.channels[1] * self.channels[0] / self.groups * taps,
            self.channels[1],
            self.output() * self.dim() as i64,
        ];
        [0, 1, 2].map(|i| {
            let scale = if i == 2 { 1.0 / (self.output() as f64).sqrt() } else { 1.0 };
            numbers(sizes[i] as usize, 200 + i as u64).iter().map(|v| scale * v).collect()
        })
    }

    fn graph(&self) -> Graph {
        let [w, b, probe] = self.weights();
        let shape = [&self.channels[..1], self.lengths].concat();
        let filter = [&[self.channels[1], self.channels[0] / self.groups], self.kernel].concat();
        let attributes = vec![
            int("group", self.groups),
            ints("strides", self.strides),
            ints("dilations", self.dilations),
            ints("pads", self.pads),
            ints("kernel_shape", self.kernel),
        ];
        let model = Model::new(&shape)
            .floats("w", &filter, &w)
            .floats("b", &[self.channels[1]], &b)
            .floats("probe", &[self.output(), self.dim() as i64], &probe)
            .integers("back", &[&[-1], &shape[..]].concat())
            .node_with("c = Conv x w b", attributes)
            .node("a = Tanh c")
            .node("flat = Flatten a")
            .node("projected = MatMul flat probe")
            .node("y = Reshape projected back");
        read(&model).with_parameters_as_inputs(&WEIGHTS).unwrap()
    }
}

/// Arrays by name, with the weights moved by s dw.
fn given<'a>(
    rest: &[(&'static str, &'a [f64])],
    weights: &'a [Vec<f64>; 3],
) -> Vec<(&'static str, &'a [f64])> {
    let own = WEIGHTS.into_iter().zip(weights.iter().map(Vec::as_slice));
    rest.iter().copied().chain(own).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn gradients_by_given_convolution_weights_match_tangents_and_differences() {
    for case in &CASES {
        let loss = squared_error(&case.graph(), "y", "target", "weight").unwrap();
        let reverse = gradients(&loss, "loss", &WEIGHTS, "u").unwrap();
        let value = Program::new(&loss, Precision::F64).unwrap();
        let [reverse, single] =
            [Precision::F64, Precision::F32].map(|precision| Program::new(&reverse, precision).unwrap());
        let weights = case.weights();
        for n in [1, 7, 8, 9, 37] {
            let (x, target) = (numbers(n * case.dim(), 210), numbers(n * case.dim(), 211));
            let (factor, u) = (numbers(n, 212), numbers(n, 213));
            let rest: [(&str, &[f64]); 4] =
                [("x", &x), ("t", &[0.3]), ("target", &target), ("weight", &factor)];
            let backward: Vec<(&str, &[f64])> = rest.into_iter().chain([("u", u.as_slice())]).collect();
            let run = |program: &Program| {
                let mut found = weights.each_ref().map(|w| vec![f64::NAN; w.len()]);
                let [w, b, probe] = &mut found;
                let mut asked = [("w.u", w.as_mut_slice()), ("b.u", b), ("probe.u", probe)];
                program.run(n, 0, &given(&backward, &weights), &mut asked);
                found
            };
            let (found, rough) = (run(&reverse), run(&single));
            for (i, name) in WEIGHTS.into_iter().enumerate() {
                close(name, &rough[i], &found[i], 2e-5);
                let dw = numbers(weights[i].len(), 214);
                let forward = tangent_over(&loss, name, "dw", Extent::Call).unwrap();
                let forward = Program::new(&forward, Precision::F64).unwrap();
                let mut along = vec![0.0; n];
                let mut inputs = given(&rest, &weights);
                inputs.push(("dw", &dw));
                forward.run(n, 0, &inputs, &mut [("loss.dw", &mut along)]);
                close(name, &[dot(&found[i], &dw)], &[dot(&u, &along)], 1e-12);
                let objective = |s: f64| {
                    let mut moved = weights.clone();
                    moved[i].iter_mut().zip(&dw).for_each(|(w, d)| *w += s * d);
                    let mut losses = vec![0.0; n];
                    value.run(n, 0, &given(&rest, &moved), &mut [("loss", &mut losses)]);
                    dot(&losses, &u)
                };
                // The step shrinks with the direction, so that truncation stays far below the tolerance.
                let h = 0.02 / (1.0 + dot(&dw, &dw).sqrt());
                let term = |(s, weight): (f64, f64)| weight * (objective(s * h) - objective(-s * h)) / h;
                let slope: f64 = [(1.0, 0.75), (2.0, -0.15), (3.0, 1.0 / 60.0)].map(term).iter().sum();
                close(name, &[slope], &[dot(&found[i], &dw)], 1e-7);
            }
        }
    }
}

/// Lanes beside the samples hold log 0 and its slope; they must not reach a sum.
#[test]
fn lanes_that_hold_no_sample_do_not_count() {
    let positive = |count: usize, seed: u64| -> Vec<f64> {
        numbers(count, seed).iter().map(|v| 0.1 + v.abs()).collect()
    };
    for (channels, side) in [(1, 1), (3, 2), (12, 5)] {
        let (dim, taps) = (channels * side * side, channels * channels * 9);
        let w = positive(taps, 220);
        let shape = [channels as i64, side as i64, side as i64];
        let filter = [channels as i64, channels as i64, 3, 3];
        let model = Model::new(&shape)
            .floats("w", &filter, &w)
            .node_with("c = Conv x w", vec![ints("pads", &[1; 4]), ints("kernel_shape", &[3, 3])])
            .node("y = Log c");
        let graph = read(&model).with_parameters_as_inputs(&["w"]).unwrap();
        let reverse = gradients(&graph, "y", &["w"], "u").unwrap();
        let forward = tangent_over(&graph, "w", "dw", Extent::Call).unwrap();
        let [reverse, forward] = [reverse, forward].map(|g| Program::new(&g, Precision::F64).unwrap());
        for n in [1, 9, 34] {
            let (x, u, dw) = (positive(n * dim, 221), numbers(n * dim, 222), numbers(taps, 223));
            let (mut found, mut along) = (vec![f64::NAN; taps], vec![f64::NAN; n * dim]);
            let rest: [(&str, &[f64]); 3] = [("x", &x), ("t", &[0.0]), ("w", &w)];
            let [backward, straight] =
                [("u", u.as_slice()), ("dw", dw.as_slice())].map(|own| [&rest[..], &[own]].concat());
            reverse.run(n, 0, &backward, &mut [("w.u", &mut found)]);
            forward.run(n, 0, &straight, &mut [("y.dw", &mut along)]);
            close("log", &[dot(&found, &dw)], &[dot(&u, &along)], 1e-12);
        }
    }
}

#[test]
fn the_squared_error_is_weighed_sample_by_sample() {
    let model = Model::new(&[2]).node("y = Mul x x");
    let loss = squared_error(&read(&model), "y", "wanted", "factor").unwrap();
    let ports: Vec<(String, usize)> =
        loss.inputs().into_iter().map(|p| (p.name.clone(), p.elements(5, 0))).collect();
    assert!(ports.contains(&("wanted".into(), 10)) && ports.contains(&("factor".into(), 5)), "{ports:?}");
    let program = Program::new(&loss, Precision::F64).unwrap();
    let (x, wanted, factor) =
        ([1.0, 2.0, 3.0, -1.0, 0.5, 0.0], [0.0, 4.0, 8.0, 1.0, 1.0, 1.0], [1.0, 2.0, 4.0]);
    let mut losses = [0.0; 3];
    let inputs: [(&str, &[f64]); 4] = [("x", &x), ("t", &[0.0]), ("wanted", &wanted), ("factor", &factor)];
    program.run(3, 0, &inputs, &mut [("loss", &mut losses)]);
    close("loss", &losses, &[1.0, 2.0, 4.0 * (0.5625 + 1.0)], 1e-15);
}

#[test]
fn losses_that_cannot_be_are_refused() {
    let graph = read(&Model::new(&[2]).node("y = Mul x x"));
    assert!(squared_error(&graph, "z", "a", "b").unwrap_err().contains("no output z"));
    assert!(squared_error(&graph, "y", "x", "b").unwrap_err().contains("input x"));
    assert!(squared_error(&graph, "y", "a", "t").unwrap_err().contains("input t"));
    assert!(squared_error(&graph, "y", "a", "a").unwrap_err().contains("both called a"));
    let twice = squared_error(&graph, "y", "a", "b").unwrap();
    assert!(squared_error(&twice, "y", "c", "d").unwrap_err().contains("loss already"));
}
