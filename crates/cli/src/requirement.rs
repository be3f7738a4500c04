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
const SECTIONS: [&str; 20] = [
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
    "learning_errors",
    "response",
    "likelihood",
    "support_classifier",
    "dimension",
    "moved",
    "condition",
    "not_computed",
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
        if let Some(nothing) = self.of_nothing(summary) {
            return Ok(Some(format!("required {}, but {nothing}", self.text)));
        }
        let value = self.value(summary)?;
        let holds = match self.relation {
            Relation::Above => value > self.bound,
            Relation::AtLeast => value >= self.bound,
            Relation::Below => value < self.bound,
            Relation::AtMost => value <= self.bound,
        };
        Ok((!holds).then(|| format!("required {}, got {value}", self.text)))
    }

    /// Why a figure that was computed has no value: nothing there was to have one.
    fn of_nothing(&self, summary: &Value) -> Option<&'static str> {
        let names = |what: &str| self.key == what || self.key.starts_with(&format!("{what}."));
        let missing = |section: &str, key: &str| {
            summary[section].is_object()
                && summary[section].get(key).is_none()
                && names(&format!("{section}.{key}"))
        };
        if missing("condition", "t_star") || missing("condition", "delta") {
            return Some("no path meets the condition");
        }
        let order = summary["response"].is_object()
            && names("response.finite_difference_order")
            && self.found(summary).is_none();
        order.then_some("no two differences stand above rounding there")
    }

    fn found<'v>(&self, summary: &'v Value) -> Option<&'v Value> {
        self.key.split('.').try_fold(summary, |value, part| match part.parse::<usize>() {
            Ok(index) if value.is_array() => value.get(index),
            _ => value.get(part),
        })
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
        let found = || self.found(summary);
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
    fn what_nothing_meets_is_unmet() {
        let unmet = |text: &str, summary: &Value| Requirement::parse(text).unwrap().unmet(summary);
        let examined = serde_json::json!({ "condition": { "satisfied": 0.0, "paths": 64 } });
        for text in ["condition.t_star>0", "condition.delta>=0.1", "condition.t_star.q05<100"] {
            let why = unmet(text, &examined).unwrap().unwrap();
            assert!(why.contains(text) && why.contains("no path meets the condition"), "{why}");
        }
        // Not examined at all, or no such key, is bad input.
        assert!(unmet("condition.t_star>0", &summary()).is_err());
        assert!(unmet("condition.t_starry>0", &examined).is_err());
        let met = serde_json::json!({ "condition": { "t_star": { "q50": 12.0 } } });
        assert_eq!(unmet("condition.t_star>10", &met).unwrap(), None);
        let responses =
            serde_json::json!({ "response": { "finite_difference_order": { "random": { "x0": 2.0 } } } });
        assert_eq!(unmet("response.finite_difference_order.random.x0>1.9", &responses).unwrap(), None);
        let rounding = unmet("response.finite_difference_order.random.x1>1.9", &responses).unwrap().unwrap();
        assert!(rounding.contains("rounding"), "{rounding}");
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
