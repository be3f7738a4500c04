//! Fields around fields: counters, finite differences, sums and differences, products.

mod common;

use common::Swirl;
use std::sync::Arc;
use surefoot::Error;
use surefoot::field::{
    Counting, Counts, Difference, Field, FiniteDifference, Moment, Product, SharedField, Sum,
};

const AT: Moment = Moment { time: 0.7, signal: 0.8, noise: 0.6 };

/// A field that is no Swirl: y_i = x_i² x_{i−1}, cyclically.
struct Cubic(usize);

impl Cubic {
    fn slope(&self, x: &[f64], i: usize, j: usize) -> f64 {
        let last = (i + self.0 - 1) % self.0;
        let own = if i == j { 2.0 * x[i] * x[last] } else { 0.0 };
        own + if j == last { x[i] * x[i] } else { 0.0 }
    }

    fn derive(&self, x: &[f64], v: &[f64], out: &mut [f64], slope: impl Fn(&[f64], usize, usize) -> f64) {
        let d = self.0;
        let rows = v.len().checked_div(x.len()).unwrap_or(0);
        for (row, out) in out.chunks_exact_mut(d).enumerate() {
            let x = &x[row / rows * d..][..d];
            for (i, out) in out.iter_mut().enumerate() {
                *out = (0..d).map(|j| slope(x, i, j) * v[row * d + j]).sum();
            }
        }
    }
}

impl Field for Cubic {
    fn dim(&self) -> usize {
        self.0
    }
    fn eval(&self, _: Moment, x: &[f64], y: &mut [f64]) {
        for (x, y) in x.chunks_exact(self.0).zip(y.chunks_exact_mut(self.0)) {
            (0..self.0).for_each(|i| y[i] = x[i] * x[i] * x[(i + self.0 - 1) % self.0]);
        }
    }
    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.eval(at, x, y);
        self.derive(x, v, jv, |x, i, j| self.slope(x, i, j));
    }
    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.eval(at, x, y);
        self.derive(x, u, uj, |x, i, j| self.slope(x, j, i));
    }
}

fn numbers(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|i| 1.5 * (seed + 1.7 * i as f64 + 0.01 * (i * i) as f64).sin()).collect()
}

/// Value and derivatives of a batch.
struct Answer {
    y: Vec<f64>,
    jv: Vec<f64>,
    uj: Vec<f64>,
}

fn ask(field: &dyn Field, x: &[f64], v: &[f64]) -> Answer {
    let (mut y, mut jv, mut uj) = (vec![0.0; x.len()], vec![0.0; v.len()], vec![0.0; v.len()]);
    field.adjoint(AT, x, v, &mut y, &mut uj);
    let adjoint_y = y.clone();
    field.tangents(AT, x, v, &mut y, &mut jv);
    assert_eq!(y, adjoint_y);
    field.eval(AT, x, &mut y);
    assert_eq!(y, adjoint_y);
    Answer { y, jv, uj }
}

fn gap(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn counters_count_rows_and_pass_everything_on() {
    let dim = 4;
    let counting = Counting::new(Arc::new(Swirl(dim)));
    assert_eq!(counting.counts(), Counts::default());
    let (x, v) = (numbers(7 * dim, 0.0), numbers(7 * 3 * dim, 1.0));
    let (inner, outer) = (ask(&Swirl(dim), &x, &v), ask(&counting, &x, &v));
    assert_eq!((inner.y, inner.jv, inner.uj), (outer.y, outer.jv, outer.uj));
    assert_eq!(counting.counts(), Counts { evaluations: 21, jvp: 21, vjp: 21 });

    // No direction and no sample count as none; threads add up.
    let mut y = vec![0.0; x.len()];
    counting.tangents(AT, &x, &[], &mut y, &mut []);
    counting.eval(AT, &[], &mut []);
    assert_eq!(counting.counts(), Counts { evaluations: 28, jvp: 21, vjp: 21 });
    let counting = &counting;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let x = &x[..5 * dim];
            scope.spawn(move || (0..100).for_each(|_| counting.eval(AT, x, &mut [0.0; 20])));
        }
    });
    assert_eq!(counting.counts(), Counts { evaluations: 2028, jvp: 21, vjp: 21 });
}

#[test]
fn finite_differences_err_with_the_square_of_their_step() {
    for dim in [3, 5] {
        let field: SharedField = Arc::new(Swirl(dim));
        let (x, v) = (numbers(2 * dim, 0.3), numbers(2 * 3 * dim, 2.0));
        let exact = ask(&*field, &x, &v);
        let error = |step: f64| {
            let found = ask(&FiniteDifference::new(field.clone(), step).unwrap(), &x, &v);
            assert_eq!(found.y, exact.y);
            [gap(&found.jv, &exact.jv), gap(&found.uj, &exact.uj)]
        };
        let (coarse, fine) = (error(2e-2), error(1e-2));
        for (coarse, fine) in coarse.iter().zip(fine) {
            assert!((coarse / fine - 4.0).abs() < 0.01, "D = {dim}: {coarse:e} {fine:e}");
        }
        assert!(error(1e-5).iter().all(|e| *e < 1e-9));
    }
}

