//! What is asked of an analysis.

use crate::error::{Error, Result};
use crate::error_field::Place;
use crate::field::SharedField;
use crate::gains::ErrorNorm;
use crate::response::Observable;
use serde::{Deserialize, Serialize};
use surefoot_graph::passes::WeightFormat;

/// A kind of model error (theory §3).
#[derive(Clone)]
pub enum ErrorKind {
    /// The same vector everywhere, scaled to ∞-norm 1.
    Constant {
        /// Its direction, `[D]`.
        direction: Vec<f64>,
    },
    /// A smooth random field (random Fourier features).
    Random {
        /// Length scale in state space.
        length_scale: f64,
        /// Whether it also varies in time (with the length of the generation as its scale) or is frozen.
        time_dependent: bool,
    },
    /// White in time.
    White,
    /// What another model's field has and this one's has not, as a field at the request's place.
    Difference {
        /// The other model's name.
        model: String,
        /// χ before scaling.
        field: SharedField,
    },
    /// The network with its weights in fewer bits, in place of another model.
    Rounded {
        /// How the weights are stored.
        format: WeightFormat,
        /// χ before scaling.
        field: SharedField,
    },
    /// Coarser time steps; sizes are integer factors.
    Coarser,
    /// The error that to first order carries every sample as far off the support as its size allows (theory §8).
    Worst {
        /// The norm in which sizes are meant.
        norm: ErrorNorm,
    },
}

impl ErrorKind {
    /// Name used in `summary.json`.
    pub fn name(&self) -> &'static str {
        match self {
            ErrorKind::Constant { .. } => "constant",
            ErrorKind::Random { .. } => "random",
            ErrorKind::White => "white",
            ErrorKind::Difference { .. } => "difference",
            ErrorKind::Rounded { format: WeightFormat::F16, .. } => "round-f16",
            ErrorKind::Rounded { format: WeightFormat::Bf16, .. } => "round-bf16",
            ErrorKind::Rounded { format: WeightFormat::Int8, .. } => "round-int8",
            ErrorKind::Coarser => "coarser",
            ErrorKind::Worst { norm: ErrorNorm::Infinity } => "worst",
            ErrorKind::Worst { norm: ErrorNorm::Two } => "worst-l2",
        }
    }

    /// χ before scaling of an error that is another model's difference to this one: it has a size of its own.
    pub fn learning_error(&self) -> Option<&SharedField> {
        match self {
            ErrorKind::Difference { field, .. } | ErrorKind::Rounded { field, .. } => Some(field),
            _ => None,
        }
    }
}

/// One kind of error at several sizes.
#[derive(Clone)]
pub struct ErrorRequest {
    /// What kind.
    pub kind: ErrorKind,
    /// Where it acts.
    pub place: Place,
    /// ε as typed (∞-norm; factors for [`ErrorKind::Coarser`]). A learning error has its own measured size besides, at
    /// which the perturbed model is the other model.
    pub sizes: Vec<f64>,
}

impl ErrorRequest {
    /// Whether the error's own measured size comes after those typed.
    fn adds_own_size(&self) -> bool {
        self.sizes.is_empty() || self.kind.learning_error().is_some()
    }

    /// Number of sizes, the error's own included.
    pub fn entries(&self) -> usize {
        self.sizes.len() + usize::from(self.adds_own_size())
    }
}

/// How exact vectors are searched for where k < D ([`crate::spectrum::leading`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchRequest {
    /// Leading samples whose vectors are searched for.
    pub samples: usize,
    /// Further vectors that are carried along.
    pub extra: usize,
    /// Most rounds, each a sweep forth and one back.
    pub rounds: usize,
    /// Residual at which a vector has converged.
    pub tolerance: f64,
}

/// What to compute.
#[derive(Clone)]
pub struct Request {
    /// Number of sample paths.
    pub samples: usize,
    /// k.
    pub vectors: usize,
    /// Seed of all random streams.
    pub seed: u64,
    /// Model errors.
    pub errors: Vec<ErrorRequest>,
    /// Exponents, vectors and alignment (off for the robustness experiment alone).
    pub spectrum: bool,
    /// Exact vectors where k < D; with k = D all samples have them.
    pub search: Option<SearchRequest>,
    /// How far the samples that are searched are moved along their vectors; `None` for 0.3 ‖x_τ‖.
    pub moved: Option<f64>,
    /// Gains and error budget for errors at this place; needs a support.
    pub gains: Option<Place>,
    /// Observables whose response is computed; `None` for no response at all.
    pub observables: Option<Vec<Observable>>,
    /// Probes of the response and of the pathwise score, a step and sample ([`crate::sweep::Probes::of`]); `None` for the exact form
    /// up to D = 16 and none beyond.
    pub response_probes: Option<usize>,
    /// How many leading samples the sufficient condition is examined on; needs a support and exact second derivatives.
    pub condition: usize,
    /// Alignment of the perturbed model at every error (Lemma 4.4).
    pub regularity: bool,
    /// d = D: how near to the topological boundary a point must be to count for the alignment.
    pub boundary_distance: f64,
    /// How many leading samples keep their whole path and frames, for figures and covariant vectors.
    pub paths: usize,
    /// How many leading samples are repeated with twice the steps (theory §11.7).
    pub convergence: usize,
    /// Samples computed and saved together.
    pub chunk: usize,
    /// Bytes that samples under way and their finished columns may take, over all threads.
    pub memory: u64,
}

