//! Kernels on rows of lanes, compiled for every instruction set and chosen at run time.

mod accumulate;
mod contract;
mod convolve;
mod elementwise;
mod functions;
mod gradient;
mod linear;
mod portable;
mod stencil;
mod total;
mod vector;
mod view;
mod winograd;
mod winograd_gradient;
mod winograd_weights;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use accumulate::{Accumulate, Combine, PARTIAL};
pub(crate) use contract::{Contract, strips, work_len};
pub(crate) use convolve::Convolve;
pub(crate) use elementwise::{Arithmetic, Binary, Copy, Reduce, Reduction, Select};
pub(crate) use functions::Map;
pub(crate) use gradient::{Meeting, WeightGradient};
pub(crate) use linear::{Activation, BLOCK, Linear, Outer, Packed, packed_len};
pub(crate) use stencil::{OUTSIDE, Stencil};
pub(crate) use total::{Total, TotalProduct};
pub(crate) use vector::Element;
pub(crate) use view::View;
pub(crate) use winograd::{POSITIONS, Tiling, Transform};
pub(crate) use winograd_gradient::FoldWeights;
pub(crate) use winograd_weights::{TransformWeights, WinogradWeights};

use vector::Vector;

/// An instruction set that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuPath {
    /// AVX-512 (F, DQ).
    Avx512,
    /// AVX2 with fused multiply-add.
    Avx2,
    /// Any machine.
    Portable,
}

impl CpuPath {
    /// The best path of this machine. The environment variable `SUREFOOT_CPU` (`avx512`, `avx2`, `portable`) can
    /// choose another one, if the machine has it.
    pub fn detect() -> CpuPath {
        let wanted = std::env::var("SUREFOOT_CPU").ok();
        let all = [CpuPath::Avx512, CpuPath::Avx2, CpuPath::Portable];
        let chosen = all.into_iter().find(|p| wanted.as_deref() == Some(p.name()) && p.is_available());
        chosen.or_else(|| all.into_iter().find(|p| p.is_available())).unwrap_or(CpuPath::Portable)
    }

    /// Name in `SUREFOOT_CPU`.
    pub fn name(self) -> &'static str {
        match self {
            CpuPath::Avx512 => "avx512",
            CpuPath::Avx2 => "avx2",
            CpuPath::Portable => "portable",
        }
    }

    /// Does this machine have it?
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            CpuPath::Avx512 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq"),
            #[cfg(target_arch = "x86_64")]
            CpuPath::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(not(target_arch = "x86_64"))]
            CpuPath::Avx512 | CpuPath::Avx2 => false,
            CpuPath::Portable => true,
        }
    }
}

/// The kernels that take an operation row by row, for whole chunks or for one lane.
pub(crate) struct RowKernels<T> {
    pub map: unsafe fn(&Map<T>),
    pub binary: unsafe fn(&Binary<T>),
    pub select: unsafe fn(&Select<T>),
    pub copy: unsafe fn(&Copy<T>),
    pub reduce: unsafe fn(&Reduce<T>),
    pub convolve: unsafe fn(&Convolve<T>),
    pub combine: unsafe fn(&Combine<T>),
}

/// The kernels of one instruction set.
pub(crate) struct Kernels<T> {
    /// Lanes of a chunk: [`Element::CHUNK`].
    pub lanes: usize,
    pub rows: RowKernels<T>,
    pub linear: unsafe fn(&Linear<T>),
    pub contract: unsafe fn(&Contract<T>),
    pub contract_numbers: unsafe fn(&Contract<T>),
    pub outer: unsafe fn(&Outer<T>),
    pub stencil: unsafe fn(&Stencil<T>),
    pub winograd_input: unsafe fn(&Transform<T>),
    pub winograd_output: unsafe fn(&Transform<T>),
    pub accumulate: unsafe fn(&Accumulate<T>),
    pub accumulate_numbers: unsafe fn(&Accumulate<T>),
    pub total: unsafe fn(&Total<T>),
    pub total_product: unsafe fn(&TotalProduct<T>),
    pub weight_gradient: unsafe fn(&WeightGradient<T>),
    pub transform_weights: unsafe fn(&TransformWeights<T>),
    pub winograd_cotangent: unsafe fn(&Transform<T>),
    pub fold_weights: unsafe fn(&FoldWeights<T>),
}

