//! The support of a model, from what its file says or from its data.

use super::spec::{DataSpec, FieldSpec, ModelSpec, SupportSpec};
use crate::data_file::{self, Array};
use crate::failure::{Failure, Result};
use std::path::Path;
use std::sync::Arc;
use surefoot::field::Data;
use surefoot::law::SharedLaw;
use surefoot::support::{self, Constraint, Landed, Reference, Shape, SharedSupport, Spiral, Support};
use surefoot_graph::{Graph, Limits};

/// Points that stand for a trefoil's curve.
const TREFOIL_POINTS: usize = 4096;

/// Points of the target, for the score of a flow model.
pub enum ReferencePoints {
    /// As many as are asked for, of the support's own law.
    Law(SharedLaw),
    /// A sample `[n, D]`.
    Sample(Vec<f64>),
}

/// The support of a model, with points of the target where it has them.
///
/// # Errors
/// Unreadable files, parameters that have no meaning.
pub fn support(
    spec: &ModelSpec,
    data: Option<&Data>,
    limits: &Limits,
) -> Result<(Option<SharedSupport>, Option<ReferencePoints>)> {
    match &spec.support {
        SupportSpec::Derived => {
            Ok((data.map(|data| derived_support(spec, data)).transpose()?.flatten(), None))
        }
        given => given_support(given, limits),
    }
}

/// The support of a recipe, which has no model yet; none for `kind = "none"` and where nothing is said.
///
/// # Errors
/// Unreadable files, parameters that have no meaning.
pub fn support_of(spec: &SupportSpec, limits: &Limits) -> Result<Option<SharedSupport>> {
    Ok(given_support(spec, limits).map_err(|failure| failure.in_file("[support]"))?.0)
}

/// A law on the support of a recipe: that of its shape, or where normal points land on its constraint.
///
/// # Errors
/// Those of [`support_of`]; a support that is neither.
pub fn law_on(spec: &SupportSpec, limits: &Limits) -> Result<SharedLaw> {
    match spec {
        SupportSpec::Shape(shape) => Ok(shape.law()?),
        SupportSpec::Constraint { file, reference } => {
            let (constraint, _) = constraint(file, reference.as_deref(), limits)?;
            Ok(Arc::new(Landed::new(Arc::new(constraint))))
        }
        SupportSpec::Derived | SupportSpec::None | SupportSpec::Reference { .. } => Err(Failure::Value {
            place: "[data]".into(),
            what: "data.kind".into(),
            expected: "a section [support] with a shape or a constraint beside kind = \"support\"".into(),
            got: match spec {
                SupportSpec::Reference { .. } => "a reference sample".into(),
                _ => "none".to_string(),
            },
            remedy: "Describe the support in [support], or name a law or a data file".into(),
        }),
    }
}

/// The support that a `[support]` section gives, with points of the target where it gives these too.
fn given_support(
    spec: &SupportSpec,
    limits: &Limits,
) -> Result<(Option<SharedSupport>, Option<ReferencePoints>)> {
    match spec {
        SupportSpec::Derived | SupportSpec::None => Ok((None, None)),
        SupportSpec::Shape(shape) => {
            let law = stands_for_target(shape).then(|| shape.law()).transpose()?;
            Ok((Some(shape.build()?), law.map(ReferencePoints::Law)))
        }
        SupportSpec::Constraint { file, reference } => {
            let (constraint, points) = constraint(file, reference.as_deref(), limits)?;
            Ok((Some(Arc::new(constraint)), points.map(ReferencePoints::Sample)))
        }
        SupportSpec::Reference { file, mapping, dimension, neighbours } => {
            let array = data_file::points(file)?;
            let (dim, rows) = (array.row_len(), array.rows());
            let points = mapping.apply(array)?.values;
            let better = match dimension {
                _ if rows < 3 || dim < 2 => "Take another reference, or [support] kind = \"none\"",
                None => "Give `dimension = d` in [support], or take another reference",
                Some(_) => "Mend [support], or take another reference",
            };
            let reference = Reference::new(dim, points.clone(), *dimension, *neighbours)
                .map_err(|error| unfit(file, error, Some(better)))?;
            Ok((Some(Arc::new(reference)), Some(ReferencePoints::Sample(points))))
        }
    }
}

/// The zeros of the function in `file`, and the points of the support where there are any.
fn constraint(
    file: &Path,
    reference: Option<&Path>,
    limits: &Limits,
) -> Result<(Constraint, Option<Vec<f64>>)> {
    let graph = Graph::read_function(file, limits).map_err(surefoot::Error::from)?;
    let array = reference.map(data_file::points).transpose()?;
    let row = array.as_ref().map(Array::row_len);
    let points = array.map(|array| array.values);
    let constraint = Constraint::new(&graph, points.as_deref().unwrap_or(&[]));
    let constraint = constraint.map_err(|error| unfit(file, error, None))?;
    match (reference, row) {
        (Some(reference), Some(row)) if row != constraint.dim() => Err(Failure::Value {
            place: reference.display().to_string(),
            what: "points of the support".into(),
            expected: format!("rows of {} numbers, as the constraint takes them", constraint.dim()),
            got: format!("rows of {row}"),
            remedy: "Take points of the same states".into(),
        }),
        _ => Ok((constraint, points)),
    }
}

