//! Made-up runs for the report's tests: synthetic columns of the right names and shapes around real supports.

use super::{PairedRow, ReportInput};
use std::collections::BTreeMap;
use std::sync::Arc;
use surefoot::analysis::*;
use surefoot::error_field::Place;
use surefoot::field::{Field, Moment};
use surefoot::law::{Gaussian, Law};
use surefoot::process::{Clock, Drift, Family, Grid, Noising, Predicts, Process, Schedule};
use surefoot::random::{Purpose, Stream, standard_normal, stream};
use surefoot::response::{self, Differences, Formula, Observable};
use surefoot::sampler::Method;
use surefoot::statistics::{Estimate, Quantiles, wasserstein1};
use surefoot::support::{SharedSupport, Sphere, TwoMoons};
use surefoot_graph::passes::WeightFormat;

/// A run with everything a report needs.
pub struct Run {
    system: System,
    request: Request,
    summary: Summary,
    columns: Stored,
    links: Vec<(String, String)>,
}

/// Columns in memory.
pub struct Stored(pub BTreeMap<&'static str, Vec<f64>>);

impl ColumnSource for Stored {
    fn read(&self, name: &str) -> surefoot::Result<Vec<f64>> {
        let missing = || surefoot::Error::invalid("reading", name, "nothing", "");
        self.0.get(name).cloned().ok_or_else(missing)
    }
}

/// f(x) = −x, for pictures of a field.
struct Pull(usize);

impl Field for Pull {
    fn dim(&self) -> usize {
        self.0
    }
    fn eval(&self, _: Moment, x: &[f64], y: &mut [f64]) {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = (3.0 * x).sin() - x);
    }
    fn tangents(&self, _: Moment, _: &[f64], _: &[f64], _: &mut [f64], _: &mut [f64]) {}
    fn adjoint(&self, _: Moment, _: &[f64], _: &[f64], _: &mut [f64], _: &mut [f64]) {}
}

struct Nowhere(usize);

impl Law for Nowhere {
    fn dim(&self) -> usize {
        self.0
    }
    fn sample(&self, _: &mut Stream, x: &mut [f64]) {
        x.fill(0.0);
    }
}

/// Two moons under constant and random errors at three sizes.
pub fn moons(name: &str, samples: usize, noise: f64) -> Run {
    run(name, Some(Arc::new(TwoMoons::new(1.0, 0.0, 0.0).unwrap())), 2, samples, noise)
}

/// Two moons under the difference to another model and rounded weights.
pub fn learned(samples: usize) -> Run {
    let moons: SharedSupport = Arc::new(TwoMoons::new(1.0, 0.0, 0.0).unwrap());
    let difference = ErrorKind::Difference { model: "<other>".into(), field: Arc::new(Pull(2)) };
    let rounded = ErrorKind::Rounded { format: WeightFormat::Int8, field: Arc::new(Pull(2)) };
    run_with("learned", Some(moons), 2, samples, 0.04, vec![difference, rounded])
}

/// A sphere in three dimensions.
pub fn sphere(samples: usize) -> Run {
    run("sphere", Some(Arc::new(Sphere::new(3, 1.0).unwrap())), 3, samples, 0.05)
}

/// A model in `dim` dimensions without a support.
pub fn unsupported(dim: usize) -> Run {
    run("nothing known", None, dim, 300, 0.3)
}

impl Run {
    /// As the report takes it.
    pub fn input(&self) -> ReportInput<'_> {
        ReportInput {
            system: &self.system,
            shape: &[],
            request: &self.request,
            summary: &self.summary,
            columns: &self.columns,
            links: &self.links,
        }
    }

    /// Makes one number of a column not finite.
    pub fn spoil(&mut self, name: &'static str) {
        self.columns.0.get_mut(name).unwrap()[0] = f64::NAN;
    }
}

/// Paired differences of two models.
pub fn paired(first: &str, second: &str) -> Vec<PairedRow> {
    ["alignment.score_cosine.svd", "exponents.svd.0", "footing.constant", "robustness.along"]
        .iter()
        .enumerate()
        .map(|(i, figure)| PairedRow {
            figure: figure.to_string(),
            first: first.into(),
            second: second.into(),
            median: 0.1 * i as f64 - 0.12,
            low: 0.1 * i as f64 - 0.16,
            high: 0.1 * i as f64 - 0.07,
            n: 1000,
        })
        .collect()
}

fn run(name: &str, support: Option<SharedSupport>, dim: usize, samples: usize, noise: f64) -> Run {
    run_with(name, support, dim, samples, noise, Vec::new())
}

