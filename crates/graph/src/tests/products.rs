//! Einsum, attention and rotary embeddings against plain loops.

use super::build::{Model, float, int, text};
use super::checks::{at, check_operator, indices, numbers};
use std::collections::BTreeMap;

/// Σ over all letters of the product of operands, by the definition. The batch is the letter b, of length 1.
fn definition(equation: &str, operands: &[(&[f64], &[usize])]) -> Vec<f64> {
    let (left, right) = equation.split_once("->").unwrap();
    let mut lengths: BTreeMap<char, usize> = BTreeMap::new();
    for (term, (_, shape)) in left.split(',').zip(operands) {
        term.chars().zip(*shape).for_each(|(letter, &n)| {
            lengths.insert(letter, n);
        });
    }
    let letters: Vec<char> = lengths.keys().copied().collect();
    let of = |index: &[usize], term: &str| -> Vec<usize> {
        term.chars().map(|c| index[letters.iter().position(|l| *l == c).unwrap()]).collect()
    };
    let shape: Vec<usize> = right.chars().map(|c| lengths[&c]).collect();
    let mut result = vec![0.0; shape.iter().product()];
    for index in indices(&lengths.values().copied().collect::<Vec<_>>()) {
        let factors = left.split(',').zip(operands).map(|(term, (v, s))| at(v, s, &of(&index, term)));
        let place = shape.iter().zip(of(&index, right)).fold(0, |sum, (n, i)| sum * n + i);
        result[place] += factors.product::<f64>();
    }
    result
}

#[test]
fn einsum_of_a_tensor_with_itself() {
    for equation in [
        "bij,bij->b",
        "bij,bkj->bik",
        "bij,bik->bjk",
        "bij,bkl->bijkl",
        "bij,bij->bji",
        "bij,bkj->bki",
        "bij,bjk->bki",
    ] {
        let nodes = |m: Model| m.node_with("z = Einsum h h", vec![text("equation", equation)]);
        let shape = if equation == "bij,bjk->bki" { [2, 2] } else { [3, 2] };
        check_operator(&shape.map(|n| n as i64), nodes, |h| {
            let side = (h, &[1, shape[0], shape[1]][..]);
            definition(equation, &[side, side])
        });
    }
}

#[test]
fn einsum_with_weights() {
    for (equation, shape) in [
        ("bij,jk->bik", &[2, 4][..]),
        ("bij,ki->bkj", &[2, 3]),
        ("bij,ij->b", &[3, 2]),
        ("bij,k->bkij", &[2]),
        ("bij,klm->bi", &[2, 1, 2]),
    ] {
        let w = numbers(shape.iter().product(), 70);
        let dims: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        let nodes =
            |m: Model| m.floats("w", &dims, &w).node_with("z = Einsum h w", vec![text("equation", equation)]);
        let reordered =
            equation.starts_with("bij,jk") || equation.starts_with("bij,ki") || equation.contains(",ij");
        let own = if reordered { [3, 2] } else { [2, 3] };
        check_operator(&own.map(|n| n as i64), nodes, |h| {
            definition(equation, &[(h, &[1, own[0], own[1]]), (&w, shape)])
        });
    }
}

#[test]
fn einsum_with_ellipsis_diagonals_and_implied_results() {
    let w = numbers(6, 71);
    let check = |equation: &str, plain: &str, shape: [usize; 2], reordered: bool| {
        let nodes = |m: Model| {
            let m = m.floats("w", &[2, 3], &w);
            let inputs = if plain.contains(',') { "h w" } else { "h" };
            m.node_with(&format!("z = Einsum {inputs}"), vec![text("equation", equation)])
        };
        assert!(!reordered);
        check_operator(&shape.map(|n| n as i64), nodes, |h| {
            let side = (h, &[1, shape[0], shape[1]][..]);
            let both = [side, (&w, &[2, 3])];
            definition(plain, if plain.contains(',') { &both } else { &both[..1] })
        });
    };
    check("b ... j , j k -> b ... k", "bij,jk->bik", [3, 2], false);
    check("...j,jk", "bij,jk->bik", [3, 2], false);
    check("bii->bi", "bii->bi", [3, 3], false);
    check("bii->b", "bii->b", [2, 2], false);
    check("bij->bji", "bij->bji", [2, 3], false);
}

/// What attention computes, head by head.
struct Heads<'a> {
    q: &'a [f64],
    k: &'a [f64],
    v: &'a [f64],
    /// Heads of queries and of keys, lengths of queries and keys, size of a head.
    sizes: [usize; 5],
}

impl Heads<'_> {
    fn attend(&self, scale: f64, score: impl Fn(f64, usize, usize) -> f64) -> Vec<f64> {
        let [heads, of_keys, rows, columns, size] = self.sizes;
        let mut result = vec![];
        for h in 0..heads {
            let side = h * of_keys / heads;
            for i in 0..rows {
                let dot = |j: usize| -> f64 {
                    let [q, k] = [(h * rows + i) * size, (side * columns + j) * size];
                    (0..size).map(|d| self.q[q + d] * self.k[k + d]).sum()
                };
                let powers: Vec<f64> = (0..columns).map(|j| score(scale * dot(j), i, j).exp()).collect();
                let total: f64 = powers.iter().sum();
                for d in 0..size {
                    let value = |j: usize| self.v[(side * columns + j) * size + d];
                    let sum: f64 = (0..columns).map(|j| powers[j] * value(j)).sum();
                    result.push(if total == 0.0 { 0.0 } else { sum / total });
                }
            }
        }
        result
    }
}

