//! Resize: interpolation axis by axis, as gathers of neighbours with fixed weights.

use super::entry::Entry;
use super::import::{Importer, Value};
use super::operators::Call;
use super::shaping::axis;
use super::terms::Real;

/// A length before and after, and the scale that coordinates are divided by.
#[derive(Debug, Clone, Copy)]
struct Scaling {
    axis: usize,
    from: usize,
    to: usize,
    scale: f64,
}

/// For every new position the old positions it depends on, in order, and their weights.
struct Taps {
    indices: Vec<Vec<usize>>,
    weights: Vec<Vec<f64>>,
}

/// Resize.
pub(super) fn resize(importer: &mut Importer, call: &Call) -> Result<Vec<Value>, String> {
    let mut x = importer.real(call.required(0)?)?;
    for scaling in scalings(importer, call, &x)? {
        let shrinks = scaling.scale < 1.0;
        if shrinks && call.attributes.int("antialias", 0) != 0 {
            return Err("shrinking with antialiasing is not supported".into());
        }
        importer.within_limit(scaling.to)?;
        let taps = taps(call, scaling)?;
        x = interpolated(importer, &x, scaling, &taps)?;
    }
    Ok(vec![x.into()])
}

/// What happens to every axis whose length or scale changes.
fn scalings(importer: &mut Importer, call: &Call, x: &Real) -> Result<Vec<Scaling>, String> {
    let axes: Vec<usize> = match call.attributes.ints("axes") {
        Some(axes) => axes.iter().map(|&a| axis(a, x.rank())).collect::<Result<_, _>>()?,
        None => (0..x.rank()).collect(),
    };
    let given = |i: usize| {
        call.optional(i).filter(|value| match value {
            Value::Data { dims, .. } => dims.iter().all(|d| d.per_sample > 0),
            Value::Integers { entries, .. } => !entries.is_empty(),
            Value::Sequence(_) | Value::Failed => false,
        })
    };
    let scalings = if let Some(scales) = given(2) {
        let scales = importer.real(scales)?;
        let scales = importer.known(scales.node).ok_or("its scales are not constant")?.clone();
        by_scales(x, &axes, &scales)?
    } else if let Some(Value::Integers { entries, .. }) = given(3) {
        by_sizes(x, &axes, &entries, call.attributes.text("keep_aspect_ratio_policy", "stretch")?)?
    } else {
        return Err("neither scales nor sizes are constant".into());
    };
    Ok(scalings.into_iter().filter(|s| s.from != s.to || s.scale != 1.0).collect())
}

fn by_scales(x: &Real, axes: &[usize], scales: &[f64]) -> Result<Vec<Scaling>, String> {
    if scales.len() != axes.len() {
        return Err(format!("{} scales for {} axes", scales.len(), axes.len()));
    }
    let changed = axes.iter().zip(scales).filter(|(_, scale)| **scale != 1.0);
    changed.map(|(&axis, &scale)| scaled(axis, x.length(axis)?, scale)).collect()
}

fn scaled(axis: usize, from: usize, scale: f64) -> Result<Scaling, String> {
    let to = (from as f64 * scale).floor();
    if !(scale > 0.0 && (1.0..=f64::from(u32::MAX)).contains(&to)) {
        return Err(format!("scale {scale} of length {from}"));
    }
    Ok(Scaling { axis, from, to: to as usize, scale })
}

fn by_sizes(x: &Real, axes: &[usize], sizes: &[Entry], policy: &str) -> Result<Vec<Scaling>, String> {
    if sizes.len() != axes.len() {
        return Err(format!("{} sizes for {} axes", sizes.len(), axes.len()));
    }
    let mut scalings = Vec::with_capacity(axes.len());
    for (&axis, size) in axes.iter().zip(sizes) {
        if *size == Entry::from(x.dims[axis]) && policy == "stretch" {
            continue;
        }
        let (from, to) = (x.length(axis)?, u32::try_from(size.factor).unwrap_or(0) as usize);
        if size.batch || from == 0 || to == 0 {
            return Err(format!("length {} of axis {axis} to {}", x.dims[axis], size.factor));
        }
        scalings.push(Scaling { axis, from, to, scale: to as f64 / from as f64 });
    }
    let scales = scalings.iter().map(|s| s.scale);
    let common = match policy {
        "stretch" => return Ok(scalings),
        "not_larger" => scales.fold(f64::INFINITY, f64::min),
        "not_smaller" => scales.fold(0.0, f64::max),
        other => return Err(format!("unknown policy {other:?}")),
    };
    scalings.iter_mut().for_each(|s| {
        s.scale = common;
        s.to = ((s.from as f64 * common + 0.5).floor() as usize).max(1);
    });
    Ok(scalings)
}