/// With learning errors besides.
fn run_with(
    name: &str,
    support: Option<SharedSupport>,
    dim: usize,
    samples: usize,
    noise: f64,
    learned: Vec<ErrorKind>,
) -> Run {
    let noising = Noising { family: Family::Vp, schedule: Schedule::Linear { min: 0.1, max: 20.0 } };
    let field = Arc::new(Pull(dim));
    let drift = Drift {
        field: field.clone(),
        process: Process::Diffusion { noising, noise_level: 0.0 },
        predicts: Predicts::Score,
        clock: Clock::Affine { at_noise: 1.0, at_data: 0.0 },
        error: None,
    };
    let target = TargetScore {
        field,
        moment: Moment { time: 0.02, signal: 1.0, noise },
        conversion: surefoot::process::Affine { state: 0.0, output: 1.0 },
        origin: ScoreOrigin::Exact,
    };
    let system = System {
        name: name.into(),
        drift,
        grid: Grid { start: 0.9, end: 0.02, steps: 50 },
        method: Method::Euler,
        source: Arc::new(Nowhere(dim)),
        source_density: Some(Arc::new(Gaussian::isotropic(dim, 1.0))),
        support,
        data: None,
        target: Some(target),
    };
    let sizes = vec![0.1, 0.5, 1.0];
    let random = ErrorKind::Random { length_scale: 1.0, time_dependent: false };
    let request = Request {
        samples,
        vectors: dim.min(3),
        seed: 7,
        errors: vec![
            ErrorRequest {
                kind: ErrorKind::Constant { direction: vec![1.0; dim] },
                place: Place::Output,
                sizes: sizes.clone(),
            },
            ErrorRequest { kind: random, place: Place::Output, sizes },
        ],
        spectrum: true,
        gains: system.support.as_ref().map(|_| Place::Output),
        search: None,
        moved: None,
        observables: Some(Observable::standard(dim, system.support.is_some())),
        response_probes: None,
        condition: 0,
        regularity: true,
        boundary_distance: 0.1,
        paths: 64.min(samples),
        convergence: 100.min(samples),
        memory: 1 << 30,
        chunk: 64,
    };
    let learned = learned.into_iter().map(|kind| ErrorRequest { kind, place: Place::Output, sizes: vec![] });
    let request = Request { errors: request.errors.into_iter().chain(learned).collect(), ..request };
    let columns = Stored(columns(&system, &request, noise));
    let summary = summary(&system, &request, &columns.0);
    let links =
        ["summary.json", "arrays.zarr", "model.toml"].map(|f| (f.to_string(), f.to_string())).to_vec();
    Run { system, request, summary, columns, links }
}

/// A column of every name in the layout: positions near the support, shifts that grow with the size, the rest random.
fn columns(system: &System, request: &Request, noise: f64) -> BTreeMap<&'static str, Vec<f64>> {
    let sizes: Vec<f64> =
        request.perturbations(&vec![1.0; request.errors.len()]).iter().map(|p| p.size).collect();
    let (dim, n) = (system.dim(), request.samples);
    let outline: Vec<f64> = system.support.as_ref().map_or(vec![0.0; dim], |s| s.outline(4000).concat());
    let places = outline.len() / dim;
    let mut x = normals(n * dim, 1);
    for (i, row) in x.chunks_exact_mut(dim).enumerate() {
        let at = (i * 7919) % places;
        row.iter_mut().zip(&outline[at * dim..]).for_each(|(x, o)| *x = noise * *x + o);
    }
    let feet = |points: &[f64]| -> Vec<f64> {
        match &system.support {
            Some(s) => points.chunks_exact(dim).flat_map(|row| s.project(row).point).collect(),
            None => points.to_vec(),
        }
    };
    let foot = feet(&x);
    let apart = |a: &[f64], b: &[f64]| -> Vec<f64> {
        let norm =
            |(a, b): (&[f64], &[f64])| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        a.chunks_exact(dim).zip(b.chunks_exact(dim)).map(norm).collect()
    };
    let mut twins = Vec::new();
    for (i, row) in x.chunks_exact(dim).enumerate() {
        for (p, size) in sizes.iter().enumerate() {
            let angle = 0.8 * p as f64 + 0.002 * i as f64;
            let shift = |c: usize| 0.25 * size * (angle + 1.5 * c as f64).cos();
            twins.extend(row.iter().enumerate().map(|(c, x)| x + shift(c)));
        }
    }
    let repeated =
        |rows: &[f64]| -> Vec<f64> { rows.chunks_exact(dim).flat_map(|r| r.repeat(sizes.len())).collect() };
    let twin_feet = feet(&twins);
    let mut known = BTreeMap::from([
        ("distance", apart(&x, &foot)),
        ("perturbed_distance", apart(&twins, &twin_feet)),
        ("along", apart(&twin_feet, &repeated(&foot))),
        ("shift", apart(&twins, &repeated(&x))),
        ("paths", path_columns(system, request, &x)),
    ]);
    known.extend([("x", x), ("foot", foot), ("perturbed_x", twins)]);
    let mut all = BTreeMap::new();
    for (index, spec) in layout(system, request, sizes.len()).into_iter().enumerate() {
        let len = spec.shape.iter().product();
        let values = known.remove(spec.name).unwrap_or_else(|| filler(spec.name, len, index as u64));
        assert_eq!(values.len(), len, "{}", spec.name);
        all.insert(spec.name, values);
    }
    all
}

