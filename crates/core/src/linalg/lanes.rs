//! Many small QR factorisations at once: one sample a SIMD lane.

/// Samples that are worked on together.
pub(super) const LANES: usize = 8;

/// One number of every lane.
pub(super) type Lane = [f64; LANES];

/// What the projections leave of a vector is rounding noise below this share of its squared norm: (16 ε)².
pub(super) const NOISE: f64 = 256.0 * f64::EPSILON * f64::EPSILON;

/// Squared norms outside this range are left to the careful scalar routine, which scales.
pub(super) const SAFE_SQUARES: (f64, f64) = (1e-250, 1e250);

/// Modified Gram–Schmidt, twice, in every lane: `v[k, dim]` becomes orthonormal, `r[k, k]` its factor.
/// A lane where `good` ends as 0 met a vanishing or non-finite vector: its numbers are of no use.
#[inline(always)]
fn gram_schmidt(dim: usize, k: usize, v: &mut [Lane], r: &mut [Lane], good: &mut Lane) {
    for j in 0..k {
        let (before, rest) = v.split_at_mut(j * dim);
        let own = &mut rest[..dim];
        for i in 0..k {
            r[i * k + j] = [0.0; LANES];
        }
        let before_squares = lane_dot(own, own);
        for _ in 0..2 {
            for i in 0..j {
                let other = &before[i * dim..][..dim];
                let overlap = lane_dot(other, own);
                for (a, b) in own.iter_mut().zip(other) {
                    for l in 0..LANES {
                        a[l] -= overlap[l] * b[l];
                    }
                }
                for l in 0..LANES {
                    r[i * k + j][l] += overlap[l];
                }
            }
        }
        let squares = if j == 0 { before_squares } else { lane_dot(own, own) };
        let mut inverse = [0.0; LANES];
        for l in 0..LANES {
            let norm = squares[l].sqrt();
            let fine = (squares[l] > NOISE * before_squares[l])
                & (squares[l] > SAFE_SQUARES.0)
                & (before_squares[l] < SAFE_SQUARES.1);
            good[l] = if fine { good[l] } else { 0.0 };
            r[j * k + j][l] = norm;
            inverse[l] = 1.0 / norm;
        }
        for a in own {
            for l in 0..LANES {
                a[l] *= inverse[l];
            }
        }
    }
}

#[inline(always)]
fn lane_dot(a: &[Lane], b: &[Lane]) -> Lane {
    let mut sum = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for l in 0..LANES {
            sum[l] += a[l] * b[l];
        }
    }
    sum
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
        let mut good = [1.0; LANES];
        gram_schmidt(dim, k, lanes, factors, &mut good);
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
