//! A TOML document as a tree whose every value knows where it was written.

use crate::failure::{Failure, Result};
use std::fmt;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};
use toml::value::Table;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Place {
    /// A line of a file.
    Line(String, usize),
    /// An option of the command line, as typed.
    Option(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Place::Line(file, line) => write!(f, "{file}:{line}"),
            Place::Option(text) => write!(f, "{text}"),
        }
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// What was written.
    pub value: Value,
    /// Where.
    pub place: Place,
}

/// A TOML value; tables keep the order in which they were written.
#[derive(Debug, Clone)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A float, finite or not.
    Float(f64),
    /// true or false.
    Bool(bool),
    /// An array.
    List(Vec<Node>),
    /// A table.
    Table(Vec<(String, Node)>),
}

impl Node {
    /// A section that is not there.
    pub fn absent(section: &str) -> Node {
        Node { value: Value::Table(Vec::new()), place: Place::Option(format!("[{section}]")) }
    }
}

impl Value {
    /// The value as the user would recognise it in a message.
    pub fn describe(&self) -> String {
        match self {
            Value::Text(text) => format!("{text:?}"),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Table(_) => "a table".into(),
        }
    }

    /// The same with everything in it written at one place.
    fn placed(self, place: &Place) -> Value {
        let at = |node: Node| Node { value: node.value.placed(place), place: place.clone() };
        match self {
            Value::List(items) => Value::List(items.into_iter().map(at).collect()),
            Value::Table(entries) => {
                Value::Table(entries.into_iter().map(|(key, node)| (key, at(node))).collect())
            }
            plain => plain,
        }
    }

    /// Plain TOML without places.
    pub fn plain(&self) -> toml::Value {
        match self {
            Value::Text(text) => text.clone().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Bool(flag) => (*flag).into(),
            Value::List(items) => toml::Value::Array(items.iter().map(|item| item.value.plain()).collect()),
            Value::Table(entries) => toml::Value::Table(
                entries.iter().map(|(key, node)| (key.clone(), node.value.plain())).collect::<Table>(),
            ),
        }
    }
}

/// A model's document and the folder that its relative paths count from.
#[derive(Debug, Clone)]
pub struct Document {
    /// The top-level table.
    pub root: Node,
    /// Folder of the file.
    pub folder: PathBuf,
}

impl Document {
    /// Parses `text`, which was read from `file`.
    ///
    /// # Errors
    /// Malformed TOML, with file, line and the parser's reason.
    pub fn parse(text: &str, file: &Path) -> Result<Document> {
        let name = file.display().to_string();
        let lines = Lines { name: &name, text };
        let table = DeTable::parse(text).map_err(|error| Failure::Value {
            place: lines.place(error.span().map_or(0, |span| span.start)).to_string(),
            what: "TOML".into(),
            expected: "a well-formed document".into(),
            got: error.message().trim().to_string(),
            remedy: "Mend the file".into(),
        })?;
        let value = lines.table(table.get_ref())?;
        let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(Document { root: Node { value, place: lines.place(0) }, folder })
    }

    /// Sets `path.to.key` to a value given on the command line, making tables on the way.
    ///
    /// # Errors
    /// A path that runs through something that is not a table.
    pub fn set(&mut self, path: &str, value: Value, option: &str) -> Result<()> {
        let place = Place::Option(option.to_string());
        let mut keys: Vec<&str> = path.split('.').map(str::trim).collect();
        let last = keys.pop().filter(|key| !key.is_empty() && keys.iter().all(|key| !key.is_empty()));
        let Some(last) = last else {
            return Err(Failure::Value {
                place: option.into(),
                what: "key".into(),
                expected: "a dotted path such as process.start".into(),
                got: format!("{path:?}"),
                remedy: "Write --set section.key=value".into(),
            });
        };
        let mut node = &mut self.root;
        for key in keys {
            node = child(node, key, &place)?;
        }
        let leaf = child(node, last, &place)?;
        *leaf = Node { value: value.placed(&place), place };
        Ok(())
    }

    /// Another kind of process or support has other parameters: the file's `own` ones are dropped unless the kind
    /// stays.
    pub fn change_kind(&mut self, table: &str, own: impl Fn(&str) -> bool, kind: &Value) {
        let Value::Table(sections) = &mut self.root.value else { return };
        let Some((_, section)) = sections.iter_mut().find(|(key, _)| key == table) else { return };
        let Value::Table(entries) = &mut section.value else { return };
        let stays = |node: &Node| matches!((&node.value, kind), (Value::Text(a), Value::Text(b)) if a == b);
        if !entries.iter().any(|(key, node)| key == "kind" && stays(node)) {
            entries.retain(|(key, _)| !own(key));
        }
    }
}

/// The entry `key` of a table, made if absent.
fn child<'a>(node: &'a mut Node, key: &str, place: &Place) -> Result<&'a mut Node> {
    let described = node.value.describe();
    let Value::Table(entries) = &mut node.value else {
        return Err(Failure::Value {
            place: place.to_string(),
            what: key.into(),
            expected: "a key inside a table".into(),
            got: format!("{described} at {}", node.place),
            remedy: "Check the dotted path".into(),
        });
    };
    let index = match entries.iter().position(|(name, _)| name == key) {
        Some(index) => index,
        None => {
            entries.push((key.to_string(), Node { value: Value::Table(Vec::new()), place: place.clone() }));
            entries.len() - 1
        }
    };
    Ok(&mut entries[index].1)
}

/// Reads the right side of `--set key=value`: TOML if it parses as such, else a bare string.
pub fn value_of(text: &str) -> Value {
    let document = format!("v = {text}");
    let parsed = Document::parse(&document, Path::new("option")).ok();
    match parsed.map(|document| document.root.value) {
        Some(Value::Table(mut entries)) if entries.len() == 1 => entries.remove(0).1.value,
        _ => Value::Text(text.to_string()),
    }
}

struct Lines<'a> {
    name: &'a str,
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        Place::Line(self.name.to_string(), 1 + before.iter().filter(|&&byte| byte == b'\n').count())
    }

    fn table(&self, table: &DeTable) -> Result<Value> {
        let mut entries: Vec<(usize, String, Node)> = Vec::new();
        for (key, item) in table.iter() {
            let place = self.place(key.span().start);
            let value = self.value(item.get_ref(), &place)?;
            entries.push((key.span().start, key.get_ref().to_string(), Node { value, place }));
        }
        entries.sort_by_key(|entry| entry.0);
        Ok(Value::Table(entries.into_iter().map(|(_, key, node)| (key, node)).collect()))
    }

    fn value(&self, value: &DeValue, place: &Place) -> Result<Value> {
        let refuse = |expected: &str, got: String| Failure::Value {
            place: place.to_string(),
            what: "value".into(),
            expected: expected.into(),
            got,
            remedy: "Mend the file".into(),
        };
        Ok(match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => Value::Integer(
                i64::from_str_radix(number.as_str(), number.radix())
                    .map_err(|_| refuse("an integer of 64 bits", number.to_string()))?,
            ),
            DeValue::Float(number) => {
                Value::Float(number.as_str().parse().map_err(|_| refuse("a number", number.to_string()))?)
            }
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(date) => return Err(refuse("no date", date.to_string())),
            DeValue::Array(items) => {
                let node = |item: &toml::Spanned<DeValue>| {
                    let place = self.place(item.span().start);
                    Ok(Node { value: self.value(item.get_ref(), &place)?, place })
                };
                Value::List(items.iter().map(node).collect::<Result<_>>()?)
            }
            DeValue::Table(table) => self.table(table)?,
        })
    }
}
