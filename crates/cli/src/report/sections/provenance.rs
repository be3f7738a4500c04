//! Where the numbers come from, how far to trust them, and what the symbols mean.

use super::Context;
use crate::report::page::{section, table};
use crate::report::text::{count, number, significant};
use maud::{Markup, html};
use surefoot::analysis::Convergence;
use surefoot::process::{Grid, Spacing};

/// Convergence of the headline medians under doubled steps.
pub fn convergence(context: &Context) -> Markup {
    let Some(convergence) = &context.input.summary.convergence else { return html! {} };
    section(
        "convergence",
        "Convergence in the number of steps",
        html! {
            p {
                "Medians over the first " (convergence.samples) " paths (fewer where the last column says so), with " (convergence.steps) " and with "
                (convergence.doubled_steps) " steps on the same noise. A change that matters next to a figure's value means: use more steps."
            }
            @if !convergence.vector_angle_deg.is_empty() { p { (turned(&convergence.vector_angle_deg)) } }
            (changes(convergence))
        },
    )
}

/// How far twice the steps turn the svd vectors.
fn turned(angles: &[f64]) -> Markup {
    let within = angles.iter().take_while(|angle| **angle <= 1.0).count();
    let largest = angles.iter().copied().fold(0.0, f64::max);
    html! {
        "Twice the steps turn the svd vectors by " (number(angles[0])) "° (the first), at most " (number(largest)) "° (any; medians over paths); the leading "
        (within) " of " (angles.len()) " turn by no more than 1° each. Vectors with nearly equal singular values turn in their common plane without meaning."
    }
}

fn changes(convergence: &Convergence) -> Markup {
    let rows: Vec<Vec<String>> = convergence
        .medians
        .iter()
        .map(|(name, c)| {
            let scale = c.value.abs().max(c.doubled.abs());
            let share =
                if scale > 0.0 { format!("{:.1} %", 100.0 * c.change.abs() / scale) } else { "0 %".into() };
            let paths = count(c.paths as u64);
            vec![
                name.clone(),
                significant(c.value, 4),
                significant(c.doubled, 4),
                number(c.change),
                share,
                paths,
            ]
        })
        .collect();
    let own = format!("{} steps", convergence.steps);
    let doubled = format!("{} steps", convergence.doubled_steps);
    html! { div class="scroll" { (table(&["median of", &own, &doubled, "change", "relative", "paths"], &rows)) } }
}

/// Provenance, files, definitions.
pub fn draw(context: &Context) -> Markup {
    let p = &context.input.summary.provenance;
    let rows: Vec<(&str, Markup)> = vec![
        ("command", html! { code { (command(&p.command_line)) } }),
        (
            "model",
            html! { (p.model) @if !p.model_sha256.is_empty() { " · SHA-256 " code { (p.model_sha256) } } },
        ),
        ("version", html! { "surefoot " (p.version) }),
        ("sampler", sampler(context)),
        ("seed", html! { (p.seed) }),
        (
            "size",
            html! {
                (count(p.samples as u64)) " sample paths in D = " (p.dim) ", " (p.steps) " steps, k = " (context.input.request.vectors) " vectors"
            },
        ),
        (
            "work",
            html! {
                (count(p.field_evaluations)) " field evaluations, " (count(p.jvps)) " Jacobian-vector products, " (count(p.vjps)) " vector-Jacobian products"
            },
        ),
        (
            "machine",
            html! { (p.threads) @if p.threads == 1 { " thread" } @else { " threads" } "; the time taken is in summary.json" },
        ),
    ];
    html! {
        (section("provenance", "Provenance", html! {
            div class="scroll" { table class="plain" { tbody {
                @for (name, value) in &rows { tr { th scope="row" { (name) } td { (value) } } }
            } } }
            (files(context))
        }))
        (section("definitions", "Definitions", definitions(context)))
    }
}

/// Method, times and their spacing.
fn sampler(context: &Context) -> Markup {
    let system = &context.input.system;
    let Grid { start, end, steps, spacing } = system.grid;
    let level = system.drift.process.noise_level();
    html! {
        (system.method.name()) ", " (steps) @if steps == 1 { " step" } @else { " steps" } " from u = " (start) " to " (end)
        @match spacing {
            Spacing::Uniform => @if steps > 1 { " of equal length" },
            Spacing::Karras { rho, .. } => { ", spaced by the noise (ρ = " (rho) ")" },
        }
        @if level > 0.0 { ", noise level " (level) }
    }
}

fn files(context: &Context) -> Markup {
    html! {
        @if !context.input.links.is_empty() {
            p { "Files of this run: "
                @for (i, (text, address)) in context.input.links.iter().enumerate() {
                    @if i > 0 { " · " } a href=(address) { (text) }
                }
            }
        }
    }
}

/// The command line as it could be typed again.
fn command(words: &[String]) -> String {
    let plain = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "-_./:=,+@%".contains(c))
    };
    let quoted =
        |word: &String| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) };
    words.iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn definitions(context: &Context) -> Markup {
    let list = [
        ("D, d", "dimension of the space the samples live in; dimension of the support of the data"),
        (
            "support",
            "the set that the data live on; its tangent space T and normal space N are taken at the nearest point",
        ),
        ("x0, x1, …", "coordinates of a sample, counted from 0 as in --observable"),
        ("n, τ", "generation step: 0 is noise, τ is data; x with index τ is the generated sample"),
        (
            "A",
            "Jacobian of one generation step; J, the product of all of them, carries differences at the start to differences at the end",
        ),
        (
            "LV₁, Eᵈ",
            "the direction, and the d directions, in which the generation amplifies small differences most",
        ),
        (
            "qr",
            "vectors and log growth from one forward sweep of a random frame, orthonormalised at every step",
        ),
        (
            "svd",
            "the exact left singular vectors and log singular values of J; they differ from qr over a finite generation",
        ),
        ("s", "score: gradient of the log density of the target at the end of the generation"),
        (
            "ε, χ",
            "size of the model error in the ∞-norm, and its shape, scaled to ∞-norm 1 on the sampled paths",
        ),
        ("ζ", "first-order displacement of a sample per unit of ε"),
        ("φ", "footing ‖Tᵀζ‖/‖ζ‖: the share of the displacement that follows the support"),
        (
            "W₁",
            "1-Wasserstein distance between the laws of the distance to the support, without and with the error",
        ),
        ("twin", "the sample generated from the same noise by the perturbed model"),
        ("nat", "unit of log growth: a factor e"),
    ];
    html! {
        p { "Short forms used on this page" @if context.intrinsic_dim() == Some(context.dim()) { " (here d = D: T is the tangent space of the boundary, and Eᵈ stands for the top D − 1 vectors)" } ". "
            "CdC stands for N. Chandramoorthy and A. de Clercq, “When and how can inexact generative models still sample from the data manifold?”, NeurIPS 2025." }
        dl { @for (symbol, meaning) in list { dt { (symbol) } dd { (meaning) } } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_typed_again() {
        let words = ["surefoot", "analyze", "my model.toml", "-n", "10", "it's"].map(String::from);
        assert_eq!(command(&words), r"surefoot analyze 'my model.toml' -n 10 'it'\''s'");
    }
}
