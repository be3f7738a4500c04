//! Every operator against its formula.

use super::build::{Model, float, int, ints, text};
use super::checks::{check, check_at, numbers};

const DIM: i64 = 5;

fn elementwise(node: &str, f: impl Fn(f64) -> f64) {
    check(&Model::new(&[DIM]).node(node), |_, x| x.iter().map(|&x| f(x)).collect());
}

#[test]
fn smooth_functions() {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    elementwise("y = Neg x", |x| -x);
    elementwise("y = Exp x", f64::exp);
    elementwise("y = Sin x", f64::sin);
    elementwise("y = Cos x", f64::cos);
    elementwise("y = Erf x", libm::erf);
    elementwise("y = Sigmoid x", sigmoid);
    elementwise("y = Tanh x", f64::tanh);
    elementwise("y = Softplus x", |x| (1.0 + x.exp()).ln());
    elementwise("y = Swish x", |x| x * sigmoid(x));
    elementwise("y = Gelu x", |x| 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt())));
    let tanh_form = Model::new(&[DIM]).node_with("y = Gelu x", vec![text("approximate", "tanh")]);
    check(&tanh_form, |_, x| {
        let inner = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
        x.iter().map(|&x| 0.5 * x * (1.0 + inner(x).tanh())).collect()
    });
}

#[test]
fn functions_on_positive_numbers() {
    let on_positive = |node: &str, f: fn(f64) -> f64| {
        let model = Model::new(&[DIM]).floats("p", &[], &[2.5]).node(node);
        check_at(&model, |x| 1.5 + 0.4 * x, |_, x| x.iter().map(|&x| f(x)).collect());
    };
    on_positive("y = Log x", f64::ln);
    on_positive("y = Sqrt x", f64::sqrt);
    on_positive("y = Reciprocal x", |x| 1.0 / x);
    on_positive("y = Pow x p", |x| x.powf(2.5));
    on_positive("y = Pow p x", |x| 2.5f64.powf(x));
    on_positive("y = Pow x x", |x| x.powf(x));
}

#[test]
fn functions_with_a_kink() {
    // Differences must not step over 0.
    let away = |x: f64| x + 0.3 * x.signum();
    let kinked = |model: Model, f: &dyn Fn(f64) -> f64| {
        check_at(&model, away, |_, x| x.iter().map(|&x| f(x)).collect());
    };
    let node = |text: &str, attributes| Model::new(&[DIM]).node_with(text, attributes);
    let (alpha, gamma) = (f64::from(1.673_263_2_f32), f64::from(1.050_701_f32));
    let elu = |a: f64, x: f64| if x > 0.0 { x } else { a * (x.exp() - 1.0) };
    kinked(node("y = Relu x", vec![]), &|x| x.max(0.0));
    kinked(node("y = LeakyRelu x", vec![float("alpha", 0.25)]), &|x| if x > 0.0 { x } else { 0.25 * x });
    kinked(node("y = Elu x", vec![float("alpha", 1.5)]), &|x| elu(1.5, x));
    kinked(node("y = Selu x", vec![]), &|x| gamma * elu(alpha, x));
    let celu = |x: f64| if x > 0.0 { x } else { 2.0 * ((x / 2.0).exp() - 1.0) };
    kinked(node("y = Celu x", vec![float("alpha", 2.0)]), &celu);
}

#[test]
fn arithmetic_broadcasts_on_every_axis() {
    let shape = [2, 3, 4];
    for (dims, stride) in
        [(vec![1, 2, 1, 1], [1, 0, 0]), (vec![3, 1], [0, 1, 0]), (vec![4], [0, 0, 1]), (vec![], [0; 3])]
    {
        let c: Vec<f64> = numbers(4, 9).iter().map(|c| c + 4.0).collect();
        let count = dims.iter().product::<i64>() as usize;
        for (operator, f) in [
            ("Add", (|a, b| a + b) as fn(f64, f64) -> f64),
            ("Sub", |a, b| a - b),
            ("Mul", |a, b| a * b),
            ("Div", |a, b| a / b),
        ] {
            let model = Model::new(&shape).floats("c", &dims, &c[..count]);
            let at = |i: usize| c[i / 12 * stride[0] + i / 4 % 3 * stride[1] + i % 4 * stride[2]];
            check(&model.node(&format!("y = {operator} x c")), |_, x| {
                x.iter().enumerate().map(|(i, &x)| f(x, at(i))).collect()
            });
        }
    }
}

#[test]
fn arithmetic_of_two_varying_arguments() {
    let model = Model::new(&[DIM])
        .node("a = Sin x")
        .node("b = Exp x")
        .node("c = Mul a b")
        .node("d = Div c b")
        .node("e = Div x b")
        .node("f = Sub d e")
        .node("y = Add f c");
    check(&model, |_, x| x.iter().map(|&x| x.sin() - x / x.exp() + x.sin() * x.exp()).collect());
}

