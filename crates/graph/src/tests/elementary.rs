//! Inverse and hyperbolic functions, remainders, tests for NaN and infinity, unit vectors.

use super::build::{Model, float, int};
use super::checks::{check, check_at, check_operator, numbers, read};
use crate::{Graph, Limits, Network, Precision};

/// Value, slope and second derivative of a model of one element at x.
fn jet(model: &Model, x: f64) -> [f64; 3] {
    let network = Network::new(&read(model), Precision::F64).unwrap();
    let ([mut y], [mut dy], [mut d2], one) = ([0.0], [0.0], [0.0], [1.0]);
    network.tangents(0.0, &[x], &one, std::slice::from_mut(&mut y), std::slice::from_mut(&mut dy));
    let second = network.second(0.0, &[x], &one, &one, &mut [0.0], std::slice::from_mut(&mut d2));
    second.unwrap();
    [y, dy, d2]
}

#[test]
fn inverse_and_hyperbolic_functions() {
    let on = |operator: &str, domain: fn(f64) -> f64, f: fn(f64) -> f64| {
        let model = Model::new(&[5]).node(&format!("y = {operator} x"));
        check_at(&model, domain, |_, x| x.iter().map(|&x| f(x)).collect());
    };
    on("Sinh", |x| x, f64::sinh);
    on("Cosh", |x| x, f64::cosh);
    on("Asinh", |x| x, f64::asinh);
    on("Acosh", |x| 2.5 + 0.4 * x, f64::acosh);
    on("Asin", |x| 0.3 * x, f64::asin);
    on("Acos", |x| 0.3 * x, f64::acos);
    on("Atanh", |x| 0.3 * x, f64::atanh);
}

/// Closed forms of value, slope and second derivative where differences do not reach.
#[test]
fn inverse_and_hyperbolic_functions_at_their_edges() {
    let inf = f64::INFINITY;
    let model = |operator: &str| Model::new(&[1]).node(&format!("y = {operator} x"));
    let close = |what: &str, got: [f64; 3], expected: [f64; 3]| {
        for (got, expected) in got.into_iter().zip(expected) {
            let fits = got == expected || (got - expected).abs() <= 4e-16 * expected.abs();
            assert!(fits, "{what}: {got:e}, expected {expected:e}");
        }
    };
    // Small arguments keep their relative accuracy, large ones overflow to infinity and not to NaN.
    close("sinh", jet(&model("Sinh"), 1e-9), [1e-9, 1.0, 1e-9]);
    close("sinh", jet(&model("Sinh"), -1000.0), [-inf, inf, -inf]);
    close("cosh", jet(&model("Cosh"), -1000.0), [inf, -inf, inf]);
    close("asinh", jet(&model("Asinh"), 1e-9), [1e-9, 1.0, -1e-9]);
    let large = 1e200f64;
    close("asinh", jet(&model("Asinh"), large), [large.ln() + 2f64.ln(), 1.0 / large, -0.0]);
    close("atanh", jet(&model("Atanh"), 1e-9), [1e-9, 1.0, 2e-9]);
    close("asin", jet(&model("Asin"), 1e-9), [1e-9, 1.0, 1e-9]);
    // arcosh(1 + 2s²) = 2 arsinh s.
    let s = 2f64.powi(-20);
    let [y, ..] = jet(&model("Acosh"), 1.0 + 2.0 * s * s);
    assert!((y - 2.0 * s.asinh()).abs() < 1e-15 * y, "{y:e}");
    assert_eq!(jet(&model("Acosh"), 1.0)[..2], [0.0, inf]);
    assert_eq!(jet(&model("Asin"), 1.0)[..2], [std::f64::consts::FRAC_PI_2, inf]);
    assert_eq!(jet(&model("Acos"), -1.0)[..2], [std::f64::consts::PI, -inf]);
    assert_eq!(jet(&model("Atanh"), -1.0)[..2], [-inf, inf]);
    for (operator, outside) in [("Asin", 1.5), ("Acos", -1.5), ("Acosh", 0.5), ("Atanh", 2.0)] {
        assert!(jet(&model(operator), outside)[0].is_nan(), "{operator}");
        assert!(jet(&model(operator), f64::NAN).iter().all(|y| y.is_nan()), "{operator}");
    }
}

