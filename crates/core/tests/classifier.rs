//! One-class support vector machines against scikit-learn 1.9 (LIBSVM in C).

use surefoot::classifier::{OneClass, kernel_width};

/// A wavy circle.
fn points() -> Vec<f64> {
    let point = |i: i32| {
        let (angle, r) =
            (std::f64::consts::TAU * f64::from(i) / 60.0, 1.0 + 0.1 * (7.3 * f64::from(i)).sin());
        [r * angle.cos(), r * angle.sin()]
    };
    (0..60).flat_map(point).collect()
}

#[test]
fn decisions_are_those_of_scikit_learn() {
    // OneClassSVM(nu=0.1, gamma=1/(2 * 0.4**2), tol=1e-10), decision_function over the norm of w.
    let machine = OneClass::train(2, &points(), 0.4, 0.1).unwrap();
    assert!((machine.margin() - 0.38562383).abs() < 1e-4, "{}", machine.margin());
    let queries = [0.0, 0.0, 1.0, 0.0, 0.0, -1.1, 2.0, 2.0, 0.5, 0.5];
    let expected = [-0.31293493, 0.01357823, -0.00043511, -0.38560298, -0.06850154];
    for (got, want) in machine.distances(&queries).iter().zip(expected) {
        assert!((got - want).abs() < 2e-4, "{got} {want}");
    }
    assert!((15..30).contains(&machine.support_vectors()));
    // Far away nothing of the kernel is left.
    assert!((machine.distances(&[1e3, 0.0])[0] + machine.margin()).abs() < 1e-12);
}

#[test]
fn what_cannot_be_learned_is_refused() {
    for (points, width, outside) in [
        (&[][..], 0.4, 0.1),
        (&[1.0, 2.0], 0.4, 0.1),
        (&[1.0, 2.0, f64::NAN, 0.0], 0.4, 0.1),
        (&[1.0, 2.0, 3.0, 4.0], 0.0, 0.1),
        (&[1.0, 2.0, 3.0, 4.0], 0.4, 1.0),
    ] {
        assert!(OneClass::train(2, points, width, outside).is_err(), "{points:?} {width} {outside}");
    }
    assert_eq!(kernel_width(2, &[1.0; 20]), None);
    assert_eq!(kernel_width(1, &(0..30).map(f64::from).collect::<Vec<_>>()), Some(10.0));
}
