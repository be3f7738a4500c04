//! Densities of point sets on the plane, as small one-hue images.

use crate::report::strip::encode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use surefoot::Error;

/// Shades of a density: 0 is nothing, 255 the densest.
#[derive(Debug, Clone, PartialEq)]
pub struct Raster {
    /// Encoded grey-scale PNG.
    png: Vec<u8>,
    /// Left, right, bottom, top in data units.
    pub extent: [f64; 4],
}

/// A smoothed histogram of points on a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// Cells across and down.
    size: [usize; 2],
    /// Left, right, bottom, top in data units.
    extent: [f64; 4],
    /// Row-major from the top, points per cell after smoothing.
    cells: Vec<f64>,
    /// Points that lie inside the extent.
    pub inside: usize,
}

impl Density {
    /// Counts the points of `extent` (left, right, bottom, top) in cells `cell` wide and smooths the counts with a
    /// Gaussian of standard deviation `bandwidth`.
    pub fn of(points: &[[f64; 2]], extent: [f64; 4], cell: f64, bandwidth: f64) -> Density {
        Density::weighted(points, &vec![1.0; points.len()], extent, cell, bandwidth)
    }

    /// The same with a weight for every point, of either sign.
    pub fn weighted(
        points: &[[f64; 2]],
        weights: &[f64],
        extent: [f64; 4],
        cell: f64,
        bandwidth: f64,
    ) -> Density {
        let [left, right, bottom, top] = extent;
        let size = [right - left, top - bottom].map(|span| ((span / cell).ceil() as usize).clamp(1, 1024));
        let mut cells = vec![0.0; size[0] * size[1]];
        let mut inside = 0;
        for (&[x, y], weight) in points.iter().zip(weights) {
            let (fx, fy) = ((x - left) / (right - left), (top - y) / (top - bottom));
            if (0.0..1.0).contains(&fx) && (0.0..1.0).contains(&fy) {
                let column = (fx * size[0] as f64) as usize;
                cells[(fy * size[1] as f64) as usize * size[0] + column] += weight;
                inside += 1;
            }
        }
        let kernel = gaussian(bandwidth / cell);
        blur(&mut cells, size[0], size[1], 1, &kernel);
        blur(&mut cells, size[1], size[0], size[0], &kernel);
        Density { size, extent, cells, inside }
    }

    /// The density below which `share` of the occupied cells lie: a common white point of several images.
    pub fn level(&self, share: f64) -> f64 {
        let mut occupied: Vec<f64> = self.cells.iter().copied().filter(|&cell| cell > 0.0).collect();
        occupied.sort_by(f64::total_cmp);
        let last = occupied.len().saturating_sub(1);
        occupied.get((share * last as f64) as usize).copied().unwrap_or(1.0)
    }

    /// The part above zero, and the size of that below.
    pub fn signs(&self) -> [Density; 2] {
        let part = |sign: f64| Density {
            cells: self.cells.iter().map(|c| (sign * c).max(0.0)).collect(),
            ..self.clone()
        };
        [part(1.0), part(-1.0)]
    }

    /// The size below which `share` of the cells that differ from zero lie.
    pub fn magnitude(&self, share: f64) -> f64 {
        Density { cells: self.cells.iter().map(|c| c.abs()).collect(), ..self.clone() }.level(share)
    }

    /// Share of Σ|cell| over the cells where `other`, on the same grid, is at least `least`.
    pub fn share_within(&self, other: &Density, least: f64) -> f64 {
        let total: f64 = self.cells.iter().map(|c| c.abs()).sum();
        let pairs = self.cells.iter().zip(&other.cells).filter(|(_, there)| **there >= least);
        if total > 0.0 { pairs.map(|(c, _)| c.abs()).sum::<f64>() / total } else { 1.0 }
    }

    /// Correlation over the cells of two densities on the same grid, about zero; 1 where both vanish.
    pub fn correlation(&self, other: &Density) -> f64 {
        let sum = |a: &Density, b: &Density| a.cells.iter().zip(&b.cells).map(|(a, b)| a * b).sum::<f64>();
        let norm = (sum(self, self) * sum(other, other)).sqrt();
        if norm > 0.0 { sum(self, other) / norm } else { 1.0 }
    }

