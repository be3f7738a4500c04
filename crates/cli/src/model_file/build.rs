//! From a [`ModelSpec`] to a [`System`].

use super::build_support::{ReferencePoints, support};
use super::read::classes_below;
use super::spec::{DataSpec, FieldSpec, LabelSpec, ModelSpec, ScoreSpec, SourceSpec};
use crate::data_file::{self, Array};
use crate::failure::{Failure, Result};
use std::path::Path;
use std::sync::Arc;
use surefoot::analysis::{ScoreOrigin, System, TargetScore};
use surefoot::field::{
    Bandwidth, Counting, Data, Field as _, Moment, NetworkField, NoisedDensity, PointSet, SharedField,
};
use surefoot::law::{self, SharedDensity, SharedLaw};
use surefoot::process::{Affine, Drift, Family, Grid, Predicts, Process};
use surefoot::random::{Purpose, stream};
use surefoot_graph::passes::{self, WeightFormat, guided, labelled};
use surefoot_graph::{Graph, Limits, Precision};

/// A system and the counter of its field.
pub struct Built {
    /// Ready to be analysed.
    pub system: System,
    /// What its field was asked for.
    pub counter: Arc<Counting>,
    /// Shape of a sample.
    pub shape: Vec<usize>,
}

/// Builds the system.
///
/// # Errors
/// Unreadable files, dimensions that do not match, settings that have no meaning.
pub fn system(spec: &ModelSpec, limits: &Limits) -> Result<Built> {
    around(spec, field(&spec.field, limits)?, limits)
}

/// The same around a network that is in no file yet.
///
/// # Errors
/// As [`system`].
pub fn system_around(spec: &ModelSpec, field: SharedField, limits: &Limits) -> Result<System> {
    let shape = vec![field.dim()];
    Ok(around(spec, Field { field, data: None, shape }, limits)?.system)
}

fn around(spec: &ModelSpec, Field { field, data, shape }: Field, limits: &Limits) -> Result<Built> {
    let counter = Arc::new(Counting::new(field));
    let field: SharedField = counter.clone();
    let dim = field.dim();
    let drift =
        Drift { field, process: spec.process, predicts: spec.predicts, clock: spec.clock, error: None };
    let grid = Grid { start: spec.start, end: spec.end, steps: spec.steps, spacing: spec.spacing };
    drift.check()?;
    grid.check(&spec.process)?;
    spec.normalisation.as_ref().map_or(Ok(()), |normalisation| normalisation.check(dim))?;
    let source = source(spec, &drift, data.as_ref())?;
    same_dimension("source", source.dim(), dim)?;
    let (support, reference) = support(spec, data.as_ref().map(|(data, _)| data), limits)
        .map_err(|failure| failure.in_file("[support]"))?;
    if let Some(support) = &support {
        same_dimension("support", support.dim(), dim)?;
    }
    let data = match (&data, &reference) {
        (Some((data, bandwidth)), _) => Some(data.law(*bandwidth)?),
        (None, Some(ReferencePoints::Law(law))) => Some(law.clone()),
        (None, Some(ReferencePoints::Sample(points))) => {
            Some(Arc::new(law::Points::new(dim, points.clone().into(), &[])) as SharedLaw)
        }
        (None, None) => None,
    };
    let target = target(spec, &drift, reference, dim)?;
    let (name, method) = (spec.name.clone(), spec.method);
    let source_density = source_density(spec, &drift, &source);
    let system = System { name, drift, grid, method, source, source_density, data, support, target };
    system.step(Vec::new())?;
    Ok(Built { system, counter, shape })
}

fn same_dimension(what: &str, got: usize, dim: usize) -> Result<()> {
    if got == dim {
        return Ok(());
    }
    Err(Failure::Value {
        place: format!("[{what}]"),
        what: "dimension".into(),
        expected: format!("{dim}, the model's dimension D"),
        got: got.to_string(),
        remedy: format!("Give the model a {what} of its own dimension"),
    })
}

/// A field with what is known of its samples.
struct Field {
    field: SharedField,
    /// The data of an analytic field with their bandwidth.
    data: Option<(Data, f64)>,
    /// Shape of a sample.
    shape: Vec<usize>,
}

fn field(spec: &FieldSpec, limits: &Limits) -> Result<Field> {
    match spec {
        FieldSpec::Onnx { file, double, label } => {
            let network = network(file, *double, *label, limits)?;
            let shape = network.sample_shape().to_vec();
            Ok(Field { field: Arc::new(network), data: None, shape })
        }
        FieldSpec::Analytic { data, bandwidth } => {
            let (data, shape) = match data {
                DataSpec::Known(data) => (data.clone(), None),
                DataSpec::File(file) => {
                    let array = data_file::points(file)?;
                    let (dim, shape) = (array.row_len(), array.shape[1..].to_vec());
                    (Data::Points { dim, nodes: array.values.into(), weights: Vec::new() }, Some(shape))
                }
            };
            let field = data.score(*bandwidth)?;
            let shape = shape.unwrap_or_else(|| vec![field.dim()]);
            Ok(Field { field, data: Some((data, *bandwidth)), shape })
        }
    }
}

