//! What must hold of every model.

use super::build::Model;
use crate::{CpuPath, Graph, Limits, Network, Precision};

/// Numbers in [−1.5, 1.5] without pattern.
pub fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let number = |i: u64| {
        let mut z = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(seed << 20);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z >> 11) as f64 / (1u64 << 53) as f64 - 0.5) * 3.0
    };
    (0..count as u64).map(number).collect()
}

#[track_caller]
pub fn close(what: &str, a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len(), "{what}");
    let scale = b.iter().fold(1.0f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}[{i}]: {a:e}, expected {b:e}");
    }
}

pub fn read(model: &Model) -> Graph {
    Graph::from_bytes(&model.bytes(), &Limits::default()).unwrap()
}

/// Value against `reference`, tangents against differences of `reference`, adjoint against tangents, precisions and
/// instruction sets against each other, and rows against the same rows alone.
#[track_caller]
pub fn check(model: &Model, reference: impl Fn(f64, &[f64]) -> Vec<f64>) {
    check_at(model, |x| x, reference);
}

/// As [`check`], at numbers that `domain` maps into the domain of the model.
#[track_caller]
pub fn check_at(model: &Model, domain: impl Fn(f64) -> f64, reference: impl Fn(f64, &[f64]) -> Vec<f64>) {
    let graph = read(model);
    let network = Network::new(&graph, Precision::F64).unwrap();
    let dim = network.dim();
    let (n, k, t) = (5, 3, 0.37);
    let x: Vec<f64> = numbers(n * dim, 1).into_iter().map(&domain).collect();
    let (v, u) = (numbers(n * k * dim, 2), numbers(n * k * dim, 3));
    let (mut y, mut jv, mut uj) = (vec![0.0; x.len()], vec![0.0; v.len()], vec![0.0; v.len()]);
    network.tangents(t, &x, &v, &mut y, &mut jv);
    let value = y.clone();
    network.adjoint(t, &x, &u, &mut y, &mut uj);
    assert_eq!(y, value, "the adjoint program's value");
    for i in 0..n {
        let at = &x[i * dim..(i + 1) * dim];
        close("value", &y[i * dim..(i + 1) * dim], &reference(t, at), 1e-12);
        // Differences are as exact as the values they are taken of.
        let largest = y[i * dim..(i + 1) * dim].iter().fold(1.0f64, |m, y| m.max(y.abs()));
        for j in 0..k {
            let row = (i * k + j) * dim..(i * k + j + 1) * dim;
            let difference = difference(|x| reference(t, x), at, &v[row.clone()]);
            close("tangent", &jv[row.clone()], &difference, 1e-12 * largest);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (left, right) = (dot(&u[row.clone()], &jv[row.clone()]), dot(&uj[row.clone()], &v[row]));
            close("adjoint", &[left], &[right], 1e-12);
        }
    }
    second_order(&network, t, &x, &v, &u);
    second_adjoint(&network, t, &x, &v, &u);
    paths_agree(&graph, t, &x, &v);
    rows_alone(&network, t, &x, &v, &u, [&value, &jv, &uj]);
}

/// Second order is symmetric, and the difference of tangents.
fn second_order(network: &Network, t: f64, x: &[f64], v: &[f64], w: &[f64]) {
    let (dim, k) = (network.dim(), v.len() / x.len());
    let mut y = vec![0.0; x.len()];
    let [mut vw, mut wv] = [vec![0.0; v.len()], vec![0.0; v.len()]];
    network.second(t, x, v, w, &mut y, &mut vw).unwrap();
    network.second(t, x, w, v, &mut y, &mut wv).unwrap();
    close("symmetry of second order", &vw, &wv, 1e-12);
    for i in 0..x.len() / dim {
        let at = &x[i * dim..(i + 1) * dim];
        for j in 0..k {
            let row = (i * k + j) * dim..(i * k + j + 1) * dim;
            let along = |x: &[f64]| {
                let (mut y, mut jv) = (vec![0.0; dim], vec![0.0; dim]);
                network.tangents(t, x, &v[row.clone()], &mut y, &mut jv);
                jv
            };
            close("second order", &vw[row.clone()], &difference(along, at, &w[row.clone()]), 1e-11);
        }
    }
}

