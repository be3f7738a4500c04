//! The order in which a training set is gone through.

use crate::error::{Error, Result};
use crate::random::{Purpose, stream};
use rand::RngExt;

/// A training set of `count` rows in a new random order every epoch; the rows of a step follow from (seed, step) alone.
#[derive(Debug, Clone)]
pub struct Order {
    seed: u64,
    count: usize,
    /// The epoch that `rows` holds.
    epoch: u64,
    rows: Vec<usize>,
}

impl Order {
    /// The order of a seed.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty training set.
    pub fn new(seed: u64, count: usize) -> Result<Order> {
        if count == 0 {
            let remedy = "Give a data file with at least one row";
            return Err(Error::invalid(
                "setting up the training",
                "at least one row of data",
                "none",
                remedy,
            ));
        }
        Ok(Order { seed, count, epoch: 0, rows: shuffled(seed, 0, count) })
    }

    /// The rows of the batch of a step: places step · batch to (step + 1) · batch − 1 of all epochs in a row, so that a
    /// batch may end one epoch and begin the next.
    pub fn rows(&mut self, step: u64, batch: usize) -> Vec<usize> {
        let first = u128::from(step) * batch as u128;
        (0..batch).map(|i| self.row(first + i as u128)).collect()
    }

    fn row(&mut self, place: u128) -> usize {
        let count = self.count as u128;
        // Only the low bits of an epoch beyond 2^64 count.
        let epoch = (place / count) as u64;
        if epoch != self.epoch {
            self.rows = shuffled(self.seed, epoch, self.count);
            self.epoch = epoch;
        }
        self.rows[(place % count) as usize]
    }
}

/// A uniformly random permutation (Fisher and Yates).
fn shuffled(seed: u64, epoch: u64, count: usize) -> Vec<usize> {
    let mut rng = stream(seed, epoch, Purpose::TrainOrder);
    let mut rows: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        rows.swap(last, rng.random_range(0..=last));
    }
    rows
}
