//! `[data]`: what is trained on.

use crate::data_file;
use crate::failure::{Failure, Result};
use crate::model_file::{
    DataSpec, Files, Mapped, Mapping, NamedFile, Normalisation, Section, SupportSpec, law_on,
};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use surefoot::field::{Data, SharedField};
use surefoot::law::{Blurred, SharedLaw};
use surefoot::support::Shape;
use surefoot::train::{Rows, TrainingSet};
use surefoot_graph::Limits;
use toml::value::Table;

/// `[data]`, understood.
#[derive(Debug, Clone)]
pub struct DataRecipe {
    origin: Origin,
    /// What is done with a file's numbers.
    mapping: Mapping,
    /// Share of a file's rows that is kept for validation.
    validation: f64,
}

#[derive(Debug, Clone)]
enum Origin {
    /// A law with Gaussian noise of a standard deviation.
    Law { data: Data, noise: f64 },
    /// A law on the support of the recipe, with noise as well.
    Support { noise: f64 },
    /// Rows of a file, with the classes of another.
    File { file: PathBuf, labels: Option<PathBuf> },
    /// A folder of images.
    Folder(PathBuf),
}

/// The data, ready to be drawn from.
pub struct Prepared {
    /// To learn from.
    pub training: TrainingSet,
    /// Kept apart; the law itself where there is one.
    pub validation: TrainingSet,
    /// What the validation is taken on.
    pub validated: Validated,
    /// Data as they are, to be shown beside generated samples.
    pub shown: TrainingSet,
    /// Shape of a sample.
    pub shape: Vec<usize>,
    /// Number of classes, where the data have labels.
    pub classes: Option<usize>,
    /// Names of the classes in the order of their labels, where folders of images are classes.
    pub class_names: Option<Vec<String>>,
    /// From the numbers that are learned back to those of the files, where they differ.
    pub normalisation: Option<Normalisation>,
}

/// What a validation is taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validated {
    /// New draws of a law.
    Draws,
    /// Rows that are not trained on.
    Apart {
        /// How many.
        rows: usize,
        /// Of how many rows.
        of: usize,
        /// Whether none were asked for, and one was taken all the same.
        unasked: bool,
    },
    /// The only row there is.
    OnlyRow,
}

impl Prepared {
    /// Draws of a law.
    fn drawn(law: SharedLaw) -> Prepared {
        let shape = vec![law.dim()];
        let set = TrainingSet::Law(law);
        Prepared {
            normalisation: None,
            training: set.clone(),
            shown: set.clone(),
            validation: set,
            validated: Validated::Draws,
            shape,
            classes: None,
            class_names: None,
        }
    }

    /// Which label is which class, where the classes have names.
    pub fn class_note(&self) -> Option<String> {
        /// Classes that are named.
        const MOST: usize = 20;
        let names = self.class_names.as_ref()?;
        let mut list: Vec<String> =
            names.iter().take(MOST).enumerate().map(|(label, name)| format!("{label} = {name:?}")).collect();
        if names.len() > MOST {
            list.push("…".into());
        }
        Some(format!("classes: {}", list.join(", ")))
    }
}

impl Validated {
    /// The part of `rows` that was taken apart for a share of them.
    pub fn of(rows: &Rows, apart: &Rows, share: f64) -> Validated {
        let of = rows.count();
        let unasked = (share * of as f64).round() < 1.0;
        if of == 1 { Validated::OnlyRow } else { Validated::Apart { rows: apart.count(), of, unasked } }
    }

    /// In words, after "validation".
    pub fn describe(&self) -> String {
        match *self {
            Validated::Draws => "on new draws of the law".into(),
            Validated::Apart { rows: 1, of, .. } => format!("on 1 of the {of} rows, which is not trained on"),
            Validated::Apart { rows, of, .. } => {
                format!("on {rows} of the {of} rows, which are not trained on")
            }
            Validated::OnlyRow => "on the only row, which is trained on too".into(),
        }
    }

    /// What to think of it, where it is taken on next to nothing.
    pub fn note(&self) -> Option<String> {
        match self {
            Validated::Apart { unasked: true, .. } | Validated::OnlyRow => Some(format!(
                "the validation is taken {}: its loss says little (`validation` is the share of rows that is kept apart, one \
                 row at least)",
                self.describe()
            )),
            Validated::Draws | Validated::Apart { .. } => None,
        }
    }
}

/// Data whose law is known in closed form.
pub struct Known {
    /// Law of the data, with its noise.
    pub law: SharedLaw,
    /// The exact score of m X_0 + σ Z.
    pub score: SharedField,
}

