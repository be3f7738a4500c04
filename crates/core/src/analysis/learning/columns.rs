//! Columns of the learning errors.

use super::super::axis::{Axis, ColumnSink, LENGTH};
use super::super::extent::Extent;

/// The columns that learning errors fill; none without any.
pub(in crate::analysis) fn learning_columns(to: &mut dyn ColumnSink, extent: &Extent) {
    use Axis::{Curve, Interval, Learned, Sample};
    let length = "‖e(x_n, u_n)‖₂ of the difference to the other model, in units of the place where it acts";
    to.add("learning_error", &[Curve, Learned, Interval], "", length);
    if extent.support {
        let predicted = "distance to the middle of the support to first order, at the error's own size";
        to.add("predicted_distance", &[Sample, Learned], LENGTH, predicted);
    }
    if extent.bounded {
        let bound = "Σ δt g_N(n) ‖e(x_n, u_n)‖: bound on ‖Nᵀζ_τ‖ at the error's own size (theory §8)";
        to.add("learning_bound_normal", &[Sample, Learned], LENGTH, bound);
    }
    if extent.bounded && extent.tangents {
        to.add("learning_bound_tangent", &[Sample, Learned], LENGTH, "the same with g_T: bound on ‖Tᵀζ_τ‖");
    }
}
