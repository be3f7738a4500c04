//! Weights packed once for all derivatives of a network.

use super::spatial::Layer;
use crate::ir::{Role, Window};
use crate::kernels::{Element, Packed};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Weights packed before. They are known by the numbers of the graph that they hold, which outlive them.
pub(crate) struct Weights<T: 'static>(Mutex<Known<T>>);

/// The weights known so far.
struct Known<T: 'static> {
    /// Matrices by where their numbers lie, and their shape.
    matrices: HashMap<(usize, [usize; 2]), Arc<Packed<T>>>,
    layers: Vec<KnownLayer<T>>,
}

/// A convolution by where its numbers lie, its role and its geometry.
struct KnownLayer<T: 'static> {
    numbers: usize,
    role: Role,
    window: Arc<Window>,
    layer: Arc<Layer<T>>,
}

impl<T> Default for Weights<T> {
    fn default() -> Self {
        Weights(Mutex::new(Known { matrices: HashMap::new(), layers: Vec::new() }))
    }
}

impl<T: Element> Weights<T> {
    fn known(&self) -> MutexGuard<'_, Known<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A matrix, row-major, packed for products from the right.
    pub(super) fn matrix(&self, values: &[f64], [rows, columns]: [usize; 2]) -> Arc<Packed<T>> {
        let key = (values.as_ptr() as usize, [rows, columns]);
        let pack = || Arc::new(Packed::new(values, rows, columns));
        self.known().matrices.entry(key).or_insert_with(pack).clone()
    }

    /// A convolution with weights of a shape.
    pub(super) fn layer(
        &self,
        values: &Arc<[f64]>,
        shape: &[usize],
        window: &Arc<Window>,
        role: Role,
    ) -> Arc<Layer<T>> {
        let numbers = values.as_ptr() as usize;
        let mut known = self.known();
        let same = |known: &&KnownLayer<T>| {
            known.numbers == numbers && known.role == role && known.window == *window
        };
        if let Some(known) = known.layers.iter().find(same) {
            return known.layer.clone();
        }
        let layer = Arc::new(Layer::new(window, role, shape, Some(values)));
        known.layers.push(KnownLayer { numbers, role, window: window.clone(), layer: layer.clone() });
        layer
    }
}
