//! Charts that several sections draw: overlaid histograms and distribution functions of a bounded quantity,
//! quantiles of numbered things.

use super::columns::{edges, histogram, quantile, staircase};
use super::figure::{Axis, Height, Key, Mark, Panel, Point, Scale, Swatch};
use super::null::{angle_density, projection_density};
use super::palette::Role;
use surefoot::statistics::Quantiles;

/// Bins of a histogram.
pub const BINS: usize = 40;
/// Most numbers on an axis of numbered things.
const MOST_TICKS: usize = 16;
/// Corners of a distribution function.
const STAIRS: usize = 400;
const HEIGHT: Height = Height::Pixels(225.0);

/// Values of one thing among others of its kind.
pub struct Series {
    /// Colour and dashes.
    pub role: Role,
    /// Meaning.
    pub text: String,
    /// One a sample.
    pub values: Vec<f64>,
}

/// Density averaged over each bin of the given edges.
type NullLaw = Box<dyn Fn(&[f64]) -> Vec<f64>>;

/// A quantity between 0 and an upper end, and its law for a random direction.
pub struct Quantity {
    /// Name and unit.
    label: &'static str,
    /// Upper end.
    top: f64,
    /// Whether small values are of interest: distribution functions on a logarithmic axis.
    small: bool,
    /// The law for a random direction, averaged over bins; empty if none is known.
    null: NullLaw,
}

impl Quantity {
    /// |⟨LV_1, s/‖s‖⟩| in R^D.
    pub fn score_cosine(dim: usize) -> Quantity {
        let null = Box::new(move |edges: &[f64]| projection_density(1, dim, edges));
        Quantity { label: "score cosine |⟨LV₁, s/‖s‖⟩| (pure number)", top: 1.0, small: true, null }
    }

    /// Largest principal angle between d-dimensional subspaces of R^D.
    pub fn angle(d: usize, dim: usize) -> Quantity {
        let null = Box::new(move |edges: &[f64]| angle_density(d, dim, edges));
        Quantity {
            label: "largest principal angle between Eᵈ and T (degrees)", top: 90.0, small: true, null
        }
    }

    /// φ for a d-dimensional tangent space in R^D.
    pub fn footing(d: usize, dim: usize) -> Quantity {
        let null = Box::new(move |edges: &[f64]| projection_density(d, dim, edges));
        Quantity { label: "footing φ (pure number)", top: 1.0, small: false, null }
    }

    /// Whether the law for a random direction is known.
    pub fn has_null(&self) -> bool {
        !(self.null)(&[0.0, self.top]).is_empty()
    }

    /// Histogram and distribution functions of `list`, side by side.
    pub fn panels(&self, list: &[Series]) -> Vec<Panel> {
        vec![self.histogram(list), self.distribution(list)]
    }

    /// Overlaid histograms of area 1.
    pub fn histogram(&self, list: &[Series]) -> Panel {
        let bins = edges(0.0, self.top, BINS);
        let steps = |heights, filled, role| Mark::Steps { edges: bins.clone(), heights, filled, role };
        let drawn: Vec<(Vec<f64>, Role)> =
            list.iter().map(|s| (histogram(&s.values, &bins), s.role)).collect();
        let null = (self.null)(&bins);
        let heights: Vec<f64> = drawn.iter().flat_map(|(heights, _)| heights).chain(&null).copied().collect();
        let mut marks: Vec<Mark> =
            drawn.into_iter().map(|(heights, role)| steps(heights, true, role)).collect();
        if !null.is_empty() {
            marks.push(steps(null, false, Role::Null));
        }
        let density = if self.top == 1.0 { "density of samples" } else { "density of samples (1/degree)" };
        let y = Axis::new(Scale::covering(heights, true), density);
        Panel { title: "Histogram".into(), x: self.axis(), y, marks, height: HEIGHT }
    }

    /// Overlaid distribution functions.
    pub fn distribution(&self, list: &[Series]) -> Panel {
        let mut marks = Vec::new();
        if let Some(curve) = self.null_curve() {
            marks.push(Mark::line(curve, Role::Null));
        }
        marks.extend(list.iter().map(|s| Mark::line(staircase(&s.values, STAIRS), s.role)));
        let x = if self.small { Axis::new(self.log_scale(list), self.label) } else { self.axis() };
        let y = Axis::new(Scale::linear(0.0, 1.0), "share of samples below");
        Panel { title: "Distribution function".into(), x, y, marks, height: HEIGHT }
    }

    fn axis(&self) -> Axis {
        let axis = Axis::new(Scale::linear(0.0, self.top), self.label);
        if self.top != 90.0 {
            return axis;
        }
        axis.with_ticks((0..=6).map(|i| (15.0 * i as f64, (15 * i).to_string())).collect())
    }

    /// From the lowest thousandth of the samples, which would stretch the axis over many empty decades, to the top.
    fn log_scale(&self, list: &[Series]) -> Scale {
        let mut positive: Vec<f64> =
            list.iter().flat_map(|s| s.values.iter().copied()).filter(|&value| value > 0.0).collect();
        positive.sort_by(f64::total_cmp);
        let low = positive.get(positive.len() / 1000).copied().unwrap_or(1e-3 * self.top);
        Scale::log(low.clamp(1e-9 * self.top, 0.1 * self.top), self.top)
    }

