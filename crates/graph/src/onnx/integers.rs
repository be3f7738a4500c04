//! Shape arithmetic: operators on integers that are known up to the batch.

use super::dims::Dim;
use super::entry::Entry;
use super::import::{Importer, Value};
use super::operators::{Call, Rule};
use super::shaping::axes_argument;
use crate::ir::{broadcast, broadcast_rows, elements, sum_rows};

type Results = Result<Vec<Value>, String>;

/// Most integers of one value.
const MOST: usize = 1 << 16;

/// Integers of a shape in row-major order.
#[derive(Clone)]
struct Table {
    shape: Vec<usize>,
    entries: Vec<Entry>,
}

impl Table {
    fn of(value: &Value) -> Option<Table> {
        match value {
            Value::Integers { shape, entries } => {
                Some(Table { shape: shape.clone(), entries: entries.clone() })
            }
            _ => None,
        }
    }
}

/// The results of an operator on integers; `None` where its arguments are none, or its `rule` takes care of them.
pub(super) fn lower(importer: &mut Importer, call: &Call, rule: Rule) -> Option<Results> {
    let moved = moved_arguments(call);
    let is_table = |i: usize| matches!(call.arguments.get(i), Some(Some(Value::Integers { .. })));
    if moved > 0 && (0..moved).all(is_table) {
        return Some(rearrange(importer, call, moved, rule));
    }
    let tables: Vec<Table> = call.arguments.iter().flatten().map(Table::of).collect::<Option<_>>()?;
    let result = match (call.operator(), &tables[..]) {
        ("Neg" | "Abs" | "Sign" | "Not", [a]) => map(call.operator(), a),
        (
            "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Min" | "Max" | "Equal" | "Greater" | "GreaterOrEqual"
            | "Less" | "LessOrEqual" | "And" | "Or" | "Xor",
            [first, rest @ ..],
        ) if !rest.is_empty() => rest.iter().try_fold(first.clone(), |a, b| zip(call, &a, b)),
        ("Where", [condition, a, b]) => choose(condition, a, b),
        ("ReduceSum" | "ReduceProd" | "ReduceMin" | "ReduceMax", [a, ..]) => reduce(call, a),
        _ => return None,
    };
    Some(result.map(|Table { shape, entries }| vec![Value::Integers { shape, entries }]))
}

/// How many of the leading arguments the operator does nothing with but move their elements.
fn moved_arguments(call: &Call) -> usize {
    match call.operator() {
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" | "Slice" | "Split" | "Gather"
        | "GatherElements" | "GatherND" | "Expand" | "Tile" => 1,
        "Concat" => call.arguments.len(),
        _ => 0,
    }
}

/// Moves integers as the rule for real numbers moves their positions.
fn rearrange(importer: &mut Importer, call: &Call, moved: usize, rule: Rule) -> Results {
    let mut entries = Vec::new();
    let mut positions = call.clone();
    for argument in &mut positions.arguments[..moved] {
        let Some(table) = argument.as_ref().and_then(Table::of) else { continue };
        let numbers: Vec<f64> = (entries.len()..).take(table.entries.len()).map(|i| i as f64).collect();
        entries.extend(table.entries);
        let dims = table.shape.iter().map(|&d| Dim::fixed(d)).collect();
        *argument = Some(Value::Data { node: importer.graph.constant(&table.shape, numbers), dims });
    }
    let integers = |importer: &Importer, moved: &Value| match moved {
        Value::Data { node, dims } if dims.iter().all(|d| !d.batch) => {
            let values = importer.known(*node)?;
            let entries = values.iter().map(|&v| entries.get(v as usize).copied()).collect::<Option<_>>()?;
            Some(Value::Integers { shape: importer.graph.shape(*node).to_vec(), entries })
        }
        _ => None,
    };
    let results = rule(importer, &positions)?;
    match results.iter().map(|moved| integers(importer, moved)).collect() {
        Some(results) => Ok(results),
        None => as_numbers(importer, call, moved, rule),
    }
}

/// What is repeated over the batch, or has too many elements to be known, goes on as real numbers.
fn as_numbers(importer: &mut Importer, call: &Call, moved: usize, rule: Rule) -> Results {
    let mut call = call.clone();
    for i in 0..moved {
        let (node, dims) = importer.data(call.required(i)?)?;
        call.arguments[i] = Some(Value::Data { node, dims });
    }
    let results = rule(importer, &call)?;
    importer.whole.extend(results.iter().filter_map(Value::node));
    Ok(results)
}

fn undecided(entries: &[Entry]) -> String {
    let shown: Vec<String> = entries.iter().map(Entry::to_string).collect();
    format!("its result for {} depends on the size of the batch, or leaves 64 bits", shown.join(" and "))
}