/// One entry of the robustness list: an error kind at one size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Perturbation {
    /// Index into [`Request::errors`].
    pub error: usize,
    /// Name of the error, see [`Request::error_names`].
    pub kind: String,
    /// ε.
    pub size: f64,
}

impl Request {
    /// Most sample paths of a run.
    pub const MOST_SAMPLES: usize = 1_000_000_000;

    /// Name of every error: its kind, numbered where an earlier error is of the same kind.
    pub fn error_names(&self) -> Vec<String> {
        let name = |index: usize| {
            let kind = self.errors[index].kind.name();
            match self.errors[..index].iter().filter(|earlier| earlier.kind.name() == kind).count() {
                0 => kind.to_string(),
                earlier => format!("{kind}-{}", earlier + 1),
            }
        };
        (0..self.errors.len()).map(name).collect()
    }

    /// All (kind, size) pairs: kinds in order, sizes as typed, the own size of a learning error last. `norms` are those of
    /// [`super::error_scales`].
    pub fn perturbations(&self, norms: &[f64]) -> Vec<Perturbation> {
        let (mut list, names) = (Vec::new(), self.error_names());
        for (index, error) in self.errors.iter().enumerate() {
            let own = error.adds_own_size().then_some(norms[index]);
            for size in error.sizes.iter().copied().chain(own) {
                list.push(Perturbation { error: index, kind: names[index].clone(), size });
            }
        }
        list
    }

    /// The same of the leading `samples` alone.
    pub fn of_leading(&self, samples: usize) -> Request {
        let search =
            self.search.map(|search| SearchRequest { samples: search.samples.min(samples), ..search });
        Request {
            samples: self.samples.min(samples),
            condition: self.condition.min(samples),
            paths: self.paths.min(samples),
            convergence: self.convergence.min(samples),
            search,
            ..self.clone()
        }
    }

    /// Checks the request against D and the number of steps.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the offending setting.
    pub fn check(&self, dim: usize, steps: usize) -> Result<()> {
        if !(1..=Self::MOST_SAMPLES).contains(&self.samples) {
            return wrong(
                "samples",
                format!("1 to {}", Self::MOST_SAMPLES),
                self.samples.to_string(),
                "Choose another -n",
            );
        }
        if self.vectors == 0 || self.vectors > dim {
            return wrong(
                "vectors",
                format!("1 to {dim}, the model's dimension"),
                self.vectors.to_string(),
                "Choose another -k",
            );
        }
        if let Some(search) = &self.search
            && (search.rounds == 0 || !search.tolerance.is_finite() || search.tolerance <= 0.0)
        {
            return wrong(
                "search for exact vectors",
                "at least one round, and a finite tolerance > 0".into(),
                format!("{} rounds, tolerance {}", search.rounds, search.tolerance),
                "Choose other numbers",
            );
        }
        if let Some(size) = self.moved.filter(|size| !size.is_finite() || *size <= 0.0) {
            return wrong(
                "size of the move along vectors",
                "a finite number > 0".into(),
                size.to_string(),
                "Mend --move",
            );
        }
        self.check_errors(dim, steps)
    }

    fn check_errors(&self, dim: usize, steps: usize) -> Result<()> {
        for error in &self.errors {
            for &size in &error.sizes {
                if !size.is_finite() || size < 0.0 {
                    return wrong(
                        "error size",
                        "a finite number ≥ 0".into(),
                        size.to_string(),
                        "Mend --sizes",
                    );
                }
                if let ErrorKind::Coarser = error.kind {
                    let factor = size as usize;
                    if size.fract() != 0.0 || factor < 1 || !steps.is_multiple_of(factor) {
                        return wrong(
                            "coarser steps",
                            format!("whole factors that divide the {steps} steps"),
                            size.to_string(),
                            "Choose other factors or another number of steps",
                        );
                    }
                }
            }
            if let ErrorKind::Constant { direction } = &error.kind
                && (direction.len() != dim || direction.iter().all(|&d| d == 0.0))
            {
                return wrong(
                    "direction of the constant error",
                    format!("{dim} numbers, not all zero"),
                    format!("{direction:?}"),
                    "Mend --direction",
                );
            }
        }
        Ok(())
    }
}

fn wrong(what: &str, expected: String, got: String, remedy: &str) -> Result<()> {
    Err(Error::invalid(what, expected, got, remedy))
}