/// The transposed second order pairs with the second order along the coordinates, and a row does not see its batch.
fn second_adjoint(network: &Network, t: f64, x: &[f64], v: &[f64], u: &[f64]) {
    let (dim, k) = (network.dim(), v.len() / x.len());
    let (mut y, mut found) = (vec![0.0; x.len()], vec![f64::NAN; v.len()]);
    network.second_adjoint(t, x, v, u, &mut y, &mut found).unwrap();
    let mut value = y.clone();
    network.value(t, x, &mut value);
    assert_eq!(y, value, "the value beside the transposed second order");
    for row in 0..v.len() / dim {
        let x = &x[row / k * dim..][..dim];
        let own = row * dim..(row + 1) * dim;
        let mut expected = vec![0.0; dim];
        for (i, expected) in expected.iter_mut().enumerate() {
            let unit: Vec<f64> = (0..dim).map(|j| f64::from(u8::from(i == j))).collect();
            let (mut y, mut d2) = (vec![0.0; dim], vec![0.0; dim]);
            network.second(t, x, &v[own.clone()], &unit, &mut y, &mut d2).unwrap();
            *expected = u[own.clone()].iter().zip(&d2).map(|(u, d)| u * d).sum();
        }
        close("transposed second order", &found[own.clone()], &expected, 1e-11);
        let (mut y, mut alone) = (vec![0.0; dim], vec![0.0; dim]);
        network.second_adjoint(t, x, &v[own.clone()], &u[own.clone()], &mut y, &mut alone).unwrap();
        assert_eq!(alone, found[own], "a row of the transposed second order alone");
    }
}

/// Checks nodes that make `z` of `h` = sin x, of any shape: `z` is projected to the shape of x. `reference` makes z of h.
#[track_caller]
pub fn check_operator(shape: &[i64], nodes: impl Fn(Model) -> Model, reference: impl Fn(&[f64]) -> Vec<f64>) {
    let curved = |model: Model| nodes(model.node("h = Sin x"));
    check_projected(shape, |x| x, curved, |x| reference(&x.iter().map(|x| x.sin()).collect::<Vec<_>>()));
}

/// As [`check_operator`] for nodes that make `z` of x itself, at numbers that `domain` maps into theirs.
#[track_caller]
pub fn check_projected(
    shape: &[i64],
    domain: impl Fn(f64) -> f64,
    nodes: impl Fn(Model) -> Model,
    reference: impl Fn(&[f64]) -> Vec<f64>,
) {
    let dim = shape.iter().product::<i64>() as usize;
    let count = reference(&numbers(dim, 7).into_iter().map(&domain).collect::<Vec<_>>()).len();
    let probe: Vec<f64> = numbers(count * dim, 8).iter().map(|p| p / (count as f64).sqrt()).collect();
    let back: Vec<i64> = [-1].iter().chain(shape).copied().collect();
    let model = nodes(Model::new(shape))
        .floats("probe", &[count as i64, dim as i64], &probe)
        .integers("back", &back)
        .node("flat = Flatten z")
        .node("projected = MatMul flat probe")
        .node("y = Reshape projected back");
    check_at(&model, domain, |_, x| {
        let z = reference(x);
        (0..dim).map(|i| z.iter().enumerate().map(|(j, z)| z * probe[j * dim + i]).sum()).collect()
    });
}

/// Every index of a shape in row-major order.
pub fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let extend = |lists: Vec<Vec<usize>>, &n: &usize| {
        lists.iter().flat_map(|list| (0..n).map(move |i| [&list[..], &[i]].concat())).collect()
    };
    shape.iter().fold(vec![vec![]], extend)
}

/// The element of row-major values at an index; axes of length 1 are broadcast, missing leading axes too.
pub fn at(values: &[f64], shape: &[usize], index: &[usize]) -> f64 {
    let own = &index[index.len() - shape.len()..];
    values[shape.iter().zip(own).fold(0, |sum, (&n, &i)| sum * n + if n == 1 { 0 } else { i })]
}

