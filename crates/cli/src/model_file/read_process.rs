//! `[process]`: the noising process, its schedule, and the network's time.

use super::section::Section;
use super::tree::{Node, Value};
use crate::failure::Result;
use surefoot::process::{Clock, Family, Noising, Process, Schedule};
use toml::value::Table;

/// `[process]`, understood.
pub struct ProcessSpec {
    /// The process.
    pub process: Process,
    /// The network's time.
    pub clock: Clock,
    /// Model time at noise.
    pub start: f64,
    /// Model time at data.
    pub end: f64,
    /// With defaults.
    pub resolved: Table,
}

/// Reads `[process]`.
///
/// # Errors
/// Bad keys, values or combinations.
pub fn process(section: Section) -> Result<ProcessSpec> {
    let kinds = [
        ("flow", None),
        ("ou", Some(Family::Ou)),
        ("vp", Some(Family::Vp)),
        ("subvp", Some(Family::SubVp)),
        ("ve", Some(Family::Ve)),
    ];
    let Some(family) = section.choice("kind", &kinds, None)? else {
        let clock = clock(&section, "0..1")?;
        let resolved = section.finish()?;
        return Ok(ProcessSpec { process: Process::Flow, clock, start: 0.0, end: 1.0, resolved });
    };
    let schedule = schedule(&section, family)?;
    let noise_level = section.number_or("noise_level", 1.0, 0.0.., "a number ≥ 0")?;
    let bounded = matches!(schedule, Schedule::Cosine | Schedule::CosineNd);
    let (first, last) = if bounded { (0.9, 0.02) } else { (1.0, 0.001) };
    let start = section.number_or("start", first, 0.0..=1.0, "a time from 0 to 1")?;
    let end = section.number_or("end", last, 0.0..=1.0, "a time from 0 to 1")?;
    if end >= start {
        return Err(section.wrong("end", format!("less than start = {start}"), end.to_string()));
    }
    let clock = clock(&section, "1..0")?;
    let process = Process::Diffusion { noising: Noising { family, schedule }, noise_level };
    Ok(ProcessSpec { process, clock, start, end, resolved: section.finish()? })
}

fn schedule(section: &Section, family: Family) -> Result<Schedule> {
    #[derive(Clone, Copy)]
    enum Kind {
        Linear,
        Cosine,
        CosineNd,
        Geometric,
    }
    let node = Node { value: Value::Table(Vec::new()), place: section.place_of("schedule") };
    let inner = match section.section("schedule")? {
        Some(inner) => inner,
        None => Section::new("process.schedule", &node)?,
    };
    let usual = [("linear", Kind::Linear), ("cosine", Kind::Cosine), ("cosine-nd", Kind::CosineNd)];
    let positive =
        |key: &str, default: f64| inner.number_or(key, default, f64::MIN_POSITIVE.., "a number > 0");
    let kind = match family {
        Family::Ve => inner.choice("kind", &[("geometric", Kind::Geometric)], Some("geometric"))?,
        Family::Ou => inner.choice("kind", &usual, Some("cosine"))?,
        Family::Vp | Family::SubVp => inner.choice("kind", &usual, Some("linear"))?,
    };
    let schedule = match kind {
        Kind::Cosine => Schedule::Cosine,
        Kind::CosineNd => Schedule::CosineNd,
        Kind::Linear => {
            let (min, max) = (inner.number_or("min", 0.1, 0.0.., "a number ≥ 0")?, positive("max", 20.0)?);
            if max < min {
                return Err(inner.wrong("max", format!("at least min = {min}"), max.to_string()));
            }
            Schedule::Linear { min, max }
        }
        Kind::Geometric => {
            let (sigma_min, sigma_max) = (positive("sigma_min", 0.01)?, positive("sigma_max", 50.0)?);
            if sigma_max <= sigma_min {
                let expected = format!("more than sigma_min = {sigma_min}");
                return Err(inner.wrong("sigma_max", expected, sigma_max.to_string()));
            }
            Schedule::Geometric { sigma_min, sigma_max }
        }
    };
    section.record("schedule", inner.finish()?);
    Ok(schedule)
}

/// `time = "1000..0"`, at noise .. at data, or `"index:1000"`.
fn clock(section: &Section, default: &str) -> Result<Clock> {
    let text = section.text("time")?.unwrap_or_else(|| default.into());
    section.record("time", text.clone());
    let expected = "\"at noise..at data\" such as \"0..1\" or \"1000..0\", or \"index:1000\"";
    let wrong = || section.wrong("time", expected, format!("{text:?}"));
    if let Some(count) = text.strip_prefix("index:") {
        let count = count.trim().parse().ok().filter(|&count: &usize| count >= 1).ok_or_else(wrong)?;
        return Ok(Clock::Index { count });
    }
    let (noise, data) = text.split_once("..").ok_or_else(wrong)?;
    let number = |part: &str| part.trim().parse().ok().filter(|number: &f64| number.is_finite());
    match (number(noise), number(data)) {
        (Some(at_noise), Some(at_data)) if at_noise != at_data => Ok(Clock::Affine { at_noise, at_data }),
        _ => Err(wrong()),
    }
}
