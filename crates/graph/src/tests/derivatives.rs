//! Second order and gradients by weights of compiled networks.

use super::build::{Model, int};
use super::checks::{close, numbers, read};
use crate::passes::{gradients, tangent, tangent_over};
use crate::{Extent, Graph, Network, Precision, Program};

const FUNCTIONS: [&str; 8] = ["Tanh", "Selu", "Swish", "Gelu", "Softplus", "Exp", "Sin", "Sigmoid"];

/// Two layers with a time.
fn network(function: &str) -> Graph {
    let model = Model::new(&[3])
        .floats("w1", &[4, 7], &numbers(28, 30))
        .floats("b1", &[7], &numbers(7, 31))
        .floats("w2", &[3, 7], &numbers(21, 32))
        .floats("b2", &[3], &numbers(3, 33))
        .integers("one", &[1])
        .node("s = Unsqueeze t one")
        .node_with("c = Concat x s", vec![int("axis", 1)])
        .node_with("h = Gemm c w1 b1", vec![])
        .node(&format!("a = {function} h"))
        .node_with("y = Gemm a w2 b2", vec![int("transB", 1)]);
    read(&model)
}

#[test]
fn second_order_is_symmetric_and_matches_differences_of_tangents() {
    for function in FUNCTIONS {
        let network = Network::new(&network(function), Precision::F64).unwrap();
        for (n, k) in [(1, 1), (4, 2), (1, 3), (19, 5)] {
            let (x, u, v) = (numbers(n * 3, 40), numbers(n * k * 3, 41), numbers(n * k * 3, 42));
            let (mut y, mut d2, mut swapped) = (vec![0.0; n * 3], vec![0.0; n * k * 3], vec![0.0; n * k * 3]);
            network.second(0.3, &x, &u, &v, &mut y, &mut d2).unwrap();
            network.second(0.3, &x, &v, &u, &mut y, &mut swapped).unwrap();
            close(function, &d2, &swapped, 1e-13);
            let mut value = y.clone();
            network.value(0.3, &x, &mut value);
            assert_eq!(value, y);
            // Differences across the kink of SELU's slope say nothing.
            if function != "Selu" {
                close(function, &d2, &tangent_differences(&network, 0.3, &x, &u, &v), 1e-9);
            }
        }
    }
}

#[test]
fn transposed_second_order_pairs_with_second_order() {
    for function in FUNCTIONS {
        for precision in [Precision::F64, Precision::F32] {
            let network = Network::new(&network(function), precision).unwrap();
            let tolerance = if precision == Precision::F64 { 1e-13 } else { 1e-5 };
            for (n, k) in [(1, 1), (4, 2), (19, 5), (2, 0)] {
                let x = numbers(n * 3, 40);
                let [u, v, w] = [41, 42, 43].map(|seed| numbers(n * k * 3, seed));
                let (mut y, mut d2, mut out) = (x.clone(), u.clone(), u.clone());
                network.second(0.3, &x, &v, &w, &mut y, &mut d2).unwrap();
                network.second_adjoint(0.3, &x, &v, &u, &mut y, &mut out).unwrap();
                let pair = |a: &[f64], b: &[f64]| -> Vec<f64> {
                    a.chunks(3).zip(b.chunks(3)).map(|(a, b)| dot(a, b)).collect()
                };
                close(function, &pair(&w, &out), &pair(&u, &d2), tolerance);
            }
        }
    }
}

/// (df(x + h v_j) u_j − df(x − h v_j) u_j)/2h, order 6.
fn tangent_differences(network: &Network, t: f64, x: &[f64], u: &[f64], v: &[f64]) -> Vec<f64> {
    let (dim, h) = (network.dim(), 2e-3);
    let k = u.len() / x.len();
    let mut result = vec![0.0; u.len()];
    for (row, out) in result.chunks_exact_mut(dim).enumerate() {
        let [u, v] = [u, v].map(|a| &a[row * dim..(row + 1) * dim]);
        let x = &x[row / k * dim..(row / k + 1) * dim];
        for (steps, weight) in [(1.0, 0.75), (2.0, -0.15), (3.0, 1.0 / 60.0)] {
            for sign in [1.0, -1.0] {
                let moved: Vec<f64> = x.iter().zip(v).map(|(x, v)| x + sign * steps * h * v).collect();
                let (mut y, mut ju) = (vec![0.0; dim], vec![0.0; dim]);
                network.tangents(t, &moved, u, &mut y, &mut ju);
                out.iter_mut().zip(ju).for_each(|(o, j)| *o += sign * weight * j / h);
            }
        }
    }
    result
}

