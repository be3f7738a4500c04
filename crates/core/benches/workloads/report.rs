//! What was measured, as text: a line on the terminal, a table in `BENCHMARKS.md`.

use crate::Failure;
use std::fmt::Write;
use std::path::Path;

/// One workload, measured.
pub struct Measured {
    /// Its name, as in `bench/README.md`.
    pub name: &'static str,
    /// Seconds of our runs.
    pub ours: Vec<f64>,
    /// 10⁹ floating-point operations of a run; 0 where they are not counted.
    pub gflop: f64,
    /// The rival, if there was one.
    pub against: Option<Against>,
}

/// The rival's part of a workload.
pub struct Against {
    /// The job that was fastest.
    pub job: String,
    /// Seconds of its runs, each next to ours of the same index.
    pub seconds: Vec<f64>,
    /// Every job that was tried, with the seconds of its best trial run.
    pub tried: Vec<(String, f64)>,
    /// Median |Δx| of the end states.
    pub state_difference: f64,
    /// Median |Δ Σ log R| over the samples.
    pub growth_difference: f64,
    /// What `state_difference` must stay below.
    pub tolerance: f64,
}

/// The machine and its limits.
pub struct Machine {
    /// Processor, logical cores, widest vector extension.
    pub processor: String,
    /// Versions of the rivals' libraries.
    pub versions: String,
    /// Seconds of 2048³ matrix products in f32, by job.
    pub gemm: Vec<(String, Vec<f64>)>,
    /// One-minute load averages before and after.
    pub load: [f64; 2],
}

const GEMM_GFLOP: f64 = 2.0 * 2048.0 * 2048.0 * 2048.0 * 1e-9;

impl Machine {
    /// GFLOP/s of the fastest matrix product seen, 0 if none was timed.
    pub fn peak(&self) -> f64 {
        let best = self.gemm.iter().flat_map(|(_, s)| s).copied().fold(f64::INFINITY, f64::min);
        GEMM_GFLOP / best
    }
}

impl Measured {
    /// GFLOP/s of the fastest run, as the peak is that of the fastest product.
    fn best(&self) -> f64 {
        self.gflop / self.ours.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

impl Against {
    /// Whether both sides computed the same.
    pub fn agrees(&self) -> bool {
        self.state_difference < self.tolerance
    }
}

/// Median; the mean of the middle two for an even number.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

/// Rival's seconds over ours, pair by pair.
fn ratios(measured: &Measured, against: &Against) -> Vec<f64> {
    measured.ours.iter().zip(&against.seconds).map(|(ours, theirs)| theirs / ours).collect()
}

/// The workload in a few lines for the terminal.
pub fn terminal(measured: &Measured, machine: Option<&Machine>) -> String {
    let ours = median(&measured.ours);
    let mut text = format!("{:4} ours {ours:.3} s", measured.name);
    if measured.gflop > 0.0 {
        write!(text, ", best {:.0} GFLOP/s", measured.best()).expect("writing to a string");
    }
    if let (true, Some(machine)) = (measured.gflop > 0.0, machine) {
        write!(text, " ({:.0} % of peak)", 100.0 * measured.best() / machine.peak())
            .expect("writing to a string");
    }
    if let Some(against) = &measured.against {
        let pairs: Vec<String> = ratios(measured, against).iter().map(|r| format!("{r:.2}")).collect();
        write!(
            text,
            "\n     {} {:.3} s; ratios {}; median {:.2}\n     median |Δx| {:.1e} (limit {:.0e}), median |Δ Σ log R| {:.1e}",
            against.job,
            median(&against.seconds),
            pairs.join(" "),
            median(&ratios(measured, against)),
            against.state_difference,
            against.tolerance,
            against.growth_difference,
        )
        .expect("writing to a string");
    }
    text
}

/// The part of `BENCHMARKS.md` that a run replaces.
pub fn page(machine: &Machine, all: &[Measured]) -> String {
    let mut text = format!("Machine: {}. {}.\n", machine.processor, machine.versions);
    let gemm: Vec<String> = machine
        .gemm
        .iter()
        .map(|(job, s)| format!("{job} {:.0}", GEMM_GFLOP / s.iter().copied().fold(f64::INFINITY, f64::min)))
        .collect();
    let line = format!(
        "\nLimit: 2048³ matrix products in f32, best run, GFLOP/s: {}. The faster of the two is the peak below.\n\
         Load average (one minute) before {:.2}, after {:.2}.\n\n",
        gemm.join(", "),
        machine.load[0],
        machine.load[1]
    );
    text.push_str(&line);
    text.push_str("| workload | surefoot s | rival s | rival | ratio (median of pairs) | ratios | GFLOP/s (best run) | of peak | median \\|Δx\\| |\n");
    text.push_str("|---|---|---|---|---|---|---|---|---|\n");
    for measured in all {
        text.push_str(&row(machine, measured));
    }
    text.push_str("\nEvery variant tried (best of its trial runs, seconds): ");
    let tried: Vec<String> = all
        .iter()
        .filter_map(|m| m.against.as_ref())
        .flat_map(|a| &a.tried)
        .map(|(job, seconds)| format!("{job} {seconds:.3}"))
        .collect();
    text.push_str(&tried.join(", "));
    text.push_str(".\n");
    text
}

fn row(machine: &Machine, measured: &Measured) -> String {
    let Some(against) = &measured.against else { return String::new() };
    let ours = median(&measured.ours);
    let pairs = ratios(measured, against);
    let low = pairs.iter().copied().fold(f64::INFINITY, f64::min);
    let high = pairs.iter().copied().fold(0.0, f64::max);
    let (speed, share) = if measured.gflop > 0.0 {
        let speed = measured.best();
        (format!("{speed:.0}"), format!("{:.0} %", 100.0 * speed / machine.peak()))
    } else {
        ("–".to_string(), "–".to_string())
    };
    format!(
        "| {} | {ours:.3} | {:.3} | {} | **{:.2}** | {low:.2} … {high:.2} ({} pairs) | {speed} | {share} | {:.1e} |\n",
        measured.name,
        median(&against.seconds),
        against.job,
        median(&pairs),
        pairs.len(),
        against.state_difference,
    )
}

/// Puts `measured` between the two marks of the page, leaving the rest of it as it is.
pub fn write_page(file: &Path, measured: &str) -> Result<(), Failure> {
    const MARKS: [&str; 2] = ["<!-- measured: begin -->\n", "<!-- measured: end -->"];
    let page = std::fs::read_to_string(file)?;
    let begin = page.find(MARKS[0]).ok_or("BENCHMARKS.md has lost its begin mark")? + MARKS[0].len();
    let end = page.find(MARKS[1]).ok_or("BENCHMARKS.md has lost its end mark")?;
    std::fs::write(file, format!("{}{measured}{}", &page[..begin], &page[end..]))?;
    Ok(())
}
