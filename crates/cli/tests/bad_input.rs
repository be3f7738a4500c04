//! Bad input: exit code and words. No file, option or number may make the program panic.

mod common;

use common::{Bench, shared_models};

const CIRCLE: &str = "name = \"c\"\n[field]\nkind = \"analytic\"\ndata = \"circle\"\n[process]\nkind = \"vp\"\nnoise_level = 0.0\n[sampler]\nsteps = 20\n";

fn analyze(bench: &Bench, text: &str, code: i32, words: &[&str]) {
    bench.write("m.toml", text);
    bench.refused(&["analyze", "m.toml", "-n", "4", "-o", "out"], code, words);
    assert!(code == 3 || !bench.path("out").exists(), "nothing may be created for bad input: {text}");
}

#[test]
fn model_files() {
    let bench = Bench::new();
    let change = |from: &str, to: &str| {
        assert!(CIRCLE.contains(from));
        CIRCLE.replace(from, to)
    };
    bench.write("points.npy", b"\x93NUMPY\x01\x00\xff");
    bench.refused(&["analyze", "points.npy"], 2, &["points.npy", "not text", "model file"]);
    bench.refused(&["analyze", "network.onnx"], 2, &["network.onnx", "cannot read"]);
    bench.refused(&["analyze", "nothing-here.toml"], 2, &["nothing-here.toml", "cannot read"]);
    analyze(&bench, "name = \"c\"\n[field\n", 2, &["m.toml:2", "TOML"]);
    analyze(&bench, "", 2, &["m.toml", "name"]);
    analyze(&bench, &change("steps = 20", "stpes = 20"), 2, &["m.toml:9", "stpes", "did you mean `steps`"]);
    analyze(&bench, &format!("{CIRCLE}[sampelr]\n"), 2, &["m.toml:10", "sampelr", "sampler"]);
    analyze(&bench, &change("\"vp\"", "\"vpp\""), 2, &["m.toml:6", "process.kind", "vp"]);
    analyze(&bench, &change("\"circle\"", "\"cirlce\""), 2, &["m.toml:4", "cirlce", "circle"]);
    analyze(&bench, &change("steps = 20", "steps = \"many\""), 2, &["m.toml:9", "sampler.steps", "many"]);
    analyze(
        &bench,
        &change("steps = 20", "spacing = \"log\""),
        2,
        &["m.toml:9", "sampler.spacing", "karras", "log"],
    );
    analyze(
        &bench,
        &change("steps = 20", "spacing = \"uniform\"\nrho = 7.0"),
        2,
        &["m.toml:10", "rho", "karras"],
    );
    for rho in ["0.0", "-1.0", "nan", "1e9"] {
        let text = change("steps = 20", &format!("spacing = \"karras\"\nrho = {rho}"));
        analyze(&bench, &text, 2, &["m.toml:10", "sampler.rho", "at most 1000"]);
    }
    let text = change("steps = 20", "spacing = \"karras\"\nrho = 1e-6");
    analyze(&bench, &text, 2, &["ρ = 0.000001", "Take fewer steps, another rho"]);
    analyze(&bench, &change("steps = 20", "steps = 0"), 2, &["m.toml:9", "steps", "0"]);
    analyze(&bench, &change("steps = 20", "steps = -3"), 2, &["steps", "-3"]);
    analyze(&bench, &change("steps = 20", "steps = 99999999999999999999"), 2, &["m.toml:9"]);
    analyze(&bench, &change("noise_level = 0.0", "noise_level = -1"), 2, &["noise_level", "-1"]);
    analyze(&bench, &change("noise_level = 0.0", "noise_level = nan"), 2, &["noise_level"]);
    analyze(&bench, &change("noise_level = 0.0", "end = 0.0"), 2, &["end", "singular"]);
    analyze(&bench, &change("noise_level = 0.0", "end = 0.5\nstart = 0.4"), 2, &["process.end", "0.4"]);
    analyze(
        &bench,
        &change("noise_level = 0.0", "schedule = { kind = \"cosine\" }\nstart = 1.0"),
        2,
        &["start", "infinite"],
    );
    analyze(
        &bench,
        &change("noise_level = 0.0", "schedule = { kind = \"linear\", max = -1 }"),
        2,
        &["process.schedule.max"],
    );
    analyze(&bench, &change("noise_level = 0.0", "time = \"soon\""), 2, &["process.time", "soon"]);
    analyze(&bench, &change("\"circle\"", "\"circle\"\nradius = -2"), 2, &["radius", "-2"]);
    analyze(&bench, &change("\"circle\"", "\"gaussian\"\nvariances = []"), 2, &["variances"]);
    analyze(&bench, &change("\"circle\"", "\"gaussian\"\nvariances = [1, \"x\"]"), 2, &["variances", "x"]);
    analyze(
        &bench,
        &change("noise_level = 0.0", "noise_level = 1.0\n[source]\nkind = \"martian\""),
        2,
        &["source.kind", "martian"],
    );
    analyze(&bench, &change("steps = 20", "method = \"rk4\"").replace("0.0", "1.0"), 2, &["rk4"]);
}

