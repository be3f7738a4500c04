//! Support classifiers of several models (theory §10).

use super::table::{group, kinds};
use super::{Model, side_by_side};
use crate::report::page::share_within;
use crate::report::text::number;
use maud::{Markup, html};
use surefoot::analysis::{ClassifierUnderError, Share};

const SHOWS: &str = "A one-class support vector machine learns the support from each model’s samples (CdC Prop. 4.1) and \
                     is held against its other samples and their perturbed twins.";

/// Margins, and what the classifiers reject, without errors and with the largest of every kind.
pub fn draw(models: &[Model]) -> Markup {
    let mut rows: Vec<(String, Vec<Option<Markup>>)> = Vec::new();
    let own = |model: &Model| model.context.input.summary.support_classifier.clone();
    let number = |value: f64| html! { (number(value)) };
    rows.push(("margin ρ/‖w‖".into(), models.iter().map(|m| own(m).map(|c| number(c.margin))).collect()));
    let share = |share: &Share| share_within(share.value, share.low, share.high);
    let rejected = models.iter().map(|m| own(m).map(|c| share(&c.held_out_error)));
    rows.push(("held-out samples rejected".into(), rejected.collect()));
    for kind in kinds(models) {
        let last = |model: &Model| -> Option<ClassifierUnderError> {
            let place = group(model.context, kind)?.places.end.checked_sub(1)?;
            own(model)?.under_error.get(place).cloned()
        };
        let size = models.iter().find_map(|model| {
            let group = group(model.context, kind)?;
            Some(format!("{kind}, {}", group.size_label(group.entries.last()?.size)))
        });
        let size = size.unwrap_or_default();
        let mut add = |what: &str, cell: &dyn Fn(&ClassifierUnderError) -> Markup| {
            let cells = models.iter().map(|model| last(model).as_ref().map(cell));
            rows.push((format!("{what}, {size}"), cells.collect()));
        };
        add("margin of one learned with the error", &|entry| number(entry.margin));
        add("twins rejected", &|entry| share(&entry.rejected));
        add("unperturbed rejected by one learned with the error", &|entry| share(&entry.rejects_unperturbed));
    }
    side_by_side(SHOWS, "95 % intervals below", models, rows)
}
