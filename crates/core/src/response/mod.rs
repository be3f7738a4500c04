//! First-order response of the generated density to a model error, in two forms, and log-likelihoods (theory §7).
//!
//! An error of size ε changes the mean of an observable f over the generated samples by ε δE\[f\] to first order. The
//! *path form* follows samples, δE\[f\] = E\[∇f(x_τ)·ζ_τ\]; the *density form* leaves them where they are and changes
//! their weight, δE\[f\] = E\[f(x_τ) δ log ρ_τ(x_τ)\] (CdC 2: the response lives where the density does). Both are means
//! over the same samples, and both are the limit of (E_ε f − E_{−ε} f)/2ε.

mod likelihood;
mod observable;

pub use likelihood::{Formula, Likelihood, bits_per_dim, log_likelihood};
pub use observable::{Evaluated, Feet, Observable, ScalarFunction, ScalarNetwork};

use serde::{Deserialize, Serialize};

/// A mean over samples with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean over the samples.
    pub mean: f64,
    /// Standard deviation over √n; absent for one sample, whose spread is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub standard_error: Option<f64>,
    /// Share of Σ (v − mean)² that the largest hundredth of the samples carries, at least one; absent for fewer than 20
    /// samples and where all are equal to rounding.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tail_share: Option<f64>,
}

/// Values that differ by less than this share of their mean are equal to rounding.
const ROUNDING: f64 = 1e-12;
/// Fewest samples of which a tail is told.
const FEWEST_OF_A_TAIL: usize = 20;
/// Share of the variance in its largest hundredth from which a standard error is not to be trusted.
const HEAVY: f64 = 0.5;

impl Estimate {
    /// Of independent values, at least one.
    pub fn of(values: impl ExactSizeIterator<Item = f64> + Clone) -> Estimate {
        let count = values.len();
        let n = count as f64;
        let mean = values.clone().sum::<f64>() / n;
        let mut squares: Vec<f64> = values.map(|v| (v - mean).powi(2)).collect();
        let square: f64 = squares.iter().sum();
        let standard_error = (count > 1).then(|| (square / (n - 1.0) / n).sqrt());
        let spread = square > n * (ROUNDING * mean).powi(2);
        let tail_share = (count >= FEWEST_OF_A_TAIL && spread).then(|| {
            squares.sort_by(f64::total_cmp);
            squares.iter().rev().take(count.div_ceil(100)).sum::<f64>() / square
        });
        Estimate { mean, standard_error, tail_share }
    }

    /// Whether a few samples carry most of the variance: the standard error then rests on them alone, and is too small
    /// where the law has more of their kind than the sample happens to hold.
    pub fn is_heavy_tailed(&self) -> bool {
        self.tail_share.is_some_and(|share| share > HEAVY)
    }

    /// |mean| over the standard error; `None` where there is none, or it is 0.
    pub fn pull(&self) -> Option<f64> {
        self.standard_error.filter(|error| *error > 0.0).map(|error| self.mean.abs() / error)
    }
}

/// δE\[f\] in both forms over the same samples, per unit size of the error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Forms {
    /// E\[f δ log ρ\], as the covariance of the two: the mean of δ log ρ vanishes.
    pub density: Estimate,
    /// E\[∇f·ζ\].
    pub path: Estimate,
    /// Their difference, sample by sample: zero within a few standard errors where both are right.
    pub difference: Estimate,
}

impl Forms {
    /// From `values[n]` of f, `slopes[n]` = ∇f·ζ and `response[n]` = δ log ρ, at least one each.
    pub fn of(values: &[f64], slopes: &[f64], response: &[f64]) -> Forms {
        let n = values.len();
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (value, weight) = (mean(values), mean(response));
        // Unbiased covariance, so that a sample's share is n/(n − 1) of the product.
        let factor = if n > 1 { n as f64 / (n as f64 - 1.0) } else { 0.0 };
        let shares: Vec<f64> =
            values.iter().zip(response).map(|(f, r)| factor * (f - value) * (r - weight)).collect();
        Forms {
            density: Estimate::of(shares.iter().copied()),
            path: Estimate::of(slopes.iter().copied()),
            difference: Estimate::of(shares.iter().zip(slopes).map(|(a, b)| a - b)),
        }
    }

