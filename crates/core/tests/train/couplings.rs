//! Exact and entropic transport against brute force, duality, closed forms and POT.

use super::{close, normal, numbers, references};
use surefoot::random::{Purpose, stream};
use surefoot::train::coupling::{Assignment, Costs, Coupling, Entropic, Plan};
use surefoot::train::distance::wasserstein_2;

/// Least total cost over all permutations, by trying them.
fn brute_force(costs: &Costs, row: usize, used: &mut Vec<bool>) -> f64 {
    if row == costs.len() {
        return 0.0;
    }
    let mut best = f64::INFINITY;
    for j in 0..costs.len() {
        if !used[j] {
            used[j] = true;
            best = best.min(costs.at(row, j) + brute_force(costs, row + 1, used));
            used[j] = false;
        }
    }
    best
}

/// A permutation whose prices prove that it is best: reduced costs ≥ 0, and 0 on its pairs.
fn certify(costs: &Costs, found: &Assignment) {
    let n = costs.len();
    let mut used = vec![false; n];
    found.partner.iter().for_each(|j| assert!(!std::mem::replace(&mut used[*j], true), "column {j} twice"));
    let at = |i: usize, j: usize| costs.at(i, j);
    let largest = (0..n * n).map(|k| at(k / n, k % n).abs()).fold(0.0, f64::max);
    let tolerance = 1e-9_f64.min(1e-12 * (1.0 + largest)).max(1e-15 * n as f64 * largest);
    for i in 0..n {
        for j in 0..n {
            let reduced = at(i, j) - found.rows[i] - found.columns[j];
            assert!(reduced >= -tolerance, "n = {n}: reduced cost {reduced:e} of ({i}, {j})");
        }
        let own = found.partner[i];
        assert!((at(i, own) - found.rows[i] - found.columns[own]).abs() <= tolerance);
    }
    let dual = found.rows.iter().chain(&found.columns).sum::<f64>();
    assert!((dual - found.total).abs() <= tolerance * n as f64, "{dual} {}", found.total);
}

/// Points of a small integer lattice: many ties and duplicates.
fn lattice(seed: u64, count: usize) -> Vec<f64> {
    normal(seed, count).iter().map(|z| z.round()).collect()
}

#[test]
fn no_permutation_is_cheaper() {
    for seed in 0..40 {
        for n in 1..=7 {
            for dim in [1, 2, 3] {
                for draw in [normal, lattice] {
                    let (x, y) = (draw(2 * seed, n * dim), draw(2 * seed + 1, n * dim));
                    let costs = Costs::squared_distances(dim, &x, &y).unwrap();
                    let found = Assignment::solve(&costs);
                    certify(&costs, &found);
                    let best = brute_force(&costs, 0, &mut vec![false; n]);
                    assert!(close(found.total, best, 1e-13), "n = {n}: {} {best}", found.total);
                }
            }
        }
    }
}

#[test]
fn any_matrix_is_solved() {
    for n in 1..=7 {
        for scale in [1e-150, 1e-9, 1.0, 1e9, 1e150] {
            let matrix: Vec<f64> = normal(n as u64, n * n).iter().map(|z| scale * z).collect();
            let costs = Costs::of_matrix(n, &matrix).unwrap();
            let found = Assignment::solve(&costs).total / scale;
            let best = brute_force(&costs, 0, &mut vec![false; n]) / scale;
            assert!(close(found, best, 1e-12), "n = {n}, {scale}: {found} {best}");
        }
        let equal = Costs::of_matrix(n, &vec![-3.5; n * n]).unwrap();
        certify(&equal, &Assignment::solve(&equal));
        assert_eq!(Assignment::solve(&equal).total, -3.5 * n as f64);
    }
}

#[test]
fn prices_prove_large_assignments() {
    for (n, dim) in [(8, 2), (9, 1), (64, 1), (65, 3), (300, 2), (257, 64), (1000, 2)] {
        for draw in [normal, lattice] {
            let (x, y) = (draw(5, n * dim), draw(6, n * dim));
            let costs = Costs::squared_distances(dim, &x, &y).unwrap();
            certify(&costs, &Assignment::solve(&costs));
        }
    }
}

/// Unequal clusters far apart: one point must cross, and all prices move with it.
#[test]
fn clusters_and_outliers_are_solved() {
    for distance in [10.0, 1e4] {
        let n = 200;
        let place = |points: Vec<f64>, left: usize| -> Vec<f64> {
            points
                .iter()
                .enumerate()
                .map(|(k, z)| if k / 2 < left && k % 2 == 0 { z - distance } else { *z })
                .collect()
        };
        let (x, y) = (place(normal(8, 2 * n), n / 2), place(normal(9, 2 * n), n / 2 - 3));
        let costs = Costs::squared_distances(2, &x, &y).unwrap();
        certify(&costs, &Assignment::solve(&costs));
        let mut outlier = normal(10, 2 * n);
        outlier[0] = 1e3 * distance;
        let costs = Costs::squared_distances(2, &outlier, &y).unwrap();
        certify(&costs, &Assignment::solve(&costs));
    }
}

