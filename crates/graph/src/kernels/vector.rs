//! The one vector abstraction of the kernels: a chunk of lanes with the arithmetic that they need.
//!
//! A kernel is written once for any [`Vector`] and compiled once for every instruction set. Lane i of a result
//! depends on lane i of the arguments only, and all instruction sets with fused multiply-add give the same bits.

/// A real number type that the executor computes in.
pub(crate) trait Element: Copy + Default + PartialOrd + Send + Sync + 'static {
    /// Lanes of a chunk: 512 bits.
    const CHUNK: usize;
    /// Reciprocal factorials 1/2!, 1/3!, …: as many as e^r − 1 needs for |r| ≤ ½ ln 2.
    const EXP: &'static [Self];
    /// 1/ln 2.
    const LOG2_E: Self;
    /// ln 2 in two parts, the first short enough that its product with an exponent is exact.
    const LN_2: [Self; 2];
    /// Arguments of exp below which the result is 0 (it would be subnormal), above which it is infinite.
    const EXP_RANGE: [Self; 2];

    fn from_f64(x: f64) -> Self;
    fn to_f64(self) -> f64;
    fn power(self, exponent: Self) -> Self;
    fn plus(self, other: Self) -> Self;
}

/// A chunk of lanes. Loads and stores need no alignment.
///
/// # Safety
/// The methods of the implementations for an instruction set may run only where it is available; pointers must be
/// valid for [`Vector::LANES`] elements.
pub(crate) trait Vector: Copy {
    type Scalar: Element;
    type Mask: Copy;
    const LANES: usize;
    /// Rows of the register tile of a matrix product.
    const TILE_ROWS: usize;
    /// Chunks of the register tile of a matrix product.
    const TILE_CHUNKS: usize;

    unsafe fn load(from: *const Self::Scalar) -> Self;
    unsafe fn store(self, to: *mut Self::Scalar);
    unsafe fn splat(x: Self::Scalar) -> Self;
    /// Loads the lanes in runs of 8, each `stride` after the one before.
    unsafe fn load_runs(from: *const Self::Scalar, stride: usize) -> Self;
    /// Chunk `c` of a row, or one number in all lanes.
    #[inline(always)]
    unsafe fn load_or_splat<const SPLAT: bool>(from: *const Self::Scalar, c: usize) -> Self {
        // SAFETY: handed on to the caller.
        unsafe { if SPLAT { Self::splat(*from) } else { Self::load(from.add(c * Self::LANES)) } }
    }
    /// Stores the first `count` lanes.
    #[inline(always)]
    unsafe fn store_first(self, to: *mut Self::Scalar, count: usize) {
        let mut lanes = [Self::Scalar::default(); 16];
        // SAFETY: no vector has more than 16 lanes; the caller gives a pointer to `count` elements.
        unsafe {
            self.store(lanes.as_mut_ptr());
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, count);
        }
    }
    /// The sum of all lanes, in halves.
    #[inline(always)]
    unsafe fn sum(self) -> Self::Scalar {
        let mut lanes = [Self::Scalar::default(); 16];
        // SAFETY: no vector has more than 16 lanes.
        unsafe { self.store(lanes.as_mut_ptr()) };
        let mut half = Self::LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = lanes[i].plus(lanes[i + half]);
            }
            half /= 2;
        }
        lanes[0]
    }
    /// Writes 8 rows of 8 numbers as columns: number j of row i goes to `to + j · stride + i`.
    #[inline(always)]
    unsafe fn transpose(rows: [*const Self::Scalar; 8], to: *mut Self::Scalar, stride: usize) {
        for (i, row) in rows.into_iter().enumerate() {
            for j in 0..8 {
                // SAFETY: handed on to the caller.
                unsafe { *to.add(j * stride + i) = *row.add(j) };
            }
        }
    }
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
    unsafe fn div(self, b: Self) -> Self;
    /// self · b + c.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    unsafe fn sqrt(self) -> Self;
    unsafe fn abs(self) -> Self;
    /// The smaller one; `b` where either is NaN.
    unsafe fn min(self, b: Self) -> Self;
    /// The larger one; `b` where either is NaN.
    unsafe fn max(self, b: Self) -> Self;
    /// To the nearest integer, ties to even.
    unsafe fn round(self) -> Self;
    /// self · 2ⁿ for an integer n in ±2 times the range of exponents.
    unsafe fn scale(self, n: Self) -> Self;
    /// 2ⁿ for an integer n in the range of normal exponents.
    unsafe fn power_of_two(self) -> Self;
    /// self > b; false where either is NaN.
    unsafe fn gt(self, b: Self) -> Self::Mask;
    /// self = b; false where either is NaN.
    unsafe fn eq(self, b: Self) -> Self::Mask;
    /// `a` where the mask is set, `b` elsewhere.
    unsafe fn select(mask: Self::Mask, a: Self, b: Self) -> Self;
    /// The magnitude of self with the sign of b.
    unsafe fn copysign(self, b: Self) -> Self;
}

impl Element for f32 {
    const CHUNK: usize = 16;
    const EXP: &'static [f32] = &[1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0];
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const EXP_RANGE: [f32; 2] = [-87.336_54, 88.722_84];

    #[inline(always)]
    fn from_f64(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self.into()
    }
    #[inline(always)]
    fn power(self, exponent: f32) -> f32 {
        self.powf(exponent)
    }
    #[inline(always)]
    fn plus(self, other: f32) -> f32 {
        self + other
    }
}

impl Element for f64 {
    const CHUNK: usize = 8;
    const EXP: &'static [f64] = &[
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5040.0,
        1.0 / 40_320.0,
        1.0 / 362_880.0,
        1.0 / 3_628_800.0,
        1.0 / 39_916_800.0,
        1.0 / 479_001_600.0,
        1.0 / 6_227_020_800.0,
    ];
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    const EXP_RANGE: [f64; 2] = [-708.396_418_532_264, 709.782_712_893_384];

    #[inline(always)]
    fn from_f64(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn power(self, exponent: f64) -> f64 {
        self.powf(exponent)
    }
    #[inline(always)]
    fn plus(self, other: f64) -> f64 {
        self + other
    }
}
