//! What a run holds in memory, and how its work is split to stay within a limit. None of it changes a number.

use super::axis::ColumnSpec;
use super::exact::Exactly;
use super::gains::path_bytes;
use super::request::Request;
use super::study::Study;
use crate::error::{Error, Result};
use crate::sampler::Step;
use crate::sweep::Storage;

/// Most bytes of a tile where memory is plentiful: what stays near the processor.
const TILE_BYTES: u64 = 1 << 26;
/// Most samples of a tile.
const TILE_SAMPLES: u64 = 64;
/// The share of the memory that tiles under way may take is 1 over this; finished columns have as much.
const PART: u64 = 2;
/// Random probes of the normal space that ride along on the way back, about.
const PROBES: usize = 16;

/// Most bytes that the states and noises of one sample may take where memory is plentiful.
const PATH_BYTES: u64 = 1 << 26;

/// Bytes that the states and noises of one sample may take; beyond it they are recomputed from checkpoints.
pub(super) fn path_limit(request: &Request) -> usize {
    PATH_BYTES.min(request.memory / 64) as usize
}

/// How the paths of so many samples are had again on the way back.
pub(super) fn storage(request: &Request, samples: usize) -> Storage {
    Storage::Bytes(path_limit(request).saturating_mul(samples))
}

/// Bytes that the finished columns of one sample take; the leading samples have all of them.
pub(super) fn column_bytes(specs: &[ColumnSpec]) -> u64 {
    specs.iter().map(|spec| 8 * spec.row_len() as u64).sum()
}

/// Samples whose finished columns fit a part of `memory`, twice over while they are put together: the most that
/// [`super::Request::chunk`] may be.
pub fn largest_chunk(specs: &[ColumnSpec], memory: u64) -> u64 {
    memory / PART / (2 * column_bytes(specs)).max(1)
}

impl Study<'_> {
    /// Samples that are carried through all steps together: as many as fit the memory of a tile, and no more than leave
    /// work for every thread.
    ///
    /// # Errors
    /// [`Error::Invalid`] if not even one sample fits.
    pub(super) fn tile(&self) -> Result<usize> {
        let threads = rayon::current_num_threads();
        let (one, limit) = (self.bytes_of_one(), self.request.memory / PART / threads as u64);
        if one > limit {
            return Err(Error::invalid(
                "memory",
                format!("at least {} for one sample a thread", mebibytes(one * PART * threads as u64)),
                mebibytes(self.request.memory),
                "Raise --memory, or follow fewer vectors (-k), keep no paths (--paths 0), or take fewer threads or steps",
            ));
        }
        let fitting = (limit.min(TILE_BYTES.max(one)) / one.max(1)).clamp(1, TILE_SAMPLES);
        let shared = self.request.chunk.min(self.request.samples).div_ceil(threads);
        Ok((fitting as usize).min(shared).max(1))
    }

    /// Bytes that are held of one sample at once, at most, but for its finished columns.
    fn bytes_of_one(&self) -> u64 {
        let (k, dim, steps) = (self.followed(), self.system.dim(), self.system.grid.steps);
        let paths = self.request.paths > 0;
        let stored = paths || path_bytes(&self.base) <= path_limit(self.request);
        let states = if stored { (self.base.noises() + self.path_kinds.len() + 2) * dim } else { 0 };
        let frames = if paths { k * dim } else { 0 };
        let chain = if paths || self.extent.exact == Exactly::Chain { k * k } else { 0 };
        let rows = (3 * k + 3 * self.extent.forced + 8) * dim;
        let swept = steps.saturating_mul(states + frames + chain) + rows;
        let most = [self.of_search(), self.of_condition(), self.of_way_back()].into_iter().max().unwrap_or(0);
        8 * (swept as u64).saturating_add(most as u64)
    }

    /// Numbers of a search: its path with twice the steps, two chains of factors, the frames of a round, and all that its
    /// rounds have seen.
    fn of_search(&self) -> usize {
        let Some(search) = self.request.search.filter(|_| self.extent.exact == Exactly::Search) else {
            return 0;
        };
        let (dim, steps) = (self.system.dim(), self.system.grid.steps);
        let carried = (self.request.vectors + search.extra).min(dim);
        let seen = carried.saturating_mul(search.rounds).min(dim);
        let kept = if search.rounds > 1 { 4 * seen * dim + 4 * seen * seen } else { 0 };
        self.of_path(&self.plain_doubled) + 4 * steps * carried * carried + 8 * carried * dim + kept
    }

    /// Numbers of a sweep that keeps everything, and of the second derivatives of a step.
    fn of_condition(&self) -> usize {
        if !self.extent.condition {
            return 0;
        }
        let (k, d, dim) = (self.followed(), self.extent.aligned, self.system.dim());
        let kept = k * dim + k * k + (self.base.noises() + 1) * dim;
        self.system.grid.steps.saturating_mul(kept) + 3 * (d * (d + 1) / 2 + k) * dim
    }

    /// Numbers of the cotangents, and of the path with twice the steps.
    fn of_way_back(&self) -> usize {
        if !self.goes_back() {
            return 0;
        }
        let dim = self.system.dim();
        3 * (self.extent.aligned + PROBES) * dim + self.of_path(&self.doubled)
    }

    /// Numbers of a path that is kept for the way back, or of its checkpoints.
    fn of_path(&self, step: &Step) -> usize {
        let (whole, limit) = (path_bytes(step), path_limit(self.request));
        let spacing = step.grid.steps.isqrt() + 1;
        let kept = if whole <= limit { whole } else { 2 * spacing * (whole / step.grid.steps.max(1)) };
        kept / 8
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
