//! Scales: from numbers to positions, with ticks at round numbers.

use crate::report::text::{minus, superscript};

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where.
    pub value: f64,
    /// What stands there; empty for a minor tick.
    pub label: String,
}

/// How numbers are laid out along an axis. Both ends are finite, `low < high`, and positive on a log scale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// Equal steps for equal differences.
    Linear {
        /// Left or lower end.
        low: f64,
        /// Right or upper end.
        high: f64,
    },
    /// Equal steps for equal ratios.
    Log {
        /// Left or lower end.
        low: f64,
        /// Right or upper end.
        high: f64,
    },
}

impl Scale {
    /// From `low` to `high`; an empty or non-finite range is widened to a usable one.
    pub fn linear(low: f64, high: f64) -> Scale {
        let (low, high) = ordered(low, high).unwrap_or((0.0, 1.0));
        if high - low > 1e-9 * low.abs().max(high.abs()) && high - low > f64::MIN_POSITIVE {
            return Scale::Linear { low, high };
        }
        let half = if low == 0.0 { 0.5 } else { 0.1 * low.abs() };
        Scale::Linear { low: low - half, high: high + half }
    }

    /// Covers all finite values, padded by a share of the range and, if asked, reaching zero.
    pub fn covering(values: impl IntoIterator<Item = f64>, from_zero: bool) -> Scale {
        let (low, high) = range(values).unwrap_or((0.0, 1.0));
        if from_zero {
            return Scale::linear(low.min(0.0) * 1.06, high.max(0.0) * 1.06);
        }
        let pad = 0.05 * (high - low);
        Scale::linear(low - pad, high + pad)
    }

    /// From `low` to `high` on a log axis; falls back to one decade below `high` when `low` is not positive.
    pub fn log(low: f64, high: f64) -> Scale {
        let (low, high) = ordered(low, high).unwrap_or((0.1, 1.0));
        let high = if high > 0.0 { high } else { 1.0 };
        let (high, low) = (high.max(1e-290), if low > 1e-300 { low } else { 0.1 * high.max(1e-290) });
        if high / low > 1.0 + 1e-9 {
            return Scale::Log { low, high };
        }
        Scale::Log { low: low / 2.0, high: high * 2.0 }
    }

    /// Position of `value` as a share of the axis: 0 at `low`, 1 at `high`; `None` where it has no place.
    pub fn fraction(&self, value: f64) -> Option<f64> {
        let share = match *self {
            Scale::Linear { low, high } => (value - low) / (high - low),
            Scale::Log { low, high } => (value / low).ln() / (high / low).ln(),
        };
        share.is_finite().then_some(share)
    }

    /// Both ends.
    pub fn ends(&self) -> (f64, f64) {
        match *self {
            Scale::Linear { low, high } | Scale::Log { low, high } => (low, high),
        }
    }

    /// About `target` ticks, all inside the scale, ascending.
    pub fn ticks(&self, target: usize) -> Vec<Tick> {
        match *self {
            Scale::Linear { low, high } => linear_ticks(low, high, target.max(2)),
            Scale::Log { low, high } => log_ticks(low, high, target.max(2)),
        }
    }
}

