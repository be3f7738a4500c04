//! Likelihoods of the samples of several models (theory §7).

use super::{Model, side_by_side};
use crate::report::page::median;
use maud::{Markup, html};
use surefoot::analysis::LikelihoodSummary;
use surefoot::statistics::Quantiles;

/// Medians of log-density and bits per dimension, and the formula.
pub fn draw(models: &[Model]) -> Markup {
    let of = |model: &Model| model.context.input.summary.likelihood.clone();
    type Pick = fn(&LikelihoodSummary) -> &Quantiles;
    let figures: [(&str, Pick); 2] =
        [("log-density, nats", |l| &l.log_density), ("bits per dimension", |l| &l.bits_per_dim)];
    let mut rows: Vec<(String, Vec<Option<Markup>>)> = Vec::new();
    for (name, pick) in figures {
        let cells = models.iter().map(|model| of(model).map(|found| median(pick(&found))));
        rows.push((name.to_string(), cells.collect()));
    }
    let formula = models.iter().map(|model| of(model).map(|found| html! { (found.formula.words()) }));
    rows.push(("formula".into(), formula.collect()));
    const SHOWS: &str = "How probable every model finds its own samples.";
    side_by_side(SHOWS, "median over samples, 95 % interval below", models, rows)
}