fn normals(len: usize, key: u64) -> Vec<f64> {
    let mut values = vec![0.0; len];
    standard_normal(&mut stream(11, key, Purpose::Source), &mut values);
    values
}

fn path_columns(system: &System, request: &Request, x: &[f64]) -> Vec<f64> {
    let (dim, steps) = (system.dim(), system.grid.steps);
    let starts = normals(request.paths * dim, 3);
    let mut path = Vec::new();
    for (start, end) in starts.chunks_exact(dim).zip(x.chunks_exact(dim)) {
        for n in 0..=steps {
            let share = n as f64 / steps as f64;
            path.extend(start.iter().zip(end).map(|(a, b)| a + (b - a) * share * share));
        }
    }
    path
}

/// Plausible numbers for a column that no picture depends on in detail.
fn filler(name: &str, len: usize, key: u64) -> Vec<f64> {
    let z = normals(len, 100 + key);
    let map: fn(usize, f64) -> f64 = match name {
        n if n.contains("cosine") || n.contains("score_subspace") => |_, z| (0.15 * z.abs()).min(1.0),
        n if n.contains("angle") => |_, z| (9.0 * z.abs()).min(90.0),
        n if n.contains("footing") => |_, z| 1.0 - (0.2 * z.abs()).min(1.0),
        n if n.contains("vectors") || n == "covariant" => {
            |i, z| if i % 2 == 0 { 0.8 } else { 0.6 } * z.signum()
        }
        n if n.contains("growth") => |i, z| -1.2 * (i % 2) as f64 - 0.8 + 0.3 * z,
        "gap" => |_, z| (0.4 + 0.2 * z).clamp(0.0, 1.0),
        "trace_defect" | "residual" => |_, z| 1e-13 * z.abs(),
        n if n.starts_with("gain") || n.starts_with("white") => {
            |i, z| 0.5 + 0.2 * (i % 7) as f64 + 0.1 * z.abs()
        }
        n if n.starts_with("first_order") => |_, z| 0.2 + 0.05 * z.abs(),
        "piece" | "jumped" => |_, z| f64::from(z > 2.0),
        _ => |_, z| z,
    };
    z.into_iter().enumerate().map(|(i, z)| map(i, z)).collect()
}

fn part(values: &[f64], width: usize, index: usize) -> Vec<f64> {
    values.iter().skip(index).step_by(width).copied().collect()
}

