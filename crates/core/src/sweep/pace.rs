//! QR only as often as needed: between two steps at which a frame is made orthonormal again, its rows are carried on as
//! they are. How many steps that may be is read off the triangular factors of an earlier sweep along the same paths.

use super::Chain;
use crate::linalg::{condition, upper_product};
use std::ops::Range;

/// Condition of the rows that is planned for: a QR then loses about three of sixteen digits of what one at every step keeps.
pub(super) const PLANNED: f64 = 1e3;
/// Condition beyond which a sample is carried anew with a QR at every step.
pub(super) const ALLOWED: f64 = 1e4;

/// After which steps the frame of a sample is made orthonormal, in the order in which the frames meet the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    samples: usize,
    /// `[τ, n]`
    due: Vec<bool>,
}

impl Pace {
    /// From a sweep that made its frames orthonormal at every step, for frames of the same subspaces or near them: the
    /// product of the factors between two QRs has a condition of at most 1e3 unless a single step has more. The last
    /// step is always one.
    pub fn of(chain: &Chain) -> Pace {
        let (k, n) = (chain.k, chain.samples);
        let steps = chain.factors.len() / (n * k * k).max(1);
        let mut due = vec![false; steps * n];
        for sample in 0..n {
            let factor = |step: usize| &chain.factors[(step * n + sample) * k * k..][..k * k];
            let mut product: Vec<f64> = Vec::new();
            for step in 0..steps {
                let next = match product.is_empty() {
                    true => factor(step).to_vec(),
                    false => upper_product(k, factor(step), &product),
                };
                product = next;
                if condition(k, &product) > PLANNED && step > 0 && !due[(step - 1) * n + sample] {
                    due[(step - 1) * n + sample] = true;
                    product = factor(step).to_vec();
                }
                // A single step beyond it is ended at once.
                if condition(k, &product) > PLANNED || step + 1 == steps {
                    due[step * n + sample] = true;
                    product.clear();
                }
            }
        }
        Pace { samples: n, due }
    }

    /// Whether these samples are due after the step that their frames meet as number `place`.
    pub(super) fn due(&self, place: usize, samples: &Range<usize>) -> &[bool] {
        &self.due[place * self.samples..][samples.clone()]
    }

    /// QRs of a sample.
    pub fn count(&self, sample: usize) -> usize {
        self.due.iter().skip(sample).step_by(self.samples).filter(|due| **due).count()
    }
}

/// Samples with a factor that is conditioned worse than is allowed.
pub(super) fn strayed(chain: &Chain) -> Vec<usize> {
    let (k, n) = (chain.k, chain.samples);
    let strays = |sample: &usize| {
        let own = chain.factors.chunks_exact(k * k).skip(*sample).step_by(n.max(1));
        own.into_iter().any(|factor| condition(k, factor) > ALLOWED)
    };
    (0..n).filter(strays).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(factors: &[[f64; 4]]) -> Chain {
        Chain { k: 2, samples: 1, factors: factors.concat() }
    }

    #[test]
    fn frames_are_due_before_they_are_too_flat() {
        let pace = |ratio: f64, steps: usize| Pace::of(&chain(&vec![[1.0, 0.0, 0.0, ratio]; steps]));
        // (1 + r²)/(2 r) of the product is 500 after three steps of a tenth, and 5,000 after four.
        assert_eq!(pace(0.1, 8).due, [false, false, true, false, false, true, false, true]);
        assert_eq!(pace(1.0, 50).count(0), 1, "rotations need none but the last");
        assert_eq!(pace(1e-6, 3).due, [true; 3], "a step beyond the limit alone");
        assert_eq!(pace(0.5, 1).due, [true]);
    }

    #[test]
    fn worse_factors_than_allowed_are_found() {
        assert_eq!(strayed(&chain(&[[1.0, 0.0, 0.0, 1e-3]])), Vec::<usize>::new());
        assert_eq!(strayed(&chain(&[[1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1e-7]])), [0]);
    }
}
