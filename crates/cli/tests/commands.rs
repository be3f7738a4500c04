//! What the commands write and print.

mod common;

use common::{Bench, shared_models};
use serde_json::Value;

const SMALL: [&str; 4] = ["--steps", "30", "-n", "40"];

fn words<'w>(start: &[&'w str], more: &[&'w str]) -> Vec<&'w str> {
    start.iter().chain(&SMALL).chain(more).copied().collect()
}

#[test]
fn analyze_fills_the_output_directory() {
    let bench = Bench::new();
    let text = bench.done(&words(&["analyze", "builtin:two-moons-sgm-ode"], &["-o", "out"]));
    assert!(text.trim_end().ends_with("Report: out/report.html"), "{text}");
    for name in ["report.html", "summary.json", "model.toml", "run.toml", "arrays.zarr/zarr.json"] {
        assert!(bench.path("out").join(name).is_file(), "{name}");
    }
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["schema"], 1);
    for pointer in [
        "/provenance/version",
        "/provenance/command_line",
        "/provenance/seed",
        "/provenance/samples",
        "/provenance/steps",
        "/provenance/threads",
        "/provenance/seconds",
        "/provenance/model",
        "/provenance/model_sha256",
        "/exponents/qr/0/q50",
        "/exponents/svd/1/q50_low",
        "/exponents/qr_rate/0/mean",
        "/exponents/trace_defect",
        "/exponents/gap/q50",
        "/exponents/residual",
        "/alignment/score_cosine/qr/q90",
        "/alignment/score_cosine/svd/q25",
        "/alignment/subspace_angle_deg/svd/q95",
        "/alignment/null/score_cosine",
        "/alignment/score_origin/kind",
        "/alignment/under_error/0/kind",
        "/robustness/0/kind",
        "/robustness/0/size",
        "/robustness/0/distance/q50",
        "/robustness/0/distance_perturbed/q50",
        "/robustness/0/off_w1",
        "/robustness/0/along/q50",
        "/robustness/0/first_order/normal/q50",
        "/robustness/0/first_order/tangent/q50",
        "/footing/constant/q50",
        "/footing/random/q50",
        "/convergence/doubled_steps",
        "/verdict/robust",
        "/verdict/reasons/0",
    ] {
        assert!(summary.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer}: {summary:#}");
    }
    assert!(summary["provenance"]["field_evaluations"].as_u64().unwrap() >= 40 * 30);
    assert!(summary["provenance"]["jvps"].as_u64().unwrap() >= 40 * 30 * 2);
    let sizes: Vec<f64> = summary["robustness"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["size"].as_f64().unwrap())
        .collect();
    assert_eq!(sizes, [0.1, 0.5, 1.0, 0.1, 0.5, 1.0]);
}

#[test]
fn the_resolved_model_gives_the_same_numbers() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("data")).unwrap();
    let points: String =
        (0..60).map(|i| (f64::from(i) / 9.0).sin_cos()).map(|(s, c)| format!("{c},{s}\n")).collect();
    bench.write("data/points.csv", points);
    bench.write("m.toml", "name = \"p\"\n[field]\nkind = \"analytic\"\ndata = \"data/points.csv\"\nbandwidth = 0.1\n[process]\nkind = \"ou\"\n");
    bench
        .done(&words(&["analyze", "m.toml"], &["-o", "deep/out", "--process", "ve", "--noise-level", "0.5"]));
    bench.done(&words(&["analyze", "deep/out/model.toml"], &["-o", "again"]));
    let (first, second) = (bench.json("deep/out/summary.json"), bench.json("again/summary.json"));
    assert_eq!(first["exponents"], second["exponents"]);
    assert_eq!(first["robustness"], second["robustness"]);
    assert_eq!(first["provenance"]["model_sha256"], second["provenance"]["model_sha256"]);
    let text = std::fs::read_to_string(bench.path("deep/out/model.toml")).unwrap();
    assert!(
        text.contains("../../data/points.csv") && text.contains("\"ve\"") && text.contains("0.5"),
        "{text}"
    );
}

#[test]
fn every_builtin_generates_in_every_process() {
    let bench = Bench::new();
    let list: Value = serde_json::from_str(&bench.done(&["models", "--format", "json"])).unwrap();
    let list = list.as_array().unwrap();
    assert!(list.len() >= 10);
    for model in list {
        let name = model["name"].as_str().unwrap();
        assert!(!model["description"].as_str().unwrap().is_empty() && model["dim"].as_u64().unwrap() >= 2);
        for process in ["ou", "vp", "subvp", "ve"] {
            let words = ["sample", name, "-n", "3", "--steps", "12", "--process", process, "-o", "x.csv"];
            bench.done(&words);
            let text = std::fs::read_to_string(bench.path("x.csv")).unwrap();
            let numbers: Vec<f64> =
                text.split([',', '\n']).filter(|s| !s.is_empty()).map(|s| s.parse().unwrap()).collect();
            assert_eq!(numbers.len() as u64, 3 * model["dim"].as_u64().unwrap(), "{name} {process}");
            assert!(numbers.iter().all(|number| number.is_finite()), "{name} {process}: {numbers:?}");
        }
    }
    let text = bench.done(&["models"]);
    assert_eq!(text.lines().count(), list.len());
}