#[test]
fn finite_differences_keep_the_length_of_directions() {
    let field = FiniteDifference::new(Arc::new(Swirl(3)), 1e-4).unwrap();
    let x = numbers(3, 0.0);
    for size in [0.0, 1e-12, 1e9] {
        let v: Vec<f64> = numbers(6, 1.0).iter().map(|v| size * v).collect();
        let (found, exact) = (ask(&field, &x, &v), ask(&Swirl(3), &x, &v));
        assert!(gap(&found.jv, &exact.jv) <= 1e-7 * size && gap(&found.uj, &exact.uj) <= 1e-7 * size);
    }
    let (mut y, mut none) = (vec![0.0; 3], vec![]);
    field.tangents(AT, &x, &[], &mut y, &mut none);
    field.adjoint(AT, &[], &[], &mut [], &mut none);
    assert_eq!(y, ask(&Swirl(3), &x, &[]).y);
}

#[test]
fn steps_without_meaning_are_refused() {
    for step in [0.0, -1e-5, f64::NAN, f64::INFINITY] {
        let refused = FiniteDifference::new(Arc::new(Swirl(3)), step);
        let Err(Error::Invalid { expected, .. }) = refused.map(|_| ()) else { panic!("{step} was taken") };
        assert!(expected.contains("step"));
    }
}

#[test]
fn sums_and_differences_are_linear_in_value_and_derivatives() {
    let dim = 3;
    let (f, g): (SharedField, SharedField) = (Arc::new(Swirl(dim)), Arc::new(Cubic(dim)));
    let (x, v) = (numbers(4 * dim, 0.5), numbers(4 * 2 * dim, 3.0));
    let (of_f, of_g) = (ask(&*f, &x, &v), ask(&*g, &x, &v));
    let combined = |a: &[f64], b: &[f64], factors: [f64; 2]| -> Vec<f64> {
        a.iter().zip(b).map(|(a, b)| factors[0] * a + factors[1] * b).collect()
    };
    let check = |field: &dyn Field, factors: [f64; 2]| {
        let found = ask(field, &x, &v);
        assert!(gap(&found.y, &combined(&of_f.y, &of_g.y, factors)) < 1e-15);
        assert!(gap(&found.jv, &combined(&of_f.jv, &of_g.jv, factors)) < 1e-14);
        assert!(gap(&found.uj, &combined(&of_f.uj, &of_g.uj, factors)) < 1e-14);
        // b · (J a) = a · (Jᵀ b).
        for row in 0..x.len() / dim {
            let (a, b) = (&v[2 * row * dim..][..dim], &v[(2 * row + 1) * dim..][..dim]);
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let forward = dot(b, &found.jv[2 * row * dim..][..dim]);
            let backward = dot(a, &found.uj[(2 * row + 1) * dim..][..dim]);
            assert!((forward - backward).abs() < 1e-13);
        }
    };
    for epsilon in [0.0, 1.0, -0.25] {
        check(&Sum::new(f.clone(), g.clone(), epsilon).unwrap(), [1.0, epsilon]);
    }
    check(&Difference::new(f.clone(), g.clone()).unwrap(), [1.0, -1.0]);
    check(&Difference::new(g, f.clone()).unwrap(), [-1.0, 1.0]);
    let same = ask(&Difference::new(f.clone(), f).unwrap(), &x, &v);
    assert!(same.y.iter().chain(&same.jv).chain(&same.uj).all(|value| *value == 0.0));
}

#[test]
fn fields_of_unequal_dimension_are_refused() {
    let (f, g): (SharedField, SharedField) = (Arc::new(Swirl(3)), Arc::new(Swirl(4)));
    let sum = Sum::new(f.clone(), g.clone(), 1.0).map(|_| ());
    let difference = Difference::new(f, g).map(|_| ());
    for refused in [sum, difference] {
        let Err(Error::Invalid { expected, got, .. }) = refused else { panic!("two dimensions were taken") };
        assert!(expected.contains('3') && got.contains('4'));
    }
}

#[test]
fn products_ask_each_field_for_its_own_coordinates() {
    let blocks = || -> Vec<(SharedField, Vec<usize>)> {
        vec![(Arc::new(Swirl(3)), vec![4, 0, 2]), (Arc::new(Cubic(2)), vec![1, 3])]
    };
    let product = Product::new(blocks()).unwrap();
    let (x, v) = (numbers(6 * 5, 0.1), numbers(6 * 2 * 5, 0.9));
    let found = ask(&product, &x, &v);
    for (field, coordinates) in blocks() {
        let part = |rows: &[f64]| -> Vec<f64> {
            rows.chunks(5).flat_map(|row| coordinates.iter().map(|c| row[*c]).collect::<Vec<_>>()).collect()
        };
        let alone = ask(&*field, &part(&x), &part(&v));
        assert_eq!((alone.y, alone.jv, alone.uj), (part(&found.y), part(&found.jv), part(&found.uj)));
    }
    let field = || -> SharedField { Arc::new(Swirl(3)) };
    for coordinates in [vec![0, 1], vec![0, 1, 1], vec![1, 2, 3], vec![0, 1, usize::MAX]] {
        assert!(Product::new(vec![(field(), coordinates)]).is_err());
    }
    assert!(Product::new(vec![]).is_err());
}
