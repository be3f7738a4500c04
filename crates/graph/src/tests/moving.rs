//! Padding, interpolation, indexing and rearrangement against plain loops.

use super::build::{Model, int, ints, text};
use super::checks::{check_operator, indices, numbers};

#[test]
fn padding_in_all_modes() {
    let reflected = |mut i: i64, n: i64| {
        while !(0..n).contains(&i) {
            i = if i < 0 { -i } else { 2 * (n - 1) - i };
        }
        i
    };
    type Position<'a> = &'a dyn Fn(i64, i64) -> Option<i64>;
    let modes: [(&str, Position); 4] = [
        ("constant", &|i, n| (0..n).contains(&i).then_some(i)),
        ("edge", &|i, n| Some(i.clamp(0, n - 1))),
        ("wrap", &|i, n| Some(i.rem_euclid(n))),
        ("reflect", &|i, n| Some(reflected(i, n))),
    ];
    for (mode, position) in modes {
        for (rows, [top, bottom, left, right]) in
            [(3i64, [2i64, 1, 0, 3]), (1, [0, 0, 1, 1]), (4, [-1, 2, 1, -1])]
        {
            let nodes = |m: Model| {
                m.integers("pads", &[0, top, left, 0, bottom, right])
                    .floats("value", &[], &[0.75])
                    .node_with("z = Pad h pads value", vec![text("mode", mode)])
            };
            check_operator(&[rows, 4], nodes, |x| {
                // What is cut off is not there to be continued.
                let cut = |n: i64, a: i64, b: i64| (-a.min(0), n + a.min(0) + b.min(0));
                let ((first, n), (begin, w)) = (cut(rows, top, bottom), cut(4, left, right));
                let from = |i: i64, j: i64| match (position(i, n), position(j, w)) {
                    (Some(i), Some(j)) => x[((i + first) * 4 + j + begin) as usize],
                    _ => 0.75,
                };
                let span = |n: i64, a: i64, b: i64| -a.max(0)..n + b.max(0);
                span(n, top, bottom)
                    .flat_map(|i| span(w, left, right).map(move |j| (i, j)))
                    .map(|(i, j)| from(i, j))
                    .collect()
            });
        }
    }
}

#[test]
fn resizing_by_whole_factors() {
    let nearest = |m: Model| {
        m.floats("scales", &[4], &[1.0, 1.0, 2.0, 3.0]).node_with(
            "z = Resize h _ scales",
            vec![
                text("mode", "nearest"),
                text("coordinate_transformation_mode", "asymmetric"),
                text("nearest_mode", "floor"),
            ],
        )
    };
    check_operator(&[2, 2, 2], nearest, |x| {
        indices(&[2, 4, 6]).iter().map(|i| x[i[0] * 4 + i[1] / 2 * 2 + i[2] / 3]).collect()
    });
    // Twice as long, half-pixel centres: weights 1/4 and 3/4.
    let linear = |m: Model| {
        m.integers("sizes", &[1, 6])
            .integers_of("axes", &[1], &[1])
            .node("s = Shape h")
            .integers("zero", &[0])
            .node("b = Gather s zero")
            .integers("six", &[6])
            .node_with("to = Concat b six", vec![int("axis", 0)])
            .node_with("z = Resize h _ _ to", vec![text("mode", "linear")])
    };
    check_operator(&[3], linear, |x| {
        let end = |i: i64| x[i.clamp(0, 2) as usize];
        (0..6)
            .map(|i| {
                let (near, far) = (i / 2, if i % 2 == 0 { i / 2 - 1 } else { i / 2 + 1 });
                0.75 * end(near) + 0.25 * end(far)
            })
            .collect()
    });
}

#[test]
fn resizing_with_cubics() {
    let kernel = |d: f64| {
        let (d, a) = (d.abs(), -0.75);
        if d <= 1.0 {
            (a + 2.0) * d.powi(3) - (a + 3.0) * d.powi(2) + 1.0
        } else if d < 2.0 {
            a * d.powi(3) - 5.0 * a * d.powi(2) + 8.0 * a * d - 4.0 * a
        } else {
            0.0
        }
    };
    for exclude in [0, 1] {
        let nodes = |m: Model| {
            m.floats("scales", &[2], &[1.0, 2.5]).node_with(
                "z = Resize h _ scales",
                vec![text("mode", "cubic"), int("exclude_outside", exclude)],
            )
        };
        check_operator(&[4], nodes, |x| {
            let at = |i: usize| {
                let centre = (i as f64 + 0.5) / 2.5 - 0.5;
                let taps: Vec<i64> = (-3..8).filter(|&j| exclude == 0 || (0..4).contains(&j)).collect();
                let total: f64 = taps.iter().map(|&j| kernel(centre - j as f64)).sum();
                let sum: f64 =
                    taps.iter().map(|&j| kernel(centre - j as f64) * x[j.clamp(0, 3) as usize]).sum();
                sum / total
            };
            (0..10).map(at).collect()
        });
    }
}

