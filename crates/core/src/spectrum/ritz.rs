//! What all rounds of a search have seen of J, taken together: Rayleigh–Ritz over the block Krylov space (block
//! Golub–Kahan; Golub, Luk and Overton 1981, Musco and Musco 2015).

use super::jacobi;
use super::product::{ScaledRows, combine_rows, identities, power_of_two};
use super::subspace::{Round, Triples, Way};
use crate::error::Result;
use crate::linalg::{axpy, dot, norm, orthonormalize, upper_product};
use crate::sweep::{Chain, Shuttled};
use std::f64::consts::LN_2;

/// J seen from K orthonormal rows v_a: J v_a = σ_a u_a with orthonormal u_a, and Jᵀ u_a. All in one scale, which leaves
/// relative errors of about ε σ_1/σ_a.
pub(super) struct Seen {
    dim: usize,
    /// Leading triples that are certified, k + p.
    carried: usize,
    /// σ_a and Jᵀ u_a are in units of 2^unit.
    unit: i64,
    /// σ_a, descending `[K]`
    values: Vec<f64>,
    /// v_a at x_0 `[K, D]`
    right: Vec<f64>,
    /// u_a at x_τ `[K, D]`
    left: Vec<f64>,
    /// Jᵀ u_a `[K, D]`
    back: Vec<f64>,
    /// Residuals of the leading triples `[carried]`
    residuals: Vec<f64>,
    /// The parts of Jᵀ u_a that no v_b reaches `[carried, D]`
    unreached: Vec<f64>,
}

/// New rows q_i at x_0 and what J makes of them.
struct Image {
    /// q_i `[m, D]`
    block: Vec<f64>,
    /// Orthonormal rows f_i, orthogonal to all u_a `[m, D]`
    rows: Vec<f64>,
    /// J q_i in the coordinates (u, f) `[m, K + m]`
    coordinates: Vec<f64>,
}

/// rows = overlaps · basis + factor · (orthonormal rows orthogonal to the basis).
struct Split {
    /// `[m, K]`
    overlaps: Vec<f64>,
    /// Upper triangular: row j is Σ_i factor_ij e_i beside the basis `[m, m]`
    factor: Vec<f64>,
}

impl Seen {
    /// What a first round has seen: its triples, and Jᵀ U as it arrived.
    pub(super) fn new(dim: usize, triples: &Triples, back: &Shuttled) -> Seen {
        let unit = (triples.log_values[0] / LN_2).floor() as i64;
        let carried = triples.log_values.len();
        let mut seen = Seen {
            dim,
            carried,
            unit,
            values: triples.log_values.iter().map(|log| (log - unit as f64 * LN_2).exp()).collect(),
            right: triples.right.clone(),
            left: triples.left.clone(),
            back: from_frame(dim, &back.chain, &back.frame, unit),
            residuals: Vec::new(),
            unreached: Vec::new(),
        };
        seen.certify();
        seen
    }

    /// Orthonormal rows that widen the space: where Jᵀ leads from the leading vectors that have not converged. Empty where
    /// there is nothing more to see.
    fn next(&self, tolerance: f64) -> Vec<f64> {
        let (dim, room) = (self.dim, self.dim - self.values.len());
        let open = (0..self.carried).filter(|a| self.residuals[*a] > tolerance).take(room);
        let mut rows: Vec<f64> = open.flat_map(|a| &self.unreached[a * dim..][..dim]).copied().collect();
        if !rows.is_empty() {
            split(dim, &self.right, &mut rows);
        }
        rows
    }

    /// J of new rows, as the sweep forth brought it.
    fn image(&self, block: Vec<f64>, forth: &Shuttled) -> Image {
        let (dim, m, count) = (self.dim, forth.chain.k, self.values.len());
        let mut rows = forth.frame.clone();
        let Split { overlaps, factor } = split(dim, &self.left, &mut rows);
        let sent = scaled(&forth.chain, self.unit);
        let mut coordinates = vec![0.0; m * (count + m)];
        for (i, own) in coordinates.chunks_exact_mut(count + m).enumerate() {
            for j in 0..=i {
                axpy(&mut own[..count], sent[j * m + i], &overlaps[j * count..][..count]);
                (0..=j).for_each(|l| own[count + l] += sent[j * m + i] * factor[l * m + j]);
            }
        }
        Image { block, rows, coordinates }
    }

    /// Takes in an image and Jᵀ of its rows, and turns to the triples of the wider space.
    fn widen(&mut self, image: Image, back: &Shuttled) {
        let (dim, m, count) = (self.dim, back.chain.k, self.values.len());
        let wide = count + m;
        self.right.extend(image.block);
        self.left.extend(image.rows);
        self.back.extend(from_frame(dim, &back.chain, &back.frame, self.unit));
        let mut core = vec![0.0; wide * wide];
        self.values.iter().enumerate().for_each(|(a, value)| core[a * wide + a] = *value);
        for (i, column) in image.coordinates.chunks_exact(wide).enumerate() {
            column.iter().enumerate().for_each(|(row, entry)| core[row * wide + count + i] = *entry);
        }
        let mut core = ScaledRows { k: wide, rows: core, exponents: vec![0; wide] };
        (0..wide).for_each(|row| core.rescale(row));
        let turned = jacobi::svd(core);
        self.values = turned.log_values.iter().map(|log| log.exp()).collect();
        for (rows, coordinates) in
            [(&mut self.right, &turned.right), (&mut self.left, &turned.left), (&mut self.back, &turned.left)]
        {
            let basis = std::mem::replace(rows, vec![0.0; wide * dim]);
            combine_rows(wide, coordinates, &basis, rows);
        }
        self.certify();
    }

