//! Restarted GMRES (Saad and Schultz 1986) for many systems at once, each with its own matrix known by products only.

use super::{axpy, dot, norm};

/// Directions kept before a restart.
const BASIS: usize = 40;
/// Restarts before a system is given up.
const CYCLES: usize = 10;
/// Residual over right-hand side at which an iteration ends.
const TOLERANCE: f64 = 1e-10;
/// What ‖b − Ax‖ must be of ‖b‖ + ‖A‖‖x‖ at last: the products of a deep network in single precision are no better.
const ACCEPTED: f64 = 1e-5;
/// … and of ‖b‖ alone, so that the huge solutions of singular systems are none.
const AT_MOST: f64 = 1e-3;

/// Systems that were given up; their best solutions are left in place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unsolved {
    /// The worst one's place among the systems, the first of several.
    pub row: usize,
    /// ‖b − Ax‖/‖b‖ that is left.
    pub residual: f64,
}

/// Solves A x = b for every row of `b[rows, dim]`. `apply(v, out)` writes the product of every row's own matrix with the
/// row of `v`, rows independent of each other; so is a solution, bit for bit, of the other systems.
pub(crate) fn gmres(
    dim: usize,
    apply: &mut dyn FnMut(&[f64], &mut [f64]),
    b: &[f64],
    x: &mut [f64],
) -> Result<(), Unsolved> {
    gmres_to(TOLERANCE, dim, apply, b, x)
}

/// The same to a residual of `tolerance` times the right-hand side.
pub(crate) fn gmres_to(
    tolerance: f64,
    dim: usize,
    apply: &mut dyn FnMut(&[f64], &mut [f64]),
    b: &[f64],
    x: &mut [f64],
) -> Result<(), Unsolved> {
    x.fill(0.0);
    let mut rows: Vec<Row> =
        b.chunks_exact(dim).map(|b| Row { norm: norm(b), tolerance, ..Row::default() }).collect();
    let mut residual = b.to_vec();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for _ in 0..CYCLES {
        rows.iter_mut().zip(residual.chunks_exact(dim)).for_each(|(row, r)| row.start(norm(r)));
        if rows.iter().all(|row| row.solved) {
            return Ok(());
        }
        cycle(dim, apply, &residual, &mut rows, &mut basis);
        for (index, (row, x)) in rows.iter().zip(x.chunks_exact_mut(dim)).enumerate() {
            let factors = row.coefficients();
            let directions = basis.iter().map(|v| &v[index * dim..][..dim]);
            factors.iter().zip(directions).for_each(|(factor, v)| axpy(x, *factor, v));
        }
        apply(x, &mut residual);
        residual.iter_mut().zip(b).for_each(|(r, b)| *r = b - *r);
        for (row, (r, x)) in rows.iter_mut().zip(residual.chunks_exact(dim).zip(x.chunks_exact(dim))) {
            row.judge(norm(r), norm(x));
        }
    }
    let unsolved = rows.iter().enumerate().filter(|(_, row)| !(row.solved || row.accepted));
    match unsolved.max_by(|(i, a), (j, b)| a.left.total_cmp(&b.left).then(j.cmp(i))) {
        None => Ok(()),
        Some((row, Row { left, .. })) => Err(Unsolved { row, residual: *left }),
    }
}

/// One row's least-squares problem in its Krylov space.
#[derive(Default)]
struct Row {
    /// ‖b‖
    norm: f64,
    /// Residual over ‖b‖ at which it is solved.
    tolerance: f64,
    solved: bool,
    /// Still growing its space.
    active: bool,
    /// Columns of the triangular factor.
    columns: Vec<Vec<f64>>,
    /// Givens rotations (cosine, sine).
    rotations: Vec<[f64; 2]>,
    /// The rotated right-hand side; its last entry is the residual.
    right: Vec<f64>,
    /// Largest ‖A v‖ of a unit vector so far, which stands for ‖A‖.
    stretch: f64,
    /// Residual over ‖b‖ after the last cycle, and whether it may be left.
    left: f64,
    accepted: bool,
}