#[test]
fn supports_and_sources_must_fit_the_model() {
    let bench = Bench::new();
    let support = |text: &str| format!("{CIRCLE}[support]\n{text}\n");
    analyze(&bench, &support("kind = \"sphere\""), 2, &["support", "dimension", "2", "3"]);
    analyze(&bench, &support("kind = \"sqhere\""), 2, &["m.toml:11", "sqhere", "sphere"]);
    analyze(&bench, &support("kind = \"circle\"\nradius = \"wide\""), 2, &["support", "radius"]);
    analyze(&bench, &support("kind = \"circle\"\nradius = -1"), 2, &["-1"]);
    analyze(&bench, &support("kind = \"circle\"\nradios = 1"), 2, &["m.toml:12", "radios", "radius"]);
    analyze(
        &bench,
        &support("reference = \"absent.npy\""),
        2,
        &["m.toml:11", "support.reference", "absent.npy"],
    );
    bench.write("three.csv", "1,2,3\n4,5,6\n7,8,8\n1,1,0\n2,3,5\n");
    analyze(&bench, &format!("{CIRCLE}[source]\nkind = \"three.csv\"\n"), 2, &["source", "2", "3"]);
    bench.write("one.csv", "1,2\n");
    let one = CIRCLE.replace("\"circle\"", "\"one.csv\"");
    analyze(&bench, &one, 2, &["one.csv", "3 rows", "kind = \"none\""]);
    analyze(&bench, &support("reference = \"one.csv\""), 2, &["one.csv", "3 rows"]);
    bench.write("broken.csv", "1,2\n3,x\n");
    analyze(&bench, &CIRCLE.replace("\"circle\"", "\"broken.csv\""), 2, &["broken.csv", "line 2", "x"]);
    bench.write(
        "broken.npy",
        b"\x93NUMPY\x01\x00\x40\x00{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999, 2)}     ",
    );
    analyze(&bench, &CIRCLE.replace("\"circle\"", "\"broken.npy\""), 2, &["broken.npy"]);
    bench.write("broken.npz", b"PK\x03\x04nothing");
    analyze(&bench, &CIRCLE.replace("\"circle\"", "\"broken.npz\""), 2, &["broken.npz"]);
}

#[test]
fn networks() {
    let bench = Bench::new();
    let network = |more: &str| {
        format!(
            "name = \"n\"\n[field]\nkind = \"onnx\"\nfile = \"n.onnx\"\npredicts = \"velocity\"\n{more}[process]\nkind = \"flow\"\n"
        )
    };
    analyze(&bench, &network(""), 2, &["field.file", "n.onnx"]);
    bench.write("n.onnx", "this is no protocol buffer");
    analyze(&bench, &network(""), 2, &["n.onnx"]);
    analyze(&bench, &network("precision = \"f16\"\n"), 2, &["m.toml:6", "precision", "f32"]);
    analyze(&bench, &network("").replace("velocity", "score"), 2, &["predicts", "velocity"]);
    analyze(
        &bench,
        &format!("{}[source]\nkind = \"marginal\"\n", network("")),
        2,
        &["source.kind", "analytic"],
    );
    analyze(&bench, &network("").replace("\"flow\"", "\"flow\"\nstart = 0.5"), 2, &["start"]);
    bench.refused(&["inspect", "n.onnx"], 2, &["n.onnx"]);
    bench.refused(&["inspect", "absent.onnx"], 2, &["absent.onnx"]);
}

