//! The model file of a training, and samples of the model as it is on the way.

use super::Run;
use crate::data_file::SampleWriter;
use crate::failure::{Failure, Result};
use crate::model_file::text_for;
use crate::store::{TrainingDir, write_file};
use rayon::prelude::*;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use surefoot::analysis::System;
use surefoot::field::{NetworkField, SharedField};
use surefoot::law::SharedLaw;
use surefoot::process::{Drift, Grid};
use surefoot::sampler::{Method, Step};
use surefoot::sweep::{Batch, Keep, Refinement, forward};
use surefoot_graph::{Graph, Precision, WriteOptions, passes};
use toml::value::Table;

/// Samples of a tile that one thread follows.
const TILE: usize = 64;
/// Most classes that samples on the way are made of: each takes a network of its own.
const MOST_CLASSES: usize = 100;

/// How the model generates, whatever its weights.
pub struct Sampler {
    drift: Drift,
    grid: Grid,
    method: Method,
    source: SharedLaw,
}

impl Sampler {
    /// That of a system.
    pub fn of(system: System) -> Sampler {
        let System { drift, grid, method, source, .. } = system;
        Sampler { drift, grid, method, source }
    }
}

/// Samples of one class, or of no class in particular.
struct Part {
    class: Option<usize>,
    samples: Range<usize>,
}

/// Equal shares of `count` samples for the classes, in their order; for more classes than samples, or than
/// [`MOST_CLASSES`], for some of them at even distances.
fn parts(classes: Option<usize>, count: usize) -> Vec<Part> {
    let Some(classes) = classes else { return vec![Part { class: None, samples: 0..count }] };
    let shown = classes.min(MOST_CLASSES).min(count);
    let part = |p: usize| Part {
        class: Some(p * classes / shown),
        samples: p * count / shown..(p + 1) * count / shown,
    };
    (0..shown).map(part).collect()
}

impl Run {
    /// The model as it is now, in the place of the last one.
    pub(super) fn write_model(&self) -> Result<()> {
        self.write_model_as(&self.directory.file(""), "model", &self.recipe.name)
    }

    /// The model as it is now, for itself.
    pub(super) fn keep_model(&self) -> Result<()> {
        let folder = self.directory.models();
        std::fs::create_dir_all(&folder).map_err(Failure::writing(&folder))?;
        let stem = TrainingDir::kept(self.updates());
        self.write_model_as(&folder, &stem, &format!("{}-{stem}", self.recipe.name))
    }

    /// The network first, then the model file that names it.
    fn write_model_as(&self, folder: &Path, stem: &str, name: &str) -> Result<()> {
        let file = format!("{stem}.onnx");
        write_file(&folder.join(&file), &self.onnx(name)?)?;
        let text = text_for(folder, &self.model_table(name, &file), &self.recipe.model_files())?;
        write_file(&folder.join(format!("{stem}.toml")), text.as_bytes())
    }

    /// The network as an ONNX file.
    fn onnx(&self, name: &str) -> Result<Vec<u8>> {
        let network = self.trainer.network()?;
        let options = WriteOptions { name: name.into(), keep_weights: true, ..WriteOptions::default() };
        Ok(network.to_onnx(&options).map_err(surefoot::Error::from)?)
    }

    /// The model file: what the recipe says of the model, and its network.
    fn model_table(&self, name: &str, file: &str) -> Table {
        let mut field = Table::new();
        field.insert("kind".into(), "onnx".into());
        field.insert("file".into(), file.into());
        field.insert("predicts".into(), self.recipe.learning.predicts.into());
        if let Some(classes) = self.trainer.task().classes {
            // All of the data, unless a class is asked for.
            for key in ["label", "no_class"] {
                field.insert(key.into(), i64::from(classes.none).into());
            }
        }
        let mut model = Table::new();
        model.insert("name".into(), name.into());
        model.insert("field".into(), field.into());
        model.extend(self.recipe.model.clone().into_iter().filter(|(key, _)| key != "name"));
        if let Some(normalisation) = &self.prepared.normalisation {
            model.insert("normalisation".into(), normalisation.table().into());
        }
        model
    }

    /// How many classes there are.
    pub(super) fn classes(&self) -> Option<usize> {
        self.trainer.task().classes.map(|classes| classes.none as usize)
    }

    /// How many of them the samples on the way are made of.
    pub(super) fn classes_shown(&self) -> Option<usize> {
        self.classes().map(|_| parts(self.classes(), self.recipe.schedule.samples).len())
    }

    /// Samples of the model as its file has it now, through all classes where it has some.
    pub(super) fn look(&self, updates: u64) -> Result<()> {
        let graph = Graph::from_bytes(&self.onnx(&self.recipe.name)?, &self.limits);
        let graph = graph.map_err(surefoot::Error::from)?;
        let count = self.recipe.schedule.samples;
        let path = self.directory.look(updates);
        let mut writer = SampleWriter::create("samples", &path, count, self.sampler.source.dim())?;
        for part in parts(self.classes(), count) {
            let step = self.step(&graph, part.class)?;
            let tiles: Vec<Range<usize>> = part
                .samples
                .clone()
                .step_by(TILE)
                .map(|start| start..(start + TILE).min(part.samples.end))
                .collect();
            let rows = tiles.into_par_iter().map(|samples| {
                let source = self.sampler.source.as_ref();
                let seed = self.recipe.schedule.seed;
                let batch = Batch { source, seed, samples, refinement: Refinement::Own };
                forward(&step, &batch, 0, Keep::default()).map(|sweep| sweep.end)
            });
            let rows = rows.collect::<std::result::Result<Vec<_>, _>>()?;
            rows.iter().try_for_each(|rows| writer.append(rows))?;
        }
        writer.finish()
    }

    /// A step of the network at a class.
    fn step(&self, graph: &Graph, class: Option<usize>) -> Result<Step> {
        let of_class = class.map(|class| passes::labelled(graph, class as f64)).transpose();
        let of_class = of_class.map_err(|got| {
            surefoot::Error::invalid("samples of a class", "a network with labels", got, "")
        })?;
        let field: SharedField =
            Arc::new(NetworkField::new(of_class.as_ref().unwrap_or(graph), Precision::F32)?);
        let Sampler { drift, grid, method, .. } = &self.sampler;
        Ok(Step::new(Drift { field, ..drift.clone() }, *grid, *method, Vec::new())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_share_the_samples_in_their_order() {
        for (classes, count) in [(1, 1), (1, 7), (3, 10), (10, 1000), (7, 3), (250, 1000), (65_535, 1)] {
            let parts = parts(Some(classes), count);
            let shown = classes.min(count).min(MOST_CLASSES);
            assert_eq!(parts.len(), shown, "{classes} {count}");
            assert_eq!((parts[0].samples.start, parts[shown - 1].samples.end), (0, count));
            assert!(
                parts.windows(2).all(|p| p[0].samples.end == p[1].samples.start && p[0].class < p[1].class)
            );
            let sizes: Vec<usize> = parts.iter().map(|part| part.samples.len()).collect();
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
            assert!(parts.iter().all(|part| part.class.unwrap() < classes));
        }
        let all = parts(None, 5);
        assert!(all.len() == 1 && all[0].class.is_none() && all[0].samples == (0..5));
    }
}
