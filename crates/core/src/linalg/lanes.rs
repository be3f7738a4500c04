//! Many small QR factorisations at once: one sample a SIMD lane.

/// Samples that are worked on together.
pub(super) const LANES: usize = 8;

/// One number of every lane.
pub(super) type Lane = [f64; LANES];

/// What the projections leave of a vector is rounding noise below this share of its squared norm: (16 ε)².
pub(super) const NOISE: f64 = 256.0 * f64::EPSILON * f64::EPSILON;

/// Squared norms outside this range are left to the careful scalar routine, which scales.
pub(super) const SAFE_SQUARES: (f64, f64) = (1e-250, 1e250);

/// a b in every lane.
#[inline(always)]
fn times(a: Lane, b: Lane) -> Lane {
    std::array::from_fn(|l| a[l] * b[l])
}

/// a − f b in every lane.
#[inline(always)]
fn minus(a: Lane, f: Lane, b: Lane) -> Lane {
    std::array::from_fn(|l| a[l] - f[l] * b[l])
}

#[inline(always)]
fn lane_dot(a: &[Lane], b: &[Lane]) -> Lane {
    let mut sum = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        sum = std::array::from_fn(|l| sum[l] + a[l] * b[l]);
    }
    sum
}

/// `good` stays where a vector kept more than rounding noise and its squares are within f64, and becomes 0 elsewhere.
#[inline(always)]
fn judge(good: Lane, before: Lane, left: Lane) -> Lane {
    let fine =
        |l: usize| (left[l] > NOISE * before[l]) & (left[l] > SAFE_SQUARES.0) & (before[l] < SAFE_SQUARES.1);
    std::array::from_fn(|l| if fine(l) { good[l] } else { 0.0 })
}

/// Modified Gram–Schmidt, twice, in every lane: `v[k, dim]` becomes orthonormal, `r[k, k]` its factor.
/// Returns 0 for a lane that met a vanishing or non-finite vector, whose numbers are of no use, and 1 for the others.
#[inline(always)]
fn gram_schmidt(dim: usize, k: usize, v: &mut [Lane], r: &mut [Lane]) -> Lane {
    let mut good = [1.0; LANES];
    r[..k * k].fill([0.0; LANES]);
    for j in 0..k {
        let (before, rest) = v.split_at_mut(j * dim);
        let own = &mut rest[..dim];
        let before_squares = lane_dot(own, own);
        for _ in 0..2 {
            for i in 0..j {
                let other = &before[i * dim..][..dim];
                let overlap = lane_dot(other, own);
                for (a, b) in own.iter_mut().zip(other) {
                    *a = minus(*a, overlap, *b);
                }
                let sum = &mut r[i * k + j];
                *sum = std::array::from_fn(|l| sum[l] + overlap[l]);
            }
        }
        let squares = if j == 0 { before_squares } else { lane_dot(own, own) };
        good = judge(good, before_squares, squares);
        let norm: Lane = std::array::from_fn(|l| squares[l].sqrt());
        let inverse: Lane = std::array::from_fn(|l| 1.0 / norm[l]);
        r[j * k + j] = norm;
        own.iter_mut().for_each(|a| *a = times(*a, inverse));
    }
    good
}

/// Full groups of lanes: `v[groups·LANES, k, dim]` and `r[groups·LANES, k, k]` in place; `bad` is called with the
/// samples whose rows were left as they were.
#[inline(always)]
fn factor_groups(
    dim: usize,
    k: usize,
    v: &mut [f64],
    r: &mut [f64],
    buffer: &mut [Lane],
    bad: &mut Vec<usize>,
) {
    let (v_len, r_len) = (k * dim, k * k);
    let (lanes, factors) = buffer[..v_len + r_len].split_at_mut(v_len);
    let groups = v.chunks_exact_mut(v_len * LANES).zip(r.chunks_exact_mut(r_len * LANES));
    for (group, (v, r)) in groups.enumerate() {
        for (i, lane) in lanes.iter_mut().enumerate() {
            for (l, value) in lane.iter_mut().enumerate() {
                *value = v[l * v_len + i];
            }
        }
        let good = gram_schmidt(dim, k, lanes, factors);
        if good == [1.0; LANES] {
            scatter(lanes, v, v_len);
            scatter(factors, r, r_len);
            continue;
        }
        for l in 0..LANES {
            if good[l] == 0.0 {
                bad.push(group * LANES + l);
                continue;
            }
            lanes.iter().zip(&mut v[l * v_len..][..v_len]).for_each(|(lane, value)| *value = lane[l]);
            factors.iter().zip(&mut r[l * r_len..][..r_len]).for_each(|(lane, value)| *value = lane[l]);
        }
    }
}

