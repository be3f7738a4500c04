//! The key `learning_errors` of `summary.json`.

use super::super::gains::{HalfOfGain, half_of};
use super::super::request::{ErrorKind, Perturbation};
use super::super::summarise::{Reader, masked, place_name, strided};
use crate::error::Result;
use crate::statistics::{Estimate, Quantiles, bootstrap, wasserstein1};
use serde::{Deserialize, Serialize};

/// What the difference to another model does, at the size at which the perturbed model is the other model: measured on
/// twins, to first order, and as far as the gains allow (theory §8). Lengths are in data units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearningError {
    /// Name of the error, as in the robustness list.
    pub kind: String,
    /// The other model's name, or how the weights are stored.
    pub other: String,
    /// Where the difference sits.
    pub error_in: String,
    /// ε: its largest ∞-norm on the sampled paths.
    pub size: f64,
    /// Twins' displacements ‖x^ε − x‖ against ε‖ζ_τ‖.
    pub displacement: Explained,
    /// With a support.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub off: Option<OffSupport>,
    /// Chords ‖P(x^ε) − P(x)‖ against ε‖Tᵀζ_τ‖; with a support that has tangent directions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub along: Option<Shift>,
    /// The shortest run of steps with half of the summed medians of g_N ‖e‖.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub half: Option<HalfOfGain>,
    /// Medians of every step.
    pub steps: Vec<ErrorStep>,
    /// Leading samples behind the steps.
    pub steps_samples: usize,
}

/// A shift as measured, to first order, and at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// On the twins.
    pub measured: Quantiles,
    /// First order.
    pub predicted: Quantiles,
    /// ∫ g ‖e‖ du: bound on the first order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound: Option<Quantiles>,
}

/// A shift as measured, to first order, and how much of it first order misses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// On the twins.
    pub measured: Quantiles,
    /// First order.
    pub predicted: Quantiles,
    /// Σ |measured − predicted| / Σ |measured| over the samples, with a bootstrap interval; absent below two samples and
    /// where nothing moves.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub missed: Option<Estimate>,
}

/// What a learning error does off the support; of a thick support, to the distance to its middle, and for d = D to that
/// to the boundary, of samples near it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OffSupport {
    /// Changes of the distance, |dist(x^ε) − dist(x)|, twin by twin.
    pub shift: Explained,
    /// The same without the twins that landed on another component; absent where none did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shift_without_jumps: Option<Explained>,
    /// Share of twins that landed on another component.
    pub jumped: f64,
    /// 1-Wasserstein distance of the laws of the distance, measured; absent below two samples.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub w1: Option<Estimate>,
    /// The same for the distances that first order predicts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub w1_predicted: Option<Estimate>,
    /// ε‖Nᵀζ_τ‖.
    pub normal: Quantiles,
    /// ∫ g_N ‖e‖ du: bound on ε‖Nᵀζ_τ‖.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound: Option<Quantiles>,
    /// √m ε G_N in the ∞-norm, m normal directions: the bound that knows the error's size alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bound_inf: Option<Quantiles>,
    /// ε‖Nᵀζ_τ‖ over ∫ g_N ‖e‖ du, sample by sample.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub used: Option<Quantiles>,
    /// Share of samples whose distance changed by more than ∫ g_N ‖e‖ du, which bounds first order only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub beyond: Option<f64>,
    /// Whether the bounds are those of the direction away from the support alone (D above 64).
    pub outward_only: bool,
}

/// Medians of one step over the leading samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorStep {
    /// n.
    pub step: usize,
    /// Model time at its start.
    pub time: f64,
    /// ‖e(x_n, u_n)‖₂.
    pub error: f64,
    /// g_N(n) ‖e(x_n, u_n)‖₂, data units a unit of model time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub harm: Option<f64>,
}

/// One entry a learning error, from the finished columns.
pub(in crate::analysis) fn summarise_learning(
    reader: &Reader,
    perturbations: &[Perturbation],
) -> Result<Vec<LearningError>> {
    let mut list = Vec::new();
    for (error, asked) in reader.request.errors.iter().enumerate() {
        let other = match &asked.kind {
            ErrorKind::Difference { model, .. } => model.clone(),
            ErrorKind::Rounded { format, .. } => format!("weights as {}", format.name()),
            _ => continue,
        };
        // The own size is the last one.
        let Some(entry) = perturbations.iter().rposition(|p| p.error == error) else { continue };
        let error = One {
            reader,
            learned: list.len(),
            entry,
            entries: perturbations.len(),
            forced: reader.forced_index(error).unwrap_or_default(),
            size: perturbations[entry].size,
        };
        let steps = error.steps()?;
        let rates: Option<Vec<f64>> = steps.iter().map(|step| step.harm).collect();
        list.push(LearningError {
            kind: perturbations[entry].kind.clone(),
            other,
            error_in: place_name(asked.place).into(),
            size: error.size,
            displacement: error.displacement()?,
            off: error.off()?,
            along: error.along()?,
            half: rates.map(|rates| half_of(&rates, reader.system.grid)),
            steps,
            steps_samples: super::super::gains::curve_count(reader.request, reader.system.grid.steps),
        });
    }
    Ok(list)
}

