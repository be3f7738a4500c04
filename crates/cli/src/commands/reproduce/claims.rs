//! The claims of CdC's two-dimensional experiments, each judged by a rule that is written down beside it.

use super::runs::Runs;
use crate::commands::execute::Finished;
use crate::commands::sweep::curves::{Distances, Worst, worst_entries};
use crate::failure::{Failure, Result};
use crate::options::FigureName;
use crate::report::{Answer, Claim, Evidence};
use crate::table::number;
use surefoot::analysis::{ColumnSource, OFF_SHARE, Pair, Share};
use surefoot::statistics::{Estimate, Quantiles, bootstrap};

/// Median angle, degrees, below which leading vectors are called tangent, and the upper decile that may not be exceeded.
const TANGENT: [f64; 2] = [10.0, 30.0];
/// Factor within which two shifts are called the same.
const SAME: f64 = 2.0;
/// Share of paths that "all" and "some" stand for.
const NEARLY_ALL: f64 = 0.99;
const SOME: f64 = 0.05;

/// The claims of the figures asked for.
///
/// # Errors
/// Unreadable columns.
pub fn claims(figures: &[FigureName], runs: &Runs) -> Result<Vec<Claim>> {
    let mut list = Vec::new();
    for figure in figures {
        match figure {
            FigureName::Fig1 => list.push(along_the_moons(runs)?),
            FigureName::Fig2 => list.push(tangent(runs)?),
            FigureName::Fig4 => list.push(same_for_both(runs)?),
            FigureName::Fig7 => list.extend(exponents(runs)?),
            FigureName::Fig8 => list.extend(alignment(runs)?),
        }
    }
    Ok(list)
}

fn run<'r>(runs: &'r Runs, name: &str) -> Result<&'r Finished> {
    runs.get(name).ok_or_else(|| Failure::Usage(format!("the run {name} is missing")))
}

/// Off-support shift of an error kind's largest size, as a share of what a random displacement of the same mean length
/// would do, with its bootstrap interval.
fn off_share(run: &Finished, kind: &str) -> Result<Option<Estimate>> {
    let Some(distances) = Distances::of(run, kind)? else { return Ok(None) };
    let place = worst_entries(run).iter().find(|worst| worst.kind == kind).map_or(0, |worst| worst.place);
    let width = run.summary.robustness.len();
    let moved: Vec<f64> = run.columns.read("shift")?.into_iter().skip(place).step_by(width).collect();
    // The support is a curve in the plane: half of a random displacement's square is normal to it.
    let share = |rows: &[usize]| {
        let mean = rows.iter().map(|&i| moved[i]).sum::<f64>() / rows.len() as f64;
        distances.shift(rows) / (mean * 0.5_f64.sqrt())
    };
    Ok(bootstrap(moved.len(), run.request.seed, share))
}

fn median(what: impl Into<String>, q: &Quantiles) -> Evidence {
    Evidence { what: what.into(), value: Estimate { value: q.q50, low: q.q50_low, high: q.q50_high } }
}

/// Fig. 1: errors shift the diffusion model's samples along the moons.
fn along_the_moons(runs: &Runs) -> Result<Claim> {
    let run = run(runs, "errors-sgm-sde")?;
    let (mut evidence, mut worst) = (Vec::new(), Estimate { value: 0.0, low: 0.0, high: 0.0 });
    for Worst { kind, entry, .. } in worst_entries(run) {
        let size = number(2.0 * entry.size);
        if let Some(along) = &entry.along {
            evidence.push(median(
                format!("{kind}, ε = {size} beside 2 s: shift along the moons (median)"),
                along,
            ));
        }
        if let Some(share) = off_share(run, &kind)? {
            worst = if share.high > worst.high { share } else { worst };
            let what = format!("{kind}, ε = {size}: off-support shift, share of a random displacement's");
            evidence.push(Evidence { what, value: share });
        }
    }
    let answer = Answer::of(worst.high < OFF_SHARE, worst.value < 0.5);
    Ok(Claim {
        figure: "fig1",
        claim: "Errors of the score up to ε = 1 shift the diffusion model's samples along the moons, not off them.".into(),
        answer,
        why: format!(
            "the worst error shifts distances to the moons by {:.1} % of what a random displacement of the same length would \
             (holds: below {:.0} % with its interval; partly: below 50 %)",
            100.0 * worst.value,
            100.0 * OFF_SHARE
        ),
        evidence,
    })
}

