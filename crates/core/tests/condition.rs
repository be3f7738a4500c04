//! The sufficient condition on flows whose answer is known, and its quantities against direct computation (theory §9).

mod common;

use common::{LINEAR, StandardNormalLaw, diffusion, flow};
use std::sync::Arc;
use surefoot::Result;
use surefoot::condition::{CROSS_RATIO, Clause, Judgement, Quantities, Stretch, Trace, judge, quantities};
use surefoot::error_field::SmoothField;
use surefoot::field::{Field, Moment};
use surefoot::law::{Gaussian, Law};
use surefoot::process::{Family, Grid, Noising};
use surefoot::sampler::{Method, Step, StepNoise};
use surefoot::sweep::{Batch, Forward, Keep, Refinement, forward, forward_density};

const KEPT: Keep = Keep { path: true, frames: true, chain: true, determinants: true, noise: true };

/// v = J x.
struct LinearFlow {
    dim: usize,
    /// J `[D, D]`
    matrix: Vec<f64>,
}

impl LinearFlow {
    fn diagonal(rates: &[f64]) -> LinearFlow {
        let dim = rates.len();
        let entry = |i: usize| if i / dim == i % dim { rates[i % dim] } else { 0.0 };
        LinearFlow { dim, matrix: (0..dim * dim).map(entry).collect() }
    }

    fn apply(&self, transposed: bool, rows: &[f64], out: &mut [f64]) {
        let d = self.dim;
        for (row, out) in rows.chunks_exact(d).zip(out.chunks_exact_mut(d)) {
            for (i, out) in out.iter_mut().enumerate() {
                let entry = |j: usize| self.matrix[if transposed { j * d + i } else { i * d + j }];
                *out = (0..d).map(|j| entry(j) * row[j]).sum();
            }
        }
    }
}

impl Field for LinearFlow {
    fn dim(&self) -> usize {
        self.dim
    }
    fn eval(&self, _at: Moment, x: &[f64], y: &mut [f64]) {
        self.apply(false, x, y);
    }
    fn tangents(&self, _at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.apply(false, x, y);
        self.apply(false, v, jv);
    }
    fn adjoint(&self, _at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.apply(false, x, y);
        self.apply(true, u, uj);
    }
    fn second(
        &self,
        _at: Moment,
        x: &[f64],
        _u: &[f64],
        _v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        self.apply(false, x, y);
        d2.fill(0.0);
        Ok(())
    }
}

fn batch(source: &dyn Law, n: usize) -> Batch<'_> {
    Batch { source, seed: 5, samples: 0..n, refinement: Refinement::Own }
}

fn linear(field: LinearFlow, steps: usize) -> Step {
    let grid = Grid::uniform(0.0, 1.0, steps);
    Step::new(flow(Arc::new(field)), grid, Method::Euler, vec![]).unwrap()
}

fn measured(step: &Step, n: usize, k: usize, d: usize) -> (Forward, Quantities) {
    let source = StandardNormalLaw(step.dim());
    let run = forward(step, &batch(&source, n), k, KEPT).unwrap();
    let found = quantities(step, &run, d, None).unwrap();
    (run, found)
}

fn judged(field: LinearFlow, steps: usize, n: usize) -> Vec<(Judgement, Judgement)> {
    let (_, found) = measured(&linear(field, steps), n, 2, 1);
    (0..n).map(|s| (judge(&found, s, Stretch::Stated), judge(&found, s, Stretch::Proved))).collect()
}

