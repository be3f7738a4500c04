//! What a sweep shows, in sentences and as a table for the terminal.

use super::setting::{Entry, Setting};
use crate::commands::execute::Finished;
use crate::report::{Contrast, Curve};
use crate::table::{counted, number};
use std::fmt::Write;
use surefoot::process::Process;

const NOISE_LEVEL: &str = "process.noise_level";

/// Place of the value that the others are compared with: the ODE of a sweep over noise levels, else the first.
pub fn base(setting: &Setting) -> usize {
    let zero = setting.values.iter().position(|entry| entry.number == Some(0.0));
    zero.filter(|_| setting.key == NOISE_LEVEL).unwrap_or(0)
}

/// Sentences with their numbers.
pub fn reasons(
    setting: &Setting,
    runs: &[Finished],
    contrasts: &[Contrast],
    curves: &[Curve],
) -> Vec<String> {
    let base = base(setting);
    let base_run = &runs[base];
    let stochastic = setting.key == NOISE_LEVEL && setting.values[base].number == Some(0.0);
    let mut list: Vec<String> =
        contrasts.iter().map(|contrast| sentence(contrast, stochastic, setting, curves)).collect();
    if list.is_empty() {
        list.push(match base_run.model.system.support {
            None => "No support is known, so nothing says whether samples stay on it.".into(),
            Some(_) if setting.values.len() < 2 => {
                "There is one value alone, and nothing to compare it with.".into()
            }
            Some(_) => {
                "No shift could be compared: one sample has no spread, and a shift of 0 has no ratio.".into()
            }
        });
    }
    list.extend(other_samplers(setting, runs));
    for (entry, run) in setting.values.iter().zip(runs) {
        let told = run.summary.verdict.as_ref().map_or(&[][..], |verdict| &verdict.reasons);
        let cautions = told.iter().filter(|reason| reason.starts_with("Caution"));
        list.extend(cautions.map(|caution| format!("{}: {caution}", setting.label(entry))));
    }
    if let Process::Diffusion { .. } = base_run.model.spec.process
        && stochastic
    {
        list.push(
            "An error of the score enters the drift with the factor (1 + η²)/2: the same error of the network weighs \
             twice as much at η = 1 as at η = 0, and the shifts above include that."
                .into(),
        );
    }
    list
}

/// The samplers of all values, where more of them differs than the setting: defaults depend on the process.
fn other_samplers(setting: &Setting, runs: &[Finished]) -> Option<String> {
    let kept = |run: &Finished| {
        let spec = &run.model.spec;
        let of = |key: &str, what: String| if setting.key == key { String::new() } else { what };
        let rho = ["sampler.spacing", "sampler.rho"].contains(&setting.key.as_str());
        [
            of("sampler.method", spec.method.name().into()),
            of("sampler.steps", spec.steps.to_string()),
            if rho { String::new() } else { format!("{:?}", spec.spacing.rho()) },
        ]
    };
    if runs.iter().all(|run| kept(run) == kept(&runs[0])) {
        return None;
    }
    let sampler = |(entry, run): (&Entry, &Finished)| {
        let spec = &run.model.spec;
        let spacing =
            spec.spacing.rho().map_or("even times".into(), |rho| format!("times by the noise, rho {rho}"));
        format!(
            "{}: {}, {}, {spacing}",
            setting.label(entry),
            spec.method.name(),
            counted(spec.steps, "step")
        )
    };
    let list: Vec<String> = setting.values.iter().zip(runs).map(sampler).collect();
    Some(format!(
        "Caution: the samplers differ in more than the setting ({}). Name method, steps and spacing to compare like with like.",
        list.join("; ")
    ))
}

fn sentence(contrast: &Contrast, stochastic: bool, setting: &Setting, curves: &[Curve]) -> String {
    let ratio = &contrast.ratio;
    let (better, worse) = (ratio.high < 1.0, ratio.low > 1.0);
    let subject = match stochastic {
        true => format!("Stochastic sampling ({})", contrast.other),
        false => format!("With {} the model", contrast.other),
    };
    let base = if stochastic { "the ODE".to_string() } else { contrast.base.clone() };
    let claim = match (better, worse) {
        (true, _) => format!("stays on the support better than {}", with(stochastic, &base)),
        (_, true) => format!("stays on the support less well than {}", with(stochastic, &base)),
        _ => format!(
            "stays on the support neither better nor worse than {}, as far as these samples show",
            with(stochastic, &base)
        ),
    };
    let values = values(contrast, setting, curves);
    let factor = match better {
        true => format!(
            "{} times less (95 % interval {} to {})",
            number(1.0 / ratio.value),
            number(1.0 / ratio.high),
            number(1.0 / ratio.low)
        ),
        false => format!(
            "{} times as much (95 % interval {} to {})",
            number(ratio.value),
            number(ratio.low),
            number(ratio.high)
        ),
    };
    format!(
        "{subject} {claim}: the {} shifts distances to the support by {values}, {factor}.",
        contrast.error
    )
}

fn with(stochastic: bool, base: &str) -> String {
    if stochastic { base.to_string() } else { format!("with {base}") }
}

/// "0.12 against 0.31".
fn values(contrast: &Contrast, setting: &Setting, curves: &[Curve]) -> String {
    let place = |label: &str| setting.values.iter().position(|entry| setting.label(entry) == label);
    let curve = curves.iter().find(|curve| curve.figure == contrast.figure);
    let of = |label: &str| {
        let point = curve.zip(place(label)).and_then(|(curve, place)| curve.points.get(place));
        point.map_or_else(|| "-".into(), |point| number(point.value))
    };
    format!("{} against {}", of(&contrast.other), of(&contrast.base))
}

/// Figures down, values across.
pub fn table(setting: &Setting, curves: &[Curve], reasons: &[String]) -> String {
    let longest = setting.values.iter().map(|entry| entry.text.chars().count()).max().unwrap_or(0);
    let width = longest.max(10) + 2;
    let mut text = format!("{:<44}", setting.name);
    for entry in &setting.values {
        let _ = write!(text, "{:>width$}", entry.text);
    }
    text.push('\n');
    for curve in curves {
        let _ = write!(text, "  {:<42}", curve.label);
        for point in &curve.points {
            let _ = write!(text, "{:>width$}", number(point.value));
        }
        text.push('\n');
    }
    text.push('\n');
    for reason in reasons {
        let _ = writeln!(text, "  {reason}");
    }
    text
}