/// The fields of the same names of [`OffSupport`].
struct Allowed {
    normal: Quantiles,
    bound: Option<Quantiles>,
    bound_inf: Option<Quantiles>,
    used: Option<Quantiles>,
    beyond: Option<f64>,
}

/// One learning error among the columns of a run.
struct One<'a> {
    reader: &'a Reader<'a>,
    /// Place among the learning errors.
    learned: usize,
    /// Its own size among all entries.
    entry: usize,
    entries: usize,
    /// Place among the errors with a first-order displacement.
    forced: usize,
    size: f64,
}

impl One<'_> {
    fn of_twins(&self, name: &str) -> Result<Vec<f64>> {
        Ok(strided(&self.reader.read(name)?, self.entries, self.entry))
    }

    /// A first-order figure at the error's own size.
    fn first_order(&self, name: &str) -> Result<Vec<f64>> {
        let per_unit = strided(&self.reader.read(name)?, self.reader.extent.forced, self.forced);
        Ok(per_unit.into_iter().map(|value| self.size * value).collect())
    }

    fn of_learned(&self, name: &str) -> Result<Vec<f64>> {
        Ok(strided(&self.reader.read(name)?, self.reader.learning_errors(), self.learned))
    }

    fn bound(&self, name: &str) -> Result<Option<Vec<f64>>> {
        if self.reader.extent.bounded { self.of_learned(name).map(Some) } else { Ok(None) }
    }

    fn displacement(&self) -> Result<Explained> {
        let dim = self.reader.system.dim();
        let (x, moved) = (self.reader.read("x")?, self.reader.read("perturbed_x")?);
        let zeta = self.reader.read("displacement")?;
        let rest = |(i, x): (usize, &[f64])| {
            let twin = &moved[(i * self.entries + self.entry) * dim..][..dim];
            let zeta = &zeta[(i * self.reader.extent.forced + self.forced) * dim..][..dim];
            let rest = twin.iter().zip(x).zip(zeta).map(|((twin, x), z)| (twin - x - self.size * z).powi(2));
            rest.sum::<f64>().sqrt()
        };
        let rest: Vec<f64> = x.chunks_exact(dim).enumerate().map(rest).collect();
        Ok(self.explained(&self.of_twins("shift")?, &self.first_order("first_order_total")?, &rest))
    }

    /// Sizes as measured and predicted, and how far apart the two are, sample by sample; at least one.
    fn explained(&self, measured: &[f64], predicted: &[f64], rest: &[f64]) -> Explained {
        let sum = |values: &[f64], rows: &[usize]| rows.iter().map(|&i| values[i]).sum::<f64>();
        let share = |rows: &[usize]| sum(rest, rows) / sum(measured, rows);
        Explained {
            measured: Quantiles::of(measured),
            predicted: Quantiles::of(predicted),
            missed: bootstrap(measured.len(), self.reader.request.seed, share),
        }
    }

    /// Changes of distances as measured and predicted.
    fn changes(&self, before: &[f64], after: &[f64], predicted: &[f64]) -> Explained {
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).collect::<Vec<f64>>();
        self.explained(&apart(after, before), &apart(predicted, before), &apart(after, predicted))
    }

    fn off(&self) -> Result<Option<OffSupport>> {
        let reader = self.reader;
        if !reader.extent.support {
            return Ok(None);
        }
        let mask = reader.mask("near_boundary")?;
        let counted = |values: Vec<f64>| masked(values, mask.as_deref());
        let before = counted(reader.read("middle_distance")?);
        if before.is_empty() {
            return Ok(None);
        }
        let after = counted(self.of_twins("perturbed_middle_distance")?);
        let predicted = counted(self.of_learned("predicted_distance")?);
        let stayed: Vec<f64> =
            counted(self.of_twins("jumped")?).into_iter().map(|jumped| 1.0 - jumped).collect();
        let jumped = 1.0 - stayed.iter().sum::<f64>() / stayed.len() as f64;
        let without = |values: &[f64]| masked(values.to_vec(), Some(&stayed));
        let some_jumped = jumped > 0.0 && jumped < 1.0;
        let w1 = |to: &[f64]| {
            let pick = |values: &[f64], rows: &[usize]| rows.iter().map(|&i| values[i]).collect::<Vec<_>>();
            let distance = |rows: &[usize]| wasserstein1(&pick(&before, rows), &pick(to, rows));
            bootstrap(before.len(), reader.request.seed, distance)
        };
        let shift = self.changes(&before, &after, &predicted);
        let measured: Vec<f64> =
            after.iter().zip(&before).map(|(after, before)| (after - before).abs()).collect();
        let Allowed { normal, bound, bound_inf, used, beyond } = self.allowed(&measured, &counted)?;
        Ok(Some(OffSupport {
            shift_without_jumps: some_jumped
                .then(|| self.changes(&without(&before), &without(&after), &without(&predicted))),
            shift,
            jumped,
            w1: w1(&after),
            w1_predicted: w1(&predicted),
            normal,
            bound,
            bound_inf,
            used,
            beyond,
            outward_only: !reader.extent.all_normals,
        }))
    }

    /// What the gains allow the samples that are `counted`, beside the changes of their distances as `measured`.
    fn allowed(&self, measured: &[f64], counted: &dyn Fn(Vec<f64>) -> Vec<f64>) -> Result<Allowed> {
        let normal = counted(self.first_order("first_order_normal")?);
        let bound = self.bound("learning_bound_normal")?.map(counted);
        let by_size = self.bound_by_size()?.map(counted);
        let complete = bound.as_ref().filter(|_| self.reader.extent.all_normals);
        let beyond = |bound: &Vec<f64>| {
            let count = measured.iter().zip(bound).filter(|(moved, bound)| moved > bound).count();
            count as f64 / bound.len() as f64
        };
        let used = |bound: &Vec<f64>| {
            let pairs = normal.iter().zip(bound).filter(|(_, bound)| **bound > 0.0);
            Quantiles::of_any(&pairs.map(|(normal, bound)| normal / bound).collect::<Vec<_>>())
        };
        Ok(Allowed {
            beyond: complete.map(beyond),
            used: complete.and_then(used),
            normal: Quantiles::of(&normal),
            bound: bound.as_deref().map(Quantiles::of),
            bound_inf: by_size.as_deref().map(Quantiles::of),
        })
    }

    /// √m ε G_N in the ∞-norm: G_N bounds every one of m coordinates of Nᵀζ.
    fn bound_by_size(&self) -> Result<Option<Vec<f64>>> {
        let extent = &self.reader.extent;
        if !extent.bounded {
            return Ok(None);
        }
        let directions = if extent.all_normals { self.reader.system.dim() - extent.aligned } else { 1 };
        let factor = self.size * (directions as f64).sqrt();
        let gain = self.reader.read("gain_normal_inf")?;
        Ok(Some(gain.into_iter().map(|gain| factor * gain).collect()))
    }

    fn along(&self) -> Result<Option<Shift>> {
        if !self.reader.extent.support || !self.reader.extent.tangents {
            return Ok(None);
        }
        let bound = self.bound("learning_bound_tangent")?;
        Ok(Some(Shift {
            measured: Quantiles::of(&self.of_twins("along")?),
            predicted: Quantiles::of(&self.first_order("first_order_tangent")?),
            bound: bound.as_deref().map(Quantiles::of),
        }))
    }

    fn steps(&self) -> Result<Vec<ErrorStep>> {
        let grid = self.reader.system.grid;
        let all = self.reader.read("learning_error")?;
        let rates = match self.reader.extent.bounded {
            true => Some(self.reader.read("gain_normal_rate")?),
            false => None,
        };
        let width = self.reader.learning_errors() * grid.steps;
        let step = |n: usize| {
            let lengths = strided(&all, width, self.learned * grid.steps + n);
            let harm = rates.as_ref().map(|rates| {
                let products =
                    strided(rates, grid.steps, n).iter().zip(&lengths).map(|(g, e)| g * e).collect();
                median(products)
            });
            ErrorStep { step: n, time: grid.time(n), error: median(lengths), harm }
        };
        Ok((0..grid.steps).map(step).collect())
    }
}

/// Of at least one finite value.
fn median(values: Vec<f64>) -> f64 {
    Quantiles::of(&values).q50
}