    /// The part of the standard error of the density form that comes from standard errors `response_error[n]` of the
    /// δ log ρ of the samples, independent from sample to sample.
    pub fn probe_error(values: &[f64], response_error: &[f64]) -> f64 {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let shares = values.iter().zip(response_error).map(|(f, e)| ((f - mean) * e).powi(2));
        if n > 1.0 { shares.sum::<f64>().sqrt() / (n - 1.0) } else { 0.0 }
    }

    /// |density − path| over the larger of both; 0 where both vanish.
    pub fn relative_difference(&self) -> f64 {
        let scale = self.density.mean.abs().max(self.path.mean.abs());
        if scale > 0.0 { (self.density.mean - self.path.mean).abs() / scale } else { 0.0 }
    }
}

/// Central differences (E_ε − E_{−ε})/2ε of one observable at falling sizes of an error, beside the path form over the
/// same samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Differences {
    /// One a size, largest ε first.
    pub values: Vec<f64>,
    /// E\[∇f·ζ\], their limit.
    pub limit: f64,
    /// Exponent of ε with which they approach it, 2 where third derivatives rule, from the last two neighbouring sizes
    /// between which the error falls and stays above rounding. Absent where no two sizes do.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<f64>,
}

/// An error is read as one of the differences themselves when it is this many times the rounding floor: a tenth of it
/// may then be rounding, which leaves an order between sizes ten times apart within 0.1.
const ABOVE_FLOOR: f64 = 10.0;

/// How far apart errors times ε may lie where all are rounding.
const SCATTER: f64 = 50.0;

impl Differences {
    /// From the values at `sizes`, largest first; `rounding` is how far half the difference of two means of the observable is off by rounding.
    ///
    /// Rounding adds κ/ε to a difference. κ is `rounding`, or what the differences themselves show: their own error falls
    /// with ε in the end, so one that grows from a size to the next, and is of the size κ/ε at all later ones, is rounding.
    /// Errors whose products with ε differ by more than a factor of 50 are not.
    pub fn of(sizes: &[f64], values: Vec<f64>, limit: f64, rounding: f64) -> Differences {
        let errors: Vec<f64> = values.iter().map(|value| (value - limit).abs()).collect();
        let pairs = 0..sizes.len().saturating_sub(1);
        let grown = pairs.clone().filter(|&i| errors[i + 1] > errors[i]);
        let later = |i: usize| errors.iter().zip(sizes).skip(i + 1).map(|(error, size)| error * size);
        let least = |i: usize| later(i).fold(f64::INFINITY, f64::min);
        let rounded = grown.filter(|&i| later(i).fold(0.0, f64::max) <= SCATTER * least(i));
        let floor = rounded.map(least).fold(rounding, f64::max);
        let visible = |i: usize| errors[i] > ABOVE_FLOOR * (floor / sizes[i]).max(f64::EPSILON * limit.abs());
        let last = pairs.rev().find(|&i| visible(i) && visible(i + 1) && errors[i] > errors[i + 1]);
        let slope = |i: usize| (errors[i] / errors[i + 1]).ln() / (sizes[i] / sizes[i + 1]).ln();
        Differences { limit, order: last.map(slope), values }
    }
}

