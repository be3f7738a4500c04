//! The intrinsic dimension of data and of what a model generates (theory §10): one estimator a file.
//!
//! [`gap()`], [`spread()`], [`normal_bundle()`] and [`flipd()`] ask a model, [`levina_bickel()`], [`two_nn()`] and [`local_pca()`] a
//! sample. All see the data at some scale, and every answer says at which.

mod answers;
mod beside;
mod flipd;
mod gap;
mod levina_bickel;
mod local_pca;
mod normal_bundle;
mod overlap;
mod score;
mod spread;
mod two_nn;

pub use answers::{Answers, Clarity, Count, Drop, DropAt, Ensemble, Gap, Standing, WholeInterval};
pub use beside::{
    Asked, Known, NoiseScale, OfGeneration, OfPoints, OfSample, OfScore, PcaAt, SampleSettings,
    ScoreSettings, ScoredPoints,
};
pub use flipd::{Flipd, FlipdEach, flipd, flipd_each};
pub use gap::{GapDimension, GapRule, gap};
pub use levina_bickel::{AtNeighbours, LevinaBickel, Neighbourhoods, levina_bickel};
pub use local_pca::{LocalPca, PcaDimension, PcaRule, local_pca};
pub use normal_bundle::{Copies, NormalBundle, NormalSpectra, normal_bundle, normal_spectra};
pub use score::ScoreAt;
pub use spread::{NoiseFloor, SpreadDimension, spread};
pub use two_nn::{TwoNnDimension, two_nn};
