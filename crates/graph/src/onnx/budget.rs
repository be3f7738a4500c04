//! What reading a file may still cost, so that a small file cannot ask for much memory or time.

use crate::ir::Op;

/// Most axes of a value, as in NumPy and PyTorch.
pub(super) const MOST_AXES: usize = 64;

/// Most parts of a model: nodes with their arguments, results and attributes, those of functions at every call.
const MOST_PARTS: usize = 1 << 22;

/// Most operations of the graph that the nodes become.
const MOST_OPERATIONS: usize = 1 << 20;

/// Bytes counted for an element of a value: the number itself and its place in an index map.
const BYTES_PER_ELEMENT: u64 = 16;

/// Bytes counted for anything besides.
const BYTES_PER_ITEM: u64 = 64;

/// Memory in bytes, and numbers of things, that are left.
pub(crate) struct Budget {
    limit: u64,
    used: u64,
    parts: usize,
    operations: usize,
}

impl Budget {
    /// Of so many bytes.
    pub fn new(limit: u64) -> Budget {
        Budget { limit, used: 0, parts: 0, operations: 0 }
    }

    /// Takes the memory of a value; its axes of length 0 count as 1.
    pub fn value(&mut self, shape: &[usize]) -> Result<(), String> {
        if shape.len() > MOST_AXES {
            return Err(format!("has {} axes, more than {MOST_AXES}", shape.len()));
        }
        let elements = shape.iter().fold(1u64, |n, &d| n.saturating_mul(d.max(1) as u64));
        self.bytes(elements.saturating_mul(BYTES_PER_ELEMENT))
    }

    /// Takes the memory of so many small things.
    pub fn items(&mut self, count: usize) -> Result<(), String> {
        self.bytes((count as u64).saturating_mul(BYTES_PER_ITEM))
    }

    /// Takes an operation and the memory of its result.
    pub fn operation(&mut self, op: &Op, inputs: usize, shape: &[usize]) -> Result<(), String> {
        self.operations += 1;
        if self.operations > MOST_OPERATIONS {
            return Err(format!("is beyond the {MOST_OPERATIONS} operations that a model may have"));
        }
        let listed = match op {
            Op::Sum(axes) | Op::Max(axes) => axes.len(),
            _ => 0,
        };
        self.items(1 + inputs + listed)?;
        self.value(shape)
    }

    /// Takes so many parts of a node; `false` where there are no more.
    pub fn parts(&mut self, count: usize) -> bool {
        self.parts = self.parts.saturating_add(count);
        self.parts <= MOST_PARTS
    }

    /// Bytes asked for so far.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Was more asked for than there is?
    pub fn is_exceeded(&self) -> bool {
        self.used > self.limit || self.operations > MOST_OPERATIONS
    }

    fn bytes(&mut self, bytes: u64) -> Result<(), String> {
        self.used = self.used.saturating_add(bytes);
        if self.used > self.limit {
            return Err(format!(
                "up to here, reading the file takes {} bytes ({BYTES_PER_ELEMENT} for every element of every value), more \
                 than the memory limit of {} bytes (`--memory`)",
                self.used, self.limit
            ));
        }
        Ok(())
    }
}