#[inline(always)]
fn scatter(lanes: &[Lane], out: &mut [f64], stride: usize) {
    for (i, lane) in lanes.iter().enumerate() {
        for (l, value) in lane.iter().enumerate() {
            out[l * stride + i] = *value;
        }
    }
}

/// The common shapes get straight-line code.
#[inline(always)]
fn factor_shape(
    dim: usize,
    k: usize,
    v: &mut [f64],
    r: &mut [f64],
    buffer: &mut [Lane],
    bad: &mut Vec<usize>,
) {
    match (dim, k) {
        (1, 1) => factor_groups(1, 1, v, r, buffer, bad),
        (2, 1) => factor_groups(2, 1, v, r, buffer, bad),
        (2, 2) => factor_groups(2, 2, v, r, buffer, bad),
        (3, 1) => factor_groups(3, 1, v, r, buffer, bad),
        (3, 2) => factor_groups(3, 2, v, r, buffer, bad),
        (3, 3) => factor_groups(3, 3, v, r, buffer, bad),
        (_, 1) => factor_groups(dim, 1, v, r, buffer, bad),
        (_, 2) => factor_groups(dim, 2, v, r, buffer, bad),
        (_, 3) => factor_groups(dim, 3, v, r, buffer, bad),
        _ => factor_groups(dim, k, v, r, buffer, bad),
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Lane, factor_shape};

    #[target_feature(enable = "avx512f,avx512vl,avx512dq")]
    pub(super) fn avx512(
        dim: usize,
        k: usize,
        v: &mut [f64],
        r: &mut [f64],
        buffer: &mut [Lane],
        bad: &mut Vec<usize>,
    ) {
        factor_shape(dim, k, v, r, buffer, bad);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn avx2(
        dim: usize,
        k: usize,
        v: &mut [f64],
        r: &mut [f64],
        buffer: &mut [Lane],
        bad: &mut Vec<usize>,
    ) {
        factor_shape(dim, k, v, r, buffer, bad);
    }
}

/// QR of full groups with the widest vectors that the processor has. No fused multiply-add is used and every lane
/// does the same operations in the same order, so all paths give the same bits.
pub(super) fn factor(
    dim: usize,
    k: usize,
    v: &mut [f64],
    r: &mut [f64],
    buffer: &mut [Lane],
    bad: &mut Vec<usize>,
) {
    #[cfg(target_arch = "x86_64")]
    {
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq");
        if avx512 {
            // SAFETY: the features were detected.
            return unsafe { x86::avx512(dim, k, v, r, buffer, bad) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was detected.
            return unsafe { x86::avx2(dim, k, v, r, buffer, bad) };
        }
    }
    factor_shape(dim, k, v, r, buffer, bad);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, standard_normal, stream};

    type Kernel = fn(usize, usize, &mut [f64], &mut [f64], &mut [Lane], &mut Vec<usize>);

    fn kernels() -> Vec<Kernel> {
        let mut kernels: Vec<Kernel> = vec![factor];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the feature was detected.
            kernels.push(|dim, k, v, r, buffer, bad| unsafe { x86::avx2(dim, k, v, r, buffer, bad) });
        }
        kernels
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        for (dim, k) in [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (5, 1), (5, 3), (6, 4), (12, 12)] {
            let mut rows = vec![0.0; 3 * LANES * k * dim];
            standard_normal(&mut stream(5, 0, Purpose::Reference), &mut rows);
            rows[LANES * k * dim] = f64::NAN;
            let run = |kernel: Kernel| {
                let (mut v, mut r, mut bad) = (rows.clone(), vec![0.0; 3 * LANES * k * k], Vec::new());
                kernel(dim, k, &mut v, &mut r, &mut vec![[0.0; LANES]; k * (dim + k)], &mut bad);
                let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<u64>>();
                (bits(&v), bits(&r), bad)
            };
            let portable = run(factor_shape);
            assert_eq!(portable.2, [LANES]);
            kernels().into_iter().for_each(|kernel| assert!(run(kernel) == portable, "D={dim} k={k}"));
        }
    }
}