/// The network of a model with its weights rounded.
///
/// # Errors
/// A model without a network, weights that the format cannot hold.
pub fn rounded(spec: &ModelSpec, format: WeightFormat, limits: &Limits) -> Result<SharedField> {
    let refuse = |what: &str, expected: &str, got: String, remedy: &str| Failure::Value {
        place: format!("--round {}", format.name()),
        what: what.into(),
        expected: expected.into(),
        got,
        remedy: remedy.into(),
    };
    let FieldSpec::Onnx { file, double, label } = &spec.field else {
        let got = format!("{}, whose field is analytic and has no weights", spec.name);
        return Err(refuse("model", "a model with a network", got, "Leave --round out"));
    };
    let graph = Graph::read(file, limits).map_err(surefoot::Error::from)?;
    let graph = passes::rounded(&graph, format).map_err(|got| {
        let expected = format!("weights that {} can hold", format.name());
        refuse(&file.display().to_string(), &expected, got, "Take another format")
    })?;
    Ok(Arc::new(compiled(graph, file, *double, *label)?))
}

fn network(file: &Path, double: bool, label: Option<LabelSpec>, limits: &Limits) -> Result<NetworkField> {
    compiled(Graph::read(file, limits).map_err(surefoot::Error::from)?, file, double, label)
}

/// The network of a graph read from `file`, at its label.
fn compiled(graph: Graph, file: &Path, double: bool, label: Option<LabelSpec>) -> Result<NetworkField> {
    let precision = if double { Precision::F64 } else { Precision::F32 };
    let takes_label = graph.inputs().iter().any(|port| port.name == "label");
    let refuse = |expected: &str, got: String, remedy: &str| Failure::Value {
        place: "[field]".into(),
        what: "field.label".into(),
        expected: expected.into(),
        got,
        remedy: remedy.into(),
    };
    let at_label = match label {
        None if takes_label => {
            let expected = format!("a class, as {} has an input label", file.display());
            return Err(refuse(
                &expected,
                "nothing".into(),
                "Add `label`, the number of the class to generate",
            ));
        }
        None => return Ok(NetworkField::new(&graph, precision)?),
        Some(LabelSpec::Class { label, .. }) => labelled(&graph, label),
        Some(LabelSpec::Guided(guidance)) => guided(&graph, guidance),
    };
    let at_label = at_label.map_err(|got| {
        refuse("a network with an input label", got, "Leave `label`, `guidance` and `no_class` out")
    })?;
    let network = NetworkField::new(&at_label, precision)?;
    if !knows(&network) && knows_label(&graph, 0.0)? {
        let (label, no_class) = label.map_or((0.0, None), |label| label.labels());
        let expected = format!("the label of a class that {} knows", file.display());
        let choice = no_class.map_or("a smaller --label".into(), classes_below);
        return Err(refuse(&expected, label.to_string(), &format!("Choose {choice}")));
    }
    Ok(network)
}

/// Whether a network has a row for a label in its tables: beyond them everything is NaN.
///
/// # Errors
/// A graph without labels.
pub fn knows_label(graph: &Graph, label: f64) -> Result<bool> {
    let one = labelled(graph, label)
        .map_err(|got| surefoot::Error::invalid("a network at one label", "an input label", got, ""))?;
    Ok(knows(&NetworkField::new(&one, Precision::F32)?))
}

/// Whether it answers with numbers, at 0 and halfway.
fn knows(network: &NetworkField) -> bool {
    let dim = network.dim();
    let mut output = vec![0.0; dim];
    network.eval(Moment { time: 0.5, signal: 0.5, noise: 0.5 }, &vec![0.0; dim], &mut output);
    output.iter().all(|value| value.is_finite())
}

fn source(spec: &ModelSpec, drift: &Drift, data: Option<&(Data, f64)>) -> Result<SharedLaw> {
    if let (SourceSpec::Marginal, Some((data, bandwidth))) = (&spec.source, data) {
        let at_start = drift.moment(spec.start);
        let data = data.law(*bandwidth)?;
        return Ok(Arc::new(law::Marginal { data, signal: at_start.signal, noise: at_start.noise }));
    }
    law_of_source(&spec.source, &spec.process, spec.start, drift.field.dim())
}

