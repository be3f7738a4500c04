//! Comparisons, choices, kinks, and how NaN and infinity pass through.

use super::build::{Model, float};
use super::checks::{at, check_at, check_operator, check_projected, indices, numbers, read};
use crate::{CpuPath, Network, Precision};
use proptest::prelude::*;

const PATHS: [CpuPath; 3] = [CpuPath::Avx512, CpuPath::Avx2, CpuPath::Portable];

/// Values and slopes of a model of one element a sample, the same on every path.
fn apply(model: &Model, x: &[f64]) -> [Vec<f64>; 3] {
    let graph = read(model);
    let mut results: Option<[Vec<f64>; 3]> = None;
    for path in PATHS {
        for precision in [Precision::F64, Precision::F32] {
            let network = Network::with_path(&graph, precision, path).unwrap();
            let ones = vec![1.0; x.len()];
            let mut got = [vec![0.0; x.len()], vec![0.0; x.len()], vec![0.0; x.len()]];
            let [y, dy, adjoint] = &mut got;
            network.adjoint(0.0, x, &ones, y, adjoint);
            network.tangents(0.0, x, &ones, y, dy);
            let first = results.get_or_insert_with(|| got.clone());
            for (a, b) in first.iter().flatten().zip(got.iter().flatten()) {
                let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-5 * a.abs();
                assert!(same, "{path:?} {precision:?}: {got:?}, expected {first:?}");
            }
        }
    }
    results.unwrap()
}

/// Away from 0 by more than any difference reaches.
fn away(x: f64) -> f64 {
    x + 0.3 * x.signum()
}

/// Odd quarters: away from all halves and whole numbers.
fn quarters(x: f64) -> f64 {
    (4.0 * x).round() * 0.5 + 0.25
}

#[test]
fn choices_and_relations() {
    let c = [0.1, -0.1, 0.05];
    let nodes = |m: Model| {
        m.floats("c", &[3], &c)
            .node("g = Greater x c")
            .node("l = LessOrEqual x c")
            .node("n = Not l")
            .node("b = And g n")
            .node("o = Or b l")
            .node("e = Exp x")
            .node("p = Where b e x")
            .node("q = Where o p c")
            .node("r = Xor g l")
            .node("z = Where r q c")
    };
    check_projected(&[3], away, nodes, |x| {
        x.iter().zip(c).map(|(x, c)| if *x > c { x.exp() } else { *x }).collect()
    });
}

#[test]
fn smooth_functions_with_compositions() {
    check_operator(&[4], |m| m.node("z = Atan h"), |x| x.iter().map(|x| x.atan()).collect());
    check_operator(&[4], |m| m.node("z = Tan h"), |x| x.iter().map(|x| x.tan()).collect());
    check_operator(
        &[4],
        |m| m.node("z = Mish h"),
        |x| x.iter().map(|x| x * (1.0 + x.exp()).ln().tanh()).collect(),
    );
    let each = |m: fn(Model) -> Model, f: fn(f64) -> f64| {
        check_projected(&[5], away, m, |x| x.iter().map(|&x| f(x)).collect());
    };
    each(|m| m.node("z = Abs x"), f64::abs);
    each(|m| m.node("z = Softsign x"), |x| x / (1.0 + x.abs()));
    each(|m| m.floats("a", &[1], &[0.25]).node("z = PRelu x a"), |x| if x > 0.0 { x } else { 0.25 * x });
    each(|m| m.node("z = Sign x"), f64::signum);
    let apart = |m: fn(Model) -> Model, f: fn(f64) -> f64| {
        check_projected(&[5], quarters, m, |x| x.iter().map(|&x| f(x)).collect());
    };
    apart(|m| m.node("f = Floor x").node("z = Mul f x"), |x| x.floor() * x);
    apart(|m| m.node("f = Ceil x").node("z = Mul f x"), |x| x.ceil() * x);
    apart(|m| m.node("f = Round x").node("z = Mul f x"), |x| x.round_ties_even() * x);
    let wide = |x: f64| (3.0 * x).round() + 0.5;
    check_projected(
        &[5],
        wide,
        |m| m.node("z = HardSwish x"),
        |x| x.iter().map(|x| x * ((x + 3.0).clamp(0.0, 6.0) / 6.0)).collect(),
    );
    check_projected(
        &[5],
        wide,
        |m| m.node_with("z = HardSigmoid x", vec![float("alpha", 0.25), float("beta", 0.5)]),
        |x| x.iter().map(|x| (0.25 * x + 0.5).clamp(0.0, 1.0)).collect(),
    );
    check_projected(
        &[5],
        wide,
        |m| m.node_with("z = ThresholdedRelu x", vec![float("alpha", 0.75)]),
        |x| x.iter().map(|&x| if x > 0.75 { x } else { 0.0 }).collect(),
    );
}

