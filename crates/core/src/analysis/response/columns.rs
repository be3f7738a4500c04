//! Columns of the response.

use super::super::axis::{Axis, ColumnSink, NATS};
use super::super::extent::Extent;
use crate::sweep::Probes;

/// The columns that the response fills.
pub(in crate::analysis) fn response_columns(to: &mut dyn ColumnSink, extent: &Extent) {
    use Axis::{Checked, Component, Observable, Response, Sample, Size};
    if extent.observables == 0 {
        return;
    }
    to.add("observables", &[Sample, Observable], "", "f(x_τ) of every observable (theory §7)");
    to.add(
        "observable_slopes",
        &[Sample, Response, Observable],
        "",
        "∇f·ζ_τ: a sample's share of the path form",
    );
    to.add(
        "finite_differences",
        &[Checked, Response, Size, Observable],
        "",
        "(f(x^ε) − f(x^−ε))/2ε at ε = 0.1, 0.01, 0.001, 0.0001",
    );
    if extent.density {
        let response = "δ log ρ_τ(x_τ) per unit size (CdC 2); given the noise for a stochastic sampler";
        to.add("response", &[Sample, Response], NATS, response);
        let score = "s_τ of the generated density by recursion; given the noise for a stochastic sampler";
        to.add("pathwise_score", &[Sample, Component], "1 / data units", score);
    }
    if matches!(extent.probes, Some(Probes::Signs { .. })) {
        to.add("response_error", &[Sample, Response], NATS, "standard error of δ log ρ over random probes");
        let score = "standard error of the pathwise score over random probes";
        to.add("pathwise_score_error", &[Sample, Component], "1 / data units", score);
    }
    if extent.likelihood {
        to.add(
            "log_density",
            &[Sample],
            NATS,
            "log ρ_0(x_0) − Σ log|det A_n| of the discrete flow (theory §7)",
        );
    }
}
