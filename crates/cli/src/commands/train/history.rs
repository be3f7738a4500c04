//! What a training measured on its way.

use crate::report::Weights;
use serde_json::{Value, json};

/// Losses of all updates and validations.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Mean loss of every update's batch, before the update.
    pub losses: Vec<f32>,
    /// Updates done, validation loss, its standard error.
    pub validations: Vec<[f64; 3]>,
    /// Time spent on updates and validations, with that of earlier parts of the training.
    pub seconds: f64,
    /// The weights over time, as they were measured on the way (`[robust]`).
    pub measurements: Vec<Weights>,
    /// The largest defect of a batch's entropic coupling so far; 0 for other couplings.
    pub defect: f64,
}

/// Share of pairs drawn otherwise than from the exact entropic plan, from which the coupling is called unsolved.
const UNSOLVED: f64 = 0.01;

/// Points of a drawn curve at most.
const POINTS: usize = 400;

impl History {
    /// Takes in the defect of an update; whether it is the first that is too large.
    pub fn meet_defect(&mut self, defect: f64) -> bool {
        let before = self.defect;
        self.defect = before.max(defect);
        before <= UNSOLVED && self.defect > UNSOLVED
    }

    /// What to think of the entropic couplings, where some were not solved.
    pub fn warning(&self) -> Option<String> {
        (self.defect > UNSOLVED).then(|| {
            format!(
                "sb-cfm: expected entropic couplings that lack at most {UNSOLVED} of the data's marginal, got {:.3} in a batch: \
                 Sinkhorn's iteration does not come to its end there, and pairs are drawn from another law. Take a larger \
                 objective.sigma, or scale the data down; for a small sigma ot-cfm is nearly the same",
                self.defect
            )
        })
    }

    /// The training loss averaged over equal parts of the updates: (updates at the middle, loss).
    pub fn curve(&self) -> Vec<[f64; 2]> {
        let part = self.losses.len().div_ceil(POINTS).max(1);
        let mean = |losses: &[f32]| losses.iter().map(|&l| f64::from(l)).sum::<f64>() / losses.len() as f64;
        let points = self.losses.chunks(part).enumerate();
        points.map(|(i, losses)| [(i * part) as f64 + 0.5 * losses.len() as f64, mean(losses)]).collect()
    }

    /// As `training.json` has it.
    pub fn json(&self) -> Value {
        let curve = self.curve();
        let mut facts = json!({
            "updates": self.losses.len(),
            "seconds": self.seconds,
            "training_loss": { "update": curve.iter().map(|p| p[0]).collect::<Vec<_>>(),
                               "mean": curve.iter().map(|p| p[1]).collect::<Vec<_>>() },
            "validation_loss": { "update": self.validations.iter().map(|v| v[0] as u64).collect::<Vec<_>>(),
                                 "mean": self.validations.iter().map(|v| v[1]).collect::<Vec<_>>(),
                                 "standard_error": self.validations.iter().map(|v| v[2]).collect::<Vec<_>>() },
        });
        if self.defect > 0.0 {
            facts["coupling"] = json!({ "largest_defect": self.defect });
            if let Some(warning) = self.warning() {
                facts["coupling"]["warning"] = json!(warning);
            }
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_few_points_and_keeps_the_mean() {
        let history = History { losses: (0..1001).map(|i| i as f32).collect(), ..History::default() };
        let curve = history.curve();
        assert!(curve.len() <= POINTS);
        assert_eq!(curve[0], [1.5, 1.0]);
        assert_eq!(curve.last(), Some(&[1000.0, 999.5]));
        assert!(History::default().curve().is_empty());
    }

    #[test]
    fn a_large_defect_is_told_once_and_kept() {
        let mut history = History::default();
        assert!(!history.meet_defect(0.0) && history.json().get("coupling").is_none());
        assert!(!history.meet_defect(1e-4) && history.warning().is_none());
        assert!(history.meet_defect(0.2) && !history.meet_defect(0.3) && !history.meet_defect(1e-5));
        assert_eq!(history.json()["coupling"]["largest_defect"], 0.3);
        assert!(history.warning().unwrap().contains("0.300"));
    }
}
