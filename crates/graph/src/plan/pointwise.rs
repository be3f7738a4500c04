//! Running chains of elementwise instructions strip by strip.

use super::chain::{Chain, End, Instruction, Operand, Pattern, Pointwise};
use super::run::{Memory, Stage, split};
use super::{Place, Plan};
use crate::kernels::{
    Accumulate, Arithmetic, Binary, Combine, Executed, Map, PARTIAL, RowKernels, Select, View,
};
use std::ops::Range;
use std::ptr::{null, null_mut};

/// Bytes of a register: the values of a strip.
const STRIP_BYTES: usize = 8192;
/// Most rows of a strip of numbers.
const STRIP_NUMBERS: usize = 1024;

/// A chain being run.
struct Running<'a, T: 'static> {
    plan: &'a Plan<T>,
    chain: &'a Chain,
    stage: &'a Stage<'a, T>,
    /// Registers, one after the other, then partial sums.
    registers: *mut T,
    /// Elements of a register.
    register: usize,
}

impl<T: Executed> Plan<T> {
    /// Runs a chain.
    ///
    /// # Safety
    /// The machine has the kernels' instruction set; the memory is that of this plan.
    pub(super) unsafe fn chain(&self, chain: &Chain, stage: &Stage<T>) {
        if chain.rows == 0 {
            return;
        }
        let most = if stage.width == 1 {
            STRIP_NUMBERS
        } else {
            (STRIP_BYTES / (stage.width * size_of::<T>())).next_multiple_of(PARTIAL)
        };
        let register = most * stage.width + stage.kernels.lanes;
        let sums = if matches!(chain.end, End::Sum { .. }) { PARTIAL * stage.width + register } else { 0 };
        let elements = (chain.registers + 1) * register + sums;
        let parts = match chain.end {
            End::Keep => chain.rows.div_ceil(most),
            End::Sum { group, inner: 1 } => chain.rows / group,
            End::Sum { group, inner } => chain.rows / (group * inner) * inner.div_ceil(most),
        };
        let workers = stage.workers_for_rows(chain.rows * (chain.instructions.len() + 1));
        split(workers, parts, &|part| {
            stage.with_work(elements, |registers| {
                let running = Running { plan: self, chain, stage, registers, register };
                // SAFETY: as for this function; the registers hold `most` rows each.
                unsafe {
                    match chain.end {
                        End::Keep => running.keep(part, most),
                        End::Sum { group, inner: 1 } => running.sum(part, most, group),
                        End::Sum { group, inner } => running.sum_across(part, most, group, inner),
                    }
                }
            });
        });
    }
}

