//! Samplers against their laws: supports, measures, moments and marginals, from formulas and grids of their own.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;
use surefoot::field::Data;
use surefoot::law::{Law, Marginal};
use surefoot::random::{Purpose, stream};
use surefoot::support::Shape;

const COUNT: usize = 20_000;

/// Draws each from its own stream.
fn draws(law: &dyn Law) -> Vec<Vec<f64>> {
    let draw = |sample: usize| {
        let mut x = vec![f64::NAN; law.dim()];
        law.sample(&mut stream(20, sample as u64, Purpose::Reference), &mut x);
        x
    };
    (0..COUNT).map(draw).collect()
}

fn sharp(data: &Data) -> Vec<Vec<f64>> {
    draws(&*data.law(0.0).unwrap())
}

/// √n times the Kolmogorov–Smirnov distance of values from a distribution function; above 2 once in 1500 times.
fn misfit(mut values: Vec<f64>, law: impl Fn(f64) -> f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let gap = |(i, v): (usize, &f64)| {
        let p = law(*v);
        (p - i as f64 / n).abs().max((p - (i + 1) as f64 / n).abs())
    };
    values.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt()
}

fn assert_fits(what: &str, values: Vec<f64>, law: impl Fn(f64) -> f64) {
    let misfit = misfit(values, law);
    assert!(misfit < 2.0, "{what}: √n D = {misfit}");
}

fn assert_uniform(what: &str, values: Vec<f64>, from: f64, to: f64) {
    assert_fits(what, values, |v| ((v - from) / (to - from)).clamp(0.0, 1.0));
}

/// Independence of two uniform variables, by the uniformity of the second in each quarter of the first.
fn assert_independent(what: &str, first: &[f64], second: &[f64]) {
    let mut sorted = first.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    for quarter in 0..4 {
        let (low, high) = (sorted[quarter * COUNT / 4], sorted[(quarter + 1) * COUNT / 4 - 1]);
        let inside = first.iter().zip(second).filter(|(a, _)| (low..=high).contains(*a));
        let (least, most) = second.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
        assert_uniform(what, inside.map(|(_, b)| *b).collect(), least, most);
    }
}

fn turn(y: f64, x: f64) -> f64 {
    y.atan2(x).rem_euclid(TAU)
}

/// Φ by its series ½ + φ(z) (z + z³/3 + z⁵/(3·5) + …).
fn normal_cdf(z: f64) -> f64 {
    if z.abs() > 8.0 {
        return f64::from(z > 0.0);
    }
    let (mut term, mut sum, mut odd) = (z, 0.0, 1.0);
    while term.abs() > 1e-17 {
        sum += term;
        odd += 2.0;
        term *= z * z / odd;
    }
    0.5 + sum * (-0.5 * z * z).exp() / TAU.sqrt()
}

/// Mean and covariance `[D, D]` of weighted points.
struct Moments {
    mean: Vec<f64>,
    covariance: Vec<f64>,
}

fn moments(points: &[Vec<f64>], weight: impl Fn(usize) -> f64) -> Moments {
    let d = points[0].len();
    let total: f64 = (0..points.len()).map(&weight).sum();
    let average = |f: &dyn Fn(&[f64]) -> f64| {
        points.iter().enumerate().map(|(j, p)| weight(j) * f(p)).sum::<f64>() / total
    };
    let mean: Vec<f64> = (0..d).map(|i| average(&|p| p[i])).collect();
    let covariance =
        (0..d * d).map(|e| average(&|p| (p[e / d] - mean[e / d]) * (p[e % d] - mean[e % d]))).collect();
    Moments { mean, covariance }
}

/// A dense grid of a law's own parameters, with weights.
struct Grid {
    points: Vec<Vec<f64>>,
    weights: Vec<f64>,
}

impl Grid {
    /// Midpoints of the unit square.
    fn new(s: usize, t: usize, point: impl Fn(f64, f64) -> (Vec<f64>, f64)) -> Grid {
        let middle = |i: usize, n: usize| (i as f64 + 0.5) / n as f64;
        let (points, weights) = (0..s * t).map(|c| point(middle(c / t, s), middle(c % t, t))).unzip();
        Grid { points, weights }
    }

    fn moments(&self) -> Moments {
        moments(&self.points, |j| self.weights[j])
    }

