//! Columns of the gains.

use super::super::axis::{Axis, ColumnSink, LENGTH};
use super::super::extent::Extent;
use crate::gains::Gains;
use std::collections::BTreeMap;

/// The columns that gains fill.
pub(in crate::analysis) fn gain_columns(to: &mut dyn ColumnSink, extent: &Extent) {
    use Axis::{Curve, Interval, Sample, Subset};
    if !extent.gains {
        return;
    }
    let rate = "data units / model time";
    to.add("gain_normal", &[Sample], LENGTH, "G_N: bound on ‖Nᵀζ_τ‖ per unit pointwise 2-norm (theory §8)");
    to.add("gain_normal_inf", &[Sample], LENGTH, "the same per unit ∞-norm, by row 1-norms");
    to.add("white_normal", &[Sample], "data units²", "tr(NᵀW_τN) for errors white in time (theory §8)");
    to.add("white_normal_share", &[Sample], "", "tr(NᵀW_τN)/tr W_τ");
    to.add("white_normal_share_error", &[Sample], "", "its standard error; 0 where exact");
    to.add("gain_normal_rate", &[Curve, Interval], rate, "g_N(n) of the step from n to n + 1");
    to.add("doubled_gain_normal", &[Subset], LENGTH, "G_N with twice the steps");
    if extent.tangents {
        to.add("gain_tangent", &[Sample], LENGTH, "G_T: the same bound on ‖Tᵀζ_τ‖");
        to.add("gain_tangent_inf", &[Sample], LENGTH, "the same per unit ∞-norm");
        to.add("gain_tangent_rate", &[Curve, Interval], rate, "g_T(n) of the step from n to n + 1");
        to.add("doubled_gain_tangent", &[Subset], LENGTH, "G_T with twice the steps");
    }
}

/// Fills the columns of a tile; the leading `kept` rates are kept.
pub(in crate::analysis) fn put_gains(
    to: &mut BTreeMap<&'static str, Vec<f64>>,
    mut gains: Gains,
    kept: usize,
) {
    for rates in [&mut gains.normal_rate, &mut gains.tangent_rate] {
        rates.truncate(kept);
    }
    let shares = gains.white_normal_share();
    to.insert("white_normal_share", shares.iter().map(|s| s.value).collect());
    to.insert("white_normal_share_error", shares.iter().map(|s| s.standard_error).collect());
    to.insert("white_normal", gains.white_normal);
    to.insert("gain_normal", gains.normal);
    to.insert("gain_tangent", gains.tangent);
    to.insert("gain_normal_inf", gains.normal_inf);
    to.insert("gain_tangent_inf", gains.tangent_inf);
    to.insert("gain_normal_rate", gains.normal_rate);
    to.insert("gain_tangent_rate", gains.tangent_rate);
}

/// Fills the columns of a tile with twice the steps.
pub(in crate::analysis) fn put_doubled_gains(to: &mut BTreeMap<&'static str, Vec<f64>>, gains: Gains) {
    to.insert("doubled_gain_normal", gains.normal);
    to.insert("doubled_gain_tangent", gains.tangent);
}