/// Law of x_0 in dimension `dim`; for the exact law of noised data, which a network does not know, N(0, I).
///
/// # Errors
/// Unreadable points.
pub fn law_of_source(source: &SourceSpec, process: &Process, start: f64, dim: usize) -> Result<SharedLaw> {
    Ok(match source {
        SourceSpec::Gaussian | SourceSpec::Marginal => {
            let deviation = match process {
                Process::Diffusion { noising, .. }
                    if matches!(noising.family, Family::SubVp | Family::Ve) =>
                {
                    noising.noise(start)
                }
                Process::Diffusion { .. } | Process::Flow => 1.0,
            };
            Arc::new(law::Gaussian::isotropic(dim, deviation))
        }
        SourceSpec::EightGaussians { radius, variance } => {
            Data::EightGaussians { radius: *radius, variance: *variance }.law(0.0)?
        }
        SourceSpec::Points { file } => {
            let Array { shape, values, .. } = data_file::points(file)?;
            Arc::new(law::Points::new(shape[1..].iter().product(), values.into(), &[]))
        }
    })
}

/// Its density: its own, or that of noised data from their exact score.
fn source_density(spec: &ModelSpec, drift: &Drift, source: &SharedLaw) -> Option<SharedDensity> {
    let exact = matches!((&spec.source, &spec.field), (SourceSpec::Marginal, FieldSpec::Analytic { .. }));
    if exact && spec.predicts == Predicts::Score {
        return Some(Arc::new(NoisedDensity { score: drift.field.clone(), at: drift.moment(spec.start) }));
    }
    source.clone().density()
}

fn target(
    spec: &ModelSpec,
    drift: &Drift,
    reference: Option<ReferencePoints>,
    dim: usize,
) -> Result<Option<TargetScore>> {
    if spec.process != Process::Flow {
        let origin = match spec.field {
            FieldSpec::Analytic { .. } => ScoreOrigin::Exact,
            FieldSpec::Onnx { .. } => ScoreOrigin::Learned,
        };
        let (moment, conversion) = (drift.moment(spec.end), drift.score(spec.end)?);
        return Ok(Some(TargetScore { field: drift.field.clone(), moment, conversion, origin }));
    }
    let Some(reference) = reference else { return Ok(None) };
    let points = match reference {
        ReferencePoints::Sample(points) => thinned(points, dim, spec.score.points),
        ReferencePoints::Law(law) => sampled(law.as_ref(), spec.score.points),
    };
    smoothed(points, dim, spec.score)
}

/// Score of a Gaussian-smoothed sample `points[n, D]` (theory §6); none of one that does not vary in every coordinate, unless
/// the score was asked for.
fn smoothed(points: Vec<f64>, dim: usize, spec: ScoreSpec) -> Result<Option<TargetScore>> {
    let count = points.len() / dim;
    let bandwidth: Vec<f64> = (0..dim)
        .map(|i| spec.bandwidth * deviation(points.iter().skip(i).step_by(dim).copied(), count))
        .collect();
    if let Some(i) = bandwidth.iter().position(|&h| h.is_nan() || h <= 0.0) {
        if !spec.given {
            return Ok(None);
        }
        return Err(Failure::Value {
            place: "[score]".into(),
            what: "bandwidth of the smoothed reference sample".into(),
            expected: "a reference that varies in every coordinate".into(),
            got: format!("coordinate {i} constant over {count} points"),
            remedy: "Take another reference, or leave [score] out".into(),
        });
    }
    let field = PointSet::new(dim, points.into(), &[], Bandwidth::Diagonal(bandwidth.clone()))?;
    Ok(Some(TargetScore {
        field: Arc::new(field),
        moment: Moment { time: 1.0, signal: 1.0, noise: 0.0 },
        conversion: Affine::OUTPUT,
        origin: ScoreOrigin::SmoothedSample { points: count, bandwidth },
    }))
}

/// Standard deviation of `count` values.
fn deviation(values: impl Iterator<Item = f64> + Clone, count: usize) -> f64 {
    let mean = values.clone().sum::<f64>() / count as f64;
    (values.map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64).sqrt()
}

/// `count` draws; the same for every run, so that the score belongs to the model and not to the seed.
fn sampled(law: &dyn law::Law, count: usize) -> Vec<f64> {
    let mut points = vec![0.0; count * law.dim()];
    for (index, row) in points.chunks_exact_mut(law.dim()).enumerate() {
        law.sample(&mut stream(0, index as u64, Purpose::Reference), row);
    }
    points
}

/// At most `count` rows, evenly spread over the sample.
fn thinned(points: Vec<f64>, dim: usize, count: usize) -> Vec<f64> {
    let rows = points.len() / dim;
    if rows <= count {
        return points;
    }
    (0..count).flat_map(|i| points[i * rows / count * dim..][..dim].iter().copied()).collect()
}