/// Saddle diag(a, b): E_n turns towards the first axis by a known angle, and every quantity follows from it.
#[test]
fn a_saddle_meets_the_condition_once_its_frame_has_turned() {
    let (a, b, steps, n) = (1.5, -2.0, 40, 6);
    let step = linear(LinearFlow::diagonal(&[a, b]), steps);
    let (run, found) = measured(&step, n, 2, 1);
    let (dt, mut turned) = (1.0 / steps as f64, 0);
    for sample in 0..n {
        let start = &run.start_frame[sample * 4..][..2];
        let tangent = (start[1] / start[0]).abs();
        let mut expected_t = None;
        let mut log_sum = 0.0;
        let mut delta = f64::INFINITY;
        let mut open = true;
        for m in (0..steps).rev() {
            let at = sample * steps + m;
            let angle = (tangent * ((1.0 + dt * b) / (1.0 + dt * a)).powi(m as i32)).atan();
            let (sine, cosine) = angle.sin_cos();
            let stretch = ((1.0 + dt * a) * cosine).hypot((1.0 + dt * b) * sine);
            let rest = ((1.0 + dt * a) * sine).hypot((1.0 + dt * b) * cosine);
            let cross = (sine * cosine * (a - b)).abs();
            let blocks = [a * cosine * cosine + b * sine * sine, a * sine * sine + b * cosine * cosine];
            let block = blocks[0].abs().max(blocks[1].abs());
            for (value, known) in [
                (found.stretch[at], stretch),
                (found.rest[at], rest),
                (found.cross_out[at], cross),
                (found.cross_in[at], cross),
                (found.block[at], block),
            ] {
                assert!((value - known).abs() < 1e-9, "step {m}: {value} {known}");
            }
            assert_eq!(found.curvature[at], 0.0);
            log_sum += stretch.ln();
            assert!((found.log_least_stretch[at] - log_sum).abs() < 1e-10);
            open &= log_sum > 0.0 && cross / block <= CROSS_RATIO;
            if open {
                expected_t = Some(m);
                delta = f64::min(delta, (log_sum / (steps - m) as f64).exp_m1());
            }
        }
        let judgement = judge(&found, sample, Stretch::Stated);
        assert_eq!(judgement.t_star, expected_t);
        assert_eq!(judgement.delta.is_some(), expected_t.is_some());
        assert!(judgement.delta.is_none_or(|found| (found - delta).abs() < 1e-10));
        if expected_t != Some(0) {
            turned += 1;
            assert_eq!(judgement.first_failing, Some(Clause::Cross));
            assert!(judgement.margin.cross < 0.0 && judgement.margin.curvature == 1.0);
        }
        assert_eq!(judge(&found, sample, Stretch::Proved).t_star, expected_t, "d = 1: both readings agree");
        assert_eq!((judgement.from.curvature, judgement.straight_from), (0, 0));
        assert!(judgement.compressive && !judgement.all_contracting);
        assert_eq!(found.score_from_zero[sample], 0.0);
    }
    assert!(turned > 0, "starts at a random angle");
}

#[test]
fn contracting_flows_always_fail_the_stretch() {
    for (stated, proved) in judged(LinearFlow::diagonal(&[-0.5, -2.0]), 20, 5) {
        assert_eq!((stated.t_star, stated.first_failing), (proved.t_star, proved.first_failing));
        assert_eq!((stated.t_star, stated.delta), (None, None));
        assert_eq!(stated.first_failing, Some(Clause::Stretch));
        assert!(stated.margin.stretch < 0.0 && stated.from.stretch == 20);
        assert!(stated.all_contracting && stated.compressive && !stated.all_stretching);
        assert_eq!(stated.straight_from, 0, "Remark 4.5: no curvature");
    }
}

/// J = a I + ω (rotation): stretch and curvature are fine, cross derivatives are ω against blocks a.
#[test]
fn a_rotating_flow_violates_the_cross_derivative_clause() {
    let spiral = |turn: f64| LinearFlow { dim: 2, matrix: vec![1.0, -turn, turn, 1.0] };
    let (_, found) = measured(&linear(spiral(3.0), 20), 4, 2, 1);
    for at in 0..4 * 20 {
        assert!((found.cross_out[at] - 3.0).abs() < 1e-10 && (found.cross_in[at] - 3.0).abs() < 1e-10);
        assert!((found.block[at] - 1.0).abs() < 1e-10);
        assert!((found.stretch[at] - 1.05_f64.hypot(0.15)).abs() < 1e-12);
    }
    for (stated, _) in judged(spiral(3.0), 20, 4) {
        assert_eq!((stated.t_star, stated.first_failing), (None, Some(Clause::Cross)));
        assert_eq!((stated.from.stretch, stated.from.curvature, stated.from.cross), (0, 0, 20));
        assert!((stated.margin.cross - (CROSS_RATIO - 3.0)).abs() < 1e-9 && stated.margin.stretch > 0.0);
        assert!(stated.all_stretching && !stated.compressive);
    }
    for (stated, _) in judged(spiral(0.05), 20, 4) {
        assert_eq!((stated.t_star, stated.first_failing), (Some(0), None));
        assert!((stated.delta.unwrap() - (1.05_f64.hypot(0.0025) - 1.0)).abs() < 1e-12);
    }
}

/// v = (x + c x²/2, −8 y): E turns to the first axis, where the curvature of a step is c/(1 + δt (1 + c x)).
struct Bent(f64);

