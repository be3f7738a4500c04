//! What `run.toml` says of a run.

use super::Other;
use crate::failure::Result;
use crate::model_file::{self, Model};
use std::path::Path;
use surefoot::analysis::{ErrorKind, ErrorRequest, Request};
use surefoot::error_field::Place;
use surefoot::response::Observable;
use toml::value::Table;

/// All that decides the results of a run.
///
/// # Errors
/// A function's file that can no longer be read.
pub fn record(model: &Model, request: &Request, others: &[Other]) -> Result<Table> {
    let integer = |number: usize| toml::Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let mut run = Table::new();
    run.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    run.insert("command_line".into(), command_line().into());
    run.insert("seed".into(), request.seed.to_string().into());
    for (key, number) in [
        ("samples", request.samples),
        ("vectors", request.vectors),
        ("paths", request.paths),
        ("convergence", request.convergence),
        ("condition_paths", request.condition),
        ("chunk", request.chunk),
    ] {
        run.insert(key.into(), integer(number));
    }
    run.insert("spectrum".into(), request.spectrum.into());
    if let Some(search) = request.search.filter(|_| request.vectors < model.system.dim()) {
        run.insert("exact".into(), integer(search.samples));
        run.insert("exact_rounds".into(), integer(search.rounds));
        if let Some(size) = request.moved {
            run.insert("move".into(), size.into());
        }
        run.insert("exact_tolerance".into(), search.tolerance.into());
    }
    run.insert("regularity".into(), request.regularity.into());
    if let Some(place) = request.gains {
        run.insert("gains".into(), place_name(place).into());
    }
    if let Some(observables) = &request.observables {
        let names = observables.iter().map(observable_record).collect::<Result<_>>()?;
        run.insert("observables".into(), toml::Value::Array(names));
    }
    if let Some(probes) = request.response_probes {
        run.insert("response_probes".into(), integer(probes));
    }
    run.insert("boundary_distance".into(), request.boundary_distance.into());
    let model = [
        ("name".to_string(), model.spec.name.clone().into()),
        ("sha256".to_string(), model.sha256.clone().into()),
    ];
    run.insert("model".into(), toml::Value::Table(model.into_iter().collect()));
    let mut others = others.iter();
    let errors = request.errors.iter().map(|error| error_record(error, &mut others)).collect();
    run.insert("error".into(), toml::Value::Array(errors));
    Ok(run)
}

/// The name; for a function from a file also its SHA-256, so that a resumed run cannot go on with another one.
fn observable_record(observable: &Observable) -> Result<toml::Value> {
    let name = observable.name();
    Ok(match observable {
        Observable::Function { .. } => {
            let sha256 = model_file::sha256_of(Path::new(&name))?;
            let table = [("file".to_string(), name.into()), ("sha256".to_string(), sha256.into())];
            toml::Value::Table(table.into_iter().collect())
        }
        _ => name.into(),
    })
}

fn error_record<'o>(error: &ErrorRequest, others: &mut impl Iterator<Item = &'o Other>) -> toml::Value {
    let mut table = Table::new();
    table.insert("kind".into(), error.kind.name().into());
    table.insert("place".into(), place_name(error.place).into());
    table.insert("sizes".into(), error.sizes.clone().into());
    match &error.kind {
        ErrorKind::Constant { direction } => {
            table.insert("direction".into(), direction.clone().into());
        }
        ErrorKind::Random { length_scale, time_dependent } => {
            table.insert("length_scale".into(), (*length_scale).into());
            table.insert("moving".into(), (*time_dependent).into());
        }
        ErrorKind::Difference { .. } => {
            if let Some([name, sha256]) = others.next() {
                table.insert("model".into(), name.clone().into());
                table.insert("sha256".into(), sha256.clone().into());
            }
        }
        ErrorKind::White | ErrorKind::Coarser | ErrorKind::Rounded { .. } | ErrorKind::Worst { .. } => {}
    }
    toml::Value::Table(table)
}

/// Name of a place in `run.toml`.
fn place_name(place: Place) -> &'static str {
    match place {
        Place::Output => "output",
        Place::Score => "score",
        Place::Drift => "drift",
    }
}

/// The command line as typed, without `--resume`.
pub fn command_line() -> Vec<String> {
    std::env::args_os()
        .enumerate()
        .map(|(index, word)| if index == 0 { "surefoot".into() } else { word.to_string_lossy().into_owned() })
        .filter(|word| word != "--resume")
        .collect()
}