#[test]
fn resizing_with_other_coordinates() {
    for (mode, old) in [
        ("align_corners", (&|i: f64| i * 3.0 / 6.0) as &dyn Fn(f64) -> f64),
        ("asymmetric", &|i| i / 1.75),
        ("pytorch_half_pixel", &|i| (i + 0.5) / 1.75 - 0.5),
        ("half_pixel_symmetric", &|i| (i + 0.5) / 1.75 - 0.5),
    ] {
        let nodes = |m: Model| {
            m.floats("scales", &[1], &[1.75]).node_with(
                "z = Resize h _ scales",
                vec![
                    text("mode", "linear"),
                    text("coordinate_transformation_mode", mode),
                    ints("axes", &[1]),
                ],
            )
        };
        check_operator(&[4], nodes, |x| {
            let at = |i: usize| {
                let centre = old(i as f64).clamp(0.0, 3.0);
                let left = (centre.floor() as usize).min(2);
                x[left] + (x[left + 1] - x[left]) * (centre - left as f64)
            };
            (0..7).map(at).collect()
        });
    }
    // Old coordinates 0, 0.75, 1.5, 2.25.
    for (rounding, positions) in [
        ("floor", [0, 0, 1, 2]),
        ("ceil", [0, 1, 2, 2]),
        ("round_prefer_floor", [0, 1, 1, 2]),
        ("round_prefer_ceil", [0, 1, 2, 2]),
    ] {
        let nodes = |m: Model| {
            m.floats("scales", &[2], &[1.0, 4.0 / 3.0]).node_with(
                "z = Resize h _ scales",
                vec![text("coordinate_transformation_mode", "asymmetric"), text("nearest_mode", rounding)],
            )
        };
        check_operator(&[3], nodes, |x| positions.iter().map(|&p: &usize| x[p]).collect());
    }
}

#[test]
fn gathering_known_positions() {
    let rows = |m: Model| {
        m.integers_of("i", &[2, 2], &[2, 0, -1, 2]).node_with("z = Gather h i", vec![int("axis", 1)])
    };
    check_operator(&[3, 2], rows, |x| {
        [2, 0, 2, 2].iter().flat_map(|r| x[2 * r..2 * r + 2].to_vec()).collect()
    });
    let one = |m: Model| m.integers_of("i", &[], &[-2]).node_with("z = Gather h i", vec![int("axis", 2)]);
    check_operator(&[3, 2], one, |x| x.chunks(2).map(|r| r[0]).collect());
    // Positions that are the same for all samples, repeated over the batch.
    let elements = |m: Model| {
        m.integers_of("i", &[1, 2, 2], &[1, 0, -1, 1])
            .node("s = Shape h")
            .integers("zero", &[0])
            .node("b = Gather s zero")
            .integers("two", &[2, 2])
            .node_with("to = Concat b two", vec![int("axis", 0)])
            .node("j = Expand i to")
            .node_with("z = GatherElements h j", vec![int("axis", 1)])
    };
    check_operator(&[3, 2], elements, |x| vec![x[2], x[1], x[4], x[3]]);
    let tuples = |m: Model| {
        m.node_with("turned = Transpose h", vec![ints("perm", &[1, 2, 0])])
            .integers_of("i", &[3, 2], &[0, 1, 2, -1, 0, 1])
            .node("g = GatherND turned i")
            .node_with("z = Transpose g", vec![ints("perm", &[1, 0])])
    };
    check_operator(&[3, 2], tuples, |x| vec![x[1], x[5], x[1]]);
}

#[test]
fn scattering_to_known_positions() {
    for (reduction, expected) in [("none", [None, Some(1), None, Some(2)]), ("add", [None, None, None, None])]
    {
        let nodes = |m: Model| {
            m.node_with("turned = Transpose h", vec![ints("perm", &[1, 0])])
                .node("e = Exp turned")
                .integers("from", &[0])
                .integers("to", &[3])
                .node("u = Slice e from to from")
                .integers_of("i", &[3, 1], &[3, 1, -1])
                .node_with("s = ScatterND turned i u", vec![text("reduction", reduction)])
                .node_with("z = Transpose s", vec![ints("perm", &[1, 0])])
        };
        check_operator(&[4], nodes, |x| {
            let replaced = |(i, source): (usize, &Option<usize>)| match (reduction, source) {
                ("none", Some(source)) => x[*source].exp(),
                ("none", None) => x[i],
                _ => x[i] + [0.0, x[1].exp(), 0.0, x[0].exp() + x[2].exp()][i],
            };
            expected.iter().enumerate().map(replaced).collect()
        });
    }
    let elements = |m: Model| {
        m.integers_of("i", &[1, 2], &[2, 0])
            .floats("u", &[1, 2], &[5.0, 7.0])
            .node_with("z = ScatterElements h i u", vec![int("axis", 1)])
    };
    check_operator(&[3], elements, |x| vec![7.0, x[1], 5.0]);
}