impl Field for Bent {
    fn dim(&self) -> usize {
        2
    }
    fn eval(&self, _at: Moment, x: &[f64], y: &mut [f64]) {
        for (x, y) in x.chunks_exact(2).zip(y.chunks_exact_mut(2)) {
            (y[0], y[1]) = (x[0] + 0.5 * self.0 * x[0] * x[0], -8.0 * x[1]);
        }
    }
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        let rows = (v.len() / x.len()).max(1);
        for (i, (v, jv)) in v.chunks_exact(2).zip(jv.chunks_exact_mut(2)).enumerate() {
            (jv[0], jv[1]) = ((1.0 + self.0 * x[i / rows * 2]) * v[0], -8.0 * v[1]);
        }
    }
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.tangents(at, x, u, y, uj);
    }
    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        self.eval(at, x, y);
        for ((u, v), d2) in u.chunks_exact(2).zip(v.chunks_exact(2)).zip(d2.chunks_exact_mut(2)) {
            (d2[0], d2[1]) = (self.0 * u[0] * v[0], 0.0);
        }
        Ok(())
    }
}

/// x_0 near (0.2, 0).
struct Near;

impl Law for Near {
    fn dim(&self) -> usize {
        2
    }
    fn sample(&self, _rng: &mut surefoot::random::Stream, x: &mut [f64]) {
        x.copy_from_slice(&[0.2, 0.0]);
    }
}

#[test]
fn curvature_closes_the_window_of_delta() {
    let steps = 60;
    let run = |c: f64| {
        let grid = Grid::uniform(0.0, 1.0, steps);
        let step = Step::new(flow(Arc::new(Bent(c))), grid, Method::Euler, vec![]).unwrap();
        let run = forward(&step, &batch(&Near, 1), 2, KEPT).unwrap();
        let found = quantities(&step, &run, 1, None).unwrap();
        (run, found)
    };
    let dt = 1.0 / steps as f64;
    for c in [0.01, 0.9, 1.5] {
        let (run, found) = run(c);
        let mut p = 0.0;
        for n in 0..steps {
            // A = diag(fast, slow), and d²F = δt c e_1 along the first axis alone.
            let (fast, slow) = (1.0 + dt * (1.0 + c * run.path[2 * n]), 1.0 - 8.0 * dt);
            let (e1, e2) = (run.frames[4 * n], run.frames[4 * n + 1]);
            p = (p - dt * c * e1 / fast) / (fast * e1).hypot(slow * e2);
            let known = c * e1.powi(3) / (fast * e1 * e1 + slow * e2 * e2);
            assert!((found.curvature[n] - known.abs()).abs() < 1e-9, "{} {known}", found.curvature[n]);
        }
        assert!((found.score_from_zero[0] / p - 1.0).abs() < 1e-9, "{} {p}", found.score_from_zero[0]);
        let judgement = judge(&found, 0, Stretch::Stated);
        match c {
            // δ is at most the stretch a step, about δt, so that even a small curvature is too much for the last step.
            0.9 | 1.5 => {
                let clause = if c < 1.0 { Clause::Delta } else { Clause::Curvature };
                assert_eq!((judgement.t_star, judgement.first_failing), (None, Some(clause)));
                assert_eq!(judgement.margin.curvature > 0.0, c < 1.0);
            }
            _ => {
                let delta = judgement.delta.unwrap();
                assert!((0.01 / 1.1..dt * 1.1).contains(&delta));
                assert_eq!(judgement.from.curvature, 0);
            }
        }
    }
}

/// The score recursion with an exact trace ends at the pathwise score that the full recursion gives, for every method.
#[test]
fn components_of_the_score_end_at_the_score() {
    let noising = Noising { family: Family::Vp, schedule: LINEAR };
    let grid = Grid::uniform(0.5, 0.1, 16);
    for (method, level) in
        [(Method::Euler, 1.0), (Method::Heun, 0.5), (Method::Rk4, 0.0), (Method::Ddim, 0.3)]
    {
        for (dim, d) in [(2, 1), (3, 1), (3, 2), (5, 3)] {
            let field = Arc::new(SmoothField::new(dim, 1.5, Some(0.5), 4, 0).unwrap());
            let step = Step::new(diffusion(field, noising, level), grid, method, vec![]).unwrap();
            let source = Gaussian::new(&vec![1.3; dim]);
            let run = forward(&step, &batch(&source, 4), dim, KEPT).unwrap();
            let found = quantities(&step, &run, d, Some(&source)).unwrap();
            assert_eq!(found.trace, Trace::Exact);
            let full = forward_density(&step, &batch(&source, 4), Keep::default(), &source).unwrap();
            let score = &full.density.as_ref().unwrap().score;
            for sample in 0..4 {
                let s = &score[sample * dim..][..dim];
                let length = s.iter().map(|v| v * v).sum::<f64>().sqrt();
                for i in 0..d {
                    let e = &run.end_frame[(sample * dim + i) * dim..][..dim];
                    let expected: f64 = e.iter().zip(s).map(|(a, b)| a * b).sum();
                    let p = found.score_from_source[sample * d + i];
                    assert!((p - expected).abs() < 1e-8 * length, "{method:?} D={dim} d={d}: {p} {expected}");
                }
            }
        }
    }
}

