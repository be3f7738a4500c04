//! Generations undone, and tangent spaces at given points.

use std::f64::consts::TAU;
use std::sync::Arc;
use surefoot::alignment::subspace_angle_deg;
use surefoot::field::Data;
use surefoot::law::{Law, Listed};
use surefoot::process::{Clock, Drift, Family, Grid, Noising, Predicts, Process, Schedule};
use surefoot::sampler::{Method, Step};
use surefoot::spectrum::{Search, bundle};
use surefoot::support::Shape;
use surefoot::sweep::{Batch, Keep, Refinement, Storage, Undo, encode, forward};

/// The exact score of `data`, `vp`, from 0.98 to 0.02.
fn step(data: &Data, noise_level: f64, method: Method, steps: usize) -> Step {
    let noising = Noising { family: Family::Vp, schedule: Schedule::Cosine };
    let drift = Drift {
        field: data.score(0.0).unwrap(),
        process: Process::Diffusion { noising, noise_level },
        predicts: Predicts::Score,
        clock: Clock::Affine { at_noise: 1.0, at_data: 0.0 },
        error: None,
    };
    Step::new(drift, Grid::uniform(0.98, 0.02, steps), method, Vec::new()).unwrap()
}

/// Points of the torus of radii 2 and 1, a little off it.
fn near_torus(count: usize, off: f64) -> Vec<f64> {
    let point = |i: usize| {
        let (a, b) = (TAU * 0.618 * i as f64, TAU * 0.414 * i as f64);
        let r = 1.0 + off * (i % 3) as f64;
        [(2.0 + r * b.cos()) * a.cos(), (2.0 + r * b.cos()) * a.sin(), r * b.sin()]
    };
    (0..count).flat_map(point).collect()
}

#[test]
fn what_is_generated_from_the_starts_is_what_was_given() {
    let data = Data::Torus { major: 2.0, minor: 1.0 };
    for (method, steps) in
        [(Method::Euler, 60), (Method::Heun, 25), (Method::Rk4, 10), (Method::Ddim, 40), (Method::Heun, 1)]
    {
        let step = step(&data, 0.0, method, steps);
        let points = near_torus(7, 0.01);
        let found = encode(&step, &points, Undo::Exactly, 0).unwrap();
        assert!(found.mismatch.iter().all(|m| *m < 1e-9), "{method:?}: {:?}", found.mismatch);
        let source = Listed::new(3, found.start.clone().into());
        let batch = Batch { source: &source, seed: 0, samples: 0..7, refinement: Refinement::Own };
        let end = forward(&step, &batch, 0, Keep::default()).unwrap().end;
        assert!(end.iter().zip(&points).all(|(a, b)| (a - b).abs() < 1e-9));
        let alone = encode(&step, &points[9..18], Undo::Exactly, 3).unwrap();
        assert_eq!(alone.start, found.start[9..18], "a point's start must not depend on the others");
    }
}

#[test]
fn a_gaussian_is_undone_in_closed_form() {
    let variances = vec![1.0, 0.3, 0.01];
    let step = step(&Data::Gaussian { variances }, 0.0, Method::Euler, 50);
    let starts = [0.5, -1.0, 2.0];
    let source = Listed::new(3, starts.to_vec().into());
    let batch = Batch { source: &source, seed: 0, samples: 0..1, refinement: Refinement::Own };
    let end = forward(&step, &batch, 0, Keep::default()).unwrap().end;
    let found = encode(&step, &end, Undo::Exactly, 0).unwrap();
    assert!(
        found.start.iter().zip(starts).all(|(a, b)| (a - b).abs() < 1e-10 * b.abs()),
        "{:?}",
        found.start
    );
}

