//! Data that are normalised for the training, and samples in the units of the data.

mod common;

use common::Bench;

/// Rows on an ellipse about (100, −0.003) with half axes 20 and 1e-3, at equal angles: deviations 20/√2 and 1e-3/√2.
fn ellipse(count: u32) -> String {
    let row = |i: u32| {
        let angle = std::f64::consts::TAU * f64::from(i) / f64::from(count);
        format!("{},{}\n", 100.0 + 20.0 * angle.cos(), -0.003 + 1e-3 * angle.sin())
    };
    (0..count).map(row).collect()
}

const SHIFT: [f64; 2] = [100.0, -0.003];
const FACTOR: [f64; 2] = [20.0 * std::f64::consts::FRAC_1_SQRT_2, 1e-3 * std::f64::consts::FRAC_1_SQRT_2];

fn recipe(data: &str, more: &str) -> String {
    format!(
        "\
name = \"ellipse\"
[data]
kind = \"points.csv\"
{data}
[process]
kind = \"flow\"
[objective]
method = \"ot-cfm\"
sigma = 0.05
[network]
kind = \"mlp\"
hidden = [32, 32]
[training]
updates = 300
batch = 64
learning_rate = 5e-3
validation_pairs = 64
samples = 20
[sampler]
steps = 10
{more}
"
    )
}

const TRAIN: [&str; 6] = ["train", "r.toml", "-q", "-o", "out", "--overwrite"];

fn rows(bench: &Bench, name: &str) -> Vec<[f64; 2]> {
    let text = std::fs::read_to_string(bench.path(name)).unwrap();
    let row = |line: &str| {
        let mut cells = line.split(',').map(|cell| cell.parse::<f64>().unwrap());
        [0, 1].map(|_| cells.next().unwrap())
    };
    text.lines().map(row).collect()
}

fn numbers(table: &toml::Table, key: &str) -> Vec<f64> {
    table["normalisation"][key].as_array().unwrap().iter().map(|v| v.as_float().unwrap()).collect()
}

#[test]
fn standard_normalisation_there_and_back() {
    let bench = Bench::new();
    bench.write("points.csv", ellipse(200));
    let robust = "[robust]\nweight = \"budget\"\npaths = 8\nsteps = 3\nmeasure = 100";
    bench.write("r.toml", recipe("normalise = \"standard\"", robust));
    bench.done(&TRAIN);
    let text = std::fs::read_to_string(bench.path("out/model.toml")).unwrap();
    let model: toml::Table = toml::from_str(&text).unwrap();
    for (key, expected) in [("shift", SHIFT), ("factor", FACTOR)] {
        let found = numbers(&model, key);
        assert_eq!(found.len(), 2);
        assert!(found.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-12), "{key} {found:?}");
    }
    bench.done(&["sample", "out/model.toml", "-n", "300", "-o", "z.csv", "-q"]);
    let text = bench.done(&["sample", "out/model.toml", "-n", "300", "-o", "x.csv", "--data-units"]);
    assert!(text.contains("units of the data"), "{text}");
    let (z, x) = (rows(&bench, "z.csv"), rows(&bench, "x.csv"));
    for d in 0..2 {
        for (z, x) in z.iter().zip(&x) {
            assert!((x[d] - SHIFT[d] - FACTOR[d] * z[d]).abs() < 1e-10 * SHIFT[d].abs(), "{x:?} {z:?}");
        }
        // Samples are where the data are, in their own units.
        let mean = x.iter().map(|x| x[d]).sum::<f64>() / 300.0;
        assert!((mean - SHIFT[d]).abs() < FACTOR[d], "coordinate {d}: mean {mean}");
    }
    // Analyses stay in normalised units, with the support: half an axis is √2 there.
    assert_eq!(model["support"]["normalise"].as_str(), Some("standard"));
    bench.done(&["analyze", "out/model.toml", "-n", "40", "-o", "analysed", "-q", "--no-response"]);
    let distance = &bench.json("analysed/summary.json")["robustness"][0]["distance"]["q50"];
    assert!(distance.as_f64().unwrap() < 0.7, "{distance}");
    let kept = std::fs::read_to_string(bench.path("analysed/model.toml")).unwrap();
    assert_eq!(numbers(&toml::from_str(&kept).unwrap(), "factor"), numbers(&model, "factor"));
}

