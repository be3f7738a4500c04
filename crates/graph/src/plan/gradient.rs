//! Gradients of convolutions by their weights: which positions meet at every tap, and running the sums over them.

use super::run::{Stage, split};
use crate::ir::{Role, Window};
use crate::kernels::{Executed, Meeting, WeightGradient};

/// Positions of the result that are worked on together, about: few enough that their rows stay in the nearest cache.
const POSITIONS: usize = 28;
/// Output channels that a thread takes at a time.
const CHANNELS: usize = 4;

/// The gradient of a convolution by its weights [`output channel`, `input channel of a group`, `tap`].
#[derive(Debug)]
pub(super) struct Gradient {
    groups: usize,
    /// Output and input channels of a group.
    channels: [usize; 2],
    /// Positions of the result and of the argument.
    positions: [usize; 2],
    taps: usize,
    /// Blocks of positions; where the runs of every tap start in `runs`, one more at the end of each block.
    starts: Vec<Vec<u32>>,
    runs: Vec<Meeting>,
}

impl Gradient {
    /// For all output and input channels.
    pub fn new(window: &Window, channels: [usize; 2]) -> Gradient {
        let count = |role| window.lengths(role).iter().product::<usize>();
        let positions = [count(Role::Output), count(Role::Input)];
        let meetings = window.meetings(Role::Weights);
        let line = window.lengths(Role::Output).last().copied().unwrap_or(1).max(1);
        // Whole lines where they are short, parts of them where they are long.
        let block = if line > 2 * POSITIONS { POSITIONS } else { POSITIONS.div_ceil(line) * line };
        let (mut starts, mut runs): (Vec<Vec<u32>>, Vec<Meeting>) = (vec![], vec![]);
        for first in (0..positions[0]).step_by(block) {
            let mut own = vec![runs.len() as u32];
            for ends in meetings.starts.windows(2) {
                let pairs = &meetings.pairs[ends[0] as usize..ends[1] as usize];
                let here = pairs.iter().filter(|pair| (first..first + block).contains(&(pair[0] as usize)));
                let from = runs.len();
                for &[p, i] in here {
                    let last = runs[from..].last_mut();
                    match last.filter(|run| run.takes(p, i)) {
                        Some(run) => run.take(i),
                        None => runs.push(Meeting::new(p, i)),
                    }
                }
                own.push(runs.len() as u32);
            }
            starts.push(own);
        }
        let groups = window.groups;
        let channels = channels.map(|n| n / groups);
        Gradient { groups, channels, positions, taps: count(Role::Weights), starts, runs }
    }

    /// Adds the gradient to a sum: `u[O, P, width]`, `x[C, I, width]`.
    ///
    /// # Safety
    /// The operands have these shapes, of the stage's width, the sum that of the weights; the machine has the kernels'
    /// instruction set.
    pub unsafe fn run<T: Executed>(&self, stage: &Stage<T>, [u, x]: [*const T; 2], out: *mut T) {
        let [outputs, inputs] = self.channels;
        let [rows, columns] = self.positions.map(|n| n * stage.width);
        let workers = stage.workers_for(outputs * inputs * self.taps * self.positions[0]);
        let ends = Ends { u, x, out };
        for group in 0..self.groups {
            split(workers, outputs.div_ceil(CHANNELS), &|part| {
                let ends = &ends;
                for starts in &self.starts {
                    // SAFETY: as for this function.
                    unsafe {
                        (stage.kernels.weight_gradient)(&WeightGradient {
                            u: ends.u.add(group * outputs * rows),
                            u_stride: rows,
                            x: ends.x.add(group * inputs * columns),
                            x_stride: columns,
                            outputs: part.start * CHANNELS..outputs.min(part.end * CHANNELS),
                            inputs,
                            out: ends.out.add(group * outputs * inputs * self.taps),
                            starts: starts.as_ptr(),
                            taps: self.taps,
                            runs: self.runs.as_ptr(),
                            width: stage.width,
                            count: stage.count,
                        });
                    }
                }
            });
        }
    }
}

/// Where the operands and the sum lie.
struct Ends<T> {
    u: *const T,
    x: *const T,
    out: *mut T,
}

// SAFETY: threads write to different channels of the sum.
unsafe impl<T: Send> Sync for Ends<T> {}
