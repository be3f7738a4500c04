//! What is trained on: a law, or the rows of a data set.

use crate::law::SharedLaw;
use crate::random::{Purpose, stream};
use rand::RngExt;
use std::ops::Range;
use std::sync::Arc;

/// Samples of the target, drawn with replacement and keyed by their index, so that a batch depends on nothing but its
/// number.
#[derive(Clone)]
pub enum TrainingSet {
    /// A law: every draw is new.
    Law(SharedLaw),
    /// Rows of a data set.
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
}

/// Samples with their classes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draw {
    /// `[n, D]`
    pub x: Vec<f64>,
    /// `[n]`, or empty where there are no classes
    pub labels: Vec<u32>,
}

impl Rows {
    /// n.
    pub fn count(&self) -> usize {
        self.values.len() / self.dim
    }

    /// The rows with these numbers.
    pub fn select(&self, rows: &[usize]) -> Rows {
        let values =
            rows.iter().flat_map(|&row| &self.values[row * self.dim..][..self.dim]).copied().collect();
        let labels = self.labels.as_ref().map(|labels| rows.iter().map(|&row| labels[row]).collect());
        Rows { dim: self.dim, values, labels }
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

    /// The samples with these indices in the stream of a purpose.
    pub fn draw(&self, seed: u64, samples: Range<u64>, purpose: Purpose) -> Draw {
        let dim = self.dim();
        let mut drawn =
            Draw { x: vec![0.0; (samples.end - samples.start) as usize * dim], labels: Vec::new() };
        for (i, x) in samples.zip(drawn.x.chunks_exact_mut(dim)) {
            let mut rng = stream(seed, i, purpose);
            match self {
                TrainingSet::Law(law) => law.sample(&mut rng, x),
                TrainingSet::Rows(rows) => {
                    let row = rng.random_range(0..rows.count());
                    let values = &rows.values[row * dim..][..dim];
                    x.iter_mut().zip(values).for_each(|(x, value)| *x = f64::from(*value));
                    drawn.labels.extend(rows.labels.as_ref().map(|labels| labels[row]));
                }
            }
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize) -> Rows {
        let values = (0..2 * n).map(|i| i as f32).collect();
        Rows { dim: 2, values, labels: Some((0..n as u32).collect()) }
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
    fn a_row_keeps_its_label_and_a_draw_its_index() {
        let set = TrainingSet::Rows(rows(7));
        let all = set.draw(5, 0..40, Purpose::Source);
        for (x, label) in all.x.chunks_exact(2).zip(&all.labels) {
            assert_eq!(x, [2.0 * f64::from(*label), 2.0 * f64::from(*label) + 1.0]);
        }
        let part = set.draw(5, 10..12, Purpose::Source);
        assert_eq!((&all.x[20..24], &all.labels[10..12]), (&part.x[..], &part.labels[..]));
        assert!((0..7).all(|label| all.labels.contains(&label)));
    }
}