#[test]
fn second_order_of_closed_forms() {
    let run = |model: &Model, x: &[f64], u: &[f64], v: &[f64]| {
        let network = Network::new(&read(model), Precision::F64).unwrap();
        let (mut y, mut d2) = (vec![0.0; x.len()], vec![f64::NAN; u.len()]);
        network.second(0.0, x, u, v, &mut y, &mut d2).unwrap();
        d2
    };
    let (x, u, v) = ([0.3, -0.7], [1.0, 2.0, -1.0, 0.5], [0.2, -0.4, 3.0, 1.0]);
    // A linear network bends nowhere.
    let linear = Model::new(&[2]).floats("w", &[2, 2], &numbers(4, 50)).node("y = MatMul x w");
    assert_eq!(run(&linear, &x, &u, &v), [0.0; 4]);
    // d²(x³) = 6 x u v, elementwise.
    let cubic = Model::new(&[2]).node("s = Mul x x").node("y = Mul s x");
    let expected: Vec<f64> = (0..4).map(|i| 6.0 * x[i % 2] * u[i] * v[i]).collect();
    close("cubic", &run(&cubic, &x, &u, &v), &expected, 1e-14);
    // d²(x |x|²) = 2 (⟨x, u⟩ v + ⟨x, v⟩ u + ⟨u, v⟩ x).
    let radial = Model::new(&[2])
        .integers("axes", &[1])
        .node("s = Mul x x")
        .node("r = ReduceSum s axes")
        .node("y = Mul x r");
    let dot = |a: &[f64], b: &[f64]| a[0] * b[0] + a[1] * b[1];
    let term = |i: usize| {
        let [u, v] = [&u[i / 2 * 2..i / 2 * 2 + 2], &v[i / 2 * 2..i / 2 * 2 + 2]];
        2.0 * (dot(&x, u) * v[i % 2] + dot(&x, v) * u[i % 2] + dot(u, v) * x[i % 2])
    };
    close("radial", &run(&radial, &x, &u, &v), &(0..4).map(term).collect::<Vec<_>>(), 1e-14);
}

/// The weights of a graph, some of them as inputs.
struct Trained {
    graph: Graph,
    names: Vec<String>,
    values: Vec<Vec<f64>>,
}

impl Trained {
    fn new(graph: &Graph) -> Trained {
        let parameters = || graph.parameters();
        let names: Vec<String> = parameters().map(|p| p.name.to_string()).collect();
        let values = parameters().map(|p| p.values.to_vec()).collect();
        let listed: Vec<&str> = names.iter().map(String::as_str).collect();
        Trained { graph: graph.with_parameters_as_inputs(&listed).unwrap(), names, values }
    }

