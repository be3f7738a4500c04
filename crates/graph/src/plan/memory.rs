//! Memory of running evaluations.

use crate::kernels::Element;
use std::sync::{Mutex, PoisonError};

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u64; 8]);

/// Regions of memory not in use. They are kept, so that after the first calls nothing is allocated.
#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<Region>>);

/// Memory that starts at a cache line.
pub(super) struct Region(Vec<Line>);

impl Region {
    pub fn as_mut_ptr<T>(&mut self) -> *mut T {
        self.0.as_mut_ptr().cast()
    }
}

impl Pool {
    /// A region of at least so many elements, and a chunk more.
    pub fn take<T: Element>(&self, elements: usize) -> Region {
        let lines = (elements * size_of::<T>()).div_ceil(64) + 2;
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is large enough; otherwise the largest grows.
        let fitting = (0..idle.len()).filter(|&i| idle[i].0.len() >= lines).min_by_key(|&i| idle[i].0.len());
        let chosen = fitting.or_else(|| (0..idle.len()).max_by_key(|&i| idle[i].0.len()));
        let mut region = chosen.map_or_else(|| Region(Vec::new()), |i| idle.swap_remove(i));
        drop(idle);
        if region.0.len() < lines {
            region.0.clear();
            region.0.resize(lines, Line([0; 8]));
        }
        region
    }

    pub fn give_back(&self, region: Region) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(region);
    }
}