/// Numbers that are no nearer than a fifth to a multiple of 0.7, of both signs.
fn between_multiples(x: f64) -> f64 {
    0.7 * ((2.0 * x).round() + 0.5) + 0.1 * (7.0 * x).sin()
}

#[test]
fn remainders_of_real_numbers() {
    let fmod = || vec![int("fmod", 1)];
    let by = Model::new(&[5]).floats("c", &[], &[0.7]).node_with("y = Mod x c", fmod());
    check_at(&by, between_multiples, |_, x| x.iter().map(|x| x % 0.7).collect());
    // The divisor varies, too: 5 mod |x| + 1.3 has quotients 3, 2 and 1 here.
    let away = |x: f64| [0.05, 0.7, 1.7][(x.abs() * 2.0) as usize % 3] + 0.05 * x.sin();
    let of = Model::new(&[5])
        .floats("c", &[], &[5.0])
        .floats("d", &[], &[1.3])
        .node("a = Add x d")
        .node_with("y = Mod c a", fmod());
    check_at(&of, away, |_, x| x.iter().map(|x| 5.0 % (x + 1.3)).collect());
    let infinite = Model::new(&[1]).floats("c", &[], &[f64::INFINITY]).node_with("y = Mod x c", fmod());
    assert_eq!(jet(&infinite, -3.0), [-3.0, 1.0, 0.0]);
    let zero = Model::new(&[1]).floats("c", &[], &[0.0]).node_with("y = Mod x c", fmod());
    assert!(jet(&zero, 3.0)[0].is_nan());
}

#[test]
fn remainders_of_integers_that_depend_on_the_time() {
    // t = 0.37: the integers are −5 … 4 by steps of 1 from −5 = ⌊10 t⌋ − 8.
    for (fmod, remainder) in [(0, (|a, b| a - b * (a / b).floor()) as fn(f64, f64) -> f64), (1, |a, b| a % b)]
    {
        let model = Model::new(&[10])
            .floats("ten", &[], &[10.0])
            .integers("three", &[3])
            .integers("steps", &(-8..2).collect::<Vec<_>>())
            .integers("minus", &[-3])
            .integers("one", &[1])
            .node("column = Unsqueeze t one")
            .node("scaled = Mul column ten")
            .node_with("whole = Cast scaled", vec![int("to", 7)])
            .node("all = Add whole steps")
            .node_with("m = Mod all three", vec![int("fmod", fmod)])
            .node_with("n = Mod all minus", vec![int("fmod", fmod)])
            .node_with("a = Cast m", vec![int("to", 1)])
            .node_with("b = Cast n", vec![int("to", 1)])
            .node("c = Mul x a")
            .node("y = Add c b");
        check(&model, |t, x| {
            let whole = |i: usize| (10.0 * t).trunc() + i as f64 - 8.0;
            (0..10).map(|i| x[i] * remainder(whole(i), 3.0) + remainder(whole(i), -3.0)).collect()
        });
    }
}

#[test]
fn tests_for_nan_and_infinity() {
    // 0/0 where x < 0, then replaced: neither its value nor its slope shows.
    let model = Model::new(&[6])
        .floats("zero", &[], &[0.0])
        .node("l = Log x")
        .node("n = IsNaN l")
        .node("e = Exp x")
        .node("y = Where n e l");
    let away = |x: f64| x + 0.3 * x.signum();
    check_at(&model, away, |_, x| x.iter().map(|x| if *x < 0.0 { x.exp() } else { x.ln() }).collect());
    for (positive, negative) in [(1, 1), (1, 0), (0, 1), (0, 0)] {
        let flags = vec![int("detect_positive", positive), int("detect_negative", negative)];
        let model = Model::new(&[6])
            .floats("zero", &[], &[0.0])
            .node("q = Div x zero")
            .node_with("i = IsInf q", flags)
            .node("s = Sin x")
            .node("y = Where i s x");
        check_at(&model, away, |_, x| {
            let found = |x: f64| if x > 0.0 { positive == 1 } else { negative == 1 };
            x.iter().map(|&x| if found(x) { x.sin() } else { x }).collect()
        });
    }
    let ordinary = Model::new(&[1]).node("i = IsInf x").node("n = IsNaN x").node("y = Add i n");
    assert_eq!([0.5, f64::INFINITY, f64::NAN].map(|x| jet(&ordinary, x)[0]), [0.0, 1.0, 1.0]);
}