#[test]
fn products_with_weights_of_awkward_sizes() {
    for (inner, outer) in [(1, 1), (2, 9), (7, 3), (16, 24), (33, 17)] {
        let (w1, w2) = (numbers((inner * outer) as usize, 4), numbers((inner * outer) as usize, 5));
        let bias = numbers(outer as usize, 6);
        let model = Model::new(&[inner])
            .floats("w1", &[outer, inner], &w1)
            .floats("w2", &[outer, inner], &w2)
            .floats("b", &[outer], &bias)
            .node_with("h = Gemm x w1 b", vec![int("transB", 1), float("alpha", 0.5), float("beta", 2.0)])
            .node("a = Tanh h")
            .node("y = MatMul a w2");
        let (inner, outer) = (inner as usize, outer as usize);
        check(&model, |_, x| {
            let hidden = |o: usize| {
                let dot: f64 = (0..inner).map(|i| w1[o * inner + i] * x[i]).sum();
                (0.5 * dot + 2.0 * bias[o]).tanh()
            };
            (0..inner).map(|i| (0..outer).map(|o| hidden(o) * w2[o * inner + i]).sum()).collect()
        });
    }
}

#[test]
fn products_of_varying_matrices() {
    // y = x xᵀ x for x [3, 2].
    let model = Model::new(&[3, 2])
        .node_with("z = Transpose x", vec![ints("perm", &[0, 2, 1])])
        .node("g = MatMul x z")
        .node("y = MatMul g x");
    check(&model, |_, x| {
        let gram = |i: usize, j: usize| (0..2).map(|l| x[2 * i + l] * x[2 * j + l]).sum::<f64>();
        (0..6).map(|r| (0..3).map(|j| gram(r / 2, j) * x[2 * j + r % 2]).sum()).collect()
    });
}

#[test]
fn tokens_share_weights() {
    let w = numbers(16, 8);
    let model = Model::new(&[3, 4]).floats("w", &[4, 4], &w).node("h = MatMul x w").node("y = Sigmoid h");
    check(&model, |_, x| {
        let entry = |r: usize| (0..4).map(|l| x[r / 4 * 4 + l] * w[l * 4 + r % 4]).sum::<f64>();
        (0..12).map(|r| 1.0 / (1.0 + (-entry(r)).exp())).collect()
    });
}

#[test]
fn time_enters_beside_x() {
    let w = numbers(4 * 3, 10);
    let model = Model::new(&[3])
        .floats("w", &[4, 3], &w)
        .integers("one", &[1])
        .node("s = Unsqueeze t one")
        .node_with("c = Concat x s", vec![int("axis", -1)])
        .node("h = MatMul c w")
        .node("y = Sin h");
    check(&model, |t, x| {
        let entry = |o: usize| (0..3).map(|i| x[i] * w[i * 3 + o]).sum::<f64>() + t * w[9 + o];
        (0..3).map(|o| entry(o).sin()).collect()
    });
}

#[test]
fn moving_elements() {
    let model = Model::new(&[2, 3])
        .integers("flat", &[-1, 6])
        .integers("starts", &[-1])
        .integers("ends", &[-100])
        .integers("axes", &[1])
        .integers("steps", &[-2])
        .integers("lengths", &[1, 2])
        .integers("back", &[0, 2, 3])
        .node("f = Reshape x flat")
        .node("odd = Slice f starts ends axes steps")
        .node_with("p q = Split odd lengths", vec![int("axis", 1)])
        .node("q2 = Exp q")
        .node_with("c = Concat q2 p f", vec![int("axis", 1)])
        .node_with("l r = Split c", vec![int("axis", 1)])
        .node_with("m = Concat r l", vec![int("axis", 1)])
        .integers("zero", &[0])
        .integers("six", &[6])
        .node("n = Slice m zero six axes")
        .node("y = Reshape n back");
    check(&model, |_, x| {
        let odd = [x[5], x[3], x[1]];
        let c: Vec<f64> = [odd[1].exp(), odd[2].exp(), odd[0]].into_iter().chain(x.iter().copied()).collect();
        [&c[5..], &c[..5]].concat()[..6].to_vec()
    });
}

#[test]
fn reductions_and_normalisation() {
    let (scale, bias) = (numbers(4, 11), numbers(4, 12));
    let model = Model::new(&[3, 4])
        .floats("s", &[4], &scale)
        .floats("b", &[4], &bias)
        .integers("axes", &[1])
        .node_with("h = LayerNormalization x s b", vec![float("epsilon", 0.125)])
        .node("m = ReduceMean x axes")
        .node("y = Mul h m");
    check(&model, |_, x| {
        let normal = |r: usize| {
            let row = &x[r / 4 * 4..r / 4 * 4 + 4];
            let mean = row.iter().sum::<f64>() / 4.0;
            let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 4.0;
            (x[r] - mean) / (variance + 0.125).sqrt() * scale[r % 4] + bias[r % 4]
        };
        (0..12).map(|r| normal(r) * (x[r % 4] + x[4 + r % 4] + x[8 + r % 4]) / 3.0).collect()
    });
}

#[test]
fn expansion_and_squeezing() {
    let model = Model::new(&[2, 3])
        .integers("axes", &[2])
        .integers("shape", &[1, 2, 3])
        .node_with("s = ReduceSum x axes", vec![int("keepdims", 0)])
        .node("u = Unsqueeze s axes")
        .node("e = Expand u shape")
        .node("q = Squeeze u axes")
        .node("w = Unsqueeze q axes")
        .node("d = Sub e w")
        .node("f = Exp d")
        .node("g = Mul f e")
        .node("y = Mul g x");
    check(&model, |_, x| (0..6).map(|r| x[r] * x[r / 3 * 3..r / 3 * 3 + 3].iter().sum::<f64>()).collect());
}
