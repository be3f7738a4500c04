//! `sample --pairs` and trainings on its pairs.

mod common;

use common::Bench;

/// From N(0, I) to N(0, diag(9, 0.16)), by pairs where `data` and `pairs` say so.
fn recipe(data: &str, pairs: &str) -> String {
    format!(
        "\
name = \"gaussians\"
{data}
[source]
kind = \"gaussian\"
[process]
kind = \"flow\"
[objective]
method = \"rectified\"
{pairs}
[network]
kind = \"mlp\"
hidden = [32, 32]
[training]
updates = 3000
batch = 128
learning_rate = 3e-3
average = 0.99
validation_pairs = 512
samples = 20
[sampler]
method = \"euler\"
steps = 25
"
    )
}

const GAUSSIAN: &str = "[data]\nkind = \"gaussian\"\nvariances = [9.0, 0.16]";

/// S and E|x1 − x0|² of a model, with `pairs.npz` left behind.
fn straightness(bench: &Bench, model: &str) -> [f64; 2] {
    let words = ["sample", model, "-n", "700", "--pairs", "pairs.npz", "--format", "json"];
    let said: serde_json::Value = serde_json::from_str(&bench.done(&words)).unwrap();
    ["bend", "squared_distance"].map(|key| said["straightness"][key]["mean"].as_f64().unwrap())
}

/// The same of 25 Euler steps with the exact velocity x (u s² − (1 − u))/((1 − u)² + u² s²) of independent pairs.
fn euler() -> [f64; 2] {
    let mut found = [0.0; 2];
    for variance in [9.0, 0.16] {
        let mut state = vec![1.0];
        for n in 0..25 {
            let u = f64::from(n) / 25.0;
            let v = state[n as usize] * (u * variance - (1.0 - u)) / ((1.0 - u).powi(2) + u * u * variance);
            state.push(state[n as usize] + v / 25.0);
        }
        let whole = state[25] - 1.0;
        found[0] += state.windows(2).map(|x| (25.0 * (x[1] - x[0]) - whole).powi(2)).sum::<f64>() / 25.0;
        found[1] += whole * whole;
    }
    found
}

/// The numbers of an array of `pairs.npz`.
fn array(bench: &Bench, name: &str) -> Vec<f64> {
    let file = std::fs::File::open(bench.path("pairs.npz")).unwrap();
    let mut zip = zip::ZipArchive::new(file).unwrap();
    let entry = zip.by_name(&format!("{name}.npy")).unwrap();
    let npy = npyz::NpyFile::new(entry).unwrap();
    assert_eq!(npy.shape(), [700, 2]);
    npy.into_vec().unwrap()
}

#[test]
fn a_reflow_straightens_and_resumes_on_the_same_pairs_only() {
    let bench = Bench::new();
    bench.write("first.toml", recipe(GAUSSIAN, ""));
    bench.done(&["train", "first.toml", "-q", "-o", "first"]);
    let [bend, distance] = straightness(&bench, "first/model.toml");
    let [exact, moved] = euler();
    assert!(
        (bend - exact).abs() < 0.2 * exact && (distance - moved).abs() < 0.2 * moved,
        "{bend} {distance}"
    );
    // x0 are draws from the source, and x1 what `sample` writes.
    bench.done(&["sample", "first/model.toml", "-n", "700", "-o", "x.npy", "-q"]);
    let x1: Vec<u8> = array(&bench, "x1").iter().flat_map(|x| x.to_le_bytes()).collect();
    assert!(std::fs::read(bench.path("x.npy")).unwrap().ends_with(&x1));
    let x0 = array(&bench, "x0");
    let square = x0.iter().map(|x| x * x).sum::<f64>() / x0.len() as f64;
    assert!((square - 1.0).abs() < 0.2, "{square}");
    let moved: f64 = x0.iter().zip(array(&bench, "x1")).map(|(a, b)| (b - a).powi(2)).sum::<f64>() / 700.0;
    assert!((moved - distance).abs() < 1e-9 * distance, "{moved} {distance}");

    bench.write("second.toml", recipe("", "pairs = \"pairs.npz\""));
    let train = ["train", "second.toml", "-q", "-o", "second"];
    bench.done(&train);
    let before = std::fs::read(bench.path("pairs.npz")).unwrap();
    let [straight, _] = straightness(&bench, "second/model.toml");
    assert!(straight < 0.1 * bend, "S = {straight} after the reflow, {bend} before");
    let record = std::fs::read_to_string(bench.path("second/recipe.toml")).unwrap();
    assert!(record.contains("\"objective.pairs\" = ") && record.contains("validation = 0.1"), "{record}");
    let resume = [&train[..], &["--resume"]].concat();
    bench.refused(&resume, 2, &["objective.pairs", "earlier training", "resume"]);
    std::fs::write(bench.path("pairs.npz"), before).unwrap();
    bench.done(&resume);
}

