//! The response in plain words: whether its two forms agree, and where a standard error is not to be trusted.

use super::summary::{Answer, ResponseSummary};
use crate::response::Estimate;

/// Standard errors beyond which a difference is not left to chance.
const CHANCE: f64 = 3.0;
/// Answers that are named one by one.
const NAMED: usize = 4;

impl ResponseSummary {
    /// How well the two forms agree; nothing where there is no density form, or one sample only.
    pub fn agreement(&self) -> Option<String> {
        let pulls: Vec<(f64, &Answer)> =
            self.answers.iter().filter_map(|answer| Some((answer.difference?.pull()?, answer))).collect();
        let largest = pulls.iter().map(|(pull, _)| *pull).reduce(f64::max)?;
        let mut apart: Vec<_> = pulls.into_iter().filter(|(pull, _)| *pull > CHANCE).collect();
        if apart.is_empty() {
            return Some(format!(
                "Density form and path form agree: they differ by at most {largest:.1} standard errors of their difference."
            ));
        }
        apart.sort_by(|a, b| b.0.total_cmp(&a.0));
        let named = named(&apart, |(pull, answer)| format!("{} ({pull:.1})", title(answer)));
        Some(format!(
            "Caution: density form and path form disagree, by up to {largest:.1} standard errors of their difference: {named}. That is \
             more than chance. Likely reasons: a network with kinks (ReLU, SELU), where the density form leaves out the \
             jumps that kinks make in the density, while the path form and the likelihood stay exact; or heavy tails, where \
             the standard error itself is too small."
        ))
    }

    /// Which standard errors rest on a few samples.
    pub fn tails(&self) -> Option<String> {
        let heavy = |estimate: Option<&Estimate>| estimate.is_some_and(Estimate::is_heavy_tailed);
        let mut found = Vec::new();
        for answer in &self.answers {
            let (path, density) = (heavy(Some(&answer.path)), heavy(answer.density.as_ref()));
            let form = match (path, density) {
                (true, true) => "both forms",
                (true, false) => "path form",
                (false, true) => "density form",
                (false, false) => continue,
            };
            found.push(format!("{} ({form})", title(answer)));
        }
        (!found.is_empty()).then(|| {
            format!(
                "Caution, heavy tails: one in a hundred samples carries over half of the variance behind {}. The printed standard errors \
                 are too small to be trusted there; more samples may change these numbers by much more.",
                named(&found, String::clone)
            )
        })
    }

    /// Why the density form scatters where the sampler is stochastic.
    pub fn noise(&self) -> Option<&'static str> {
        (self.density.as_deref() == Some("given-noise")).then_some(
            "Given the noise of a stochastic sampler the density is narrow and its response large, so the density form scatters more.",
        )
    }

    /// Whether the two forms differ by more than chance.
    pub fn forms_disagree(&self) -> bool {
        self.answers.iter().filter_map(|answer| answer.difference?.pull()).any(|pull| pull > CHANCE)
    }

    /// What a reader should know before using the numbers: disagreement and heavy tails.
    pub fn warnings(&self) -> Vec<String> {
        self.agreement().filter(|_| self.forms_disagree()).into_iter().chain(self.tails()).collect()
    }
}

fn title(answer: &Answer) -> String {
    format!("{} under {} errors", answer.observable, answer.kind)
}

/// The first few, and how many more.
fn named<T>(list: &[T], word: impl Fn(&T) -> String) -> String {
    let words: Vec<String> = list.iter().take(NAMED).map(word).collect();
    let more = list.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{rest}", words.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::Differences;
    use std::collections::BTreeMap;

    fn estimate(mean: f64, standard_error: Option<f64>, tail_share: Option<f64>) -> Estimate {
        Estimate { mean, standard_error, tail_share }
    }

    fn summary(difference: Estimate, path: Estimate) -> ResponseSummary {
        let answer = Answer {
            kind: "random".into(),
            observable: "x0^2".into(),
            value: estimate(1.0, Some(0.1), None),
            path,
            density: Some(estimate(0.2, Some(0.1), Some(0.1))),
            difference: Some(difference),
            probe_error: None,
            finite_difference: Differences { values: vec![0.3], limit: 0.3, order: None },
        };
        ResponseSummary {
            density_vs_path: BTreeMap::new(),
            finite_difference_order: BTreeMap::new(),
            finite_difference_sizes: vec![0.1],
            finite_difference_samples: 1,
            density: Some("deterministic".into()),
            formula: None,
            probe_errors: None,
            answers: vec![answer],
        }
    }

    #[test]
    fn agreement_and_disagreement_are_said() {
        let light = estimate(0.3, Some(0.1), Some(0.1));
        let found = summary(estimate(0.29, Some(0.1), None), light);
        assert!(found.agreement().unwrap().contains("at most 2.9"), "{:?}", found.agreement());
        assert!(found.warnings().is_empty());
        let apart = summary(estimate(-0.31, Some(0.1), None), light);
        let said = apart.agreement().unwrap();
        for part in ["disagree", "3.1", "x0^2 under random errors", "kinks", "heavy tails"] {
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(apart.warnings(), [said]);
    }

    #[test]
    fn one_sample_agrees_with_nothing() {
        let lone = estimate(0.0, None, None);
        let found = summary(lone, lone);
        assert_eq!((found.agreement(), found.tails()), (None, None));
    }

    #[test]
    fn heavy_tails_are_named() {
        let heavy = estimate(0.3, Some(0.1), Some(0.7));
        let said = summary(estimate(0.1, Some(0.1), None), heavy).tails().unwrap();
        assert!(said.contains("x0^2 under random errors (path form)"), "{said}");
        let many: Vec<u32> = (0..6).collect();
        assert_eq!(named(&many, |i| i.to_string()), "0; 1; 2; 3; and 2 more");
    }
}
