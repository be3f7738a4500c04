//! `surefoot tangent`: tangent spaces at generated and given points.

mod common;

use common::{Bench, thin};
use serde_json::Value;
use std::f64::consts::TAU;

/// Points of the torus of radii 2 and 1 as CSV.
fn torus(count: usize, first: usize) -> String {
    let row = |i: usize| {
        let (a, b) = (TAU * 0.6180339887 * i as f64, TAU * 0.7548776662 * i as f64);
        format!("{},{},{}", (2.0 + b.cos()) * a.cos(), (2.0 + b.cos()) * a.sin(), b.sin())
    };
    (first..first + count).map(row).collect::<Vec<_>>().join("\n")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn generated_points_have_the_tangent_spaces_of_the_torus() {
    let bench = Bench::new();
    let words = ["tangent", "builtin:torus", "-n", "30", "--seed", "3", "--format", "json", "-o", "t.npz"];
    let found = json(&bench.done(&words));
    assert_eq!(
        (&found["points"], &found["vectors"], &found["tangent_dimension"]),
        (&30.into(), &3.into(), &2.into())
    );
    assert_eq!(found["dimension"]["ensemble"]["gap"]["standing"], "clear");
    let angles = found["angles"].as_array().unwrap();
    assert_eq!(angles.len(), 1);
    assert!(angles[0]["angle_deg"]["mean"].as_f64().unwrap() < 2.0, "{angles:?}");
    assert!(found.get("mismatch").is_none());
    let archive = std::fs::File::open(bench.path("t.npz")).unwrap();
    let mut archive = zip::ZipArchive::new(archive).unwrap();
    let size =
        |name: &str, archive: &mut zip::ZipArchive<std::fs::File>| archive.by_name(name).unwrap().size();
    // A header of 128 bytes or fewer before the numbers.
    for (name, numbers) in
        [("x.npy", 90), ("tangent.npy", 180), ("log_growth.npy", 90), ("dimension.npy", 30)]
    {
        let bytes = size(name, &mut archive);
        assert!((8 * numbers..8 * numbers + 129).contains(&bytes), "{name}: {bytes}");
    }
    let again = bench.done(&[&words[..], &["--threads", "1"]].concat());
    assert_eq!(json(&again), found, "threads must not change a number");
}

#[test]
fn given_points_are_generated_again_and_compared_with_local_pca() {
    let bench = Bench::new();
    let (at, data) = (bench.write("at.csv", torus(20, 5000)), bench.write("data.csv", torus(3000, 0)));
    let words = [
        "tangent",
        "builtin:torus",
        "--at",
        &at,
        "--reference",
        &data,
        "--neighbours",
        "6,40",
        "--format",
        "json",
    ];
    let found = json(&bench.done(&words));
    assert!(found["mismatch"]["q95"].as_f64().unwrap() < 1e-6, "{found}");
    let angles = found["angles"].as_array().unwrap();
    let names: Vec<&str> = angles.iter().filter_map(|a| a["how"].as_str()).collect();
    assert_eq!(names, ["singular vectors", "local PCA, 6 neighbours", "local PCA, 40 neighbours"]);
    assert!(angles.iter().all(|a| a["angle_deg"]["mean"].as_f64().unwrap() < 12.0), "{angles:?}");
    let text = bench.done(&words[..words.len() - 2]);
    for part in
        ["20 given points in R^3", "dimension by the largest drop", "local PCA, 6 neighbours", "missed by"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// σ/m = 0.25 at the end: the data are a torus with that noise. Nearby growth follows the local density, all growth from
/// the start on is blurred by what is no smaller than the noise.
#[test]
fn noisy_data_have_their_tangent_spaces_in_the_last_part_of_the_generation() {
    let bench = Bench::new();
    let words = ["tangent", "builtin:torus", "-n", "60", "-d", "2", "--steps", "100", "--format", "json"];
    let noisy = [&words[..], &["--set", "process.end=0.0732"]].concat();
    let angle = |found: &Value| found["angles"][0]["angle_deg"]["mean"].as_f64().unwrap();
    let whole = json(&bench.done(&noisy));
    let late = json(&bench.done(&[&noisy[..], &["--from", "0.08"]].concat()));
    assert_eq!((&late["from"], whole.get("from")), (&0.08.into(), None));
    assert!(late["mismatch"]["q95"].as_f64().unwrap() < 1e-6, "{late}");
    // The support is that of data without noise and m = 1: at m = 0.97 its planes are tilted by up to 3 degrees.
    assert!(angle(&late) < 3.0 && angle(&whole) > 6.0, "{} {}", angle(&late), angle(&whole));
    let at = bench.write("at.csv", torus(5, 0));
    let given = ["tangent", "builtin:torus", "--at", &at, "--from", "0.3", "--steps", "50"];
    let text = bench.done(&given);
    assert!(text.contains("5 given points in R^3, 3 vectors, followed from u = 0.3"), "{text}");
    // What the sampler generates nowhere is not undone exactly, but met as nearly as it can be.
    let off = bench.write("off.csv", "0.1,0.2,2.5\n");
    let near = ["tangent", "builtin:torus", "--at", &off, "--near", "--format", "json", "-d", "2"];
    let missed = json(&bench.done(&near))["mismatch"]["q50"].as_f64().unwrap();
    assert!((0.5..5.0).contains(&missed), "{missed}");
}

/// The answer is the dimension of the sphere, and its tangent spaces are exact: the flow is radial.
#[test]
fn a_sphere_of_ten_dimensions_in_a_hundred() {
    let bench = Bench::new();
    let field = "name = \"s\"\n[field]\nkind = \"analytic\"\ndata = \"sphere\"\ndim = 11\nambient = 100\n";
    let process = "[process]\nkind = \"vp\"\nschedule = { kind = \"cosine\" }\nnoise_level = 0.0\nstart = 0.98\nend = 0.01\n";
    let model = |field: &str| [field, process].concat();
    bench.write("sphere.toml", model(field));
    let words = ["tangent", "sphere.toml", "-n", "3", "-k", "100", "--steps", "60", "--format", "json"];
    let found = json(&bench.done(&words));
    let gap = &found["dimension"]["ensemble"];
    assert_eq!((&gap["gap"]["dimension"], &gap["gap"]["standing"]), (&10.into(), &"clear".into()));
    assert_eq!(gap["answers"]["each"], serde_json::json!([10, 10, 10]));
    assert!(found["angles"][0]["angle_deg"]["q95"].as_f64().unwrap() < 1e-4, "{}", found["angles"]);
    bench.write("small.toml", model(&field.replace("ambient = 100", "ambient = 10")));
    bench.refused(&["tangent", "small.toml"], 2, &["ambient", "11 to 4096", "got 10"]);
    // An analysis with its defaults, second derivatives included.
    let low = field.replace("dim = 11", "dim = 4").replace("ambient = 100", "ambient = 6");
    bench.write("low.toml", model(&low));
    bench.done(&["analyze", "low.toml", "-n", "8", "--steps", "20", "-q", "-o", "low"]);
    let summary = bench.json("low/summary.json");
    assert_eq!(summary["dimension"]["estimate"], 3);
    assert!(!summary["response"].is_null());
    bench.write("flat.toml", model(&field.replace("dim = 11", "dim = 1")));
    bench.refused(&["tangent", "flat.toml"], 2, &["dim", "2 to 4096"]);
}

#[test]
fn what_is_not_found_or_compared_is_said() {
    let bench = Bench::new();
    let data = bench.write("data.csv", torus(300, 0));
    let model = thin(&bench);
    let rough =
        ["tangent", &model, "-n", "2", "-k", "2", "--exact-rounds", "1", "--exact-tolerance", "1e-14"];
    let text = bench.done(&rough);
    assert!(text.contains("not converged, wanted 1.00e-14. Allow more --exact-rounds"), "{text}");
    let line = ["tangent", "builtin:torus", "-n", "2", "-d", "1", "--reference", &data];
    let text = bench.done(&line);
    assert!(
        text.contains("no angles: the support has dimension 2, the tangent spaces 1: -d 2 compares"),
        "{text}"
    );
    let found = json(&bench.done(&[&line[..], &["--format", "json"]].concat()));
    assert!(found["not_compared"].as_str().unwrap().contains("dimension 2"), "{found}");
    // All vectors are followed: no advice to follow more.
    let forced = bench.done(&["tangent", "builtin:circle", "-n", "2"]);
    assert!(forced.contains("There was no other place for it.\n"), "{forced}");
}

#[test]
fn what_cannot_be_done_is_refused() {
    let bench = Bench::new();
    let flat = bench.write("flat.csv", "1,2\n3,4\n");
    let at = bench.write("at.csv", torus(4, 0));
    let stochastic = ["tangent", "builtin:torus", "--at", &at, "--noise-level", "1"];
    for (words, part) in [
        (&stochastic[..], "deterministic"),
        (&["tangent", "builtin:torus", "--at", &flat], "3 numbers each"),
        (&["tangent", "builtin:torus", "-d", "4"], "1 to 3"),
        (&["tangent", "builtin:torus", "--from", "2"], "goes from 1 to 0.001"),
        (&["tangent", "builtin:torus", "--from", "0.001"], "before its end"),
        (&["tangent", "builtin:torus", "--from", "0.5", "--noise-level", "1"], "deterministic"),
        (&["tangent", "builtin:torus", "--near"], "--at"),
        (&["tangent", "builtin:torus", "--exact-tolerance", "0"], "finite number > 0"),
        (&["tangent", "builtin:torus", "--exact-tolerance", "inf"], "finite number > 0"),
        (&["tangent", "builtin:torus", "-k", "2", "-d", "3"], "1 to 2"),
        (&["tangent", "builtin:torus", "-n", "0"], "1 to"),
        (&["tangent", "builtin:torus", "--at", &at, "-n", "5"], "1 to 4"),
        (&["tangent", "builtin:torus", "-o", "t.npy"], ".npz"),
        (&["tangent", "builtin:torus", "--at", "absent.npy"], "absent.npy"),
        (&["tangent", "builtin:torus", "--reference", &at, "-n", "4", "--neighbours", "1"], "neighbours"),
    ] {
        let output = bench.run(words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {error}");
        assert!(error.contains(part), "{words:?}: {error}");
    }
}

/// One coarse step gets the dimension wrong; twice the steps show it. With enough of them the change is small.
#[test]
fn twice_the_steps_show_what_the_steps_do() {
    let bench = Bench::new();
    let text = "name = \"g\"\n[field]\nkind = \"analytic\"\ndata = \"gaussian\"\nvariances = [1.0, 0.3, 0.0, 0.0]\n[process]\nkind = \"vp\"\nnoise_level = 0.0\n";
    bench.write("g.toml", text);
    let told = bench.done(&["tangent", "g.toml", "-n", "3", "--steps", "20", "--method", "euler"]);
    assert!(
        told.contains("with twice the steps (40) the log singular values")
            && told.contains("(first 3 points)"),
        "{told}"
    );
    let json = bench.done(&["tangent", "g.toml", "-n", "12", "--format", "json"]);
    let found: Value = serde_json::from_str(&json).unwrap();
    let check = &found["convergence"];
    assert_eq!((&check["points"], &check["doubled_steps"]), (&8.into(), &400.into()));
    assert_eq!(check["dimensions"], serde_json::json!([2, 2]));
    assert!(check["largest"].as_f64().unwrap() < 0.01, "{check}");
    let none = bench.done(&["tangent", "g.toml", "-n", "2", "--convergence", "0"]);
    assert!(!none.contains("with twice the steps"), "{none}");
    let one = bench.done(&["tangent", "g.toml", "-n", "2", "-k", "1"]);
    assert!(one.contains("of one vector nothing follows") && one.contains("with twice the steps"), "{one}");
}