/// The support that analytic data have, with the file of points in the message where there is none.
fn derived_support(spec: &ModelSpec, data: &Data) -> Result<Option<SharedSupport>> {
    support_of_data(data).map_err(|failure| match (failure, &spec.field) {
        (Failure::Numerics(error), FieldSpec::Analytic { data: DataSpec::File(file), .. }) => {
            unfit(file, error, Some("Write [support] kind = \"none\", or name another support"))
        }
        (failure, _) => failure,
    })
}

/// A file from which no support can be made, with another remedy where there is a better one.
fn unfit(file: &Path, error: surefoot::Error, better: Option<&str>) -> Failure {
    match error {
        surefoot::Error::Invalid { operation, expected, got, remedy } => Failure::Value {
            place: file.display().to_string(),
            what: operation,
            expected,
            got,
            remedy: better.map_or(remedy, str::to_string),
        },
        other => other.into(),
    }
}

/// The support that analytic data have.
fn support_of_data(data: &Data) -> Result<Option<SharedSupport>> {
    let (start, end) = (Spiral::DEFAULT_START, Spiral::DEFAULT_END);
    let shape = match *data {
        Data::TwoMoons { scale, shift, strip } => Shape::TwoMoons { scale, shift, strip },
        Data::Circle { radius } => Shape::Circle { radius },
        Data::Spiral { pitch } => Shape::Spiral { pitch, start, end },
        Data::Sphere { radius } => Shape::Sphere { dim: 3, radius },
        Data::HighSphere { dim, ambient, radius } if dim == ambient => Shape::Sphere { dim, radius },
        Data::HighSphere { dim, ambient, radius } => {
            let sphere = Shape::Sphere { dim, radius }.build()?;
            let rest = support::Affine::of_variances(&vec![0.0; ambient - dim], &vec![0.0; ambient - dim])?;
            let product = support::Product::new(vec![sphere, Arc::new(rest)])?;
            return Ok(Some(Arc::new(product)));
        }
        Data::Torus { major, minor } => Shape::Torus { major, minor },
        Data::SwissRoll { pitch, height } => Shape::SwissRoll { pitch, height, start, end },
        Data::Disc { radius } => Shape::Disc { centre: [0.0; 2], radius },
        Data::EightGaussians { radius, variance } if variance > 0.0 => {
            let centre = |i: i32| {
                let (sin, cos) = (f64::from(i) * std::f64::consts::FRAC_PI_4).sin_cos();
                [radius * cos, radius * sin]
            };
            Shape::Discs { centres: (0..8).map(centre).collect(), radius: 3.0 * variance.sqrt() }
        }
        Data::EightGaussians { .. } => return Ok(None),
        Data::Gaussian { ref variances } => {
            let singular = variances.contains(&0.0);
            let affine = || support::Affine::of_variances(&vec![0.0; variances.len()], variances);
            return Ok(singular.then(affine).transpose()?.map(|affine| Arc::new(affine) as SharedSupport));
        }
        Data::Trefoil => {
            let curves = data.curves().unwrap_or_default();
            let along = |i: usize| std::f64::consts::TAU * i as f64 / TREFOIL_POINTS as f64;
            let points =
                curves.iter().flat_map(|curve| (0..TREFOIL_POINTS).flat_map(|i| curve.point(along(i))));
            Shape::Reference(Arc::new(Reference::new(2, points.collect(), Some(1), None)?))
        }
        Data::Points { dim: 1, .. } => return Ok(None),
        Data::Points { dim, ref nodes, .. } => {
            Shape::Reference(Arc::new(Reference::new(dim, nodes.to_vec(), None, None)?))
        }
    };
    Ok(Some(shape.build()?))
}

/// Whether the law of a shape stands for the target of a model whose file says nothing else of it.
fn stands_for_target(shape: &Shape) -> bool {
    match *shape {
        Shape::TwoMoons { .. }
        | Shape::Circle { .. }
        | Shape::Sphere { dim: 3, .. }
        | Shape::Torus { .. } => true,
        Shape::Disc { centre, .. } => centre == [0.0, 0.0],
        Shape::Spiral { start, end, .. } | Shape::SwissRoll { start, end, .. } => default_turns(start, end),
        _ => false,
    }
}

fn default_turns(start: f64, end: f64) -> bool {
    start == Spiral::DEFAULT_START && end == Spiral::DEFAULT_END
}