#[test]
fn shrinking() {
    let away = |x: f64| (2.0 * x).round() + 0.5 * (3.0 * x).sin().signum() * 0.4 + 0.05 * x;
    for (bias, bound) in [(0.0, 0.5), (0.25, 0.75)] {
        let attributes = vec![float("bias", bias as f32), float("lambd", bound as f32)];
        let model = Model::new(&[6]).node_with("s = Shrink x", attributes).node("y = Mul s x");
        check_at(&model, away, |_, x| {
            let shrunk = |x: f64| {
                if x > bound {
                    x - bias
                } else if x < -bound {
                    x + bias
                } else {
                    0.0
                }
            };
            x.iter().map(|&x| shrunk(x) * x).collect()
        });
    }
}

#[test]
fn unit_vectors_of_positions() {
    // Known positions, also from the end and outside, on every axis.
    let listed = [2i64, -1, 7, 0];
    let hot = |i: usize, c: usize| {
        let position = if listed[i] < 0 { listed[i] + 3 } else { listed[i] };
        if position == c as i64 { 2.5 } else { -0.5 }
    };
    let known = |m: Model| {
        m.integers("i", &listed).integers_of("depth", &[], &[3]).floats("values", &[2], &[-0.5, 2.5])
    };
    for (axis, rows) in [(-1, true), (1, true), (0, false), (-2, false)] {
        let model = known(Model::new(&[4, 3]))
            .node_with("h = OneHot i depth values", vec![int("axis", axis)])
            .integers("order", &[1, 0]);
        let model = match rows {
            true => model.node("y = Mul x h"),
            false => model.node("r = Transpose h").node("y = Mul x r"),
        };
        check(&model, |_, x| (0..12).map(|e| x[e] * hot(e / 3, e % 3)).collect());
    }
    // Positions of the time: t = 0.37 is class 1 of 4.
    let model = Model::new(&[4])
        .floats("five", &[], &[5.0])
        .floats("depth", &[1], &[4.0])
        .floats("values", &[2], &[0.0, 1.5])
        .node("s = Mul t five")
        .node_with("i = Cast s", vec![int("to", 7)])
        .node("h = OneHot i depth values")
        .node("y = Mul x h");
    check(&model, |t, x| {
        (0..4).map(|c| if c as f64 == (5.0 * t).trunc() { 1.5 * x[c] } else { 0.0 }).collect()
    });
    // The same two values for all samples.
    let varying = known(Model::new(&[2])).node("h = OneHot i depth x").node("y = Exp x");
    let error = Graph::from_bytes(&varying.bytes(), &Limits::default()).unwrap_err().to_string();
    assert!(error.contains("values of shape [batch, 2], not [2]"), "{error}");
}

#[test]
fn identity_matrices() {
    for (diagonal, shift) in [(0, 0i64), (1, 1), (-2, -2), (9, 9)] {
        let nodes = |m: Model| {
            m.floats("w", &[4, 3], &numbers(12, 5))
                .node_with("e = EyeLike w", vec![int("k", diagonal)])
                .node("z = MatMul h e")
        };
        check_operator(&[2, 4], nodes, |h| {
            let row = |r: usize| {
                (0..3i64).map(move |c| {
                    let source = c - shift;
                    if (0..4).contains(&source) { h[4 * r + source as usize] } else { 0.0 }
                })
            };
            (0..2).flat_map(row).collect()
        });
    }
}
