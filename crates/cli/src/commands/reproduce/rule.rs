//! From parts that hold, fail, or cannot be told from so few samples, to the answer of a claim.

use crate::report::Answer;
use surefoot::statistics::Estimate;

/// Most samples that are named as a remedy.
const MOST: f64 = 1e7;

/// One part of a claim, held against its bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which part.
    pub name: String,
    /// Whether it holds; `None` where the interval covers the bound.
    pub holds: Option<bool>,
    /// Samples with which the interval would just clear the bound, for parts that cannot be told.
    pub needed: Option<f64>,
}

impl Part {
    /// Whether a figure of n samples lies below a bound, interval and all.
    pub fn below(name: impl Into<String>, found: Option<Estimate>, bound: f64, n: usize) -> Part {
        Part::of(name, found, |e| (e.high < bound, e.low >= bound), bound, n)
    }

    /// … above.
    pub fn above(name: impl Into<String>, found: Option<Estimate>, bound: f64, n: usize) -> Part {
        Part::of(name, found, |e| (e.low > bound, e.high <= bound), bound, n)
    }

    fn of(
        name: impl Into<String>,
        found: Option<Estimate>,
        side: impl Fn(&Estimate) -> (bool, bool),
        bound: f64,
        n: usize,
    ) -> Part {
        let name = name.into();
        let Some(found) = found else { return Part { name, holds: None, needed: None } };
        match side(&found) {
            (true, _) => Part { name, holds: Some(true), needed: None },
            (_, true) => Part { name, holds: Some(false), needed: None },
            _ => {
                let width =
                    if bound > found.value { found.high - found.value } else { found.value - found.low };
                Part { name, holds: None, needed: needed(n, width, (found.value - bound).abs()) }
            }
        }
    }

    /// Whether the first figure lies below the second, intervals apart, both of n samples.
    pub fn apart(name: impl Into<String>, first: Estimate, second: Estimate, n: usize) -> Part {
        let (name, widths) = (name.into(), (first.high - first.low + second.high - second.low) / 2.0);
        let holds = match () {
            () if n < 2 => None,
            () if first.high < second.low => Some(true),
            () if first.low > second.high => Some(false),
            () => None,
        };
        let gap = (first.value - second.value).abs();
        Part { name, holds, needed: needed(n, widths, gap).filter(|_| holds.is_none()) }
    }

    /// Both at once.
    pub fn and(self, other: Part) -> Part {
        let holds = match (self.holds, other.holds) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        let needed = self.needed.into_iter().chain(other.needed).reduce(f64::max);
        Part { name: self.name, holds, needed: needed.filter(|_| holds.is_none()) }
    }
}

/// Intervals shrink as 1/√n.
fn needed(n: usize, width: f64, gap: f64) -> Option<f64> {
    let samples = n as f64 * (width / gap).powi(2);
    (samples.is_finite() && samples > n as f64).then_some(samples)
}

/// An answer and the sentence behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruling {
    pub answer: Answer,
    pub why: String,
}

/// A claim that holds if all parts do, and partly if some do.
pub fn all_or_some(rule: &str, parts: &[Part]) -> Ruling {
    let count = |wanted| parts.iter().filter(|part| part.holds == wanted).count();
    let answer = match (count(Some(true)), count(Some(false)), count(None)) {
        (_, 0, 0) => Answer::Holds,
        (0, _, 0) => Answer::Not,
        (0, _, _) | (_, 0, _) => Answer::CannotTell,
        _ => Answer::Partly,
    };
    Ruling { answer, why: explained(rule, parts) }
}

/// A claim that holds if all of `strict` do, and partly if all of `weak` do.
pub fn strict_or_weak(rule: &str, strict: &[Part], weak: &[Part]) -> Ruling {
    let any = |parts: &[Part], wanted| parts.iter().any(|part| part.holds == wanted);
    let answer = match () {
        () if any(weak, Some(false)) => Answer::Not,
        () if any(strict, Some(false)) && any(weak, None) => Answer::CannotTell,
        () if any(strict, Some(false)) => Answer::Partly,
        () if any(strict, None) => Answer::CannotTell,
        () => Answer::Holds,
    };
    Ruling { answer, why: explained(rule, strict) }
}

