//! The product SVD in the plane, in closed form (theory §4, `svd`, k = 2).

use super::product::{exponent_of, power_of_two};
use super::svd::FrameSvd;
use crate::linalg::LogProduct;
use std::f64::consts::LN_2;

/// Cancellation in the off-diagonal entry beyond this factor is left to the alternate sweeps.
const CANCELLATION: f64 = 1e3;
/// Numbers are rescaled when they leave 2^−400 … 2^400.
const RANGE: std::ops::Range<f64> = 3.87e-121..2.58e120;

/// The upper triangular product 2^e [[a, b], [0, c 2^d]].
struct Triangle {
    a: f64,
    b: f64,
    c: f64,
    /// Sum of the sizes of the terms of b.
    terms: f64,
    /// e
    exponent: i64,
    /// d
    offset: i64,
    /// 2^d
    ratio: f64,
    log_a: LogProduct,
    log_c: LogProduct,
    /// Whether a fell below the numbers that f64 holds beside b and c.
    lost: bool,
}

impl Triangle {
    const ONE: Triangle = Triangle {
        a: 1.0,
        b: 0.0,
        c: 1.0,
        terms: 0.0,
        exponent: 0,
        offset: 0,
        ratio: 1.0,
        log_a: LogProduct::ONE,
        log_c: LogProduct::ONE,
        lost: false,
    };

    fn multiply(&mut self, p: f64, q: f64, r: f64) {
        let below = q * (self.c * self.ratio);
        self.a *= p;
        self.b = p * self.b + below;
        self.terms = p * self.terms + below.abs();
        self.c *= r;
        self.log_a.push(p);
        self.log_c.push(r);
        let row = self.a.max(self.terms);
        if !(RANGE.contains(&row) && RANGE.contains(&self.c) && RANGE.contains(&self.a)) {
            self.rescale(row);
        }
    }

    fn rescale(&mut self, row: f64) {
        let (up, down) = (exponent_of(row), exponent_of(self.c));
        let below = self.offset + down;
        self.c *= power_of_two(-down);
        // The upper row takes its own scale, or one 2^300 below the lower row's if it is smaller still.
        let shift = up.max(below - 300);
        let factor = power_of_two(-shift);
        self.a *= factor;
        self.lost |= self.a < 1e-300 || !row.is_finite();
        self.b *= factor;
        self.terms *= factor;
        self.exponent += shift;
        self.offset = below - shift;
        self.ratio = power_of_two(self.offset);
    }
}

/// The decomposition of one sample of a chain `[τ, total, 2, 2]`; `None` where cancellation calls for sweeps.
pub(super) fn svd(factors: &[f64], total: usize, sample: usize) -> Option<FrameSvd> {
    let chain = || factors.chunks_exact(total * 4).map(|step| &step[sample * 4..][..4]);
    let mut product = Triangle::ONE;
    chain().for_each(|r| product.multiply(r[0], r[1], r[3]));
    let scale = product.offset.max(0);
    let (upper, lower) = (power_of_two(-scale), power_of_two(product.offset - scale));
    let (a, b, c) = (product.a * upper, product.b * upper, product.c * lower);
    if product.lost || product.terms * upper > CANCELLATION * a.max(b.abs()).max(c) {
        return None;
    }
    let largest = 0.5 * ((a + c).hypot(b) + (a - c).hypot(b));
    let first = (product.exponent + scale) as f64 * LN_2 + largest.ln();
    let second = (product.log_a.log() + product.log_c.log() - first).min(first);
    let angle = 0.5 * (2.0 * a * b).atan2((a - c) * (a + c) - b * b);
    let (sine, cosine) = angle.sin_cos();
    let image = [a * cosine + b * sine, c * sine];
    let length = image[0].hypot(image[1]);
    let (x, y) = (image[0] / length, image[1] / length);
    let mut found = FrameSvd {
        log_values: vec![first, second],
        left: vec![x, y, -y, x],
        right: vec![cosine, sine, -sine, cosine],
        residual: 0.0,
    };
    let leading = applied(chain().rev(), [x, y], -first, |r, [x, y]| [r[0] * x, r[1] * x + r[3] * y]);
    let trailing = applied(chain(), [-sine, cosine], second, |r, [x, y]| {
        let x = x / r[0];
        [x, (y - r[1] * x) / r[3]]
    });
    found.residual = distance(leading, [cosine, sine]).max(distance(trailing, [-y, x]));
    Some(found)
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// e^`log_scale` times the chain applied to a vector.
fn applied<'a>(
    chain: impl Iterator<Item = &'a [f64]>,
    start: [f64; 2],
    log_scale: f64,
    apply: impl Fn(&[f64], [f64; 2]) -> [f64; 2],
) -> [f64; 2] {
    let (mut vector, mut exponent) = (start, 0);
    for factor in chain {
        vector = apply(factor, vector);
        let size = vector[0].abs().max(vector[1].abs());
        if !RANGE.contains(&size) {
            let shift = exponent_of(size);
            vector = vector.map(|value| value * power_of_two(-shift));
            exponent += shift;
        }
    }
    let scale = (exponent as f64 * LN_2 + log_scale).exp();
    vector.map(|value| value * scale)
}
