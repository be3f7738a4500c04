//! Norms on E^⊥: from the rest of a full frame, or by Lanczos recursions that never form it (theory §9).

use super::LARGEST;
use super::lanczos::Lanczos;
use crate::linalg::{axpy, dot, spectral_norm};
use crate::random::{Purpose, standard_normal, stream};
use crate::sampler::Step;
use crate::sweep::Station;

/// Norms of a step on E^⊥ at one sample.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RestNorms {
    /// ‖A E^⊥‖
    pub(super) stretch: f64,
    /// ‖Eᵀ A E^⊥‖
    pub(super) cross_in: f64,
    /// ‖E^⊥ᵀ (A − I) E^⊥‖
    pub(super) block: f64,
}

/// What is reused from step to step.
pub(super) struct Rest<'a> {
    step: &'a Step,
    d: usize,
    k: usize,
    /// Where the two recursions start at the next step `[n, 2, D]`; empty for a full frame
    vectors: Vec<f64>,
}

/// ‖M‖ of which map.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A on E^⊥
    Whole,
    /// (I − EEᵀ)(A − I) on E^⊥
    Block,
}

impl<'a> Rest<'a> {
    pub(super) fn new(step: &'a Step, n: usize, d: usize, k: usize) -> Self {
        let dim = step.dim();
        let mut vectors = vec![0.0; if k == dim { 0 } else { n * 2 * dim }];
        for row in vectors.chunks_exact_mut(2 * dim) {
            standard_normal(&mut stream(0, 0, Purpose::NormalProbe), row);
        }
        Rest { step, d, k, vectors }
    }

    /// Norms of all samples.
    pub(super) fn norms(&mut self, station: &Station) -> Vec<RestNorms> {
        let (dim, k) = (self.step.dim(), self.k);
        if k == dim {
            return (0..station.state.len() / dim).map(|sample| self.read_frame(station, sample)).collect();
        }
        let cross = self.cross_in(station);
        let whole = self.norm_of(station, Part::Whole);
        let block = self.norm_of(station, Part::Block);
        let norms = |((stretch, block), cross_in)| RestNorms { stretch, cross_in, block };
        whole.into_iter().zip(block).zip(cross).map(norms).collect()
    }

    /// With all D vectors: E_nᵀ A_n E_n = E_nᵀ E_{n+1} R_n.
    fn read_frame(&self, station: &Station, sample: usize) -> RestNorms {
        let (dim, d) = (self.step.dim(), self.d);
        let own = sample * dim * dim..(sample + 1) * dim * dim;
        let (frame, next) = (&station.frame[own.clone()], &station.next_frame[own.clone()]);
        let r = &station.factor[own];
        let mut image = vec![0.0; (dim - d) * dim];
        for (row, j) in image.chunks_exact_mut(dim).zip(d..) {
            (0..=j).for_each(|i| axpy(row, r[i * dim + j], &next[i * dim..][..dim]));
        }
        let inside = |e: &[f64]| image.chunks_exact(dim).map(|row| dot(e, row)).collect::<Vec<f64>>();
        let mut blocks = frame.chunks_exact(dim).map(inside);
        let cross: Vec<f64> = blocks.by_ref().take(d).flatten().collect();
        let mut block: Vec<f64> = blocks.flatten().collect();
        (0..dim - d).for_each(|i| block[i * (dim - d) + i] -= 1.0);
        RestNorms {
            stretch: spectral_norm(dim, &image),
            cross_in: spectral_norm(dim - d, &cross),
            block: spectral_norm(dim - d, &block),
        }
    }

    /// ‖Eᵀ A (I − EEᵀ)‖ by the adjoint of E.
    fn cross_in(&self, station: &Station) -> Vec<f64> {
        let (dim, d, k) = (self.step.dim(), self.d, self.k);
        let frames: Vec<f64> =
            station.frame.chunks_exact(k * dim).flat_map(|frame| frame[..d * dim].iter().copied()).collect();
        let mut pulled = vec![0.0; frames.len()];
        self.step.advance_adjoint(station.step, station.state, station.noise, &frames, &mut pulled);
        let samples = pulled.chunks_exact_mut(d * dim).zip(frames.chunks_exact(d * dim));
        let norm = |(rows, frame): (&mut [f64], &[f64])| {
            rows.chunks_exact_mut(dim).for_each(|row| clear(frame, dim, row));
            spectral_norm(dim, rows)
        };
        samples.map(norm).collect()
    }

