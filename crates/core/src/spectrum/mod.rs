//! Finite-time Lyapunov exponents and vectors (theory §4): `qr` is what a forward sweep gives (its log growth and end
//! frame); here are the exact `svd` vectors, covariant vectors, and the exponents of any map.

mod bundle;
mod covariant;
mod jacobi;
mod lyapunov;
mod planar;
mod product;
mod ritz;
mod subspace;
mod svd;

pub use bundle::{Bundle, bundle};
pub use covariant::{Covariant, covariant};
pub use lyapunov::{Lyapunov, lyapunov};
pub use subspace::{Leading, Search, leading, leading_from};
pub use svd::{Svd, svd};
