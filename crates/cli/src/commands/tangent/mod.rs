//! `tangent`: tangent spaces and the dimension of the data, at generated or given points (theory §10).

mod angles;
mod doubled;

use super::classes::by_class;
use super::single::print;
use super::start_threads;
use crate::classes::MORE_ROUNDS;
use crate::data_file::{self, Numbers, check_archive_name, write_npz};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::model_file::{Model, load};
use crate::options::{Format, Tangent};
use crate::run_file::settings;
use crate::table::{counted, number};
use angles::Angles;
use doubled::Doubled;
use rayon::prelude::*;
use serde_json::json;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use surefoot::analysis::Request;
use surefoot::dimension::{GapDimension, GapRule, NoiseFloor, Standing, gap};
use surefoot::law::{Listed, SharedLaw};
use surefoot::process::Grid;
use surefoot::sampler::Step;
use surefoot::spectrum::{Bundle, Search, bundle};
use surefoot::statistics::Quantiles;
use surefoot::sweep::{Batch, Encoded, Keep, Refinement, Storage, Undo, encode, forward};

/// Generated points where none are asked for.
const SAMPLES: usize = 1000;
/// Largest D of which all vectors are followed, and how many of a larger one.
const ALL_UP_TO: usize = 64;
const VECTORS: usize = 32;
/// Neighbours of the local PCA where none are asked for.
const NEIGHBOURS: [usize; 2] = [5, 100];
/// Most points of a tile, and most numbers that its frames and factors hold.
const TILE: usize = 64;
const MOST_NUMBERS: usize = 1 << 23;
/// Bytes that the paths of a tile may take.
const PATH_BYTES: usize = 1 << 26;

/// Tangent spaces of a model.
///
/// # Errors
/// Whatever is wrong with the model or a file; points that the sampler cannot be carried back from.
pub fn tangent(options: &Tangent) -> Result<()> {
    if let Some(labels) = &options.labels {
        return by_class(options, labels);
    }
    if options.reference.is_none() && !options.neighbours.is_empty() {
        return Err(Failure::Usage(
            "--neighbours: expected points of the data with --reference, got none. Name their file".into(),
        ));
    }
    if let Some(file) = &options.out {
        check_archive_name("-o", file)?;
    }
    start_threads(options.threads)?;
    let model = load(&options.model, &settings(&options.settings)?)?;
    let given = options.at.as_deref().map(|file| points(file, model.system.dim())).transpose()?;
    let most = given.as_ref().map_or(Request::MOST_SAMPLES, |given| given.len() / model.system.dim());
    let task = Task::new(options, &model, given, most)?;
    interrupt::listen();
    interrupt::computing(true);
    let found = task.follow()?;
    let floor = NoiseFloor::of(&task.step.drift, task.step.grid).ok();
    let rule = GapRule { floor, seed: options.seed, ..GapRule::of(task.vectors) };
    let growth = gap(&found.log_values, task.dim, task.vectors, rule);
    let growth = (task.vectors > 1).then_some(growth).transpose()?;
    let d = match (options.dimension, &growth) {
        (Some(d), _) => d,
        (None, Some(growth)) => growth.ensemble.gap.dimension,
        (None, None) => 1,
    };
    let angles = task.angles(&found, d)?;
    let doubled = task.doubled(&found, d)?;
    if let Some(file) = &options.out {
        task.write(file, &found, growth.as_ref(), d)?;
    }
    task.say(&found, Answers { growth: growth.as_ref(), d, angles: &angles, doubled: doubled.as_ref() })
}

/// What follows from what was found.
struct Answers<'a> {
    growth: Option<&'a GapDimension>,
    /// Dimension of the tangent spaces.
    d: usize,
    angles: &'a [Angles],
    doubled: Option<&'a Doubled>,
}

/// Where tangent spaces are wanted, and how they are found.
pub(super) struct Task<'a> {
    options: &'a Tangent,
    model: &'a Model,
    /// The part of the generation that is followed.
    pub(super) step: Step,
    /// D, k and the number of points.
    pub(super) dim: usize,
    pub(super) vectors: usize,
    count: usize,
    /// Points to carry back `[n, D]`: those of `--at`, or generated ones that are followed from a later time.
    given: Option<Vec<f64>>,
}

