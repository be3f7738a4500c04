//! `train`: what it leaves, that interruptions change nothing, and what it refuses.

mod common;

use common::Bench;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A small recipe with other lines in place of some.
fn recipe(changes: &[(&str, &str)]) -> String {
    let mut text = "\
name = \"small\"
[data]
kind = \"two-moons\"
scale = 3.0
shift = -1.0
[source]
kind = \"eight-gaussians\"
[process]
kind = \"flow\"
[objective]
method = \"ot-cfm\"
[network]
kind = \"mlp\"
hidden = [16, 16]
[training]
updates = 60
batch = 32
checkpoint = 7
validate = 20
validation_pairs = 64
look = 30
samples = 20
[sampler]
steps = 5
"
    .to_string();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text
}

const TRAIN: [&str; 6] = ["train", "r.toml", "-q", "-o", "out", "--overwrite"];
const RESUME: [&str; 6] = ["train", "r.toml", "-q", "-o", "out", "--resume"];

/// What may not depend on how a training was run.
fn results(bench: &Bench) -> Vec<Vec<u8>> {
    let file = |name: &str| std::fs::read(bench.path("out").join(name)).unwrap();
    let mut record = bench.json("out/training.json");
    ["seconds", "threads"].iter().for_each(|key| drop(record.as_object_mut().unwrap().remove(*key).unwrap()));
    let mut results: Vec<Vec<u8>> =
        ["model.onnx", "model.toml", "recipe.toml", "samples/000000030.npy", "samples/000000060.npy"]
            .map(file)
            .into();
    if let Ok(models) = std::fs::read_dir(bench.path("out/models")) {
        let mut names: Vec<_> = models.map(|entry| entry.unwrap().path()).collect();
        names.sort();
        results.push(format!("{names:?}").into_bytes());
        results.extend(names.iter().map(|name| std::fs::read(name).unwrap()));
    }
    results.push(record.to_string().into_bytes());
    results
}

#[test]
fn a_trained_model_is_an_ordinary_model_file() {
    let bench = Bench::new();
    bench.write("r.toml", recipe(&[]));
    let text = bench.done(&["train", "r.toml", "-o", "out"]);
    assert!(text.contains("60 updates") && text.contains("model.toml"), "{text}");
    let text = bench.done(&["inspect", "out/model.toml"]);
    assert!(text.contains("parameters       370") && text.contains("x, t"), "{text}");
    // The support is that of the data, where the recipe names none.
    let text = bench.done(&["analyze", "out/model.toml", "-n", "8", "-o", "analysed", "--format", "json"]);
    assert!(text.contains("off_w1"), "{text}");
    let page = std::fs::read_to_string(bench.path("out/training.html")).unwrap();
    for part in ["60 of 60 updates", "after 30 updates", "validation loss"] {
        assert!(page.contains(part), "{part}");
    }
    let record = bench.json("out/training.json");
    assert_eq!(record["validation_loss"]["update"], serde_json::json!([0, 20, 40, 60]));
    let losses = record["validation_loss"]["mean"].as_array().unwrap();
    assert!(losses[3].as_f64().unwrap() < losses[0].as_f64().unwrap(), "{losses:?}");
}

/// Two models are kept on the way.
const KEEPING: [(&str, &str); 1] = [("samples = 20", "samples = 20\nkeep = [45, 8, 45]")];

#[test]
fn killed_and_resumed_ends_with_the_same_weights() {
    survives_kills(&recipe(&KEEPING));
}

#[test]
fn a_robust_training_survives_kills_too() {
    let robust = "[robust]\nweight = \"budget\"\nmeasure = 9\npaths = 40\nsteps = 4\npenalty = 0.5\n";
    let bench = survives_kills(&(recipe(&KEEPING) + robust));
    let record = bench.json("out/training.json");
    let numbers = |key: &str| -> Vec<f64> {
        record["time_weights"][key].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect()
    };
    assert_eq!(numbers("time"), [0.125, 0.375, 0.625, 0.875]);
    // Measured every 9 of 60 updates; the last measurement is what counts now.
    let measured = record["time_weights"]["measured"].as_array().unwrap();
    let when: Vec<u64> = measured.iter().map(|row| row["update"].as_u64().unwrap()).collect();
    assert_eq!(when, [9, 18, 27, 36, 45, 54]);
    assert_eq!(measured[5]["weight"], record["time_weights"]["weight"]);
    assert_ne!(measured[0]["weight"], measured[5]["weight"]);
    let page = std::fs::read_to_string(bench.path("out/training.html")).unwrap();
    for part in ["6 times, after 9 to 54 updates", "has weights over time and the penalty"] {
        assert!(page.contains(part), "{part}");
    }
    let weights = numbers("weight");
    assert!((weights.iter().sum::<f64>() - 4.0).abs() < 1e-12 && weights[0] != weights[3], "{weights:?}");
}

