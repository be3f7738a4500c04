//! The claims of CdC's two-dimensional experiments, each judged by a rule that is written down beside it.

use super::rule::{Part, Ruling, all_or_some, strict_or_weak};
use super::runs::Runs;
use crate::commands::execute::Finished;
use crate::commands::sweep::curves::{Distances, Worst, worst_entries};
use crate::failure::{Failure, Result};
use crate::options::FigureName;
use crate::report::{Claim, Evidence};
use crate::table::number;
use surefoot::analysis::{ColumnSource, OFF_SHARE, Pair, Share};
use surefoot::statistics::{Estimate, Quantiles, bootstrap, quantile_sorted};

/// Median angle, degrees, below which leading vectors are called tangent, and the upper decile that may not be exceeded.
const TANGENT: [f64; 2] = [10.0, 30.0];
/// Factor within which two shifts are called the same.
const SAME: f64 = 2.0;
/// Share of paths that "all" and "some" stand for.
const NEARLY_ALL: f64 = 0.99;
const SOME: f64 = 0.05;

/// Share of a random displacement's shift that still counts as partly along.
const PARTLY_ALONG: f64 = 0.5;

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
    let n = run.request.samples;
    let (mut evidence, mut strict, mut weak) = (Vec::new(), Vec::new(), Vec::new());
    for Worst { kind, entry, .. } in worst_entries(run) {
        let size = number(2.0 * entry.size);
        if let Some(along) = &entry.along {
            evidence.push(median(
                format!("{kind}, ε = {size} beside 2 s: shift along the moons (median)"),
                along,
            ));
        }
        let share = off_share(run, &kind)?;
        strict.push(Part::below(format!("{kind} errors"), share, OFF_SHARE, n));
        weak.push(Part::below(format!("{kind} errors"), share, PARTLY_ALONG, n));
        if let Some(share) = share {
            let what = format!("{kind}, ε = {size}: off-support shift, share of a random displacement's");
            evidence.push(Evidence { what, value: share });
        }
    }
    let rule = format!(
        "holds: every error shifts distances to the moons by less than {:.0} % of what a random displacement of the same length \
         would, with its interval; partly: less than {:.0} %",
        100.0 * OFF_SHARE,
        100.0 * PARTLY_ALONG
    );
    let Ruling { answer, why } = strict_or_weak(&rule, &strict, &weak);
    Ok(Claim {
        figure: "fig1",
        claim: "Errors of the score up to ε = 1 shift the diffusion model's samples along the moons, not off them.".into(),
        answer,
        why,
        evidence,
    })
}

fn angles(run: &Finished) -> Result<&Pair<Quantiles>> {
    let alignment = run.summary.alignment.as_ref();
    alignment.and_then(|a| a.subspace_angle_deg.as_ref()).ok_or_else(|| Failure::Usage("no angles".into()))
}

/// The median with its interval, where there are samples enough for one.
fn interval(q: &Quantiles) -> Option<Estimate> {
    (q.n > 5).then_some(Estimate { value: q.q50, low: q.q50_low, high: q.q50_high })
}

/// The upper decile of the angles of a run, with its interval.
fn decile(run: &Finished, method: &str) -> Result<Option<Estimate>> {
    let angles = run.columns.read(&format!("subspace_angle_deg_{method}"))?;
    let of = |rows: &[usize]| {
        let mut picked: Vec<f64> = rows.iter().map(|&i| angles[i]).collect();
        picked.sort_by(f64::total_cmp);
        quantile_sorted(&picked, 0.9)
    };
    Ok(bootstrap(angles.len(), run.request.seed, of))
}

/// Fig. 2: the most sensitive directions are tangent to the moons.
fn tangent(runs: &Runs) -> Result<Claim> {
    let (mut evidence, mut parts) = (Vec::new(), Vec::new());
    for (name, run) in [("SDE", run(runs, "errors-sgm-sde")?), ("ODE", run(runs, "errors-sgm-ode")?)] {
        let angles = angles(run)?;
        for (method, q) in [("qr", Some(&angles.qr)), ("svd", angles.svd.as_ref())] {
            let Some(q) = q else { continue };
            let what = format!(
                "{name}, {method}: angle to the moons, degrees (median; upper decile {})",
                number(q.q90)
            );
            evidence.push(median(what, q));
            let (n, name) = (run.request.samples, format!("{name}, {method}"));
            let middle = Part::below(&name, interval(q), TANGENT[0], n);
            parts.push(middle.and(Part::below(&name, decile(run, method)?, TANGENT[1], n)));
        }
    }
    let rule = format!(
        "holds: medians below {}° and upper deciles below {}°, with their intervals, for both samplers and both kinds of \
         vectors; partly: for some of them",
        TANGENT[0], TANGENT[1]
    );
    let Ruling { answer, why } = all_or_some(&rule, &parts);
    let claim = "The leading vectors of the diffusion model are tangent to the moons.".into();
    Ok(Claim { figure: "fig2", claim, answer, why, evidence })
}

