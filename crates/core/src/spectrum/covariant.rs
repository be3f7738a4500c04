//! Covariant Lyapunov vectors by backward recursion from the stored factors (Ginelli et al. 2007; theory §4).

use crate::error::{Error, Result};
use crate::linalg::dot;
use crate::random::{Purpose, standard_normal, stream};
use crate::spectrum::product::combine_rows;
use crate::sweep::Chain;
use std::ops::Range;

/// Covariant vectors along every path of a batch: A_n v_n^i is parallel to v_{n+1}^i.
#[derive(Debug, Clone, Default)]
pub struct Covariant {
    /// Unit vectors at n = 0..=τ `[τ+1, n, k, D]`
    pub vectors: Vec<f64>,
    /// log ‖A_n v_n^i‖ for n = 0..τ `[τ, n, k]`
    pub log_growth: Vec<f64>,
}

/// Runs V_n = E_n C_n with C_n ∝ R_n^{-1} C_{n+1} backward from a random upper triangular C_τ, drawn per sample.
///
/// `frames[τ+1, n, k, D]` and `chain` are those of one sweep over the samples `samples` of the run. Vectors near the
/// start still feel the random start frame, those near the end the random C_τ.
///
/// # Errors
/// [`Error::Invalid`] if the sizes do not fit together or a factor has no positive diagonal.
pub fn covariant(chain: &Chain, frames: &[f64], seed: u64, samples: Range<usize>) -> Result<Covariant> {
    let (k, n) = (chain.k, chain.samples);
    let (step_len, steps) = (n * k * k, chain.factors.len().checked_div(n * k * k).unwrap_or(0));
    let frame_len = frames.len() / (steps + 1);
    let fits = samples.len() == n
        && step_len > 0
        && chain.factors.len().is_multiple_of(step_len)
        && frames.len() == frame_len * (steps + 1)
        && frame_len.is_multiple_of(n * k)
        && frame_len > 0;
    if !fits {
        return Err(Error::invalid(
            "following covariant vectors",
            format!("{n} samples with factors [τ, {n}, {k}, {k}] and frames [τ+1, {n}, {k}, D]"),
            format!("{} factors and {} frame numbers", chain.factors.len(), frames.len()),
            "Keep frames and chain in the same sweep",
        ));
    }
    let mut coordinates: Vec<f64> = samples.flat_map(|i| random_columns(k, seed, i)).collect();
    let mut found = Covariant { vectors: vec![0.0; frames.len()], log_growth: vec![0.0; steps * n * k] };
    let row_len = frame_len / n;
    for step in (0..=steps).rev() {
        if step < steps {
            let growth = &mut found.log_growth[step * n * k..][..n * k];
            let factors = chain.factors[step * step_len..][..step_len].chunks_exact(k * k);
            let columns = coordinates.chunks_exact_mut(k * k).zip(growth.chunks_exact_mut(k));
            for (factor, (columns, growth)) in factors.zip(columns) {
                pull_back(k, factor, columns, growth)?;
            }
        }
        let own = step * frame_len..(step + 1) * frame_len;
        let rows =
            frames[own.clone()].chunks_exact(row_len).zip(found.vectors[own].chunks_exact_mut(row_len));
        for (columns, (frame, vectors)) in coordinates.chunks_exact(k * k).zip(rows) {
            combine_rows(k, columns, frame, vectors);
        }
    }
    Ok(found)
}

/// Random unit columns of an upper triangular matrix with positive diagonal, as rows.
fn random_columns(k: usize, seed: u64, sample: usize) -> Vec<f64> {
    let mut rng = stream(seed, sample as u64, Purpose::Covariant);
    let mut columns = vec![0.0; k * k];
    for (j, column) in columns.chunks_exact_mut(k).enumerate() {
        standard_normal(&mut rng, &mut column[..=j]);
        column[j] = column[j].abs();
        normalise(column);
    }
    columns
}

/// Scales to length 1; the length before.
fn normalise(column: &mut [f64]) -> f64 {
    let length = dot(column, column).sqrt();
    column.iter_mut().for_each(|value| *value /= length);
    length
}

/// Solves R c_n = c_{n+1} for every column, normalises, and notes the growth from n to n + 1.
fn pull_back(k: usize, factor: &[f64], columns: &mut [f64], growth: &mut [f64]) -> Result<()> {
    for (j, (column, growth)) in columns.chunks_exact_mut(k).zip(growth).enumerate() {
        for i in (0..=j).rev() {
            let above = dot(&factor[i * k + i + 1..=i * k + j], &column[i + 1..=j]);
            column[i] = (column[i] - above) / factor[i * k + i];
        }
        *growth = -normalise(column).ln();
        if !growth.is_finite() {
            return Err(Error::invalid(
                "following covariant vectors",
                "factors with a positive diagonal",
                format!("a pulled-back vector with log growth {growth}"),
                "Take the chain from a sweep that ended without an error",
            ));
        }
    }
    Ok(())
}