/// Smallest and largest finite value.
pub fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |ends, v| match ends {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

fn ordered(a: f64, b: f64) -> Option<(f64, f64)> {
    let usable = |v: f64| v.is_finite() && v.abs() < 1e300;
    (usable(a) && usable(b)).then(|| (a.min(b), a.max(b)))
}

/// 1, 2 or 5 times a power of ten, such that about `target` steps cover `span`.
fn nice_step(span: f64, target: usize) -> f64 {
    let raw = span / target as f64;
    let power = 10f64.powf(raw.log10().floor());
    let lead = raw / power;
    let factor = match lead {
        l if l <= 1.0 + 1e-9 => 1.0,
        l if l <= 2.0 + 1e-9 => 2.0,
        l if l <= 5.0 + 1e-9 => 5.0,
        _ => 10.0,
    };
    factor * power
}

fn linear_ticks(low: f64, high: f64, target: usize) -> Vec<Tick> {
    let step = nice_step(high - low, target);
    let slack = 1e-9 * (high - low);
    let first = ((low - slack) / step).ceil();
    let count = ((high + slack) / step).floor() - first + 1.0;
    let values: Vec<f64> = (0..count.clamp(0.0, 64.0) as usize)
        .map(|i| (first + i as f64) * step)
        .map(|v| if v.abs() < slack { 0.0 } else { v.clamp(low, high) })
        .collect();
    let largest = low.abs().max(high.abs());
    values.into_iter().map(|value| Tick { value, label: linear_label(value, step, largest) }).collect()
}

fn linear_label(value: f64, step: f64, largest: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if (1e-3..1e5).contains(&largest) {
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        return minus(format!("{value:.decimals$}"));
    }
    let digits = (value.abs().log10().floor() - step.log10().floor()).clamp(0.0, 15.0) as usize;
    let text = format!("{value:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let mantissa =
        if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    minus(format!("{mantissa}×10{}", superscript(exponent.parse().unwrap_or(0))))
}

/// Powers of ten, thinned out if there are many; within two decades also 2 and 5 times them.
fn log_ticks(low: f64, high: f64, target: usize) -> Vec<Tick> {
    let (from, to) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let decades = (high / low).log10();
    let every = ((decades / target as f64).ceil() as i32).max(1);
    let inside = |v: f64| v >= low * (1.0 - 1e-9) && v <= high * (1.0 + 1e-9);
    let mut ticks = Vec::new();
    for exponent in from..=to {
        for lead in 1..10 {
            let value = lead as f64 * 10f64.powi(exponent);
            if !inside(value) {
                continue;
            }
            let labelled = match lead {
                1 => exponent.rem_euclid(every) == 0,
                2 | 5 => decades < 2.0,
                _ => decades < 0.6,
            };
            if labelled {
                ticks.push(Tick { value, label: log_label(lead, exponent) });
            } else if decades <= 3.0 || lead == 1 {
                ticks.push(Tick { value, label: String::new() });
            }
        }
    }
    ticks
}

fn log_label(lead: i32, exponent: i32) -> String {
    if (-3..4).contains(&exponent) {
        let decimals = (-exponent).max(0) as usize;
        return format!("{:.decimals$}", lead as f64 * 10f64.powi(exponent));
    }
    let power = format!("10{}", superscript(exponent));
    if lead == 1 { power } else { format!("{lead}×{power}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        let labels: Vec<String> =
            Scale::linear(-1.2, 2.3).ticks(5).into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["−1", "0", "1", "2"]);
        let labels: Vec<String> =
            Scale::linear(0.0, 0.25).ticks(5).into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["0", "0.05", "0.10", "0.15", "0.20", "0.25"]);
        let log: Vec<String> = Scale::log(1e-5, 1.0)
            .ticks(6)
            .into_iter()
            .filter(|tick| !tick.label.is_empty())
            .map(|tick| tick.label)
            .collect();
        assert_eq!(log, ["10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1"]);
    }

    #[test]
    fn degenerate_ranges_become_usable() {
        for (low, high) in [(0.0, 0.0), (3.0, 3.0), (f64::NAN, 1.0), (f64::INFINITY, 0.0), (-1e-320, 1e-320)]
        {
            for scale in [Scale::linear(low, high), Scale::log(low, high)] {
                let (a, b) = scale.ends();
                assert!(a < b && a.is_finite() && b.is_finite(), "{scale:?}");
                assert!(!scale.ticks(5).is_empty(), "{scale:?}");
            }
        }
    }

    /// Irregular numbers in 0 … 1, the same every time.
    fn scattered(count: usize) -> impl Iterator<Item = f64> {
        (1..=count).map(|i| (i as f64 * 0.618_033_988_749_894_9).fract())
    }

    #[test]
    fn linear_ticks_are_inside_ascending_distinct_and_few() {
        for (i, share) in scattered(4000).enumerate() {
            let target = 2 + i % 7;
            let low = 1e6 * (2.0 * (share * 57.0).fract() - 1.0);
            let scale = Scale::linear(low, low + 10f64.powf(-5.0 + 12.0 * share));
            let (a, b) = scale.ends();
            let ticks = scale.ticks(target);
            assert!(ticks.len() >= target / 3 && ticks.len() <= 2 * target + 1, "{scale:?} {ticks:?}");
            assert!(ticks.iter().all(|tick| tick.value >= a && tick.value <= b), "{scale:?} {ticks:?}");
            for pair in ticks.windows(2) {
                assert!(pair[0].value < pair[1].value, "{scale:?} {ticks:?}");
                assert!(pair[0].label != pair[1].label, "{scale:?} {ticks:?}");
            }
        }
    }

    #[test]
    fn log_ticks_are_inside_ascending_and_labelled() {
        for (i, share) in scattered(4000).enumerate() {
            let low = 10f64.powf(-12.0 + 18.0 * (share * 91.0).fract());
            let scale = Scale::log(low, low * 10f64.powf(0.35 + 18.0 * share));
            let ticks = scale.ticks(3 + i % 6);
            assert!(ticks.iter().any(|tick| !tick.label.is_empty()), "{scale:?} {ticks:?}");
            let inside = |tick: &Tick| (-1e-6..=1.0 + 1e-6).contains(&scale.fraction(tick.value).unwrap());
            assert!(ticks.iter().all(inside), "{scale:?} {ticks:?}");
            assert!(ticks.windows(2).all(|pair| pair[0].value < pair[1].value), "{scale:?} {ticks:?}");
        }
    }

    #[test]
    fn fractions_run_from_zero_to_one() {
        let scale = Scale::linear(-2.0, 6.0);
        assert_eq!(scale.fraction(-2.0), Some(0.0));
        assert_eq!(scale.fraction(0.0), Some(0.25));
        assert_eq!(scale.fraction(f64::NAN), None);
        let scale = Scale::log(0.01, 100.0);
        assert!((scale.fraction(1.0).unwrap() - 0.5).abs() < 1e-15);
        assert_eq!(scale.fraction(0.0), None);
        assert_eq!(scale.fraction(-1.0), None);
    }
}