fn angles(run: &Finished) -> Result<&Pair<Quantiles>> {
    let alignment = run.summary.alignment.as_ref();
    alignment.and_then(|a| a.subspace_angle_deg.as_ref()).ok_or_else(|| Failure::Usage("no angles".into()))
}

/// Fig. 2: the most sensitive directions are tangent to the moons.
fn tangent(runs: &Runs) -> Result<Claim> {
    let mut evidence = Vec::new();
    let mut holds = Vec::new();
    for (name, run) in [("SDE", run(runs, "errors-sgm-sde")?), ("ODE", run(runs, "errors-sgm-ode")?)] {
        let angles = angles(run)?;
        for (method, q) in [("qr", Some(&angles.qr)), ("svd", angles.svd.as_ref())] {
            let Some(q) = q else { continue };
            let what = format!(
                "{name}, {method}: angle to the moons, degrees (median; upper decile {})",
                number(q.q90)
            );
            evidence.push(median(what, q));
            holds.push(q.q50_high < TANGENT[0] && q.q90 < TANGENT[1]);
        }
    }
    Ok(Claim {
        figure: "fig2",
        claim: "The leading vectors of the diffusion model are tangent to the moons.".into(),
        answer: Answer::of(holds.iter().all(|h| *h), holds.iter().any(|h| *h)),
        why: format!(
            "holds: medians below {}° and upper deciles below {}° for both samplers and both kinds of vectors; partly: for some of them",
            TANGENT[0], TANGENT[1]
        ),
        evidence,
    })
}

/// Fig. 4: the same for deterministic and stochastic sampling.
fn same_for_both(runs: &Runs) -> Result<Claim> {
    let (ode, sde) = (run(runs, "errors-sgm-ode")?, run(runs, "errors-sgm-sde")?);
    let mut evidence = Vec::new();
    let (mut same, mut both) = (true, true);
    for Worst { kind, .. } in worst_entries(sde) {
        for (name, run) in [("SDE", sde), ("ODE", ode)] {
            if let Some(share) = off_share(run, &kind)? {
                both &= share.high < OFF_SHARE;
                let what = format!("{name}, {kind}: off-support shift, share of a random displacement's");
                evidence.push(Evidence { what, value: share });
            }
        }
        let (Some(a), Some(b)) = (Distances::of(ode, &kind)?, Distances::of(sde, &kind)?) else { continue };
        let n = sde.request.samples;
        if let Some(ratio) = bootstrap(n, sde.request.seed, |rows| a.shift(rows) / b.shift(rows)) {
            same &= ratio.low > 1.0 / SAME && ratio.high < SAME;
            evidence.push(Evidence {
                what: format!("{kind}: off-support shift of the ODE over that of the SDE"),
                value: ratio,
            });
        }
    }
    Ok(Claim {
        figure: "fig4",
        claim: "The support is as robust under the probability-flow ODE as under the reverse SDE.".into(),
        answer: Answer::of(same, both),
        why: format!(
            "holds: shifts within a factor of {SAME} of each other; partly: both below {:.0} % of a random displacement's",
            100.0 * OFF_SHARE
        ),
        evidence,
    })
}

/// Share of paths whose leading log growth fulfils a condition.
fn share(run: &Finished, column: &str, what: &str, holds: impl Fn(f64) -> bool) -> Result<Evidence> {
    let k = run.request.vectors;
    let growth = run.columns.read(column)?;
    let leading: Vec<f64> =
        growth.chunks_exact(k).map(|row| row.iter().copied().fold(f64::MIN, f64::max)).collect();
    let Share { value, low, high, .. } =
        Share::of(leading.iter().filter(|&&g| holds(g)).count(), leading.len());
    Ok(Evidence { what: what.into(), value: Estimate { value, low, high } })
}

