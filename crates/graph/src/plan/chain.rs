//! Elementwise steps that follow one another become one step, which goes through its rows strip by strip.
//!
//! A value that is used by elementwise steps only, and is cheap or used once, is not kept: its users compute it where
//! they need it, from operands in memory and registers of a strip of rows. Sums take part as ends of a chain.

use super::{BufferId, Place, Plan, Space, Step};
use crate::ir::Function;
use crate::kernels::{Arithmetic, Element, Reduction};
use std::collections::HashMap;

/// Instructions of a value that is computed again for a second user.
const CHEAP: usize = 3;
/// Most instructions of a chain.
const LONGEST: usize = 24;
/// Fewest rows that repeat an operand's row, or that an operand cycles through, without a list of rows.
const SHORTEST_RUN: usize = 8;

/// Which row of a buffer an operand has at row r of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// start + r / each: every row stays for `each` rows.
    Repeat { start: usize, each: usize },
    /// start + r mod period.
    Cycle { start: usize, period: usize },
    /// As the list of the place says.
    Listed,
}

/// An argument of an instruction.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Register(usize),
    Rows(Place, Pattern),
}

/// What an instruction does with its operands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pointwise {
    Value(Function),
    Slope(Function),
    Arithmetic(Arithmetic),
    /// The second operand where the first is not 0, the third elsewhere.
    Select,
}

/// An instruction.
#[derive(Debug, Clone)]
pub(super) struct Instruction {
    pub what: Pointwise,
    pub operands: Vec<Operand>,
    /// The register of the result.
    pub to: usize,
}

/// What becomes of the last value of a chain.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Keep,
    /// Sums over the middle index of rows ordered [outer, group, inner].
    Sum {
        group: usize,
        inner: usize,
    },
}

/// Elementwise instructions over rows.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub instructions: Vec<Instruction>,
    /// Number of registers.
    pub registers: usize,
    /// The value of the chain.
    pub result: Operand,
    pub rows: usize,
    pub end: End,
    pub out: BufferId,
}

impl Chain {
    /// The operands in memory.
    pub fn places(&self) -> impl Iterator<Item = (&Place, Pattern)> {
        let operands = self.instructions.iter().flat_map(|i| &i.operands).chain([&self.result]);
        operands.filter_map(|operand| match operand {
            Operand::Rows(place, pattern) => Some((place, *pattern)),
            Operand::Register(_) => None,
        })
    }
}

/// A value that has not been placed in memory.
#[derive(Clone)]
struct Expression {
    instructions: Vec<Instruction>,
    result: Operand,
}

impl Expression {
    /// Gives results the registers that are free, few of them, so that they stay in the nearest cache; answers how
    /// many there are. Every result is used once at least, and an instruction may write where it reads.
    fn assign_registers(&mut self) -> usize {
        let mut last = vec![0; self.instructions.len()];
        for (at, instruction) in self.instructions.iter().enumerate() {
            for operand in &instruction.operands {
                if let Operand::Register(i) = operand {
                    last[*i] = at;
                }
            }
        }
        let (mut free, mut count): (Vec<usize>, usize) = (vec![], 0);
        let mut assigned = vec![0; self.instructions.len()];
        for at in 0..self.instructions.len() {
            let instruction = &mut self.instructions[at];
            for operand in &mut instruction.operands {
                if let Operand::Register(i) = operand {
                    let register = assigned[*i];
                    if last[*i] == at && !free.contains(&register) {
                        free.push(register);
                    }
                    *i = register;
                }
            }
            assigned[at] = free.pop().unwrap_or_else(|| {
                count += 1;
                count - 1
            });
            instruction.to = assigned[at];
        }
        if let Operand::Register(i) = &mut self.result {
            *i = assigned[*i];
        }
        count
    }
}

/// Replaces the elementwise steps of a plan by chains.
pub(super) fn chain<T: Element>(plan: &mut Plan<T>) {
    let mut kept = vec![false; plan.buffers.len()];
    plan.outputs.iter().for_each(|port| kept[port.place.buffer] = true);
    let spaces = [Space::Call, Space::Sample, Space::Direction, Space::Total];
    for space in spaces {
        let read: Vec<BufferId> = plan.section(space).iter().flat_map(Step::reads).collect();
        read.into_iter().filter(|&id| plan.buffers[id].space != space).for_each(|id| kept[id] = true);
    }
    for space in spaces {
        let steps = std::mem::take(plan.section(space));
        let mut builder =
            Builder { kept: &kept, users: users(&steps), waiting: HashMap::new(), chains: vec![] };
        for step in steps {
            builder.step(step, |id| plan.buffers[id].rows, |id| plan.buffers[id].space == space);
        }
        *plan.section(space) = builder.chains;
    }
}

/// How a buffer is read within a section.
#[derive(Default, Clone)]
struct Users {
    /// By elementwise steps and sums, row by row.
    plain: usize,
    /// In any other way.
    other: usize,
}

fn users(steps: &[Step]) -> HashMap<BufferId, Users> {
    let mut users: HashMap<BufferId, Users> = HashMap::new();
    for step in steps {
        match operands(step) {
            Some(places) => places.iter().for_each(|place| {
                let entry = users.entry(place.buffer).or_default();
                let plain = place.rows.is_none() || matches!(step, Step::Reduce { .. });
                if plain { entry.plain += 1 } else { entry.other += 1 }
            }),
            None => step.reads().iter().for_each(|&id| users.entry(id).or_default().other += 1),
        }
    }
    users
}

