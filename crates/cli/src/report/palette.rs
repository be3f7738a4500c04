//! One meaning, one colour: the roles that marks play in every figure. The colours are those of Okabe and Ito
//! (2008), darkened or lightened for contrast; roles that meet in one panel also differ in their dashes.

/// What a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The support of the data, the target.
    Target,
    /// What the unperturbed model generates.
    Generated,
    /// Noise, the start of a generation.
    Noise,
    /// Vectors and exponents of one forward sweep.
    Qr,
    /// Exact finite-time vectors and exponents.
    Svd,
    /// What a random direction would give.
    Null,
    /// First-order prediction.
    Prediction,
    /// A field drawn as arrows.
    Field,
    /// Where an error makes samples more likely.
    More,
    /// Where an error makes samples less likely.
    Less,
    /// What an error of a kind does; by place in the list of kinds.
    Error(ErrorHue),
    /// One of several models; by place in the list of models.
    Model(usize),
}

/// Colours of error kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ErrorHue {
    Constant,
    Random,
    White,
    Difference,
    Coarser,
    Worst,
    Other,
}

impl Role {
    /// Role of an error kind by its name in `summary.json`.
    pub fn of_kind(kind: &str) -> Role {
        Role::Error(match kind {
            "constant" => ErrorHue::Constant,
            "random" => ErrorHue::Random,
            "white" => ErrorHue::White,
            "difference" => ErrorHue::Difference,
            "coarser" => ErrorHue::Coarser,
            "worst" | "worst-l2" => ErrorHue::Worst,
            _ => ErrorHue::Other,
        })
    }

    /// CSS class that carries the colour.
    pub fn class(self) -> String {
        match self {
            Role::Target => "target".into(),
            Role::Generated => "generated".into(),
            Role::Noise => "noise".into(),
            Role::Qr => "qr".into(),
            Role::Svd => "svd".into(),
            Role::Null => "null".into(),
            Role::Prediction => "prediction".into(),
            Role::Field => "field".into(),
            Role::More => "more".into(),
            Role::Less => "less".into(),
            Role::Error(hue) => format!("error-{}", format!("{hue:?}").to_lowercase()),
            Role::Model(index) => format!("model-{}", index % 8),
        }
    }

    /// Dashes of its lines; empty for a solid one.
    pub fn dashes(self) -> &'static str {
        match self {
            Role::Qr => "6 3",
            Role::Null => "2 3",
            Role::Prediction => "7 4",
            Role::Error(ErrorHue::Random) => "8 3",
            Role::Error(ErrorHue::White) => "3 2",
            Role::Error(ErrorHue::Difference) => "9 3 2 3",
            Role::Error(ErrorHue::Coarser) => "2 2",
            Role::Error(ErrorHue::Worst) => "10 2",
            Role::Model(index) => ["", "7 3", "3 2", "9 3 2 3", "1 2", "12 3", "5 2 1 2", "2 4"][index % 8],
            _ => "",
        }
    }
}
