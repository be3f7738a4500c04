//! Exact finite-time Lyapunov vectors: the singular value decomposition of J = A_{τ−1}⋯A_0 (theory §4, `svd`).

use super::product::{Tile, combine_rows};
use super::{jacobi, planar};
use crate::error::{Error, Result};
use crate::sweep::Chain;

/// Exact finite-time vectors of J = A_{0,τ} for every sample of a batch (k = D).
#[derive(Debug, Clone, Default)]
pub struct Svd {
    /// log σ_i, descending `[n, k]`
    pub log_values: Vec<f64>,
    /// Left singular vectors as rows, in ambient coordinates `[n, k, D]`
    pub left: Vec<f64>,
    /// Right singular vectors as rows `[n, k, D]`
    pub right: Vec<f64>,
    /// Largest relative residual of Jᵀu_i = σ_i v_i a sample `[n]`, from applying the chain to the vectors found.
    /// The part along v_j counts relative to max(σ_i, σ_j), because a rounding error of u_i along u_j alone is
    /// stretched by σ_j; for the leading vector it is ‖Jᵀu − σ v‖/σ.
    pub residual: Vec<f64>,
}

/// One sample's decomposition in the coordinates of its frames, vectors as rows `[k, k]`.
pub(super) struct FrameSvd {
    pub(super) log_values: Vec<f64>,
    pub(super) left: Vec<f64>,
    pub(super) right: Vec<f64>,
    pub(super) residual: f64,
}

/// Samples that are swept together.
const TILE: usize = 16;
/// Alternate sweeps stop when the rows of the product, scaled to one size, have this condition number a vector.
const CONDITION: f64 = 100.0;
/// Pairs of sweeps after which the vectors are taken as they are (their residual tells how good they are).
const MAX_PAIRS: usize = 40;

/// Product SVD of the chain of every sample with its frames `start_frame[n, k, D]`, `end_frame[n, k, D]`.
///
/// Log singular values have relative accuracy however far they spread: backward and forward QR sweeps over the chain
/// alternate until the rows of the triangular product, each in its own scale, are well conditioned; a one-sided
/// Jacobi iteration on these rows does the rest, so nearly equal singular values converge too. The product is never
/// formed in one scale. For k < D the result is that of J restricted to the span of the start frame.
///
/// # Errors
/// [`Error::Invalid`] if the sizes do not fit together or a factor is not finite with a positive diagonal.
pub fn svd(chain: &Chain, start_frame: &[f64], end_frame: &[f64]) -> Result<Svd> {
    check(chain, start_frame, end_frame)?;
    let (k, n) = (chain.k, chain.samples);
    if n * k == 0 {
        return Ok(Svd { residual: vec![0.0; n], ..Svd::default() });
    }
    let mut found: Vec<Option<FrameSvd>> =
        (0..n).map(|sample| if k == 2 { planar::svd(&chain.factors, n, sample) } else { None }).collect();
    let waiting: Vec<usize> = (0..n).filter(|sample| found[*sample].is_none()).collect();
    for samples in waiting.chunks(TILE) {
        sweep_tile(chain, samples, &mut found);
    }
    let mut svd =
        Svd { left: vec![0.0; end_frame.len()], right: vec![0.0; start_frame.len()], ..Svd::default() };
    let row_len = start_frame.len() / n;
    for (sample, found) in found.into_iter().flatten().enumerate() {
        let own = sample * row_len..(sample + 1) * row_len;
        combine_rows(k, &found.left, &end_frame[own.clone()], &mut svd.left[own.clone()]);
        combine_rows(k, &found.right, &start_frame[own.clone()], &mut svd.right[own]);
        svd.log_values.extend(found.log_values);
        svd.residual.push(found.residual);
    }
    Ok(svd)
}

fn check(chain: &Chain, start_frame: &[f64], end_frame: &[f64]) -> Result<()> {
    let operation = "decomposing the product of a chain";
    let (k, n) = (chain.k, chain.samples);
    let rows = n * k;
    let fits = if rows == 0 {
        chain.factors.is_empty() && start_frame.is_empty() && end_frame.is_empty()
    } else {
        chain.factors.len().is_multiple_of(rows * k)
            && start_frame.len() == end_frame.len()
            && start_frame.len().is_multiple_of(rows)
            && start_frame.len() / rows >= k
    };
    if !fits {
        return Err(Error::invalid(
            operation,
            format!("factors [τ, {n}, {k}, {k}] and two frames [{n}, {k}, D]"),
            format!(
                "{} factors, frames of {} and {}",
                chain.factors.len(),
                start_frame.len(),
                end_frame.len()
            ),
            "Keep the chain of the sweep that gave the frames",
        ));
    }
    let diagonal_is_positive = |factor: &[f64]| {
        (0..k).all(|i| factor[i * k + i] > 0.0) && factor.iter().all(|value| value.is_finite())
    };
    if chain.factors.chunks_exact((k * k).max(1)).all(diagonal_is_positive) {
        return Ok(());
    }
    Err(Error::invalid(
        operation,
        "finite factors with a positive diagonal",
        "a factor without",
        "Take the chain from a sweep that ended without an error",
    ))
}

/// Sweeps a few samples until each is done, and notes their decompositions.
fn sweep_tile(chain: &Chain, samples: &[usize], found: &mut [Option<FrameSvd>]) {
    let k = chain.k;
    let mut waiting = samples.to_vec();
    let mut tile = Tile::of(k, &chain.factors, chain.samples, samples);
    for pair in 1..=MAX_PAIRS {
        tile = tile.transpose().transpose();
        let mut unfinished = Vec::new();
        for place in 0..tile.samples {
            let product = tile.product(place);
            if product.row_condition() > CONDITION * k as f64 && pair < MAX_PAIRS {
                unfinished.push(place);
                continue;
            }
            let rows = jacobi::svd(product);
            let own = place * k * k..(place + 1) * k * k;
            let mut vectors = FrameSvd {
                log_values: rows.log_values,
                left: vec![0.0; k * k],
                right: vec![0.0; k * k],
                residual: 0.0,
            };
            combine_rows(k, &rows.left, &tile.left[own.clone()], &mut vectors.left);
            combine_rows(k, &rows.right, &tile.right[own], &mut vectors.right);
            found[waiting[place]] = Some(vectors);
        }
        if unfinished.is_empty() {
            break;
        }
        tile = tile.select(&unfinished);
        waiting = unfinished.iter().map(|place| waiting[*place]).collect();
    }
    certify(chain, samples, found);
}

/// Applies the transposed chain to the left vectors found, by one more QR sweep, and compares with σ v.
fn certify(chain: &Chain, samples: &[usize], found: &mut [Option<FrameSvd>]) {
    let k = chain.k;
    let left = samples.iter().filter_map(|sample| found[*sample].as_ref()).flat_map(|svd| &svd.left);
    let left = left.copied().collect();
    let tile = Tile::of(k, &chain.factors, chain.samples, samples).transpose_from(left);
    for (place, sample) in samples.iter().enumerate() {
        let Some(svd) = &mut found[*sample] else { continue };
        let product = tile.product(place);
        let image = &tile.left[place * k * k..][..k * k];
        svd.residual = (0..k)
            .map(|i| {
                let own = i * k..(i + 1) * k;
                product.residual(i, svd.log_values[i], &image[own.clone()], &svd.right[own])
            })
            .fold(0.0, f64::max);
    }
}