    /// Distribution function for a random direction: the running integral over fine bins.
    fn null_curve(&self) -> Option<Vec<Point>> {
        let fine: Vec<f64> = if self.small {
            let ratio = |i: i32| self.top * 10f64.powf(f64::from(i - 180) / 20.0);
            std::iter::once(0.0).chain((0..=180).map(ratio)).collect()
        } else {
            edges(0.0, self.top, 200)
        };
        let density = (self.null)(&fine);
        let mut total = 0.0;
        let climb = density.iter().zip(fine.windows(2)).map(|(height, pair)| {
            total += height * (pair[1] - pair[0]);
            [pair[1], total.min(1.0)]
        });
        let start = (!self.small).then_some([0.0, 0.0]);
        let curve: Vec<Point> = start.into_iter().chain(climb).collect();
        (!density.is_empty()).then_some(curve)
    }
}

/// One entry a series, and one for the random direction.
pub fn legend(list: &[Series], null: bool) -> Vec<Key> {
    let mut keys: Vec<Key> = list.iter().map(|s| Key::new(Swatch::Line, s.role, s.text.clone())).collect();
    if null {
        keys.push(Key::new(Swatch::Line, Role::Null, "random direction"));
    }
    keys
}

/// Quantiles at a place of the x axis: dot, median; thick, 25 % to 75 %; thin, 5 % to 95 %.
pub fn quantile_mark(at: f64, shift: f64, q: &Quantiles, role: Role) -> Mark {
    let (outer, inner) = (Some([q.q05, q.q95]), [q.q25, q.q75]);
    Mark::Interval { at, shift, outer, inner, middle: q.q50, role }
}

/// Curves of the quantiles at 5, 25, 50, 75 and 95 %.
pub struct Fan([Vec<Point>; 5]);

impl Fan {
    /// Over the steps 0 ..= `steps` − 1, of the values that `column` has at each.
    pub fn over_steps(steps: usize, column: impl Fn(usize) -> Vec<f64>) -> Fan {
        let mut curves: [Vec<Point>; 5] = Default::default();
        for n in 0..steps {
            let mut values = column(n);
            values.sort_by(f64::total_cmp);
            for (curve, share) in curves.iter_mut().zip([0.05, 0.25, 0.5, 0.75, 0.95]) {
                curve.push([n as f64, quantile(&values, share)]);
            }
        }
        Fan(curves)
    }

    /// Of quantiles at places of the x axis.
    pub fn of(list: &[(usize, &Quantiles)]) -> Fan {
        let shares: [fn(&Quantiles) -> f64; 5] = [|q| q.q05, |q| q.q25, |q| q.q50, |q| q.q75, |q| q.q95];
        Fan(shares.map(|of| list.iter().map(|(at, q)| [*at as f64, of(q)]).collect()))
    }

    /// All heights.
    pub fn heights(&self) -> impl Iterator<Item = f64> {
        self.0.iter().flatten().map(|point| point[1])
    }

    /// Light, 5 % to 95 %; dark, 25 % to 75 %; line, median.
    pub fn marks(self, role: Role) -> [Mark; 3] {
        let [q05, q25, q50, q75, q95] = self.0;
        [
            Mark::Band { low: q05, high: q95, opacity: 0.12, role },
            Mark::Band { low: q25, high: q75, opacity: 0.22, role },
            Mark::Lines { lines: vec![q50], width: 1.8, opacity: 1.0, role },
        ]
    }
}

/// An axis of things numbered from 1 to `last`, with at most 16 of the numbers.
pub fn numbered(last: usize, label: &str) -> Axis {
    numbered_sparsely(last, label, MOST_TICKS)
}

/// The same with at most `most` ≥ 1 of the numbers, for narrow panels.
pub fn numbered_sparsely(last: usize, label: &str, most: usize) -> Axis {
    let every = last.div_ceil(most).max(1);
    let ticks = (1..=last).step_by(every).map(|i| (i as f64, i.to_string())).collect();
    Axis::new(Scale::linear(0.5, last as f64 + 0.5), label).with_ticks(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_of_many_numbers_stand_on_an_axis() {
        let numbers = |last: usize| -> Vec<f64> {
            let ticks = numbered(last, "vector").ticks.unwrap();
            assert!(ticks.iter().all(|(at, text)| at.to_string() == *text));
            ticks.into_iter().map(|(at, _)| at).collect()
        };
        assert!(numbers(0).is_empty());
        assert_eq!(numbers(1), [1.0]);
        assert_eq!(numbers(16), (1..=16).map(f64::from).collect::<Vec<_>>());
        assert_eq!(numbers(17), [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0, 17.0]);
        assert_eq!(numbers(784).len(), 16);
    }

    #[test]
    fn null_curves_climb_to_one() {
        for quantity in [Quantity::score_cosine(5), Quantity::angle(1, 3), Quantity::footing(2, 4)] {
            let curve = quantity.null_curve().unwrap();
            assert!(curve.windows(2).all(|p| p[0][0] < p[1][0] && p[0][1] <= p[1][1]));
            assert!((curve[curve.len() - 1][1] - 1.0).abs() < 1e-6);
        }
        assert!(!Quantity::angle(2, 5).has_null());
        assert!(!Quantity::score_cosine(1).has_null());
    }
}