/// The old coordinate of a new position.
fn coordinate(mode: &str, s: Scaling, i: usize) -> Result<f64, String> {
    let (i, from, to) = (i as f64, s.from as f64, s.to as f64);
    let centred = (i + 0.5) / s.scale - 0.5;
    Ok(match mode {
        "half_pixel" => centred,
        "pytorch_half_pixel" => {
            if s.to > 1 {
                centred
            } else {
                0.0
            }
        }
        "half_pixel_symmetric" => 0.5 * from * (1.0 - to / (s.scale * from)) + centred,
        "align_corners" => {
            if s.to > 1 {
                i * (from - 1.0) / (to - 1.0)
            } else {
                0.0
            }
        }
        "asymmetric" => i / s.scale,
        other => return Err(format!("the coordinates {other:?} are not supported")),
    })
}

fn taps(call: &Call, scaling: Scaling) -> Result<Taps, String> {
    let attributes = call.attributes;
    let coordinates = attributes.text("coordinate_transformation_mode", "half_pixel")?;
    let (mode, rounding) =
        (attributes.text("mode", "nearest")?, attributes.text("nearest_mode", "round_prefer_floor")?);
    let a = attributes.float("cubic_coeff_a", -0.75);
    let exclude = attributes.int("exclude_outside", 0) != 0;
    let count = match mode {
        "nearest" => 1,
        "linear" => 2,
        "cubic" => 4,
        other => return Err(format!("the mode {other:?} is not supported")),
    };
    let mut taps = Taps { indices: vec![vec![]; count], weights: vec![vec![]; count] };
    for i in 0..scaling.to {
        let at = coordinate(coordinates, scaling, i)?;
        let (first, mut weights) = match mode {
            "nearest" => (nearest(rounding, at)?, vec![1.0]),
            "linear" => (at.floor(), vec![1.0 - (at - at.floor()), at - at.floor()]),
            _ => (at.floor() - 1.0, cubic(at - at.floor(), a).to_vec()),
        };
        let inside = |k: usize| (0.0..scaling.from as f64).contains(&(first + k as f64));
        if exclude {
            (0..count).filter(|&k| !inside(k)).for_each(|k| weights[k] = 0.0);
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|w| *w /= sum);
        }
        for (k, weight) in weights.into_iter().enumerate() {
            let position = (first + k as f64).clamp(0.0, scaling.from as f64 - 1.0);
            taps.indices[k].push(position as usize);
            taps.weights[k].push(weight);
        }
    }
    Ok(taps)
}

fn nearest(mode: &str, at: f64) -> Result<f64, String> {
    Ok(match mode {
        "round_prefer_floor" => (at - 0.5).ceil(),
        "round_prefer_ceil" => (at + 0.5).floor(),
        "floor" => at.floor(),
        "ceil" => at.ceil(),
        other => return Err(format!("unknown rounding {other:?}")),
    })
}

/// Weights of the four neighbours of a point at distance `s` after the second (Keys 1981).
fn cubic(s: f64, a: f64) -> [f64; 4] {
    let near = |d: f64| ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    let far = |d: f64| ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
    [far(s + 1.0), near(s), near(1.0 - s), far(2.0 - s)]
}

fn interpolated(importer: &mut Importer, x: &Real, scaling: Scaling, taps: &Taps) -> Result<Real, String> {
    let mut sum: Option<Real> = None;
    for (indices, weights) in taps.indices.iter().zip(&taps.weights) {
        let mut term = importer.gathered(x, scaling.axis, indices)?;
        if weights.iter().any(|&w| w != 1.0) {
            let mut shape = vec![1; x.rank()];
            shape[scaling.axis] = weights.len();
            let weights = importer.numbers(&shape, weights.clone())?;
            term = importer.mul(&term, &weights)?;
        }
        sum = Some(match sum {
            Some(sum) => importer.add(&sum, &term)?,
            None => term,
        });
    }
    sum.ok_or_else(|| "has no result".into())
}