/// Fewer vectors: the same quantities by tangents and adjoints, without E^⊥.
#[test]
fn recursions_agree_with_full_frames() {
    let noising = Noising { family: Family::Vp, schedule: LINEAR };
    let grid = Grid::uniform(0.5, 0.1, 12);
    for (method, level) in [(Method::Euler, 1.0), (Method::Heun, 0.7)] {
        for (dim, k, d) in [(3, 1, 1), (6, 3, 2), (6, 5, 5), (9, 4, 3)] {
            let field = Arc::new(SmoothField::new(dim, 1.0, Some(0.5), 4, 1).unwrap());
            let step = Step::new(diffusion(field, noising, level), grid, method, vec![]).unwrap();
            let (_, full) = measured(&step, 3, dim, d);
            let (_, part) = measured(&step, 3, k, d);
            assert_eq!(part.trace, Trace::Schur);
            let close = |name: &str, a: &[f64], b: &[f64], tolerance: f64| {
                for (a, b) in a.iter().zip(b) {
                    assert!(
                        (a - b).abs() <= tolerance * b.abs().max(1e-3),
                        "{name} D={dim} k={k} d={d}: {a} {b}"
                    );
                }
            };
            close("stretch", &part.stretch, &full.stretch, 1e-9);
            close("least stretch", &part.log_least_stretch, &full.log_least_stretch, 1e-9);
            close("cross out", &part.cross_out, &full.cross_out, 1e-8);
            close("cross in", &part.cross_in, &full.cross_in, 1e-8);
            close("curvature", &part.curvature, &full.curvature, 1e-8);
            close("rest", &part.rest, &full.rest, 1e-7);
            close("block", &part.block, &full.block, 1e-7);
        }
    }
}

/// tr((EᵀAE)^{-1} ∂_e (EᵀAE)) is the slope of log det(EᵀA(x)E) along e with E held fixed.
#[test]
fn the_schur_trace_is_the_slope_of_the_block_volume() {
    let (dim, d) = (4, 2);
    let grid = Grid::uniform(0.0, 1.0, 1);
    let field = Arc::new(SmoothField::new(dim, 1.0, None, 4, 2).unwrap());
    let step = Step::new(flow(field), grid, Method::Rk4, vec![]).unwrap();
    let (run, found) = measured(&step, 1, d, d);
    let volume = |x: &[f64]| {
        let (mut next, mut image) = (vec![0.0; dim], vec![0.0; d * dim]);
        step.advance_tangent(0, x, StepNoise::default(), &run.start_frame, &mut next, &mut image);
        let entry = |i: usize, j: usize| -> f64 {
            (0..dim).map(|a| run.start_frame[i * dim + a] * image[j * dim + a]).sum()
        };
        (entry(0, 0) * entry(1, 1) - entry(0, 1) * entry(1, 0)).abs().ln()
    };
    let h = 1e-5;
    let slopes: Vec<f64> = (0..d)
        .map(|i| {
            let moved = |sign: f64| -> Vec<f64> {
                (0..dim).map(|a| run.start[a] + sign * h * run.start_frame[i * dim + a]).collect()
            };
            (volume(&moved(1.0)) - volume(&moved(-1.0))) / (2.0 * h)
        })
        .collect();
    let r = &run.chain.factors;
    let first = -slopes[0] / r[0];
    let second = (-slopes[1] - first * r[1]) / r[3];
    for (p, expected) in found.score_from_zero.iter().zip([first, second]) {
        assert!((p - expected).abs() < 1e-7 * expected.abs().max(1.0), "{p} {expected}");
    }
}

#[test]
fn misfits_are_refused() {
    let step = linear(LinearFlow::diagonal(&[1.0, -1.0]), 4);
    let source = StandardNormalLaw(2);
    let run = forward(&step, &batch(&source, 1), 2, KEPT).unwrap();
    assert!(quantities(&step, &run, 0, None).is_err() && quantities(&step, &run, 2, None).is_err());
    let bare = forward(&step, &batch(&source, 1), 2, Keep { noise: true, ..Keep::default() }).unwrap();
    assert!(quantities(&step, &bare, 1, None).is_err(), "nothing was kept");
    let one = forward(&step, &batch(&source, 1), 1, KEPT).unwrap();
    assert_eq!(quantities(&step, &one, 1, None).unwrap().trace, Trace::Schur);
}