    /// Shades in proportion to the square root of the density, full at `full` points per cell.
    ///
    /// # Errors
    /// When the image cannot be encoded.
    pub fn raster(&self, full: f64) -> Result<Raster, Error> {
        let shade = |&cell: &f64| (255.0 * (cell / full).clamp(0.0, 1.0).sqrt()).round() as u8;
        let shades: Vec<u8> = self.cells.iter().map(shade).collect();
        let png = encode(self.size, png::ColorType::Grayscale, &shades).map_err(|error| {
            Error::invalid(
                "drawing a density",
                "an image that can be encoded",
                error.to_string(),
                "Report this",
            )
        })?;
        Ok(Raster { png, extent: self.extent })
    }
}

impl Raster {
    /// The image as an address that holds it.
    pub fn data_url(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(&self.png))
    }

    /// A name that differs for different images and places on the page.
    pub fn key(&self, place: &str) -> String {
        let mut crc = flate2::Crc::new();
        crc.update(&self.png);
        crc.update(place.as_bytes());
        format!("density-{:08x}", crc.sum())
    }
}

/// Weights of a Gaussian at whole cells, out to four standard deviations, summing to 1.
fn gaussian(deviation: f64) -> Vec<f64> {
    let reach = (4.0 * deviation).ceil().clamp(0.0, 200.0) as i64;
    let weight = |i: i64| if deviation > 0.0 { (-0.5 * (i as f64 / deviation).powi(2)).exp() } else { 1.0 };
    let weights: Vec<f64> = (-reach..=reach).map(weight).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / total).collect()
}

/// Convolves every line of `length` cells, `stride` apart, with `kernel`; what leaves the image is lost.
fn blur(cells: &mut [f64], length: usize, lines: usize, stride: usize, kernel: &[f64]) {
    let reach = kernel.len() / 2;
    let step = if stride == 1 { length } else { 1 };
    let mut line = vec![0.0; length];
    for start in (0..lines).map(|i| i * step) {
        line.fill(0.0);
        for i in 0..length {
            let mass = cells[start + i * stride];
            if mass == 0.0 {
                continue;
            }
            let first = i.saturating_sub(reach);
            for (j, cell) in line.iter_mut().enumerate().take(i + reach + 1).skip(first) {
                *cell += mass * kernel[j + reach - i];
            }
        }
        for (i, &value) in line.iter().enumerate() {
            cells[start + i * stride] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_keeps_the_number_of_points_and_their_spread() {
        let points = [[0.5, 0.25], [0.5, 0.25], [9.0, 9.0]];
        let density = Density::of(&points, [0.0, 1.0, 0.0, 0.5], 0.01, 0.03);
        assert_eq!(density.inside, 2);
        assert_eq!(density.size, [100, 50]);
        assert!((density.cells.iter().sum::<f64>() - 2.0).abs() < 1e-9);
        let mean = |axis: usize| {
            let at = |i: usize| 0.01 * (if axis == 0 { i % 100 } else { i / 100 }) as f64;
            let first: f64 = density.cells.iter().enumerate().map(|(i, m)| m * at(i)).sum::<f64>() / 2.0;
            let second: f64 =
                density.cells.iter().enumerate().map(|(i, m)| m * at(i).powi(2)).sum::<f64>() / 2.0;
            (second - first * first).sqrt()
        };
        assert!((mean(0) - 0.03).abs() < 3e-4 && (mean(1) - 0.03).abs() < 3e-4, "{} {}", mean(0), mean(1));
    }

    #[test]
    fn signed_densities_split_and_compare() {
        let window = [0.0, 1.0, 0.0, 1.0];
        let of =
            |weights: &[f64]| Density::weighted(&[[0.25, 0.25], [0.75, 0.75]], weights, window, 0.5, 0.0);
        let mixed = of(&[2.0, -3.0]);
        let [more, less] = mixed.signs();
        assert_eq!((more.cells.iter().sum::<f64>(), less.cells.iter().sum::<f64>()), (2.0, 3.0));
        assert_eq!(mixed.magnitude(1.0), 3.0);
        assert!((mixed.correlation(&mixed) - 1.0).abs() < 1e-15);
        assert!((mixed.correlation(&of(&[-2.0, 3.0])) + 1.0).abs() < 1e-15);
        assert_eq!(mixed.correlation(&of(&[3.0, 2.0])), 0.0);
        assert!((mixed.share_within(&of(&[1.0, 0.0]), 0.5) - 0.4).abs() < 1e-15);
    }

    #[test]
    fn images_decode_to_their_shades() {
        let density = Density::of(&[[0.1, 0.9]], [0.0, 1.0, 0.0, 1.0], 0.5, 0.0);
        let raster = density.raster(4.0).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&raster.png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [128, 0, 0, 0]);
    }
}
