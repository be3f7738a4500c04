//! Workload W3: score and Jacobian of 512 nodes on the trefoil, smoothed at 51 noise levels, at 40,000 points
//! with two tangents each, 50 steps x += h s with h = σ_i (σ_i − σ_{i+1}), Gram–Schmidt after every step.
//!
//! `cargo bench -p surefoot --bench score [-- RUNS]` prints the seconds of each run and the accuracy against
//! the sum over all nodes.

use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::time::Instant;
use surefoot::field::{Field, Moment, Quadrature, Score};
use surefoot::geometry::Curve;
use surefoot::random::{Purpose, stream};

const POINTS: usize = 40_000;
const STEPS: usize = 50;
const NODES: usize = 512;
/// Points taken through all steps together.
const TILE: usize = 256;
/// Accuracy asked of the score, relative to its own scale.
const TOLERANCE: f64 = 4.9e-10;

fn sigma(level: usize) -> f64 {
    3.0 * (0.05f64 / 3.0).powf(level as f64 / STEPS as f64)
}

fn at(level: usize) -> Moment {
    Moment { time: level as f64, signal: 1.0, noise: sigma(level) }
}

/// States, frames `[n, 2, 2]` and log growths `[n, 2]` of some points.
#[derive(Clone)]
struct State {
    x: Vec<f64>,
    frame: Vec<f64>,
    growth: Vec<f64>,
}

fn start() -> State {
    let mut rng = stream(7, 0, Purpose::Source);
    let x = (0..2 * POINTS).map(|_| 3.0 * Distribution::<f64>::sample(&StandardNormal, &mut rng)).collect();
    State { x, frame: [1.0, 0.0, 0.0, 1.0].repeat(POINTS), growth: vec![0.0; 2 * POINTS] }
}

fn gram_schmidt(frame: &mut [f64], growth: &mut [f64]) {
    let [a, b, c, d] = [frame[0], frame[1], frame[2], frame[3]];
    let first = (a * a + b * b).sqrt();
    let (a, b) = (a / first, b / first);
    let along = a * c + b * d;
    let (c, d) = (c - along * a, d - along * b);
    let second = (c * c + d * d).sqrt();
    frame.copy_from_slice(&[a, b, c / second, d / second]);
    growth[0] += first.ln();
    growth[1] += second.ln();
}

fn sweep(field: &dyn Field, state: &mut State) {
    let tiles = state.x.par_chunks_mut(2 * TILE).zip(state.frame.par_chunks_mut(4 * TILE));
    tiles.zip(state.growth.par_chunks_mut(2 * TILE)).for_each(|((x, frame), growth)| {
        let (mut y, mut jv) = (vec![0.0; x.len()], vec![0.0; frame.len()]);
        for level in 0..STEPS {
            let h = sigma(level) * (sigma(level) - sigma(level + 1));
            field.tangents(at(level), x, frame, &mut y, &mut jv);
            x.iter_mut().zip(&y).for_each(|(x, y)| *x += h * y);
            frame.iter_mut().zip(&jv).for_each(|(v, jv)| *v += h * jv);
            frame.chunks_exact_mut(4).zip(growth.chunks_exact_mut(2)).for_each(|(v, g)| gram_schmidt(v, g));
        }
    });
}

/// Largest error of the score relative to the score or 1/σ, over some points and every noise level.
fn accuracy(field: &dyn Field) -> f64 {
    let nodes: Vec<[f64; 2]> =
        (0..NODES).map(|j| Curve::trefoil().point(std::f64::consts::TAU * j as f64 / NODES as f64)).collect();
    let State { mut x, .. } = start();
    x.truncate(2 * 500);
    let mut y = vec![0.0; x.len()];
    let mut worst = 0.0f64;
    for level in 0..=STEPS {
        let v = sigma(level).powi(2);
        field.eval(at(level), &x, &mut y);
        for (x, y) in x.chunks_exact(2).zip(y.chunks_exact(2)) {
            let square = |p: &[f64; 2]| (p[0] - x[0]).powi(2) + (p[1] - x[1]).powi(2);
            let least = nodes.iter().map(square).fold(f64::INFINITY, f64::min);
            let (mut total, mut pull) = (0.0, [0.0; 2]);
            for p in &nodes {
                let w = (-(square(p) - least) / (2.0 * v)).exp();
                total += w;
                (0..2).for_each(|i| pull[i] += w * (p[i] - x[i]));
            }
            let exact = pull.map(|p| p / total / v);
            let scale = exact[0].hypot(exact[1]).max(1.0 / v.sqrt());
            worst = worst.max((exact[0] - y[0]).hypot(exact[1] - y[1]) / scale);
        }
        let h = if level < STEPS { sigma(level) * (sigma(level) - sigma(level + 1)) } else { 0.0 };
        x.iter_mut().zip(&y).for_each(|(x, y)| *x += h * y);
    }
    worst
}

fn main() {
    let runs = std::env::args().filter_map(|word| word.parse::<usize>().ok()).next().unwrap_or(5);
    let field = Score::new(Quadrature::nodes(Curve::trefoil(), NODES, TOLERANCE), 0.0);
    println!("largest relative error of the score: {:.1e}", accuracy(&field));
    let initial = start();
    let mut state = initial.clone();
    let mut seconds = Vec::new();
    for _ in 0..runs {
        state = initial.clone();
        let begin = Instant::now();
        sweep(&field, &mut state);
        seconds.push(begin.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    println!("W3 on {} threads: {:.4} s (median of {runs})", rayon::current_num_threads(), seconds[runs / 2]);
    let mean = |i: usize| state.growth.iter().skip(i).step_by(2).sum::<f64>() / POINTS as f64;
    println!("mean log growth: {:.6} {:.6}", mean(0), mean(1));
}