impl<T: Executed> Running<'_, T> {
    fn memory(&self) -> &Memory<T> {
        &self.stage.memory
    }

    /// Are the rows numbers, one after the other?
    fn numbers(&self) -> bool {
        self.stage.width == 1
    }

    fn register(&self, i: usize) -> *mut T {
        self.registers.wrapping_add(i * self.register)
    }

    /// Where a strip from `from` on must end: nowhere does an operand's row change its way.
    fn end(&self, from: usize, limit: usize, most: usize) -> usize {
        self.chain.places().fold(limit.min(from + most), |end, (_, pattern)| match pattern {
            Pattern::Repeat { each: length, .. } | Pattern::Cycle { period: length, .. } => {
                end.min((from / length + 1) * length)
            }
            Pattern::Listed => end,
        })
    }

    /// An operand for a strip, as rows of lanes; of numbers, as one row of many chunks.
    fn view(&self, operand: &Operand, rows: &Range<usize>) -> View<T> {
        let numbers = self.numbers();
        match operand {
            Operand::Register(i) => {
                let base = self.register(*i).cast_const();
                View { base, stride: self.stage.width, splat: false, rows: null() }
            }
            Operand::Rows(place, pattern) => {
                let view = self.plan.view(self.memory(), &Place { buffer: place.buffer, rows: None });
                let at = |row: usize| view.base.wrapping_add(row * view.stride);
                match pattern {
                    Pattern::Repeat { start, each } => {
                        View { base: at(start + rows.start / each), stride: 0, ..view }
                    }
                    Pattern::Cycle { start, period } => {
                        let base = at(start + rows.start % period);
                        // Numbers of the argument are lanes of the strip.
                        View { base, splat: view.splat && !numbers, ..view }
                    }
                    Pattern::Listed => {
                        let list = place.rows.as_ref().map_or(null(), |list| list.as_ptr());
                        View { rows: list.wrapping_add(rows.start), ..view }
                    }
                }
            }
        }
    }

    /// Runs the instructions on a strip; the last one's result goes to `to`.
    ///
    /// # Safety
    /// As [`Plan::chain`]; `to` has space for the strip, and for a chunk more where the rows are numbers.
    unsafe fn instructions(&self, strip: &Range<usize>, to: *mut T) {
        for (i, instruction) in self.chain.instructions.iter().enumerate() {
            let out = if i + 1 == self.chain.instructions.len() { to } else { self.register(instruction.to) };
            // SAFETY: as for this function.
            unsafe { self.instruction(instruction, strip, out) };
        }
    }

    /// # Safety
    /// As [`Running::instructions`].
    unsafe fn instruction(&self, instruction: &Instruction, strip: &Range<usize>, out: *mut T) {
        let view = |i: usize| self.view(&instruction.operands[i], strip);
        let listed = |operand: &Operand| matches!(operand, Operand::Rows(_, Pattern::Listed));
        let (kernels, rows, chunks) = if self.numbers() && instruction.operands.iter().any(listed) {
            (self.stage.engine.numbers, strip.len(), 1)
        } else {
            self.shape(strip.len())
        };
        // SAFETY: as for this function.
        unsafe {
            match instruction.what {
                Pointwise::Value(function) => {
                    let (input, slope) = (view(0), null_mut());
                    (kernels.map)(&Map { function, input, value: out, slope, rows, chunks });
                }
                Pointwise::Slope(function) => {
                    let (input, value) = (view(0), null_mut());
                    (kernels.map)(&Map { function, input, value, slope: out, rows, chunks });
                }
                Pointwise::Arithmetic(arithmetic) => {
                    (kernels.binary)(&Binary { arithmetic, a: view(0), b: view(1), out, rows, chunks });
                }
                Pointwise::Select => {
                    let (condition, a, b) = (view(0), view(1), view(2));
                    (kernels.select)(&Select { condition, a, b, out, rows, chunks });
                }
            }
        }
    }

    /// Kernels, rows and chunks for so many rows of the chain.
    fn shape(&self, rows: usize) -> (&'static RowKernels<T>, usize, usize) {
        let kernels = self.stage.kernels;
        if self.numbers() {
            (&kernels.rows, 1, rows.div_ceil(kernels.lanes))
        } else {
            (&kernels.rows, rows, self.stage.width / kernels.lanes)
        }
    }

    /// The chain's value on a strip.
    ///
    /// # Safety
    /// As [`Plan::chain`].
    unsafe fn value(&self, strip: &Range<usize>) -> View<T> {
        if let Operand::Register(last) = self.chain.result {
            // SAFETY: as for this function.
            unsafe { self.instructions(strip, self.register(last)) };
        }
        self.view(&self.chain.result, strip)
    }

    /// Keeps the value, of parts of `most` rows.
    ///
    /// # Safety
    /// As [`Plan::chain`].
    unsafe fn keep(&self, parts: Range<usize>, most: usize) {
        let out = self.plan.write(self.memory(), self.chain.out);
        let spare = self.register(self.chain.registers);
        let (mut from, end) = (parts.start * most, self.chain.rows.min(parts.end * most));
        while from < end {
            let strip = from..self.end(from, end, most);
            let to = out.wrapping_add(from * self.stage.width);
            // SAFETY: as for this function.
            unsafe {
                if self.numbers() && !strip.len().is_multiple_of(self.stage.kernels.lanes) {
                    self.instructions(&strip, spare);
                    std::ptr::copy_nonoverlapping(spare, to, strip.len());
                } else {
                    self.instructions(&strip, to);
                }
            }
            from = strip.end;
        }
    }

    /// Sums of groups of rows that follow one another.
    ///
    /// # Safety
    /// As [`Plan::chain`].
    unsafe fn sum(&self, groups: Range<usize>, most: usize, group: usize) {
        let width = self.stage.width;
        let out = self.plan.write(self.memory(), self.chain.out);
        let partial = self.register(self.chain.registers + 1);
        let (kernels, (_, _, chunks)) = (self.stage.kernels, self.shape(1));
        // SAFETY: as for this function.
        unsafe {
            std::ptr::write_bytes(partial, 0, PARTIAL * width);
            for index in groups {
                let start = index * group;
                let mut from = start;
                while from < start + group {
                    let strip = from..self.end(from, start + group, most);
                    let (input, first, rows) = (self.value(&strip), from - start, strip.len());
                    let terms = Accumulate { input, first, rows, partial, chunks };
                    if self.numbers() {
                        (kernels.accumulate_numbers)(&terms);
                    } else {
                        (kernels.accumulate)(&terms);
                    }
                    from = strip.end;
                }
                (self.stage.rows().combine)(&Combine {
                    partial,
                    out: out.wrapping_add(index * width),
                    chunks,
                });
            }
        }
    }

    /// Sums over the middle index of rows ordered [outer, group, inner], of parts of `most` inner rows.
    ///
    /// # Safety
    /// As [`Plan::chain`].
    unsafe fn sum_across(&self, parts: Range<usize>, most: usize, group: usize, inner: usize) {
        let width = self.stage.width;
        let out = self.plan.write(self.memory(), self.chain.out);
        let total = self.register(self.chain.registers + 1).wrapping_add(PARTIAL * width);
        // SAFETY: as for this function.
        unsafe {
            let strips = inner.div_ceil(most);
            for part in parts {
                let (outer, first) = (part / strips, part % strips * most);
                let rows = most.min(inner - first);
                std::ptr::write_bytes(total, 0, self.register);
                for g in 0..group {
                    let start = (outer * group + g) * inner + first;
                    let mut from = start;
                    while from < start + rows {
                        let strip = from..self.end(from, start + rows, most);
                        self.add(total.wrapping_add((from - start) * width), &strip);
                        from = strip.end;
                    }
                }
                let to = out.wrapping_add((outer * inner + first) * width);
                std::ptr::copy_nonoverlapping(total, to, rows * width);
            }
        }
    }

    /// Adds the chain's value on a strip to a total.
    ///
    /// # Safety
    /// As [`Plan::chain`]; the total has space for the strip, and for a chunk more where the rows are numbers.
    unsafe fn add(&self, total: *mut T, strip: &Range<usize>) {
        // SAFETY: as for this function.
        unsafe {
            let value = self.value(strip);
            let (kernels, rows, chunks) = self.shape(strip.len());
            let a = View { base: total.cast_const(), stride: self.stage.width, splat: false, rows: null() };
            let arithmetic = Arithmetic::Add;
            (kernels.binary)(&Binary { arithmetic, a, b: value, out: total, rows, chunks });
        }
    }
}
