//! The dimension of every class of given points: figures, and the lines of their table.

use crate::table::{counted, number};
use serde::Serialize;
use std::fmt::Write;
use surefoot::dimension::{
    Flipd, Known, LevinaBickel, NormalBundle, OfGeneration, OfPoints, OfScore, PcaDimension, SpreadDimension,
    Standing, TwoNnDimension, WholeInterval,
};
use surefoot::statistics::{Estimate, Quantiles};

/// `dimension.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classes {
    /// Version of the program.
    pub version: &'static str,
    /// Name of the model.
    pub model: String,
    /// SHA-256 of the model and its files.
    pub model_sha256: String,
    /// D.
    pub dim: usize,
    /// How points were carried back and generated again.
    pub generation: Generation,
    /// How the score was asked.
    pub score: ScoreAsked,
    /// What the estimators that see a sample looked at: `reference` or `points`.
    pub sample_of: &'static str,
    /// Seed of all random streams.
    pub seed: u64,
    /// Finished classes, ascending.
    pub classes: Vec<ClassFound>,
    /// Points of all classes together; `None` until all are finished.
    pub all: Option<ClassFound>,
    /// Classes that are not finished.
    pub unfinished: Vec<u32>,
}

/// How points were carried back and generated again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Generation {
    /// Steps of the sampler.
    pub steps: usize,
    /// k: vectors whose growth was looked at.
    pub vectors: usize,
    /// Residual at which a vector that was searched for has converged.
    pub tolerance: f64,
    /// Model time from which they were followed.
    pub start: f64,
    /// Model time of the end.
    pub end: f64,
    /// σ/m there; `None` for a flow, which ends without noise.
    pub end_noise: Option<f64>,
}

/// How the score was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoreAsked {
    /// Model times.
    pub times: Vec<f64>,
    /// Noised copies of a point for NB.
    pub copies: usize,
    /// Random probes of the trace of FLIPD; `None` where it is exact.
    pub probes: Option<usize>,
}

/// What was found for one class, or for all points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassFound {
    /// Its label; `None` for all points.
    pub class: Option<u32>,
    /// Points with this label, of which the leading ones were taken.
    pub given: usize,
    /// Largest relative residual of a point's vectors.
    pub residual: Quantiles,
    /// How far a point that is generated again lies from itself.
    pub mismatch: Quantiles,
    /// By all estimators.
    #[serde(flatten)]
    pub found: OfPoints,
}

/// One estimate in words: never without its estimator, its scale and what it was computed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Heading of its column where classes stand below one another.
    pub column: String,
    /// The estimate alone, with "?" where no gap stands out; "–" where it is not known.
    pub short: String,
    /// Estimator with its settings.
    pub estimator: String,
    /// The estimate with its interval, or why it is not known.
    pub estimate: String,
    /// The scale at which it sees the data.
    pub scale: String,
    /// How large that is for these points, where it differs between classes; else empty.
    pub radius: String,
    /// What it was computed on.
    pub on: String,
}

/// What stands where there is no estimate.
const ABSENT: &str = "–";
/// What helps where a search gave up.
pub const MORE_ROUNDS: &str = "Allow more --exact-rounds, or a larger --exact-tolerance";

impl ClassFound {
    /// "class 3" or "all classes".
    pub fn name(&self) -> String {
        self.class.map_or_else(|| "all classes".into(), |class| format!("class {class}"))
    }
}

impl Classes {
    /// Finished classes, and all points.
    pub fn rows(&self) -> impl Iterator<Item = &ClassFound> {
        self.classes.iter().chain(&self.all)
    }

    /// The estimates of a row.
    pub fn lines(&self, row: &ClassFound) -> Vec<Line> {
        let OfPoints { points, generation, scores, sample } = &row.found;
        let mut lines = vec![self.gap(generation, *points), self.spread(&generation.spread, *points)];
        for score in scores {
            lines.extend([self.normal_bundle(score, *points), self.flipd(score, *points)]);
        }
        let on = match self.sample_of {
            "reference" => format!("{} of the reference", counted(sample.rows, "row")),
            _ => counted(sample.rows, "point"),
        };
        let [two_nn, mle] = [two_nn(&sample.two_nn), levina_bickel(&sample.levina_bickel)];
        let pca = sample.local_pca.iter().map(|at| local_pca(at.neighbours, &at.found));
        lines.extend([two_nn, mle].into_iter().chain(pca).map(|line| Line { on: on.clone(), ..line }));
        lines
    }

    /// The scale of what asks the generation map.
    fn scale_at_end(&self) -> String {
        let Generation { end, end_noise, .. } = &self.generation;
        match end_noise {
            Some(noise) => format!("sigma/m = {} at the end, u = {}", number(*noise), number(*end)),
            None => format!("the end of the flow, u = {}", number(*end)),
        }
    }

