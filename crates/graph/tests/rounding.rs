//! Rounded weights against bit patterns, and in networks.

use surefoot_graph::passes::{WeightFormat, rounded};
use surefoot_graph::{Graph, Limits, Network, Precision};

const MOONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-cfm.onnx");

/// The number that 16 bits of IEEE half precision stand for.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = if exponent == 0 {
        fraction * 2f64.powi(-24)
    } else {
        (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15)
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// The nearest half-precision number by search, the even one of two equally near.
fn nearest_half(all: &[f64], value: f64) -> f64 {
    let above = all.partition_point(|number| *number < value.abs()).min(all.len() - 1);
    let below = above.saturating_sub(1);
    let (down, up) = (value.abs() - all[below], all[above] - value.abs());
    let chosen = if down < up || (down == up && below % 2 == 0) { below } else { above };
    all[chosen].copysign(value)
}

/// Numbers of all sizes: a plain congruential generator, made into a fraction and an exponent.
fn numbers(count: usize, exponents: std::ops::Range<i32>) -> Vec<f64> {
    let mut state = 12345u64;
    let mut draw = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let span = f64::from(exponents.end - exponents.start);
    let mut number = || {
        let exponent = exponents.start + (span * draw()) as i32;
        (1.0 + draw()) * 2f64.powi(exponent) * if draw() < 0.5 { -1.0 } else { 1.0 }
    };
    (0..count).map(|_| number()).collect()
}

#[test]
fn half_precision_takes_the_nearest_of_all_its_numbers() {
    let all: Vec<f64> = (0..0x7c00).map(half).collect();
    assert_eq!((all[1], all[0x7bff]), (2f64.powi(-24), 65504.0));
    let mut values: Vec<f64> = numbers(200_000, -30..15);
    // Every number itself, every midpoint, and what lies just beside it.
    for pair in all.windows(2) {
        let middle = 0.5 * (pair[0] + pair[1]);
        values.extend([pair[1], -pair[1], middle, -middle, middle.next_up(), middle.next_down()]);
    }
    values.extend([0.0, -0.0, 1e-300, 5e-324, 65519.999]);
    let rounded = WeightFormat::F16.round(&values).unwrap();
    for (value, got) in values.iter().zip(&rounded) {
        assert_eq!(*got, nearest_half(&all, *value), "{value:e}");
    }
    for value in [65520.0, -65520.0, 1e6, f64::MAX] {
        let refusal = WeightFormat::F16.round(&[1.0, value]).unwrap_err();
        assert!(refusal.contains("infinite") && refusal.contains(&format!("{value:e}")), "{refusal}");
    }
    assert_eq!(WeightFormat::F16.round(&[f64::NEG_INFINITY]).unwrap(), [f64::NEG_INFINITY]);
}

#[test]
fn bfloat_is_the_upper_half_of_single_precision() {
    let mut values: Vec<f64> = numbers(200_000, -149..127).iter().map(|v| f64::from(*v as f32)).collect();
    values.extend((0..2000u32).map(|i| f64::from(f32::from_bits(i * 32768))));
    let rounded = WeightFormat::Bf16.round(&values).unwrap();
    for (value, got) in values.iter().zip(&rounded) {
        let bits = (*value as f32).to_bits();
        let even = bits + 0x7fff + (bits >> 16 & 1);
        assert_eq!(*got, f64::from(f32::from_bits(even & 0xffff_0000)), "{value:e}");
    }
    assert!(WeightFormat::Bf16.round(&[f64::from(f32::MAX)]).unwrap_err().contains("infinite"));
}

#[test]
fn int8_has_one_scale_a_tensor() {
    let values = [0.3, -12.7, 0.05, 0.15, 0.0, 12.64];
    let got = WeightFormat::Int8.round(&values).unwrap();
    // 12.7/127 = 0.1: 0.05 and 0.15 lie between two multiples, about.
    for (got, whole) in got.iter().zip([3.0, -127.0, 0.0, 2.0, 0.0, 126.0]) {
        let near = (got - 0.1 * whole).abs() < 1e-12 || (whole < 3.0 && (got - 0.1).abs() < 1e-12);
        assert!(near, "{got} {whole}");
    }
    assert_eq!(got[1], -12.7, "the largest keeps its value");
    assert_eq!(WeightFormat::Int8.round(&[0.0, -0.0]).unwrap(), [0.0, 0.0]);
    assert_eq!(WeightFormat::Int8.round(&[-3.5]).unwrap(), [-3.5]);
    assert!(WeightFormat::Int8.round(&[1.0, f64::NAN]).unwrap_err().contains("NaN"));
}

#[test]
fn networks_keep_all_but_their_weights() {
    let graph = Graph::read(MOONS, &Limits::default()).unwrap();
    for format in [WeightFormat::F16, WeightFormat::Bf16, WeightFormat::Int8] {
        let changed = rounded(&graph, format).unwrap();
        let mut matrices = 0;
        for (before, after) in graph.parameters().zip(changed.parameters()) {
            assert_eq!((before.name, before.shape), (after.name, after.shape));
            let addend = before.shape.len() < 2;
            matrices += usize::from(!addend);
            let expected = match (format, addend) {
                (WeightFormat::Int8, true) => before.values.to_vec(),
                _ => format.round(before.values).unwrap(),
            };
            assert_eq!(after.values, expected, "{} {}", format.name(), before.name);
            assert!(addend || after.values != before.values);
        }
        assert_eq!(matrices, 4, "layers");
        // What runs is the network with these weights.
        let value = |graph: &Graph| {
            let mut y = [0.0; 2];
            Network::new(graph, Precision::F64).unwrap().value(0.4, &[0.3, -1.2], &mut y);
            y
        };
        let (whole, fewer) = (value(&graph), value(&changed));
        let apart = whole.iter().zip(fewer).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart > 1e-6 && apart < 0.5, "{}: {apart}", format.name());
        assert_eq!(value(&rounded(&changed, format).unwrap()), fewer, "rounding again changes nothing");
    }
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let graph = Graph::read(MOONS, &Limits::default()).unwrap();
    let weight = graph.parameters().last().unwrap();
    let (name, mut values) = (weight.name.to_string(), weight.values.to_vec());
    values[1] = 1e5;
    let large = graph.with_values(&[(&name, &values)]).unwrap();
    let refusal = rounded(&large, WeightFormat::F16).unwrap_err();
    assert!(refusal.contains(&name) && refusal.contains("1e5"), "{refusal}");
    assert!(rounded(&large, WeightFormat::Bf16).is_ok());
    let refusal = rounded(&Graph::default(), WeightFormat::Int8).unwrap_err();
    assert!(refusal.contains("no weights"), "{refusal}");
}
