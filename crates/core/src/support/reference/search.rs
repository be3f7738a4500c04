//! Exact nearest neighbours by brute force, in blocks.

use super::Neighbour;
use rayon::prelude::*;

/// Most points asked for their neighbours; all points of the sample can be neighbours.
const MOST_ASKED: usize = 2000;

/// A point of a sample with its nearest others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Surroundings {
    /// Its row in the sample.
    pub(crate) own: usize,
    /// The others, nearest first.
    pub(crate) others: Vec<Neighbour>,
}

/// The `count` nearest other points (at most N − 1) of points evenly spaced through `points[N, D]`, at most
/// [`MOST_ASKED`] of them.
pub(crate) fn surroundings(dim: usize, points: &[f64], count: usize) -> Vec<Surroundings> {
    let rows = points.len() / dim;
    let count = count.min(rows.saturating_sub(1));
    let step = rows.div_ceil(MOST_ASKED).max(1);
    let asked: Vec<usize> = (0..rows).step_by(step).collect();
    let queries: Vec<f64> = asked.iter().flat_map(|&i| &points[i * dim..][..dim]).copied().collect();
    let others_of = |(&own, mut others): (&usize, Vec<Neighbour>)| {
        others.retain(|neighbour| neighbour.index != own);
        others.truncate(count);
        Surroundings { own, others }
    };
    asked.iter().zip(nearest(dim, points, &queries, count + 1)).map(others_of).collect()
}

/// Queries that share one pass over the reference.
const QUERIES: usize = 16;
/// Coordinates between two looks at whether a distance can still matter.
const STRIDE: usize = 128;
/// Partial sums a distance is kept in.
const LANES: usize = 32;

/// The `count` nearest rows of `points[N, D]` of every row of `x[n, D]`, nearest first, the lower index first among equals.
/// Every answer depends on its own query only.
pub(super) fn nearest(dim: usize, points: &[f64], x: &[f64], count: usize) -> Vec<Vec<Neighbour>> {
    let squared = squared_distance_kernel();
    let block = |queries: &[f64]| {
        let mut found: Vec<Nearest> = queries.chunks_exact(dim).map(|_| Nearest::new(count)).collect();
        for (index, point) in points.chunks_exact(dim).enumerate() {
            for (query, nearest) in queries.chunks_exact(dim).zip(&mut found) {
                nearest.offer(index, squared(query, point, nearest.bound));
            }
        }
        found.into_iter().map(Nearest::finish).collect::<Vec<_>>()
    };
    x.par_chunks(QUERIES * dim).flat_map_iter(block).collect()
}

/// The nearest so far, ascending.
struct Nearest {
    count: usize,
    found: Vec<Neighbour>,
    /// Squared distances from here on are of no use.
    bound: f64,
}

impl Nearest {
    fn new(count: usize) -> Nearest {
        Nearest { count, found: Vec::with_capacity(count + 1), bound: f64::INFINITY }
    }

    fn offer(&mut self, index: usize, squared: f64) {
        if squared >= self.bound || self.count == 0 {
            return;
        }
        let place = self.found.partition_point(|neighbour| neighbour.distance <= squared);
        self.found.insert(place, Neighbour { index, distance: squared });
        self.found.truncate(self.count);
        if let (true, Some(last)) = (self.found.len() == self.count, self.found.last()) {
            self.bound = last.distance;
        }
    }

    fn finish(mut self) -> Vec<Neighbour> {
        self.found.iter_mut().for_each(|neighbour| neighbour.distance = neighbour.distance.sqrt());
        self.found
    }
}

/// ‖a − b‖², or ∞ as soon as it cannot be below the bound.
type SquaredDistance = fn(&[f64], &[f64], f64) -> f64;

/// The fastest variant that this machine can run.
fn squared_distance_kernel() -> SquaredDistance {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return |a, b, bound| {
            // SAFETY: the feature was detected above.
            unsafe { squared_distance_avx2(a, b, bound) }
        };
    }
    squared_distance
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn squared_distance_avx2(a: &[f64], b: &[f64], bound: f64) -> f64 {
    squared_distance(a, b, bound)
}

/// The variants differ in the instructions they are compiled to, not in a single rounding.
#[inline(always)]
fn squared_distance(a: &[f64], b: &[f64], bound: f64) -> f64 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks(STRIDE).zip(b.chunks(STRIDE)) {
        let (a, rest_a) = a.as_chunks::<LANES>();
        let (b, rest_b) = b.as_chunks::<LANES>();
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                let difference = a[lane] - b[lane];
                sums[lane] += difference * difference;
            }
        }
        for (lane, (a, b)) in rest_a.iter().zip(rest_b).enumerate() {
            sums[lane] += (a - b) * (a - b);
        }
        // Sums only grow, so a partial total above the bound settles it.
        if total(&sums) >= bound {
            return f64::INFINITY;
        }
    }
    total(&sums)
}

/// Sum of the lanes by halves.
#[inline(always)]
fn total(sums: &[f64; LANES]) -> f64 {
    let mut folded = *sums;
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            folded[lane] += folded[lane + width];
        }
    }
    folded[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, standard_normal, stream};

    #[test]
    fn neighbours_are_those_of_a_full_sort() {
        for dim in [1, 3, 31, 32, 33, 130, 300] {
            let mut points = vec![0.0; 200 * dim];
            let mut x = vec![0.0; 37 * dim];
            let mut rng = stream(2, dim as u64, Purpose::Reference);
            standard_normal(&mut rng, &mut points);
            standard_normal(&mut rng, &mut x);
            for count in [1, 7, 200] {
                let found = nearest(dim, &points, &x, count);
                for (query, found) in x.chunks(dim).zip(&found) {
                    let by_sum =
                        |p: &[f64]| p.iter().zip(query).map(|(p, q)| (p - q).powi(2)).sum::<f64>().sqrt();
                    let mut all: Vec<(f64, usize)> = points.chunks(dim).map(by_sum).zip(0..).collect();
                    all.sort_by(|a, b| a.partial_cmp(b).unwrap());
                    for (neighbour, want) in found.iter().zip(&all[..count]) {
                        assert!((neighbour.distance - want.0).abs() < 1e-12 * want.0.max(1.0));
                        assert_eq!(neighbour.index, want.1);
                    }
                    assert_eq!(found.len(), count);
                    assert_eq!(*found, nearest(dim, &points, query, count)[0]);
                }
            }
        }
    }

    #[test]
    fn equal_distances_keep_the_lower_index() {
        let points = [1.0, -1.0, 1.0, 0.0, 1.0];
        let found = nearest(1, &points, &[0.0], 3);
        assert_eq!(found[0].iter().map(|n| n.index).collect::<Vec<_>>(), [3, 0, 1]);
    }

    #[test]
    fn variants_agree_bit_for_bit() {
        let mut a = vec![0.0; 784];
        let mut b = vec![0.0; 784];
        let mut rng = stream(2, 0, Purpose::Reference);
        standard_normal(&mut rng, &mut a);
        standard_normal(&mut rng, &mut b);
        let exact = squared_distance(&a, &b, f64::INFINITY);
        assert_eq!(squared_distance_kernel()(&a, &b, f64::INFINITY).to_bits(), exact.to_bits());
        assert_eq!(squared_distance(&a, &b, exact), f64::INFINITY);
        assert_eq!(squared_distance(&a, &b, exact.next_up()), exact);
    }
}
