//! `--sweep SETTING=V1,V2,…`: which key of the model file takes which values.

use crate::failure::{Failure, Result};
use crate::model_file::{Override, Value, suggestion, value_of};

/// Short names and the keys they stand for.
const SHORT: [(&str, &str); 13] = [
    ("noise-level", "process.noise_level"),
    ("steps", "sampler.steps"),
    ("method", "sampler.method"),
    ("corrector", "sampler.corrector"),
    ("spacing", "sampler.spacing"),
    ("rho", "sampler.rho"),
    ("process", "process.kind"),
    ("start", "process.start"),
    ("end", "process.end"),
    ("schedule", "process.schedule"),
    ("bandwidth", "field.bandwidth"),
    ("label", "field.label"),
    ("guidance", "field.guidance"),
];

/// Most values of a sweep.
const MOST_VALUES: usize = 100;

/// A setting and its values.
#[derive(Debug, Clone)]
pub struct Setting {
    /// As typed.
    pub name: String,
    /// Dotted key of the model file.
    pub key: String,
    /// Its values, in the order typed.
    pub values: Vec<Entry>,
}

/// One value of a setting.
#[derive(Debug, Clone)]
pub struct Entry {
    /// As typed.
    pub text: String,
    /// As a number, where it is one.
    pub number: Option<f64>,
}

impl Setting {
    /// Parses `SETTING=V1,V2,…`.
    ///
    /// # Errors
    /// An unknown setting, no values, or a value twice.
    pub fn parse(text: &str) -> Result<Setting> {
        let wrong = |what: &str, expected: &str, got: String, remedy: String| Failure::Value {
            place: "--sweep".into(),
            what: what.into(),
            expected: expected.into(),
            got,
            remedy,
        };
        let example = || "For example --sweep noise-level=0,0.5,1".to_string();
        let split = text.split_once('=').map(|(name, values)| (name.trim(), values.trim()));
        let Some((name, values)) = split.filter(|(name, values)| !name.is_empty() && !values.is_empty())
        else {
            return Err(wrong("setting", "SETTING=V1,V2,…", format!("{text:?}"), example()));
        };
        let short = SHORT.iter().find(|(short, _)| *short == name).map(|(_, key)| key.to_string());
        let Some(key) = short.or_else(|| name.contains('.').then(|| name.to_string())) else {
            let names = SHORT.map(|(short, _)| short);
            let expected = format!("{}, or a dotted key of the model file", names.join(", "));
            return Err(wrong(
                "setting",
                &expected,
                format!("{name:?}"),
                suggestion(name, names.into_iter()),
            ));
        };
        let texts = parts(values);
        if texts.len() > MOST_VALUES || texts.iter().any(String::is_empty) {
            let expected = format!("1 to {MOST_VALUES} values");
            return Err(wrong(name, &expected, format!("{values:?}"), example()));
        }
        if let Some(twice) = texts.iter().enumerate().find(|(i, text)| texts[..*i].contains(text)) {
            return Err(wrong(name, "every value once", twice.1.clone(), "Leave one of them out".into()));
        }
        let entry = |text: String| {
            let number = match value_of(&text) {
                Value::Integer(number) => Some(number as f64),
                Value::Float(number) if number.is_finite() => Some(number),
                _ => None,
            };
            Entry { text, number }
        };
        Ok(Setting { name: name.into(), key, values: texts.into_iter().map(entry).collect() })
    }

    /// The model file's setting with this value.
    pub fn with(&self, entry: &Entry) -> Override {
        let option = format!("--sweep {}={}", self.name, entry.text);
        Override { key: self.key.clone(), value: value_of(&entry.text), option }
    }

    /// "noise-level = 0.5".
    pub fn label(&self, entry: &Entry) -> String {
        format!("{} = {}", self.name, entry.text)
    }

    /// A folder name for a value.
    pub fn folder(&self, entry: &Entry) -> String {
        let safe = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        format!(
            "{}={}",
            self.name.chars().map(safe).collect::<String>(),
            entry.text.chars().map(safe).collect::<String>()
        )
    }
}

/// Splits at commas that are not inside brackets, braces or quotes.
fn parts(values: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quoted) = (vec![String::new()], 0_i32, false);
    for c in values.chars() {
        match c {
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth -= 1,
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if c != ',' || depth > 0 || quoted => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts.into_iter().map(|part| part.trim().to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_are_settings() {
        let setting = Setting::parse("noise-level=0, 0.25 ,1").unwrap();
        assert_eq!(setting.key, "process.noise_level");
        assert_eq!(setting.values.iter().map(|v| v.number.unwrap()).collect::<Vec<_>>(), [0.0, 0.25, 1.0]);
        assert_eq!(setting.folder(&setting.values[1]), "noise-level=0.25");
        let setting =
            Setting::parse("process.schedule={ kind = \"cosine\" },{ kind = \"linear\", max = 9 }").unwrap();
        assert_eq!(setting.values.len(), 2);
        assert!(setting.values.iter().all(|value| value.number.is_none()));
        for (text, key) in [
            ("method=euler,heun", "sampler.method"),
            ("guidance=0,1,3", "field.guidance"),
            ("label=0,1", "field.label"),
        ] {
            assert_eq!(Setting::parse(text).unwrap().key, key);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "steps", "steps=", "=1,2", "stpes=1,2", "steps=1,,2", "steps=1,2,1"] {
            assert_eq!(Setting::parse(text).unwrap_err().exit_code(), 2, "{text}");
        }
        assert!(Setting::parse("stpes=1,2").unwrap_err().to_string().contains("`steps`"));
    }
}