#[test]
fn attention_of_four_axes() {
    let (k, v) = (numbers(8, 72), numbers(8, 73));
    let mask = [0.5, -1.0, 0.25, 0.0, f64::NEG_INFINITY, -0.5];
    let allowed = [1, 0, 1, 1, 0, 0];
    // Two heads of queries, one of keys; 3 queries, 2 keys of size 2.
    let nodes = |tail: &'static str, attributes: Vec<_>| {
        let (k, v) = (k.clone(), v.clone());
        move |m: Model| {
            let m = m.opset(23).floats("k", &[1, 1, 2, 2], &k[..4]).floats("v", &[1, 1, 2, 2], &v[..4]);
            let m = m.floats("mask", &[3, 2], &mask).node_with("c = Cast flags", vec![int("to", 9)]);
            m.integers_of("flags", &[3, 2], &allowed)
                .node_with(&format!("z = Attention h k v {tail}"), attributes.clone())
        }
    };
    type Score<'a> = &'a dyn Fn(f64, usize, usize) -> f64;
    let verify = |tail: &'static str, attributes: Vec<_>, score: Score, scale: f64| {
        check_operator(&[2, 3, 2], nodes(tail, attributes), |q| {
            Heads { q, k: &k, v: &v, sizes: [2, 1, 3, 2, 2] }.attend(scale, score)
        });
    };
    let usual = 1.0 / 2f64.sqrt();
    verify("", vec![], &|s, _, _| s, usual);
    verify("", vec![float("scale", 0.75)], &|s, _, _| s, 0.75);
    verify("mask", vec![], &|s, i, j| s + mask[2 * i + j], usual);
    let permitted = |s: f64, open: bool| if open { s } else { f64::NEG_INFINITY };
    verify("c", vec![], &|s, i, j| permitted(s, allowed[2 * i + j] == 1), usual);
    verify("", vec![int("is_causal", 1)], &|s, i, j| permitted(s, j <= i), usual);
    verify("", vec![float("softcap", 1.5)], &|s, _, _| 1.5 * (s / 1.5).tanh(), usual);
}

#[test]
fn attention_of_three_axes() {
    let attributes = || vec![int("q_num_heads", 2), int("kv_num_heads", 2)];
    let nodes = |m: Model| m.opset(23).node("e = Exp h").node_with("z = Attention h e h", attributes());
    // [length 3, two heads of 1] to heads first and back.
    check_operator(&[3, 2], nodes, |h| {
        let by_heads = |x: &[f64]| -> Vec<f64> { (0..6).map(|i| x[i % 3 * 2 + i / 3]).collect() };
        let (q, k) = (by_heads(h), by_heads(&h.iter().map(|x| x.exp()).collect::<Vec<_>>()));
        let z = Heads { q: &q, k: &k, v: &q, sizes: [2, 2, 3, 3, 1] }.attend(1.0, |s, _, _| s);
        (0..6).map(|i| z[i % 2 * 3 + i / 2]).collect()
    });
}

#[test]
fn rotary_embeddings() {
    let angles = numbers(6, 74);
    let (cos, sin): (Vec<f64>, Vec<f64>) = angles.iter().map(|a| (a.cos(), a.sin())).unzip();
    for interleaved in [0, 1] {
        for (listed, positions) in [(false, [0, 1]), (true, [2, 0])] {
            // Two heads of 5 features, of which 4 turn, at 2 positions.
            let nodes = |m: Model| {
                let m = m.opset(23).integers_of("p", &[1, 2], &positions);
                let rows = if listed { vec![3, 2] } else { vec![1, 2, 2] };
                let count = rows.iter().product::<i64>() as usize;
                let m = m.floats("cos", &rows, &cos[..count]).floats("sin", &rows, &sin[..count]);
                let attributes = vec![int("interleaved", interleaved), int("rotary_embedding_dim", 4)];
                m.node_with(
                    &format!("z = RotaryEmbedding h cos sin {}", if listed { "p" } else { "" }),
                    attributes,
                )
            };
            check_operator(&[2, 2, 5], nodes, |h| {
                let mut z = h.to_vec();
                for (row, h) in h.chunks(5).enumerate() {
                    for f in 0..2 {
                        let angle = angles[positions[row % 2] as usize * 2 + f];
                        let [a, b] = if interleaved == 1 { [2 * f, 2 * f + 1] } else { [f, f + 2] };
                        z[row * 5 + a] = h[a] * angle.cos() - h[b] * angle.sin();
                        z[row * 5 + b] = h[a] * angle.sin() + h[b] * angle.cos();
                    }
                }
                z
            });
        }
    }
}
