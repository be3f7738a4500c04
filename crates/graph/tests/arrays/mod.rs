//! Reference arrays in `.npz` files.

use npyz::NpyFile;
use std::fs::File;
use std::path::Path;
use zip::ZipArchive;

/// An array of f32 or f64 as f64.
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

/// An `.npz` file.
pub struct Arrays(ZipArchive<File>);

impl Arrays {
    pub fn open(path: &Path) -> Arrays {
        let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Arrays(ZipArchive::new(file).unwrap())
    }

    pub fn get(&mut self, name: &str) -> Array {
        self.find(name).unwrap_or_else(|| panic!("no array {name}"))
    }

    /// The array, if there is one of the name.
    pub fn find(&mut self, name: &str) -> Option<Array> {
        let file = NpyFile::new(self.0.by_name(&format!("{name}.npy")).ok()?).unwrap();
        let shape = file.shape().iter().map(|&d| d as usize).collect();
        let values = if file.dtype().num_bytes() == Some(4) {
            file.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect()
        } else {
            file.into_vec::<f64>().unwrap()
        };
        Some(Array { shape, values })
    }
}

/// max |a − b| / max |b|.
pub fn deviation(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let difference = |(a, b): (&f64, &f64)| (a - b).abs();
    // NaN counts as the largest of all.
    a.iter().zip(b).map(difference).fold(0.0, |m: f64, d| if d > m || d.is_nan() { d } else { m }) / largest
}
