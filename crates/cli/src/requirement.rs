//! `--require KEY>NUMBER`: conditions on `summary.json`, for use in continuous integration.

use crate::failure::{Failure, Result};
use serde_json::Value;

/// A condition on a number of `summary.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    text: String,
    key: String,
    relation: Relation,
    bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Relation {
    Above,
    AtLeast,
    Below,
    AtMost,
}

const RELATIONS: [(&str, Relation); 4] =
    [(">=", Relation::AtLeast), ("<=", Relation::AtMost), (">", Relation::Above), ("<", Relation::Below)];

/// Short names, and the sections of `summary.json`.
const SECTIONS: [&str; 16] = [
    "off",
    "footing",
    "distance",
    "schema",
    "provenance",
    "exponents",
    "alignment",
    "robustness",
    "support",
    "gains",
    "response",
    "likelihood",
    "support_classifier",
    "condition",
    "convergence",
    "verdict",
];

impl Requirement {
    /// Parses `KEY>NUMBER`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Requirement> {
        let wrong = || Failure::Value {
            place: "--require".into(),
            what: "condition".into(),
            expected: "KEY>NUMBER, KEY>=NUMBER, KEY<NUMBER or KEY<=NUMBER".into(),
            got: format!("{text:?}"),
            remedy: "For example --require 'footing>0.9'".into(),
        };
        let split = RELATIONS.iter().find_map(|(sign, relation)| {
            text.split_once(sign).map(|(key, bound)| (key.trim(), *relation, bound.trim()))
        });
        let (key, relation, bound) = split.filter(|(key, _, _)| !key.is_empty()).ok_or_else(wrong)?;
        let bound = bound.parse().ok().filter(|bound: &f64| bound.is_finite()).ok_or_else(wrong)?;
        let section = key.split('.').next().unwrap_or(key);
        if !SECTIONS.contains(&section) {
            return Err(Failure::Value {
                place: "--require".into(),
                what: "key".into(),
                expected: format!("one that begins with {}", SECTIONS.join(", ")),
                got: format!("{key:?}"),
                remedy: "Keys are those of summary.json, with dots between".into(),
            });
        }
        Ok(Requirement { text: text.into(), key: key.into(), relation, bound })
    }

    /// `None` when it holds, else what came instead.
    ///
    /// # Errors
    /// A key that the summary has not, or that is no number.
    pub fn unmet(&self, summary: &Value) -> Result<Option<String>> {
        let value = self.value(summary)?;
        let holds = match self.relation {
            Relation::Above => value > self.bound,
            Relation::AtLeast => value >= self.bound,
            Relation::Below => value < self.bound,
            Relation::AtMost => value <= self.bound,
        };
        Ok((!holds).then(|| format!("required {}, got {value}", self.text)))
    }

    /// The number behind the key; the least favourable one for the short names.
    fn value(&self, summary: &Value) -> Result<f64> {
        let robustness = |key: &str| {
            worst(summary["robustness"].as_array().into_iter().flatten().map(|entry| &entry[key]), f64::max)
        };
        let short = match self.key.as_str() {
            "footing" => worst(kinds(&summary["footing"]), f64::min),
            "off" => robustness("off_w1"),
            "distance" => robustness("distance_perturbed"),
            _ => None,
        };
        let found = || {
            self.key.split('.').try_fold(summary, |value, part| match part.parse::<usize>() {
                Ok(index) if value.is_array() => value.get(index),
                _ => value.get(part),
            })
        };
        short.or_else(|| found().and_then(number)).ok_or_else(|| Failure::Value {
            place: "--require".into(),
            what: self.key.clone(),
            expected: "a number or a distribution in summary.json".into(),
            got: found()
                .map_or_else(|| "no such key".into(), |value| format!("{value}").chars().take(80).collect()),
            remedy: format!("Keys: footing, off, distance, {}", keys(summary)),
        })
    }
}

/// A number, the median of a distribution, or 1 and 0 for true and false.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::Object(_) => value["q50"].as_f64(),
        _ => value.as_f64(),
    }
}

fn worst<'v>(values: impl Iterator<Item = &'v Value>, pick: fn(f64, f64) -> f64) -> Option<f64> {
    values.filter_map(number).reduce(pick)
}

/// The distributions in an object.
fn kinds(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_object().into_iter().flat_map(|object| object.values()).filter(|value| value.is_object())
}

fn keys(summary: &Value) -> String {
    let sections = summary.as_object().into_iter().flatten();
    let name = |(key, value): (&String, &Value)| match value {
        Value::Object(inner) => inner.keys().map(|name| format!("{key}.{name}")).collect::<Vec<_>>(),
        Value::Array(_) => vec![format!("{key}.0.…")],
        _ => vec![key.clone()],
    };
    sections.filter(|(key, _)| *key != "provenance").flat_map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Value {
        serde_json::json!({
            "exponents": { "qr": [{ "mean": 1.0, "q50": 2.0 }], "trace_defect": 1e-12 },
            "robustness": [{ "off_w1": 0.1 }, { "off_w1": 0.3 }],
            "footing": { "null": 0.7, "constant": { "q50": 0.95 }, "random": { "q50": 0.8 } },
            "verdict": { "robust": true },
        })
    }

    #[test]
    fn conditions_hold_or_not() {
        for (text, holds) in [
            ("footing>0.75", true),
            ("footing > 0.9", false),
            ("footing.constant>0.9", true),
            ("off<0.2", false),
            ("off<=0.3", true),
            ("robustness.0.off_w1<0.2", true),
            ("exponents.qr.0>=2", true),
            ("exponents.qr.0.mean>1", false),
            ("verdict.robust>=1", true),
        ] {
            let unmet = Requirement::parse(text).unwrap().unmet(&summary()).unwrap();
            assert_eq!(unmet.is_none(), holds, "{text}: {unmet:?}");
        }
    }

    #[test]
    fn sections_of_a_summary_are_known() {
        let run = crate::report::fixture::moons("otcfm", 50, 0.1);
        let summary = serde_json::to_value(run.input().summary).unwrap();
        for section in summary.as_object().unwrap().keys() {
            assert!(SECTIONS.contains(&section.as_str()), "{section}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["footing", ">1", "footing>", "footing>x", "footing>nan", "", "nope>1", "foot.ing>1"] {
            assert_eq!(Requirement::parse(text).unwrap_err().exit_code(), 2, "{text}");
        }
        for text in ["gains.normal<1", "exponents.qr>0", "exponents.qr.7>0"] {
            let error = Requirement::parse(text).unwrap().unmet(&summary()).unwrap_err();
            assert!(error.to_string().contains("footing, off"), "{error}");
        }
    }
}
