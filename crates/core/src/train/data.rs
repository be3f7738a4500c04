//! What is trained on: a law, the rows of a data set, or pairs of source and data.

use super::order::Order;
use crate::error::{Error, Result};
use crate::law::SharedLaw;
use crate::random::{Purpose, stream};
use rand::RngExt;
use std::sync::{Arc, Mutex, PoisonError};

/// Samples of the target. A batch depends on nothing but the seed and its number.
#[derive(Clone)]
pub enum TrainingSet {
    /// A law: every draw is new.
    Law(SharedLaw),
    /// Rows of a data set, or pairs, in a new random order every epoch.
    Rows(Rows),
}

/// Rows of a data set.
#[derive(Clone)]
pub struct Rows {
    /// Elements of a row.
    pub dim: usize,
    /// `[n, dim]`, n ≥ 1
    pub values: Arc<[f32]>,
    /// Classes `[n]`, where the rows have some.
    pub labels: Option<Arc<[u32]>>,
    /// Sources `[n, dim]` that the rows are paired with, where they are.
    pub sources: Option<Arc<[f32]>>,
    /// The order of the present epoch with its seed, kept from batch to batch.
    order: Arc<Mutex<Option<(u64, Order)>>>,
}

/// Samples with their classes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draw {
    /// `[n, D]`
    pub x: Vec<f64>,
    /// `[n]`, or empty where there are no classes
    pub labels: Vec<u32>,
    /// x_0 of the same pairs `[n, D]`, or empty where no pairs were given
    pub sources: Vec<f64>,
}

impl Rows {
    /// Rows `values[n, dim]` with their classes, where they have some.
    pub fn new(dim: usize, values: Arc<[f32]>, labels: Option<Arc<[u32]>>) -> Rows {
        Rows { dim, values, labels, sources: None, order: Arc::default() }
    }

    /// Pairs that were made beforehand, `sources[n, dim]` with `values[n, dim]` (reflow, Liu et al. 2023).
    ///
    /// # Errors
    /// [`Error::Invalid`] unless there are as many sources as rows.
    pub fn paired(self, sources: Arc<[f32]>) -> Result<Rows> {
        if sources.len() == self.values.len() {
            return Ok(Rows { sources: Some(sources), ..self });
        }
        Err(Error::invalid(
            "pairing sources and data",
            format!("{} numbers, as many as the data have", self.values.len()),
            sources.len().to_string(),
            "Give one source for every row",
        ))
    }

    /// n.
    pub fn count(&self) -> usize {
        self.values.len() / self.dim
    }

    /// The rows with these numbers.
    pub fn select(&self, rows: &[usize]) -> Rows {
        let of = |values: &Arc<[f32]>| -> Arc<[f32]> {
            rows.iter().flat_map(|&row| &values[row * self.dim..][..self.dim]).copied().collect()
        };
        let labels = self.labels.as_ref().map(|labels| rows.iter().map(|&row| labels[row]).collect());
        Rows { sources: self.sources.as_ref().map(of), ..Rows::new(self.dim, of(&self.values), labels) }
    }

    /// The rows of a batch.
    fn batch(&self, seed: u64, number: u64, n: usize) -> Result<Vec<usize>> {
        let mut kept = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        let order = match kept.take() {
            Some((of, order)) if of == seed => order,
            _ => Order::new(seed, self.count())?,
        };
        Ok(kept.insert((seed, order)).1.rows(number, n))
    }

    /// The rows in a random order keyed by the seed, the last `share` of them apart: for training, and for validation.
    /// Each part has at least one row; a set of one row serves as both.
    pub fn split(&self, share: f64, seed: u64) -> [Rows; 2] {
        let n = self.count();
        let mut order: Vec<usize> = (0..n).collect();
        let mut rng = stream(seed, 0, Purpose::TrainSplit);
        for i in (1..n).rev() {
            order.swap(i, rng.random_range(0..=i));
        }
        let last = (n - 1).max(1);
        let training = (n - (share * n as f64).round() as usize).clamp(1, last);
        let validation = if n > 1 { &order[training..] } else { &order[..] };
        [self.select(&order[..training]), self.select(validation)]
    }
}