    /// ‖M‖ of every sample, from the largest eigenvalue of MᵀM; all samples together until each has settled.
    fn norm_of(&mut self, station: &Station, part: Part) -> Vec<f64> {
        let dim = self.step.dim();
        let place = usize::from(part == Part::Block);
        let start = |(pair, frame): (&[f64], &[f64])| {
            let mut vector = pair[place * dim..][..dim].to_vec();
            clear(frame, dim, &mut vector);
            Lanczos::new(vector)
        };
        let mut recursions: Vec<Lanczos> =
            self.vectors.chunks_exact(2 * dim).zip(self.frames(station)).map(start).collect();
        while !recursions.iter().all(|recursion| recursion.settled) {
            let vectors: Vec<f64> = recursions.iter().flat_map(|r| r.question().iter().copied()).collect();
            let images = self.gram(station, part, &vectors);
            recursions.iter_mut().zip(images.chunks_exact(dim)).for_each(|(r, image)| r.answer(image));
        }
        for (pair, recursion) in self.vectors.chunks_exact_mut(2 * dim).zip(&recursions) {
            if let Some(vector) = recursion.vector() {
                pair[place * dim..][..dim].copy_from_slice(&vector);
            }
        }
        let norm = |value: f64| if value.is_nan() { LARGEST } else { value.max(0.0).sqrt() };
        recursions.iter().map(|recursion| norm(recursion.value)).collect()
    }

    /// MᵀM w for vectors w in E^⊥.
    fn gram(&self, station: &Station, part: Part, vectors: &[f64]) -> Vec<f64> {
        let (dim, forcings) = (self.step.dim(), self.step.forcing.len());
        let rows = with_forced(vectors, dim, forcings);
        let (mut next, mut moved) = (vec![0.0; vectors.len()], vec![0.0; rows.len()]);
        self.step.advance_tangent(station.step, station.state, station.noise, &rows, &mut next, &mut moved);
        let mut image: Vec<f64> =
            moved.chunks_exact((1 + forcings) * dim).flat_map(|rows| rows[..dim].to_vec()).collect();
        if part == Part::Block {
            axpy(&mut image, -1.0, vectors);
            self.clear_all(station, &mut image);
        }
        let mut pulled = vec![0.0; image.len()];
        self.step.advance_adjoint(station.step, station.state, station.noise, &image, &mut pulled);
        if part == Part::Block {
            axpy(&mut pulled, -1.0, &image);
        }
        self.clear_all(station, &mut pulled);
        pulled
    }

    fn clear_all(&self, station: &Station, rows: &mut [f64]) {
        let dim = self.step.dim();
        rows.chunks_exact_mut(dim).zip(self.frames(station)).for_each(|(row, frame)| clear(frame, dim, row));
    }

    /// E_n of every sample `[d, D]`.
    fn frames<'s>(&self, station: &Station<'s>) -> impl Iterator<Item = &'s [f64]> + use<'s> {
        let (dim, d, k) = (self.step.dim(), self.d, self.k);
        station.frame.chunks_exact(k * dim).map(move |frame| &frame[..d * dim])
    }
}

/// Rows `[n, D]` with `forcings` rows of zeros after each, as a step with forcing errors takes them.
fn with_forced(vectors: &[f64], dim: usize, forcings: usize) -> Vec<f64> {
    let zeros = vec![0.0; forcings * dim];
    vectors.chunks_exact(dim).flat_map(|row| row.iter().chain(&zeros).copied()).collect()
}

/// Removes the part along orthonormal rows, twice.
fn clear(frame: &[f64], dim: usize, row: &mut [f64]) {
    for _ in 0..2 {
        for e in frame.chunks_exact(dim) {
            let part = dot(e, row);
            axpy(row, -part, e);
        }
    }
}
