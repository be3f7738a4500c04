//! Learning errors in plain words.

use super::super::verdict::{FEWEST, digits};
use super::summary::{Explained, LearningError};
use crate::statistics::{Estimate, Quantiles};

/// First order explains a shift of which it misses at most this share, sample by sample.
const EXPLAINED: f64 = 0.25;
/// It does not explain a shift of which it misses this share at least.
const UNEXPLAINED: f64 = 0.75;

impl LearningError {
    /// "the difference to NAME", or "weights as f16".
    pub fn name(&self) -> String {
        match self.kind.starts_with("difference") {
            true => format!("the difference to {}", self.other),
            false => self.other.clone(),
        }
    }

    /// Whether first order explains what was measured.
    pub fn sentence(&self) -> String {
        let (what, explained) = match &self.off {
            Some(off) => ("the shift off the support", &off.shift),
            None => ("the displacement", &self.displacement),
        };
        let Explained { measured, predicted, missed } = explained;
        let sizes = format!(
            "measured {}, to first order {} (medians, 95 % intervals {} and {})",
            digits(measured.q50),
            digits(predicted.q50),
            interval(measured),
            interval(predicted),
        );
        let verdict = match missed {
            Some(missed) if measured.n >= FEWEST => {
                format!("{}, sample by sample", claim(missed, what))
            }
            Some(_) => {
                format!("{} samples are too few to say whether first order explains {what}", measured.n)
            }
            None => format!("nothing can be said about how much of {what} first order explains"),
        };
        format!("{verdict}: {sizes}.")
    }

    /// What else has to be known: jumps, the bound, when the error does harm.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(off) = &self.off {
            if let Some(Explained { missed: Some(missed), .. }) = &off.shift_without_jumps {
                notes.push(format!(
                    "{} of the twins landed on another component of the support, a jump that first order does not know; \
                     without them it misses {}.",
                    percent(off.jumped),
                    share(missed)
                ));
            }
            if let (Some(w1), Some(predicted)) = (&off.w1, &off.w1_predicted) {
                let [w1, predicted] = [w1, predicted]
                    .map(|e| format!("{} ({} to {})", digits(e.value), digits(e.low), digits(e.high)));
                notes.push(format!(
                    "The law of the distances shifts by {w1} in 1-Wasserstein distance, to first order by {predicted} (95 % \
                     intervals)."
                ));
            }
            if let (Some(bound), Some(used)) = (&off.bound, &off.used) {
                notes.push(format!(
                    "An error of this length at every moment could move a sample off the support by {} at most, to first \
                     order (median); this one uses {} of that (median; 5–95 % {} to {}).",
                    digits(bound.q50),
                    percent(used.q50),
                    percent(used.q05),
                    percent(used.q95)
                ));
            }
            if let Some(beyond) = off.beyond.filter(|beyond| *beyond > 0.0) {
                notes.push(format!(
                    "{} of the samples moved off by more than their bound, which holds to first order and away from the ends of \
                     a support.",
                    percent(beyond)
                ));
            }
        }
        if let Some(half) = &self.half {
            notes.push(format!(
                "Half of what this error can do off the support arises in {:.0} % of the steps, n = {} to {} (model time \
                 {:.3} to {:.3}).",
                100.0 * half.share_of_steps,
                half.first,
                half.last,
                half.start,
                half.end
            ));
        }
        notes
    }
}

/// What an interval of the missed share allows to say.
fn claim(missed: &Estimate, what: &str) -> String {
    let misses = format!("it misses {}", share(missed));
    match (missed.low, missed.high) {
        (_, high) if high <= EXPLAINED => format!("First order explains {what} ({misses})"),
        (low, _) if low >= UNEXPLAINED => format!("First order does not explain {what} ({misses})"),
        (low, high) if low > EXPLAINED && high < UNEXPLAINED => {
            format!("First order explains {what} in part ({misses})")
        }
        _ => format!("These samples do not tell how well first order explains {what} ({misses})"),
    }
}

/// "4.20 % of it, 95 % interval 3.10 to 5.00 %".
fn share(missed: &Estimate) -> String {
    let [value, low, high] = [missed.value, missed.low, missed.high].map(|v| digits(100.0 * v));
    format!("{value} % of it, 95 % interval {low} to {high} %")
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn interval(q: &Quantiles) -> String {
    if q.n < FEWEST { "none".into() } else { format!("{} to {}", digits(q.q50_low), digits(q.q50_high)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_need_their_whole_interval() {
        let said = |low: f64, high: f64| claim(&Estimate { value: 0.5 * (low + high), low, high }, "it");
        assert!(
            said(0.01, 0.03).starts_with(
                "First order explains it (it misses 2.00 % of it, 95 % interval 1.00 to 3.00 %)"
            )
        );
        assert!(said(0.3, 0.6).contains("in part"));
        assert!(said(0.8, 1.4).contains("does not explain"));
        for (low, high) in [(0.2, 0.3), (0.6, 0.9), (0.1, 1.2)] {
            assert!(said(low, high).contains("do not tell"), "{low} {high}");
        }
    }
}
