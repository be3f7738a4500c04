//! Whole analyses on systems whose answers are known in closed form (theory §11).

use std::collections::BTreeMap;
use std::sync::Arc;
use surefoot::analysis::*;
use surefoot::error_field::Place;
use surefoot::field::{Data, Field, Moment, NoisedDensity};
use surefoot::gains::ErrorNorm;
use surefoot::law::{Gaussian, Marginal};
use surefoot::process::{Affine, Clock, Drift, Family, Grid, Noising, Predicts, Process, Schedule};
use surefoot::response::Observable;
use surefoot::sampler::Method;
use surefoot::support::Shape;
use surefoot::{Error, Result};

struct Memory(BTreeMap<&'static str, Vec<f64>>);

impl ColumnSource for Memory {
    fn read(&self, name: &str) -> Result<Vec<f64>> {
        self.0.get(name).cloned().ok_or_else(|| Error::invalid("reading", "a column", name, "none"))
    }
}

/// Exact score of `data`, `ou` with the cosine schedule from 0.9 to 0.02.
fn diffusion(data: Data, shape: Option<Shape>, noise_level: f64, method: Method, steps: usize) -> System {
    let noising = Noising { family: Family::Ou, schedule: Schedule::Cosine };
    let grid = Grid::uniform(0.9, 0.02, steps);
    let field = data.score(0.0).unwrap();
    let drift = Drift {
        field: field.clone(),
        process: Process::Diffusion { noising, noise_level },
        predicts: Predicts::Score,
        clock: Clock::Affine { at_noise: 1.0, at_data: 0.0 },
        error: None,
    };
    let (signal, noise) = (noising.signal(0.9), noising.noise(0.9));
    System {
        name: "test".into(),
        target: Some(TargetScore {
            field: field.clone(),
            moment: drift.moment(0.02),
            conversion: Affine { state: 0.0, output: 1.0 },
            origin: ScoreOrigin::Exact,
        }),
        source: Arc::new(Marginal { data: data.law(0.0).unwrap(), signal, noise }),
        source_density: Some(Arc::new(NoisedDensity { score: field.clone(), at: drift.moment(0.9) })),
        data: None,
        support: shape.map(|s| s.build().unwrap()),
        drift,
        grid,
        method,
    }
}

fn request(samples: usize, vectors: usize, errors: Vec<ErrorRequest>) -> Request {
    Request {
        samples,
        vectors,
        seed: 7,
        errors,
        spectrum: true,
        gains: Some(Place::Output),
        search: None,
        moved: None,
        observables: Some(Observable::standard(2, false)),
        response_probes: None,
        condition: 3,
        regularity: true,
        boundary_distance: 0.1,
        paths: 3,
        convergence: 5,
        chunk: 16,
        memory: 1 << 30,
    }
}

fn constant(direction: &[f64], sizes: &[f64]) -> ErrorRequest {
    let kind = ErrorKind::Constant { direction: direction.to_vec() };
    ErrorRequest { kind, place: Place::Score, sizes: sizes.to_vec() }
}

fn random(sizes: &[f64]) -> ErrorRequest {
    let kind = ErrorKind::Random { length_scale: 1.0, time_dependent: true };
    ErrorRequest { kind, place: Place::Score, sizes: sizes.to_vec() }
}

fn worst(norm: ErrorNorm, sizes: &[f64]) -> ErrorRequest {
    ErrorRequest { kind: ErrorKind::Worst { norm }, place: Place::Output, sizes: sizes.to_vec() }
}

fn run(system: &System, request: &Request, chunk_size: usize) -> (Summary, Memory) {
    let go_on = |_: usize| true;
    let norms = error_scales(system, request, &go_on).unwrap().unwrap();
    let specs = layout(system, request, request.perturbations(&norms).len());
    let mut all: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for start in (0..request.samples).step_by(chunk_size) {
        let samples = start..(start + chunk_size).min(request.samples);
        let chunk = chunk(system, request, &norms, samples.clone(), &go_on).unwrap().unwrap();
        for spec in &specs {
            let values = &chunk.columns[spec.name];
            assert_eq!(values.len(), spec.rows(&samples).len() * spec.row_len(), "{}", spec.name);
            assert!(values.iter().all(|v| v.is_finite()), "{}", spec.name);
            all.entry(spec.name).or_default().extend(values);
        }
        assert_eq!(chunk.columns.len(), specs.len());
    }
    let memory = Memory(all);
    let summary = summarise(system, request, &norms, &memory, Provenance::default()).unwrap();
    (summary, memory)
}

fn two_moons(noise_level: f64, steps: usize) -> System {
    let data = Data::TwoMoons { scale: 1.0, shift: 0.0, strip: 0.0 };
    let shape = Shape::TwoMoons { scale: 1.0, shift: 0.0, strip: 0.0 };
    diffusion(data, Some(shape), noise_level, Method::Euler, steps)
}

#[test]
fn chunks_do_not_change_a_single_bit() {
    let system = two_moons(1.0, 40);
    let errors = vec![
        constant(&[1.0, 1.0], &[0.1]),
        random(&[0.2]),
        worst(ErrorNorm::Two, &[0.1]),
        ErrorRequest { kind: ErrorKind::White, place: Place::Drift, sizes: vec![0.1] },
        ErrorRequest { kind: ErrorKind::Coarser, place: Place::Output, sizes: vec![2.0] },
        worst(ErrorNorm::Infinity, &[0.01, 0.1]),
    ];
    let request = request(37, 2, errors);
    let (one, columns) = run(&system, &request, 37);
    let (other, same) = run(&system, &request, 5);
    assert_eq!(columns.0, same.0);
    assert_eq!(one, other);
}

/// Singular Gaussian in the plane: gains, their budget, and worst-case errors that attain them at any size, wherever
/// they stand among the errors.
#[test]
fn gains_and_worst_errors_of_a_singular_gaussian() {
    let data = Data::Gaussian { variances: vec![1.0, 0.0] };
    let shape = Shape::Affine { point: vec![0.0, 0.0], basis: vec![vec![1.0, 0.0]] };
    let system = diffusion(data, Some(shape), 1.0, Method::Euler, 40);
    let errors = vec![
        constant(&[1.0, 1.0], &[0.1]),
        worst(ErrorNorm::Two, &[0.1, 1.0]),
        ErrorRequest { kind: ErrorKind::Coarser, place: Place::Output, sizes: vec![2.0] },
        random(&[0.1]),
        worst(ErrorNorm::Infinity, &[0.5]),
    ];
    let (summary, columns) = run(&system, &request(12, 2, errors), 5);
    let gains = summary.gains.unwrap();
    let names: Vec<&str> = gains.attained.iter().map(|a| a.kind.as_str()).collect();
    assert_eq!(names, ["worst-l2", "worst-l2", "worst"]);
    for attained in &gains.attained {
        assert!((attained.share.q05 - 1.0).abs() < 1e-9 && (attained.share.q95 - 1.0).abs() < 1e-9);
    }
    // One normal column along an axis: both norms, and the first-order displacements of both kinds, are the gain.
    assert!((gains.normal.q50 / gains.normal_inf.q50 - 1.0).abs() < 1e-12);
    for entry in summary.robustness.iter().filter(|entry| entry.kind.starts_with("worst")) {
        let first = entry.first_order.as_ref().unwrap();
        assert!((first.normal.unwrap().q50 / gains.normal.q50 - 1.0).abs() < 1e-10, "{}", entry.kind);
    }
    assert!(summary.footing.unwrap().kinds["worst-l2"].q95 < 1e-9, "straight off the line");
    let dt = 0.88 / 40.0;
    let total: f64 = gains.budget.iter().map(|step| step.normal * dt).sum();
    assert!((total / gains.normal.q50 - 1.0).abs() < 1e-10, "the flow is the same on all paths");
    let condition = summary.condition.unwrap();
    assert_eq!((condition.paths, condition.dimension, condition.trace.as_str()), (3, 1, "exact"));
    assert_eq!((condition.remark_4_5.straight, condition.clauses["curvature"].throughout), (1.0, 1.0));
    assert_eq!(condition.score_from_zero.q95, 0.0, "a linear flow has no curvature");
    assert_eq!(condition.first_failing.into_iter().collect::<Vec<_>>(), [("stretch".to_string(), 1.0)]);
    assert_eq!((condition.satisfied, condition.compressive), (0.0, 1.0), "it contracts near the data");
    assert_eq!(condition.steps.len(), 40);
    assert_eq!((gains.budget.len(), gains.budget_samples), (40, 12));
    assert_eq!(columns.0["gain_normal_rate"].len(), 12 * 40);
    let spent: f64 = gains.budget[gains.half.first..=gains.half.last].iter().map(|step| step.normal).sum();
    assert!(spent * dt >= 0.5 * total && gains.half.share_of_steps < 0.5);
    assert_eq!(gains.white_normal_share_null, 0.5);
    assert!(gains.white_normal_share_error.is_none() && !gains.path_recomputed);
    assert_eq!(gains.path_bytes, 40 * 2 * 2 * 8);
    assert!(summary.convergence.unwrap().medians.contains_key("gains.normal"));
    assert!(summary.verdict.unwrap().reasons.iter().any(|reason| reason.contains("Half of the gain")));
}

#[test]
fn worst_errors_need_a_support() {
    let system = diffusion(Data::Gaussian { variances: vec![1.0, 0.5] }, None, 1.0, Method::Euler, 8);
    let asked = request(4, 2, vec![worst(ErrorNorm::Two, &[0.1])]);
    assert!(error_scales(&system, &asked, &|_| true).is_err());
    let (summary, _) = run(&system, &request(4, 2, vec![constant(&[1.0, 1.0], &[0.1])]), 4);
    assert!(summary.gains.is_none());
}

/// Log of the product of Euler's step factors for one variance of the target, written out for `ou` with η = 0:
/// dY = β (Y + s) du′ with s = −Y/v, θ = π/2 · (u + 0.008)/1.008, m = (cos θ/cos θ_0)², β = π/1.008 · tan θ.
fn euler_growth(variance: f64, steps: usize) -> f64 {
    let angle = |u: f64| std::f64::consts::FRAC_PI_2 * (u + 0.008) / 1.008;
    let dt = 0.88 / steps as f64;
    let factor = |n: usize| {
        let u = 0.9 - n as f64 * dt;
        let m = (angle(u).cos() / angle(0.0).cos()).powi(2);
        let v = m * m * variance + 1.0 - m * m;
        1.0 + dt * std::f64::consts::PI / 1.008 * angle(u).tan() * (1.0 - 1.0 / v)
    };
    (0..steps).map(|n| factor(n).ln()).sum()
}

#[test]
fn a_gaussian_grows_by_the_discrete_product() {
    let variances = vec![1.0, 0.25, 0.0];
    let system = diffusion(Data::Gaussian { variances: variances.clone() }, None, 0.0, Method::Euler, 500);
    let (summary, _) = run(&system, &request(20, 3, Vec::new()), 20);
    let dimension = summary.dimension.unwrap();
    let clear = surefoot::dimension::Standing::Clear;
    assert_eq!((dimension.estimate, dimension.standing), (2, clear), "the third variance is 0");
    assert!(dimension.sentence().starts_with("Dimension 2 at the scale"), "{}", dimension.sentence());
    let exponents = summary.exponents.unwrap();
    for (quantiles, variance) in exponents.svd.iter().zip(variances) {
        let expected = euler_growth(variance, 500);
        assert!((quantiles.q05 - expected).abs() < 1e-10 && (quantiles.q95 - expected).abs() < 1e-10);
    }
    assert!(exponents.trace_defect.unwrap() < 1e-10);
    assert!(summary.robustness.is_empty());
    assert_eq!(summary.verdict.unwrap().robust, None, "without a support there is nothing to judge by");
}

#[test]
fn leading_vectors_are_searched_for_where_not_all_are_followed() {
    let variances: Vec<f64> = (0..8).map(|i| 0.25_f64.powi(i)).collect();
    let system = diffusion(Data::Gaussian { variances: variances.clone() }, None, 0.0, Method::Euler, 100);
    let search = SearchRequest { samples: 6, extra: 2, rounds: 40, tolerance: 1e-9 };
    let request = Request { search: Some(search), ..request(9, 2, vec![constant(&[1.0; 8], &[0.1])]) };
    let (summary, columns) = run(&system, &request, 9);
    let (_, same) = run(&system, &request, 4);
    assert_eq!(columns.0, same.0, "chunks must not change a bit");
    let exponents = summary.exponents.unwrap();
    for (quantiles, variance) in exponents.svd.iter().zip(&variances) {
        let expected = euler_growth(*variance, 100);
        assert_eq!(quantiles.n, 6);
        assert!((quantiles.q05 - expected).abs() < 1e-10 && (quantiles.q95 - expected).abs() < 1e-10);
    }
    for (i, u) in columns.0["vectors_svd"].chunks_exact(8).enumerate() {
        assert!(u[i % 2].abs() > 1.0 - 1e-12, "vector {i}: {u:?}");
    }
    let found = exponents.search.unwrap();
    assert_eq!((found.samples, found.converged.q05), (6, 2.0));
    assert!(found.residuals.iter().all(|r| r.q95 <= 1e-9), "{found:?}");
    assert_eq!(exponents.residual.unwrap(), columns.0["residual"].iter().copied().fold(0.0, f64::max));
    assert!(exponents.trace_defect.is_none());
    assert_eq!((exponents.qr[0].n, exponents.gap.unwrap().quantiles.n), (9, 6));
    let convergence = summary.convergence.unwrap();
    assert_eq!(convergence.medians["exponents.svd.1"].paths, 1);
    let dimension = summary.dimension.unwrap();
    assert_eq!((dimension.estimate, dimension.gap.known, dimension.gap.ensemble.n), (1, 2, 6));
    let change = euler_growth(variances[1], 200) - euler_growth(variances[1], 100);
    assert!((convergence.medians["exponents.svd.1"].change - change).abs() < 1e-10);
    assert!(convergence.vector_angle_deg.iter().all(|angle| *angle < 1e-6));
    let alignment = summary.alignment.unwrap();
    assert_eq!(alignment.score_cosine.unwrap().svd.unwrap().n, 6);
    assert!(alignment.under_error[0].score_cosine.as_ref().unwrap().svd.is_none());
}

#[test]
fn a_search_cut_short_says_so() {
    let variances: Vec<f64> = (0..8).map(|i| 0.9_f64.powi(i)).collect();
    let system = diffusion(Data::Gaussian { variances }, None, 0.0, Method::Euler, 50);
    let search = SearchRequest { samples: 3, extra: 0, rounds: 1, tolerance: 1e-9 };
    let request = Request { search: Some(search), ..request(3, 3, Vec::new()) };
    let found = run(&system, &request, 3).0.exponents.unwrap().search.unwrap();
    assert_eq!((found.converged.q95, found.rounds.q95), (0.0, 1.0));
    assert!(found.residuals.iter().all(|r| r.q05 > 1e-9));
    let none = Request { search: Some(SearchRequest { samples: 0, ..search }), ..request.clone() };
    let (summary, columns) = run(&system, &none, 3);
    assert!(summary.exponents.unwrap().svd.is_empty() && !columns.0.contains_key("vectors_svd"));
    assert!(summary.not_computed.iter().any(|absent| absent.what == "exact vectors (svd)"));
    for wrong in [SearchRequest { rounds: 0, ..search }, SearchRequest { tolerance: f64::NAN, ..search }] {
        let request = Request { search: Some(wrong), ..request.clone() };
        assert!(matches!(request.check(8, 50), Err(Error::Invalid { .. })));
    }
}

#[test]
fn an_error_of_size_zero_moves_nothing() {
    let system = two_moons(1.0, 30);
    let (summary, _) = run(&system, &request(12, 2, vec![constant(&[1.0, 0.0], &[0.0])]), 12);
    let entry = &summary.robustness[0];
    assert_eq!(entry.displacement.mean, 0.0);
    assert_eq!(entry.off_w1, Some(0.0));
    assert_eq!(entry.along.unwrap().mean, 0.0);
    let alignment = summary.alignment.unwrap();
    assert_eq!(alignment.under_error[0].score_cosine, alignment.score_cosine);
}

#[test]
fn twins_tend_to_the_first_order_displacement() {
    let system = two_moons(0.0, 60);
    let sizes = [1e-4, 1e-5];
    let errors = vec![constant(&[1.0, 0.3], &sizes), random(&sizes)];
    let (_, columns) = run(&system, &request(8, 2, errors), 8);
    let (x, moved, zeta) = (&columns.0["x"], &columns.0["perturbed_x"], &columns.0["displacement"]);
    for sample in 0..8 {
        for error in 0..2 {
            let defect = |size_index: usize| -> f64 {
                let at = |i: usize| (sample * 4 + error * 2 + size_index) * 2 + i;
                let difference = |i: usize| {
                    (moved[at(i)] - x[sample * 2 + i]) / sizes[size_index]
                        - zeta[(sample * 2 + error) * 2 + i]
                };
                difference(0).hypot(difference(1))
            };
            let scale = zeta[(sample * 2 + error) * 2].hypot(zeta[(sample * 2 + error) * 2 + 1]);
            assert!(defect(1) < 1e-3 * scale.max(1.0), "sample {sample}, error {error}: {}", defect(1));
            assert!(defect(1) < 0.2 * defect(0) + 1e-6, "first order: {} then {}", defect(0), defect(1));
        }
    }
}

#[test]
fn on_a_circle_errors_have_perfect_footing_and_tangents_are_exact() {
    let system =
        diffusion(Data::Circle { radius: 1.0 }, Some(Shape::Circle { radius: 1.0 }), 0.0, Method::Heun, 300);
    let (summary, _) = run(&system, &request(24, 2, vec![constant(&[1.0, 1.0], &[0.01])]), 24);
    let dimension = summary.dimension.unwrap();
    assert_eq!((dimension.estimate, dimension.standing), (1, surefoot::dimension::Standing::Forced));
    assert!((dimension.baselines.two_nn.unwrap().dimension.value - 1.0).abs() < 0.7);
    let alignment = summary.alignment.unwrap();
    assert!(alignment.score_cosine.unwrap().svd.unwrap().q95 < 1e-9);
    assert!(alignment.subspace_angle_deg.unwrap().svd.unwrap().q95 < 1e-6);
    assert!(summary.footing.unwrap().kinds["constant"].q50 > 0.9);
    assert_eq!(summary.verdict.unwrap().robust, Some(true));
}

/// v = 0: nothing moves, so an error carries samples wherever it points.
struct Still;

impl Field for Still {
    fn dim(&self) -> usize {
        2
    }
    fn eval(&self, _: Moment, _: &[f64], y: &mut [f64]) {
        y.fill(0.0);
    }
    fn tangents(&self, _: Moment, _: &[f64], _: &[f64], y: &mut [f64], jv: &mut [f64]) {
        y.fill(0.0);
        jv.fill(0.0);
    }
    fn adjoint(&self, _: Moment, _: &[f64], _: &[f64], y: &mut [f64], uj: &mut [f64]) {
        y.fill(0.0);
        uj.fill(0.0);
    }
}

#[test]
fn a_model_that_resists_nothing_is_not_called_robust() {
    let system = System {
        name: "still".into(),
        drift: Drift {
            field: Arc::new(Still),
            process: Process::Flow,
            predicts: Predicts::Velocity,
            clock: Clock::Affine { at_noise: 0.0, at_data: 1.0 },
            error: None,
        },
        grid: Grid::uniform(0.0, 1.0, 10),
        method: Method::Euler,
        source: Data::Circle { radius: 1.0 }.law(0.0).unwrap(),
        source_density: None,
        data: None,
        support: Some(Shape::Circle { radius: 1.0 }.build().unwrap()),
        target: None,
    };
    let error = ErrorRequest { place: Place::Output, ..constant(&[1.0, 0.0], &[0.01]) };
    let (summary, columns) = run(&system, &Request { condition: 0, ..request(400, 2, vec![error]) }, 400);
    assert_eq!(summary.verdict.unwrap().robust, Some(false));
    // ζ = (1, 0) everywhere: φ = |sin θ| at angle θ of the circle, whose law is that of a random direction.
    for zeta in columns.0["displacement"].chunks(2) {
        assert!((zeta[0] - 1.0).abs() < 1e-14 && zeta[1].abs() < 1e-14);
    }
    for (phi, x) in columns.0["footing"].iter().zip(columns.0["x"].chunks(2)) {
        assert!((phi - x[1].abs()).abs() < 1e-12);
    }
    let off = summary.robustness[0].off_w1.unwrap();
    assert!((off / 0.01 - std::f64::consts::FRAC_2_PI).abs() < 0.05, "mean |cos θ|: {off}");
}

#[test]
fn a_disc_counts_only_points_near_its_boundary() {
    let system = diffusion(
        Data::Disc { radius: 1.0 },
        Some(Shape::Disc { centre: [0.0, 0.0], radius: 1.0 }),
        0.0,
        Method::Heun,
        60,
    );
    let (summary, columns) = run(&system, &request(60, 2, vec![constant(&[1.0, 0.0], &[0.1])]), 60);
    let alignment = summary.alignment.unwrap();
    let near = columns.0["near_boundary"].iter().filter(|&&m| m == 1.0).count();
    assert!(near > 0 && near < 60, "{near}");
    assert_eq!(alignment.points, near);
    assert_eq!(alignment.subspace_angle_deg.unwrap().qr.n, near);
}

#[test]
fn bad_requests_are_refused_with_their_numbers() {
    let system = two_moons(1.0, 30);
    let refused = |request: &Request| error_scales(&system, request, &|_| true).unwrap_err().to_string();
    let text = refused(&request(10, 5, Vec::new()));
    assert!(text.contains('5') && text.contains('2'), "{text}");
    assert!(refused(&request(10, 2, vec![constant(&[1.0], &[0.1])])).contains("direction"));
    assert!(refused(&request(10, 2, vec![constant(&[1.0, 1.0], &[f64::NAN])])).contains("NaN"));
    let kind = ErrorKind::Coarser;
    let coarser = ErrorRequest { kind, place: Place::Output, sizes: vec![7.0] };
    assert!(refused(&request(10, 2, vec![coarser])).contains("30"));
}

/// A Gaussian: the response of every moment follows from ζ alone, both forms agree within their errors, and for the
/// linear flow central differences of squares are exact.
#[test]
fn responses_of_a_gaussian() {
    let variances = [1.0, 0.25];
    for noise_level in [0.0, 1.0] {
        let data = Data::Gaussian { variances: variances.to_vec() };
        let system = diffusion(data, None, noise_level, Method::Euler, 40);
        let mut request = request(600, 2, vec![constant(&[1.0, -0.5], &[0.1]), random(&[0.1])]);
        let names = ["x0", "x1^2", "x0*x1"];
        request.observables = Some(names.map(|name| Observable::parse(name).unwrap()).to_vec());
        let (summary, columns) = run(&system, &request, 600);
        let response = summary.response.unwrap();
        assert_eq!(response.answers.len(), 6);
        for answer in &response.answers {
            let difference = answer.difference.unwrap();
            assert!(difference.pull().unwrap() < 4.5, "{answer:?}");
        }
        // A constant error shifts all samples by the same ζ: E x0 by ζ0, to rounding, and no difference errs.
        let zeta = &columns.0["displacement"][..2];
        let path = response.answers[0].path;
        assert!((path.mean - zeta[0]).abs() < 1e-12 && path.standard_error.unwrap() < 1e-12);
        assert!(!response.finite_difference_order.contains_key("constant"));
        let orders = &response.finite_difference_order["random"];
        assert!(orders.values().all(|order| (order - 2.0).abs() < 0.2), "{orders:?}");
        assert_eq!(response.density_vs_path["constant"].len(), 3);
        assert_eq!(summary.likelihood.is_some(), noise_level == 0.0);
        if let Some(likelihood) = summary.likelihood {
            assert_eq!(likelihood.log_density.n, 600);
            // N(0, ≈ diag(1, ¼)) has mean log-density −ln 2π − ½ ln ¼ − 1.
            let expected = -std::f64::consts::TAU.ln() + std::f64::consts::LN_2 - 1.0;
            assert!((likelihood.log_density.mean - expected).abs() < 0.15, "{}", likelihood.log_density.mean);
        }
    }
}

#[test]
fn no_response_without_observables_and_no_density_without_a_source() {
    let mut system = two_moons(0.0, 20);
    let mut request = request(8, 2, vec![constant(&[1.0, 0.0], &[0.1])]);
    request.observables = None;
    let (summary, _) = run(&system, &request, 8);
    assert!(summary.response.is_none() && summary.likelihood.is_none());
    request.observables = Some(Observable::standard(2, true));
    system.source_density = None;
    let (summary, _) = run(&system, &request, 8);
    let response = summary.response.unwrap();
    assert!(response.density.is_none() && response.density_vs_path.is_empty());
    assert!(response.answers.iter().all(|answer| answer.density.is_none()));
    assert_eq!(response.answers.len(), 5);
    request.observables = Some(vec![Observable::Coordinate(2)]);
    assert!(error_scales(&system, &request, &|_| true).unwrap_err().to_string().contains("x0 to x1"));
}

/// What a summary says was left out, by name.
fn left_out(summary: &Summary) -> BTreeMap<&str, &str> {
    summary.not_computed.iter().map(|absent| (absent.what.as_str(), absent.why.as_str())).collect()
}

#[test]
fn what_is_absent_is_explained() {
    let gaussian = |dim: usize, level: f64| {
        diffusion(Data::Gaussian { variances: vec![1.0; dim] }, None, level, Method::Euler, 4)
    };
    let push = |dim: usize| constant(&vec![1.0; dim], &[0.1]);
    // Everything but what needs a support or more samples.
    let (summary, _) = run(&gaussian(2, 0.0), &request(4, 2, vec![push(2)]), 4);
    let absent = left_out(&summary);
    assert!(summary.likelihood.is_some() && summary.response.is_some());
    let names: Vec<&str> = absent.keys().copied().collect();
    let support = "distances, footing, gains, error budget";
    assert_eq!(names, [support, "sufficient condition", "support classifier"]);
    assert!(absent[support].contains("no support") && absent["support classifier"].contains("4 samples"));
    // A stochastic sampler has no likelihood; fewer vectors than dimensions no density form.
    let (summary, _) = run(&gaussian(2, 1.0), &request(4, 1, vec![push(2)]), 4);
    let absent = left_out(&summary);
    assert!(absent["likelihood of the samples"].contains("stochastic"));
    assert!(absent["density form of the response"].contains("k = 1 of D = 2"));
    assert!(absent["exact vectors (svd)"].contains("-k 2"));
    assert!(summary.response.unwrap().density.is_none());
    // Too many dimensions: no density form of what is asked for, and no response of what is not.
    let mut asked = request(4, 17, vec![push(17)]);
    let (summary, _) = run(&gaussian(17, 0.0), &asked, 4);
    assert!(left_out(&summary)["density form of the response"].contains("D = 17"));
    assert!(left_out(&summary)["likelihood of the samples"].contains("D = 17"));
    asked.observables = None;
    let (summary, _) = run(&gaussian(17, 0.0), &asked, 4);
    assert!(left_out(&summary)["response of the density"].contains("--observable"));
    // Worst-case errors alone have no response, and a density of the source that is not known no likelihood.
    let mut system = two_moons(0.0, 4);
    system.source_density = None;
    let (summary, _) = run(&system, &request(4, 2, vec![worst(ErrorNorm::Two, &[0.1])]), 4);
    let absent = left_out(&summary);
    assert!(absent["response of the density"].contains("worst-case errors belong to their paths"));
    assert!(absent["likelihood of the samples"].contains("density of the source"));
    assert!(summary.condition.is_some() && !absent.contains_key("sufficient condition"));
    // The robustness experiment alone leaves out on purpose.
    let mut alone = request(4, 2, vec![push(2)]);
    (alone.spectrum, alone.observables) = (false, None);
    let (summary, _) = run(&gaussian(2, 0.0), &alone, 4);
    assert!(summary.not_computed.is_empty());
}

#[test]
fn one_sample_has_no_standard_error() {
    let system = two_moons(0.0, 8);
    let mut one = request(1, 2, vec![constant(&[1.0, 0.0], &[0.1])]);
    (one.paths, one.convergence) = (1, 1);
    let (summary, _) = run(&system, &one, 1);
    let response = summary.response.unwrap();
    assert_eq!(response.agreement(), None);
    assert!(response.density_vs_path.is_empty());
    for answer in &response.answers {
        assert!([answer.value, answer.path].iter().all(|estimate| estimate.standard_error.is_none()));
        assert!(answer.density.is_none() && answer.difference.is_none(), "a covariance of one sample");
    }
    assert!(!serde_json::to_string(&response).unwrap().contains("standard_error"));
}

#[test]
fn worst_case_errors_are_told_but_not_judged() {
    let system = two_moons(1.0, 30);
    let said = |errors: Vec<ErrorRequest>| {
        let verdict = run(&system, &request(24, 2, errors), 24).0.verdict.unwrap();
        (verdict.robust, verdict.reasons.join("\n"))
    };
    let judged = || constant(&[1.0, 0.0], &[0.05]);
    let (robust, reasons) = said(vec![judged()]);
    assert!(robust.is_some() && reasons.starts_with("The error with the largest share"), "{reasons}");
    assert!(!reasons.contains("Worst-case"));
    let (with_worst, reasons) = said(vec![judged(), worst(ErrorNorm::Infinity, &[0.05])]);
    assert_eq!(with_worst, robust, "the worst case does not change the verdict");
    assert!(reasons.starts_with("Of the errors that are not built for it, the one with"), "{reasons}");
    assert!(reasons.contains("Worst-case errors are built to leave the support"));
    assert!(reasons.contains("(worst of size 0.05 in the output)"), "{reasons}");
    let (alone, reasons) = said(vec![worst(ErrorNorm::Two, &[0.05])]);
    assert_eq!(alone, None);
    assert!(reasons.starts_with("No error was tried by which a model is judged"), "{reasons}");
    assert!(reasons.contains("(worst-l2 of size 0.05 in the output)"));
}

#[test]
fn sentences_agree_with_their_numbers() {
    let reasons = |system: &System, asked: &Request| {
        run(system, asked, asked.samples).0.verdict.unwrap().reasons.join("\n")
    };
    // In one dimension every vector is parallel to the score.
    let line = diffusion(Data::Gaussian { variances: vec![1.0] }, None, 0.0, Method::Euler, 20);
    let mut asked = request(10, 1, vec![constant(&[1.0], &[0.1])]);
    asked.observables = None;
    let said = reasons(&line, &asked);
    assert!(said.contains("alignment says nothing") && !said.contains("not aligned"), "{said}");
    assert!(said.starts_with("No support is known"), "{said}");
    // Variance 1 stands still under the probability-flow ODE: growth 0, to rounding.
    assert!(said.contains("keeps its length over the generation: leading log growth 0.000 nats"), "{said}");
    // Samples on their support to rounding: doubling the steps changes nothing that could be meant.
    let flat = Shape::Affine { point: vec![0.0, 0.0], basis: vec![vec![1.0, 0.0]] };
    let data = Data::Gaussian { variances: vec![1.0, 0.0] };
    let mut system = diffusion(data, Some(flat), 0.0, Method::Euler, 20);
    system.source = Arc::new(Gaussian::new(&[1.0, 1e-24]));
    system.source_density = None;
    let said = reasons(&system, &request(10, 2, vec![constant(&[1.0, 0.0], &[0.1])]));
    assert!(!said.contains("median of distance"), "{said}");
}