/// Compiles kernels for a vector type, with an instruction set: all of them, or those for rows.
macro_rules! kernels {
    ($name:ident, $vector:ty, $scalar:ty $(, $feature:literal)?) => {
        mod $name {
            use super::*;
            kernels!(@rows $vector, $scalar, [$($feature)?]);
            const ROWS: RowKernels<$scalar> =
                RowKernels { map, binary, select, copy, reduce, convolve, combine };
            kernels!(@functions $vector, $scalar, [$($feature)?], linear: Linear, contract: Contract,
                contract_numbers: Contract, outer: Outer, stencil: Stencil, winograd_input: Transform,
                winograd_output: Transform, accumulate: Accumulate, accumulate_numbers: Accumulate,
                total: Total, total_product: TotalProduct, weight_gradient: WeightGradient,
                transform_weights: TransformWeights, winograd_cotangent: Transform, fold_weights: FoldWeights);
            pub(super) static KERNELS: Kernels<$scalar> = Kernels {
                lanes: <$vector>::LANES,
                rows: ROWS,
                linear,
                contract,
                contract_numbers,
                outer,
                stencil,
                winograd_input,
                winograd_output,
                accumulate,
                accumulate_numbers,
                total,
                total_product,
                weight_gradient,
                transform_weights,
                winograd_cotangent,
                fold_weights,
            };
        }
    };
    (rows $name:ident, $vector:ty, $scalar:ty $(, $feature:literal)?) => {
        mod $name {
            use super::*;
            kernels!(@rows $vector, $scalar, [$($feature)?]);
            pub(super) static KERNELS: RowKernels<$scalar> =
                RowKernels { map, binary, select, copy, reduce, convolve, combine };
        }
    };
    (@rows $vector:ty, $scalar:ty, $feature:tt) => {
        kernels!(@functions $vector, $scalar, $feature, map: Map, binary: Binary, select: Select, copy: Copy,
            reduce: Reduce, convolve: Convolve, combine: Combine);
    };
    (@functions $vector:ty, $scalar:ty, $feature:tt, $($f:ident: $arguments:ident),*) => {
        $(kernels!(@function $vector, $scalar, $feature, $f, $arguments);)*
    };
    (@function $vector:ty, $scalar:ty, [$($feature:literal)?], $f:ident, $arguments:ident) => {
        $(#[target_feature(enable = $feature)])?
        unsafe fn $f(arguments: &$arguments<$scalar>) {
            // SAFETY: the caller has checked the machine and the arguments.
            unsafe { generic::$f::<$vector>(arguments) }
        }
    };
}

/// The kernels before an instruction set is chosen.
mod generic {
    pub(super) use super::accumulate::{accumulate, accumulate_numbers, combine};
    pub(super) use super::contract::{contract, contract_numbers};
    pub(super) use super::convolve::convolve;
    pub(super) use super::elementwise::{binary, copy, reduce, select};
    pub(super) use super::functions::map;
    pub(super) use super::gradient::weight_gradient;
    pub(super) use super::linear::{linear, outer};
    pub(super) use super::stencil::stencil;
    pub(super) use super::total::{total, total_product};
    pub(super) use super::winograd::{winograd_input, winograd_output};
    pub(super) use super::winograd_gradient::{fold_weights, winograd_cotangent};
    pub(super) use super::winograd_weights::transform_weights;
}

kernels!(rows single_f32, portable::Lanes<f32, 1>, f32);
kernels!(rows single_f64, portable::Lanes<f64, 1>, f64);
kernels!(portable_f32, portable::F32Chunk, f32);
kernels!(portable_f64, portable::F64Chunk, f64);
#[cfg(target_arch = "x86_64")]
kernels!(rows fused_f32, portable::Lanes<f32, 1, true>, f32, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernels!(rows fused_f64, portable::Lanes<f64, 1, true>, f64, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernels!(avx2_f32, x86::F32Pair, f32, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernels!(avx2_f64, x86::F64Pair, f64, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernels!(avx512_f32, x86::F32Wide, f32, "avx512f,avx512dq");
#[cfg(target_arch = "x86_64")]
kernels!(avx512_f64, x86::F64Wide, f64, "avx512f,avx512dq");

/// An element type with its kernels.
pub(crate) trait Executed: Element {
    /// The kernels of a path that this machine has.
    fn kernels(path: CpuPath) -> &'static Kernels<Self>;
    /// Kernels for one lane that give the same bits as those of a path.
    fn numbers(path: CpuPath) -> &'static RowKernels<Self>;
}

macro_rules! executed {
    ($scalar:ty, $single:ident, $fused:ident, $portable:ident, $avx2:ident, $avx512:ident) => {
        impl Executed for $scalar {
            fn kernels(path: CpuPath) -> &'static Kernels<$scalar> {
                match path {
                    #[cfg(target_arch = "x86_64")]
                    CpuPath::Avx512 => &$avx512::KERNELS,
                    #[cfg(target_arch = "x86_64")]
                    CpuPath::Avx2 => &$avx2::KERNELS,
                    _ => &$portable::KERNELS,
                }
            }

            fn numbers(path: CpuPath) -> &'static RowKernels<$scalar> {
                match path {
                    #[cfg(target_arch = "x86_64")]
                    CpuPath::Avx512 | CpuPath::Avx2 => &$fused::KERNELS,
                    _ => &$single::KERNELS,
                }
            }
        }
    };
}

executed!(f32, single_f32, fused_f32, portable_f32, avx2_f32, avx512_f32);
executed!(f64, single_f64, fused_f64, portable_f64, avx2_f64, avx512_f64);