    fn gap(&self, generation: &OfGeneration, points: usize) -> Line {
        let Generation { steps, vectors, start, .. } = &self.generation;
        let (short, estimate) = told(&generation.gap, |found| {
            let ensemble = &found.ensemble;
            let gap = &ensemble.gap;
            let at_end = if found.at_end { "; the last that the vectors can tell" } else { "" };
            let next = gap.runner_up.map_or_else(
                || "no other".into(),
                |next| format!("next {} at {}", number(next.size), next.dimension),
            );
            let estimate = format!(
                "{}{}; drop {} nats, {next}: {}{at_end}",
                gap.dimension,
                whole(ensemble.interval.as_ref()),
                number(gap.size),
                standing(gap.standing)
            );
            (marked(gap.dimension, gap.standing), estimate)
        });
        Line {
            column: "gap rule".into(),
            short,
            estimator: format!(
                "gap rule, {vectors} of {}, {} from u = {start}",
                counted(self.dim, "vector"),
                counted(*steps, "step")
            ),
            estimate,
            scale: self.scale_at_end(),
            radius: String::new(),
            on: counted(points, "point"),
        }
    }

    fn spread(&self, found: &Known<SpreadDimension>, points: usize) -> Line {
        let Generation { steps, vectors, .. } = &self.generation;
        let (short, estimate) = told(found, |found| {
            let least = if found.at_end > 0.0 { ">=" } else { "" };
            let mean = decimals(found.over_points.mean);
            let interval = found.mean.as_ref().map_or_else(String::new, |mean| within(mean.low, mean.high));
            let more = match found.at_end {
                0.0 => String::new(),
                share => format!("; all vectors at {:.0} % of the points: raise -k", 100.0 * share),
            };
            let [coarse, fine] = [found.at_twice, found.at_half].map(decimals);
            let estimate = format!(
                "{least}{mean}{interval}, mean over points; {coarse} at twice the scale, {fine} at half of it; above {} nats{more}",
                number(found.threshold)
            );
            let mark = if found.is_blurred() { "?" } else { "" };
            (format!("{least}{mean}{mark}"), estimate)
        });
        Line {
            column: "spread".into(),
            short,
            estimator: format!(
                "spread beyond noise, {vectors} of {}, {}",
                counted(self.dim, "vector"),
                counted(*steps, "step")
            ),
            estimate,
            scale: self.scale_at_end(),
            radius: String::new(),
            on: counted(points, "point"),
        }
    }

    fn normal_bundle(&self, score: &OfScore, points: usize) -> Line {
        let (short, estimate) = told(&score.normal_bundle, |found: &NormalBundle| {
            let gap = &found.ensemble.gap;
            let estimate = format!(
                "{}{}; drop {} of a normal direction, mean score {}: {}",
                gap.dimension,
                whole(found.ensemble.interval.as_ref()),
                number(gap.size),
                number(found.mean_score.q50),
                standing(gap.standing)
            );
            (marked(gap.dimension, gap.standing), estimate)
        });
        Line {
            column: format!("NB u={}", number(score.time)),
            short,
            estimator: format!("NB, {} noised scores a point", self.score.copies),
            estimate,
            scale: scale_of(score),
            radius: String::new(),
            on: counted(points, "point"),
        }
    }

    fn flipd(&self, score: &OfScore, points: usize) -> Line {
        let (short, estimate) = told(&score.flipd, |found: &Flipd| {
            let mean = found.over_points.mean;
            let interval = found.mean.as_ref().map_or_else(String::new, |mean| within(mean.low, mean.high));
            let [mark, doubt] =
                if found.is_outside() { ["?", "; outside 0 to D, no dimension"] } else { ["", ""] };
            (
                format!("{}{mark}", decimals(mean)),
                format!("{}{interval}, mean over points{doubt}", decimals(mean)),
            )
        });
        let trace = self
            .score
            .probes
            .map_or_else(|| "exact trace".into(), |probes| format!("trace from {probes} probes"));
        Line {
            column: format!("FLIPD u={}", number(score.time)),
            short,
            estimator: format!("FLIPD, {trace}"),
            estimate,
            scale: scale_of(score),
            radius: String::new(),
            on: counted(points, "point"),
        }
    }

    /// Whether a search gave up on vectors of a row.
    pub fn unconverged(&self, row: &ClassFound) -> bool {
        row.residual.q95 > self.generation.tolerance && self.generation.vectors < self.dim
    }

    /// What was asked, in words.
    pub fn subtitle(&self) -> String {
        let Generation { steps, vectors, .. } = self.generation;
        let [vectors, steps] = [counted(vectors, "vector"), counted(steps, "step")];
        format!("{}: D = {}, {vectors}, {steps}, seed {}", self.model, self.dim, self.seed)
    }