/// The operands of an elementwise step, or of a sum of groups.
fn operands(step: &Step) -> Option<Vec<&Place>> {
    match step {
        Step::Map { input, value, slope, .. } if value.is_none() || slope.is_none() => Some(vec![input]),
        Step::Binary { a, b, .. } => Some(vec![a, b]),
        Step::Select { condition, a, b, .. } => Some(vec![condition, a, b]),
        Step::Reduce { reduction: Reduction::Sum, starts: None, input, group, rows, .. } => {
            let mut input = vec![input];
            grouping(input[0], *rows, *group)?;
            Some(std::mem::take(&mut input))
        }
        _ => None,
    }
}

/// The length of the inner index, if the groups of a sum are the middle index of all rows of a buffer from its first
/// on.
fn grouping(input: &Place, rows: usize, group: usize) -> Option<usize> {
    let Some(list) = &input.rows else { return Some(1) };
    if group < 2 || rows == 0 {
        return None;
    }
    let inner = (list[1] as usize).checked_sub(list[0] as usize).filter(|&inner| inner > 0)?;
    let fits = |(i, &row): (usize, &u32)| {
        let (out, g) = (i / group, i % group);
        row as usize == out / inner * inner * group + g * inner + out % inner
    };
    (rows.is_multiple_of(inner) && list.iter().enumerate().all(fits)).then_some(inner)
}

struct Builder<'a> {
    kept: &'a [bool],
    users: HashMap<BufferId, Users>,
    waiting: HashMap<BufferId, Expression>,
    chains: Vec<Step>,
}

impl Builder<'_> {
    fn step(&mut self, step: Step, rows_of: impl Fn(BufferId) -> usize, own: impl Fn(BufferId) -> bool) {
        if operands(&step).is_none() {
            self.chains.push(step);
            return;
        }
        let (what, places, rows, out, end) = match step {
            Step::Map { function, input, rows, value: Some(out), .. } => {
                (Some(Pointwise::Value(function)), vec![input], rows, out, End::Keep)
            }
            Step::Map { function, input, rows, slope: Some(out), .. } => {
                (Some(Pointwise::Slope(function)), vec![input], rows, out, End::Keep)
            }
            Step::Binary { arithmetic, a, b, rows, out } => {
                (Some(Pointwise::Arithmetic(arithmetic)), vec![a, b], rows, out, End::Keep)
            }
            Step::Select { condition, a, b, rows, out } => {
                (Some(Pointwise::Select), vec![condition, a, b], rows, out, End::Keep)
            }
            Step::Reduce { input, rows, group, out, .. } => {
                let inner = grouping(&input, rows, group).unwrap_or(1);
                let input = Place { rows: None, ..input };
                (None, vec![input], rows * group, out, End::Sum { group, inner })
            }
            other => return self.chains.push(other),
        };
        let mut built = Expression { instructions: vec![], result: Operand::Register(0) };
        let operands: Vec<Operand> =
            places.into_iter().map(|place| self.operand(&mut built, place, rows)).collect();
        built.result = match what {
            Some(what) => {
                let to = built.instructions.len();
                built.instructions.push(Instruction { what, operands, to });
                Operand::Register(to)
            }
            None => operands.into_iter().next().unwrap_or(Operand::Register(0)),
        };
        let users = self.users.get(&out).cloned().unwrap_or_default();
        let cost = built.instructions.len();
        let plain = matches!(end, End::Keep) && own(out) && !self.kept[out] && users.other == 0;
        let cheap = users.plain == 1 || (cost <= CHEAP && users.plain <= 3);
        if plain && cheap && users.plain > 0 && cost < LONGEST / 2 && rows_of(out) == rows {
            self.waiting.insert(out, built);
            return;
        }
        let registers = built.assign_registers();
        let Expression { instructions, result } = built;
        self.chains.push(Step::Chain(Chain { instructions, registers, result, rows, end, out }));
    }

    /// An operand of the next instruction; what it is computed from comes before.
    fn operand(&mut self, built: &mut Expression, place: Place, rows: usize) -> Operand {
        let Some(waiting) = self.waiting.get(&place.buffer) else {
            let pattern = pattern(&place, rows);
            let place = if pattern == Pattern::Listed { place } else { Place { rows: None, ..place } };
            return Operand::Rows(place, pattern);
        };
        let offset = built.instructions.len();
        let moved = |operand: &Operand| match operand {
            Operand::Register(i) => Operand::Register(i + offset),
            rows => rows.clone(),
        };
        let instructions = waiting.instructions.iter().map(|i| Instruction {
            what: i.what,
            operands: i.operands.iter().map(moved).collect(),
            to: i.to + offset,
        });
        built.instructions.extend(instructions);
        moved(&waiting.result)
    }
}

/// The pattern of a place's rows.
fn pattern(place: &Place, rows: usize) -> Pattern {
    let Some(list) = &place.rows else { return Pattern::Cycle { start: 0, period: rows.max(1) } };
    let start = list.first().map_or(0, |&row| row as usize);
    let at = |i: usize| list[i] as usize;
    let changed = (1..list.len()).find(|&i| list[i] != list[0]).unwrap_or(list.len().max(1));
    if changed >= SHORTEST_RUN.min(list.len()) && changed > 1 || list.len() <= 1 {
        let fits = (0..list.len()).all(|i| at(i) == start + i / changed);
        return if fits { Pattern::Repeat { start, each: changed } } else { Pattern::Listed };
    }
    let period = (1..list.len()).find(|&i| at(i) != start + i).unwrap_or(list.len());
    let fits = period >= SHORTEST_RUN.min(list.len()) && (0..list.len()).all(|i| at(i) == start + i % period);
    if fits { Pattern::Cycle { start, period } } else { Pattern::Listed }
}