    /// Moments within five standard errors, and the marginals along every axis and some oblique directions.
    fn assert_fits(&self, what: &str, sample: &[Vec<f64>]) {
        let (expected, found) = (self.moments(), moments(sample, |_| 1.0));
        let d = expected.mean.len();
        let deviation = |i: usize| expected.covariance[i * d + i].sqrt();
        let error = 5.0 / (COUNT as f64).sqrt();
        for i in 0..d {
            assert!((expected.mean[i] - found.mean[i]).abs() <= error * deviation(i), "{what}: mean {i}");
            for j in 0..d {
                // The fourth moments of these laws are below 3 times the squares of the second.
                let scale = 3f64.sqrt() * deviation(i) * deviation(j);
                let gap = (expected.covariance[i * d + j] - found.covariance[i * d + j]).abs();
                assert!(gap <= error * scale, "{what}: covariance {i} {j} off by {gap}");
            }
        }
        for direction in 0..d + 3 {
            let along = |p: &Vec<f64>| -> f64 {
                let part = |i: usize| {
                    if direction < d {
                        f64::from(i == direction)
                    } else {
                        ((direction * 7 + i * 3) as f64).sin()
                    }
                };
                p.iter().enumerate().map(|(i, p)| p * part(i)).sum()
            };
            let mut steps: Vec<(f64, f64)> =
                self.points.iter().map(along).zip(self.weights.iter().copied()).collect();
            steps.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
            let mut sum = 0.0;
            let total: f64 = self.weights.iter().sum();
            let below: Vec<f64> = steps
                .iter()
                .map(|(_, w)| {
                    sum += w;
                    (sum - 0.5 * w) / total
                })
                .collect();
            let law = |v: f64| below[steps.partition_point(|(p, _)| *p < v).min(steps.len() - 1)];
            assert_fits(&format!("{what} along {direction}"), sample.iter().map(along).collect(), law);
        }
    }
}

fn assert_on(shape: Shape, sample: &[Vec<f64>], tolerance: f64) {
    let support = shape.build().unwrap();
    for x in sample.iter().take(2000) {
        let foot = support.project(x);
        assert!(foot.distance <= tolerance, "{shape:?}: {x:?} lies off by {}", foot.distance);
    }
}

fn moon(scale: f64, shift: f64, lower: bool, s: f64, u: f64) -> Vec<f64> {
    let p = if lower { [1.0 - s.cos(), 0.5 - s.sin()] } else { [s.cos(), s.sin()] };
    p.iter().map(|p| scale * (p + u) + shift).collect()
}

#[test]
fn moons_are_uniform_in_the_angle_with_equal_mass() {
    let (scale, shift) = (1.7, -0.4);
    let sample = sharp(&Data::TwoMoons { scale, shift, strip: 0.0 });
    assert_on(Shape::TwoMoons { scale, shift, strip: 0.0 }, &sample, 1e-14);
    let mut angles = [Vec::new(), Vec::new()];
    for x in &sample {
        let [a, b] = [(x[0] - shift) / scale, (x[1] - shift) / scale];
        let upper = (a.hypot(b) - 1.0).abs() < 1e-9 && b > -1e-9;
        angles[usize::from(!upper)].push(if upper { b.atan2(a) } else { (0.5 - b).atan2(1.0 - a) });
    }
    let share = angles[0].len() as f64 / COUNT as f64;
    assert!((share - 0.5).abs() < 4.0 * 0.5 / (COUNT as f64).sqrt(), "upper moon {share}");
    for (moon, angles) in angles.into_iter().enumerate() {
        assert_uniform(&format!("moon {moon}"), angles, 0.0, PI);
    }
}

#[test]
fn the_strip_moves_both_coordinates_by_one_number() {
    let (scale, shift, strip) = (3.0, -1.0, 0.4);
    let sample = sharp(&Data::TwoMoons { scale, shift, strip });
    assert_on(Shape::TwoMoons { scale, shift, strip }, &sample, 1e-14);
    let grid =
        Grid::new(2000, 200, |t, u| (moon(scale, shift, t > 0.5, PI * (2.0 * t).fract(), strip * u), 1.0));
    grid.assert_fits("strip", &sample);
    // Across the diagonal the strip adds nothing: x₁ − x₂ stays within that of the curves, from −√2 to ½ + √2.
    let across = |x: &Vec<f64>| (x[0] - x[1]) / scale;
    let (least, most) = (-(2f64.sqrt()), 0.5 + 2f64.sqrt());
    assert!(sample.iter().all(|x| (least - 1e-12..=most + 1e-12).contains(&across(x))));
}