#[test]
fn a_scale_is_recorded_and_undone_too() {
    let bench = Bench::new();
    bench.write("points.csv", "0,10\n5,20\n5,30\n10,40\n");
    let text = recipe("scale = [-1.0, 1.0]", "").replace("updates = 300", "updates = 2");
    bench.write("r.toml", text);
    bench.done(&TRAIN);
    let text = std::fs::read_to_string(bench.path("out/model.toml")).unwrap();
    // 0 … 40 goes to −1 … 1.
    let model: toml::Table = toml::from_str(&text).unwrap();
    assert_eq!((numbers(&model, "shift"), numbers(&model, "factor")), (vec![20.0], vec![20.0]));
    bench.done(&["sample", "out/model.toml", "-n", "5", "-o", "z.csv", "-q"]);
    bench.done(&["sample", "out/model.toml", "-n", "5", "-o", "x.csv", "-q", "--data-units"]);
    for (z, x) in rows(&bench, "z.csv").iter().zip(rows(&bench, "x.csv")) {
        assert!((0..2).all(|d| (x[d] - 20.0 - 20.0 * z[d]).abs() < 1e-9), "{z:?} {x:?}");
    }
}

#[test]
fn a_difference_of_models_in_other_units_is_refused() {
    let bench = Bench::new();
    bench.write("points.csv", "0,10\n5,20\n5,30\n10,40\n");
    for (low, seed, out) in [("-1.0", 0, "a"), ("0.0", 0, "b"), ("-1.0", 1, "c")] {
        let updates = format!("updates = 2\nseed = {seed}");
        bench
            .write("r.toml", recipe(&format!("scale = [{low}, 1.0]"), "").replace("updates = 300", &updates));
        bench.done(&["train", "r.toml", "-q", "-o", out]);
    }
    let other = |name| ["perturb", "a/model.toml", "-n", "4", "-q", "-o", "out", "--difference", name];
    bench.refused(&other("b/model.toml"), 2, &["--difference b/model.toml", "normalised"]);
    bench.done(&other("c/model.toml"));
}

#[test]
fn a_recipe_may_bring_the_normalisation_of_its_data() {
    let bench = Bench::new();
    bench.write("points.csv", "0,1\n1,0\n-1,0\n0.3,-1\n");
    let short = |data: &str, more: &str| recipe(data, more).replace("updates = 300", "updates = 2");
    let given = "[normalisation]\nshift = [5, 6]\nfactor = [2.5]";
    bench.write("r.toml", short("", given));
    bench.done(&TRAIN);
    let model: toml::Table =
        toml::from_str(&std::fs::read_to_string(bench.path("out/model.toml")).unwrap()).unwrap();
    assert_eq!((numbers(&model, "shift"), numbers(&model, "factor")), (vec![5.0, 6.0], vec![2.5]));
    let refused = |data: &str, more: &str, words: &[&str]| {
        bench.write("r.toml", short(data, more));
        bench.refused(&TRAIN, 2, words);
    };
    refused("normalise = \"standard\"", given, &["[normalisation]", "beside"]);
    refused("normalise = \"standard\"\nscale = [0, 1]", "", &["data.normalise", "scale"]);
    refused("normalise = \"minmax\"", "", &["data.normalise", "standard"]);
    refused("", "[normalisation]\nshift = [1, 2, 3]\nfactor = [1]", &["normalisation.shift", "3", "2"]);
    refused("", "[normalisation]\nshift = [1]\nfactor = [-1]", &["normalisation.factor", "> 0"]);
    refused("", "[normalisation]\nshift = [1]", &["factor", "Add"]);
    refused("", "[normalisation]\nshift = [1]\nfactors = [1]", &["normalisation"]);
    // Nothing to undo.
    let words = ["sample", "builtin:two-moons-sgm-ode", "-n", "2", "-o", "x.csv", "--data-units"];
    bench.refused(&words, 2, &["--data-units", "[normalisation]", "leave"]);
}
