//! Rows of memory for buffers: a buffer's rows are free again after its last use.

use super::{BufferId, Plan, Space, Step};

/// Gives every buffer its rows, and every space its size.
pub(super) fn allocate<T>(plan: &mut Plan<T>) {
    let kept = kept_buffers(plan);
    let spaces = [Space::Call, Space::Sample, Space::Direction];
    let sections = [plan.call.clone(), plan.sample.clone(), plan.direction.clone()];
    for (i, (space, steps)) in spaces.into_iter().zip(&sections).enumerate() {
        let mut arena = Arena::default();
        let inputs: Vec<BufferId> = plan.inputs.iter().map(|p| p.place.buffer).collect();
        for &id in &inputs {
            if plan.buffers[id].space == space {
                plan.buffers[id].row = arena.take(plan.buffers[id].rows);
            }
        }
        let last = last_uses(plan, steps);
        let mut placed = vec![false; plan.buffers.len()];
        inputs.iter().for_each(|&b| placed[b] = true);
        for (at, step) in steps.iter().enumerate() {
            for id in step.writes() {
                let buffer = &mut plan.buffers[id];
                if buffer.space == space && !std::mem::replace(&mut placed[id], true) {
                    buffer.row = arena.take(buffer.rows);
                }
            }
            let mut touched = [step.reads(), step.writes()].concat();
            touched.sort_unstable();
            touched.dedup();
            for id in touched {
                let buffer = &plan.buffers[id];
                if buffer.space == space && last[id] == at && !kept[id] {
                    arena.give_back(buffer.row, buffer.rows);
                }
            }
        }
        plan.rows[i] = arena.size;
    }
    // Sums live through the whole call.
    let mut arena = Arena::default();
    for buffer in plan.buffers.iter_mut().filter(|b| b.space == Space::Total) {
        buffer.row = arena.take(buffer.rows);
    }
    plan.rows[3] = arena.size;
}

/// Buffers that outlive their section: outputs, and what a later section reads.
fn kept_buffers<T>(plan: &Plan<T>) -> Vec<bool> {
    let mut kept = vec![false; plan.buffers.len()];
    plan.outputs.iter().for_each(|p| kept[p.place.buffer] = true);
    let mut keep = |space: Space, later: &[Step]| {
        let read = later.iter().flat_map(Step::reads);
        read.filter(|&id| plan.buffers[id].space == space).for_each(|id| kept[id] = true);
    };
    keep(Space::Call, &plan.sample);
    keep(Space::Call, &plan.direction);
    keep(Space::Call, &plan.last);
    keep(Space::Sample, &plan.direction);
    kept
}

/// For every buffer the last of the steps that touches it.
fn last_uses<T>(plan: &Plan<T>, steps: &[Step]) -> Vec<usize> {
    let mut last = vec![usize::MAX; plan.buffers.len()];
    for (at, step) in steps.iter().enumerate() {
        step.reads().into_iter().chain(step.writes()).for_each(|id| last[id] = at);
    }
    last
}

/// First-fit allocation of rows.
#[derive(Default)]
struct Arena {
    /// Free ranges (start, length) in ascending order, none adjacent to another.
    free: Vec<(usize, usize)>,
    size: usize,
}

impl Arena {
    fn take(&mut self, rows: usize) -> usize {
        if let Some(i) = self.free.iter().position(|&(_, len)| len >= rows) {
            let (start, len) = self.free[i];
            if len == rows {
                self.free.remove(i);
            } else {
                self.free[i] = (start + rows, len - rows);
            }
            return start;
        }
        let start = self.size;
        self.size += rows;
        start
    }

    fn give_back(&mut self, start: usize, rows: usize) {
        let i = self.free.partition_point(|&(s, _)| s < start);
        self.free.insert(i, (start, rows));
        for j in [i, i.wrapping_sub(1)] {
            if j < self.free.len().saturating_sub(1) && self.free[j].0 + self.free[j].1 == self.free[j + 1].0
            {
                self.free[j].1 += self.free[j + 1].1;
                self.free.remove(j + 1);
            }
        }
    }
}