/// Grows the Krylov spaces of all rows until their residuals are small, or the basis is full.
fn cycle(
    dim: usize,
    apply: &mut dyn FnMut(&[f64], &mut [f64]),
    residual: &[f64],
    rows: &mut [Row],
    basis: &mut Vec<Vec<f64>>,
) {
    let mut direction = residual.to_vec();
    for (row, v) in rows.iter().zip(direction.chunks_exact_mut(dim)) {
        let factor = if row.active { 1.0 / row.right[0] } else { 0.0 };
        v.iter_mut().for_each(|v| *v *= factor);
    }
    basis.clear();
    basis.push(direction);
    let mut product = vec![0.0; residual.len()];
    while basis.len() <= dim.min(BASIS) && rows.iter().any(|row| row.active) {
        apply(&basis[basis.len() - 1], &mut product);
        for (index, (row, w)) in rows.iter_mut().zip(product.chunks_exact_mut(dim)).enumerate() {
            if !row.active {
                w.fill(0.0);
                continue;
            }
            let mut column = Vec::with_capacity(basis.len() + 1);
            for v in basis.iter().map(|v| &v[index * dim..][..dim]) {
                let along = dot(v, w);
                axpy(w, -along, v);
                column.push(along);
            }
            let rest = norm(w);
            column.push(rest);
            row.absorb(column);
            let factor = if row.active { 1.0 / rest } else { 0.0 };
            w.iter_mut().for_each(|w| *w *= factor);
        }
        basis.push(product.clone());
    }
}

impl Row {
    /// Begins a cycle from a residual of length `length`.
    fn start(&mut self, length: f64) {
        self.solved |= length == 0.0;
        self.active = !self.solved;
        self.columns.clear();
        self.rotations.clear();
        self.right.clear();
        self.right.push(length);
    }

    /// Takes the next column of the Hessenberg matrix in and rotates it to triangular form.
    fn absorb(&mut self, mut column: Vec<f64>) {
        self.stretch = self.stretch.max(norm(&column));
        let rotate = |pair: &mut [f64], [c, s]: [f64; 2]| {
            (pair[0], pair[1]) = (c * pair[0] + s * pair[1], c * pair[1] - s * pair[0]);
        };
        self.rotations.iter().enumerate().for_each(|(i, r)| rotate(&mut column[i..i + 2], *r));
        let last = self.rotations.len();
        let length = column[last].hypot(column[last + 1]);
        // A zero column leaves the residual as it is and ends the cycle.
        let rotation =
            if length > 0.0 { [column[last] / length, column[last + 1] / length] } else { [1.0, 0.0] };
        let broken = column[last + 1] == 0.0;
        rotate(&mut column[last..last + 2], rotation);
        self.right.push(0.0);
        rotate(&mut self.right[last..last + 2], rotation);
        self.rotations.push(rotation);
        column.truncate(last + 1);
        self.columns.push(column);
        self.active = !broken && self.right[last + 1].abs() > self.tolerance * self.norm;
    }

    /// Solves the triangular system.
    fn coefficients(&self) -> Vec<f64> {
        let count = self.columns.len();
        let mut found = self.right[..count].to_vec();
        for i in (0..count).rev() {
            let sum: f64 = (i + 1..count).map(|j| self.columns[j][i] * found[j]).sum();
            let pivot = self.columns[i][i];
            found[i] = if pivot == 0.0 { 0.0 } else { (found[i] - sum) / pivot };
        }
        found
    }

