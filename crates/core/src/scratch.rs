//! Reusable buffers behind `&self`, so that a step allocates nothing once it is warm.

use std::sync::{Mutex, PoisonError};

/// Buffers that were used before and wait to be used again; any number of threads may draw from one pool.
#[derive(Default)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T: Default> Pool<T> {
    /// Runs `work` with a buffer of the pool, or with a new one if all are in use.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let mut item = self.lock().pop().unwrap_or_default();
        let result = work(&mut item);
        self.lock().push(item);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer of exactly `len` numbers whose contents are left over from earlier use.
pub(crate) fn sized(buffer: &mut Vec<f64>, len: usize) -> &mut [f64] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}