fn summary(system: &System, request: &Request, columns: &BTreeMap<&'static str, Vec<f64>>) -> Summary {
    let k = request.vectors;
    let of = |name: &str, width: usize, index: usize| {
        columns.get(name).map(|values| Quantiles::of(&part(values, width, index)))
    };
    let pair = |name: &str, width: usize, index: usize| {
        let qr = of(&format!("{name}_qr"), width, index)?;
        Some(Pair { qr, svd: of(&format!("{name}_svd"), width, index) })
    };
    let list = |name: &str| (0..k).filter_map(|i| of(name, k, i)).collect::<Vec<_>>();
    let gap = of("gap", 1, 0).map(|quantiles| Gap { quantiles, share_above: 0.034 });
    let exponents = Exponents {
        qr: list("log_growth_qr"),
        qr_rate: list("log_growth_qr"),
        svd: list("log_growth_svd"),
        svd_rate: list("log_growth_svd"),
        elapsed_time: 0.88,
        trace_defect: Some(3.1e-14),
        gap,
        residual: Some(2.2e-12),
        search: None,
    };
    let width = request.errors.iter().map(ErrorRequest::entries).sum();
    let perturbations = request.perturbations(&vec![1.0; request.errors.len()]);
    let under = |(i, p): (usize, &Perturbation)| AlignmentUnderError {
        kind: p.kind.clone(),
        size: p.size,
        score_cosine: pair("perturbed_score_cosine", width, i),
        subspace_angle_deg: pair("perturbed_subspace_angle_deg", width, i),
    };
    let alignment = AlignmentSummary {
        score_cosine: pair("score_cosine", 1, 0),
        score_subspace: pair("score_subspace", 1, 0),
        subspace_angle_deg: pair("subspace_angle_deg", 1, 0),
        null: AlignmentNull { score_cosine: 0.707, score_subspace: Some(0.707) },
        score_origin: Some(ScoreOrigin::Exact),
        points: request.samples,
        boundary_distance: None,
        under_error: perturbations.iter().enumerate().map(under).collect(),
    };
    let footing = system.support.as_ref().map(|s| Footing {
        null: (s.intrinsic_dim() as f64 / system.dim() as f64).sqrt(),
        kinds: [("constant", 0), ("random", 1)]
            .iter()
            .filter_map(|(kind, i)| Some((kind.to_string(), of("footing", request.errors.len(), *i)?)))
            .collect(),
    });
    let change = |value: f64| Change {
        value,
        doubled: 1.02 * value,
        change: 0.02 * value,
        paths: 100.min(request.samples),
    };
    let medians = [("exponents.svd.0", -0.8), ("alignment.score_cosine.svd", 0.05), ("distance", 0.02)];
    Summary {
        schema: 1,
        provenance: provenance(system, request),
        exponents: Some(exponents),
        alignment: Some(alignment),
        moved: None,
        robustness: robustness(request, columns, &perturbations, width),
        footing,
        support: None,
        support_classifier: None,
        gains: gains(system, columns),
        learning_errors: learning_errors(system, request, columns),
        response: Some(response(system, request)),
        likelihood: columns
            .get("log_density")
            .map(|logs| LikelihoodSummary::of(Formula::Discrete, logs, &vec![0.0; logs.len()], system.dim())),
        condition: None,
        dimension: None,
        not_computed: Vec::new(),
        convergence: Some(Convergence {
            samples: 100,
            steps: 50,
            doubled_steps: 100,
            medians: medians.map(|(name, value)| (name.to_string(), change(value))).into(),
            vector_angle_deg: Vec::new(),
        }),
        verdict: Some(Verdict {
            robust: system.support.as_ref().map(|_| true),
            reasons: vec![
                "To first order, constant errors move samples mostly along the support: footing φ = 0.87 against 0.71 for a random direction.".into(),
                "Every direction contracts over the generation: leading log growth −0.80 nats.".into(),
            ],
        }),
    }
}

fn gains(system: &System, columns: &BTreeMap<&'static str, Vec<f64>>) -> Option<GainsSummary> {
    let of = |name: &str| columns.get(name).map(|values| Quantiles::of(values));
    let step = |n: usize| BudgetStep { step: n, time: 0.9, normal: 1.0 + n as f64, tangent: Some(2.0) };
    let normal = of("gain_normal")?;
    Some(GainsSummary {
        error_in: "output".into(),
        normal,
        tangent: of("gain_tangent"),
        normal_inf: of("gain_normal_inf")?,
        tangent_inf: of("gain_tangent_inf"),
        normal_directions: "outward".into(),
        white_normal_share: of("white_normal_share")?,
        white_normal_share_error: Some(0.01),
        white_normal_share_null: 0.5,
        half: HalfOfGain { first: 30, last: 49, start: 0.3, end: 0.02, share_of_steps: 0.4 },
        budget: (0..system.grid.steps).map(step).collect(),
        budget_samples: 400,
        attained: vec![Attained { kind: "worst".into(), size: 0.1, share: normal }],
        path_bytes: 1600,
        path_recomputed: false,
    })
}