/// ∇f·ζ of every sample for every error: `gradient[n, D]`, `displacement[n, e, D]`; `[n, e]`.
pub fn slopes(dim: usize, gradient: &[f64], displacement: &[f64], errors: usize) -> Vec<f64> {
    let rows = displacement.chunks_exact(dim).enumerate();
    rows.map(|(row, zeta)| crate::linalg::dot(&gradient[row / errors * dim..][..dim], zeta)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_read_where_it_can_be_seen() {
        let sizes = [0.1, 0.01, 0.001];
        let of = |error: fn(f64) -> f64| {
            Differences::of(&sizes, sizes.map(|size| 2.0 + error(size)).to_vec(), 2.0, 1e-16).order
        };
        assert!((of(|size| 3.0 * size * size).unwrap() - 2.0).abs() < 1e-6);
        // Far from the limit at first.
        assert!((of(|size| if size > 0.05 { 7.0 } else { size * size }).unwrap() - 2.0).abs() < 1e-6);
        assert!((of(|size| size).unwrap() - 1.0).abs() < 1e-6);
        assert_eq!(of(|_| 0.0), None);
        assert_eq!(Differences::of(&[0.1], vec![2.5], 2.0, 0.0).order, None);
    }

    #[test]
    fn orders_leave_rounding_out() {
        let sizes = [0.1, 0.01, 0.001, 1e-4];
        let of = |errors: [f64; 4], rounding: f64| {
            Differences::of(&sizes, errors.map(|error| 0.25 + error).to_vec(), 0.25, rounding).order
        };
        // Single precision: ε² until 0.01, then rounding that grows as 1/ε.
        let single = [7.0e-5, 7.5e-7, 6.8e-7, 3.8e-6];
        for rounding in [1e-11, 6e-10] {
            assert!((of(single, rounding).unwrap() - 1.97).abs() < 0.01);
        }
        assert_eq!(of(single, 1e-8), None, "all below a floor known beforehand");
        // Rounding that happens to fall between the last sizes is rounding all the same.
        assert!((of([7.0e-5, 7.5e-7, 6.8e-7, 5.0e-7], 6e-10).unwrap() - 1.97).abs() < 0.01);
        // Double precision: ε² all the way down.
        let double = [3.2e-6, 3.1e-8, 3.1e-10, 3.1e-12];
        assert!((of(double, 1e-16).unwrap() - 2.0).abs() < 0.01);
        assert!((of(double, 1e-14).unwrap() - 2.0).abs() < 0.01);
        // An error of a few times the floor is no error of the differences.
        assert!((of([6.1e-5, 2.5e-5, 2.2e-5, 7.1e-5], 1e-9).unwrap() - 0.387).abs() < 0.01);
        // Nothing but rounding.
        assert_eq!(of([1e-8, 1e-7, 1e-6, 1e-5], 0.0), None);
        // Growth at sizes that are too large is not rounding: what follows is far below 1/ε.
        assert!((of([1e-3, 1e-2, 1e-4, 1e-6], 0.0).unwrap() - 2.0).abs() < 0.01);
        assert!((of([1.2e-3, 2.36e-3, 1.393e-6, 1.394e-8], 0.0).unwrap() - 2.0).abs() < 0.01);
    }

    #[test]
    fn forms_of_one_sample_and_of_a_line() {
        let one = Forms::of(&[3.0], &[0.5], &[-2.0]);
        assert_eq!((one.density.mean, one.path.mean), (0.0, 0.5));
        // The spread of one sample is not known: neither 0 nor a pull of any size.
        for estimate in [one.density, one.path, one.difference] {
            assert_eq!((estimate.standard_error, estimate.pull()), (None, None));
        }
        assert_eq!(serde_json::to_value(one.path).unwrap(), serde_json::json!({ "mean": 0.5 }));
        // f = x on {−1, 0, 1} with δ log ρ = 1.5 x: covariance 1.5, unbiased.
        let forms = Forms::of(&[-1.0, 0.0, 1.0], &[1.5; 3], &[-1.5, 0.0, 1.5]);
        assert!((forms.density.mean - 1.5).abs() < 1e-15 && forms.difference.mean.abs() < 1e-15);
        assert!(forms.relative_difference() < 1e-15);
        // The mean ½ Σ f r moves by ½ |f_i| e_i with an error of sample i alone.
        assert!((Forms::probe_error(&[-1.0, 0.0, 1.0], &[2.0, 5.0, 2.0]) - 2f64.sqrt()).abs() < 1e-15);
        assert_eq!(Forms::probe_error(&[3.0], &[2.0]), 0.0);
        assert_eq!(forms.path.standard_error, Some(0.0));
    }

    #[test]
    fn heavy_tails_are_seen() {
        let of = |values: &[f64]| Estimate::of(values.iter().copied());
        let even: Vec<f64> = (0..200).map(|i| f64::from(i % 2)).collect();
        assert!((of(&even).tail_share.unwrap() - 0.01).abs() < 1e-12 && !of(&even).is_heavy_tailed());
        let mut heavy = even.clone();
        heavy[7] = 40.0;
        assert!(of(&heavy).is_heavy_tailed(), "{:?}", of(&heavy));
        assert_eq!(of(&heavy[..19]).tail_share, None, "too few to tell");
        let mut equal = [2.0; 50];
        assert_eq!(of(&equal).tail_share, None, "no spread at all");
        equal[3] += 1e-15;
        assert_eq!(of(&equal).tail_share, None, "rounding");
    }
}
