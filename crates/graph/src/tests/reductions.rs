//! Reductions, softmax, cumulative sums and normalisations against plain loops.

use super::build::{Model, float, int, ints};
use super::checks::{at, check_operator, check_projected, indices, numbers};
use proptest::prelude::*;

/// The elements of every group that a reduction over axes of a shape (without the batch) joins.
fn groups(x: &[f64], shape: &[usize], axes: &[usize]) -> Vec<Vec<f64>> {
    let kept: Vec<usize> = (0..shape.len()).map(|i| if axes.contains(&i) { 1 } else { shape[i] }).collect();
    let mut groups = vec![vec![]; kept.iter().product()];
    for (index, &value) in indices(shape).iter().zip(x) {
        let place = kept.iter().zip(index).fold(0, |sum, (&n, &i)| sum * n + if n == 1 { 0 } else { i });
        groups[place].push(value);
    }
    groups
}

fn signed(list: &[usize]) -> Vec<i64> {
    list.iter().map(|&n| n as i64).collect()
}

type Reduction = (&'static str, fn(&[f64]) -> f64);

const SMOOTH: [Reduction; 5] = [
    ("ReduceSum", |g| g.iter().sum()),
    ("ReduceMean", |g| g.iter().sum::<f64>() / g.len() as f64),
    ("ReduceProd", |g| g.iter().product()),
    ("ReduceSumSquare", |g| g.iter().map(|x| x * x).sum()),
    ("ReduceLogSumExp", |g| g.iter().map(|x| x.exp()).sum::<f64>().ln()),
];

/// With a kink or pole at 0.
const APART: [Reduction; 5] = [
    ("ReduceL1", |g| g.iter().map(|x| x.abs()).sum()),
    ("ReduceL2", |g| g.iter().map(|x| x * x).sum::<f64>().sqrt()),
    ("ReduceMax", |g| g.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
    ("ReduceMin", |g| g.iter().copied().fold(f64::INFINITY, f64::min)),
    ("ReduceLogSum", |g| g.iter().sum::<f64>().abs().ln()),
];

fn check_reduction((operator, f): Reduction, shape: &[usize], axes: &[usize], keep: bool, apart: bool) {
    let positions: Vec<i64> = axes.iter().map(|&a| a as i64 + 1).collect();
    let input = if apart { "x" } else { "h" };
    let nodes = |model: Model| {
        let model = model.integers("axes", &positions);
        model.node_with(&format!("z = {operator} {input} axes"), vec![int("keepdims", i64::from(keep))])
    };
    let reference = |x: &[f64]| groups(x, shape, axes).iter().map(|g| f(g)).collect::<Vec<_>>();
    if apart {
        check_projected(&signed(shape), |x| 20.0 * (x + 2.0), nodes, reference);
    } else {
        check_operator(&signed(shape), nodes, reference);
    }
}

#[test]
fn reductions_over_any_axes() {
    for (i, &reduction) in SMOOTH.iter().chain(&APART).enumerate() {
        for (shape, axes) in [
            (&[3, 2, 4][..], &[1][..]),
            (&[3, 2, 2], &[0, 2]),
            (&[5], &[0]),
            (&[1, 3], &[0]),
            (&[2, 1], &[0, 1]),
        ] {
            check_reduction(reduction, shape, axes, (i + axes.len()) % 2 == 0, i >= SMOOTH.len());
        }
    }
}

#[test]
fn products_with_factors_of_zero() {
    // Of x, 0 and x again: the slope by the middle one is the product of the others.
    let nodes = |model: Model| {
        model
            .floats("mask", &[3], &[1.0, 0.0, 1.0])
            .node("m = Mul h mask")
            .integers("axes", &[1])
            .node("p = ReduceProd m axes")
            .node("z = Add p h")
    };
    check_operator(&[3], nodes, |h| h.to_vec());
}

#[test]
fn softmax_along_any_axis() {
    for (shape, axis) in [(&[4][..], 1i64), (&[3, 2], 1), (&[2, 3, 2], 2), (&[2, 1], -1)] {
        let along = if axis < 0 { (shape.len() as i64 + axis) as usize } else { axis as usize - 1 };
        for operator in ["Softmax", "LogSoftmax"] {
            let nodes = |m: Model| m.node_with(&format!("z = {operator} h"), vec![int("axis", axis)]);
            check_operator(&signed(shape), nodes, |x| {
                let sums: Vec<f64> =
                    groups(x, shape, &[along]).iter().map(|g| g.iter().map(|v| v.exp()).sum()).collect();
                let kept: Vec<usize> =
                    (0..shape.len()).map(|i| if i == along { 1 } else { shape[i] }).collect();
                let weight = |i: &Vec<usize>| at(x, shape, i).exp() / at(&sums, &kept, i);
                let logarithm = operator == "LogSoftmax";
                indices(shape).iter().map(|i| if logarithm { weight(i).ln() } else { weight(i) }).collect()
            });
        }
    }
}

#[test]
fn cumulative_sums() {
    for (reverse, exclusive) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        for length in [1, 2, 5, 8] {
            let nodes = |m: Model| {
                let attributes = vec![int("reverse", reverse), int("exclusive", exclusive)];
                m.integers_of("axis", &[], &[1]).node_with("z = CumSum h axis", attributes)
            };
            check_operator(&[length, 2], nodes, |x| {
                let n = length as usize;
                let before = |i: usize, j: usize| if reverse == 0 { j < i } else { j > i };
                let counted = |i: usize, j: usize| before(i, j) || (exclusive == 0 && i == j);
                let sum = |i: usize, c: usize| (0..n).filter(|&j| counted(i, j)).map(|j| x[2 * j + c]).sum();
                (0..2 * n).map(|r| sum(r / 2, r % 2)).collect()
            });
        }
    }
}

fn standard(group: &[f64], epsilon: f64) -> impl Fn(f64) -> f64 {
    let mean = group.iter().sum::<f64>() / group.len() as f64;
    let variance = group.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / group.len() as f64;
    move |v| (v - mean) / (variance + epsilon).sqrt()
}

#[test]
fn normalisation_of_channels_and_groups() {
    let (scale, bias) = (numbers(4, 60), numbers(4, 61));
    let epsilon = || float("epsilon", 0.125);
    let with_channels = |m: Model| m.floats("s", &[4], &scale).floats("b", &[4], &bias);
    let in_groups = |x: &[f64], size: usize| -> Vec<f64> {
        let normal = |(c, v): (usize, &f64)| {
            let first = c / 3 / size * size * 3;
            standard(&x[first..first + size * 3], 0.125)(*v)
        };
        x.iter().enumerate().map(normal).collect()
    };
    let affine =
        |z: Vec<f64>| z.iter().enumerate().map(|(i, z)| z * scale[i / 3] + bias[i / 3]).collect::<Vec<_>>();
    check_operator(
        &[4, 3],
        |m| with_channels(m).node_with("z = InstanceNormalization h s b", vec![epsilon()]),
        |x| affine(in_groups(x, 1)),
    );
    for groups in [1, 2, 4] {
        let attributes = || vec![epsilon(), int("num_groups", groups)];
        check_operator(
            &[4, 3],
            |m| with_channels(m).opset(21).node_with("z = GroupNormalization h s b", attributes()),
            |x| affine(in_groups(x, 4 / groups as usize)),
        );
        let (s, b) = (&scale[..groups as usize], &bias[..groups as usize]);
        let size = 12 / groups as usize;
        check_operator(
            &[4, 3],
            |m| {
                let m = m.opset(18).floats("s", &[groups], s).floats("b", &[groups], b);
                m.node_with("z = GroupNormalization h s b", attributes())
            },
            |x| {
                let z = in_groups(x, 4 / groups as usize);
                z.iter().enumerate().map(|(i, z)| z * s[i / size] + b[i / size]).collect()
            },
        );
    }
}

#[test]
fn normalisation_with_fixed_statistics_and_by_norms() {
    let (scale, bias, mean) = (numbers(2, 62), numbers(2, 63), numbers(2, 64));
    let nodes = |m: Model| {
        let m = m.floats("s", &[2], &scale).floats("b", &[2], &bias).floats("m", &[2], &mean);
        m.floats("v", &[2], &[0.5, 2.0])
            .node_with("z = BatchNormalization h s b m v", vec![float("epsilon", 0.25)])
    };
    check_operator(&[2, 3], nodes, |x| {
        let normal = |(i, x): (usize, &f64)| {
            let c = i / 3;
            (x - mean[c]) / ([0.5, 2.0][c] + 0.25f64).sqrt() * scale[c] + bias[c]
        };
        x.iter().enumerate().map(normal).collect()
    });
    let weights = numbers(6, 65);
    let root = |m: Model| {
        let attributes = vec![float("epsilon", 0.125), int("axis", 1)];
        m.floats("s", &[2, 3], &weights).node_with("z = RMSNormalization h s", attributes)
    };
    check_operator(&[2, 3], root, |x| {
        let size = (x.iter().map(|v| v * v).sum::<f64>() / 6.0 + 0.125).sqrt();
        x.iter().zip(&weights).map(|(v, w)| v / size * w).collect()
    });
    for p in [1, 2] {
        let nodes = |m: Model| m.node_with("z = LpNormalization x", vec![int("p", p), int("axis", 1)]);
        check_projected(
            &[3, 2],
            |x| x + 3.0,
            nodes,
            |x| {
                let norm = |c: usize| {
                    let terms = (0..3).map(|r| x[2 * r + c].abs().powi(p as i32));
                    if p == 1 { terms.sum::<f64>() } else { terms.sum::<f64>().sqrt() }
                };
                (0..6).map(|i| x[i] / norm(i % 2)).collect()
            },
        );
    }
    let layer = |m: Model| {
        let m = m.floats("s", &[3], &scale.repeat(2)[..3]);
        m.node_with("z = LayerNormalization h s", vec![float("epsilon", 0.125), int("axis", -1)])
    };
    check_operator(&[2, 3], layer, |x| {
        (0..6).map(|i| standard(&x[i / 3 * 3..i / 3 * 3 + 3], 0.125)(x[i]) * scale[i % 3 % 2]).collect()
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reductions_of_any_shape(
        shape in proptest::collection::vec(1usize..4, 1..4),
        mask in 1usize..8,
        which in 0usize..5,
        keep in any::<bool>(),
    ) {
        let axes: Vec<usize> = (0..shape.len()).filter(|i| mask >> i & 1 == 1).collect();
        let axes = if axes.is_empty() { vec![0] } else { axes };
        check_reduction(SMOOTH[which], &shape, &axes, keep, false);
    }
}

#[test]
fn axes_as_attributes_and_no_axes_at_all() {
    let older =
        |m: Model| m.opset(13).node_with("r = ReduceMax x", vec![ints("axes", &[-1])]).node("z = Identity r");
    check_projected(
        &[2, 3],
        |x| 20.0 * x,
        older,
        |x| x.chunks(3).map(|r| r.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect(),
    );
    let nothing = |m: Model| m.node_with("z = ReduceSum h", vec![int("noop_with_empty_axes", 1)]);
    check_operator(&[2, 2], nothing, |h| h.to_vec());
}
