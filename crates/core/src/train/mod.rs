//! Training: networks to be trained.

pub mod networks;
