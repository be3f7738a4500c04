//! Lyapunov exponents of any map by the same QR engine, for the benchmarks of theory §11.5.

use crate::error::{Error, Result};
use crate::linalg::{LogProduct, orthonormalize};
use crate::random::{Purpose, standard_normal, stream};

/// How long a map is followed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lyapunov {
    /// Number of exponents, at most D.
    pub k: usize,
    /// Applications of the map before growth counts.
    pub transient: usize,
    /// Applications that count.
    pub steps: usize,
    /// Seed of the start frame.
    pub seed: u64,
}

/// Mean log growth an application of `map`, most sensitive first `[k]`.
///
/// `map` replaces the state `[D]` by its image and the k tangent rows `[k, D]` by theirs.
///
/// # Errors
/// [`Error::Invalid`] if k > D or no steps are asked for; [`Error::NonFinite`] if the orbit or a tangent leaves the
/// finite numbers or collapses.
pub fn lyapunov(
    run: Lyapunov,
    start: &[f64],
    mut map: impl FnMut(&mut [f64], &mut [f64]),
) -> Result<Vec<f64>> {
    let (dim, k) = (start.len(), run.k);
    if k > dim || run.steps == 0 {
        return Err(Error::invalid(
            "computing Lyapunov exponents of a map",
            format!("at most {dim} exponents and at least one step"),
            format!("{k} exponents, {} steps", run.steps),
            "Change the number of exponents or steps",
        ));
    }
    let mut state = start.to_vec();
    let (mut frame, mut factor) = (vec![0.0; k * dim], vec![0.0; k * k]);
    standard_normal(&mut stream(run.seed, 0, Purpose::Frame), &mut frame);
    orthonormalize(dim, k, &mut frame, &mut factor);
    let mut growth = vec![LogProduct::ONE; k];
    for step in 0..run.transient + run.steps {
        map(&mut state, &mut frame);
        orthonormalize(dim, k, &mut frame, &mut factor);
        let lost = state.iter().map(|value| ("state", *value)).find(|(_, value)| !value.is_finite());
        let collapsed = (0..k)
            .map(|i| ("tangent", factor[i * k + i]))
            .find(|(_, stretch)| !(*stretch > 0.0 && stretch.is_finite()));
        if let Some((quantity, value)) = lost.or(collapsed) {
            return Err(Error::NonFinite { quantity, sample: 0, step, value });
        }
        if step >= run.transient {
            growth.iter_mut().enumerate().for_each(|(i, growth)| growth.push(factor[i * k + i]));
        }
    }
    Ok(growth.iter().map(|growth| growth.log() / run.steps as f64).collect())
}