#[test]
fn on_a_line_the_order_decides() {
    let n = 500;
    let (x, y) = (normal(1, n), normal(2, n));
    let partner = Coupling::Exact.pairs(1, &x, &y, 0, 0).unwrap().partner;
    let order = |values: &[f64]| {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|i, j| values[*i].total_cmp(&values[*j]));
        order
    };
    for (i, j) in order(&x).into_iter().zip(order(&y)) {
        assert_eq!(partner[i], j);
    }
}

#[test]
fn distances_of_samples() {
    for (n, dim) in [(1, 1), (50, 1), (100, 3), (700, 2)] {
        let x = normal(3, n * dim);
        let moved: Vec<f64> = x.iter().enumerate().map(|(k, x)| x + 0.5 * (k % dim) as f64 - 1.0).collect();
        let shift = (0..dim).map(|d| (0.5 * d as f64 - 1.0).powi(2)).sum::<f64>().sqrt();
        assert!(close(wasserstein_2(dim, &x, &moved).unwrap(), shift, 1e-12));
        let mut backwards: Vec<f64> = x.chunks(dim).rev().flatten().copied().collect();
        assert_eq!(wasserstein_2(dim, &x, &backwards).unwrap(), 0.0);
        // A scaled sample: W² = (1 − f)² mean |x|², as x ↦ f x is the gradient of a convex function.
        backwards.iter_mut().for_each(|x| *x *= 3.0);
        let expected = 2.0 * (x.iter().map(|x| x * x).sum::<f64>() / n as f64).sqrt();
        assert!(close(wasserstein_2(dim, &x, &backwards).unwrap(), expected, 1e-12));
    }
}

#[test]
fn transport_costs_what_pot_says() {
    let reference = &references()["transport"];
    let (x, y) = (numbers(&reference["x"]), numbers(&reference["y"]));
    let cost = reference["cost"].as_f64().unwrap();
    assert!(close(wasserstein_2(2, &x, &y).unwrap(), cost.sqrt(), 1e-12));
    let costs = Costs::squared_distances(2, &x, &y).unwrap();
    for (name, expected) in reference["entropic"].as_object().unwrap() {
        let settings =
            Entropic { tolerance: 1e-13, iterations: 1_000_000, ..Entropic::new(name.parse().unwrap()) };
        let plan = Plan::solve(&costs, settings).unwrap();
        let cost: f64 = (0..1600).map(|k| plan.at(k / 40, k % 40) * costs.at(k / 40, k % 40)).sum();
        assert!(close(cost, expected["cost"].as_f64().unwrap(), 1e-9), "reg {name}: {cost}");
        for (k, p) in numbers(&expected["rows"]).into_iter().enumerate() {
            let found = plan.at(k / 40, k % 40);
            assert!((found - p).abs() < 1e-9, "reg {name}, ({}, {}): {found} {p}", k / 40, k % 40);
        }
    }
}

/// Marginals 1/n and log P_ij + log P_kl − log P_il − log P_kj = −(C_ij + C_kl − C_il − C_kj)/reg fix the plan.
#[test]
fn entropic_plans_solve_their_equations() {
    for (n, dim, reg) in [(1, 1, 1.0), (2, 1, 0.3), (30, 2, 0.2), (33, 2, 2.0), (64, 5, 1e3)] {
        let costs = Costs::squared_distances(dim, &normal(11, n * dim), &normal(12, n * dim)).unwrap();
        let plan = Plan::solve(&costs, Entropic { tolerance: 1e-10, iterations: 1_000_000, reg }).unwrap();
        assert!(plan.defect <= 1e-10, "{n} {reg}: {} after {}", plan.defect, plan.iterations);
        let share = 1.0 / n as f64;
        for i in 0..n {
            let row: f64 = (0..n).map(|j| plan.at(i, j)).sum();
            let column: f64 = (0..n).map(|k| plan.at(k, i)).sum();
            assert!((row - share).abs() < 1e-13 && (column - share).abs() < 1e-10, "{row} {column}");
            let (j, k, l) = ((i + 1) % n, (i + 2) % n, (i + 3) % n);
            let around = |f: &dyn Fn(usize, usize) -> f64| f(i, j) + f(k, l) - f(i, l) - f(k, j);
            let logs = around(&|i, j| plan.at(i, j).ln());
            let expected = -around(&|i, j| costs.at(i, j)) / reg;
            // Below exp(−700) entries stay at exp(−700).
            if [(i, j), (k, l), (i, l), (k, j)].iter().all(|(i, j)| plan.at(*i, *j) > 1e-280) {
                assert!(close(logs, expected, 1e-9), "n = {n}, reg {reg}: {logs} {expected}");
            }
        }
    }
}