    /// The lines of a class for the terminal.
    pub fn block(&self, row: &ClassFound) -> String {
        let mut text = format!(
            "{}: {} of {}; missed by {} (median) when generated again; largest residual of a vector {}\n",
            row.name(),
            row.found.points,
            counted(row.given, "point"),
            number(row.mismatch.q50),
            number(row.residual.q95)
        );
        if self.unconverged(row) {
            let wanted = number(self.generation.tolerance);
            let _ = writeln!(text, "  not converged: wanted {wanted}. {MORE_ROUNDS}");
        }
        for Line { estimator, estimate, scale, radius, on, .. } in self.lines(row) {
            let _ = writeln!(text, "  {estimator:<54}  {estimate}\n  {:<56}at {scale}{radius}; on {on}", "");
        }
        text.push('\n');
        text
    }

    /// All rows below one another, estimates alone.
    pub fn grid(&self) -> String {
        let rows: Vec<(String, Vec<Line>)> = self.rows().map(|row| (row.name(), self.lines(row))).collect();
        let Some((_, first)) = rows.first() else { return String::new() };
        let widths: Vec<usize> = first.iter().map(|line| line.column.chars().count().max(8) + 2).collect();
        let mut text = format!("{:<12}", "dimension");
        for (line, width) in first.iter().zip(&widths) {
            let _ = write!(text, "{:>width$}", line.column);
        }
        for (name, lines) in &rows {
            let _ = write!(text, "\n{name:<12}");
            for (line, width) in lines.iter().zip(&widths) {
                let _ = write!(text, "{:>width$}", line.short);
            }
        }
        text.push_str(
            "\n  (? no gap stands out above the noise, no sharp count, or a number outside 0 to D: no dimension at that scale; – not known)\n",
        );
        for line in first {
            let _ = writeln!(text, "  {}: {}; scale: {}", line.column, line.estimator, line.scale);
        }
        text
    }
}

/// The estimate alone and in words, or why there is none.
fn told<T>(known: &Known<T>, of: impl FnOnce(&T) -> (String, String)) -> (String, String) {
    match known {
        Known::Found(found) => of(found),
        Known::Not { not_known } => (ABSENT.into(), format!("not known: {not_known}")),
    }
}

fn two_nn(known: &Known<TwoNnDimension>) -> Line {
    let (short, estimate) = told(known, |found| estimate(&found.dimension));
    let radius = known.found().map(|found| found.radius.q50);
    of_sample("TwoNN".into(), "TwoNN".into(), "the second neighbour", [short, estimate], radius)
}

fn levina_bickel(known: &Known<LevinaBickel>) -> Line {
    let (short, estimate) = told(known, |found| estimate(&found.dimension));
    let radius = known.found().and_then(|found| found.by_neighbours.last()).map(|last| last.radius.q50);
    let neighbours = known.found().map_or_else(String::new, |found| {
        format!(", k = {} to {}", found.neighbourhoods.from, found.neighbourhoods.to)
    });
    let estimator = format!("maximum likelihood{neighbours}");
    of_sample("MLE".into(), estimator, "the last neighbour", [short, estimate], radius)
}

fn local_pca(neighbours: usize, known: &Known<PcaDimension>) -> Line {
    let (short, estimate) = told(known, |found| {
        let Estimate { value, low, high } = found.mean;
        let (mean, whole) = (decimals(value), found.dimension);
        (mean.clone(), format!("{mean}{}, mean over points; most often {whole}", within(low, high)))
    });
    let estimator = format!("local PCA, 5 % of largest, k = {neighbours}");
    let radius = known.found().map(|found| found.radius.q50);
    of_sample(format!("PCA k={neighbours}"), estimator, "the last neighbour", [short, estimate], radius)
}

fn of_sample(
    column: String,
    estimator: String,
    scale: &str,
    [short, estimate]: [String; 2],
    radius: Option<f64>,
) -> Line {
    let radius = radius.map_or_else(String::new, |radius| format!(" ({}, median)", number(radius)));
    Line { column, short, estimator, estimate, scale: scale.into(), radius, on: String::new() }
}

fn scale_of(score: &OfScore) -> String {
    match &score.scale {
        Some(scale) => format!("sigma/m = {}, u = {}", number(scale.ratio), number(score.time)),
        None => format!("u = {}", number(score.time)),
    }
}

fn estimate(found: &Estimate) -> (String, String) {
    let value = decimals(found.value);
    (value.clone(), format!("{value}{}", within(found.low, found.high)))
}

fn within(low: f64, high: f64) -> String {
    format!(" (95 % interval {} to {})", decimals(low), decimals(high))
}

fn whole(interval: Option<&WholeInterval>) -> String {
    interval.map_or_else(
        || " (one point, no interval)".into(),
        |i| format!(" (95 % interval {} to {})", i.low, i.high),
    )
}

fn marked(dimension: usize, standing: Standing) -> String {
    match standing {
        Standing::Clear => dimension.to_string(),
        _ => format!("{dimension}?"),
    }
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Clear => "stands out",
        Standing::Unclear => "does not stand out, no dimension at this scale",
        Standing::Forced => "the only place there was",
        Standing::BelowNoise => "among directions below the noise, no dimension",
        Standing::MeanScore => "stands out, but as the mean score would make it",
    }
}

/// A dimension that need not be whole.
fn decimals(value: f64) -> String {
    if value.abs() < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}
