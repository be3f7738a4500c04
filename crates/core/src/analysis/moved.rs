//! Samples moved along their exact vectors: how far each direction leads off the support (CdC Figs. 3 and 5).

use super::axis::{Axis, ColumnSink, LENGTH};
use super::exact::{Exact, Exactly};
use super::extent::Extent;
use super::study::Study;
use super::summarise::{Reader, strided};
use crate::error::Result;
use crate::linalg::norm;
use crate::random::{Purpose, standard_normal, stream};
use crate::statistics::Quantiles;
use crate::support::Foot;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Size of the move where none is asked for, as a share of ‖x_τ‖.
const MOVED_SHARE: f64 = 0.3;

/// Samples moved by ±S along every vector that was searched for, and along a random direction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MovedSummary {
    /// S.
    pub size: Quantiles,
    /// Distance of the samples themselves to the support.
    pub distance: Quantiles,
    /// Mean of the distances of x + S u_i and x − S u_i, by vector.
    pub distance_moved: Vec<Quantiles>,
    /// The same for a random direction.
    pub distance_random: Quantiles,
}

/// The columns of the moves, where vectors are searched for and there is a support.
pub(super) fn moved_columns(to: &mut dyn ColumnSink, extent: &Extent) {
    use Axis::{Searched, Vector};
    if extent.exact != Exactly::Search || !extent.support {
        return;
    }
    to.add("moved_size", &[Searched], LENGTH, "S, how far samples are moved along their vectors");
    to.add("moved_distance", &[Searched, Vector], LENGTH, "mean distance of x ± S u_i to the support");
    to.add("moved_distance_random", &[Searched], LENGTH, "the same for a random direction");
}

impl Study<'_> {
    /// Fills the columns with the leading samples of a tile that begins at sample `first`, from its points `x[n, D]` and
    /// the exact vectors of the first of them.
    pub(super) fn put_moved(
        &self,
        to: &mut BTreeMap<&'static str, Vec<f64>>,
        first: usize,
        x: &[f64],
        exact: &Exact,
    ) {
        let (dim, k) = (self.system.dim(), self.request.vectors);
        let Some(support) = self.system.support.as_ref() else { return };
        let (mut sizes, mut along, mut random) = (Vec::new(), Vec::new(), Vec::new());
        for (i, (x, vectors)) in x.chunks_exact(dim).zip(exact.left.chunks_exact(k * dim)).enumerate() {
            let size = self.request.moved.unwrap_or_else(|| MOVED_SHARE * norm(x));
            let mut other = vec![0.0; dim];
            standard_normal(&mut stream(self.request.seed, (first + i) as u64, Purpose::Move), &mut other);
            let length = norm(&other);
            other.iter_mut().for_each(|o| *o /= length);
            let directions = vectors.chunks_exact(dim).chain([&other[..]]);
            let ends: Vec<f64> =
                directions.flat_map(|u| [size, -size].map(|s| step(x, s, u))).flatten().collect();
            let feet = support.project_batch(&ends);
            let mut means =
                feet.chunks_exact(2).map(|pair: &[Foot]| 0.5 * (pair[0].distance + pair[1].distance));
            along.extend(means.by_ref().take(k));
            random.extend(means);
            sizes.push(size);
        }
        to.insert("moved_size", sizes);
        to.insert("moved_distance", along);
        to.insert("moved_distance_random", random);
    }
}

/// x + s u
fn step(x: &[f64], s: f64, u: &[f64]) -> Vec<f64> {
    x.iter().zip(u).map(|(x, u)| x + s * u).collect()
}

/// From the finished columns; `None` where nothing was moved.
pub(super) fn summarise_moved(reader: &Reader) -> Result<Option<MovedSummary>> {
    if reader.extent.exact != Exactly::Search || !reader.extent.support {
        return Ok(None);
    }
    let (k, moved) = (reader.request.vectors, reader.read("moved_distance")?);
    let mut distance = reader.read("distance")?;
    distance.truncate(moved.len() / k);
    Ok(Some(MovedSummary {
        size: Quantiles::of(&reader.read("moved_size")?),
        distance: Quantiles::of(&distance),
        distance_moved: (0..k).map(|i| Quantiles::of(&strided(&moved, k, i))).collect(),
        distance_random: Quantiles::of(&reader.read("moved_distance_random")?),
    }))
}