impl DataRecipe {
    /// Reads `[data]`; beside given pairs (`beside`) nothing of it is learned, and it takes neither labels nor a share for
    /// validation.
    ///
    /// # Errors
    /// Bad keys or values, files that are not there.
    pub fn read(section: &Section, files: &Files, beside: bool) -> Result<DataRecipe> {
        let origin = Self::origin(section, files, beside)?;
        if let Origin::Law { .. } | Origin::Support { .. } = origin {
            return Ok(DataRecipe { origin, mapping: Mapping::AsTheyAre, validation: 0.0 });
        }
        let mapping = Mapping::read(section)?;
        let validation = if beside { 0.0 } else { validation_share(section)? };
        Ok(DataRecipe { origin, mapping, validation })
    }

    fn origin(section: &Section, files: &Files, beside: bool) -> Result<Origin> {
        if let Some(name) = section.text("images")? {
            return Ok(Origin::Folder(files.folder(section, ["data", "images"], &name)?));
        }
        let labels = if beside { None } else { section.text("labels")? };
        let labels = labels.map(|name| files.named(section, ["data", "labels"], &name)).transpose()?;
        let noise = || section.number_or("noise", 0.0, 0.0.., "a standard deviation ≥ 0");
        let law = |origin| match labels.is_some() {
            true => Err(section.wrong("labels", "a data file for `kind`", "a law")),
            false => Ok(origin),
        };
        if section.text("kind")?.is_some_and(|kind| kind == "support") {
            return law(Origin::Support { noise: noise()? });
        }
        match crate::model_file::data(section, files, ["data", "kind"])? {
            DataSpec::File(file) => Ok(Origin::File { file, labels }),
            DataSpec::Known(mut data) => {
                if let Data::TwoMoons { strip, .. } = &mut data {
                    *strip = section.number_or("strip", 0.0, 0.0.., "a number ≥ 0")?;
                }
                law(Origin::Law { data, noise: noise()? })
            }
        }
    }

    /// Law and exact score, or in words why they are not known.
    pub fn known(&self) -> std::result::Result<Known, String> {
        match &self.origin {
            Origin::Law { data: Data::TwoMoons { strip, .. }, .. } if *strip > 0.0 => {
                Err("the score of two moons with a strip has no exact form here; with strip = 0 it has one".into())
            }
            Origin::Law { data, noise } => {
                let known = || Ok(Known { law: data.law(*noise)?, score: data.score(*noise)? });
                known().map_err(|error: surefoot::Error| error.to_string())
            }
            Origin::Support { .. } => {
                Err("the exact score is known for laws by their names, not for every support".into())
            }
            Origin::File { .. } | Origin::Folder(_) => Err(
                "of data in files only the score of the points themselves is known, and a model that had it would \
                 generate nothing but these; a law by its name has an exact score"
                    .into(),
            ),
        }
    }

    /// `[support]` of the model where the recipe has none: that of the data.
    pub fn support(&self) -> Option<(Table, Option<NamedFile>)> {
        match &self.origin {
            Origin::Law { data, .. } => Some((support_of(data)?, None)),
            Origin::File { file, .. } => {
                let mut table = Table::new();
                table.insert("reference".into(), file.display().to_string().into());
                table.extend(self.mapping.entry());
                Some((table, Some(NamedFile { key: ["support", "reference"], path: file.clone() })))
            }
            Origin::Support { .. } | Origin::Folder(_) => None,
        }
    }

    /// The same as what it stands for.
    ///
    /// # Errors
    /// Never for a table of [`DataRecipe::support`].
    pub fn support_spec(&self, table: &Table) -> Result<SupportSpec> {
        match &self.origin {
            Origin::File { file, .. } => {
                let (file, mapping) = (file.clone(), self.mapping);
                Ok(SupportSpec::Reference { file, mapping, dimension: None, neighbours: None })
            }
            Origin::Law { .. } | Origin::Support { .. } | Origin::Folder(_) => {
                let shape = Shape::deserialize(toml::Value::Table(table.clone()))
                    .map_err(|error| Failure::Usage(format!("support of the data: {}", error.message())))?;
                Ok(SupportSpec::Shape(shape))
            }
        }
    }