#[test]
fn closed_curves_are_uniform_in_their_parameter() {
    let sample = sharp(&Data::Circle { radius: 2.5 });
    assert_on(Shape::Circle { radius: 2.5 }, &sample, 1e-14);
    assert_uniform("circle", sample.iter().map(|x| turn(x[1], x[0])).collect(), 0.0, TAU);

    let sample = sharp(&Data::Trefoil);
    let parameter = |x: &Vec<f64>| {
        // x = 0.7 (2 + cos 3t)(cos 2t, sin 2t): half the angle or that and π, told apart by the radius.
        let excess = |t: f64| (0.7 * (2.0 + (3.0 * t).cos()) - x[0].hypot(x[1])).abs();
        let t = 0.5 * turn(x[1], x[0]);
        let t = if excess(t) < excess(t + PI) { t } else { t + PI };
        assert!(excess(t) < 1e-14);
        t
    };
    assert_uniform("trefoil", sample.iter().map(parameter).collect(), 0.0, TAU);
}

#[test]
fn the_spiral_and_the_roll_are_uniform_in_t_and_height() {
    let (start, end) = (1.5 * PI, 4.5 * PI);
    let sample = sharp(&Data::Spiral { pitch: 0.3 });
    assert_on(Shape::Spiral { pitch: 0.3, start, end }, &sample, 1e-13);
    assert_uniform("spiral", sample.iter().map(|x| x[0].hypot(x[1]) / 0.3).collect(), start, end);

    let sample = sharp(&Data::SwissRoll { pitch: 0.3, height: 2.1 });
    assert_on(Shape::SwissRoll { pitch: 0.3, height: 2.1, start, end }, &sample, 1e-13);
    let t: Vec<f64> = sample.iter().map(|x| x[0].hypot(x[2]) / 0.3).collect();
    let height: Vec<f64> = sample.iter().map(|x| x[1]).collect();
    assert_independent("roll", &t, &height);
    assert_uniform("roll's t", t, start, end);
    assert_uniform("roll's height", height, 0.0, 2.1);
}

#[test]
fn surfaces_and_the_disc_are_uniform_in_area() {
    let high = Data::HighSphere { dim: 5, ambient: 7, radius: 1.5 };
    let (law, mut x) = (high.law(0.0).unwrap(), [1.0; 7]);
    law.draw(1, 4, &mut x);
    assert_eq!((high.dim(), law.dim(), &x[5..]), (7, 7, &[0.0; 2][..]));
    assert!((x.iter().map(|x| x * x).sum::<f64>().sqrt() - 1.5).abs() < 1e-12);
    // Archimedes: every coordinate of a uniform point of the sphere is uniform.
    let sample = sharp(&Data::Sphere { radius: 1.5 });
    assert_on(Shape::Sphere { dim: 3, radius: 1.5 }, &sample, 1e-14);
    for i in 0..3 {
        assert_uniform("sphere", sample.iter().map(|x| x[i]).collect(), -1.5, 1.5);
    }
    let azimuth: Vec<f64> = sample.iter().map(|x| turn(x[1], x[0])).collect();
    assert_independent("sphere", &azimuth, &sample.iter().map(|x| x[2]).collect::<Vec<_>>());

    let (major, minor) = (2.0, 1.3);
    let sample = sharp(&Data::Torus { major, minor });
    assert_on(Shape::Torus { major, minor }, &sample, 1e-14);
    let azimuth: Vec<f64> = sample.iter().map(|x| turn(x[1], x[0])).collect();
    let tube: Vec<f64> = sample.iter().map(|x| turn(x[2], x[0].hypot(x[1]) - major)).collect();
    assert_fits("tube", tube.clone(), |a| (major * a + minor * a.sin()) / (TAU * major));
    assert_independent("torus", &tube, &azimuth);

    let sample = sharp(&Data::Disc { radius: 1.5 });
    assert_on(Shape::Disc { centre: [0.0; 2], radius: 1.5 }, &sample, 1e-15);
    let square: Vec<f64> = sample.iter().map(|x| x[0] * x[0] + x[1] * x[1]).collect();
    let angle: Vec<f64> = sample.iter().map(|x| turn(x[1], x[0])).collect();
    assert_independent("disc", &square, &angle);
    assert_uniform("disc", square, 0.0, 2.25);
}