/// Directional derivative by central differences of order 10; the step shrinks with the length of `v`, so that
/// truncation and rounding both stay below 1e-12.
fn difference(f: impl Fn(&[f64]) -> Vec<f64>, x: &[f64], v: &[f64]) -> Vec<f64> {
    const WEIGHTS: [f64; 5] = [5.0 / 6.0, -5.0 / 21.0, 5.0 / 84.0, -5.0 / 504.0, 1.0 / 1260.0];
    let h = 0.02 / (1.0 + v.iter().map(|v| v * v).sum::<f64>().sqrt());
    let shifted = |s: f64| f(&x.iter().zip(v).map(|(x, v)| x + s * v).collect::<Vec<_>>());
    let mut result = vec![0.0; x.len()];
    for (i, weight) in WEIGHTS.iter().enumerate() {
        let s = (i + 1) as f64 * h;
        let (right, left) = (shifted(s), shifted(-s));
        result.iter_mut().zip(right.iter().zip(&left)).for_each(|(d, (r, l))| *d += weight * (r - l) / h);
    }
    result
}

/// The same bits from both instruction sets with fused multiply-add; the same numbers from the portable path.
fn paths_agree(graph: &Graph, t: f64, x: &[f64], v: &[f64]) {
    let run = |precision, path| {
        let network = Network::with_path(graph, precision, path).unwrap();
        let (mut y, mut jv) = (vec![0.0; x.len()], vec![0.0; v.len()]);
        network.tangents(t, x, v, &mut y, &mut jv);
        y.extend(jv);
        y
    };
    for (precision, tolerance) in [(Precision::F64, 1e-12), (Precision::F32, 2e-5)] {
        let portable = run(precision, CpuPath::Portable);
        let both = CpuPath::Avx512.is_available() && CpuPath::Avx2.is_available();
        if both {
            let close_bits = [CpuPath::Avx512, CpuPath::Avx2].map(|path| run(precision, path));
            assert_eq!(close_bits[0], close_bits[1]);
        }
        close("portable path", &portable, &run(precision, CpuPath::detect()), tolerance);
        close("precision", &portable, &run(Precision::F64, CpuPath::detect()), tolerance);
    }
}

/// The same bits.
#[track_caller]
fn same(what: &str, a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!(a == b, "{what}[{i}]: {a:e}, expected {b:e}");
    }
}

/// A row is the same alone, with one direction, and among many samples.
fn rows_alone(network: &Network, t: f64, x: &[f64], v: &[f64], u: &[f64], [y, jv, uj]: [&[f64]; 3]) {
    let dim = network.dim();
    let (n, k) = (x.len() / dim, v.len() / x.len());
    let (mut value, mut derivative) = (vec![0.0; dim], vec![0.0; dim]);
    for i in 0..n {
        let at = i * dim..(i + 1) * dim;
        network.value(t, &x[at.clone()], &mut value);
        assert_eq!(value, y[at.clone()]);
        for j in 0..k {
            let row = (i * k + j) * dim..(i * k + j + 1) * dim;
            network.tangents(t, &x[at.clone()], &v[row.clone()], &mut value, &mut derivative);
            assert_eq!(derivative, jv[row.clone()]);
            network.adjoint(t, &x[at.clone()], &u[row.clone()], &mut value, &mut derivative);
            assert_eq!(derivative, uj[row]);
        }
    }
    // So many directions that the samples go one by one.
    let mut at_once = vec![0.0; 13 * v.len()];
    for i in 0..n {
        let (at, rows) = (i * dim..(i + 1) * dim, i * k * dim..(i + 1) * k * dim);
        let [along, against] = [v, u].map(|a| a[rows.clone()].repeat(13));
        let derivative = &mut at_once[..along.len()];
        network.tangents(t, &x[at.clone()], &along, &mut value, derivative);
        same("value of one sample with many tangents", &value, &y[at.clone()]);
        same("many tangents of one sample", derivative, &jv[rows.clone()].repeat(13));
        network.adjoint(t, &x[at.clone()], &against, &mut value, derivative);
        same("value of one sample with many cotangents", &value, &y[at.clone()]);
        same("many cotangents of one sample", derivative, &uj[rows].repeat(13));
    }
    let repeat = |a: &[f64]| a.repeat(23);
    let (mut many_y, mut many_jv) = (repeat(y), repeat(jv));
    many_y.fill(0.0);
    many_jv.fill(0.0);
    network.tangents(t, &repeat(x), &repeat(v), &mut many_y, &mut many_jv);
    assert_eq!(many_y, repeat(y));
    assert_eq!(many_jv, repeat(jv));
}