/// Fig. 7: signs of the exponents.
fn exponents(runs: &Runs) -> Result<Vec<Claim>> {
    let mut negative = Vec::new();
    for (name, key) in [("SDE", "sgm-sde"), ("ODE", "sgm-ode")] {
        for (method, column) in [("qr", "log_growth_qr"), ("svd", "log_growth_svd")] {
            let what = format!("{name}, {method}: share of paths with all exponents negative");
            negative.push(share(run(runs, key)?, column, &what, |growth| growth < 0.0)?);
        }
    }
    let all = negative.iter().filter(|e| e.value.low > NEARLY_ALL).count();
    let mut positive = Vec::new();
    for (name, key) in [("OT-CFM", "otcfm"), ("CFM", "cfm"), ("interpolant", "si")] {
        for (method, column) in [("qr", "log_growth_qr"), ("svd", "log_growth_svd")] {
            let what = format!("{name}, {method}: share of paths with a positive exponent");
            positive.push(share(run(runs, key)?, column, &what, |growth| growth > 0.0)?);
        }
    }
    let some = positive.iter().filter(|e| e.value.low > SOME).count();
    Ok(vec![
        Claim {
            figure: "fig7",
            claim: "All finite-time exponents of the diffusion model are negative.".into(),
            answer: Answer::of(all == negative.len(), all > 0),
            why: format!(
                "holds: on more than {:.0} % of the paths for both samplers and both kinds of exponents; partly: for some of them",
                100.0 * NEARLY_ALL
            ),
            evidence: negative,
        },
        Claim {
            figure: "fig7",
            claim: "Flow-matching models have positive exponents.".into(),
            answer: Answer::of(some == positive.len(), some > 0),
            why: format!(
                "holds: on more than {:.0} % of the paths of every flow model, by both kinds; partly: for some of them",
                100.0 * SOME
            ),
            evidence: positive,
        },
    ])
}

/// Fig. 8: the order of the models by alignment.
fn alignment(runs: &Runs) -> Result<Vec<Claim>> {
    let cosines = |key: &str| -> Result<Vec<(&'static str, Quantiles)>> {
        let summary = &run(runs, key)?.summary;
        let pair = summary.alignment.as_ref().and_then(|a| a.score_cosine.as_ref());
        let pair = pair.ok_or_else(|| Failure::Usage(format!("{key} has no target score")))?;
        Ok(std::iter::once(("qr", pair.qr)).chain(pair.svd.map(|svd| ("svd", svd))).collect())
    };
    let below = |better: &str, others: &[&str]| -> Result<Vec<bool>> {
        let best = cosines(better)?;
        let mut holds = Vec::new();
        for (place, (_, q)) in best.iter().enumerate() {
            let mut all = true;
            for other in others {
                all &= q.q50_high < cosines(other)?[place].1.q50_low;
            }
            holds.push(all);
        }
        Ok(holds)
    };
    let evidence = |list: &[(&str, &str)]| -> Result<Vec<Evidence>> {
        let mut evidence = Vec::new();
        for (name, key) in list {
            for (method, q) in cosines(key)? {
                evidence.push(median(
                    format!("{name}, {method}: |cos| of leading vector and score (median)"),
                    &q,
                ));
            }
        }
        Ok(evidence)
    };
    let flows = [("OT-CFM", "otcfm"), ("CFM", "cfm"), ("interpolant", "si")];
    let claim = |claim: &str, holds: Vec<bool>, evidence: Vec<Evidence>| {
        Claim {
        figure: "fig8",
        claim: claim.into(),
        answer: Answer::of(holds.iter().all(|h| *h), holds.iter().any(|h| *h)),
        why: "holds: its median lies below the others', intervals apart, for qr and for svd vectors; partly: for one of the two".into(),
        evidence,
    }
    };
    let mut list = vec![claim(
        "OT-CFM is better aligned than CFM and than stochastic interpolants.",
        below("otcfm", &["cfm", "si"])?,
        evidence(&flows)?,
    )];
    for (name, key) in [("SDE", "sgm-sde"), ("ODE", "sgm-ode")] {
        let others: Vec<_> = std::iter::once((name, key)).chain(flows).collect();
        list.push(claim(
            &format!("The diffusion model ({name}) is better aligned than all flow models."),
            below(key, &["otcfm", "cfm", "si"])?,
            evidence(&others)?,
        ));
    }
    Ok(list)
}
