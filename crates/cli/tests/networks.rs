//! `inspect` and `export-derivative`: networks that run, that cannot, and what is said of them.

mod common;

use common::Bench;
use serde_json::Value;
use surefoot::train::networks::{Mlp, Network};
use surefoot_graph::{Limits, WriteOptions};

const MOONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/moons-si.onnx");
const EXPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../graph/tests/exports");

/// A model file in the bench's folder that names the moons network.
fn model_file(bench: &Bench, more: &str) -> String {
    std::fs::copy(MOONS, bench.path("moons.onnx")).unwrap();
    let text = format!(
        "name = \"m\"\n[field]\nkind = \"onnx\"\nfile = \"moons.onnx\"\npredicts = \"velocity\"\n{more}\n[process]\nkind = \"flow\"\n"
    );
    bench.write("m.toml", text)
}

#[test]
fn derivatives_are_exported_and_inspected_again() {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
    let bench = Bench::new();
    let (onnx, toml) = (format!("{models}/moons-si.onnx"), format!("{models}/moons-si.toml"));
    let text = bench.done(&["export-derivative", &onnx, "--jvp", "8", "-o", "jvp.onnx"]);
    assert!(text.contains("v [batch, 8, 2]") && text.contains("jv [batch, 8, 2]"), "{text}");
    let text = bench.done(&["inspect", "jvp.onnx"]);
    assert!(text.contains("v [batch, 8, 2]") && text.contains("jv [batch, 8, 2]"), "{text}");
    // The network written anew still agrees with the reference arrays.
    bench.done(&["export-derivative", &toml, "--value", "-o", "value.onnx", "-q"]);
    let reference = format!("{models}/moons-si.npz");
    let text = bench.done(&["inspect", "value.onnx", "--check", &reference]);
    assert_eq!(text.matches("agrees").count(), 6, "{text}");
    assert!(text.contains("surefoot") && text.contains("heaviest layers"), "{text}");
}

#[test]
fn impossible_exports_name_the_option_and_the_remedy() {
    let bench = Bench::new();
    let export = |words: &[&str], expected: &[&str]| {
        bench.refused(&[&["export-derivative", MOONS][..], words].concat(), 2, expected);
    };
    export(&["--jvp", "0", "-o", "a.onnx"], &["--jvp", "1 direction at least", "got 0"]);
    export(&["--jvp-vjp", "0", "-o", "a.onnx"], &["--jvp-vjp", "got 0"]);
    export(&["--vjp", "-1", "-o", "a.onnx"], &["--vjp", "'-1'"]);
    export(&["--second", "1000000000000", "-o", "a.onnx"], &["--second", "at most", "1000000000000"]);
    export(&["--vjp", "1", "-o", "none/a.onnx"], &["none/a.onnx", "expected a folder none", "Make it"]);
    export(&["-o", "a.onnx"], &["--jvp"]);
    export(&["--jvp", "1", "--vjp", "1", "-o", "a.onnx"], &["--vjp"]);
    export(&["--value", "-o", "a.txt"], &["-o", "a.txt", ".onnx"]);
    bench.refused(&["export-derivative", "builtin:circle", "--value", "-o", "a.onnx"], 2, &["analytic"]);
    bench.refused(&["analyze", "builtin:circle", "--jvp", "1"], 2, &["--jvp"]);
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 0);
}

#[test]
fn an_export_never_replaces_what_it_reads() {
    let bench = Bench::new();
    model_file(&bench, "");
    let before = std::fs::read(bench.path("moons.onnx")).unwrap();
    for (file, out) in [("moons.onnx", "moons.onnx"), ("m.toml", "./moons.onnx"), ("m.toml", "m.toml")] {
        bench.refused(&["export-derivative", file, "--value", "-o", out], 2, &["-o"]);
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("moons.onnx", bench.path("link.onnx")).unwrap();
        bench.refused(
            &["export-derivative", "moons.onnx", "--value", "-o", "link.onnx"],
            2,
            &["the network itself"],
        );
        bench.refused(
            &["export-derivative", "link.onnx", "--value", "-o", "moons.onnx"],
            2,
            &["the network itself"],
        );
        std::fs::hard_link(bench.path("moons.onnx"), bench.path("hard.onnx")).unwrap();
        bench.done(&["export-derivative", "moons.onnx", "--value", "-o", "hard.onnx"]);
    }
    assert_eq!(std::fs::read(bench.path("moons.onnx")).unwrap(), before);
}

