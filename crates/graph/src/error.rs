//! Errors of reading and compiling a network.

/// What can go wrong with a network file.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The file cannot be read as ONNX, or contradicts itself.
    #[error("{file}: {what}: expected {expected}, got {got}. {remedy}")]
    Malformed {
        /// The file.
        file: String,
        /// The node, tensor or field concerned.
        what: String,
        /// What would have been right.
        expected: String,
        /// What came.
        got: String,
        /// What the user can do.
        remedy: String,
    },
    /// The file is sound, but contains nodes that cannot be evaluated exactly. All of them are listed.
    #[error("{file}: {} cannot be evaluated:\n{}", count(.nodes), lines(.nodes))]
    Unsupported {
        /// The file.
        file: String,
        /// Every offending node with the reason.
        nodes: Vec<UnsupportedNode>,
    },
    /// A graph cannot be written.
    #[error("{file}: cannot be written: expected {expected}, got {got}. {remedy}")]
    Unwritable {
        /// The file.
        file: String,
        /// What would have been right.
        expected: String,
        /// What came.
        got: String,
        /// What the user can do.
        remedy: String,
    },
    /// A layer of a network under construction does not fit to what it is given.
    #[error("layer {layer}: expected {expected}, got {got}. {remedy}")]
    Layer {
        /// Name of the layer, or of its weight.
        layer: String,
        /// What would have been right.
        expected: String,
        /// What came.
        got: String,
        /// What the user can do.
        remedy: String,
    },
    /// The model needs more memory than the limit the caller set ([`Limits::memory`](crate::Limits), `--memory` of the
    /// command line).
    #[error(
        "{file}: {what} needs {needed} bytes, the limit is {limit} bytes. Raise the memory limit (`--memory`) if \
         the model is worth it"
    )]
    TooLarge {
        /// The file.
        file: String,
        /// The node, tensor or file concerned.
        what: String,
        /// Bytes needed (at least).
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
}

/// A node that cannot be evaluated, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedNode {
    /// The node's name, or the name of its first output where it has none.
    pub node: String,
    /// The operator, with its domain unless it is ONNX's own.
    pub operator: String,
    /// Why it cannot be evaluated.
    pub reason: String,
    /// The line of `docs/operators.md` that applies, where one does.
    pub list: Option<String>,
}

impl std::fmt::Display for UnsupportedNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.node, self.operator, self.reason)?;
        self.list.iter().try_for_each(|list| write!(f, " [{list}]"))
    }
}

/// How many nodes a list names, in words; the last of a long list stands for all others.
pub fn count(nodes: &[UnsupportedNode]) -> String {
    match nodes {
        [_] => "1 node".into(),
        [listed @ .., last] if last.node == MORE => format!("more than {} nodes", listed.len()),
        _ => format!("{} nodes", nodes.len()),
    }
}

/// The name of the entry that stands for the nodes that a list leaves out.
pub(crate) const MORE: &str = "…";

fn lines(nodes: &[UnsupportedNode]) -> String {
    nodes.iter().map(|node| format!("  {node}")).collect::<Vec<_>>().join("\n")
}
