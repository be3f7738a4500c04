//! A table of a model file being read: every key is asked for by name, type and range, defaults are filled in, and
//! keys that nobody asked for are refused. What was read is recorded, which gives the fully resolved file.

use super::tree::{Node, Place, Value};
use crate::failure::{Failure, Result};
use std::cell::RefCell;
use std::ops::RangeBounds;
use toml::value::Table;

/// A table being read.
pub struct Section<'a> {
    /// Dotted name, "" at the top.
    name: String,
    place: Place,
    entries: &'a [(String, Node)],
    known: RefCell<Vec<String>>,
    resolved: RefCell<Table>,
}

impl<'a> Section<'a> {
    /// The table `node`, called `name`.
    ///
    /// # Errors
    /// When it is not a table.
    pub fn new(name: &str, node: &'a Node) -> Result<Section<'a>> {
        let Value::Table(entries) = &node.value else {
            return Err(wrong(&node.place, name, "a table", &node.value.describe()));
        };
        Ok(Section {
            name: name.into(),
            place: node.place.clone(),
            entries,
            known: RefCell::default(),
            resolved: RefCell::default(),
        })
    }

    /// Where `key` was written, or the table that should hold it.
    pub fn place_of(&self, key: &str) -> Place {
        self.raw(key).map_or_else(|| self.place.clone(), |node| node.place.clone())
    }

    /// Dotted name of a key.
    pub fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.into() } else { format!("{}.{key}", self.name) }
    }

    /// Whether the key is there, without reading it.
    pub fn has(&self, key: &str) -> bool {
        self.raw(key).is_some()
    }

    fn raw(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// The whole table without places; all its keys are known thereby.
    pub fn plain(&self) -> Table {
        let known = self.entries.iter().map(|(key, _)| key.clone());
        self.known.borrow_mut().extend(known);
        self.entries.iter().map(|(key, node)| (key.clone(), node.value.plain())).collect()
    }

    /// The node under a key, which thereby is known.
    pub fn node(&self, key: &str) -> Option<&'a Node> {
        self.known.borrow_mut().push(key.into());
        self.raw(key)
    }

    /// Writes a resolved value.
    pub fn record(&self, key: &str, value: impl Into<toml::Value>) {
        self.resolved.borrow_mut().insert(key.into(), value.into());
    }

    /// An error about a key.
    pub fn wrong(&self, key: &str, expected: impl Into<String>, got: impl Into<String>) -> Failure {
        wrong(&self.place_of(key), &self.full(key), &expected.into(), &got.into())
    }

    /// An error about a key that is missing.
    pub fn missing(&self, key: &str, expected: &str) -> Failure {
        Failure::Value {
            place: self.place.to_string(),
            what: self.full(key),
            expected: expected.into(),
            got: "nothing".into(),
            remedy: format!("Add `{key}` to {}", if self.name.is_empty() { "the file" } else { &self.name }),
        }
    }

    /// A string, if present.
    pub fn text(&self, key: &str) -> Result<Option<String>> {
        match self.node(key).map(|node| &node.value) {
            None => Ok(None),
            Some(Value::Text(text)) => {
                self.record(key, text.clone());
                Ok(Some(text.clone()))
            }
            Some(other) => Err(self.wrong(key, "a string", other.describe())),
        }
    }

    /// One of several words, with a default.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)], default: Option<&str>) -> Result<T> {
        let names = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | ");
        let Some(text) = self.text(key)?.or(default.map(str::to_string)) else {
            return Err(self.missing(key, &names()));
        };
        self.record(key, text.clone());
        match choices.iter().find(|(name, _)| *name == text) {
            Some((_, choice)) => Ok(*choice),
            None => Err(Failure::Value {
                place: self.place_of(key).to_string(),
                what: self.full(key),
                expected: names(),
                got: format!("{text:?}"),
                remedy: suggestion(&text, choices.iter().map(|(name, _)| *name)),
            }),
        }
    }

    /// A finite number in a range, if present.
    pub fn number(&self, key: &str, range: impl RangeBounds<f64>, meaning: &str) -> Result<Option<f64>> {
        let number = match self.node(key).map(|node| &node.value) {
            None => return Ok(None),
            Some(Value::Integer(number)) => *number as f64,
            Some(Value::Float(number)) => *number,
            Some(other) => return Err(self.wrong(key, meaning, other.describe())),
        };
        if !number.is_finite() || !range.contains(&number) {
            return Err(self.wrong(key, meaning, number.to_string()));
        }
        self.record(key, number);
        Ok(Some(number))
    }

    /// A finite number in a range, with a default.
    pub fn number_or(
        &self,
        key: &str,
        default: f64,
        range: impl RangeBounds<f64>,
        meaning: &str,
    ) -> Result<f64> {
        let number = self.number(key, range, meaning)?.unwrap_or(default);
        self.record(key, number);
        Ok(number)
    }

    /// A whole number in a range, if present.
    pub fn count(&self, key: &str, range: impl RangeBounds<i64>, meaning: &str) -> Result<Option<usize>> {
        match self.node(key).map(|node| &node.value) {
            None => Ok(None),
            Some(Value::Integer(number)) if range.contains(number) => {
                self.record(key, *number);
                Ok(usize::try_from(*number).ok())
            }
            Some(other) => Err(self.wrong(key, meaning, other.describe())),
        }
    }

    /// A whole number with a default.
    pub fn count_or(
        &self,
        key: &str,
        default: usize,
        range: impl RangeBounds<i64>,
        meaning: &str,
    ) -> Result<usize> {
        let count = self.count(key, range, meaning)?.unwrap_or(default);
        self.record(key, i64::try_from(count).unwrap_or(i64::MAX));
        Ok(count)
    }

    /// Two finite numbers [low, high] with low < high, if present.
    pub fn interval(&self, key: &str) -> Result<Option<[f64; 2]>> {
        match self.numbers(key, .., "two numbers [low, high]")?.as_deref() {
            None => Ok(None),
            Some([low, high]) if low < high => Ok(Some([*low, *high])),
            Some(other) => Err(self.wrong(key, "[low, high] with low < high", format!("{other:?}"))),
        }
    }

    /// A list of finite numbers, if present.
    pub fn numbers(
        &self,
        key: &str,
        range: impl RangeBounds<f64>,
        meaning: &str,
    ) -> Result<Option<Vec<f64>>> {
        let items = match self.node(key).map(|node| &node.value) {
            None => return Ok(None),
            Some(Value::List(items)) => items,
            Some(other) => return Err(self.wrong(key, meaning, other.describe())),
        };
        let number = |item: &Node| match item.value {
            Value::Integer(number) if range.contains(&(number as f64)) => Ok(number as f64),
            Value::Float(number) if number.is_finite() && range.contains(&number) => Ok(number),
            ref other => Err(wrong(&item.place, &self.full(key), meaning, &other.describe())),
        };
        let numbers = items.iter().map(number).collect::<Result<Vec<f64>>>()?;
        if numbers.is_empty() {
            return Err(self.wrong(key, meaning, "an empty list"));
        }
        self.record(key, numbers.clone());
        Ok(Some(numbers))
    }

    /// A sub-table, if present.
    pub fn section(&self, key: &str) -> Result<Option<Section<'a>>> {
        self.node(key).map(|node| Section::new(&self.full(key), node)).transpose()
    }

    /// Refuses keys that were never asked for, and hands over what was read.
    ///
    /// # Errors
    /// The first unknown key, with the nearest known one.
    pub fn finish(self) -> Result<Table> {
        let known = self.known.into_inner();
        for (key, node) in self.entries {
            if !known.contains(key) {
                let mut names: Vec<&str> = known.iter().map(String::as_str).collect();
                names.sort_unstable();
                names.dedup();
                return Err(Failure::Value {
                    place: node.place.to_string(),
                    what: format!("unknown key `{key}`{}", in_section(&self.name)),
                    expected: names.join(", "),
                    got: format!("`{key}`"),
                    remedy: suggestion(key, names.iter().copied()),
                });
            }
        }
        Ok(self.resolved.into_inner())
    }
}

fn in_section(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" in [{name}]") }
}

fn wrong(place: &Place, what: &str, expected: &str, got: &str) -> Failure {
    Failure::Value {
        place: place.to_string(),
        what: what.into(),
        expected: expected.into(),
        got: got.into(),
        remedy: "Mend the value".into(),
    }
}

/// "Did you mean …?" where a known word is near, else a plain remedy.
pub fn suggestion<'n>(word: &str, known: impl Iterator<Item = &'n str>) -> String {
    let nearest = known.map(|name| (edit_distance(word, name), name)).min();
    match nearest {
        Some((distance, name)) if distance <= 1 + name.len() / 3 => format!("Did you mean `{name}`?"),
        _ => "Take one of the words that are expected there".into(),
    }
}

/// Levenshtein distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance_counts_single_edits() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "abc", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("stat", "start", 1)]
        {
            assert_eq!(edit_distance(a, b), expected, "{a} {b}");
            assert_eq!(edit_distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn far_words_are_not_suggested() {
        assert_eq!(suggestion("stpes", ["steps", "method"].into_iter()), "Did you mean `steps`?");
        assert!(!suggestion("qqqqqqqq", ["steps"].into_iter()).contains("steps"));
    }
}