/// What was found at all points.
pub(super) struct Found {
    points: Vec<f64>,
    pub(super) log_values: Vec<f64>,
    vectors: Vec<f64>,
    pub(super) residual: Vec<f64>,
    pub(super) encoded: Option<Encoded>,
}

impl<'a> Task<'a> {
    /// At `given` points or at generated ones; `-n` is at most `most`.
    pub(super) fn new(
        options: &'a Tangent,
        model: &'a Model,
        given: Option<Vec<f64>>,
        most: usize,
    ) -> Result<Task<'a>> {
        let whole = model.system.step(Vec::new())?;
        let dim = whole.dim();
        let back = [(given.is_some(), "--at"), (options.from.is_some(), "--from")];
        if let Some((_, place)) = back.iter().find(|(back, _)| *back && whole.noises() > 0) {
            return Err(Failure::Value {
                place: (*place).into(),
                what: "sampler".into(),
                expected: "a deterministic one: points are carried back along its paths".into(),
                got: format!("noise level {}", model.system.drift.process.noise_level()),
                remedy: "Add --noise-level 0, or another --method".into(),
            });
        }
        let listed = given.as_ref().map(|points| points.len() / dim);
        let count = options.samples.unwrap_or(listed.unwrap_or(SAMPLES));
        let vectors = options.vectors.unwrap_or(if dim <= ALL_UP_TO { dim } else { VECTORS });
        for (place, got, low, high) in [
            ("-n", Some(count), 1, most),
            ("-k", Some(vectors), 1, dim),
            ("-d", options.dimension, 1, vectors),
            ("--exact-rounds", Some(options.exact_rounds), 1, usize::MAX),
        ] {
            if let Some(got) = got.filter(|got| !(low..=high).contains(got)) {
                return Err(Failure::Value {
                    place: place.into(),
                    what: "number".into(),
                    expected: if high == usize::MAX {
                        format!("at least {low}")
                    } else {
                        format!("{low} to {high}")
                    },
                    got: got.to_string(),
                    remedy: "Choose another".into(),
                });
            }
        }
        let tolerance = options.exact_tolerance;
        if !tolerance.is_finite() || tolerance <= 0.0 {
            return Err(Failure::Value {
                place: "--exact-tolerance".into(),
                what: "residual".into(),
                expected: "a finite number > 0".into(),
                got: tolerance.to_string(),
                remedy: "Choose another".into(),
            });
        }
        let mut task = Task { options, model, step: whole, dim, vectors, count, given };
        if let Some(from) = options.from {
            task.given = Some(task.given.take().map_or_else(|| task.generated(), Ok)?);
            task.step = last_part(model, from)?;
        }
        Ok(task)
    }

    /// Generated points `[n, D]`.
    fn generated(&self) -> Result<Vec<f64>> {
        let point = |sample: usize| {
            let samples = sample..sample + 1;
            let source = self.model.system.source.as_ref();
            let batch = Batch { source, seed: self.options.seed, samples, refinement: Refinement::Own };
            Ok(forward(&self.step, &batch, 0, Keep::default())?.end)
        };
        let points: Result<Vec<_>> = (0..self.count).into_par_iter().map(point).collect();
        Ok(points?.concat())
    }

    /// Points that are followed together.
    fn tile(&self) -> usize {
        let k = self.vectors;
        let one = self.step.grid.steps * k * k + 8 * (k + Search::usual_extra(k)) * self.dim;
        (MOST_NUMBERS / one).clamp(1, TILE).min(self.count.div_ceil(rayon::current_num_threads()))
    }

    /// The same at other points `[n, D]`.
    pub(super) fn at(&mut self, given: Vec<f64>) -> &Self {
        self.count = given.len() / self.dim;
        self.given = Some(given);
        self
    }

    pub(super) fn follow(&self) -> Result<Found> {
        let tile = self.tile();
        let tiles: Vec<Range<usize>> =
            (0..self.count).step_by(tile).map(|start| start..(start + tile).min(self.count)).collect();
        let parts =
            tiles.into_par_iter().map(|samples| self.follow_tile(samples)).collect::<Result<Vec<_>>>()?;
        let mut found = Found {
            points: Vec::new(),
            log_values: Vec::new(),
            vectors: Vec::new(),
            residual: Vec::new(),
            encoded: self.given.as_ref().map(|_| Encoded::default()),
        };
        for (part, encoded) in parts {
            found.points.extend(part.points);
            found.log_values.extend(part.log_values);
            found.vectors.extend(part.vectors);
            found.residual.extend(part.residual);
            if let (Some(all), Some(encoded)) = (&mut found.encoded, encoded) {
                all.start.extend(encoded.start);
                all.mismatch.extend(encoded.mismatch);
            }
        }
        Ok(found)
    }

    /// The law of x_0: `starts[n, D]` of points that were carried back, of samples from `first` on, else the model's source.
    fn source(&self, starts: Option<&[f64]>, first: usize) -> SharedLaw {
        match starts {
            Some(starts) => Arc::new(Listed::new(self.dim, starts.to_vec().into()).starting_at(first)),
            None => self.model.system.source.clone(),
        }
    }

    fn search(&self) -> Search {
        Search {
            vectors: self.vectors,
            extra: Search::usual_extra(self.vectors),
            rounds: self.options.exact_rounds,
            tolerance: self.options.exact_tolerance,
            seed: self.options.seed,
        }
    }

    fn follow_tile(&self, samples: Range<usize>) -> Result<(Bundle, Option<Encoded>)> {
        if interrupt::asked() {
            return Err(Failure::Interrupted("interrupted; no file was written".into()));
        }
        let own = |points: &Vec<f64>| points[samples.start * self.dim..samples.end * self.dim].to_vec();
        let points = self.given.as_ref().map(own);
        let undo = if self.options.near { Undo::Nearly } else { Undo::Exactly };
        let encoded =
            points.as_ref().map(|points| encode(&self.step, points, undo, samples.start)).transpose()?;
        let source = self.source(encoded.as_ref().map(|encoded| &encoded.start[..]), samples.start);
        let seed = self.options.seed;
        let batch = Batch { source: source.as_ref(), seed, samples, refinement: Refinement::Own };
        Ok((bundle(&self.step, &batch, self.search(), Storage::Bytes(PATH_BYTES))?, encoded))
    }

    fn write(&self, file: &Path, found: &Found, growth: Option<&GapDimension>, d: usize) -> Result<()> {
        let (n, k, dim) = (self.count, self.vectors, self.dim);
        let tangent: Vec<f64> =
            found.vectors.chunks_exact(k * dim).flat_map(|frame| &frame[..d * dim]).copied().collect();
        let answers = growth.map(|growth| &growth.ensemble.answers.each);
        let each: Vec<f64> =
            answers.map_or_else(|| vec![1.0; n], |each| each.iter().map(|&d| d as f64).collect());
        let points = [&[n], &self.model.shape[..]].concat();
        let mut arrays = vec![
            ("x", points.clone(), Numbers::F64(&found.points)),
            ("tangent", vec![n, d, dim], Numbers::F64(&tangent)),
            ("log_growth", vec![n, k], Numbers::F64(&found.log_values)),
            ("dimension", vec![n], Numbers::F64(&each)),
            ("residual", vec![n], Numbers::F64(&found.residual)),
        ];
        if let Some(encoded) = &found.encoded {
            arrays.push(("start", points, Numbers::F64(&encoded.start)));
            arrays.push(("mismatch", vec![n], Numbers::F64(&encoded.mismatch)));
        }
        write_npz(file, &arrays)
    }

    fn say(&self, found: &Found, answers: Answers) -> Result<()> {
        let Answers { growth, d, angles, doubled } = answers;
        let screen = self.options.screen;
        let mismatch = found.encoded.as_ref().map(|encoded| Quantiles::of(&encoded.mismatch));
        if screen.format == Format::Json {
            let mut what = json!({
                "model": self.model.spec.name, "points": self.count, "dim": self.dim, "vectors": self.vectors,
                "tangent_dimension": d, "residual": Quantiles::of(&found.residual), "angles": angles,
            });
            if let Some(reason) = self.not_compared(d) {
                what["not_compared"] = json!(reason);
            }
            if let Some(from) = self.options.from {
                what["from"] = json!(from);
            }
            if let Some(growth) = growth {
                what["dimension"] = json!(growth);
            }
            if let Some(doubled) = doubled {
                what["convergence"] = json!(doubled);
            }
            if let Some(mismatch) = mismatch {
                what["mismatch"] = json!(mismatch);
            }
            return print(format!("{what}\n").as_bytes());
        }
        if screen.quiet {
            return Ok(());
        }
        let given = if self.options.at.is_some() { "given point" } else { "generated point" };
        let from = self.options.from.map_or_else(String::new, |from| format!(", followed from u = {from}"));
        let mut text = format!(
            "{} in R^{}, {}{from}\n",
            counted(self.count, given),
            self.dim,
            counted(self.vectors, "vector")
        );
        text.push_str(
            &growth.map_or_else(
                || "dimension: of one vector nothing follows (-k follows more)\n".into(),
                sentence,
            ),
        );
        text.extend(doubled.map(Doubled::sentence));
        text.extend(mismatch.map(|q| {
            format!(
                "generated again from their starts, points are missed by {} (median), at most {} on 95 %\n",
                number(q.q50),
                number(q.q95)
            )
        }));
        if !angles.is_empty() {
            text.push_str(&format!(
                "\n{:<34}{:>11}{:>11}{:>11}\n",
                "angle to the support (deg)", "mean", "median", "95 %"
            ));
        }
        for Angles { how, angle_deg: q } in angles {
            text.push_str(&format!(
                "  {how:<32}{:>11}{:>11}{:>11}\n",
                number(q.mean),
                number(q.q50),
                number(q.q95)
            ));
        }
        if let Some(reason) = self.not_compared(d) {
            text.push_str(&format!("\nno angles: {reason}\n"));
        }
        let largest = found.residual.iter().copied().fold(0.0, f64::max);
        let wanted = self.options.exact_tolerance;
        let caution = if self.vectors < self.dim && largest > wanted {
            format!(": not converged, wanted {}. {MORE_ROUNDS}", number(wanted))
        } else {
            String::new()
        };
        text.push_str(&format!("\nlargest residual of a vector {}{caution}\n", number(largest)));
        if let Some(file) = &self.options.out {
            text.push_str(&format!("tangent spaces of dimension {d} written to {}\n", file.display()));
        }
        print(text.as_bytes())
    }
}

