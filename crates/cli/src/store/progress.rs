//! How far a run is: the norms of the error fields, and which chunks are complete.

use super::atomic::write_file;
use crate::failure::{Failure, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Cost of a part of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Field evaluations, rows.
    pub evaluations: u64,
    /// Jacobian-vector products, rows.
    pub jvps: u64,
    /// Vector-Jacobian products, rows.
    pub vjps: u64,
    /// Wall-clock time.
    pub seconds: f64,
}

impl std::ops::Add for Work {
    type Output = Work;
    fn add(self, other: Work) -> Work {
        Work {
            evaluations: self.evaluations + other.evaluations,
            jvps: self.jvps + other.jvps,
            vjps: self.vjps + other.vjps,
            seconds: self.seconds + other.seconds,
        }
    }
}

/// What is finished.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// ∞-norms of the error fields before scaling, and what measuring them cost.
    pub norms: Option<(Vec<f64>, Work)>,
    /// Complete chunks and their cost.
    pub chunks: BTreeMap<usize, Work>,
}

impl Progress {
    /// Everything so far.
    pub fn work(&self) -> Work {
        let norms = self.norms.as_ref().map(|(_, work)| *work);
        norms.into_iter().chain(self.chunks.values().copied()).fold(Work::default(), |sum, work| sum + work)
    }

    /// Reads the record; `None` when there is none.
    ///
    /// # Errors
    /// An unreadable or malformed record.
    pub fn load(path: &Path) -> Result<Option<Progress>> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(Failure::reading(path))?,
        };
        serde_json::from_str(&text).map(Some).map_err(|error| Failure::Value {
            place: path.display().to_string(),
            what: "record of progress".into(),
            expected: "what surefoot wrote".into(),
            got: error.to_string(),
            remedy: "Run without --resume".into(),
        })
    }

    /// Writes the record.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string(self).map_err(|error| Failure::Usage(error.to_string()))?;
        write_file(path, text.as_bytes())
    }
}