#[test]
fn data_beside_pairs_give_the_support() {
    let bench = Bench::new();
    let x0: Vec<f64> = (0..6).map(|i| f64::from(i) - 2.5).collect();
    let moons = "[data]\nkind = \"two-moons\"\nscale = 3.0";
    bench.npz("p.npz", &[("x1", &[3, 2], &[0.0, 3.0, 3.0, -1.5, -3.0, 0.0]), ("x0", &[3, 2], &x0)]);
    let few = |text: String| text.replace("updates = 3000", "updates = 2");
    bench.write("r.toml", few(recipe(moons, "pairs = \"p.npz\"\nvalidation = 0.0")));
    let train = ["train", "r.toml", "-q", "-o", "out", "--overwrite"];
    bench.done(&train);
    let model = std::fs::read_to_string(bench.path("out/model.toml")).unwrap();
    assert!(model.contains("[support]\nkind = \"two-moons\""), "{model}");
    bench.write("r.toml", few(recipe("", "pairs = \"p.npz\"")));
    bench.done(&train);
    assert!(!std::fs::read_to_string(bench.path("out/model.toml")).unwrap().contains("[support]"));
    // What would have no effect beside pairs is refused.
    let points = "[data]\nkind = \"p.csv\"\nvalidation = 0.2";
    bench.write("p.csv", "1,2\n3,4\n");
    bench.write("r.toml", recipe(points, "pairs = \"p.npz\""));
    bench.refused(&train, 2, &["validation", "[data]"]);
    bench.write("r.toml", recipe("[data]\nkind = \"sphere\"", "pairs = \"p.npz\""));
    bench.refused(&train, 2, &["p.npz", "x1", "[3]", "[2]"]);
}

#[test]
fn bad_pairs_are_refused_with_file_and_array() {
    let bench = Bench::new();
    let text = recipe("", "pairs = \"p.npz\"").replace("updates = 3000", "updates = 2");
    bench.write("r.toml", &text);
    let train = ["train", "r.toml", "-q", "-o", "out", "--overwrite"];
    bench.refused(&train, 2, &["objective.pairs", "p.npz", "exists"]);
    let (two, four) = ([1.0, 2.0], [1.0, 2.0, 3.0, 4.0]);
    type Arrays<'a> = &'a [(&'a str, &'a [usize], &'a [f64])];
    let cases: [(Arrays, &[&str]); 7] = [
        (&[("x0", &[1, 2], &two), ("y", &[1, 2], &two)], &["x1", "x0 and x1"]),
        (&[("x0", &[1, 2], &two), ("x1", &[2, 2], &four)], &["x1", "[1, 2]", "[2, 2]"]),
        (&[("x0", &[2], &two), ("x1", &[2], &two)], &["x0", "[2]", "coordinates"]),
        (&[("x0", &[0, 2], &[]), ("x1", &[0, 2], &[])], &["x0", "at least one pair"]),
        (&[("x0", &[1, 2], &two), ("x1", &[1, 2], &[1.0, f64::NAN])], &["x1", "finite", "row 0"]),
        (&[("x0", &[1, 2], &[1.0, 1e39]), ("x1", &[1, 2], &two)], &["x0", "f32", "row 0"]),
        (&[], &["x0", "x1"]),
    ];
    for (arrays, words) in cases {
        bench.npz("p.npz", arrays);
        bench.refused(&train, 2, &[&["p.npz", "--pairs"], words].concat());
    }
    bench.write("p.npz", "no archive");
    bench.refused(&train, 2, &["p.npz", "zip"]);
    // Sources that are no draws from N(0, I): all of them too far out.
    let far: Vec<f64> = (0..400).map(|i| 3.0 + (f64::from(i)).sin()).collect();
    bench.npz("p.npz", &[("x0", &[200, 2], &far), ("x1", &[200, 2], &far)]);
    bench.refused(&train, 2, &["p.npz", "x0", "[source]", "mean"]);
    // One pair is enough.
    bench.npz("p.npz", &[("x0", &[1, 2], &two), ("x1", &[1, 2], &two)]);
    bench.done(&train);
    bench.write("r.toml", text.replace("rectified", "ot-cfm"));
    bench.refused(&train, 2, &["objective.method", "rectified"]);
    bench.write("r.toml", recipe("", ""));
    bench.refused(&train, 2, &["[data]"]);
}

#[test]
fn what_makes_no_pairs_is_refused() {
    let bench = Bench::new();
    fn pairs<'w>(more: &[&'w str]) -> Vec<&'w str> {
        [&["sample", "builtin:two-moons-sgm-ode", "--pairs"], more].concat()
    }
    bench.refused(&pairs(&["p.npy"]), 2, &["--pairs", ".npz", "p.npy"]);
    bench.refused(&pairs(&["p.npz", "--noise-level", "1"]), 2, &["deterministic", "--noise-level 0"]);
    bench.refused(&pairs(&["p.npz", "-o", "x.npy"]), 2, &["--pairs", "--out"]);
    bench.refused(&["sample", "builtin:two-moons-sgm-ode"], 2, &["--out"]);
    bench.refused(&pairs(&["no/p.npz"]), 2, &["no", "folder"]);
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 0);
    // One sample, one step.
    let text = bench.done(&pairs(&["p.npz", "-n", "1", "--steps", "1"]));
    assert!(text.contains("1 pair in R^2") && text.contains("= 0.0000;"), "{text}");
}
