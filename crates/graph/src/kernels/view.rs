//! Where the rows of an operand lie.

use super::vector::Vector;

/// Rows of lanes in a buffer, possibly rearranged, or one number a row for all lanes.
#[derive(Clone, Copy)]
pub(crate) struct View<T> {
    pub base: *const T,
    /// Distance between rows in elements.
    pub stride: usize,
    /// One number a row, the same in all lanes.
    pub splat: bool,
    /// The row of the buffer for every row of the operand; null if they agree.
    pub rows: *const u32,
}

/// A row of a view.
#[derive(Clone, Copy)]
pub(crate) struct Row<T> {
    start: *const T,
    splat: bool,
}

impl<T: Copy> View<T> {
    /// The rows from `row` on.
    pub fn skip(&self, row: usize) -> View<T> {
        if self.rows.is_null() {
            View { base: self.base.wrapping_add(row * self.stride), ..*self }
        } else {
            View { rows: self.rows.wrapping_add(row), ..*self }
        }
    }

    /// # Safety
    /// The view has a row `r`.
    #[inline(always)]
    pub unsafe fn start(&self, r: usize) -> *const T {
        // SAFETY: the row map, where there is one, covers row r, and points into the buffer.
        unsafe {
            let row = if self.rows.is_null() { r } else { *self.rows.add(r) as usize };
            self.base.add(row * self.stride)
        }
    }

    /// # Safety
    /// The view has a row `r`.
    #[inline(always)]
    pub unsafe fn row<V: Vector<Scalar = T>>(&self, r: usize) -> Row<T> {
        // SAFETY: as for this function.
        Row { start: unsafe { self.start(r) }, splat: self.splat }
    }

    /// # Safety
    /// The view has a row `r` with a lane `lane`.
    #[inline(always)]
    pub unsafe fn element(&self, r: usize, lane: usize) -> T {
        // SAFETY: as for this function.
        unsafe { *self.start(r).add(if self.splat { 0 } else { lane }) }
    }
}

impl<T: Copy> Row<T> {
    /// # Safety
    /// As [`Vector`]; the row has a chunk `c`.
    #[inline(always)]
    pub unsafe fn chunk<V: Vector<Scalar = T>>(self, c: usize) -> V {
        // SAFETY: as for this function.
        unsafe { if self.splat { V::splat(*self.start) } else { V::load(self.start.add(c * V::LANES)) } }
    }
}