fn map(operator: &str, a: &Table) -> Result<Table, String> {
    let function = |e: Entry| match operator {
        "Neg" => e.negated(),
        "Abs" => e.magnitude(),
        "Sign" => Some(Entry::known(e.factor.signum())),
        _ => Some(Entry::truth(!e.is_true())),
    };
    let entries = a.entries.iter().map(|&e| function(e).ok_or_else(|| undecided(&[e])));
    Ok(Table { shape: a.shape.clone(), entries: entries.collect::<Result<_, _>>()? })
}

/// An operator of two arguments, broadcasting.
fn zip(call: &Call, a: &Table, b: &Table) -> Result<Table, String> {
    let floor = call.attributes.int("fmod", 0) == 0;
    let combine = |p: Entry, q: Entry| match call.operator() {
        "Mod" => p.remainder(q, floor),
        operator => pair(operator, p, q),
    };
    let shape = result_shape(&a.shape, &b.shape)?;
    let (rows_a, rows_b) = (broadcast_rows(&a.shape, &shape), broadcast_rows(&b.shape, &shape));
    let pairs = rows_a.into_iter().zip(rows_b).map(|(i, j)| (a.entries[i], b.entries[j]));
    let entries = pairs.map(|(p, q)| combine(p, q).ok_or_else(|| undecided(&[p, q])));
    Ok(Table { entries: entries.collect::<Result<_, _>>()?, shape })
}

fn pair(operator: &str, p: Entry, q: Entry) -> Option<Entry> {
    match operator {
        "Add" => p.plus(q),
        "Sub" => p.minus(q),
        "Mul" => p.times(q),
        "Div" => p.over(q),
        "Min" => p.order(q).map(|order| if order.is_le() { p } else { q }),
        "Max" => p.order(q).map(|order| if order.is_ge() { p } else { q }),
        "Equal" => p.order(q).map(|order| Entry::truth(order.is_eq())),
        "Greater" => p.order(q).map(|order| Entry::truth(order.is_gt())),
        "GreaterOrEqual" => p.order(q).map(|order| Entry::truth(order.is_ge())),
        "Less" => p.order(q).map(|order| Entry::truth(order.is_lt())),
        "LessOrEqual" => p.order(q).map(|order| Entry::truth(order.is_le())),
        "And" => Some(Entry::truth(p.is_true() && q.is_true())),
        "Or" => Some(Entry::truth(p.is_true() || q.is_true())),
        "Xor" => Some(Entry::truth(p.is_true() != q.is_true())),
        _ => None,
    }
}

fn result_shape(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let shape = broadcast(a, b)?;
    if elements(&shape) > MOST { Err(format!("makes more than {MOST} integers")) } else { Ok(shape) }
}

fn choose(condition: &Table, a: &Table, b: &Table) -> Result<Table, String> {
    let shape = result_shape(&condition.shape, &result_shape(&a.shape, &b.shape)?)?;
    let [rows, rows_a, rows_b] = [condition, a, b].map(|t| broadcast_rows(&t.shape, &shape));
    let pick = |i: usize| match condition.entries[rows[i]].is_true() {
        true => a.entries[rows_a[i]],
        false => b.entries[rows_b[i]],
    };
    Ok(Table { entries: (0..rows.len()).map(pick).collect(), shape })
}

fn reduce(call: &Call, a: &Table) -> Result<Table, String> {
    let rank = a.shape.len();
    let axes = match axes_argument(call, rank)? {
        Some(axes) if !axes.is_empty() => axes,
        _ if call.attributes.int("noop_with_empty_axes", 0) != 0 => return Ok(a.clone()),
        _ => (0..rank).collect(),
    };
    let operator = match call.operator() {
        "ReduceSum" => "Add",
        "ReduceProd" => "Mul",
        "ReduceMin" => "Min",
        _ => "Max",
    };
    let kept: Vec<usize> = (0..rank).map(|i| if axes.contains(&i) { 1 } else { a.shape[i] }).collect();
    let rows = sum_rows(&a.shape, &kept);
    let group = rows.len().checked_div(elements(&kept)).filter(|&n| n > 0).ok_or("reduces nothing")?;
    let fold = |rows: &[usize]| {
        let first = a.entries[rows[0]];
        rows[1..]
            .iter()
            .try_fold(first, |p, &i| pair(operator, p, a.entries[i]))
            .ok_or_else(|| undecided(&[first]))
    };
    let entries = rows.chunks(group).map(fold).collect::<Result<_, _>>()?;
    let dropped = call.attributes.int("keepdims", 1) == 0;
    let shape = (0..rank).filter(|i| !(dropped && axes.contains(i))).map(|i| kept[i]).collect();
    Ok(Table { shape, entries })
}
