//! Learning errors: the other model itself at their own size, first order and bound against closed forms (theory §8, §11).

mod common;

use common::{LINEAR, StandardNormalLaw, Swirl, diffusion, gaussian};
use std::collections::BTreeMap;
use std::sync::Arc;
use surefoot::analysis::*;
use surefoot::error_field::Place;
use surefoot::field::SharedField;
use surefoot::process::{DifferenceField, Drift, Family, Grid, Noising};
use surefoot::random::{Purpose, standard_normal, stream};
use surefoot::robustness::predicted_distance;
use surefoot::sampler::Method;
use surefoot::support::{Shape, SharedSupport};
use surefoot::sweep::{Batch, Keep, Refinement, forward};
use surefoot::{Error, Result};

const VP: Noising = Noising { family: Family::Vp, schedule: LINEAR };
const START: f64 = 0.7;
const END: f64 = 0.1;
const SEED: u64 = 7;

struct Memory(BTreeMap<&'static str, Vec<f64>>);

impl ColumnSource for Memory {
    fn read(&self, name: &str) -> Result<Vec<f64>> {
        self.0.get(name).cloned().ok_or_else(|| Error::invalid("reading", "a column", name, "none"))
    }
}

fn shape(json: &str) -> SharedSupport {
    serde_json::from_str::<Shape>(json).unwrap().build().unwrap()
}

/// The first d coordinate axes of R^D.
fn axes(dim: usize, d: usize) -> SharedSupport {
    let axis = |i: usize| (0..dim).map(|j| f64::from(u8::from(i == j))).collect();
    Shape::Affine { point: vec![0.0; dim], basis: (0..d).map(axis).collect() }.build().unwrap()
}

fn system(drift: Drift, steps: usize, method: Method, support: Option<SharedSupport>) -> System {
    System {
        name: "test".into(),
        source: Arc::new(StandardNormalLaw(drift.field.dim())),
        source_density: None,
        data: None,
        support,
        target: None,
        drift,
        grid: Grid::uniform(START, END, steps),
        method,
    }
}

fn difference(base: &Drift, other: &Drift, place: Place, sizes: &[f64]) -> ErrorRequest {
    let field: SharedField = Arc::new(DifferenceField::new(base.clone(), other.clone(), place).unwrap());
    let kind = ErrorKind::Difference { model: "other".into(), field };
    ErrorRequest { kind, place, sizes: sizes.to_vec() }
}

/// The robustness experiment alone, as `perturb` asks for it.
fn request(samples: usize, place: Place, errors: Vec<ErrorRequest>) -> Request {
    Request {
        samples,
        vectors: 1,
        seed: SEED,
        errors,
        spectrum: false,
        gains: Some(place),
        search: None,
        moved: None,
        observables: None,
        response_probes: None,
        condition: 0,
        regularity: false,
        boundary_distance: 0.5,
        paths: 2,
        convergence: 2,
        chunk: 16,
        memory: 1 << 30,
    }
}

struct Done {
    summary: Summary,
    columns: Memory,
    norms: Vec<f64>,
}

fn run(system: &System, request: &Request, size: usize) -> Done {
    let go_on = |_: usize| true;
    let norms = error_scales(system, request, &go_on).unwrap().unwrap();
    let specs = layout(system, request, request.perturbations(&norms).len());
    let mut all: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for start in (0..request.samples).step_by(size) {
        let samples = start..(start + size).min(request.samples);
        let made = chunk(system, request, &norms, samples.clone(), &go_on).unwrap().unwrap();
        assert_eq!(made.columns.len(), specs.len());
        for spec in &specs {
            let values = &made.columns[spec.name];
            assert_eq!(values.len(), spec.rows(&samples).len() * spec.row_len(), "{}", spec.name);
            all.entry(spec.name).or_default().extend(values);
        }
    }
    let columns = Memory(all);
    let summary = summarise(system, request, &norms, &columns, Provenance::default()).unwrap();
    Done { summary, columns, norms }
}

fn near(a: f64, b: f64, tolerance: f64, what: &str) {
    assert!((a - b).abs() <= tolerance * b.abs().max(1e-12), "{what}: {a} {b}");
}

/// What Euler's method does to a coordinate of a Gaussian of one variance.
struct Coordinate {
    /// Factors of the steps.
    factors: Vec<f64>,
    /// The score over x.
    slopes: Vec<f64>,
}

impl Coordinate {
    /// ẋ = −a x + ½ g² s with s = −x/(m² λ + σ²), in steps of the model time that passes.
    fn new(variance: f64, steps: usize) -> Coordinate {
        let dt = (START - END) / steps as f64;
        let times: Vec<f64> = (0..steps).map(|n| START - n as f64 * dt).collect();
        let slope = |u: &f64| -1.0 / (VP.signal(*u).powi(2) * variance + VP.noise(*u).powi(2));
        let slopes: Vec<f64> = times.iter().map(slope).collect();
        let factor = |(u, slope): (&f64, &f64)| 1.0 + dt * (-VP.decay(*u) + 0.5 * VP.diffusion(*u) * slope);
        let factors = times.iter().zip(&slopes).map(factor).collect();
        Coordinate { factors, slopes }
    }

    fn product(&self, from: usize, to: usize) -> f64 {
        self.factors[from..to].iter().product()
    }
}

/// A Gaussian in the plane against another, and on a line: every figure is a product of numbers a step.
#[test]
fn gaussians_have_their_closed_form() {
    for (variances, others, d) in [
        (vec![1.0, 0.0], vec![1.3, 0.04], 1),
        (vec![0.2, 0.5, 0.0], vec![0.3, 0.2, 0.1], 2),
        (vec![0.0], vec![0.3], 0),
    ] {
        for (steps, samples) in [(1, 1), (17, 5)] {
            check_gaussian(&variances, &others, d, steps, samples);
        }
    }
}

fn check_gaussian(variances: &[f64], others: &[f64], d: usize, steps: usize, samples: usize) {
    let dim = variances.len();
    let (base, other) = (gaussian(variances, VP, 0.0), gaussian(others, VP, 0.0));
    let system = system(base.clone(), steps, Method::Euler, Some(axes(dim, d)));
    let asked = request(samples, Place::Score, vec![difference(&base, &other, Place::Score, &[])]);
    let done = run(&system, &asked, 2);
    let read = |name: &str| done.columns.read(name).unwrap();
    let coordinates: Vec<Coordinate> = variances.iter().map(|v| Coordinate::new(*v, steps)).collect();
    let moved: Vec<Coordinate> = others.iter().map(|v| Coordinate::new(*v, steps)).collect();
    let dt = (START - END) / steps as f64;
    let time = |n: usize| START - n as f64 * dt;
    let starts = read("x0");
    let (mut largest, normal) = (0.0_f64, dim - 1);
    for (sample, start) in starts.chunks_exact(dim).enumerate() {
        let at = |n: usize, i: usize| start[i] * coordinates[i].product(0, n);
        let error = |n: usize, i: usize| (moved[i].slopes[n] - coordinates[i].slopes[n]) * at(n, i);
        let (mut bound, mut zeta) = (0.0, 0.0);
        for n in 0..steps {
            let length = (0..dim).map(|i| error(n, i).powi(2)).sum::<f64>().sqrt();
            let gain = 0.5 * VP.diffusion(time(n)) * coordinates[normal].product(n + 1, steps).abs();
            bound += dt * gain * length;
            zeta += dt
                * 0.5
                * VP.diffusion(time(n))
                * coordinates[normal].product(n + 1, steps)
                * error(n, normal);
            near(read("learning_error")[sample * steps + n], length, 1e-12, "length");
            largest = (0..dim).map(|i| error(n, i).abs()).fold(largest, f64::max);
        }
        near(read("learning_bound_normal")[sample], bound, 1e-11, "bound");
        near(read("predicted_distance")[sample], (at(steps, normal) + zeta).abs(), 1e-10, "predicted");
        assert!(zeta.abs() <= bound * (1.0 + 1e-12));
        for i in 0..dim {
            let end = start[i] * moved[i].product(0, steps);
            near(read("perturbed_x")[sample * dim + i], end, 1e-10, "the other model");
        }
    }
    near(done.norms[0], largest, 1e-12, "ε");
    let [found] = &done.summary.learning_errors[..] else { panic!("one learning error") };
    assert_eq!((found.kind.as_str(), found.other.as_str()), ("difference", "other"));
    let off = found.off.as_ref().unwrap();
    assert_eq!(off.shift.measured.n, samples);
    assert_eq!(found.along.is_some(), d > 0);
    assert_eq!(found.displacement.missed.is_some(), samples > 1);
    if d == 0 {
        // One coordinate, one sign: the error uses all of its bound.
        near(off.used.unwrap().q50, 1.0, 1e-12, "used");
    }
}

/// At its own size the perturbed model is the other one, whatever the method, the place and the noise.
#[test]
fn at_its_own_size_the_twin_is_the_other_model() {
    let methods = [
        (Method::Euler, 1.0),
        (Method::Heun, 0.5),
        (Method::Rk4, 0.0),
        (Method::Ancestral, 1.0),
        (Method::Ddim, 0.3),
        (Method::PredictorCorrector { corrector: 0.1 }, 1.0),
    ];
    for (method, level) in methods {
        for place in [Place::Output, Place::Score, Place::Drift] {
            let base = gaussian(&[1.0, 0.1, 0.3], VP, level);
            let other = diffusion(Arc::new(Swirl(3)), VP, level);
            let system = system(base.clone(), 12, method, Some(axes(3, 1)));
            let errors = vec![difference(&base, &other, place, &[0.01, 0.1])];
            let done = run(&system, &request(9, place, errors), 9);
            let sizes: Vec<f64> = done.summary.robustness.iter().map(|entry| entry.size).collect();
            assert_eq!(sizes, [0.01, 0.1, done.norms[0]]);
            assert_eq!(done.summary.learning_errors[0].size, done.norms[0]);
            let step = System { drift: other, ..system.clone() }.step(Vec::new()).unwrap();
            let batch = Batch {
                source: system.source.as_ref(),
                seed: SEED,
                samples: 0..9,
                refinement: Refinement::Own,
            };
            let alone = forward(&step, &batch, 0, Keep::default()).unwrap().end;
            let twins = done.columns.read("perturbed_x").unwrap();
            for (sample, x) in alone.chunks_exact(3).enumerate() {
                for (i, x) in x.iter().enumerate() {
                    let twin = twins[(sample * 3 + 2) * 3 + i];
                    assert!((twin - x).abs() < 1e-11 * (1.0 + x.abs()), "{method:?} {place:?}: {twin} {x}");
                }
            }
        }
    }
}

/// First order stays within both bounds on a nonlinear field, in any codimension, and the figures are quantiles of
/// columns.
#[test]
fn first_order_stays_within_its_bounds() {
    for (dim, d) in [(2, 1), (4, 1), (5, 3)] {
        let base = diffusion(Arc::new(Swirl(dim)), VP, 1.0);
        let other = gaussian(&vec![0.4; dim], VP, 1.0);
        let system = system(base.clone(), 30, Method::Euler, Some(axes(dim, d)));
        let asked = request(40, Place::Output, vec![difference(&base, &other, Place::Output, &[])]);
        let done = run(&system, &asked, 16);
        let read = |name: &str| done.columns.read(name).unwrap();
        let size = done.norms[0];
        let (bound, normal) = (read("learning_bound_normal"), read("first_order_normal"));
        let (along, tangent) = (read("learning_bound_tangent"), read("first_order_tangent"));
        let by_size = read("gain_normal_inf");
        for sample in 0..40 {
            assert!(size * normal[sample] <= bound[sample] * (1.0 + 1e-12));
            assert!(size * tangent[sample] <= along[sample] * (1.0 + 1e-12));
            let root = ((dim - d) as f64).sqrt();
            assert!(normal[sample] <= root * by_size[sample] * (1.0 + 1e-12));
        }
        let off = done.summary.learning_errors[0].off.as_ref().unwrap();
        assert!(off.used.unwrap().q95 <= 1.0 + 1e-12 && off.used.unwrap().q05 > 0.0);
        assert!(off.bound.unwrap().q50 >= off.normal.q50 && !off.outward_only);
        let steps = &done.summary.learning_errors[0].steps;
        assert_eq!((steps.len(), steps[0].time, steps[3].step), (30, START, 3));
        assert!(steps.iter().all(|step| step.error > 0.0 && step.harm.unwrap() > 0.0));
    }
}

/// A small error is explained, and by how much first order misses falls with its size.
#[test]
fn small_errors_are_explained() {
    let base = gaussian(&[1.0, 0.0], VP, 1.0);
    let missed = |change: f64| {
        let other = gaussian(&[1.0 + change, 0.3 * change], VP, 1.0);
        let system = system(base.clone(), 40, Method::Euler, Some(axes(2, 1)));
        let asked = request(200, Place::Score, vec![difference(&base, &other, Place::Score, &[])]);
        let summary = run(&system, &asked, 64).summary;
        let error = &summary.learning_errors[0];
        let off = error.off.as_ref().unwrap();
        assert_eq!((off.jumped, off.shift_without_jumps.is_none()), (0.0, true));
        (off.shift.missed.unwrap(), error.sentence())
    };
    let ((large, said), (small, _), (tiny, explained)) = (missed(3.0), missed(0.02), missed(0.002));
    assert!(tiny.value < 0.2 * small.value && small.value < large.value, "{tiny:?} {small:?} {large:?}");
    assert!(
        explained.starts_with("First order explains the shift off the support (it misses"),
        "{explained}"
    );
    assert!(!said.starts_with("First order explains the shift off the support (it"), "{said}");
}

#[test]
fn chunks_and_company_do_not_change_a_single_bit() {
    let base = diffusion(Arc::new(Swirl(3)), VP, 1.0);
    let others = [gaussian(&[0.4; 3], VP, 1.0), gaussian(&[0.1, 0.2, 0.3], VP, 1.0)];
    let system = system(base.clone(), 20, Method::Heun, Some(axes(3, 1)));
    let white = ErrorRequest { kind: ErrorKind::White, place: Place::Score, sizes: vec![0.1] };
    let coarser = ErrorRequest { kind: ErrorKind::Coarser, place: Place::Score, sizes: vec![2.0] };
    let learned = |i: usize| difference(&base, &others[i], Place::Score, &[]);
    let asked = request(21, Place::Score, vec![coarser, learned(0), white, learned(1)]);
    let (one, other) = (run(&system, &asked, 21), run(&system, &asked, 4));
    assert_eq!(one.columns.0, other.columns.0);
    assert_eq!(one.summary, other.summary);
    let alone = run(&system, &request(21, Place::Score, vec![learned(1)]), 21);
    let (first, second) = (&alone.summary.learning_errors[0], &one.summary.learning_errors[1]);
    assert_eq!(second.kind, "difference-2");
    assert_eq!((&first.off, &first.along, &first.steps), (&second.off, &second.along, &second.steps));
    assert_eq!(first.displacement, second.displacement);
}

#[test]
fn without_a_support_or_gains_less_is_said() {
    let base = diffusion(Arc::new(Swirl(2)), VP, 0.0);
    let other = gaussian(&[0.4, 0.2], VP, 0.0);
    let error = || vec![difference(&base, &other, Place::Output, &[])];
    let bare = run(&system(base.clone(), 8, Method::Euler, None), &request(7, Place::Output, error()), 7);
    let found = &bare.summary.learning_errors[0];
    assert!(found.off.is_none() && found.along.is_none() && found.half.is_none());
    assert!(found.steps.iter().all(|step| step.harm.is_none()));
    assert!(found.sentence().contains("the displacement"), "{}", found.sentence());
    // Gains at another place bound nothing here.
    let system = system(base.clone(), 8, Method::Euler, Some(axes(2, 1)));
    let elsewhere = run(&system, &request(7, Place::Drift, error()), 7);
    let off = elsewhere.summary.learning_errors[0].off.as_ref().unwrap();
    assert!(off.bound.is_none() && off.bound_inf.is_none() && off.used.is_none());
    // Too few samples for a claim.
    let few = run(&system, &request(3, Place::Output, error()), 7);
    let said = few.summary.learning_errors[0].sentence();
    assert!(said.contains("3 samples are too few"), "{said}");
}

/// Supports of full dimension count samples near their boundary; above 64 dimensions there is one normal direction.
#[test]
fn full_supports_and_many_dimensions() {
    let base = diffusion(Arc::new(Swirl(2)), VP, 0.0);
    let other = gaussian(&[0.4, 0.2], VP, 0.0);
    let disc = shape(r#"{"kind": "disc", "centre": [0.0, 0.0], "radius": 0.5}"#);
    let system_of = |drift: Drift, support| system(drift, 8, Method::Euler, Some(support));
    let asked = request(60, Place::Output, vec![difference(&base, &other, Place::Output, &[])]);
    let done = run(&system_of(base, disc), &asked, 60);
    let off = done.summary.learning_errors[0].off.as_ref().unwrap();
    let counted = done.columns.read("near_boundary").unwrap().iter().sum::<f64>();
    assert!(counted > 0.0 && counted < 60.0 && off.normal.n == counted as usize);
    let base = diffusion(Arc::new(Swirl(70)), VP, 0.0);
    let other = gaussian(&[0.4], VP, 0.0);
    let other = Drift { field: Arc::new(common::GaussianScore(vec![0.4; 70])), ..other };
    let asked = request(6, Place::Output, vec![difference(&base, &other, Place::Output, &[])]);
    let done = run(&system_of(base, axes(70, 3)), &asked, 6);
    let off = done.summary.learning_errors[0].off.as_ref().unwrap();
    assert!(off.outward_only && off.used.is_none() && off.beyond.is_none() && off.bound.is_some());
}

/// The predicted distance has the slope of the distance itself, beyond the ends and edges of a support too.
#[test]
fn predicted_distances_have_the_slope_of_the_distance() {
    let shapes = [
        r#"{"kind": "two-moons", "scale": 1.0, "shift": 0.0, "strip": 0.0}"#,
        r#"{"kind": "two-moons", "scale": 3.0, "shift": -1.0, "strip": 0.2}"#,
        r#"{"kind": "circle", "radius": 1.0}"#,
        r#"{"kind": "sphere", "dim": 4, "radius": 1.0}"#,
        r#"{"kind": "torus", "major": 1.0, "minor": 0.4}"#,
        r#"{"kind": "swiss-roll", "pitch": 0.1, "height": 0.5}"#,
        r#"{"kind": "disc", "centre": [0.1, 0.0], "radius": 0.8}"#,
    ];
    let mut beyond = 0;
    for json in shapes {
        let support = shape(json);
        let dim = support.dim();
        for sample in 0..60 {
            let mut rng = stream(3, sample, Purpose::Reference);
            let (mut x, mut zeta) = (vec![0.0; dim], vec![0.0; dim]);
            standard_normal(&mut rng, &mut x);
            standard_normal(&mut rng, &mut zeta);
            let foot = support.project(&x);
            let h = 1e-6;
            let moved = |h: f64| x.iter().zip(&zeta).map(|(x, z)| x + h * z).collect::<Vec<f64>>();
            let (up, down) = (support.project(&moved(h)), support.project(&moved(-h)));
            // Where the nearest point jumps there is no slope, nor where the side of an end changes.
            let jumps = |a: &[f64], b: &[f64]| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e3 * h);
            if jumps(&up.point, &down.point) || foot.middle_distance < 1e-2 {
                continue;
            }
            let at = |h: f64| predicted_distance(&x, &foot, &zeta.iter().map(|z| h * z).collect::<Vec<_>>());
            assert!((at(0.0) - foot.middle_distance).abs() < 1e-12);
            let expected = (up.middle_distance - down.middle_distance) / (2.0 * h);
            let got = (at(h) - at(-h)) / (2.0 * h);
            assert!((got - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{json} {x:?}: {got} {expected}");
            let along: f64 = foot
                .tangent
                .chunks_exact(dim)
                .map(|t| t.iter().zip(&x).zip(&foot.point).map(|((t, x), p)| t * (x - p)).sum::<f64>().abs())
                .sum();
            beyond += usize::from(along > 1e-3);
        }
    }
    assert!(beyond > 10, "{beyond} points beyond ends and edges");
    // On the support itself every normal move leads away.
    let foot = shape(r#"{"kind": "circle", "radius": 1.0}"#).project(&[1.0, 0.0]);
    assert!((predicted_distance(&[1.0, 0.0], &foot, &[-0.25, 0.5]) - 0.25).abs() < 1e-15);
}