    fn listed(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// Gradients by all weights of Σ u · y.
    fn gradients(&self, program: &Program, x: &[f64], u: &[f64]) -> Vec<Vec<f64>> {
        let outputs: Vec<String> = self.names.iter().map(|name| format!("{name}.u")).collect();
        let mut results: Vec<Vec<f64>> = self.values.iter().map(|v| vec![f64::NAN; v.len()]).collect();
        let mut inputs: Vec<(&str, &[f64])> = vec![("x", x), ("t", &[0.3]), ("u", u)];
        inputs.extend(self.names.iter().zip(&self.values).map(|(n, v)| (n.as_str(), v.as_slice())));
        let mut asked: Vec<(&str, &mut [f64])> =
            outputs.iter().zip(&mut results).map(|(n, r)| (n.as_str(), r.as_mut_slice())).collect();
        program.run(x.len() / 3, 0, &inputs, &mut asked);
        results
    }
}

/// df/ds at 0 by central differences of order 6.
fn slope(f: &dyn Fn(f64) -> f64) -> f64 {
    let h = 1e-3;
    let term = |(s, weight): (f64, f64)| weight * (f(s * h) - f(-s * h)) / h;
    [(1.0, 0.75), (2.0, -0.15), (3.0, 1.0 / 60.0)].map(term).iter().sum()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn gradients_by_weights_pair_with_the_tangents_in_their_directions() {
    for function in FUNCTIONS {
        let trained = Trained::new(&network(function));
        assert_eq!(trained.names, ["w1", "b1", "w2", "b2"]);
        let graph = gradients(&trained.graph, "y", &trained.listed(), "u").unwrap();
        let program = Program::new(&graph, Precision::F64).unwrap();
        for n in [1, 2, 7, 8, 9, 53] {
            let (x, u) = (numbers(3 * n, 60), numbers(3 * n, 61));
            let found = trained.gradients(&program, &x, &u);
            for (i, name) in trained.listed().into_iter().enumerate() {
                // One direction a call: the whole batch moves with the weight.
                let forward = tangent_over(&trained.graph, name, "dw", Extent::Call).unwrap();
                let forward = Program::new(&forward, Precision::F64).unwrap();
                let dw = numbers(trained.values[i].len(), 62);
                let mut jw = vec![0.0; 3 * n];
                let mut inputs: Vec<(&str, &[f64])> = vec![("x", &x), ("t", &[0.3]), ("dw", &dw)];
                let weights = trained.names.iter().zip(&trained.values);
                inputs.extend(weights.map(|(n, v)| (n.as_str(), v.as_slice())));
                forward.run(n, 0, &inputs, &mut [("y.dw", &mut jw)]);
                close(name, &[dot(&found[i], &dw)], &[dot(&u, &jw)], 1e-12);
            }
        }
    }
}

#[test]
fn gradients_of_a_linear_layer_are_sums_of_outer_products() {
    let model = Model::new(&[3])
        .floats("w", &[3, 3], &numbers(9, 70))
        .floats("b", &[3], &numbers(3, 71))
        .node("p = MatMul x w")
        .node("y = Add p b");
    let trained = Trained::new(&read(&model));
    let graph = gradients(&trained.graph, "y", &trained.listed(), "u").unwrap();
    for precision in [Precision::F64, Precision::F32] {
        let program = Program::new(&graph, precision).unwrap();
        let n = 37;
        let (x, u) = (numbers(3 * n, 72), numbers(3 * n, 73));
        let found = trained.gradients(&program, &x, &u);
        let sum = |f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>();
        let outer: Vec<f64> = (0..9).map(|e| sum(&|i| x[3 * i + e / 3] * u[3 * i + e % 3])).collect();
        let bias: Vec<f64> = (0..3).map(|e| sum(&|i| u[3 * i + e])).collect();
        let tolerance = if precision == Precision::F64 { 1e-14 } else { 2e-6 };
        close("outer products", &found[0], &outer, tolerance);
        close("bias", &found[1], &bias, tolerance);
    }
}

/// Weights of a network with a token axis and one used twice, and a weight that only meets the time.
#[test]
fn gradients_by_shared_weights_match_differences() {
    let model = Model::new(&[2, 3])
        .floats("w", &[3, 3], &numbers(9, 80))
        .floats("g", &[3], &numbers(3, 81))
        .integers("axes", &[1, 2])
        .node("s = Unsqueeze t axes")
        .node("m = Mul s g")
        .node("h = MatMul x w")
        .node("a = Tanh h")
        .node("b = MatMul a w")
        .node("y = Mul b m");
    let graph = read(&model);
    let trained = Trained::new(&graph);
    let program = Program::new(&trained.graph, Precision::F64).unwrap();
    let reverse = gradients(&trained.graph, "y", &trained.listed(), "u").unwrap();
    let reverse = Program::new(&reverse, Precision::F64).unwrap();
    let n = 5;
    let (x, u) = (numbers(6 * n, 82), numbers(6 * n, 83));
    let objective = |w: &[f64], g: &[f64]| {
        let mut y = vec![0.0; 6 * n];
        program.run(n, 0, &[("x", &x), ("t", &[0.3]), ("w", w), ("g", g)], &mut [("y", &mut y)]);
        dot(&y, &u)
    };
    let [w, g] = [&trained.values[0], &trained.values[1]];
    let (mut dw, mut dg) = (vec![0.0; 9], vec![0.0; 3]);
    reverse.run(
        n,
        0,
        &[("x", &x), ("t", &[0.3]), ("w", w), ("g", g), ("u", &u)],
        &mut [("w.u", &mut dw), ("g.u", &mut dg)],
    );
    let moved = |a: &[f64], e: usize, s: f64| {
        let mut a = a.to_vec();
        a[e] += s;
        a
    };
    let by_w: Vec<f64> = (0..9).map(|e| slope(&|s| objective(&moved(w, e, s), g))).collect();
    let by_g: Vec<f64> = (0..3).map(|e| slope(&|s| objective(w, &moved(g, e, s)))).collect();
    close("shared weight", &dw, &by_w, 1e-10);
    close("weight of the time", &dg, &by_g, 1e-10);
}

/// Gradients of Σ u · df v, summed over directions: the score-matching case.
#[test]
fn gradients_of_tangents_sum_over_directions() {
    let graph = network("Tanh").with_parameters_as_inputs(&["w1"]).unwrap();
    let forward = tangent(&graph, "x", "v").unwrap();
    let reverse = gradients(&forward, "y.v", &["w1"], "u").unwrap();
    let [reverse, forward] = [reverse, forward].map(|g| Program::new(&g, Precision::F64).unwrap());
    let w1 = numbers(28, 30);
    for (n, k) in [(1, 1), (3, 4), (20, 3)] {
        let (x, v, u) = (numbers(3 * n, 90), numbers(3 * n * k, 91), numbers(3 * n * k, 92));
        let objective = |w1: &[f64]| {
            let mut jv = vec![0.0; 3 * n * k];
            let inputs: [(&str, &[f64]); 4] = [("x", &x), ("t", &[0.3]), ("v", &v), ("w1", w1)];
            forward.run(n, k, &inputs, &mut [("y.v", &mut jv)]);
            dot(&jv, &u)
        };
        let mut dw = vec![0.0; 28];
        let inputs: [(&str, &[f64]); 5] = [("x", &x), ("t", &[0.3]), ("v", &v), ("w1", &w1), ("u", &u)];
        reverse.run(n, k, &inputs, &mut [("w1.u", &mut dw)]);
        let along = numbers(28, 93);
        let shifted = |s: f64| w1.iter().zip(&along).map(|(w, d)| w + s * d).collect::<Vec<_>>();
        let slope = slope(&|s| objective(&shifted(s)));
        close("slope", &[dot(&dw, &along)], &[slope], 1e-9);
    }
}

#[test]
fn gradients_do_not_depend_on_how_a_batch_is_tiled() {
    // The first samples alone, and with zero cotangents behind them: the same bits, whatever the tiles.
    let trained = Trained::new(&network("Tanh"));
    let graph = gradients(&trained.graph, "y", &trained.listed(), "u").unwrap();
    for precision in [Precision::F64, Precision::F32] {
        let program = Program::new(&graph, precision).unwrap();
        let (x, u) = (numbers(3 * 200, 95), numbers(3 * 200, 96));
        for few in [1, 16, 33, 50] {
            let mut padded = u.clone();
            padded[3 * few..].fill(0.0);
            let alone = trained.gradients(&program, &x[..3 * few], &u[..3 * few]);
            assert_eq!(trained.gradients(&program, &x, &padded), alone, "{few} samples");
        }
    }
}

/// d/ds of the gradients at w + s dw: the tangent first, then its gradients, which meet no sum over samples.
#[test]
fn products_with_the_hessian_by_weights_match_differences_of_gradients() {
    let trained = Trained::new(&network("Tanh"));
    let forward = tangent_over(&trained.graph, "w1", "dw", Extent::Call).unwrap();
    let product = Program::new(&gradients(&forward, "y.dw", &["w1"], "u").unwrap(), Precision::F64).unwrap();
    let plain = gradients(&trained.graph, "y", &["w1"], "u").unwrap();
    let plain = Program::new(&plain, Precision::F64).unwrap();
    let n = 9;
    let (x, u, dw) = (numbers(3 * n, 100), numbers(3 * n, 101), numbers(28, 102));
    let run = |program: &Program, w1: &[f64], more: &[(&'static str, &[f64])]| {
        let rest = trained.names.iter().zip(&trained.values).skip(1);
        let mut inputs: Vec<(&str, &[f64])> = vec![("x", &x), ("t", &[0.3]), ("u", &u), ("w1", w1)];
        inputs.extend(rest.map(|(name, values)| (name.as_str(), values.as_slice())));
        inputs.extend(more);
        let mut gradient = vec![f64::NAN; 28];
        program.run(n, 0, &inputs, &mut [("w1.u", &mut gradient)]);
        gradient
    };
    let w1 = &trained.values[0];
    let found = run(&product, w1, &[("dw", &dw)]);
    let at = |s: f64, e: usize| {
        let moved: Vec<f64> = w1.iter().zip(&dw).map(|(w, d)| w + s * d).collect();
        run(&plain, &moved, &[])[e]
    };
    let expected: Vec<f64> = (0..28).map(|e| slope(&|s| at(s, e))).collect();
    close("Hessian", &found, &expected, 1e-10);
}

#[test]
fn impossible_requests_are_refused() {
    let graph = network("Tanh");
    assert!(graph.with_parameters_as_inputs(&["w3"]).unwrap_err().contains("w3"));
    assert!(graph.with_parameters_as_inputs(&["w1", "w1"]).is_err());
    let trained = Trained::new(&graph);
    assert!(gradients(&trained.graph, "y", &["x"], "u").unwrap_err().contains('x'));
    assert!(gradients(&trained.graph, "y", &["w3"], "u").is_err());
    assert!(gradients(&trained.graph, "z", &["w1"], "u").is_err());
    let summed = gradients(&trained.graph, "y", &["w1"], "u").unwrap();
    assert!(tangent(&summed, "x", "v").unwrap_err().contains("sum over samples"));
    assert!(crate::passes::adjoint(&summed, "w1.u", "x", "c").unwrap_err().contains("sum over samples"));
    // Once a sample it exists: the product of a mixed derivative with the whole batch's direction.
    assert!(tangent_over(&summed, "x", "v", Extent::Sample).is_ok());
}
