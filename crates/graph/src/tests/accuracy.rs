//! Vector functions to the last digits, and at the edges of the numbers.

use super::build::{Model, float};
use super::checks::read;
use crate::{CpuPath, Network, Precision};

const PATHS: [CpuPath; 3] = [CpuPath::Avx512, CpuPath::Avx2, CpuPath::Portable];

/// Values and slopes of a function of one argument.
fn apply(model: &Model, precision: Precision, path: CpuPath, x: &[f64]) -> [Vec<f64>; 2] {
    let network = Network::with_path(&read(model), precision, path).unwrap();
    let (mut y, mut dy) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    network.tangents(0.0, x, &vec![1.0; x.len()], &mut y, &mut dy);
    [y, dy]
}

fn grid(from: f64, to: f64, count: usize) -> Vec<f64> {
    (0..=count).map(|i| from + (to - from) * i as f64 / count as f64).collect()
}

/// Largest relative error in units of the precision's last place, at numbers of single precision.
fn worst(node: &str, range: [f64; 2], precision: Precision, exact: impl Fn(f64) -> [f64; 2]) -> f64 {
    let x: Vec<f64> = grid(range[0], range[1], 20_011).iter().map(|&x| f64::from(x as f32)).collect();
    let last_place = if precision == Precision::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let mut worst = 0.0f64;
    for path in PATHS {
        let results = apply(&Model::new(&[1]).node(node), precision, path, &x);
        for (i, &x) in x.iter().enumerate() {
            for (result, exact) in results.iter().zip(exact(x)) {
                let error = (result[i] - exact).abs() / (exact.abs() * last_place);
                worst = worst.max(if exact == 0.0 { 0.0 } else { error });
            }
        }
    }
    worst
}

#[test]
fn exponential_within_two_units_in_the_last_place() {
    for (precision, range) in [(Precision::F32, [-87.3, 88.7]), (Precision::F64, [-708.0, 709.7])] {
        let error = worst("y = Exp x", range, precision, |x| [x.exp(); 2]);
        assert!(error <= 2.0, "{precision:?}: {error}");
    }
}

#[test]
fn functions_made_of_it_keep_their_relative_accuracy() {
    for precision in [Precision::F32, Precision::F64] {
        for range in [[-20.0, 20.0], [-0.01, 0.01]] {
            let sigmoid = |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
            let error = worst("y = Sigmoid x", range, precision, |x| [sigmoid(x), sigmoid(x) * sigmoid(-x)]);
            assert!(error <= 8.0, "sigmoid {precision:?} {range:?}: {error}");
            let error = worst("y = Tanh x", range, precision, |x| [x.tanh(), x.cosh().powi(-2)]);
            assert!(error <= 8.0, "tanh {precision:?} {range:?}: {error}");
            let elu = |x: f64| if x > 0.0 { [x, 1.0] } else { [x.exp_m1(), x.exp()] };
            let error = worst("y = Elu x", range, precision, elu);
            assert!(error <= 4.0, "ELU {precision:?} {range:?}: {error}");
        }
    }
}

#[test]
fn infinities_and_nan_propagate() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let expected: [(&str, [f64; 2]); 8] = [
        ("Exp", [0.0, inf]),
        ("Sigmoid", [0.0, 1.0]),
        ("Tanh", [-1.0, 1.0]),
        ("Relu", [0.0, inf]),
        ("LeakyRelu", [-inf, inf]),
        ("Elu", [-1.0, inf]),
        ("Softplus", [0.0, inf]),
        ("Neg", [inf, -inf]),
    ];
    for (operator, [left, right]) in expected {
        for path in PATHS {
            for precision in [Precision::F32, Precision::F64] {
                let model = Model::new(&[1]).node(&format!("y = {operator} x"));
                let [y, dy] = apply(&model, precision, path, &[-inf, inf, nan]);
                assert_eq!(y[..2], [left, right], "{operator} {path:?} {precision:?}");
                let slope_keeps = operator == "Neg" || dy[2].is_nan();
                assert!(y[2].is_nan() && slope_keeps, "{operator} {path:?} {precision:?}: {y:?} {dy:?}");
            }
        }
    }
}

#[test]
fn slopes_at_kinks_are_the_left_ones() {
    let slope = |model: Model| apply(&model, Precision::F64, CpuPath::detect(), &[0.0])[1][0];
    let node = |text: &str, alpha: f32| Model::new(&[1]).node_with(text, vec![float("alpha", alpha)]);
    assert_eq!(slope(Model::new(&[1]).node("y = Relu x")), 0.0);
    assert_eq!(slope(node("y = LeakyRelu x", 0.25)), 0.25);
    assert_eq!(slope(node("y = Elu x", 1.5)), 1.5);
    assert_eq!(slope(node("y = Celu x", 2.0)), 1.0);
}
