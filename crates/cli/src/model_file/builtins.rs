//! Model files compiled in.

use std::fmt::Write;

/// A model file compiled in.
#[derive(Debug, Clone)]
pub struct Builtin {
    /// Name after `builtin:`.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// `[field]` without `kind`.
    field: &'static str,
    process: Setting,
}

#[derive(Debug, Clone, Copy)]
enum Setting {
    /// CdC's ou process with the cosine schedule.
    Ou { noise_level: f64 },
    /// Song et al.'s vp process with the linear schedule.
    Vp { noise_level: f64 },
}

const ODE_OU: Setting = Setting::Ou { noise_level: 0.0 };
const SDE_OU: Setting = Setting::Ou { noise_level: 1.0 };
const ODE_VP: Setting = Setting::Vp { noise_level: 0.0 };

macro_rules! builtin {
    ($name:literal, $process:expr, $field:literal, $description:literal) => {
        Builtin { name: $name, description: $description, field: $field, process: $process }
    };
}

/// All of them. Those that end in `-ode` and `-sde` differ in the noise level alone.
pub const BUILTINS: [Builtin; 15] = [
    builtin!(
        "two-moons-sgm",
        SDE_OU,
        "data = \"two-moons\"",
        "The paper's two moons: exact score of the curve measure, reverse SDE"
    ),
    builtin!("two-moons-sgm-ode", ODE_OU, "data = \"two-moons\"", "The same along the probability-flow ODE"),
    builtin!("two-moons-sgm-sde", SDE_OU, "data = \"two-moons\"", "The same along the reverse SDE"),
    builtin!(
        "circle",
        ODE_VP,
        "data = \"circle\"\nradius = 2.0",
        "Uniform on a circle: radial flow, tangents exact"
    ),
    builtin!("spiral", ODE_VP, "data = \"spiral\"", "Archimedean spiral, uniform in the angle"),
    builtin!("trefoil", ODE_VP, "data = \"trefoil\"", "Planar trefoil, which crosses itself"),
    builtin!(
        "eight-gaussians",
        ODE_VP,
        "data = \"eight-gaussians\"",
        "Eight Gaussians on a circle; support of full dimension: discs of three standard deviations"
    ),
    builtin!(
        "gaussian",
        SDE_OU,
        "data = \"gaussian\"\nvariances = [1.0, 0.25, 0.05]",
        "Gaussian of full rank in R^3; no support"
    ),
    builtin!(
        "gaussian-singular",
        SDE_OU,
        "data = \"gaussian\"\nvariances = [1.0, 0.25, 0.0]",
        "Gaussian on a plane in R^3: everything known in closed form"
    ),
    builtin!(
        "gaussian-singular-ode",
        ODE_OU,
        "data = \"gaussian\"\nvariances = [1.0, 0.25, 0.0]",
        "The same along the probability-flow ODE"
    ),
    builtin!(
        "sphere",
        ODE_VP,
        "data = \"sphere\"",
        "Uniform on the sphere S^2 in R^3: radial flow, tangents exact"
    ),
    builtin!("swiss-roll", ODE_VP, "data = \"swiss-roll\"", "Swiss roll in R^3, with its edges"),
    builtin!(
        "torus",
        ODE_VP,
        "data = \"torus\"\nmajor = 2.0\nminor = 1.0",
        "Uniform in area on a torus in R^3"
    ),
    builtin!(
        "disc",
        ODE_VP,
        "data = \"disc\"",
        "Uniform on a disc: support of full dimension, alignment at its boundary"
    ),
    builtin!(
        "disc-sde",
        Setting::Vp { noise_level: 1.0 },
        "data = \"disc\"",
        "The same along the reverse SDE"
    ),
];

impl Builtin {
    /// The builtin of that name.
    pub fn find(name: &str) -> Option<&'static Builtin> {
        BUILTINS.iter().find(|builtin| builtin.name == name)
    }

    /// Its model file.
    pub fn text(&self) -> String {
        let mut text = format!(
            "# {}.\nname = \"{}\"\n\n[field]\nkind = \"analytic\"\n{}\n",
            self.description, self.name, self.field
        );
        let (process, sampler) = match self.process {
            Setting::Ou { noise_level } => (
                format!(
                    "kind = \"ou\"\nschedule = {{ kind = \"cosine\" }}\nnoise_level = {noise_level:?}\nstart = 0.9\nend = 0.02"
                ),
                "method = \"euler\"\nsteps = 500",
            ),
            Setting::Vp { noise_level } => (
                format!(
                    "kind = \"vp\"\nschedule = {{ kind = \"linear\", min = 0.1, max = 20.0 }}\nnoise_level = {noise_level:?}\nstart = 1.0\nend = 0.001"
                ),
                if noise_level == 0.0 {
                    "method = \"heun\"\nsteps = 400"
                } else {
                    "method = \"euler\"\nsteps = 1000"
                },
            ),
        };
        let _ =
            write!(text, "\n[process]\n{process}\n\n[source]\nkind = \"marginal\"\n\n[sampler]\n{sampler}\n");
        text
    }
}