    /// The leading triples with their residuals.
    fn triples(&self) -> Triples {
        let rows = self.carried * self.dim;
        Triples {
            log_values: self.values[..self.carried]
                .iter()
                .map(|s| s.ln() + self.unit as f64 * LN_2)
                .collect(),
            left: self.left[..rows].to_vec(),
            right: self.right[..rows].to_vec(),
            residuals: self.residuals.clone(),
        }
    }

    /// ‖Jᵀu_a − σ_a v_a‖/σ_a of the leading triples, the part along v_b relative to max(σ_a, σ_b).
    fn certify(&mut self) {
        let dim = self.dim;
        self.residuals.clear();
        self.unreached.clear();
        for a in 0..self.carried {
            let own = a * dim..(a + 1) * dim;
            let mut rest = self.back[own.clone()].to_vec();
            axpy(&mut rest, -self.values[a], &self.right[own]);
            let mut along = 0.0;
            for (value, v) in self.values.iter().zip(self.right.chunks_exact(dim)) {
                let overlap = dot(v, &rest);
                axpy(&mut rest, -overlap, v);
                along += (overlap / value.max(self.values[a])).powi(2);
            }
            self.residuals.push((along + (norm(&rest) / self.values[a]).powi(2)).sqrt());
            self.unreached.extend(rest);
        }
    }
}

impl Round for Seen {
    fn go(&mut self, way: &mut Way, tolerance: f64) -> Result<Option<Triples>> {
        let block = self.next(tolerance);
        if block.is_empty() {
            return Ok(None);
        }
        let forth = way.forth(&block)?;
        let image = self.image(block, &forth);
        let back = way.back(&image.rows)?;
        self.widen(image, &back);
        Ok(Some(self.triples()))
    }
}

/// Triangular product of a chain of one sample in units of 2^unit `[m, m]`.
fn scaled(chain: &Chain, unit: i64) -> Vec<f64> {
    let m = chain.k;
    let mut product = ScaledRows::product(m, chain.factors.chunks_exact(m * m));
    for (row, exponent) in product.rows.chunks_exact_mut(m).zip(&product.exponents) {
        row.iter_mut().for_each(|entry| *entry *= power_of_two(exponent - unit));
    }
    product.rows
}

/// frame · P: what was sent, where it has arrived `[m, D]`.
fn from_frame(dim: usize, chain: &Chain, frame: &[f64], unit: i64) -> Vec<f64> {
    let m = chain.k;
    let product = scaled(chain, unit);
    let mut rows = vec![0.0; m * dim];
    for (i, row) in rows.chunks_exact_mut(dim).enumerate() {
        (0..=i).for_each(|j| axpy(row, product[j * m + i], &frame[j * dim..][..dim]));
    }
    rows
}

/// Makes rows orthonormal and orthogonal to a basis, twice over.
fn split(dim: usize, basis: &[f64], rows: &mut [f64]) -> Split {
    let (m, count) = (rows.len() / dim, basis.len() / dim);
    let mut found = Split { overlaps: vec![0.0; m * count], factor: identities(m, 1) };
    for _ in 0..2 {
        let mut overlaps = vec![0.0; m * count];
        for (row, overlaps) in rows.chunks_exact_mut(dim).zip(overlaps.chunks_exact_mut(count)) {
            for (overlap, other) in overlaps.iter_mut().zip(basis.chunks_exact(dim)) {
                *overlap = dot(other, row);
                axpy(row, -*overlap, other);
            }
        }
        let mut factor = vec![0.0; m * m];
        orthonormalize(dim, m, rows, &mut factor);
        // With E for the rows so far: E = O B + E' T, and rows = overlaps B + factor E.
        for j in 0..m {
            for i in 0..=j {
                let weight = found.factor[i * m + j];
                axpy(&mut found.overlaps[j * count..][..count], weight, &overlaps[i * count..][..count]);
            }
        }
        found.factor = upper_product(m, &factor, &found.factor);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_split_into_what_the_basis_reaches_and_the_rest() {
        let (dim, m, count) = (7, 3, 2);
        let number = |i: usize| ((i * i * 37 + i * 11) % 101) as f64 / 101.0 - 0.4;
        let mut basis: Vec<f64> = (0..count * dim).map(number).collect();
        orthonormalize(dim, count, &mut basis, &mut [0.0; 4]);
        // The last row lies all but in the span of the basis.
        let mut rows: Vec<f64> = (0..m * dim).map(|i| number(i + 50)).collect();
        for c in 0..dim {
            rows[2 * dim + c] = basis[c] - 2.0 * basis[dim + c] + 1e-9 * number(c + 5);
        }
        let given = rows.clone();
        let Split { overlaps, factor } = split(dim, &basis, &mut rows);
        let all = [basis, rows].concat();
        for (i, a) in all.chunks_exact(dim).enumerate() {
            for (j, b) in all.chunks_exact(dim).enumerate() {
                let wanted = f64::from(u8::from(i == j));
                assert!((dot(a, b) - wanted).abs() < 1e-14, "{i} {j} {}", dot(a, b));
            }
        }
        for j in 0..m {
            let mut made = vec![0.0; dim];
            (0..count).for_each(|a| axpy(&mut made, overlaps[j * count + a], &all[a * dim..][..dim]));
            (0..=j).for_each(|i| axpy(&mut made, factor[i * m + j], &all[(count + i) * dim..][..dim]));
            for (made, given) in made.iter().zip(&given[j * dim..]) {
                assert!((made - given).abs() < 1e-14, "row {j}");
            }
        }
    }
}