/// Two points on either side: p²/(½ − p)² = exp(−Δ/reg).
#[test]
fn two_by_two_plans_have_a_closed_form() {
    let costs = Costs::of_matrix(2, &[0.0, 1.0, 0.7, 0.2]).unwrap();
    for reg in [0.01_f64, 0.1, 1.0, 100.0] {
        let odds = (-(0.0 + 0.2 - 1.0 - 0.7) / (2.0 * reg)).exp();
        let expected = 0.5 * odds / (1.0 + odds);
        let plan = Plan::solve(&costs, Entropic { tolerance: 1e-14, iterations: 100_000, reg }).unwrap();
        assert!(close(plan.at(0, 0), expected, 1e-12), "{reg}: {} {expected}", plan.at(0, 0));
    }
}

#[test]
fn small_regularisation_gives_the_permutation_and_large_one_independence() {
    let n = 50;
    let (x, y) = (normal(13, 2 * n), normal(14, 2 * n));
    let costs = Costs::squared_distances(2, &x, &y).unwrap();
    let exact = Assignment::solve(&costs).partner;
    let plan = |reg| Plan::solve(&costs, Entropic { tolerance: 1e-9, ..Entropic::new(reg) }).unwrap();
    let sharp = plan(1e-6);
    assert!(exact.iter().enumerate().all(|(i, j)| close(sharp.at(i, *j), 1.0 / n as f64, 1e-6)));
    assert_eq!(sharp.sample(&mut stream(1, 2, Purpose::TrainPlan)), exact);
    let flat = plan(1e9);
    assert!((0..n * n).all(|k| close(flat.at(k / n, k % n) * (n * n) as f64, 1.0, 1e-6)));
}

/// Pairs drawn from a plan have its law.
#[test]
fn draws_follow_the_plan() {
    let n = 4;
    let costs = Costs::of_matrix(n, &normal(15, n * n)).unwrap();
    let plan = Plan::solve(&costs, Entropic::new(0.7)).unwrap();
    let draws = 40_000;
    let mut counts = vec![0.0; n * n];
    for step in 0..draws {
        let partner = plan.sample(&mut stream(1, step, Purpose::TrainPlan));
        partner.into_iter().enumerate().for_each(|(i, j)| counts[i * n + j] += 1.0);
    }
    // χ² of n rows with n − 1 degrees of freedom each: mean 12, standard deviation √24.
    let expected = |k: usize| draws as f64 * n as f64 * plan.at(k / n, k % n);
    let chi2: f64 = counts.iter().enumerate().map(|(k, c)| (c - expected(k)).powi(2) / expected(k)).sum();
    assert!(chi2 < 12.0 + 4.0 * 24.0_f64.sqrt(), "{chi2}");
}

#[test]
fn plans_that_need_more_iterations_say_so() {
    let costs = Costs::squared_distances(2, &normal(16, 60), &normal(17, 60)).unwrap();
    let plan = Plan::solve(&costs, Entropic { iterations: 1, ..Entropic::new(0.1) }).unwrap();
    assert!(plan.iterations == 1 && plan.defect > Entropic::new(0.1).tolerance);
    let share: f64 = (0..30).map(|j| plan.at(3, j)).sum();
    assert!(close(share, 1.0 / 30.0, 1e-13));
}

#[test]
fn couplings_repeat_from_seed_and_step() {
    let (x, y) = (normal(18, 64), normal(19, 64));
    let alone = |coupling: Coupling, step| coupling.pairs(2, &x, &y, 4, step).unwrap();
    let entropic = Coupling::Entropic(Entropic::new(2.0));
    for coupling in [Coupling::AsDrawn, Coupling::Exact, entropic] {
        let first = alone(coupling, 5);
        let others: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| alone(coupling, 5))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(others.iter().all(|other| *other == first));
    }
    assert_ne!(alone(entropic, 5), alone(entropic, 6));
    assert_eq!(alone(Coupling::AsDrawn, 0).partner, (0..32).collect::<Vec<_>>());
}

#[test]
fn bad_samples_are_refused() {
    let points = |x: &[f64], y: &[f64], dim| Coupling::Exact.pairs(dim, x, y, 0, 0);
    for (x, y, dim) in [
        (&[1.0, 2.0][..], &[1.0][..], 1),
        (&[], &[], 1),
        (&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 2),
        (&[1.0], &[1.0], 0),
        (&[1.0, f64::NAN], &[1.0, 2.0], 1),
        (&[1.0, f64::INFINITY], &[1.0, 2.0], 1),
        (&[1.0, 1e200], &[1.0, 2.0], 1),
    ] {
        let message = points(x, y, dim).unwrap_err().to_string();
        assert!(message.contains("expected") && message.contains("got"), "{message}");
        assert!(wasserstein_2(dim, x, y).is_err());
    }
    assert!(Costs::of_matrix(2, &[0.0; 3]).is_err() && Costs::of_matrix(0, &[]).is_err());
    for settings in [
        Entropic::new(0.0),
        Entropic::new(-1.0),
        Entropic::new(f64::NAN),
        Entropic::new(1e-14),
        Entropic { tolerance: 0.0, ..Entropic::new(1.0) },
        Entropic { iterations: 0, ..Entropic::new(1.0) },
    ] {
        assert!(
            Coupling::Entropic(settings).pairs(1, &[0.0, 1.0], &[0.3, 2.0], 0, 0).is_err(),
            "{settings:?}"
        );
    }
}
