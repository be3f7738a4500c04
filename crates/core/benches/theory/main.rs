//! What the theory costs beside the tangent sweep alone, on one thread: the response of the density to a constant and a
//! smooth random error, gains and budget, a worst-case error, the sufficient condition, central differences. On the
//! paper's two moons, on a trained network, and on W1b (`bench/README.md`). In every round all parts run by turns on the
//! same samples; ratios are medians over the rounds.
//!
//!     cargo bench -p surefoot --bench theory            all cases
//!     cargo bench -p surefoot --bench theory -- w1b     one of them

mod case;

use case::Case;
use std::hint::black_box;
use std::time::Instant;
use surefoot::condition::quantities;
use surefoot::error_field::Place;
use surefoot::gains::{ErrorNorm, Measure, gains, gains_and_worst};
use surefoot::sampler::Step;
use surefoot::sweep::{Forward, Keep, Probes, Trail, forward, forward_density, forward_probed};

/// Shares of a default analysis of 1,000 samples: 200 are repeated with twice the steps, 64 keep their paths, 32 have
/// central differences.
const DOUBLED: f64 = 2.0 * 0.2;
const PATHS: f64 = 0.064;
const CHECKED: f64 = 0.032;
/// Twins of a central difference: sizes and signs.
const TWINS: f64 = 8.0;

/// Seconds of one round.
#[derive(Clone, Copy)]
struct Round {
    /// Tangent sweep alone.
    alone: f64,
    /// … with ζ of the two errors.
    forced: f64,
    /// … with ζ and the density.
    density: f64,
    /// Tangent sweep that keeps what the way back needs.
    kept: f64,
    /// Gains, budget and white-noise share.
    gains: f64,
    /// The same with a worst-case error field and its ζ.
    worst: f64,
    /// Quantities of the condition.
    condition: f64,
    /// Values alone.
    values: f64,
}

fn seconds<T>(work: impl FnOnce() -> surefoot::Result<T>) -> f64 {
    let start = Instant::now();
    black_box(work().expect("finite numbers"));
    start.elapsed().as_secs_f64()
}

impl Case {
    /// k = D with what the program keeps.
    fn swept(&self, step: &Step, keep: Keep) -> surefoot::Result<Forward> {
        forward(step, &self.batch(), self.dim(), keep)
    }

    fn with_density(&self, step: &Step, keep: Keep) -> surefoot::Result<Forward> {
        match self.probes {
            Some(count) => {
                let probes = Probes::Signs { count };
                forward_probed(step, &self.batch(), self.dim(), keep, self.density.as_ref(), probes)
            }
            None => forward_density(step, &self.batch(), keep, self.density.as_ref()),
        }
    }

    fn round(&self, steps: &Steps) -> Round {
        let chain = Keep { chain: true, determinants: true, ..Keep::default() };
        let back = Keep { path: true, noise: true, ..chain };
        let run = self.swept(&steps.plain, Keep { frames: true, ..back }).expect("a sweep");
        let feet = self.support.project_batch(&run.end);
        let measure = Measure { place: Place::Output, full: false, curves: self.samples, seed: 1 };
        let trail = || Trail::of(&steps.plain, 0..self.samples, &run);
        let source = Some(self.density.as_ref());
        Round {
            alone: seconds(|| self.swept(&steps.plain, chain)),
            forced: seconds(|| self.swept(&steps.forced, chain)),
            density: seconds(|| self.with_density(&steps.forced, chain)),
            kept: seconds(|| self.swept(&steps.plain, back)),
            gains: seconds(|| gains(&mut trail()?, &feet, measure)),
            worst: seconds(|| gains_and_worst(&mut trail()?, &feet, measure, &[ErrorNorm::Infinity])),
            condition: seconds(|| quantities(&steps.plain, &run, self.aligned, source)),
            values: seconds(|| forward(&steps.plain, &self.batch(), 0, Keep::default())),
        }
    }

    fn report(&self) {
        let steps = Steps::of(self);
        self.round(&steps);
        let rounds: Vec<Round> = (0..self.rounds).map(|_| self.round(&steps)).collect();
        let ratio = |part: &dyn Fn(&Round) -> f64| {
            let mut all: Vec<f64> = rounds.iter().map(|round| part(round) / round.alone).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        println!("{}: {} samples, {} rounds by turns", self.name, self.samples, self.rounds);
        let show = |name: &str, ratio: f64| println!("  {name:<62}{ratio:7.3}");
        let fastest = rounds.iter().map(|round| round.alone).fold(f64::INFINITY, f64::min);
        println!("  tangent sweep alone, k = D = {}: {:.1} ms (fastest)", self.dim(), 1e3 * fastest);
        show("with the displacements of two errors, as it always runs", ratio(&|r| r.forced));
        show("with the density as well", ratio(&|r| r.density));
        show("values alone", ratio(&|r| r.values));
        println!(
            "  parts of the theory in a default analysis of 1,000 samples, over the tangent sweep alone:"
        );
        let errors = steps.forced.forcing.len() as f64;
        let parts: [Part; 5] = [
            ("response: score and δ log ρ", Box::new(|r| (r.density - r.forced).max(0.0))),
            ("keeping path and noise for the way back", Box::new(|r| (r.kept - r.alone).max(0.0))),
            ("gains, budget, white-noise share", Box::new(|r| r.gains * (1.0 + DOUBLED))),
            ("condition on 64 paths", Box::new(|r| r.condition * PATHS)),
            ("central differences on 32 samples", Box::new(move |r| r.values * CHECKED * TWINS * errors)),
        ];
        parts.iter().for_each(|(name, part)| show(name, ratio(part)));
        let whole = |round: &Round| parts.iter().map(|(_, part)| part(round)).sum::<f64>();
        show("whole theory part / tangent sweep alone", ratio(&whole));
        show("… / tangent sweep with its displacements", ratio(&|r| whole(r) * r.alone / r.forced));
        let worst = |round: &Round| (round.worst - round.gains).max(0.0) * (1.0 + DOUBLED);
        show("with `--error worst`: its field and displacement", ratio(&worst));
        show("whole theory part with it", ratio(&|r| whole(r) + worst(r)));
    }
}

/// A part of the theory and the seconds that it takes of a round.
type Part = (&'static str, Box<dyn Fn(&Round) -> f64>);

/// The steps of a case.
struct Steps {
    plain: Step,
    forced: Step,
}

impl Steps {
    fn of(case: &Case) -> Steps {
        Steps { plain: case.step(Vec::new()), forced: case.step(case.errors()) }
    }
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, case) in
        [("two-moons", case::two_moons as fn() -> Case), ("moons-cfm", case::network), ("w1b", case::w1b)]
    {
        if asked.is_empty() || asked.iter().any(|word| word == name) {
            case().report();
        }
    }
}