/// What fails the rule, what cannot be told, and the rule.
fn explained(rule: &str, parts: &[Part]) -> String {
    let names = |wanted: Option<bool>| {
        let of = parts.iter().filter(|part| part.holds == wanted).map(|part| part.name.as_str());
        of.collect::<Vec<_>>().join("; ")
    };
    let mut text = String::new();
    if parts.iter().any(|part| part.holds == Some(false)) {
        text.push_str(&format!("Fails for {}. ", names(Some(false))));
    }
    if parts.iter().any(|part| part.holds.is_none()) {
        text.push_str(&format!("Cannot be told for {}: the interval covers the bound; ", names(None)));
        let most = parts.iter().filter_map(|part| part.needed).fold(0.0, f64::max);
        text.push_str(&match most {
            most if most > MOST => "the two are too close for any run of reasonable size. ".into(),
            most if most > 0.0 => {
                format!("about {} paths would tell (-n, or leave out --quick). ", rounded(most))
            }
            _ => "more paths would tell (-n, or leave out --quick). ".into(),
        });
    }
    format!("{text}Rule: {rule}")
}

/// To two digits, upwards.
fn rounded(samples: f64) -> u64 {
    let unit = 10f64.powf((samples.log10().floor() - 1.0).max(0.0));
    ((samples / unit).ceil() * unit) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(low: f64, value: f64, high: f64) -> Estimate {
        Estimate { value, low, high }
    }

    fn part(holds: Option<bool>) -> Part {
        Part { name: format!("{holds:?}"), holds, needed: None }
    }

    #[test]
    fn intervals_decide_or_leave_open() {
        let below = |low, value, high| Part::below("p", Some(estimate(low, value, high)), 0.25, 500).holds;
        assert_eq!(below(0.1, 0.2, 0.24), Some(true));
        assert_eq!(below(0.26, 0.3, 0.4), Some(false));
        assert_eq!(below(0.1, 0.2, 0.3), None);
        assert_eq!(Part::below("p", None, 0.25, 1).holds, None, "one sample has no interval");
        let above = |low, value, high| Part::above("p", Some(estimate(low, value, high)), 0.99, 500).holds;
        assert_eq!(above(0.991, 0.995, 1.0), Some(true));
        assert_eq!(above(0.9, 0.95, 0.98), Some(false));
        assert_eq!(above(0.98, 0.995, 1.0), None);
        // Half the way to the bound with twice that width: (2)² times as many.
        let open = Part::below("p", Some(estimate(0.1, 0.2, 0.3)), 0.25, 500);
        assert!((open.needed.unwrap() - 2000.0).abs() < 1e-6);
        let apart = |a, b| Part::apart("p", a, b, 500);
        assert_eq!(apart(estimate(0.1, 0.2, 0.3), estimate(0.31, 0.4, 0.5)).holds, Some(true));
        assert_eq!(apart(estimate(0.31, 0.4, 0.5), estimate(0.1, 0.2, 0.3)).holds, Some(false));
        let overlapping = apart(estimate(0.1, 0.2, 0.3), estimate(0.2, 0.3, 0.4));
        assert_eq!(overlapping.holds, None);
        assert!((overlapping.needed.unwrap() - 2000.0).abs() < 1e-6);
    }

    #[test]
    fn answers_follow_from_parts() {
        let (yes, no, open) = (part(Some(true)), part(Some(false)), part(None));
        let of = |parts: &[&Part]| {
            all_or_some("rule", &parts.iter().map(|p| (*p).clone()).collect::<Vec<_>>()).answer
        };
        assert_eq!(of(&[&yes, &yes]), Answer::Holds);
        assert_eq!(of(&[&yes, &no, &open]), Answer::Partly);
        assert_eq!(of(&[&no, &no]), Answer::Not);
        assert_eq!(of(&[&yes, &open]), Answer::CannotTell);
        assert_eq!(of(&[&no, &open]), Answer::CannotTell);
        let two = |strict: &Part, weak: &Part| {
            strict_or_weak("rule", std::slice::from_ref(strict), std::slice::from_ref(weak)).answer
        };
        assert_eq!(two(&yes, &yes), Answer::Holds);
        assert_eq!(two(&no, &yes), Answer::Partly);
        assert_eq!(two(&no, &no), Answer::Not);
        assert_eq!(two(&open, &yes), Answer::CannotTell);
        assert_eq!(two(&no, &open), Answer::CannotTell);
        assert_eq!(yes.clone().and(open.clone()).holds, None);
        assert_eq!(no.clone().and(open).holds, Some(false));
    }

    #[test]
    fn what_failed_is_named() {
        let failed = Part { name: "ODE, qr".into(), holds: Some(false), needed: None };
        let open = Part { name: "SDE, svd".into(), holds: None, needed: Some(3417.0) };
        let why = all_or_some("holds: rule", &[failed, open]).why;
        assert!(why.contains("Fails for ODE, qr.") && why.contains("Cannot be told for SDE, svd"), "{why}");
        assert!(why.contains("about 3500 paths"), "{why}");
        let never = Part { name: "p".into(), holds: None, needed: Some(1e12) };
        assert!(all_or_some("rule", &[never]).why.contains("too close"));
    }
}
