//! A number of shape arithmetic, known up to the size of the batch.

use std::cmp::Ordering;

/// `factor`, times the size of the batch (which is 1 at least) where `batch` is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub factor: i64,
    pub batch: bool,
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.batch, self.factor) {
            (false, n) => write!(f, "{n}"),
            (true, 1) => write!(f, "batch"),
            (true, n) => write!(f, "{n}·batch"),
        }
    }
}

/// What cannot be told without the batch, or leaves 64 bits, is `None`.
impl Entry {
    pub fn known(factor: i64) -> Entry {
        Entry { factor, batch: false }
    }

    pub fn truth(truth: bool) -> Entry {
        Entry::known(i64::from(truth))
    }

    fn new(factor: i64, batch: bool) -> Entry {
        Entry { factor, batch: batch && factor != 0 }
    }

    /// The number, if it does not depend on the batch.
    pub fn number(self) -> Option<i64> {
        (!self.batch).then_some(self.factor)
    }

    /// Is it different from 0?
    pub fn is_true(self) -> bool {
        self.factor != 0
    }

    pub fn negated(self) -> Option<Entry> {
        Some(Entry::new(self.factor.checked_neg()?, self.batch))
    }

    pub fn magnitude(self) -> Option<Entry> {
        Some(Entry::new(self.factor.checked_abs()?, self.batch))
    }

    pub fn plus(self, other: Entry) -> Option<Entry> {
        match (self, other) {
            (a, Entry { factor: 0, .. }) | (Entry { factor: 0, .. }, a) => Some(a),
            (a, b) if a.batch == b.batch => Some(Entry::new(a.factor.checked_add(b.factor)?, a.batch)),
            _ => None,
        }
    }

    pub fn minus(self, other: Entry) -> Option<Entry> {
        self.plus(other.negated()?)
    }

    pub fn times(self, other: Entry) -> Option<Entry> {
        let factor = self.factor.checked_mul(other.factor)?;
        (!(self.batch && other.batch)).then_some(Entry::new(factor, self.batch || other.batch))
    }

    /// The quotient without its fraction.
    pub fn over(self, other: Entry) -> Option<Entry> {
        let exact = || self.factor.checked_rem(other.factor) == Some(0);
        match (self.batch, other.batch) {
            (false, false) => Some(Entry::known(self.factor.checked_div(other.factor)?)),
            (batch, over_batch) if exact() && (batch || self.factor == 0) => {
                Some(Entry::new(self.factor.checked_div(other.factor)?, batch && !over_batch))
            }
            _ => None,
        }
    }

    /// The remainder, with the sign of the divisor (`floor`) or of the dividend.
    pub fn remainder(self, other: Entry, floor: bool) -> Option<Entry> {
        let rest = self.factor.checked_rem(other.factor)?;
        match (self.batch || other.batch, floor) {
            (true, _) => (rest == 0 && (self.batch || !other.batch)).then_some(Entry::known(0)),
            (false, true) if rest != 0 && (rest < 0) != (other.factor < 0) => {
                Some(Entry::known(rest + other.factor))
            }
            (false, _) => Some(Entry::known(rest)),
        }
    }

    /// The order of two numbers, where every size of the batch gives the same.
    pub fn order(self, other: Entry) -> Option<Ordering> {
        if self.batch == other.batch {
            return Some(self.factor.cmp(&other.factor));
        }
        if other.batch {
            return other.order(self).map(Ordering::reverse);
        }
        // factor · batch runs from the factor away from 0.
        match self.factor.cmp(&other.factor) {
            Ordering::Greater if self.factor > 0 => Some(Ordering::Greater),
            Ordering::Less if self.factor < 0 => Some(Ordering::Less),
            _ => None,
        }
    }
}