#[test]
fn moments_and_marginals_match_grids() {
    let curve = |data: Data, point: &dyn Fn(f64) -> Vec<f64>| {
        Grid::new(20_000, 1, |u, _| (point(u), 1.0)).assert_fits(&format!("{data:?}"), &sharp(&data));
    };
    curve(Data::TwoMoons { scale: 3.0, shift: -1.0, strip: 0.0 }, &|t| {
        moon(3.0, -1.0, t > 0.5, PI * (2.0 * t).fract(), 0.0)
    });
    curve(Data::Circle { radius: 0.3 }, &|t| vec![0.3 * (TAU * t).cos(), 0.3 * (TAU * t).sin()]);
    curve(Data::Trefoil, &|t| {
        let t = TAU * t;
        let r = 0.7 * (2.0 + (3.0 * t).cos());
        vec![r * (2.0 * t).cos(), r * (2.0 * t).sin()]
    });
    let spiral = |u: f64| {
        let t = PI * (1.5 + 3.0 * u);
        [0.1 * t * t.cos(), 0.1 * t * t.sin()]
    };
    curve(Data::SPIRAL, &|u| spiral(u).to_vec());
    let roll = Grid::new(1000, 200, |u, h| (vec![spiral(u)[0], 4.0 * h, spiral(u)[1]], 1.0));
    roll.assert_fits("roll", &sharp(&Data::SwissRoll { pitch: 0.1, height: 4.0 }));
    let torus = Grid::new(400, 500, |a, b| {
        let rho = 2.0 + (TAU * a).cos();
        (vec![rho * (TAU * b).cos(), rho * (TAU * b).sin(), (TAU * a).sin()], rho)
    });
    torus.assert_fits("torus", &sharp(&Data::TORUS));
    let disc = Grid::new(400, 500, |r, b| (vec![r * (TAU * b).cos(), r * (TAU * b).sin()], r));
    disc.assert_fits("disc", &sharp(&Data::DISC));
}

#[test]
fn gaussians_have_their_variances() {
    let variances = [2.0, 0.0, 0.01];
    let sample = sharp(&Data::Gaussian { variances: variances.to_vec() });
    assert!(sample.iter().all(|x| x[1] == 0.0));
    for (i, variance) in variances.iter().enumerate().filter(|(_, v)| **v > 0.0) {
        let scaled = sample.iter().map(|x| x[i] / variance.sqrt()).collect();
        assert_fits("Gaussian", scaled, normal_cdf);
    }
    let ranks = |i: usize, s: f64| sample.iter().map(|x| normal_cdf(x[i] / s)).collect::<Vec<_>>();
    assert_independent("Gaussian", &ranks(0, 2f64.sqrt()), &ranks(2, 0.1));
}

#[test]
fn eight_gaussians_have_their_centres_and_variance() {
    let corner = 5.0 / 2f64.sqrt();
    let centres = [
        [5.0, 0.0],
        [corner, corner],
        [0.0, 5.0],
        [-corner, corner],
        [-5.0, 0.0],
        [-corner, -corner],
        [0.0, -5.0],
        [corner, -corner],
    ];
    let variance = 0.1f64.sqrt();
    let sample = sharp(&Data::EIGHT_GAUSSIANS);
    for i in 0..2 {
        let mixed =
            |v: f64| centres.iter().map(|c| normal_cdf((v - c[i]) / variance.sqrt())).sum::<f64>() / 8.0;
        assert_fits("eight Gaussians", sample.iter().map(|x| x[i]).collect(), mixed);
    }
    // E |x|² = r² + 2 v, with a spread of 2 r √v about it.
    let square = sample.iter().map(|x| x[0] * x[0] + x[1] * x[1]).sum::<f64>() / COUNT as f64;
    assert!((square - 25.0 - 2.0 * variance).abs() < 4.0 * 10.0 * variance.sqrt() / (COUNT as f64).sqrt());
    // The nearest centre is the right one but for two errors in a thousand: v is small beside the gaps of 3.8.
    let (mut counts, mut within) = ([0usize; 8], Vec::new());
    for x in &sample {
        let gap = |c: &[f64; 2]| (x[0] - c[0]).hypot(x[1] - c[1]);
        let nearest = (0..8).min_by(|a, b| gap(&centres[*a]).total_cmp(&gap(&centres[*b]))).unwrap();
        counts[nearest] += 1;
        within.push(gap(&centres[nearest]).powi(2));
    }
    let spread = (COUNT as f64 * 7.0 / 64.0).sqrt();
    assert!(counts.iter().all(|n| (*n as f64 - COUNT as f64 / 8.0).abs() < 4.5 * spread), "{counts:?}");
    // |x − c|² / 2v is exponential. The few that are nearer to another centre lie far out.
    let exponential = |r: f64| 1.0 - (-r / (2.0 * variance)).exp();
    let near: Vec<f64> = within.into_iter().filter(|r| *r < 1.5f64.powi(2)).collect();
    let total = exponential(1.5f64.powi(2));
    assert_fits("residuals", near, |r| exponential(r) / total);
}

