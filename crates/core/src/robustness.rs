//! Twins: off- and along-support shifts, first-order displacements, footing (theory §5).