impl TrainingSet {
    /// D.
    pub fn dim(&self) -> usize {
        match self {
            TrainingSet::Law(law) => law.dim(),
            TrainingSet::Rows(rows) => rows.dim,
        }
    }

    /// The samples of batch `number` of n.
    ///
    /// # Errors
    /// A data set without rows.
    pub fn draw(&self, seed: u64, number: u64, n: usize) -> Result<Draw> {
        let dim = self.dim();
        let mut drawn = Draw { x: vec![0.0; n * dim], ..Draw::default() };
        match self {
            TrainingSet::Law(law) => {
                for (i, x) in drawn.x.chunks_exact_mut(dim).enumerate() {
                    law.sample(&mut stream(seed, number * n as u64 + i as u64, Purpose::TrainData), x);
                }
            }
            TrainingSet::Rows(rows) => {
                let chosen = rows.batch(seed, number, n)?;
                let of = |values: &[f32]| -> Vec<f64> {
                    let values = chosen.iter().flat_map(|&row| &values[row * dim..][..dim]);
                    values.map(|value| f64::from(*value)).collect()
                };
                drawn.x = of(&rows.values);
                if let Some(sources) = &rows.sources {
                    drawn.sources = of(sources);
                }
                if let Some(labels) = &rows.labels {
                    drawn.labels = chosen.iter().map(|&row| labels[row]).collect();
                }
            }
        }
        Ok(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize) -> Rows {
        let values = (0..2 * n).map(|i| i as f32).collect();
        Rows::new(2, values, Some((0..n as u32).collect()))
    }

    #[test]
    fn a_split_loses_no_row_and_repeats_none() {
        for (n, share, held) in [(1, 0.5, 1), (2, 0.1, 1), (10, 0.0, 1), (10, 0.3, 3), (10, 1.0, 9)] {
            let [training, validation] = rows(n).split(share, 3);
            assert_eq!(validation.count(), held, "{n} {share}");
            let mut labels: Vec<u32> = training.labels.iter().flat_map(|l| l.iter().copied()).collect();
            if n > 1 {
                labels.extend(validation.labels.iter().flat_map(|l| l.iter()));
            }
            labels.sort_unstable();
            assert_eq!(labels, (0..n as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_row_keeps_its_source_through_splits_and_epochs() {
        for n in [1, 2, 11] {
            let plain = rows(n);
            let sources = plain.values.iter().map(|v| -v).collect();
            let pairs = plain.paired(sources).unwrap();
            for part in pairs.split(0.3, 4) {
                let drawn = TrainingSet::Rows(part).draw(2, 1, 5).unwrap();
                assert_eq!((drawn.x.len(), drawn.labels.len()), (10, 5));
                assert_eq!(drawn.sources, drawn.x.iter().map(|x| -x).collect::<Vec<_>>());
            }
        }
        assert!(rows(3).paired(vec![0.0; 5].into()).is_err());
        assert!(TrainingSet::Rows(rows(3)).draw(2, 0, 2).unwrap().sources.is_empty());
    }

    #[test]
    fn a_row_keeps_its_label_and_an_epoch_shows_every_row_once() {
        let set = TrainingSet::Rows(rows(12));
        let mut seen = Vec::new();
        for number in 0..3 {
            let batch = set.draw(5, number, 4).unwrap();
            for (x, label) in batch.x.chunks_exact(2).zip(&batch.labels) {
                assert_eq!(x, [2.0 * f64::from(*label), 2.0 * f64::from(*label) + 1.0]);
            }
            seen.extend(batch.labels);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..12).collect::<Vec<u32>>());
        // Out of turn, and from another seed in between: the same batch again.
        let first = set.draw(5, 0, 4).unwrap();
        set.draw(6, 7, 4).unwrap();
        assert_eq!(first, set.draw(5, 0, 4).unwrap());
    }
}