/// One entry a learning error, measured as predicted.
fn learning_errors(
    system: &System,
    request: &Request,
    columns: &BTreeMap<&'static str, Vec<f64>>,
) -> Vec<LearningError> {
    let names = request.error_names();
    let moved = |name: &str, width: usize, at: usize| Quantiles::of(&part(&columns[name], width, at));
    let mut list = Vec::new();
    for (index, error) in request.errors.iter().enumerate().filter(|(_, e)| e.kind.learning_error().is_some())
    {
        let width = request.errors.len();
        let normal = moved("first_order_normal", width, index);
        let shift = Explained {
            measured: moved("distance", 1, 0),
            predicted: normal,
            missed: (request.samples > 1).then_some(Estimate { value: 0.1, low: 0.05, high: 0.2 }),
        };
        let step = |n: usize| ErrorStep { step: n, time: 0.9, error: 0.3, harm: Some(0.2) };
        list.push(LearningError {
            kind: names[index].clone(),
            other: match &error.kind {
                ErrorKind::Difference { model, .. } => model.clone(),
                _ => "weights as int8".into(),
            },
            error_in: "output".into(),
            size: 1.0,
            displacement: shift.clone(),
            off: Some(OffSupport {
                shift: shift.clone(),
                shift_without_jumps: None,
                jumped: 0.0,
                w1: shift.missed,
                w1_predicted: shift.missed,
                normal,
                bound: Some(normal),
                bound_inf: Some(normal),
                used: Some(normal),
                beyond: Some(0.01),
                outward_only: false,
            }),
            along: None,
            half: Some(HalfOfGain { first: 30, last: 49, start: 0.3, end: 0.02, share_of_steps: 0.4 }),
            steps: (0..system.grid.steps).map(step).collect(),
            steps_samples: request.samples,
        });
    }
    list
}

fn robustness(
    request: &Request,
    columns: &BTreeMap<&'static str, Vec<f64>>,
    perturbations: &[Perturbation],
    width: usize,
) -> Vec<Robustness> {
    let of =
        |name: &str, width: usize, i: usize| columns.get(name).map(|v| Quantiles::of(&part(v, width, i)));
    let entry = |(i, p): (usize, &Perturbation)| {
        let moved = columns.get("perturbed_distance").map(|v| part(v, width, i));
        Robustness {
            kind: p.kind.clone(),
            size: p.size,
            error_in: "output".into(),
            displacement: of("shift", width, i).unwrap(),
            distance: of("distance", 1, 0),
            distance_perturbed: of("perturbed_distance", width, i),
            middle_distance: None,
            middle_distance_perturbed: None,
            off_w1: moved.map(|moved| wasserstein1(&columns["distance"], &moved)),
            along: of("along", width, i),
            jumped: of("jumped", width, i).map(|q| q.mean),
            first_order: Some(FirstOrder {
                total: of("first_order_total", request.errors.len(), p.error).unwrap(),
                normal: of("first_order_normal", request.errors.len(), p.error),
                tangent: of("first_order_tangent", request.errors.len(), p.error),
            }),
        }
    };
    perturbations.iter().enumerate().map(entry).collect()
}

fn provenance(system: &System, request: &Request) -> Provenance {
    Provenance {
        version: "0.1.0".into(),
        command_line: ["surefoot", "analyze", "builtin:two-moons-sgm", "-n", "1000"]
            .map(String::from)
            .to_vec(),
        seed: request.seed,
        samples: request.samples,
        steps: system.grid.steps,
        threads: 2,
        seconds: 3.4,
        model: system.name.clone(),
        model_sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
        dim: system.dim(),
        field_evaluations: 1_250_000,
        jvps: 2_500_000,
        vjps: 0,
    }
}

fn response(system: &System, request: &Request) -> ResponseSummary {
    let estimate = |mean: f64| response::Estimate { mean, standard_error: Some(0.04), tail_share: Some(0.1) };
    let density = system.dim() == request.vectors;
    let mut answers = Vec::new();
    for (e, kind) in ["constant", "random"].into_iter().enumerate() {
        for (f, observable) in request.observables.iter().flatten().enumerate() {
            let mean = 0.3 * f as f64 - 0.5 * e as f64;
            answers.push(Answer {
                kind: kind.into(),
                observable: observable.name(),
                value: estimate(0.1 * f as f64),
                path: estimate(mean),
                density: density.then(|| estimate(mean + 0.05)),
                probe_error: None,
                difference: density.then(|| estimate(0.05)),
                finite_difference: Differences {
                    values: vec![mean + 0.1, mean + 0.001, mean, mean],
                    limit: mean,
                    order: (f > 0).then_some(2.0),
                },
            });
        }
    }
    ResponseSummary {
        density_vs_path: BTreeMap::new(),
        finite_difference_order: BTreeMap::new(),
        finite_difference_sizes: vec![0.1, 0.01, 0.001, 0.0001],
        finite_difference_samples: 32,
        density: density.then(|| "deterministic".into()),
        formula: density.then_some(DensityFormula::Exact),
        probe_errors: None,
        answers,
    }
}