#[test]
fn points_are_drawn_by_their_weights() {
    let nodes: Arc<[f64]> = (0..10).map(f64::from).collect();
    let weights = vec![0.0, 3.0, 0.0, 1.0, 0.0];
    let shares = |weights: &[f64]| -> Vec<f64> {
        let data = Data::Points { dim: 2, nodes: nodes.clone(), weights: weights.to_vec() };
        let mut shares = vec![0.0; 5];
        for x in sharp(&data) {
            let chosen = (x[0] / 2.0) as usize;
            assert_eq!(x, nodes[2 * chosen..][..2]);
            shares[chosen] += 1.0 / COUNT as f64;
        }
        shares
    };
    let weighted = shares(&weights);
    assert_eq!((weighted[0], weighted[2], weighted[4]), (0.0, 0.0, 0.0));
    assert!((weighted[1] - 0.75).abs() < 4.5 * (0.1875 / COUNT as f64).sqrt(), "{weighted:?}");
    // Weights of any size and sum mean their ratios.
    let huge: Vec<f64> = weights.iter().map(|w| w * 1e300).collect();
    assert_eq!(shares(&huge), weighted);
    assert!(shares(&[]).iter().all(|s| (s - 0.2).abs() < 4.5 * (0.16 / COUNT as f64).sqrt()));
}

#[test]
fn marginals_and_blurred_laws_add_their_noise() {
    let data = Data::TwoMoons { scale: 2.0, shift: 0.5, strip: 0.0 };
    let grid = Grid::new(20_000, 1, |t, _| (moon(2.0, 0.5, t > 0.5, PI * (2.0 * t).fract(), 0.0), 1.0));
    let clean = grid.moments();
    let (m, sigma, h) = (0.6, 0.7, 0.3);
    let noised = Marginal { data: data.law(h).unwrap(), signal: m, noise: sigma };
    let found = moments(&draws(&noised), |_| 1.0);
    let error = 5.0 / (COUNT as f64).sqrt();
    for e in 0..4 {
        let own = if e % 3 == 0 { m * m * h * h + sigma * sigma } else { 0.0 };
        let expected = m * m * clean.covariance[e] + own;
        let gap = (found.covariance[e] - expected).abs();
        assert!(gap < error * 3f64.sqrt() * 2.0, "covariance {e}: {} for {expected}", found.covariance[e]);
    }
    for i in 0..2 {
        assert!((found.mean[i] - m * clean.mean[i]).abs() < error * 1.5);
    }
    // The noise itself is normal: a single point shows nothing else.
    let point = Data::Points { dim: 1, nodes: [2.0].into(), weights: vec![] };
    let noised = Marginal { data: point.law(h).unwrap(), signal: m, noise: sigma };
    let spread = (m * m * h * h + sigma * sigma).sqrt();
    let scaled = draws(&noised).iter().map(|x| (x[0] - 2.0 * m) / spread).collect();
    assert_fits("noise", scaled, normal_cdf);
}