#[test]
fn samples_do_not_depend_on_threads_or_on_how_many() {
    let bench = Bench::new();
    bench.done(&[
        "sample",
        "builtin:torus",
        "-n",
        "150",
        "--steps",
        "20",
        "--seed",
        "4",
        "--threads",
        "1",
        "-o",
        "a.csv",
    ]);
    bench.done(&[
        "sample",
        "builtin:torus",
        "-n",
        "70",
        "--steps",
        "20",
        "--seed",
        "4",
        "--threads",
        "2",
        "-o",
        "b.csv",
    ]);
    let read = |name: &str| std::fs::read_to_string(bench.path(name)).unwrap();
    assert!(read("a.csv").starts_with(&read("b.csv")));
}

#[test]
fn perturb_is_the_robustness_experiment_alone() {
    let bench = Bench::new();
    let kinds = ["--error", "constant", "--error", "white", "--error", "coarser", "--factors", "2,3"];
    let more =
        ["--sizes", "0.5,0.1", "--error-in", "score", "--direction", "1,-1", "--format", "json", "-o", "out"];
    let text = bench.done(&words(&["perturb", "builtin:two-moons-sgm"], &[&kinds[..], &more[..]].concat()));
    let summary: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(summary, bench.json("out/summary.json"));
    assert!(summary.get("exponents").is_none() && summary.get("alignment").is_none());
    let entries: Vec<(String, f64)> = summary["robustness"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["kind"].as_str().unwrap().to_string(), entry["size"].as_f64().unwrap()))
        .collect();
    let expected = [
        ("constant", 0.5),
        ("constant", 0.1),
        ("white", 0.5),
        ("white", 0.1),
        ("coarser", 2.0),
        ("coarser", 3.0),
    ];
    assert_eq!(entries, expected.map(|(kind, size)| (kind.to_string(), size)));
    assert_eq!(summary["robustness"][0]["error_in"], "score");
}

#[test]
fn difference_to_another_model_has_its_own_size() {
    let bench = Bench::new();
    let start = ["perturb", "builtin:circle", "--difference", "builtin:trefoil"];
    bench.done(&words(&start, &["-o", "out", "-q"]));
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["robustness"].as_array().unwrap().len(), 1);
    assert_eq!(summary["robustness"][0]["kind"], "difference");
    assert!(summary["robustness"][0]["size"].as_f64().unwrap() > 0.0);

    bench.done(&words(&start, &["--difference", "builtin:disc", "-o", "two", "-q"]));
    let both = bench.json("two/summary.json");
    let [first, second] = ["difference", "difference-2"];
    assert_eq!(both["robustness"][0], summary["robustness"][0]);
    assert_eq!(both["robustness"][1]["kind"], second);
    assert_eq!(both["footing"][first], summary["footing"][first]);
    assert_ne!(both["footing"][second], both["footing"][first]);
}

#[test]
fn another_support_leaves_the_parameters_of_the_first() {
    let bench = Bench::new();
    let text = "name = \"c\"\n[field]\nkind = \"analytic\"\ndata = \"circle\"\n[process]\nkind = \"vp\"\n[support]\nkind = \"circle\"\nradius = 1.0\n";
    bench.write("m.toml", text);
    let start = ["perturb", "m.toml", "--set", "support.kind=two-moons", "--sizes", "0.5"];
    bench.done(&words(&start, &["-o", "out", "-q"]));
    let model = std::fs::read_to_string(bench.path("out/model.toml")).unwrap();
    assert!(model.contains("kind = \"two-moons\""), "{model}");
}

#[test]
fn directions_may_begin_with_a_minus() {
    let bench = Bench::new();
    let start = ["perturb", "builtin:circle", "--error", "constant", "--sizes", "0.5"];
    bench.done(&words(&start, &["--direction", "-1,0.5", "-o", "out", "-q"]));
    let run = std::fs::read_to_string(bench.path("out/run.toml")).unwrap();
    assert!(run.contains("direction = [") && run.contains("-1.0"), "{run}");
}