#[test]
fn looking_up_by_the_time() {
    let table = numbers(8, 80);
    let model = Model::new(&[2])
        .floats("table", &[4, 2], &table)
        .floats("eight", &[], &[8.0])
        .node("s = Mul t eight")
        .node_with("i = Cast s", vec![int("to", 7)])
        .node("e = Gather table i")
        .node("f = Sin x")
        .node("y = Mul e f");
    // t = 0.37: row 2.
    super::checks::check(&model, |t, x| {
        let row = (8.0 * t) as usize * 2;
        (0..2).map(|i| table[row + i] * x[i].sin()).collect()
    });
}

#[test]
fn tuples_of_one_position_by_the_time_are_rows() {
    let table = numbers(8, 81);
    let model = Model::new(&[2])
        .floats("table", &[4, 2], &table)
        .floats("eight", &[], &[8.0])
        .integers("last", &[-1])
        .node("s = Mul t eight")
        .node_with("i = Cast s", vec![int("to", 7)])
        .node("j = Unsqueeze i last")
        .node("e = GatherND table j")
        .node("y = Mul e x");
    // t = 0.37: row 2.
    super::checks::check(&model, |t, x| {
        let row = (8.0 * t) as usize * 2;
        (0..2).map(|i| table[row + i] * x[i]).collect()
    });
}

#[test]
fn rows_outside_of_a_table_are_no_numbers() {
    let model = Model::new(&[2])
        .floats("table", &[4, 2], &numbers(8, 80))
        .node_with("i = Cast t", vec![int("to", 7)])
        .node("e = Gather table i")
        .node("y = Mul e x");
    let network = crate::Network::new(&super::checks::read(&model), crate::Precision::F64).unwrap();
    let mut y = [0.0; 2];
    for (t, inside) in [(3.0, true), (-4.0, true), (4.0, false), (-5.0, false)] {
        network.value(t, &[1.0, 1.0], &mut y);
        assert_eq!(y.iter().all(|y| y.is_finite()), inside, "{t}");
    }
}

#[test]
fn blocks_tiles_and_triangles() {
    for (mode, place) in [
        ("DCR", (|c, y, x| (y % 2 * 2 + x % 2) * 2 + c) as fn(usize, usize, usize) -> usize),
        ("CRD", |c, y, x| c * 4 + y % 2 * 2 + x % 2),
    ] {
        let nodes =
            |m: Model| m.node_with("z = DepthToSpace h", vec![int("blocksize", 2), text("mode", mode)]);
        // Eight channels of 1 × 2 to two of 2 × 4.
        check_operator(&[8, 1, 2], nodes, |v| {
            indices(&[2, 2, 4]).iter().map(|i| v[place(i[0], i[1], i[2]) * 2 + i[2] / 2]).collect()
        });
    }
    let deep = |m: Model| m.node_with("z = SpaceToDepth h", vec![int("blocksize", 2)]);
    check_operator(&[2, 2, 4], deep, |v| {
        indices(&[2, 2, 2, 2]).iter().map(|i| v[i[2] * 8 + i[0] * 4 + i[3] * 2 + i[1]]).collect()
    });
    let tile = |m: Model| m.integers("r", &[1, 2, 3]).node("z = Tile h r");
    check_operator(&[2, 2], tile, |v| indices(&[4, 6]).iter().map(|i| v[i[0] % 2 * 2 + i[1] % 2]).collect());
    for (upper, k) in [(1, 0), (0, 0), (1, 1), (0, -1), (1, -2), (0, 5)] {
        let nodes =
            |m: Model| m.integers_of("k", &[], &[k]).node_with("z = Trilu h k", vec![int("upper", upper)]);
        check_operator(&[2, 3], nodes, |v| {
            let kept = |i: usize| {
                let distance = (i % 3) as i64 - (i / 3) as i64;
                if upper == 1 { distance >= k } else { distance <= k }
            };
            (0..6).map(|i| if kept(i) { v[i] } else { 0.0 }).collect()
        });
    }
}