#[test]
fn options() {
    let bench = Bench::new();
    let circle = "builtin:circle";
    bench.refused(&["analyze", "builtin:cirlce"], 2, &["cirlce", "circle"]);
    bench.refused(&["perturb", circle, "--sizes", "0.1,abc"], 2, &["abc"]);
    bench.refused(&["perturb", circle, "--sizes=-1"], 2, &["-1"]);
    bench.refused(&["perturb", circle, "--sizes", "-1,2"], 2, &["size", "-1"]);
    bench.refused(&["analyze", circle, "-n", "-1"], 2, &["'-1'", "--samples"]);
    bench.refused(&["analyze", circle, "--noise-level", "-1"], 2, &["noise_level", "≥ 0", "-1"]);
    bench.refused(&["analyze", circle, "-n", "1000000000000000"], 2, &["samples", "1000000000000000"]);
    bench.refused(&["sample", circle, "-n", "1000000000000000", "-o", "x.npy"], 2, &["samples"]);
    bench.refused(&["perturb", circle, "--sizes", "inf"], 2, &["inf"]);
    bench.refused(&["analyze", circle, "-k", "5"], 2, &["5", "2"]);
    bench.refused(&["analyze", circle, "-k", "0"], 2, &["0"]);
    bench.refused(&["analyze", circle, "-n", "0"], 2, &["samples", "0"]);
    bench.refused(&["analyze", circle, "--steps", "0"], 2, &["--steps 0", "sampler.steps"]);
    bench.refused(&["analyze", circle, "--threads", "0"], 2, &["threads"]);
    bench.refused(&["analyze", circle, "--direction", "1,2,3"], 2, &["direction", "2"]);
    bench.refused(&["analyze", circle, "--direction", "0,0"], 2, &["direction"]);
    bench.refused(&["analyze", circle, "--length-scale", "0"], 2, &["length"]);
    bench.refused(&["analyze", circle, "--error", "coarser", "--factors", "7"], 2, &["7"]);
    bench.refused(&["analyze", circle, "--set", "nonsense"], 2, &["KEY=VALUE"]);
    bench.refused(&["analyze", circle, "--set", "proces.start=1"], 2, &["proces", "process"]);
    bench.refused(&["analyze", circle, "--set", "process.start=high"], 2, &["process.start=high"]);
    bench.refused(&["analyze", circle, "--require", "footing"], 2, &["footing", "KEY>NUMBER"]);
    bench.refused(&["analyze", circle, "--difference", "builtin:sphere"], 2, &["2", "3"]);
    bench.refused(&["analyze", circle, "--stpes", "5"], 2, &["--steps"]);
    bench.refused(&["compare", circle, "builtin:sphere"], 2, &["dimension", "2", "3"]);
    bench.refused(&["compare", circle], 2, &["2"]);
    bench.refused(&["sample", circle, "-o", "x.txt"], 2, &[".npy", "x.txt"]);
    bench.refused(&["sample", circle, "-o", "no/such/folder/x.npy"], 2, &["no/such/folder"]);
    bench.refused(&["sample", circle, "-n", "0", "-o", "x.npy"], 2, &["0"]);
    bench.refused(&["inspect", circle, "--check", "x.npz"], 2, &["analytic"]);
    bench.refused(&["frobnicate"], 2, &["frobnicate"]);
    assert!(!bench.path("surefoot-out").exists() && !bench.path("x.npy").exists());
}

#[test]
fn numbers_that_blow_up_end_with_exit_code_3() {
    let bench = Bench::new();
    // Forward Euler with one enormous step of a stiff drift overflows at once when β is huge.
    let text = "name = \"stiff\"\n[field]\nkind = \"analytic\"\ndata = \"gaussian\"\nvariances = [1.0, 4.0]\n[process]\nkind = \"vp\"\nnoise_level = 0.0\nschedule = { kind = \"linear\", min = 1e250, max = 1e250 }\nend = 0.5\n[source]\nkind = \"gaussian\"\n[sampler]\nsteps = 3\nspacing = \"uniform\"\n";
    bench.write("m.toml", text);
    bench.refused(&["analyze", "m.toml", "-n", "3", "-o", "out"], 3, &["sample", "step", "non-finite"]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    bench.write("file", "in the way");
    bench.refused(
        &["analyze", "builtin:circle", "-n", "2", "-o", "file/out"],
        2,
        &["file/out", "cannot write"],
    );
    let locked = bench.path("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(locked.join("probe"), "").is_ok() {
        eprintln!("skipped: permissions do not bind this user");
        return;
    }
    bench.refused(
        &["analyze", "builtin:circle", "-n", "2", "-o", "locked/out"],
        2,
        &["locked", "permission"],
    );
}

#[test]
fn unsupported_operators_are_listed() {
    let Some(models) = shared_models() else { return };
    let bench = Bench::new();
    let model = models.join("mnist-ddpm.onnx");
    let text = String::from_utf8(bench.run(&["inspect", model.to_str().unwrap()]).stdout).unwrap();
    assert!(text.contains("Conv"), "{text}");
}
