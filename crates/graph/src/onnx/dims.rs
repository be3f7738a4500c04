//! Symbolic shapes of an imported tensor: the batch axis followed through the operators.

use super::entry::Entry;

/// An axis of an imported tensor: `per_sample` long, times the batch where `batch` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dim {
    pub per_sample: usize,
    pub batch: bool,
    /// Where axes were joined into one: the product of the lengths before that of the batch, or 1.
    pub outer: usize,
}

impl Dim {
    pub const BATCH: Dim = Dim::new(1, true);

    pub const fn new(per_sample: usize, batch: bool) -> Dim {
        Dim { per_sample, batch, outer: 1 }
    }

    pub fn fixed(length: usize) -> Dim {
        Dim::new(length, false)
    }

    fn is_one(self) -> bool {
        self == Dim::fixed(1)
    }
}

impl std::fmt::Display for Dim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.batch, self.per_sample) {
            (false, n) => write!(f, "{n}"),
            (true, 1) => write!(f, "batch"),
            (true, n) => write!(f, "{n}·batch"),
        }
    }
}

impl From<Dim> for Entry {
    fn from(d: Dim) -> Entry {
        Entry { factor: d.per_sample as i64, batch: d.batch }
    }
}

/// Shape as text.
pub(super) fn show(dims: &[Dim]) -> String {
    let parts: Vec<String> = dims.iter().map(Dim::to_string).collect();
    format!("[{}]", parts.join(", "))
}

/// Shape of one sample: the batch has length 1.
pub(super) fn per_sample(dims: &[Dim]) -> Vec<usize> {
    dims.iter().map(|d| d.per_sample).collect()
}

/// Where the batch is.
pub(super) fn batch_axis(dims: &[Dim]) -> Option<usize> {
    dims.iter().position(|d| d.batch)
}

const MIXES: &str = "mixes samples of the batch";

/// Refuses shapes in which the batch appears twice.
pub(super) fn one_batch_axis(dims: Vec<Dim>) -> Result<Vec<Dim>, String> {
    if dims.iter().filter(|d| d.batch).count() > 1 {
        return Err(format!("{MIXES}: its result has the shape {}", show(&dims)));
    }
    Ok(dims)
}

/// Refuses an operation along the batch axis.
pub(super) fn not_along_batch(dims: &[Dim], axis: usize) -> Result<(), String> {
    match dims.get(axis) {
        Some(d) if d.batch => Err(format!("{MIXES}: it works along axis {axis} of {}", show(dims))),
        Some(_) => Ok(()),
        None => Err(format!("axis {axis} does not exist in {}", show(dims))),
    }
}

/// Broadcasting of two shapes.
pub(super) fn broadcast(a: &[Dim], b: &[Dim]) -> Result<Vec<Dim>, String> {
    let rank = a.len().max(b.len());
    let dim = |s: &[Dim], i: usize| if i + s.len() < rank { Dim::fixed(1) } else { s[i + s.len() - rank] };
    let joined = (0..rank).map(|i| match (dim(a, i), dim(b, i)) {
        (m, n) if m == n || n.is_one() => Ok(m),
        (m, n) if m.is_one() => Ok(n),
        (m, n) if m.batch || n.batch => {
            let fixed = if m.batch { n } else { m };
            let perhaps = match fixed.batch {
                true => String::new(),
                false => format!(". A batch fixed at {fixed} needs an export with a dynamic batch axis"),
            };
            Err(format!("{MIXES}: it combines the shapes {} and {}{perhaps}", show(a), show(b)))
        }
        _ => Err(format!("shapes {} and {} do not broadcast", show(a), show(b))),
    });
    one_batch_axis(joined.collect::<Result<_, _>>()?)
}

/// The shape that Reshape's `target` means for `from`, with 0 (copy) and −1 (infer) resolved.
pub(super) fn reshape(from: &[Dim], target: &[Entry], copy_zero: bool) -> Result<Vec<Dim>, String> {
    let mut dims: Vec<Option<Dim>> = Vec::with_capacity(target.len());
    for (i, entry) in target.iter().enumerate() {
        dims.push(match (entry.factor, entry.batch) {
            (0, false) if copy_zero => Some(*from.get(i).ok_or("copies an axis that does not exist")?),
            (-1, false) => None,
            (n, batch) => {
                Some(Dim::new(usize::try_from(n).map_err(|_| format!("invalid length {n}"))?, batch))
            }
        });
    }
    let total = size(from.iter()).ok_or("its size overflows")?;
    let known = size(dims.iter().flatten()).ok_or("its size overflows")?;
    let batch_missing = batch_axis(from).is_some() && !dims.iter().flatten().any(|d| d.batch);
    if dims.iter().filter(|d| d.is_none()).count() > 1 {
        return Err("has more than one length to infer".into());
    }
    let inferred = Dim::new(total.checked_div(known).unwrap_or(0), batch_missing);
    let to: Vec<Dim> = one_batch_axis(dims.into_iter().map(|d| d.unwrap_or(inferred)).collect())?;
    if size(to.iter()) != Some(total) {
        let asked: Vec<String> = target.iter().map(Entry::to_string).collect();
        return Err(format!("cannot reshape {} to [{}]", show(from), asked.join(", ")));
    }
    with_batch_in_place(from, to)
}

fn size<'a>(mut dims: impl Iterator<Item = &'a Dim>) -> Option<usize> {
    dims.try_fold(1usize, |n, d| n.checked_mul(d.per_sample))
}

/// The batch must keep its place in row-major order: the same number of elements before it.
fn with_batch_in_place(from: &[Dim], mut to: Vec<Dim>) -> Result<Vec<Dim>, String> {
    let mixes = format!("{MIXES}: it reshapes {} to {}", show(from), show(&to));
    let before = |dims: &[Dim], axis: usize| dims[..axis].iter().map(|d| d.per_sample).product::<usize>();
    match (batch_axis(from), batch_axis(&to)) {
        (None, None) => Ok(to),
        (Some(_), None) => Err(format!("fixes the batch: it reshapes {} to {}", show(from), show(&to))),
        (None, Some(_)) => Err(mixes),
        (Some(old), Some(new)) => {
            let (whole, part) = (before(from, old) * from[old].outer, before(&to, new));
            let outer = if whole == part { Some(1) } else { whole.checked_div(part) };
            let outer = outer.filter(|outer| outer * part == whole);
            let inside = |outer: &usize| to[new].per_sample.checked_rem(*outer) == Some(0);
            to[new].outer = outer.filter(inside).ok_or(mixes)?;
            Ok(to)
        }
    }
}
