//! Gauss–Legendre nodes and weights.

/// Nodes and weights of a rule on [−1, 1].
#[derive(Debug, Clone)]
pub struct GaussLegendre {
    /// Nodes, ascending.
    pub nodes: Vec<f64>,
    /// Weights; they sum to 2.
    pub weights: Vec<f64>,
}

impl GaussLegendre {
    /// The rule of `count` ≥ 1 nodes, exact for polynomials of degree 2 count − 1.
    pub fn new(count: usize) -> Self {
        let mut rule = GaussLegendre { nodes: vec![0.0; count], weights: vec![0.0; count] };
        for i in 0..count.div_ceil(2) {
            let guess = std::f64::consts::PI * (i as f64 + 0.75) / (count as f64 + 0.5);
            let mut z = guess.cos();
            for _ in 0..8 {
                let (value, slope) = legendre(count, z);
                z -= value / slope;
            }
            let (_, slope) = legendre(count, z);
            let weight = 2.0 / ((1.0 - z) * (1.0 + z) * slope * slope);
            for (index, node) in [(i, -z), (count - 1 - i, z)] {
                rule.nodes[index] = node;
                rule.weights[index] = weight;
            }
        }
        if count % 2 == 1 {
            rule.nodes[count / 2] = 0.0;
        }
        rule
    }
}

/// P_n(z) and P_n′(z) by the three-term recurrence.
fn legendre(n: usize, z: f64) -> (f64, f64) {
    let (mut before, mut now) = (1.0, z);
    for j in 1..n {
        let j = j as f64;
        (before, now) = (now, ((2.0 * j + 1.0) * z * now - j * before) / (j + 1.0));
    }
    (now, n as f64 * (z * now - before) / ((z - 1.0) * (z + 1.0)))
}
