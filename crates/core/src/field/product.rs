//! Fields of independent blocks of coordinates.

use super::{Field, Moment, SharedField};
use crate::error::{Error, Result};

/// One block: a field and the coordinates it lives on.
struct Block {
    field: SharedField,
    coordinates: Vec<usize>,
}

/// The score of a product law: each block of coordinates has its own field.
pub struct Product {
    dim: usize,
    blocks: Vec<Block>,
}

/// Which derivative is taken.
#[derive(Clone, Copy)]
enum Mode {
    Tangents,
    Adjoint,
}

impl Product {
    /// From pairs of a field and its coordinates; the coordinates of all blocks together are 0..D, each once.
    ///
    /// # Errors
    /// [`Error::Invalid`] where they are not, or a field's dimension differs from its number of coordinates.
    pub fn new(blocks: Vec<(SharedField, Vec<usize>)>) -> Result<Self> {
        let mut all: Vec<usize> = blocks.iter().flat_map(|(_, c)| c.iter().copied()).collect();
        all.sort_unstable();
        let fits = blocks.iter().all(|(field, c)| field.dim() == c.len());
        if !fits || all.is_empty() || !all.iter().copied().eq(0..all.len()) {
            return Err(Error::invalid(
                "product of fields",
                "blocks whose coordinates are 0..D, each once, as many as each field's dimension",
                format!("coordinates {all:?}"),
                "Give every coordinate to one block.",
            ));
        }
        let blocks = blocks.into_iter().map(|(field, coordinates)| Block { field, coordinates }).collect();
        Ok(Product { dim: all.len(), blocks })
    }

    fn derive(&self, mode: Mode, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        for Block { field, coordinates } in &self.blocks {
            let part = |all: &[f64]| gather(self.dim, coordinates, all);
            let (x, v) = (part(x), part(v));
            let (mut block_y, mut block_jv) = (vec![0.0; x.len()], vec![0.0; v.len()]);
            match mode {
                Mode::Tangents => field.tangents(at, &x, &v, &mut block_y, &mut block_jv),
                Mode::Adjoint => field.adjoint(at, &x, &v, &mut block_y, &mut block_jv),
            }
            scatter(self.dim, coordinates, &block_y, y);
            scatter(self.dim, coordinates, &block_jv, jv);
        }
    }
}

/// The named coordinates of every row.
fn gather(dim: usize, coordinates: &[usize], rows: &[f64]) -> Vec<f64> {
    rows.chunks_exact(dim).flat_map(|row| coordinates.iter().map(|c| row[*c])).collect()
}

/// Inverse of [`gather`].
fn scatter(dim: usize, coordinates: &[usize], part: &[f64], rows: &mut [f64]) {
    for (row, part) in rows.chunks_exact_mut(dim).zip(part.chunks_exact(coordinates.len())) {
        for (c, value) in coordinates.iter().zip(part) {
            row[*c] = *value;
        }
    }
}

impl Field for Product {
    fn dim(&self) -> usize {
        self.dim
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        for Block { field, coordinates } in &self.blocks {
            let x = gather(self.dim, coordinates, x);
            let mut block_y = vec![0.0; x.len()];
            field.eval(at, &x, &mut block_y);
            scatter(self.dim, coordinates, &block_y, y);
        }
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.derive(Mode::Tangents, at, x, v, y, jv);
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.derive(Mode::Adjoint, at, x, u, y, uj);
    }

    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        for Block { field, coordinates } in &self.blocks {
            let part = |all: &[f64]| gather(self.dim, coordinates, all);
            let (x, u, v) = (part(x), part(u), part(v));
            let (mut block_y, mut block_d2) = (vec![0.0; x.len()], vec![0.0; u.len()]);
            field.second(at, &x, &u, &v, &mut block_y, &mut block_d2)?;
            scatter(self.dim, coordinates, &block_y, y);
            scatter(self.dim, coordinates, &block_d2, d2);
        }
        Ok(())
    }

    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        v: &[f64],
        u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        for Block { field, coordinates } in &self.blocks {
            let part = |all: &[f64]| gather(self.dim, coordinates, all);
            let (x, v, u) = (part(x), part(v), part(u));
            let (mut block_y, mut block_out) = (vec![0.0; x.len()], vec![0.0; u.len()]);
            field.second_adjoint(at, &x, &v, &u, &mut block_y, &mut block_out)?;
            scatter(self.dim, coordinates, &block_y, y);
            scatter(self.dim, coordinates, &block_out, out);
        }
        Ok(())
    }
}
