//! Sums over nodes up to the third cumulant.
//!
//! What is left out changes the third cumulant by at most a multiple of κ B tolerance (δ + √V)³, by the argument of
//! this folder's `nodes`, with its κ and B: √t³ e^{−t} falls for t > 3/2 as well.

use super::{Choice, Chosen, Lanes, Look, Nodes};
use crate::field::abreast::Abreast;
use crate::field::posterior::{Conditional, Cumulants, RawMoments};

/// What a sum over nodes can answer.
pub(in crate::field) trait Moments<const D: usize>: From<Cumulants<D>> + Sized {
    /// Moments of X_0 given X_0 + √variance Z = ξ over the blocks chosen there.
    fn sum<L: Lanes>(
        nodes: &Nodes<D>,
        variance: f64,
        xi: &[f64; D],
        choice: &Choice<D>,
        look: &mut Look,
    ) -> Self;

    /// The same at up to eight ξ by sums over all nodes, where there are such sums; bits of the answer stand for
    /// those ξ that are not served.
    #[inline(always)]
    fn abreast<L: Lanes>(_nodes: &Abreast<D>, _xi: &[[f64; D]], _out: &mut [Self]) -> u8 {
        u8::MAX
    }
}

impl<const D: usize> From<Cumulants<D>> for Conditional<D> {
    fn from(cumulants: Cumulants<D>) -> Self {
        cumulants.conditional
    }
}

impl<const D: usize> Moments<D> for Conditional<D> {
    #[inline(always)]
    fn sum<L: Lanes>(
        nodes: &Nodes<D>,
        variance: f64,
        xi: &[f64; D],
        choice: &Choice<D>,
        look: &mut Look,
    ) -> Self {
        nodes.condition::<L>(variance, xi, choice, look)
    }

    #[inline(always)]
    fn abreast<L: Lanes>(nodes: &Abreast<D>, xi: &[[f64; D]], out: &mut [Self]) -> u8 {
        nodes.condition::<L>(xi, out)
    }
}

impl<const D: usize> Moments<D> for Cumulants<D> {
    /// About a node near the mean; mean and covariance have the bits that [`Nodes::condition`] gives them where the
    /// tolerance is too tight for its shorter sums.
    #[inline(always)]
    fn sum<L: Lanes>(
        nodes: &Nodes<D>,
        variance: f64,
        xi: &[f64; D],
        choice: &Choice<D>,
        look: &mut Look,
    ) -> Self {
        let words = &look.words[choice.first..][..nodes.groups.len().div_ceil(8)];
        let Choice { centre, shift, .. } = *choice;
        let half_precision = -0.5 / variance;
        let (factor, offset) = (L::splat(half_precision), L::splat(-shift * half_precision));
        let zero = L::splat(0.0);
        let (mut total, mut first) = (zero, [zero; D]);
        let (mut second, mut third) = ([[zero; D]; D], [[[zero; D]; D]; D]);
        let centre_lanes = centre.map(L::splat);
        let ahead: [L; D] = std::array::from_fn(|i| L::splat(xi[i] - centre[i]));
        for index in Chosen::new(words) {
            let block = &nodes.blocks[index];
            let y: [L; D] = std::array::from_fn(|i| L::load(&block.points[i]).sub(centre_lanes[i]));
            let mut square = zero;
            for i in 0..D {
                let d = y[i].sub(ahead[i]);
                square = d.mul_add(d, square);
            }
            let w = L::load(&block.weights).mul(square.mul_add(factor, offset).exp());
            total = total.add(w);
            for i in 0..D {
                let weighted = w.mul(y[i]);
                first[i] = first[i].add(weighted);
                for j in 0..=i {
                    second[i][j] = weighted.mul_add(y[j], second[i][j]);
                    let product = weighted.mul(y[j]);
                    for (sum, y) in third[i][j].iter_mut().zip(y).take(j + 1) {
                        *sum = product.mul_add(y, *sum);
                    }
                }
            }
        }
        let inverse = 1.0 / total.sum();
        let entry = |sum: L| sum.sum() * inverse;
        let mut raw =
            RawMoments { first: first.map(entry), second: [[0.0; D]; D], third: [[[0.0; D]; D]; D] };
        for i in 0..D {
            for j in 0..=i {
                raw.second[i][j] = entry(second[i][j]);
                for (raw, sum) in raw.third[i][j].iter_mut().zip(third[i][j]).take(j + 1) {
                    *raw = entry(sum);
                }
            }
        }
        raw.cumulants(&centre, xi)
    }
}