/// Fig. 4: the same for deterministic and stochastic sampling.
fn same_for_both(runs: &Runs) -> Result<Claim> {
    let (ode, sde) = (run(runs, "errors-sgm-ode")?, run(runs, "errors-sgm-sde")?);
    let (mut evidence, mut same, mut both) = (Vec::new(), Vec::new(), Vec::new());
    let n = sde.request.samples;
    for Worst { kind, .. } in worst_entries(sde) {
        for (name, run) in [("SDE", sde), ("ODE", ode)] {
            let share = off_share(run, &kind)?;
            both.push(Part::below(format!("{name}, {kind}"), share, OFF_SHARE, n));
            if let Some(share) = share {
                let what = format!("{name}, {kind}: off-support shift, share of a random displacement's");
                evidence.push(Evidence { what, value: share });
            }
        }
        let (Some(a), Some(b)) = (Distances::of(ode, &kind)?, Distances::of(sde, &kind)?) else { continue };
        let ratio = bootstrap(n, sde.request.seed, |rows| a.shift(rows) / b.shift(rows));
        let name = format!("{kind} errors");
        same.push(Part::below(&name, ratio, SAME, n).and(Part::above(&name, ratio, 1.0 / SAME, n)));
        if let Some(ratio) = ratio {
            evidence.push(Evidence {
                what: format!("{kind}: off-support shift of the ODE over that of the SDE"),
                value: ratio,
            });
        }
    }
    let rule = format!(
        "holds: shifts within a factor of {SAME} of each other, with their intervals; partly: both below {:.0} % of a random \
         displacement's",
        100.0 * OFF_SHARE
    );
    let Ruling { answer, why } = strict_or_weak(&rule, &same, &both);
    let claim = "The support is as robust under the probability-flow ODE as under the reverse SDE.".into();
    Ok(Claim { figure: "fig4", claim, answer, why, evidence })
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
    type Holds = fn(f64) -> bool;
    let shares = |models: &[(&str, &str)], what: &str, holds: Holds, bound: f64| -> Result<_> {
        let (mut evidence, mut parts) = (Vec::new(), Vec::new());
        for (name, key) in models {
            let run = run(runs, key)?;
            for (method, column) in [("qr", "log_growth_qr"), ("svd", "log_growth_svd")] {
                let found = share(run, column, &format!("{name}, {method}: {what}"), holds)?;
                parts.push(Part::above(
                    format!("{name}, {method}"),
                    Some(found.value),
                    bound,
                    run.request.samples,
                ));
                evidence.push(found);
            }
        }
        Ok((evidence, parts))
    };
    let (negative, all) = shares(
        &[("SDE", "sgm-sde"), ("ODE", "sgm-ode")],
        "share of paths with all exponents negative",
        |growth| growth < 0.0,
        NEARLY_ALL,
    )?;
    let (positive, some) = shares(
        &[("OT-CFM", "otcfm"), ("CFM", "cfm"), ("interpolant", "si")],
        "share of paths with a positive exponent",
        |growth| growth > 0.0,
        SOME,
    )?;
    let claim = |claim: &str, rule: String, parts: &[Part], evidence| {
        let Ruling { answer, why } = all_or_some(&rule, parts);
        Claim { figure: "fig7", claim: claim.into(), answer, why, evidence }
    };
    Ok(vec![
        claim(
            "All finite-time exponents of the diffusion model are negative.",
            format!(
                "holds: on more than {:.0} % of the paths for both samplers and both kinds of exponents; partly: for some of them",
                100.0 * NEARLY_ALL
            ),
            &all,
            negative,
        ),
        claim(
            "Flow-matching models have positive exponents.",
            format!(
                "holds: on more than {:.0} % of the paths of every flow model, by both kinds; partly: for some of them",
                100.0 * SOME
            ),
            &some,
            positive,
        ),
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
    // One part for every other model and kind of vectors.
    let below = |better: &str, others: &[(&str, &str)]| -> Result<Vec<Part>> {
        let n = run(runs, better)?.request.samples;
        let of = |q: &Quantiles| Estimate { value: q.q50, low: q.q50_low, high: q.q50_high };
        let mut parts = Vec::new();
        for (place, (method, q)) in cosines(better)?.iter().enumerate() {
            for (name, key) in others {
                let other = cosines(key)?[place].1;
                parts.push(Part::apart(format!("{name}, {method}"), of(q), of(&other), n));
            }
        }
        Ok(parts)
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
    let claim = |claim: &str, parts: &[Part], evidence: Vec<Evidence>| {
        let rule = "holds: its median lies below every other one's, intervals apart, for qr and for svd vectors; partly: for some of them";
        let Ruling { answer, why } = all_or_some(rule, parts);
        Claim { figure: "fig8", claim: claim.into(), answer, why, evidence }
    };
    let mut list = vec![claim(
        "OT-CFM is better aligned than CFM and than stochastic interpolants.",
        &below("otcfm", &flows[1..])?,
        evidence(&flows)?,
    )];
    for (name, key) in [("SDE", "sgm-sde"), ("ODE", "sgm-ode")] {
        let others: Vec<_> = std::iter::once((name, key)).chain(flows).collect();
        list.push(claim(
            &format!("The diffusion model ({name}) is better aligned than all flow models."),
            &below(key, &flows)?,
            evidence(&others)?,
        ));
    }
    Ok(list)
}