    /// Whether what is left is small, or as small as the products allow: where the iteration saw it fall, or another cycle
    /// has not halved it.
    fn judge(&mut self, residual: f64, solution: f64) {
        if self.solved {
            return;
        }
        let before = std::mem::replace(&mut self.left, residual / self.norm);
        self.accepted = residual <= ACCEPTED * (self.norm + self.stretch * solution) && self.left <= AT_MOST;
        let fell = self.right.last().is_some_and(|last| last.abs() <= self.tolerance * self.norm);
        let stays = before > 0.0 && self.left > 0.5 * before;
        self.solved = self.left <= self.tolerance || (self.accepted && (fell || stays));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I + factor · (a dense matrix of its own for every row).
    fn product(dim: usize, factor: f64, v: &[f64], out: &mut [f64]) {
        for (row, (v, out)) in v.chunks_exact(dim).zip(out.chunks_exact_mut(dim)).enumerate() {
            for (i, out) in out.iter_mut().enumerate() {
                let entry = |j: usize| ((row * 31 + i * 7 + j * 13) as f64 * 0.77).sin();
                *out = v[i] + factor * (0..dim).map(|j| entry(j) * v[j]).sum::<f64>();
            }
        }
    }

    fn wave(len: usize) -> Vec<f64> {
        (0..len).map(|i| (1.3 + 0.91 * i as f64).cos()).collect()
    }

    #[test]
    fn solutions_are_those_of_the_products() {
        for (dim, rows, factor) in [(1, 1, 0.3), (2, 3, 5.0), (7, 4, 0.2), (30, 2, 1.0), (120, 3, 0.05)] {
            let exact = wave(rows * dim);
            let mut b = exact.clone();
            product(dim, factor, &exact, &mut b);
            let mut found = vec![f64::NAN; b.len()];
            gmres(dim, &mut |v, out| product(dim, factor, v, out), &b, &mut found).unwrap();
            for (found, exact) in found.iter().zip(&exact) {
                assert!((found - exact).abs() < 1e-6, "D {dim} factor {factor}: {found} {exact}");
            }
        }
    }

    #[test]
    fn a_row_does_not_see_the_others() {
        let (dim, rows) = (6, 4);
        let mut b = wave(rows * dim);
        b[dim..2 * dim].fill(0.0);
        let solve = |b: &[f64], first: usize| {
            let mut found = vec![0.0; b.len()];
            let apply = &mut |v: &[f64], out: &mut [f64]| {
                // The matrices of the rows from `first` on.
                let mut padded = vec![0.0; first * dim];
                padded.extend_from_slice(v);
                let mut all = padded.clone();
                product(dim, 0.4, &padded, &mut all);
                out.copy_from_slice(&all[first * dim..]);
            };
            gmres(dim, apply, b, &mut found).unwrap();
            found
        };
        let all = solve(&b, 0);
        assert!(all[dim..2 * dim].iter().all(|x| *x == 0.0));
        for row in 0..rows {
            assert_eq!(solve(&b[row * dim..][..dim], row), all[row * dim..][..dim]);
        }
    }

    #[test]
    fn singular_systems_are_given_up() {
        let project = &mut |v: &[f64], out: &mut [f64]| {
            out.copy_from_slice(v);
            out[0] = 0.0;
        };
        let mut x = [0.0; 3];
        let refused = gmres(3, project, &[1.0, 1.0, 0.5], &mut x).unwrap_err();
        assert!(refused.row == 0 && refused.residual > 0.1, "{refused:?}");
        // Rounding leaves a pivot that is not quite zero.
        let refused = gmres(3, project, &[0.3, -1.0, 0.7], &mut x).unwrap_err();
        assert!(refused.residual > 0.01, "{refused:?}");
        gmres(3, project, &[0.0, 1.0, 0.5], &mut x).unwrap();
        assert!(x.iter().zip([0.0, 1.0, 0.5]).all(|(x, exact)| (x - exact).abs() < 1e-14), "{x:?}");
        let lost = &mut |_: &[f64], out: &mut [f64]| out.fill(f64::NAN);
        assert!(gmres(3, lost, &[1.0, 0.0, 0.0], &mut x).is_err());
    }
}
