//! Lanes in plain arrays: correct on every machine, vectorised as far as the compiler can.

use super::vector::{Element, Vector};

/// `N` lanes in an array, with or without fused multiply-add. Only functions compiled for an instruction set that has it
/// may use it fused.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<T, const N: usize, const FUSED: bool = false>([T; N]);

macro_rules! lanes {
    ($scalar:ty, $bits:ty, $mantissa:literal, $bias:literal) => {
        impl<const N: usize, const FUSED: bool> Lanes<$scalar, N, FUSED> {
            #[inline(always)]
            fn map(self, f: impl Fn($scalar) -> $scalar) -> Self {
                Lanes(self.0.map(f))
            }

            #[inline(always)]
            fn zip(self, b: Self, f: impl Fn($scalar, $scalar) -> $scalar) -> Self {
                Lanes(std::array::from_fn(|i| f(self.0[i], b.0[i])))
            }
        }

        impl<const N: usize, const FUSED: bool> Vector for Lanes<$scalar, N, FUSED> {
            type Scalar = $scalar;
            type Mask = [bool; N];
            const LANES: usize = N;
            const TILE_ROWS: usize = 2;
            const TILE_CHUNKS: usize = 1;

            #[inline(always)]
            unsafe fn load(from: *const $scalar) -> Self {
                // SAFETY: the caller gives a pointer to N elements; arrays of numbers have no invalid bits.
                Lanes(unsafe { from.cast::<[$scalar; N]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $scalar) {
                // SAFETY: the caller gives a pointer to N elements.
                unsafe { to.cast::<[$scalar; N]>().write_unaligned(self.0) }
            }
            #[inline(always)]
            unsafe fn splat(x: $scalar) -> Self {
                Lanes([x; N])
            }
            #[inline(always)]
            unsafe fn load_runs(from: *const $scalar, stride: usize) -> Self {
                // SAFETY: the caller gives a pointer to the runs.
                Lanes(std::array::from_fn(|i| unsafe { *from.add(i / 8 * stride + i % 8) }))
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                self.zip(b, |a, b| a + b)
            }
            #[inline(always)]
            unsafe fn sub(self, b: Self) -> Self {
                self.zip(b, |a, b| a - b)
            }
            #[inline(always)]
            unsafe fn mul(self, b: Self) -> Self {
                self.zip(b, |a, b| a * b)
            }
            #[inline(always)]
            unsafe fn div(self, b: Self) -> Self {
                self.zip(b, |a, b| a / b)
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                let mut lanes = c.0;
                for (i, lane) in lanes.iter_mut().enumerate() {
                    let (a, b) = (self.0[i], b.0[i]);
                    *lane = if FUSED { a.mul_add(b, *lane) } else { a * b + *lane };
                }
                Lanes(lanes)
            }
            #[inline(always)]
            unsafe fn sqrt(self) -> Self {
                self.map(<$scalar>::sqrt)
            }
            #[inline(always)]
            unsafe fn abs(self) -> Self {
                self.map(<$scalar>::abs)
            }
            #[inline(always)]
            unsafe fn min(self, b: Self) -> Self {
                self.zip(b, |a, b| if a < b { a } else { b })
            }
            #[inline(always)]
            unsafe fn max(self, b: Self) -> Self {
                self.zip(b, |a, b| if a > b { a } else { b })
            }
            #[inline(always)]
            unsafe fn round(self) -> Self {
                // Adding 1.5 · 2^mantissa leaves the nearest integer in the lowest bits.
                let magic = 1.5 * (1u64 << $mantissa) as $scalar;
                self.map(|x| (x + magic) - magic)
            }
            #[inline(always)]
            unsafe fn scale(self, n: Self) -> Self {
                let half = n.map(|n| (0.5 * n) as i32 as $scalar);
                unsafe { self.mul(half.power_of_two()).mul(n.sub(half).power_of_two()) }
            }
            #[inline(always)]
            unsafe fn power_of_two(self) -> Self {
                self.map(|n| <$scalar>::from_bits(((n as i32 + $bias) as $bits) << $mantissa))
            }
            #[inline(always)]
            unsafe fn gt(self, b: Self) -> [bool; N] {
                std::array::from_fn(|i| self.0[i] > b.0[i])
            }
            #[inline(always)]
            unsafe fn eq(self, b: Self) -> [bool; N] {
                std::array::from_fn(|i| self.0[i] == b.0[i])
            }
            #[inline(always)]
            unsafe fn select(mask: [bool; N], a: Self, b: Self) -> Self {
                Lanes(std::array::from_fn(|i| if mask[i] { a.0[i] } else { b.0[i] }))
            }
            #[inline(always)]
            unsafe fn copysign(self, b: Self) -> Self {
                self.zip(b, <$scalar>::copysign)
            }
        }
    };
}

lanes!(f32, u32, 23, 127);
lanes!(f64, u64, 52, 1023);

/// A chunk.
pub(crate) type F32Chunk = Lanes<f32, { f32::CHUNK }>;
/// A chunk.
pub(crate) type F64Chunk = Lanes<f64, { f64::CHUNK }>;
