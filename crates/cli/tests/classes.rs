//! `surefoot tangent --labels`: the dimension by class, on data of which one class is a line and one a plane.

mod common;

use common::Bench;
use serde_json::Value;

/// A segment along the first axis at height 0 and a square at height 3, in R^3, as points that lie half a σ apart: noised by
/// σ ≥ 0.1 they are, to within exp(−2π² · 4), uniform on the segment and on the square.
fn lattice() -> String {
    let line = (0..161).map(|i| format!("{},0,0", -4.0 + 0.05 * f64::from(i)));
    let place = |i: i32| -2.0 + 0.05 * f64::from(i);
    let square = (0..81).flat_map(|i| (0..81).map(move |j| format!("{},{},3", place(i), place(j))));
    line.chain(square).collect::<Vec<_>>().join("\n")
}

const MODEL: &str = r#"
name = "line and square"
[field]
kind = "analytic"
data = "lattice.csv"
[process]
kind = "ve"
schedule = { kind = "geometric", sigma_min = 0.1, sigma_max = 6.0 }
noise_level = 0.0
start = 1.0
end = 0.0
[source]
kind = "marginal"
[sampler]
method = "heun"
steps = 40
"#;

/// Numbers in [0, 1) (Vigna's SplitMix64).
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Rows of both classes in turn, class 3 on the segment and class 5 on the square, with their labels.
fn rows(bench: &Bench, name: &str, count: usize, width: f64) -> [String; 2] {
    let mut uniform = Uniform(7 + count as u64);
    let (mut points, mut labels) = (Vec::new(), Vec::new());
    for i in 0..count {
        let mut place = || width * (2.0 * uniform.next() - 1.0);
        let (a, b) = (place(), place());
        points.push(if i % 2 == 0 { format!("{a},0,0") } else { format!("{a},{b},3") });
        labels.push(if i % 2 == 0 { "3" } else { "5" });
    }
    [bench.write(&format!("{name}.csv"), points.join("\n")), {
        bench.write(&format!("{name}-labels.csv"), labels.join("\n"))
    }]
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("lattice.csv", lattice());
    bench.write("model.toml", MODEL);
    rows(&bench, "at", 8, 0.8);
    rows(&bench, "data", 800, 2.0);
    bench
}

const WORDS: [&str; 8] =
    ["tangent", "model.toml", "--at", "at.csv", "--labels", "at-labels.csv", "--score-times", "0,0.2"];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn a_line_and_a_square_have_their_dimensions() {
    let bench = bench();
    let reference =
        ["--reference", "data.csv", "--reference-labels", "data-labels.csv", "--neighbours", "20"];
    let words = [&WORDS[..], &reference, &["--format", "json", "-o", "out"]].concat();
    let text = bench.done(&words);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found, bench.json("out/dimension.json"));
    assert_eq!((&found["sample_of"], &found["dim"]), (&"reference".into(), &3.into()));
    assert_eq!(found["unfinished"], serde_json::json!([]));
    for (place, class, d) in [(0, 3, 1.0), (1, 5, 2.0)] {
        let row = &found["classes"][place];
        assert_eq!((&row["class"], &row["points"], &row["given"]), (&class.into(), &4.into(), &4.into()));
        let gap = &row["generation"]["gap"]["ensemble"];
        assert_eq!((number(&gap["gap"]["dimension"]), &gap["gap"]["standing"]), (d, &"clear".into()));
        assert_eq!((number(&gap["interval"]["low"]), number(&gap["interval"]["high"])), (d, d));
        assert_eq!(gap["curve"].as_array().unwrap().len(), 2);
        assert_eq!(row["generation"]["log_growth"].as_array().unwrap().len(), 3);
        assert!(number(&row["mismatch"]["q95"]) < 1e-9, "{}", row["mismatch"]);
        // Noised by σ the density is constant along the class and N(0, σ²) across it: FLIPD is d at every σ.
        for (score, sigma) in [(0, 0.1), (1, 0.1 * 60f64.powf(0.2))] {
            let score = &row["scores"][score];
            assert!((number(&score["scale"]["ratio"]) - sigma).abs() < 1e-12);
            let bundle = &score["normal_bundle"];
            assert_eq!(number(&bundle["ensemble"]["gap"]["dimension"]), d, "σ = {sigma}");
            assert_eq!(bundle["settings"]["copies"], 12);
            for value in score["flipd"]["each"].as_array().unwrap() {
                assert!((number(value) - d).abs() < 1e-5, "σ = {sigma}: {value}");
            }
        }
        let sample = &row["sample"];
        assert_eq!(sample["rows"], 400);
        assert_eq!(number(&sample["local_pca"][0]["found"]["dimension"]), d);
        for name in ["two_nn", "levina_bickel"] {
            let estimate = number(&sample[name]["dimension"]["value"]);
            assert!((estimate - d).abs() < 0.15 * d, "{name}: {estimate} for {d}");
        }
    }
    let all = &found["all"];
    assert_eq!((&all["class"], &all["points"]), (&Value::Null, &8.into()));
    let each = &all["generation"]["gap"]["ensemble"]["answers"]["each"];
    assert_eq!(*each, serde_json::json!([1, 1, 1, 1, 2, 2, 2, 2]));
    // Points of differing dimension have none together.
    assert_eq!(all["generation"]["gap"]["ensemble"]["gap"]["standing"], "unclear");
    assert_eq!(all["sample"]["rows"], 800);
    let again = bench.done(&[&words[..words.len() - 2], &["--threads", "1"]].concat());
    assert_eq!(again, text, "threads must not change a number");
}