/// The generation from model time `from` on.
fn last_part(model: &Model, from: f64) -> Result<Step> {
    let system = &model.system;
    let (start, end) = (system.grid.start, system.grid.end);
    if !(start.min(end)..=start.max(end)).contains(&from) || from == end {
        return Err(Failure::Value {
            place: "--from".into(),
            what: "model time".into(),
            expected: format!("a time of the generation, which goes from {start} to {end}, before its end"),
            got: from.to_string(),
            remedy: "Choose another".into(),
        });
    }
    let grid = Grid { start: from, ..system.grid };
    Ok(Step::new(system.drift.clone(), grid, system.method, Vec::new())?)
}

/// The dimension in words, with what it rests on.
fn sentence(growth: &GapDimension) -> String {
    let ensemble = &growth.ensemble;
    let d = ensemble.gap.dimension;
    let interval = ensemble
        .interval
        .as_ref()
        .map_or_else(String::new, |i| format!(", 95 % interval {} to {}", i.low, i.high));
    let caution = match ensemble.gap.standing {
        Standing::Clear if growth.at_end => " It is the last that the vectors followed can tell: raise -k.",
        Standing::Clear => "",
        Standing::Unclear | Standing::MeanScore => {
            " The drop does not stand out: this is no dimension of the data at this scale."
        }
        Standing::BelowNoise => {
            " It lies among directions that have shrunk as the noise has: this is no dimension of the data."
        }
        Standing::Forced if growth.known < growth.ambient => " There was no other place for it: raise -k.",
        Standing::Forced => " There was no other place for it.",
    };
    format!(
        "dimension by the largest drop of the log singular values: {d}{interval}; {:.0} % of the points agree; the drop is {} nats, the next {}.{caution}\n",
        100.0 * ensemble.agreeing,
        number(ensemble.gap.size),
        ensemble.gap.runner_up.map_or_else(
            || "none".into(),
            |other| format!("{} (at {})", number(other.size), other.dimension)
        ),
    )
}

/// Points of a file, of the model's dimension.
pub(super) fn points(file: &Path, dim: usize) -> Result<Vec<f64>> {
    let array = data_file::points(file)?;
    if array.row_len() == dim {
        return Ok(array.values);
    }
    Err(Failure::Value {
        place: file.display().to_string(),
        what: "points".into(),
        expected: format!("{dim} numbers each, as the model has"),
        got: format!("{} numbers", array.row_len()),
        remedy: "Give points of the model's space".into(),
    })
}
