//! Alignment of the most sensitive subspace with the score and with the support (theory §6).