    /// Reads the files; `support` is that of the recipe.
    ///
    /// # Errors
    /// Unreadable data, labels that do not fit, no support to draw on.
    pub fn prepare(&self, seed: u64, support: &SupportSpec, limits: &Limits) -> Result<Prepared> {
        let (array, labels, class_names, place) = match &self.origin {
            Origin::Law { data, noise } => return Ok(Prepared::drawn(data.law(*noise)?)),
            Origin::Support { noise } => {
                return Ok(Prepared::drawn(Blurred::by(law_on(support, limits)?, *noise)));
            }
            Origin::File { file, labels } => {
                let array = data_file::points(file)?;
                let labels =
                    labels.as_deref().map(|labels| data_file::labels(labels, array.rows())).transpose()?;
                (array, labels, None, file)
            }
            Origin::Folder(folder) => {
                let images = data_file::images(folder)?;
                let (labels, names) = images.classes.map(|classes| (classes.labels, classes.names)).unzip();
                (images.array, labels, names, folder)
            }
        };
        let (shape, dim) = (array.shape[1..].to_vec(), array.row_len());
        if shape.is_empty() {
            return Err(Failure::Value {
                place: place.display().to_string(),
                what: "shape".into(),
                expected: "an array [rows, coordinates]".into(),
                got: format!("[{}]", array.rows()),
                remedy: format!("Make it [{}, 1] for rows of one number: x.reshape(-1, 1)", array.rows()),
            });
        }
        let numbered = array.values.iter().copied().enumerate();
        let largest = numbered.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
        let Mapped { values, normalisation } = self.mapping.apply(array)?;
        let outside = values.iter().any(|value| !(*value as f32).is_finite());
        if let Some((index, value)) = largest.filter(|_| outside) {
            return Err(Failure::Value {
                place: place.display().to_string(),
                what: format!("row {}", index / dim),
                expected: "numbers that are within the range of f32 as they are learned".into(),
                got: format!("{value:e}, the largest"),
                remedy: "Leave out what does not belong there, or map the data with `scale`".into(),
            });
        }
        let classes = labels.as_ref().and_then(|labels| labels.iter().max()).map(|most| *most as usize + 1);
        let values = values.iter().map(|value| *value as f32).collect();
        let rows = Rows::new(dim, values, labels.map(Arc::from));
        let [training, validation] = rows.split(self.validation, seed);
        let validated = Validated::of(&rows, &validation, self.validation);
        let [training, validation] = [training, validation].map(TrainingSet::Rows);
        let shown = validation.clone();
        Ok(Prepared { training, validation, validated, shown, shape, classes, class_names, normalisation })
    }
}

/// `validation`: the share of rows that is kept apart.
pub(super) fn validation_share(section: &Section) -> Result<f64> {
    section.number_or("validation", 0.1, 0.0..=0.9, "a share from 0 to 0.9")
}

/// `[support]` of a sphere in the leading coordinates of a space.
fn support_of_sphere(dim: usize, ambient: usize, radius: f64) -> Table {
    let mut sphere = Table::new();
    sphere.insert("kind".into(), "sphere".into());
    sphere.insert("dim".into(), (dim as i64).into());
    sphere.insert("radius".into(), radius.into());
    if ambient == dim {
        return sphere;
    }
    let mut rest = Table::new();
    rest.insert("kind".into(), "affine".into());
    rest.insert("point".into(), vec![0.0; ambient - dim].into());
    let mut product = Table::new();
    product.insert("kind".into(), "product".into());
    product.insert("factors".into(), vec![sphere, rest].into());
    product
}

/// `[support]` of a law.
fn support_of(data: &Data) -> Option<Table> {
    let (kind, numbers): (&str, Vec<(&str, f64)>) = match *data {
        Data::TwoMoons { scale, shift, strip } => {
            ("two-moons", vec![("scale", scale), ("shift", shift), ("strip", strip)])
        }
        Data::Circle { radius } => ("circle", vec![("radius", radius)]),
        Data::Spiral { pitch } => ("spiral", vec![("pitch", pitch)]),
        Data::Sphere { radius } => ("sphere", vec![("radius", radius)]),
        Data::Torus { major, minor } => ("torus", vec![("major", major), ("minor", minor)]),
        Data::SwissRoll { pitch, height } => ("swiss-roll", vec![("pitch", pitch), ("height", height)]),
        Data::Disc { radius } => ("disc", vec![("radius", radius)]),
        Data::HighSphere { dim, ambient, radius } => return Some(support_of_sphere(dim, ambient, radius)),
        Data::EightGaussians { .. } | Data::Gaussian { .. } | Data::Trefoil | Data::Points { .. } => {
            return None;
        }
    };
    let mut table = Table::new();
    table.insert("kind".into(), kind.into());
    if kind == "sphere" {
        table.insert("dim".into(), 3.into());
    }
    table.extend(numbers.into_iter().map(|(key, value)| (key.to_string(), value.into())));
    Some(table)
}
