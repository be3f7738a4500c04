//! An imported network as a field.

use super::{Field, Moment};
use surefoot_graph::{Graph, Network, Precision};

use crate::error::Result;

/// A network f(t, x) read from a model file; it sees the moment's time only.
///
/// State, tangents and cotangents are f64; inside, the network computes in its own precision. Several threads may call at
/// once; where a sample is heavy enough, a call uses the threads of rayon's pool.
pub struct NetworkField {
    network: Network,
}

impl NetworkField {
    /// Compiles a graph in a precision.
    ///
    /// # Errors
    /// If the graph is not a model with input x and output y, or exceeds the memory limit it was read with.
    pub fn new(graph: &Graph, precision: Precision) -> Result<Self> {
        Ok(NetworkField { network: Network::new(graph, precision)? })
    }

    /// Shape of a sample, as in the model file.
    pub fn sample_shape(&self) -> &[usize] {
        self.network.sample_shape()
    }
}

impl From<Network> for NetworkField {
    fn from(network: Network) -> Self {
        NetworkField { network }
    }
}

impl Field for NetworkField {
    fn dim(&self) -> usize {
        self.network.dim()
    }

    fn held_bytes(&self, second: bool) -> u64 {
        self.network.held_bytes(second)
    }

    fn eval(&self, at: Moment, x: &[f64], y: &mut [f64]) {
        self.network.value(at.time, x, y);
    }

    fn tangents(&self, at: Moment, x: &[f64], v: &[f64], y: &mut [f64], jv: &mut [f64]) {
        self.network.tangents(at.time, x, v, y, jv);
    }

    fn adjoint(&self, at: Moment, x: &[f64], u: &[f64], y: &mut [f64], uj: &mut [f64]) {
        self.network.adjoint(at.time, x, u, y, uj);
    }

    fn second(
        &self,
        at: Moment,
        x: &[f64],
        u: &[f64],
        v: &[f64],
        y: &mut [f64],
        d2: &mut [f64],
    ) -> Result<()> {
        Ok(self.network.second(at.time, x, u, v, y, d2)?)
    }

    fn second_adjoint(
        &self,
        at: Moment,
        x: &[f64],
        v: &[f64],
        u: &[f64],
        y: &mut [f64],
        out: &mut [f64],
    ) -> Result<()> {
        Ok(self.network.second_adjoint(at.time, x, v, u, y, out)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use surefoot_graph::Limits;

    #[test]
    fn tangent_and_adjoint_agree_at_the_moments_time() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-cfm.onnx");
        let graph = Graph::read(path, &Limits::default()).unwrap();
        let field = NetworkField::new(&graph, Precision::F64).unwrap();
        let (x, v, u) = ([0.3, -1.2], [1.0, 0.4], [-0.7, 2.0]);
        let mut values = [[0.0; 2]; 2];
        for (time, value) in [0.2, 0.9].into_iter().zip(&mut values) {
            let at = Moment { time, signal: time, noise: 1.0 - time };
            let (mut y, mut jv, mut uj) = ([0.0; 2], [0.0; 2], [0.0; 2]);
            field.tangents(at, &x, &v, value, &mut jv);
            field.adjoint(at, &x, &u, &mut y, &mut uj);
            assert_eq!(y, *value);
            let (left, right) = (u[0] * jv[0] + u[1] * jv[1], uj[0] * v[0] + uj[1] * v[1]);
            assert!((left - right).abs() < 1e-13 * left.abs(), "{left} {right}");
        }
        assert_ne!(values[0], values[1]);
    }

    #[test]
    fn second_order_pairs_with_differences_of_the_adjoint() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-cfm.onnx");
        let graph = Graph::read(path, &Limits::default()).unwrap();
        let field = NetworkField::new(&graph, Precision::F64).unwrap();
        let at = Moment { time: 0.4, signal: 0.4, noise: 0.6 };
        let (x, u, v, w) = ([0.3, -1.2], [1.0, 0.4], [-0.7, 2.0], [0.5, 0.8]);
        let (mut y, mut d2) = ([0.0; 2], [0.0; 2]);
        field.second(at, &x, &u, &v, &mut y, &mut d2).unwrap();
        let h = 1e-6;
        let paired = |sign: f64| {
            let (mut y, mut wj) = ([0.0; 2], [0.0; 2]);
            field.adjoint(at, &[x[0] + sign * h * v[0], x[1] + sign * h * v[1]], &w, &mut y, &mut wj);
            wj[0] * u[0] + wj[1] * u[1]
        };
        let difference = (paired(1.0) - paired(-1.0)) / (2.0 * h);
        let pairing = w[0] * d2[0] + w[1] * d2[1];
        assert!((pairing - difference).abs() < 1e-7 * pairing.abs().max(1.0), "{pairing} {difference}");
    }
}
