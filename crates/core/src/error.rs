//! One error type for the whole library: what was being done, what was expected, what came instead, what to do.

/// What leaves the finite numbers and what helps.
fn why(quantity: &str, value: f64) -> &'static str {
    if quantity.starts_with("log growth") && value == f64::NEG_INFINITY {
        "The step maps a direction to zero, so no growth can be followed: use more or fewer steps, or fewer vectors"
    } else {
        "The drift blows up there: use more steps, end the generation earlier, or make errors smaller; at step 0, look for \
         non-finite numbers in the model's weights"
    }
}

/// Everything that can go wrong in the numerics.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// An argument or a combination of settings that has no meaning.
    #[error("{operation}: expected {expected}, got {got}. {remedy}")]
    Invalid {
        /// What was being set up or computed.
        operation: String,
        /// What would have been right.
        expected: String,
        /// What came.
        got: String,
        /// What the user can do.
        remedy: String,
    },
    /// A sample path left the finite numbers.
    #[error(
        "non-finite {quantity} ({value}) in sample {sample} at step {step}. \
         {}",
        why(quantity, *value)
    )]
    NonFinite {
        /// Which quantity: state, tangent, drift.
        quantity: &'static str,
        /// Index of the sample in the whole run.
        sample: usize,
        /// Generation step n in 0..τ.
        step: usize,
        /// The offending value: NaN or ±∞.
        value: f64,
    },
    /// A training left the finite numbers.
    #[error(
        "{quantity} ({value:.3e}) at update {update}. Lower the learning rate, shorten long gradients (`clip`), or look \
         for data or noise far from zero"
    )]
    Diverged {
        /// Which quantity, and what is wrong with it: "non-finite training loss".
        quantity: &'static str,
        /// Number of the update, from 0.
        update: u64,
        /// The offending value: NaN, ±∞, or the length of a gradient whose squares are not finite in f32.
        value: f64,
    },
    /// A system with the transposed Jacobian of a step was not solved.
    #[error(
        "the system with the Jacobian of step {step} in sample {sample} was left with a relative residual of {residual:.1e}. \
         Use more steps, compute the network in f64 (precision), or follow all D vectors (-k), which solves it directly"
    )]
    Unsolved {
        /// Index of the sample in the whole run.
        sample: usize,
        /// Generation step n in 0..τ.
        step: usize,
        /// ‖z − Aᵀy‖/‖z‖.
        residual: f64,
    },
    /// A step of a generation was not undone.
    #[error(
        "step {step} could not be undone at point {sample}: a relative rest of {residual:.1e} is left. Either the sampler \
         does not generate this point, or the step contracts too strongly. Take the nearest that it generates (--near), end \
         the generation with more noise, use more steps, or compute the network in f64 (precision)"
    )]
    NotUndone {
        /// Index of the point.
        sample: usize,
        /// Generation step n in 0..τ.
        step: usize,
        /// What is left of y − F_n(x), or of the last linear system, relative to its size.
        residual: f64,
    },
    /// An imported network cannot be used.
    #[error(transparent)]
    Graph(#[from] surefoot_graph::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Shorthand for [`Error::Invalid`].
    pub fn invalid(
        operation: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Error::Invalid {
            operation: operation.into(),
            expected: expected.into(),
            got: got.into(),
            remedy: remedy.into(),
        }
    }
}