/// x ← x + (y − a x) leaves (1 − a)^i of what y is first away from its image, in every direction of a linear step.
#[test]
fn a_linear_step_is_undone_nearly_by_a_geometric_series() {
    let step = step(&Data::Gaussian { variances: vec![1.0, 0.3, 300.0] }, 0.0, Method::Ddim, 1);
    let starts = [0.0, 0.0, 2.0];
    let source = Listed::new(3, starts.to_vec().into());
    let batch = Batch { source: &source, seed: 0, samples: 0..1, refinement: Refinement::Own };
    let end = forward(&step, &batch, 0, Keep::default()).unwrap().end;
    let left = 1.0 - end[2] / starts[2];
    assert!((0.1..0.7).contains(&left.abs()), "{left}");
    let found = encode(&step, &end, Undo::Nearly, 0).unwrap();
    let expected = end[2].abs() * left.abs().powi(8);
    assert!((found.mismatch[0] / expected - 1.0).abs() < 1e-6, "{} {expected}", found.mismatch[0]);
}

#[test]
fn points_that_no_start_leads_to_are_met_as_nearly_as_they_can_be() {
    let data = Data::Torus { major: 2.0, minor: 1.0 };
    let step = step(&data, 0.0, Method::Ddim, 40);
    let on = encode(&step, &near_torus(7, 0.0), Undo::Nearly, 0).unwrap();
    let off = encode(&step, &near_torus(7, 0.1), Undo::Nearly, 0).unwrap();
    assert!(on.mismatch.iter().all(|m| *m < 1e-4), "{:?}", on.mismatch);
    assert!(off.mismatch.iter().all(|m| *m < 2e-3), "{:?}", off.mismatch);
    let alone = encode(&step, &near_torus(7, 0.1)[9..18], Undo::Nearly, 3).unwrap();
    assert_eq!(alone.start, off.start[9..18], "a point's start must not depend on the others");
}

#[test]
fn stochastic_steps_are_not_undone() {
    let data = Data::Torus { major: 2.0, minor: 1.0 };
    assert!(encode(&step(&data, 1.0, Method::Euler, 10), &[1.0, 2.0, 0.0], Undo::Exactly, 0).is_err());
    assert!(encode(&step(&data, 0.0, Method::Euler, 10), &[1.0, 2.0], Undo::Exactly, 0).is_err());
}

/// The flow of a sphere is radial, so that its tangents are exact singular vectors at every step size (theory §11).
#[test]
fn the_bundle_of_a_sphere_is_its_tangent_bundle() {
    let step = step(&Data::Sphere { radius: 1.5 }, 0.0, Method::Heun, 60);
    let radial = |p: &[f64]| {
        let length = p.iter().map(|c| c * c).sum::<f64>().sqrt();
        p.iter().map(|c| 1.5 * c / length).collect::<Vec<_>>()
    };
    let points: Vec<f64> = near_torus(12, 0.0).chunks_exact(3).flat_map(radial).collect();
    let source = Listed::new(3, encode(&step, &points, Undo::Exactly, 0).unwrap().start.into());
    let batch = Batch { source: &source, seed: 0, samples: 0..12, refinement: Refinement::Own };
    let shape = Shape::Sphere { dim: 3, radius: 1.5 }.build().unwrap();
    let search = Search { vectors: 3, extra: 0, rounds: 30, tolerance: 1e-9, seed: 1 };
    for vectors in [3, 2] {
        let found = bundle(&step, &batch, Search { vectors, ..search }, Storage::Bytes(1 << 20)).unwrap();
        assert!(found.points.iter().zip(&points).all(|(a, b)| (a - b).abs() < 1e-8));
        assert!(found.residual.iter().all(|r| *r < 1e-8));
        for (sample, foot) in shape.project_batch(&found.points).iter().enumerate() {
            let tangent = &found.vectors[sample * vectors * 3..][..6];
            let angle = subspace_angle_deg(3, tangent, &foot.tangent);
            assert!(angle < 1e-6, "k = {vectors}, sample {sample}: {angle}°");
        }
    }
}

#[test]
fn a_list_gives_its_rows_by_index() {
    let list = Listed::new(2, Arc::from([1.0, 2.0, 3.0, 4.0]));
    let mut x = [0.0; 2];
    for (index, row) in [(0, [1.0, 2.0]), (1, [3.0, 4.0]), (2, [1.0, 2.0])] {
        list.draw(9, index, &mut x);
        assert_eq!(x, row);
    }
}
