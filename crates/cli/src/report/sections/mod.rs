//! The sections of a report, one file each. A section without data is absent.

pub mod absent;
pub mod alignment;
pub mod classifier;
pub mod condition;
pub mod dimension;
pub mod exponents;
pub mod gains;
pub mod headline;
pub mod images;
pub mod learning;
pub mod likelihood;
pub mod moved;
pub mod pictures;
pub mod provenance;
pub mod response;
pub mod robustness;

use super::ReportInput;
use super::columns::{Columns, Table};
use super::page::column_links;
use super::palette::Role;
use super::scene::Scene;
use maud::{Markup, html};
use std::ops::Range;
use surefoot::Error;
use surefoot::analysis::{ErrorKind, Robustness, layout};

/// What several sections need, read once.
pub struct Context<'a> {
    /// What the report is made from.
    pub input: &'a ReportInput<'a>,
    /// The run's columns.
    pub columns: Columns<'a>,
    /// x_τ.
    pub generated: Table,
    /// x_τ of the twins, `[sample, perturbation, component]`.
    pub perturbed: Option<Table>,
    /// Planes to draw in.
    pub scenes: Vec<Scene>,
    /// Errors and their entries in the robustness list.
    pub errors: Vec<ErrorGroup<'a>>,
}

/// The sizes of one requested error.
#[derive(Debug, Clone)]
pub struct ErrorGroup<'a> {
    /// Kind, as in `summary.json`.
    pub kind: &'static str,
    /// Entries of the robustness list.
    pub entries: &'a [Robustness],
    /// Their places in the list.
    pub places: Range<usize>,
    /// Place among errors with a first-order displacement.
    pub forced: Option<usize>,
}

impl ErrorGroup<'_> {
    /// Colour.
    pub fn role(&self) -> Role {
        Role::of_kind(self.kind)
    }

    /// "constant error in the output".
    pub fn title(&self) -> String {
        match (self.kind, self.entries.first()) {
            ("coarser", _) => "coarser steps".into(),
            (kind, Some(entry)) => format!("{kind} error in the {}", entry.error_in),
            (kind, None) => format!("{kind} error"),
        }
    }

    /// "ε = 0.5", or "3 × coarser".
    pub fn size_label(&self, size: f64) -> String {
        let typed = super::text::typed(size);
        if self.kind == "coarser" { format!("{typed} × coarser") } else { format!("ε = {typed}") }
    }

    /// Label of an axis over sizes.
    pub fn axis_label(&self) -> &'static str {
        match self.kind {
            "coarser" => "step length, multiples of the run's own",
            "worst-l2" => "error size ε (pointwise 2-norm)",
            _ => "error size ε (∞-norm)",
        }
    }
}

impl<'a> Context<'a> {
    /// Reads what several sections share.
    ///
    /// # Errors
    /// Unreadable columns.
    pub fn new(input: &'a ReportInput<'a>) -> Result<Context<'a>, Error> {
        let robustness = &input.summary.robustness;
        let columns = Columns::new(input.columns, layout(input.system, input.request, robustness.len()));
        let dim = input.system.dim();
        let generated = columns.get("x")?.unwrap_or_else(|| Table::new(Vec::new(), dim));
        let perturbed = columns.get("perturbed_x")?;
        let mut clouds = vec![generated.clone()];
        for place in 0..perturbed.as_ref().map_or(0, |_| robustness.len()) {
            let values: Vec<f64> =
                perturbed.iter().flat_map(|table| table.parts(place, dim)).flatten().copied().collect();
            clouds.push(Table::new(values, dim));
        }
        let scenes = Scene::all(input.system, &clouds.iter().collect::<Vec<_>>());
        let errors = error_groups(input);
        Ok(Context { input, columns, generated, perturbed, scenes, errors })
    }

    /// D.
    pub fn dim(&self) -> usize {
        self.input.system.dim()
    }

    /// d of the support.
    pub fn intrinsic_dim(&self) -> Option<usize> {
        self.input.system.support.as_ref().map(|support| support.intrinsic_dim())
    }

    /// Dimension of the subspace that alignment and footing compare: d, or D − 1 for a support with d = D.
    pub fn aligned_dim(&self) -> Option<usize> {
        self.intrinsic_dim().map(|d| d.min(self.dim() - 1))
    }

    /// Values of a one-number column; for a support with d = D only those of points near its boundary.
    ///
    /// # Errors
    /// Unreadable columns.
    pub fn counted(&self, name: &str) -> Result<Option<Vec<f64>>, Error> {
        let Some(values) = self.columns.get(name)? else { return Ok(None) };
        let mask = self.columns.get("near_boundary")?;
        let keep = |i: &usize| mask.as_ref().is_none_or(|mask| mask.row(*i)[0] > 0.5);
        let kept: Vec<f64> = (0..values.rows()).filter(keep).map(|i| values.row(i)[0]).collect();
        Ok((!kept.is_empty()).then_some(kept))
    }

    /// x_τ of the twins of one robustness entry, one row a sample.
    pub fn twins(&self, place: usize) -> Option<impl Iterator<Item = &[f64]>> {
        let dim = self.dim();
        self.perturbed.as_ref().map(|table| table.parts(place, dim))
    }

    /// Links to columns beside the report.
    pub fn column_links(&self, names: &[impl AsRef<str>]) -> Markup {
        let store = self.input.links.iter().find(|(text, _)| text == "arrays.zarr");
        let base = store.map_or("arrays.zarr/", |(_, address)| address.trim_end_matches("zarr.json"));
        column_links(&format!("{}/", base.trim_end_matches('/')), names)
    }

    /// Where the numbers of a figure are.
    pub fn numbers(&self, names: &[impl AsRef<str>]) -> Markup {
        html! { "Numbers: " (self.column_links(names)) " in " code { "arrays.zarr" } "." }
    }

    /// One sentence on which points count, for a support with d = D.
    pub fn counted_note(&self) -> Option<String> {
        let alignment = self.input.summary.alignment.as_ref()?;
        let within = alignment.boundary_distance?;
        Some(format!(
            "The support has the full dimension, so only the {} points within {} of its boundary count.",
            alignment.points,
            super::text::typed(within)
        ))
    }
}

fn error_groups<'a>(input: &'a ReportInput<'a>) -> Vec<ErrorGroup<'a>> {
    let list = &input.summary.robustness;
    let (mut groups, mut next, mut forced) = (Vec::new(), 0, 0);
    for error in &input.request.errors {
        let places = next..(next + error.entries()).min(list.len());
        next = places.end;
        let coarser = matches!(error.kind, ErrorKind::Coarser);
        let group = ErrorGroup {
            kind: error.kind.name(),
            entries: &list[places.clone()],
            places,
            forced: (!coarser).then_some(forced),
        };
        forced += usize::from(!coarser);
        if !group.entries.is_empty() {
            groups.push(group);
        }
    }
    groups
}