#[test]
fn compare_pairs_the_models() {
    let bench = Bench::new();
    let start =
        ["compare", "builtin:two-moons-sgm-ode", "builtin:two-moons-sgm-sde", "builtin:two-moons-sgm-ode"];
    let text = bench.done(&words(&start, &["-o", "out"]));
    assert!(text.contains("two-moons-sgm-sde") && text.contains("95 % interval"), "{text}");
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["models"].as_array().unwrap().len(), 3);
    let paired = summary["paired"].as_array().unwrap();
    let row = |figure: &str, second: &str| {
        paired
            .iter()
            .find(|row| {
                row["figure"] == figure && row["first"] == "two-moons-sgm-ode" && row["second"] == second
            })
            .unwrap_or_else(|| panic!("{figure} {second}"))
    };
    // Contraction of the reverse SDE exceeds that of the ODE by far; a model beside itself differs by nothing.
    let growth = row("exponents.svd.0", "two-moons-sgm-sde");
    assert!(growth["high"].as_f64().unwrap() < -1.0, "{growth}");
    let same = row("exponents.svd.0", "two-moons-sgm-ode-2");
    assert_eq!((&same["median"], &same["low"], &same["high"]), (&0.0.into(), &0.0.into(), &0.0.into()));
    for figure in [
        "alignment.score_cosine.qr",
        "alignment.subspace_angle_deg.svd",
        "footing.constant",
        "robustness.0.along",
    ] {
        assert_eq!(row(figure, "two-moons-sgm-sde")["n"], 40);
    }
    for name in ["report.html", "two-moons-sgm-ode/report.html", "two-moons-sgm-ode-2/summary.json"] {
        assert!(bench.path("out").join(name).is_file(), "{name}");
    }
    bench.done(&words(&start, &["-o", "out", "--resume", "-q"]));
}

#[test]
fn requirements_decide_the_exit_code() {
    let bench = Bench::new();
    let run = words(&["perturb", "builtin:circle", "--sizes", "0.1", "-o", "out"], &[]);
    let with = |condition| [&run[..], &["--require", condition]].concat();
    bench.done(&with("footing>=0"));
    bench.refused(&with("footing>1.5"), 1, &["footing>1.5"]);
    bench.refused(&with("robustness.0.along<0"), 1, &["robustness.0.along<0"]);
    bench.refused(&with("exponents.qr.0>0"), 2, &["exponents.qr.0", "footing"]);
}

#[test]
fn inspect_checks_shared_networks() {
    let Some(models) = shared_models() else { return };
    let bench = Bench::new();
    let path = |name: &str| models.join(name).to_str().unwrap().to_string();
    for name in ["moons-cfm", "moons-otcfm", "moons-si", "moons-cfm-undertrained"] {
        let text = bench.done(&[
            "inspect",
            &path(&format!("{name}.toml")),
            "--check",
            &path(&format!("{name}.npz")),
        ]);
        assert_eq!(text.matches("agrees").count(), 6, "{text}");
        assert!(text.contains("Gemm 4") && text.contains("8706"), "{text}");
    }
    bench.refused(
        &["inspect", &path("moons-si.onnx"), "--check", &path("moons-cfm.npz")],
        1,
        &["deviates", "jvp"],
    );
    bench.refused(
        &["inspect", &path("moons-si.onnx"), "--check", &path("mnist-ddpm.npz")],
        2,
        &["x", "mnist-ddpm.npz"],
    );
}

#[test]
fn shared_flow_models_are_analysed() {
    let Some(models) = shared_models() else { return };
    let bench = Bench::new();
    let model = models.join("moons-otcfm.toml");
    let other = models.join("moons-cfm-undertrained.toml");
    bench.done(&words(
        &["analyze", model.to_str().unwrap(), "--difference", other.to_str().unwrap()],
        &["-o", "out"],
    ));
    let summary = bench.json("out/summary.json");
    assert_eq!(summary["alignment"]["score_origin"]["kind"], "smoothed-sample");
    assert_eq!(summary["alignment"]["score_origin"]["points"], 20_000);
    assert_eq!(summary["robustness"][0]["kind"], "difference");
    assert!(summary["robustness"][0]["middle_distance"].is_object());
}

#[test]
fn builtins_are_the_shared_two_moons_models() {
    let Some(models) = shared_models() else { return };
    let bench = Bench::new();
    for name in ["two-moons-sgm-ode", "two-moons-sgm-sde"] {
        let file = models.join(format!("{name}.toml"));
        bench.done(&words(&["analyze", file.to_str().unwrap()], &["-o", "file"]));
        bench.done(&words(&["analyze", &format!("builtin:{name}")], &["-o", "builtin"]));
        let (file, builtin) = (bench.json("file/summary.json"), bench.json("builtin/summary.json"));
        assert_eq!(file["exponents"], builtin["exponents"]);
        assert_eq!(file["robustness"], builtin["robustness"]);
    }
}