#[test]
fn the_precision_of_a_model_file_is_that_of_its_exports() {
    let bench = Bench::new();
    let size = |words: &[&str]| {
        bench.done(&[&["export-derivative", "m.toml", "--value", "-o", "a.onnx"][..], words].concat());
        std::fs::metadata(bench.path("a.onnx")).unwrap().len()
    };
    model_file(&bench, "precision = \"f32\"");
    let single = size(&[]);
    model_file(&bench, "precision = \"f64\"");
    let double = size(&[]);
    // 8706 weights of 4 bytes more each.
    assert!(double > single + 4 * 8000, "{double} bytes after {single}");
    assert_eq!((size(&["--precision", "f32"]), size(&["--precision", "f64"])), (single, double));
    model_file(&bench, "");
    assert_eq!(size(&[]), single);
}

#[test]
fn networks_that_cannot_run_are_described_and_end_with_exit_code_2() {
    let bench = Bench::new();
    let file = format!("{EXPORTS}/refused/branch-dynamo.onnx");
    let listed = ["operators", "unsupported", "(If): control flow", "docs/operators.md line", "as listed"];
    bench.refused(&["inspect", &file], 2, &listed);
    bench.refused(&["inspect", &file, "--check", "absent.npz"], 2, &listed);
    let output = bench.run(&["inspect", &file, "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let description: Value = serde_json::from_slice(&output.stdout).unwrap();
    let nodes = description["unsupported"].as_array().unwrap();
    assert!(nodes[0]["list"].as_str().unwrap().contains("docs/operators.md"), "{description:#}");
    // The same nodes from a command that would run it, and nothing else.
    std::fs::copy(&file, bench.path("b.onnx")).unwrap();
    let text = "name = \"b\"\n[field]\nkind = \"onnx\"\nfile = \"b.onnx\"\npredicts = \"velocity\"\n[process]\nkind = \"flow\"\n";
    bench.write("b.toml", text);
    bench.refused(&["inspect", "b.toml"], 2, &listed);
    bench.refused(&["analyze", "b.toml", "-o", "out"], 2, &["(If): control flow", "docs/operators.md line"]);
}

#[test]
fn derivatives_are_no_models_and_are_not_meant_to_be() {
    let bench = Bench::new();
    bench.done(&["export-derivative", MOONS, "--vjp", "3", "-o", "vjp.onnx", "-q"]);
    let text = bench.done(&["inspect", "vjp.onnx", "--format", "json"]);
    let description: Value = serde_json::from_str(&text).unwrap();
    assert!(description["no_model"].as_str().unwrap().contains("3 inputs"), "{text}");
    bench.refused(&["inspect", "vjp.onnx", "--check", "absent.npz"], 2, &["3 inputs"]);
    let text = "name = \"m\"\n[field]\nkind = \"onnx\"\nfile = \"vjp.onnx\"\npredicts = \"velocity\"\n[process]\nkind = \"flow\"\n";
    bench.write("m.toml", text);
    bench.refused(&["inspect", "m.toml"], 2, &["3 inputs", "a function of x and t"]);
    bench.refused(&["export-derivative", "vjp.onnx", "--jvp", "1", "-o", "a.onnx"], 2, &["3 inputs"]);
}

#[test]
fn memory_limits_hold_wherever_networks_are_loaded() {
    let bench = Bench::new();
    model_file(&bench, "");
    let commands: [&[&str]; 8] = [
        &["inspect", "moons.onnx"],
        &["inspect", "m.toml"],
        &["export-derivative", "m.toml", "--value", "-o", "a.onnx"],
        &["analyze", "m.toml", "-o", "out"],
        &["perturb", "m.toml", "-o", "out"],
        &["perturb", "builtin:disc", "--difference", "m.toml", "-o", "out"],
        &["compare", "m.toml", "m.toml", "-o", "out"],
        &["sample", "m.toml", "-o", "x.npy"],
    ];
    for command in commands {
        bench.refused(
            &[command, &["--memory", "10kB"]].concat(),
            2,
            &["moons.onnx", "10000 bytes", "--memory"],
        );
        let text = "'--memory <SIZE>': expected a size such as";
        bench.refused(&[command, &["--memory", "much"]].concat(), 2, &["'much'", text]);
        bench.refused(&[command, &["--memory", "0"]].concat(), 2, &["more than 0 bytes"]);
    }
    assert!(!bench.path("out").exists() && !bench.path("a.onnx").exists() && !bench.path("x.npy").exists());
    bench.done(&["inspect", "m.toml", "--memory", "64MiB"]);
    bench.done(&["sample", "m.toml", "--memory", "64 MiB", "-n", "3", "--steps", "2", "-o", "x.npy"]);
}

#[test]
fn a_network_is_inspected_without_the_data_that_its_model_file_names() {
    let bench = Bench::new();
    model_file(&bench, "[support]\nreference = \"brought/by/users.npy\"");
    let text = bench.done(&["inspect", "m.toml"]);
    assert!(text.contains("users.npy") || text.contains("8706"), "{text}");
    bench.refused(&["sample", "m.toml", "-o", "x.npy"], 2, &["support.reference", "users.npy"]);
}

#[test]
fn a_constraint_is_a_function_and_no_failure() {
    let bench = Bench::new();
    let energy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/oscillators-energy.onnx");
    let text = bench.done(&["inspect", energy]);
    assert!(text.contains("serves as") && text.contains("no matrix products"), "{text}");
}

#[test]
fn reference_arrays_must_be_there_and_hold_something() {
    let bench = Bench::new();
    let check = |arrays: &[(&str, &[usize], &[f64])], expected: &[&str]| {
        let file = bench.npz("r.npz", arrays);
        bench.refused(&["inspect", MOONS, "--check", &file], 2, expected);
    };
    let two: (&str, &[usize], &[f64]) = ("x", &[1, 2], &[0.5, -1.0]);
    check(&[], &["r.npz"]);
    check(&[("t", &[1], &[0.5])], &["r.npz", "x", "at least one sample", "no such array"]);
    check(
        &[("x", &[0, 2], &[]), ("t", &[1], &[0.5]), ("y", &[0, 2], &[])],
        &["at least one sample", "[0, 2]"],
    );
    check(&[two, ("y", &[1, 2], &[0.0; 2])], &["r.npz", "t", "no such array"]);
    check(&[two, ("t", &[0], &[]), ("y", &[1, 2], &[0.0; 2])], &["t: expected", "[0]"]);
    check(&[two, ("t", &[3], &[0.1; 3]), ("y", &[1, 2], &[0.0; 2])], &["t: expected 1 samples", "[3]"]);
    check(&[two, ("t", &[1], &[0.5])], &["y", "no such array"]);
    check(&[two, ("t", &[1], &[0.5]), ("y", &[1, 3], &[0.0; 3])], &["y", "[1, 3]"]);
    check(&[("x", &[1, 3], &[0.0; 3]), ("t", &[1], &[0.5]), ("y", &[1, 3], &[0.0; 3])], &["x", "2 numbers"]);
    let given = [two, ("t", &[1], &[0.5]), ("y", &[1, 2], &[0.0; 2])];
    let with = |more: &[(&'static str, &'static [usize], &'static [f64])]| [&given[..], more].concat();
    check(&with(&[("tangents", &[1, 1, 2], &[1.0, 0.0])]), &["jvp", "no such array"]);
    check(&with(&[("cotangents", &[2, 1, 2], &[1.0; 4])]), &["cotangents", "[2, 1, 2]"]);
    check(&with(&[("cotangents", &[1, 0, 2], &[])]), &["cotangents", "at least one", "[1, 0, 2]"]);
    // Wrong numbers in arrays that fit are another matter.
    let file = bench.npz("r.npz", &given);
    bench.refused(&["inspect", MOONS, "--check", &file], 1, &["DEVIATES", "value in f64"]);
    let file = bench.npz("r.npz", &[two, ("t", &[1], &[0.5]), ("y", &[1, 2], &[f64::NAN; 2])]);
    bench.refused(&["inspect", MOONS, "--check", &file], 1, &["DEVIATES", "NaN"]);
}

/// A network of labelled data, with x, t and label, as `Graph::write` writes it.
fn labelled_network(bench: &Bench) {
    let mlp = Mlp { hidden: vec![8], classes: Some(3), class_width: 2, ..Mlp::default() };
    let graph = Network::from(mlp).graph(&[2], 5, &Limits::default()).unwrap();
    graph.write(bench.path("classes.onnx"), &WriteOptions::default()).unwrap();
}

fn class_file(bench: &Bench, more: &str) -> String {
    let text = format!(
        "name = \"c\"\n[field]\nkind = \"onnx\"\nfile = \"classes.onnx\"\npredicts = \"velocity\"\n\
         precision = \"f64\"\n{more}\n[process]\nkind = \"flow\"\n[sampler]\nmethod = \"euler\"\nsteps = 1\n"
    );
    bench.write("c.toml", text)
}

#[test]
fn a_label_and_guidance_choose_what_is_generated() {
    let bench = Bench::new();
    labelled_network(&bench);
    let text = bench.done(&["inspect", "classes.onnx"]);
    assert!(text.contains("x, t, label; a sample has the shape [2]"), "{text}");
    // One Euler step of length 1: the sample is x + y, so that guidance is linear in the samples, too.
    let sample = |more: &str| {
        let file = class_file(&bench, more);
        bench.done(&["sample", &file, "-n", "4", "-o", "s.csv", "--seed", "1", "-q"]);
        let text = std::fs::read_to_string(bench.path("s.csv")).unwrap();
        let numbers =
            text.lines().flat_map(|line| line.split(',')).filter_map(|word| word.trim().parse().ok());
        let numbers: Vec<f64> = numbers.collect();
        assert!(numbers.len() >= 8, "{text}");
        numbers
    };
    let (class, none) = (sample("label = 1"), sample("label = 3"));
    let guided = sample("label = 1\nguidance = 2.5\nno_class = 3");
    for ((class, none), guided) in class.iter().zip(&none).zip(&guided) {
        let expected = none + 2.5 * (class - none);
        assert!((guided - expected).abs() < 1e-12, "{guided} {expected}");
    }
    assert_ne!(class, none);
    let file = class_file(&bench, "label = 1\nguidance = 2.5\nno_class = 3");
    bench.done(&["analyze", &file, "-n", "8", "-o", "out", "-q"]);
    // The derivative of the file has a label of its own.
    let text = bench.done(&["export-derivative", "classes.onnx", "--jvp", "2", "-o", "jvp.onnx"]);
    assert!(text.contains("label [batch]"), "{text}");
}

#[test]
fn labels_that_do_not_fit_to_the_network_are_refused() {
    let bench = Bench::new();
    labelled_network(&bench);
    let refused = |more: &str, expected: &[&str]| {
        let file = class_file(&bench, more);
        bench.refused(&["sample", &file, "-n", "1", "-o", "s.csv"], 2, expected);
    };
    refused("", &["field.label", "classes.onnx has an input label", "Add `label`"]);
    refused("label = -1", &["field.label", "number of a class"]);
    refused("label = 1.5", &["field.label", "number of a class"]);
    refused("guidance = 2.0\nno_class = 3", &["field.label", "class to generate"]);
    refused("label = 1\nguidance = 2.0", &["field.no_class", "label of no class"]);
    let file = model_file(&bench, "label = 1");
    let expected = &["field.label", "a network with an input label", "Leave `label`"];
    bench.refused(&["sample", &file, "-n", "1", "-o", "s.csv"], 2, expected);
}