/// One of each kind.
fn all() -> Vec<Data> {
    let strip = Data::TwoMoons { scale: 3.0, shift: -1.0, strip: 0.2 };
    let points = Data::Points { dim: 2, nodes: (0..10).map(f64::from).collect(), weights: vec![1.0; 5] };
    let gaussian = Data::Gaussian { variances: vec![1.0, 0.0] };
    vec![
        strip,
        points,
        gaussian,
        Data::TWO_MOONS,
        Data::CIRCLE,
        Data::SPIRAL,
        Data::EIGHT_GAUSSIANS,
        Data::SPHERE,
        Data::TORUS,
        Data::DISC,
        Data::SWISS_ROLL,
        Data::Trefoil,
    ]
}

#[test]
fn a_stream_gives_the_same_draw_again_and_another_stream_another() {
    for data in all() {
        for bandwidth in [0.0, 0.1] {
            let draw = |seed: u64, sample: u64, purpose: Purpose| {
                let law = data.law(bandwidth).unwrap();
                let mut x = vec![0.0; law.dim()];
                let mut rng = stream(seed, sample, purpose);
                let first: Vec<u64> = (0..20)
                    .flat_map(|_| {
                        law.sample(&mut rng, &mut x);
                        x.clone()
                    })
                    .map(f64::to_bits)
                    .collect();
                first
            };
            let drawn = draw(3, 5, Purpose::Source);
            assert_eq!(drawn, draw(3, 5, Purpose::Source), "{data:?}");
            assert_ne!(drawn, draw(4, 5, Purpose::Source), "{data:?}");
            assert_ne!(drawn, draw(3, 6, Purpose::Source), "{data:?}");
            assert_ne!(drawn, draw(3, 5, Purpose::Reference), "{data:?}");
        }
    }
}

fn on(json: &str) -> (Shape, Vec<Vec<f64>>) {
    let shape: Shape = serde_json::from_str(json).unwrap();
    let sample = draws(&*shape.law().unwrap());
    (shape, sample)
}

fn coordinate(sample: &[Vec<f64>], i: usize) -> Vec<f64> {
    sample.iter().map(|x| x[i]).collect()
}