/// Where the generation has parted the classes already, the normal directions shrink as the noise does.
#[test]
fn followed_from_late_a_line_and_a_square_spread_in_their_directions() {
    let bench = bench();
    let text = bench.done(&[&WORDS[..], &["--from", "0.3", "--format", "json"]].concat());
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&found["generation"]["start"], &found["generation"]["steps"]), (&0.3.into(), &40.into()));
    for (place, d) in [(0, 1), (1, 2)] {
        let spread = &found["classes"][place]["generation"]["spread"];
        assert_eq!(spread["answers"]["each"], serde_json::json!(vec![d; 4]));
        assert_eq!((number(&spread["over_points"]["mean"]), number(&spread["at_end"])), (f64::from(d), 0.0));
    }
}

#[test]
fn a_class_alone_has_the_same_numbers() {
    let bench = bench();
    let both: Value =
        serde_json::from_str(&bench.done(&[&WORDS[..], &["--format", "json"]].concat())).unwrap();
    let alone = bench.done(&[&WORDS[..], &["--class", "5", "--format", "json"]].concat());
    let alone: Value = serde_json::from_str(&alone).unwrap();
    assert_eq!(alone["classes"][0], both["classes"][1]);
    assert_eq!((alone["classes"].as_array().unwrap().len(), &alone["sample_of"]), (1, &"points".into()));
    // Four points are too few for k = 10 to 20: said, and not clipped.
    let mle = &alone["classes"][0]["sample"]["levina_bickel"]["not_known"];
    assert!(mle.as_str().unwrap().contains("10 to 20"), "{mle}");
}

#[test]
fn the_table_names_estimator_and_scale_of_every_number() {
    let bench = bench();
    let text = bench.done(&[&WORDS[..], &["-n", "1", "--probes", "3", "-o", "out"]].concat());
    for part in [
        "class 3: 1 of 4 points",
        "class 5: 1 of 4 points",
        "all classes: 2 of 8 points",
        "gap rule, 3 of 3 vectors, 40 steps from u = ",
        "1 (one point, no interval)",
        "spread beyond noise, 3 of 3 vectors",
        "NB, 12 noised scores a point",
        "FLIPD, trace from 3 probes",
        "sigma/m = 0.1000, u = 0",
        "not known: dimension by maximum likelihood: expected 2 to 3 neighbours",
        "local PCA, 5 % of largest, k = 20",
        "Report: out/report.html",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let page = std::fs::read_to_string(bench.path("out/report.html")).unwrap();
    for part in ["Dimension by class: line and square", "class 5", "<svg", "Drops between neighbouring"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("NaN"));
}

/// A flow's velocity determines no score: said in place of NB and FLIPD, while the gap rule goes on.
#[test]
fn a_flow_has_no_score() {
    let bench = bench();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-otcfm.toml");
    bench.write("two.csv", "0.5,1.0\n-0.5,0.2\n");
    bench.write("one.csv", "0\n0\n");
    let words = ["tangent", model, "--at", "two.csv", "--labels", "one.csv", "--format", "json"];
    let found: Value = serde_json::from_str(&bench.done(&words)).unwrap();
    let score = &found["classes"][0]["scores"][0];
    for name in ["normal_bundle", "flipd"] {
        assert!(score[name]["not_known"].as_str().unwrap().contains("velocity"), "{score}");
    }
    assert_eq!(found["classes"][0]["generation"]["gap"]["ensemble"]["n"], 2);
    assert_eq!(found["generation"]["end_noise"], Value::Null);
}

#[test]
fn what_cannot_be_done_is_refused() {
    let bench = bench();
    bench.write("few.csv", "3\n5\n3\n");
    bench.write("negative.csv", "3\n5\n3\n5\n3\n5\n3\n-5\n");
    bench.write("half.csv", "3\n5\n3\n5\n3\n5\n3\n0.5\n");
    let with = |labels: &'static str| ["tangent", "model.toml", "--at", "at.csv", "--labels", labels];
    bench.refused(&with("few.csv"), 2, &["few.csv", "8 labels, one a row"]);
    bench.refused(&with("negative.csv"), 2, &["negative.csv", "whole numbers from 0", "-5"]);
    bench.refused(&with("half.csv"), 2, &["half.csv", "whole numbers from 0", "0.5"]);
    bench.refused(&with("absent.csv"), 2, &["absent.csv"]);
    bench.refused(&["tangent", "model.toml", "--labels", "at-labels.csv"], 2, &["--at"]);
    for (more, parts) in [
        (&["--class", "4"][..], &["--class", "3, 5", "got 4"][..]),
        (&["--class", "-1"], &["--class"]),
        (&["-n", "0"], &["-n", "at least 1"]),
        (&["-d", "1"], &["--dimension"]),
        (&["-k", "4"], &["-k", "1 to 3"]),
        (&["--copies", "2"], &["--copies", "at least 3"]),
        (&["--probes", "1"], &["--probes", "2 or more"]),
        (&["--score-times", "-0.1"], &["--score-times", "0 to 1"]),
        (&["--score-times", "NaN"], &["--score-times"]),
        (&["--mle-neighbours", "20,10"], &["--mle-neighbours", "fewest first"]),
        (&["--neighbours", "0"], &["--neighbours"]),
        (&["--reference", "data.csv"], &["--reference-labels"]),
        (&["--reference", "data.csv", "--reference-labels", "few.csv"], &["few.csv", "800 labels"]),
        (&["-o", "out.npz"], &["-o", "folder"]),
        (&["--noise-level", "1"], &["deterministic"]),
    ] {
        bench.refused(&[&WORDS[..6], more].concat(), 2, parts);
    }
    bench.refused(&["tangent", "model.toml", "-n", "3", "--neighbours", "5"], 2, &["--reference"]);
}
