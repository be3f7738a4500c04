//! Columns of the condition, and back.

use super::super::axis::{Axis, ColumnSink};
use super::super::extent::Extent;
use super::super::summarise::Reader;
use crate::condition::{Quantities, Trace};
use crate::error::Result;
use std::collections::BTreeMap;

/// The columns that the condition fills, for the samples that are examined.
pub(in crate::analysis) fn condition_columns(to: &mut dyn ColumnSink, extent: &Extent, density: bool) {
    use Axis::{Examined, Interval};
    if !extent.condition {
        return;
    }
    let rate = "1 / model time";
    let mut add = |name, unit, description| to.add(name, &[Examined, Interval], unit, description);
    add("condition_stretch", "", "α_n = ‖R_n‖, stretch along the sensitive subspace (theory §9)");
    add("condition_log_least_stretch", "nats", "log ‖(R_{τ−1}⋯R_n)^{-1}‖^{-1}");
    add("condition_rest", "", "β_n = ‖A_n E_n^⊥‖, stretch of the rest");
    add("condition_cross_out", rate, "‖(I − EEᵀ) ∇v E‖");
    add("condition_cross_in", rate, "‖Eᵀ ∇v (I − EEᵀ)‖");
    add("condition_block", rate, "the larger of ‖Eᵀ∇vE‖ and ‖(I − EEᵀ)∇v(I − EEᵀ)‖");
    add("condition_curvature", "1 / (data units · model time)", "‖(I + δt ∇_d v_d)^{-1} ∇²_d v_d‖");
    to.add("condition_log_volume", &[Examined], "nats", "Σ log R_ii over the vectors followed");
    to.add("condition_score_from_zero", &[Examined], "1 / data units", "‖p_τ‖ from p_0 = 0 (CdC 3–4)");
    if density {
        to.add("condition_score_from_source", &[Examined], "1 / data units", "‖p_τ‖ from p_0 = s_0 E_0");
    }
}

/// Fills the columns.
pub(in crate::analysis) fn put_condition(
    to: &mut BTreeMap<&'static str, Vec<f64>>,
    found: Quantities,
    d: usize,
) {
    let mut put = |name, values: Vec<f64>| to.insert(name, values);
    put("condition_stretch", found.stretch);
    put("condition_log_least_stretch", found.log_least_stretch);
    put("condition_rest", found.rest);
    put("condition_cross_out", found.cross_out);
    put("condition_cross_in", found.cross_in);
    put("condition_block", found.block);
    put("condition_curvature", found.curvature);
    put("condition_log_volume", found.log_volume);
    put("condition_score_from_zero", lengths(&found.score_from_zero, d));
    put("condition_score_from_source", lengths(&found.score_from_source, d));
}

fn lengths(rows: &[f64], d: usize) -> Vec<f64> {
    rows.chunks_exact(d).map(|p| crate::linalg::spectral_norm(d, p)).collect()
}

/// The quantities of all leading paths, read back; the scores as their lengths.
pub(super) fn read(reader: &Reader) -> Result<Quantities> {
    let of = |name: &str| reader.read(&format!("condition_{name}"));
    Ok(Quantities {
        steps: reader.system.grid.steps,
        stretch: of("stretch")?,
        log_least_stretch: of("log_least_stretch")?,
        rest: of("rest")?,
        cross_out: of("cross_out")?,
        cross_in: of("cross_in")?,
        block: of("block")?,
        curvature: of("curvature")?,
        log_volume: of("log_volume")?,
        score_from_zero: of("score_from_zero")?,
        score_from_source: match reader.system.source_density {
            Some(_) => of("score_from_source")?,
            None => Vec::new(),
        },
        trace: Trace::of(reader.request.vectors, reader.system.dim()),
    })
}