#[test]
fn clipping() {
    for (inputs, low, high) in [
        ("x a b", -0.5, 1.0),
        ("x a", -0.5, f64::INFINITY),
        ("x _ b", f64::NEG_INFINITY, 1.0),
        ("x", f64::NEG_INFINITY, f64::INFINITY),
        // Where the bounds cross, the upper one counts.
        ("x b a", -0.5, -0.5),
    ] {
        let model = Model::new(&[6]).floats("a", &[], &[-0.5]).floats("b", &[], &[1.0]);
        let model = model.node(&format!("y = Clip {inputs}"));
        check_at(&model, quarters, |_, x| x.iter().map(|x| x.max(low).min(high)).collect());
    }
}

#[test]
fn kinks_are_those_of_pytorch() {
    let slopes = |nodes: &[&str], x: f64| {
        let model = Model::new(&[1]).floats("zero", &[], &[0.0]).floats("one", &[], &[1.0]);
        let model = model.floats("half", &[1], &[0.5]).integers("axes", &[1]);
        let model = nodes.iter().fold(model, |m, n| m.node(n));
        let [_, tangent, adjoint] = apply(&model, &[x]);
        assert_eq!(tangent, adjoint, "{nodes:?}");
        tangent[0]
    };
    assert_eq!(slopes(&["y = Abs x"], 0.0), 0.0);
    assert_eq!(slopes(&["y = Max x zero"], 0.0), 0.5);
    assert_eq!(slopes(&["y = Min zero x zero"], 0.0), 1.0 / 3.0);
    assert_eq!(slopes(&["y = Clip x zero one"], 0.0), 1.0);
    assert_eq!(slopes(&["y = Clip x zero one"], 1.0), 1.0);
    assert_eq!(slopes(&["y = PRelu x half"], 0.0), 0.5);
    assert_eq!(slopes(&["y = HardSwish x"], -3.0), 0.0);
    assert_eq!(slopes(&["y = HardSwish x"], 3.0), 1.0);
    assert_eq!(slopes(&["y = Sign x"], 0.0), 0.0);
    assert_eq!(slopes(&["y = ReduceL2 x axes"], 0.0), 0.0);
    assert_eq!(slopes(&["y = LpNormalization x"], 0.0), 1.0);
    assert_eq!(slopes(&["y = Pow x x"], 0.0), 0.0);
    assert_eq!(slopes(&["y = Pow zero x"], 0.0), 0.0);
    assert_eq!(slopes(&["y = Where x x zero"], 0.0), 0.0);
}

#[test]
fn ties_of_a_maximum_share_evenly() {
    let model = Model::new(&[4])
        .integers("axes", &[1])
        .node("y0 = ReduceMax x axes")
        .node("y1 = Mul y0 x")
        .node("y = Sub y1 x");
    let network = Network::new(&read(&model), Precision::F64).unwrap();
    let (x, u) = ([2.0, -1.0, 2.0, 0.5], [1.0, 0.0, 0.0, 0.0]);
    let (mut y, mut gradient) = ([0.0; 4], [0.0; 4]);
    network.adjoint(0.0, &x, &u, &mut y, &mut gradient);
    // y0 = (max − 1) x0: half of x0 to each of both maxima, and max − 1 to x0.
    assert_eq!(gradient, [2.0, 0.0, 1.0, 0.0]);
}