/// Trains in one go, on one thread and with many kills: always the same.
fn survives_kills(recipe: &str) -> Bench {
    let bench = Bench::new();
    bench.write("r.toml", recipe);
    bench.done(&TRAIN);
    let whole = results(&bench);
    assert_eq!(whole.len(), 11, "two models beside the last one");
    bench.done(&[&TRAIN[..], &["--threads", "1"]].concat());
    assert_eq!(whole, results(&bench), "one thread");
    let mut kills = 0;
    std::fs::remove_dir_all(bench.path("out")).unwrap();
    for delay in 1..25 {
        let words = if delay > 1 { RESUME.to_vec() } else { TRAIN.to_vec() };
        let mut child = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(12 * delay) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
    }
    assert!(kills > 0);
    bench.done(&RESUME);
    assert_eq!(whole, results(&bench), "killed {kills} times");
    bench.done(&RESUME);
    assert_eq!(whole, results(&bench), "resumed when finished");
    bench
}

#[test]
fn models_on_the_way_are_ordinary_model_files() {
    let bench = Bench::new();
    // A reference beside the recipe is named as seen from the kept models.
    let points =
        (0..40).map(|i| format!("{},{}\n", f64::from(i).cos(), f64::from(i).sin())).collect::<String>();
    bench.write("points.csv", points);
    let reference = "[support]\nreference = \"points.csv\"\ndimension = 1\n[sampler]";
    let changes = [("samples = 20", "samples = 20\nkeep = 4"), ("[sampler]", reference)];
    bench.write("r.toml", recipe(&changes));
    bench.done(&TRAIN);
    let mut names: Vec<String> = std::fs::read_dir(bench.path("out/models"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [15, 30, 45, 60].map(|n| [format!("update-{n}.onnx"), format!("update-{n}.toml")]);
    assert_eq!(names, expected.concat());
    let samples = |model: &str| {
        bench.done(&["sample", model, "-n", "9", "-o", "x.npy", "-q"]);
        std::fs::read(bench.path("x.npy")).unwrap()
    };
    assert_eq!(samples("out/models/update-60.toml"), samples("out/model.toml"));
    assert_ne!(samples("out/models/update-15.toml"), samples("out/model.toml"));
    let words = ["perturb", "out/model.toml", "--difference", "out/models/update-15.toml", "-n", "9"];
    bench.done(&[&words[..], &["-o", "perturbed", "-q"]].concat());
    let error = &bench.json("perturbed/summary.json")["learning_errors"][0];
    assert_eq!(error["other"], "small-update-15");
    assert!(error["off"]["bound"]["q50"].as_f64().unwrap() > 0.0);
    // A training that keeps none leaves none of an earlier one.
    bench.write("r.toml", recipe(&[]));
    bench.done(&TRAIN);
    assert!(!bench.path("out/models").exists());
}

#[test]
fn resume_refuses_another_recipe_and_foreign_folders() {
    let bench = Bench::new();
    bench.write("r.toml", recipe(&[]));
    bench.done(&TRAIN);
    let other = [&RESUME[..], &["--set", "training.batch=31"]].concat();
    bench.refused(&other, 2, &["training.batch", "32", "31", "resume"]);
    std::fs::create_dir(bench.path("mine")).unwrap();
    bench.write("mine/notes.txt", "keep");
    bench.refused(&["train", "r.toml", "-o", "mine"], 2, &["mine", "other files"]);
    assert!(bench.path("mine/notes.txt").exists());
}

/// A training of 60 updates, whether finished or interrupted, goes on to 90 as if it had been meant to.
#[test]
fn a_longer_training_goes_on_from_a_shorter_one() {
    let bench = Bench::new();
    let long = [&TRAIN[..], &["--set", "training.updates=90"]].concat();
    let resumed = [&RESUME[..], &["--set", "training.updates=90"]].concat();
    let made = |names: &[&str]| -> Vec<Vec<u8>> {
        names.iter().map(|name| std::fs::read(bench.path("out").join(name)).unwrap()).collect()
    };
    // With keys that follow from the number of updates, and with them given.
    let loose = [("checkpoint = 7\nvalidate = 20\n", ""), ("look = 30\n", "")];
    for text in [recipe(&[]), recipe(&loose)] {
        bench.write("r.toml", text);
        bench.done(&long);
        let whole = made(&["model.onnx", "model.toml", "recipe.toml"]);
        let losses = bench.json("out/training.json")["training_loss"].clone();
        bench.done(&TRAIN);
        assert_ne!(made(&["model.onnx"])[0], whole[0]);
        bench.done(&resumed);
        assert_eq!(made(&["model.onnx", "model.toml", "recipe.toml"]), whole);
        assert_eq!(bench.json("out/training.json")["training_loss"], losses);
        // What was there before the end that moved stays on the page.
        assert!(bench.path("out/samples/000000060.npy").is_file());
        let page = std::fs::read_to_string(bench.path("out/training.html")).unwrap();
        assert!(page.contains("90 of 90 updates") && page.contains("after 60 updates"));
        // Back is refused, and so is anything else that differs.
        bench.refused(&RESUME, 2, &["training.updates", "90", "60"]);
        let other = [&resumed[..], &["--set", "training.updates=99", "--set", "training.batch=31"]].concat();
        bench.refused(&other, 2, &["training.batch", "32", "31"]);
        assert_eq!(made(&["model.onnx", "model.toml", "recipe.toml"]), whole);
    }
}

#[test]
fn a_longer_training_is_refused_where_it_would_have_been_another() {
    let bench = Bench::new();
    let longer = [&RESUME[..], &["--set", "training.updates=90"]].concat();
    bench.write("r.toml", recipe(&[("batch = 32", "batch = 32\ndecay = \"cosine\"")]));
    bench.done(&TRAIN);
    bench.refused(&longer, 2, &["training.updates", "cosine", "90", "onnx", "--overwrite"]);
    // Models that should have been kept on the way, and were not.
    bench.write("r.toml", recipe(&[("batch = 32", "batch = 32\nkeep = 2")]));
    bench.done(&TRAIN);
    bench.refused(&longer, 2, &["training.keep", "beyond 60", "45"]);
    bench.write(
        "r.toml",
        recipe(&[("batch = 32", "batch = 32\nkeep = [60, 80]\nupdates = 90")]).replace("updates = 60\n", ""),
    );
    bench.done(&RESUME);
    for number in [30, 60, 80] {
        assert!(bench.path(&format!("out/models/update-{number}.toml")).is_file(), "{number}");
    }
    // The budget's measurements would have come at other updates.
    bench.write("r.toml", recipe(&[]) + "[robust]\nweight = \"budget\"\npaths = 8\nsteps = 2\n");
    bench.done(&TRAIN);
    bench.refused(&longer, 2, &["robust.measure", "6", "9"]);
    bench.done(&[&longer[..], &["--set", "robust.measure=6"]].concat());
}

#[test]
fn entropic_couplings_that_are_not_solved_are_told_once() {
    let bench = Bench::new();
    let loud = ["train", "r.toml", "-o", "out", "--overwrite"];
    // Many pairs at a small σ: more iterations than are made.
    let sb = |sigma: &str| {
        let sigma = format!("sb-cfm\"\nsigma = {sigma}");
        bench.write("r.toml", recipe(&[("ot-cfm\"", &sigma), ("batch = 32", "batch = 128")]));
        let output = bench.run(&loud);
        assert!(output.status.success());
        let coupling = bench.json("out/training.json")["coupling"].clone();
        (String::from_utf8_lossy(&output.stderr).matches("warning: sb-cfm").count(), coupling)
    };
    let (warnings, coupling) = sb("1.0");
    assert_eq!(warnings, 0, "{coupling}");
    let defect = coupling["largest_defect"].as_f64().unwrap();
    assert!(defect > 0.0 && defect <= 1e-4 && coupling["warning"].is_null(), "{coupling}");
    let (warnings, coupling) = sb("0.01");
    assert_eq!(warnings, 1, "{coupling}");
    assert!(coupling["warning"].as_str().unwrap().contains("larger objective.sigma"), "{coupling}");
    let none = bench.run(&[&loud[..], &["--set", "objective.sigma=0"]].concat());
    let none = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(none.contains("sigma") && none.contains("2σ² is the regularisation"), "{none}");
    // What was met before an interruption is not forgotten, nor told again.
    let output = bench.run(&[&loud[..4], &["--resume", "--set", "training.updates=70"]].concat());
    assert!(output.status.success() && !String::from_utf8_lossy(&output.stderr).contains("sb-cfm"));
    let after = bench.json("out/training.json")["coupling"]["largest_defect"].as_f64().unwrap();
    assert!(after >= coupling["largest_defect"].as_f64().unwrap());
}

#[test]
fn every_objective_trains() {
    let bench = Bench::new();
    let flows = ["cfm", "ot-cfm", "sb-cfm", "variance-preserving", "rectified"];
    for method in flows {
        bench.write("r.toml", recipe(&[("ot-cfm", method), ("updates = 60", "updates = 3")]));
        bench.done(&TRAIN);
    }
    let gaussian = ("kind = \"eight-gaussians\"", "kind = \"gaussian\"");
    bench.write("r.toml", recipe(&[("ot-cfm", "target"), gaussian, ("updates = 60", "updates = 3")]));
    bench.done(&TRAIN);
    for process in ["ou", "vp", "subvp", "ve"] {
        for output in ["score", "noise", "denoised", "v"] {
            let text = recipe(&[
                ("kind = \"flow\"", &format!("kind = \"{process}\"")),
                ("method = \"ot-cfm\"", &format!("predicts = \"{output}\"")),
                ("updates = 60", "updates = 2"),
                gaussian,
            ]);
            bench.write("r.toml", text);
            bench.done(&TRAIN);
        }
    }
}

/// A diffusion of data with a known score.
const DIFFUSION: [(&str, &str); 3] = [
    ("kind = \"flow\"", "kind = \"vp\""),
    ("method = \"ot-cfm\"", "predicts = \"noise\""),
    ("kind = \"eight-gaussians\"", "kind = \"gaussian\""),
];

#[test]
fn the_error_of_the_score_survives_kills_and_is_that_of_the_kept_weights() {
    let keeping = [&DIFFUSION[..], &KEEPING].concat();
    let bench = survives_kills(&recipe(&keeping));
    let record = bench.json("out/training.json");
    let levels = record["score_error"].as_array().unwrap();
    assert_eq!(levels.len(), 12);
    let of = |level: &serde_json::Value, key: &str| level[key].as_f64().unwrap();
    for level in levels {
        let [value, low, high] = ["value", "low", "high"].map(|key| of(level, key));
        assert!(0.0 < low && low <= value && value <= high && value < 100.0, "{level}");
        let (m, noise) = (of(level, "signal"), of(level, "noise"));
        assert!((m * m + noise * noise - 1.0).abs() < 1e-12 && level["n"] == 4096, "{level}");
    }
    // The range of the process, from data to noise.
    assert_eq!([of(&levels[0], "time"), of(&levels[11], "time")], [0.001, 1.0]);
    let overall = of(&record["score_error_overall"], "value");
    assert!(0.0 < overall && overall < 100.0 && record.get("not_computed").is_none());
    let page = std::fs::read_to_string(bench.path("out/training.html")).unwrap();
    assert!(page.contains("Error of the score") && page.contains("updates a second"));
    assert_same_error(&bench, levels);
    // Other weights have another error; the terminal and its JSON say it.
    let last = [&TRAIN[..], &["--set", "training.average=0", "--format", "json"]].concat();
    let said: serde_json::Value = serde_json::from_str(&bench.done(&last)).unwrap();
    let other = bench.json("out/training.json")["score_error_overall"].clone();
    assert_eq!(said["score_error_overall"], other);
    assert_ne!(of(&other, "value"), overall);
    let text = bench.done(&["train", "r.toml", "-o", "out", "--overwrite"]);
    assert!(text.contains(&format!("error of the score: {overall:.4}")), "{text}");
}

/// The same errors from the model file and other draws, the score by a sum over many points of the moons.
fn assert_same_error(bench: &Bench, levels: &[serde_json::Value]) {
    use std::f64::consts::PI;
    use surefoot::field::{Field, Moment, NetworkField};
    use surefoot::random::{Purpose, standard_normal, stream};
    let limits = surefoot_graph::Limits::default();
    let graph = surefoot_graph::Graph::read(bench.path("out/model.onnx"), &limits).unwrap();
    let network = NetworkField::new(&graph, surefoot_graph::Precision::F32).unwrap();
    let moons: Vec<[f64; 2]> = (0..4000)
        .map(|i| {
            let (sin, cos) = (PI * (f64::from(i / 2) + 0.5) / 2000.0).sin_cos();
            let p = if i % 2 == 0 { [cos, sin] } else { [1.0 - cos, 0.5 - sin] };
            p.map(|p| 3.0 * p - 1.0)
        })
        .collect();
    // At less noise the sum over the points is too coarse.
    for level in &levels[3..] {
        let number = |key: &str| level[key].as_f64().unwrap();
        let (time, m, noise) = (number("time"), number("signal"), number("noise"));
        let (mut missed, mut exact) = (0.0, 0.0);
        for i in 0..2000 {
            let mut z = [0.0; 2];
            standard_normal(&mut stream(99, i, Purpose::Reference), &mut z);
            let from = moons[(i as usize * 1237) % moons.len()];
            let x: Vec<f64> = from.iter().zip(&z).map(|(p, z)| m * p + noise * z).collect();
            let pulls = |p: &[f64; 2]| [0, 1].map(|d| (m * p[d] - x[d]) / noise);
            let weigh = |p: &[f64; 2]| (-0.5 * pulls(p).map(|v| v * v).iter().sum::<f64>()).exp();
            let mass: f64 = moons.iter().map(weigh).sum();
            // The network's clock runs from 1 at noise to 0 at the data.
            let mut epsilon = vec![0.0; 2];
            network.eval(Moment { time, signal: m, noise }, &x, &mut epsilon);
            for (d, epsilon) in epsilon.iter().enumerate() {
                let score = moons.iter().map(|p| weigh(p) * pulls(p)[d]).sum::<f64>() / mass / noise;
                missed += (-epsilon / noise - score).powi(2);
                exact += score.powi(2);
            }
        }
        let (found, expected) = (number("value"), (missed / exact).sqrt());
        assert!((found / expected - 1.0).abs() < 0.08, "{level}: {expected}");
    }
}

#[test]
fn where_no_exact_score_is_known_the_reason_is_said() {
    let bench = Bench::new();
    let points: String =
        (0..20).map(|i| format!("{},{}\n", f64::from(i).cos(), f64::from(i).sin())).collect();
    bench.write("points.csv", points);
    let short = ("updates = 60", "updates = 3");
    let file = ("kind = \"two-moons\"\nscale = 3.0\nshift = -1.0", "kind = \"points.csv\"");
    let strip = ("shift = -1.0", "shift = -1.0\nstrip = 0.2");
    let cases: [(Vec<(&str, &str)>, &str); 3] = [
        (vec![short], "velocity"),
        ([&DIFFUSION[..], &[short, file]].concat(), "files"),
        ([&DIFFUSION[..], &[short, strip]].concat(), "strip"),
    ];
    for (changes, why) in cases {
        bench.write("r.toml", recipe(&changes));
        let text = bench.done(&["train", "r.toml", "-o", "out", "--overwrite"]);
        assert!(!text.contains("score:"), "{text}");
        let record = bench.json("out/training.json");
        assert!(record.get("score_error").is_none() && record.get("score_error_overall").is_none());
        let absent = record["not_computed"].as_array().unwrap();
        assert!(absent.len() == 1 && absent[0]["what"] == "error of the score", "{absent:?}");
        assert!(absent[0]["why"].as_str().unwrap().contains(why), "{absent:?}");
        let page = std::fs::read_to_string(bench.path("out/training.html")).unwrap();
        assert!(page.contains("Not computed") && !page.contains("Error of the score"), "{why}");
        assert!(bench.done(&["train", "r.toml", "-o", "out", "-v", "--overwrite"]).contains(why));
    }
}

#[test]
fn a_loss_that_is_not_finite_ends_the_training_and_keeps_the_checkpoint() {
    let bench = Bench::new();
    bench.write("r.toml", recipe(&[("batch = 32", "batch = 32\nlearning_rate = 1e25\nwarm_up = 30")]));
    bench.refused(&TRAIN, 3, &["non-finite", "at update", "learning rate"]);
}

#[test]
fn what_is_wrong_with_a_recipe_is_named_with_its_line() {
    let bench = Bench::new();
    let refused = |changes: &[(&str, &str)], expected: &[&str]| {
        bench.write("r.toml", recipe(changes));
        bench.refused(&TRAIN, 2, expected);
        assert!(!bench.path("out").exists());
    };
    refused(&[("two-moons", "tow-moons")], &["r.toml:3", "data.kind", "two-moons"]);
    refused(&[("ot-cfm", "cot")], &["r.toml:11", "objective.method", "ot-cfm"]);
    refused(&[("hidden", "hiden")], &["r.toml:14", "network.hiden"]);
    refused(&[("batch = 32", "batch = 0")], &["training.batch", "whole number"]);
    for keep in ["0", "61", "[7, 61]", "[0]", "[1.5]", "\"all\""] {
        refused(
            &[("batch = 32", &format!("batch = 32\nkeep = {keep}"))],
            &["r.toml:18", "training.keep", "60"],
        );
    }
    refused(&[("updates", "epochs")], &["epochs", "updates"]);
    refused(&[("kind = \"two-moons\"", "kind = \"no.npy\"")], &["no.npy", "exists"]);
    refused(&[("[16, 16]", "[16, 16]\nclasses = 3")], &["classes", "labels"]);
    refused(&[("kind = \"flow\"", "kind = \"vp\"")], &["method"]);
    let robust = |lines: &str| format!("[sampler]\nsteps = 5\n[robust]\n{lines}");
    let sampler = "[sampler]\nsteps = 5";
    refused(&[(sampler, &robust("wieght = \"budget\""))], &["wieght", "weight"]);
    refused(&[(sampler, &robust("weight = \"gain\""))], &["robust.weight", "budget"]);
    refused(&[(sampler, &robust("paths = 3"))], &["paths", "[robust]"]);
    refused(&[(sampler, &robust("weight = \"budget\"\nfloor = 2"))], &["robust.floor", "from 0 to 1"]);
    refused(&[(sampler, &robust("penalty = -1"))], &["robust.penalty", "> 0"]);
    refused(&[(sampler, &robust("reach = 1"))], &["reach", "[robust]"]);
    let without = robust("penalty = 1\n[support]\nkind = \"none\"");
    refused(&[(sampler, &without)], &["robust.penalty", "[support]"]);
    let without = robust("weight = \"budget\"\n[support]\nkind = \"none\"");
    refused(&[(sampler, &without)], &["robust.weight", "[support]"]);
    refused(&[("kind = \"mlp\"\nhidden = [16, 16]", "kind = \"unet\"")], &["images"]);
}

#[test]
fn images_with_classes_train_a_conditional_network() {
    let bench = Bench::new();
    for (class, shade) in [("dark", 40u8), ("light", 200)] {
        std::fs::create_dir_all(bench.path("images").join(class)).unwrap();
        for i in 0..6 {
            let file = std::fs::File::create(bench.path(&format!("images/{class}/{i}.png"))).unwrap();
            let mut encoder = png::Encoder::new(file, 8, 8);
            encoder.set_color(png::ColorType::Grayscale);
            encoder.set_depth(png::BitDepth::Eight);
            let pixels: Vec<u8> = (0..64).map(|p| shade + p / 8 + i).collect();
            encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        }
    }
    let text = "\
name = \"images\"
[data]
images = \"images\"
scale = [-1.0, 1.0]
[process]
kind = \"vp\"
[objective]
predicts = \"v\"
[network]
kind = \"unet\"
channels = 8
classes = 2
[training]
updates = 2
batch = 4
validation_pairs = 4
samples = 4
[sampler]
steps = 2
";
    bench.write("r.toml", text);
    bench.done(&TRAIN);
    let page = std::fs::read_to_string(bench.path("out/training.html")).unwrap();
    assert!(page.contains("8 × 8 pixels"), "no images on the page");
    // The model generates without a class unless one is asked for.
    bench.done(&["sample", "out/model.toml", "-n", "2", "-o", "x.npy"]);
    bench.done(&["sample", "out/model.toml", "-n", "2", "-o", "y.npy", "--label", "1"]);
    bench.done(&["sample", "out/model.toml", "-n", "2", "-o", "z.npy", "--label", "1", "--guidance", "3"]);
    assert_ne!(std::fs::read(bench.path("x.npy")).unwrap(), std::fs::read(bench.path("y.npy")).unwrap());
}