#[test]
fn spheres_of_any_dimension_are_uniform() {
    // A coordinate x of S³ of radius r has density ∝ √(r² − x²): its distribution function is that of the semicircle.
    let (shape, sample) = on(r#"{"kind": "sphere", "dim": 4, "radius": 1.5}"#);
    assert_on(shape, &sample, 1e-14);
    let semicircle = |x: f64| {
        let z = (x / 1.5).clamp(-1.0, 1.0);
        0.5 + (z * (1.0 - z * z).sqrt() + z.asin()) / PI
    };
    for i in 0..4 {
        assert_fits("S³", coordinate(&sample, i), semicircle);
    }
    let (_, line) = on(r#"{"kind": "circle", "radius": 2.0}"#);
    assert_uniform("circle", line.iter().map(|x| turn(x[1], x[0])).collect(), 0.0, TAU);
}

#[test]
fn spirals_and_rolls_have_their_own_turns() {
    let (shape, sample) = on(r#"{"kind": "spiral", "pitch": 0.3, "start": 1.0, "end": 7.0}"#);
    assert_on(shape, &sample, 1e-13);
    assert_uniform("spiral", sample.iter().map(|x| x[0].hypot(x[1]) / 0.3).collect(), 1.0, 7.0);
    let (shape, sample) =
        on(r#"{"kind": "swiss-roll", "pitch": 0.3, "height": 1.0, "start": 1.0, "end": 7.0}"#);
    assert_on(shape, &sample, 1e-13);
    assert_uniform("roll", coordinate(&sample, 1), 0.0, 1.0);
}

#[test]
fn overlapping_discs_are_uniform_in_area() {
    // Two unit discs about ±½ share a lens of area 2π/3 − √3/2, a third lies apart.
    let (shape, sample) = on(r#"{"kind": "discs", "centres": [[-0.5, 0], [0.5, 0], [5, 1]], "radius": 1.0}"#);
    assert_on(shape, &sample, 0.0);
    let lens = 2.0 * PI / 3.0 - 3f64.sqrt() / 2.0;
    let total = 3.0 * PI - lens;
    let share = |inside: &dyn Fn(&Vec<f64>) -> bool| {
        sample.iter().filter(|x| inside(x)).count() as f64 / COUNT as f64
    };
    let near = |x: &Vec<f64>, a: f64, b: f64| (x[0] - a).hypot(x[1] - b) <= 1.0;
    let error = 4.0 * 0.5 / (COUNT as f64).sqrt();
    assert!((share(&|x| near(x, -0.5, 0.0) && near(x, 0.5, 0.0)) - lens / total).abs() < error);
    assert!((share(&|x| near(x, 5.0, 1.0)) - PI / total).abs() < error);
    let apart = sample.iter().filter(|x| near(x, 5.0, 1.0));
    assert_uniform(
        "disc apart",
        apart.map(|x| (x[0] - 5.0).powi(2) + (x[1] - 1.0).powi(2)).collect(),
        0.0,
        1.0,
    );
    let (shape, sample) = on(r#"{"kind": "disc", "centre": [3, -1], "radius": 2.0}"#);
    assert_on(shape, &sample, 1e-15);
    assert_uniform("moved disc", sample.iter().map(|x| turn(x[1] + 1.0, x[0] - 3.0)).collect(), 0.0, TAU);
}

#[test]
fn polygons_are_uniform_in_area() {
    // A square with a square bite out of its right side: heights 0 to 3, width 3 outside [1, 2] and 1 inside.
    let json = r#"{"kind": "polygon", "vertices": [[0,0],[3,0],[3,1],[1,1],[1,2],[3,2],[3,3],[0,3]]}"#;
    let (shape, sample) = on(json);
    assert_on(shape, &sample, 0.0);
    let below = |y: f64| {
        (3.0 * y.clamp(0.0, 1.0) + (y - 1.0).clamp(0.0, 1.0) + 3.0 * (y - 2.0).clamp(0.0, 1.0)) / 7.0
    };
    assert_fits("heights", coordinate(&sample, 1), below);
    let left = |x: f64| (3.0 * x.clamp(0.0, 1.0) + 2.0 * (x - 1.0).clamp(0.0, 2.0)) / 7.0;
    assert_fits("widths", coordinate(&sample, 0), left);
    // A triangle, clockwise, with no level side: barycentric coordinates of uniform points have density 2 (1 − b).
    let (shape, sample) = on(r#"{"kind": "polygon", "vertices": [[0,0],[1,2],[4,1]]}"#);
    assert_on(shape, &sample, 1e-15);
    let area = |a: [f64; 2], b: [f64; 2]| (a[0] * b[1] - a[1] * b[0]).abs() / 7.0;
    for corner in [[1.0, 2.0], [4.0, 1.0]] {
        let share = sample.iter().map(|x| area(corner, [x[0], x[1]])).collect();
        assert_fits("triangle", share, |b| 1.0 - (1.0 - b.clamp(0.0, 1.0)).powi(2));
    }
}

#[test]
fn affine_laws_are_normal_along_and_products_independent() {
    let (shape, sample) = on(r#"{"kind": "affine", "point": [1, 0, -2], "basis": [[1, 1, 0], [0, 1, 1]]}"#);
    assert_on(shape, &sample, 1e-13);
    // Along (1, 1, 0)/√2 and, orthogonal to it in the plane, (−1, 1, 2)/√6.
    let along = |t: [f64; 3], x: &Vec<f64>| t[0] * (x[0] - 1.0) + t[1] * x[1] + t[2] * (x[2] + 2.0);
    let (a, b) = (1.0 / 2f64.sqrt(), 1.0 / 6f64.sqrt());
    for t in [[a, a, 0.0], [-b, b, 2.0 * b]] {
        assert_fits("affine", sample.iter().map(|x| along(t, x)).collect(), normal_cdf);
    }
    let (_, sample) = on(r#"{"kind": "affine", "point": [1, 2]}"#);
    assert!(sample.iter().all(|x| *x == [1.0, 2.0]), "d = 0 is a point");

    let json = r#"{"kind": "product", "factors": [{"kind": "circle", "radius": 2.0}, {"kind": "sphere"}]}"#;
    let (shape, sample) = on(json);
    assert_on(shape, &sample, 1e-14);
    let angle: Vec<f64> = sample.iter().map(|x| turn(x[1], x[0])).collect();
    assert_uniform("first factor", angle.clone(), 0.0, TAU);
    assert_independent("factors", &angle, &coordinate(&sample, 4));
}