#[test]
fn what_is_not_a_number_stays_so() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let pass = |nodes: &[&str], x: f64| {
        let model = Model::new(&[1]).floats("zero", &[], &[0.0]).floats("one", &[], &[1.0]);
        let model = nodes.iter().fold(model.integers("axes", &[1]), |m, n| m.node(n));
        apply(&model, &[x])
    };
    for nodes in [
        &["y = Abs x"][..],
        &["y = Sign x"],
        &["y = Floor x"],
        &["y = Max x zero"],
        &["y = Max zero x"],
        &["y = Min one x"],
        &["y = Clip x zero one"],
        &["y = HardSwish x"],
        &["y = HardSigmoid x"],
        &["y = Mish x"],
        &["y = ReduceMax x axes"],
        &["y = ReduceMin x axes"],
        &["y = ReduceLogSumExp x axes"],
        &["y = Softmax x"],
        &["y = ReduceL2 x axes"],
        &["y = Tan x"],
        &["y = Atan x"],
    ] {
        assert!(pass(nodes, nan)[0][0].is_nan(), "{nodes:?}");
    }
    let kept = [
        (&["y = Abs x"][..], -inf, inf, -1.0),
        (&["y = Sign x"], -inf, -1.0, 0.0),
        (&["y = Max x zero"], inf, inf, 1.0),
        (&["y = Max x zero"], -inf, 0.0, 0.0),
        (&["y = Clip x zero one"], inf, 1.0, 0.0),
        (&["y = HardSigmoid x"], -inf, 0.0, 0.0),
        (&["y = ReduceLogSumExp x axes"], inf, inf, nan),
        (&["y = ReduceMax x axes"], -inf, -inf, 1.0),
    ];
    for (nodes, x, value, slope) in kept {
        let [y, dy, _] = pass(nodes, x);
        assert_eq!(y[0], value, "{nodes:?}");
        assert!(dy[0] == slope || slope.is_nan(), "{nodes:?}: {dy:?}");
    }
    // What is not chosen does not show, nor does its slope.
    let guarded = &["p = Less zero x", "l = Log x", "y = Where p l zero"][..];
    let [y, dy, _] = pass(guarded, -1.0);
    assert_eq!((y[0], dy[0]), (0.0, 0.0));
    let log_of_nothing = pass(&["y = ReduceLogSumExp x axes"], -inf);
    assert_eq!(log_of_nothing[0][0], -inf);
}

fn pair_of_shapes() -> impl Strategy<Value = [Vec<usize>; 2]> {
    let axis = (1usize..4, 0usize..3);
    proptest::collection::vec(axis, 1..4).prop_flat_map(|axes| {
        let rank = axes.len();
        (Just(axes), 0..=rank).prop_map(|(axes, dropped)| {
            let own = axes.iter().map(|&(n, kind)| if kind == 0 { 1 } else { n }).collect();
            let other: Vec<usize> = axes.iter().map(|&(n, kind)| if kind == 1 { 1 } else { n }).collect();
            [own, other[dropped..].to_vec()]
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn choices_broadcast_on_every_pair_of_axes([own, other] in pair_of_shapes(), which in 0usize..5) {
        let signed = |list: &[usize]| list.iter().map(|&n| n as i64).collect::<Vec<i64>>();
        let c: Vec<f64> = numbers(other.iter().product(), 90).iter().map(|c| 0.1 * c).collect();
        let nodes = |m: Model| {
            let m = m.floats("c", &signed(&other), &c);
            match which {
                0 => m.node("z = Max x c"),
                1 => m.node("z = Min x c"),
                2 => m.node("g = Less x c").node("s = Sin x").node("z = Where g s c"),
                3 => m.node("z = PRelu x c"),
                _ => m.node("s = Sub x c").node("a = Abs s").node("z = Pow a x"),
            }
        };
        let rank = own.len().max(other.len());
        let length = |s: &[usize], i: usize| if i + s.len() < rank { 1 } else { s[i + s.len() - rank] };
        let shape: Vec<usize> = (0..rank).map(|i| length(&own, i).max(length(&other, i))).collect();
        // So far from c that differences are exact where |x − c| is taken to a power.
        let far = |x: f64| x + x.signum();
        check_projected(&signed(&own), far, nodes, |x| {
            let pair = |i: &Vec<usize>| (at(x, &own, i), at(&c, &other, i));
            indices(&shape).iter().map(pair).map(|(a, b)| match which {
                0 => if a > b { a } else { b },
                1 => if a < b { a } else { b },
                2 => if a < b { a.sin() } else { b },
                3 => if a > 0.0 { a } else { a * b },
                _ => ((a - b).abs().ln() * a).exp(),
            }).collect()
        });
    }
}

#[test]
fn sums_and_means_of_many() {
    let nodes = |m: Model| {
        m.floats("c", &[2], &[1.0, 2.0])
            .node("s = Sum h c h")
            .node("a = Mean s h c")
            .node_with("d = Dropout a", vec![])
            .node("n = Neg d")
            .node("z = Neg n")
    };
    check_operator(&[3, 2], nodes, |x| {
        x.iter()
            .enumerate()
            .map(|(i, x)| {
                let c = [1.0, 2.0][i % 2];
                (2.0 * x + c + x + c) / 3.0
            })
            .collect()
    });
}
