//! `train`: what it takes care of. Conditional networks, folders of earlier trainings, data without a support or a score,
//! trainings that blow up, and what it says of all that.

mod common;

use common::Bench;
use std::process::Output;
use surefoot_graph::{Graph, Limits};

const TRAIN: [&str; 5] = ["train", "r.toml", "-o", "out", "--overwrite"];

/// A flow of two coordinates from a file, with lines of `[data]`, `[network]` and `[training]`, and sections.
fn recipe(data: &str, network: &str, training: &str, more: &str) -> String {
    format!(
        "name = \"small\"
[data]
{data}
[process]
kind = \"flow\"
[network]
{network}
[training]
updates = 6
batch = 8
validation_pairs = 8
samples = 9
{training}
[sampler]
steps = 3
{more}
"
    )
}

const MLP: &str = "kind = \"mlp\"\nhidden = [6]";
const POINTS: &str = "kind = \"points.csv\"";

/// Points of three clusters, and their labels.
fn three_clusters(bench: &Bench) {
    let angle = |i: usize| i as f64 * 0.7;
    let point = |i: usize| format!("{},{}\n", (i % 3) as f64 + angle(i).cos(), angle(i).sin());
    bench.write("points.csv", (0..30).map(point).collect::<String>());
    bench.write("labels.csv", (0..30).map(|i| format!("{}\n", i % 3)).collect::<String>());
}

const LABELLED: &str = "kind = \"points.csv\"\nlabels = \"labels.csv\"";

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn page(bench: &Bench) -> String {
    std::fs::read_to_string(bench.path("out/training.html")).unwrap()
}

/// A network of three classes in `start/model.onnx`.
fn conditional(bench: &Bench) {
    three_clusters(bench);
    bench.write("c.toml", recipe(LABELLED, &format!("{MLP}\nclasses = 3"), "", ""));
    bench.done(&["train", "c.toml", "-o", "start", "-q"]);
}

/// The table of the classes `[4, width]` of a network.
fn classes_of(bench: &Bench, file: &str) -> Vec<Vec<f64>> {
    let graph = Graph::read(bench.path(file), &Limits::default()).unwrap();
    let table = graph.parameters().find(|p| p.shape.len() == 2 && p.shape[0] == 4).unwrap();
    table.values.chunks_exact(table.shape[1]).map(<[f64]>::to_vec).collect()
}

#[test]
fn a_conditional_network_can_be_the_start() {
    let bench = Bench::new();
    conditional(&bench);
    let start = |classes: &str| format!("kind = \"onnx\"\nfile = \"start/model.onnx\"\n{classes}");
    bench.write("r.toml", recipe(LABELLED, &start("classes = 3"), "withhold = 1.0\naverage = 0", ""));
    bench.done(&TRAIN);
    // A file has the weights that were trained, and no other number, as its weights.
    let names = |file: &str| -> Vec<String> {
        let graph = Graph::read(bench.path(file), &Limits::default()).unwrap();
        graph.parameters().map(|p| p.name.to_string()).collect()
    };
    let weights = ["classes.weight", "layers.0.bias", "layers.0.weight", "out.bias", "out.weight"];
    for file in ["start/model.onnx", "out/model.onnx"] {
        let mut names = names(file);
        names.sort();
        assert_eq!(names, weights, "{file}");
    }
    let model = std::fs::read_to_string(bench.path("out/model.toml")).unwrap();
    assert!(model.contains("no_class = 3") && model.contains("label = 3"), "{model}");
    // With all classes withheld, only the row of no class has moved.
    let (before, after) = (classes_of(&bench, "start/model.onnx"), classes_of(&bench, "out/model.onnx"));
    assert_eq!(before[..3], after[..3]);
    assert_ne!(before[3], after[3]);
    for (data, classes, words) in [
        (LABELLED, "", &["network.classes", "start/model.onnx", "input label", "classes = K"][..]),
        (LABELLED, "classes = 2", &["network.classes", "3 classes of the data", "classes = 3"]),
        (LABELLED, "classes = 7", &["network.classes", "labels 0 to K", "7"]),
        (POINTS, "classes = 3", &["network.classes", "labels"]),
        (LABELLED, "classes = 0", &["network.classes", "at least 1"]),
    ] {
        bench.write("r.toml", recipe(data, &start(classes), "", ""));
        bench.refused(&TRAIN, 2, words);
    }
    // A file without an input for labels.
    bench.write("u.toml", recipe(POINTS, MLP, "", ""));
    bench.done(&["train", "u.toml", "-o", "plain", "-q"]);
    let plain = "kind = \"onnx\"\nfile = \"plain/model.onnx\"\nclasses = 3";
    bench.write("r.toml", recipe(LABELLED, plain, "", ""));
    bench.refused(&TRAIN, 2, &["network.classes", "no input label", "leave"]);
    // A network made here with fewer classes than the data.
    bench.write("r.toml", recipe(LABELLED, &format!("{MLP}\nclasses = 1"), "", ""));
    bench.refused(&TRAIN, 2, &["network.classes", "3 classes", "classes = 3"]);
}

#[test]
fn guidance_needs_a_class_and_labels_must_be_known() {
    let bench = Bench::new();
    conditional(&bench);
    let analyze = ["analyze", "start/model.toml", "-n", "4", "-q", "-o", "a"];
    let with = |more: &[&'static str]| [&analyze[..], more].concat();
    bench.refused(&with(&["--guidance", "3"]), 2, &["guidance", "no class", "--label 0 to 2"]);
    bench.refused(&with(&["--sweep", "guidance=1,3"]), 2, &["guidance", "--label 0 to 2"]);
    bench.refused(&with(&["--label", "4"]), 2, &["label", "4", "--label 0 to 2"]);
    bench.refused(&with(&["--label", "4", "--guidance", "2"]), 2, &["label", "4", "--label 0 to 2"]);
    bench.done(&with(&["--guidance", "1"]));
    bench.done(&[
        "analyze",
        "start/model.toml",
        "-n",
        "4",
        "-q",
        "-o",
        "g",
        "--label",
        "1",
        "--sweep",
        "guidance=0,1,3",
    ]);
    bench.done(&["analyze", "start/model.toml", "-n", "4", "-q", "-o", "l", "--sweep", "label=0,2"]);
    let sweep = bench.json("g/summary.json");
    assert_eq!(sweep["sweep"]["key"], "field.guidance");
}

#[test]
fn samples_on_the_way_run_through_the_classes() {
    let bench = Bench::new();
    conditional(&bench);
    bench.write("r.toml", recipe(LABELLED, &format!("{MLP}\nclasses = 3"), "", ""));
    bench.done(&TRAIN);
    assert!(page(&bench).contains("classes 0 to 2, class by class"));
    let bytes = std::fs::read(bench.path("out/samples/000000006.npy")).unwrap();
    // Nine samples of two numbers, three a class, from the same starts as those of the model file.
    for class in 0..3 {
        let label = class.to_string();
        bench.done(&["sample", "out/model.toml", "-n", "9", "-o", "x.npy", "-q", "--label", &label]);
        let own = std::fs::read(bench.path("x.npy")).unwrap();
        let rows = |bytes: &[u8]| bytes[bytes.len() - 9 * 16..][class * 48..][..48].to_vec();
        assert_eq!(rows(&bytes), rows(&own), "class {class}");
    }
}

#[test]
fn labels_that_are_not_learned_are_told() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(LABELLED, MLP, "", ""));
    let text = stderr(&bench.run(&TRAIN));
    assert!(text.contains("note:") && text.contains("3 classes") && text.contains("classes = 3"), "{text}");
    assert!(page(&bench).contains("the data have labels of 3 classes"));
    assert!(stderr(&bench.run(&[&TRAIN[..], &["-q"]].concat())).is_empty());
}

#[test]
fn data_with_a_constant_coordinate_train_a_flow() {
    let bench = Bench::new();
    let point = |i: i32| format!("{},3,{}\n", f64::from(i).cos(), f64::from(i).sin());
    bench.write("points.csv", (0..30).map(point).collect::<String>());
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    bench.done(&TRAIN);
    bench.done(&["analyze", "out/model.toml", "-n", "8", "-q", "-o", "a"]);
    let summary = bench.json("a/summary.json");
    let absent = summary["not_computed"].as_array().unwrap();
    let score = absent.iter().find(|a| a["what"] == "alignment with the score").unwrap();
    assert!(score["why"].as_str().unwrap().contains("do not vary in every coordinate"), "{score}");
    assert!(summary["robustness"][0]["distance"]["q50"].is_number());
    // What was asked for by name stays an error, before anything is trained.
    std::fs::remove_dir_all(bench.path("out")).unwrap();
    bench.write("r.toml", recipe(POINTS, MLP, "", "[score]\nbandwidth = 0.1"));
    bench.refused(&TRAIN, 2, &["r.toml", "[score]", "coordinate 1", "leave [score] out"]);
    assert!(!bench.path("out").exists());
}

#[test]
fn data_without_a_dimension_train_a_model_without_support() {
    let bench = Bench::new();
    for (rows, dimension) in
        [("0,1\n", false), ("0,1\n2,0\n", false), ("0,0\n1,1\n0,0\n1,1\n0,0\n1,1\n", true)]
    {
        bench.write("points.csv", rows);
        bench.write("r.toml", recipe(POINTS, MLP, "", ""));
        let output = bench.run(&TRAIN);
        let text = stderr(&output);
        assert!(output.status.success() && text.contains("no support"), "{rows:?} {text}");
        assert!(!dimension || text.contains("dimension = d"), "{text}");
        let model = std::fs::read_to_string(bench.path("out/model.toml")).unwrap();
        assert!(model.contains("[support]\nkind = \"none\""), "{model}");
        bench.done(&["analyze", "out/model.toml", "-n", "8", "-q", "-o", "a"]);
        bench.done(&["train", "r.toml", "-o", "out", "--resume", "-q"]);
    }
    // One that the recipe names, or that `[robust]` needs, is not left out.
    let named = "[support]\nreference = \"points.csv\"";
    bench.write("r.toml", recipe(POINTS, MLP, "", named));
    bench.refused(&TRAIN, 2, &["points.csv", "dimension = d"]);
    bench.write("r.toml", recipe(POINTS, MLP, "", "[robust]\npenalty = 1.0"));
    bench.refused(&TRAIN, 2, &["points.csv", "dimension = d"]);
    bench.write("r.toml", recipe(POINTS, MLP, "", &format!("{named}\ndimension = 1")));
    bench.done(&TRAIN);
}

#[test]
fn an_earlier_training_is_kept_unless_it_is_to_go() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    let plain = ["train", "r.toml", "-o", "out"];
    let resume = [&plain[..], &["--resume"]].concat();
    let text = stderr(&bench.run(&resume));
    assert!(text.contains("nothing to resume in out: starting anew"), "{text}");
    let model = || std::fs::read(bench.path("out/model.onnx")).unwrap();
    let before = model();
    bench.refused(&plain, 2, &["out", "earlier training", "--resume", "--overwrite", "-o"]);
    bench.refused(&[&resume[..], &["--overwrite"]].concat(), 2, &["--overwrite", "--resume"]);
    // What is refused has touched nothing, wherever it is noticed.
    for set in [
        "score.bandwidth=-1",
        "source.kind=marginal",
        "network.classes=3",
        "support={ kind = \"sphere\", dim = 3, radius = 1 }",
        "sampler={ method = \"ancestral\" }",
    ] {
        bench.refused(&[&TRAIN[..], &["--set", set]].concat(), 2, &[]);
        assert_eq!(before, model(), "{set}");
        assert!(bench.path("out/checkpoint.npz").is_file(), "{set}");
    }
    bench.done(&[&TRAIN[..], &["--set", "training.seed=1"]].concat());
    assert_ne!(before, model());
}

/// What a kill right at the start leaves: the recipe, and nothing else.
#[test]
fn a_training_goes_on_from_its_recipe_alone() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    bench.done(&TRAIN);
    let whole = std::fs::read(bench.path("out/model.onnx")).unwrap();
    let recorded = std::fs::read(bench.path("out/recipe.toml")).unwrap();
    std::fs::remove_dir_all(bench.path("out")).unwrap();
    std::fs::create_dir(bench.path("out")).unwrap();
    std::fs::write(bench.path("out/recipe.toml"), recorded).unwrap();
    bench.done(&["train", "r.toml", "-o", "out", "--resume", "-q"]);
    assert_eq!(whole, std::fs::read(bench.path("out/model.onnx")).unwrap());
}

#[test]
fn two_trainings_do_not_share_a_folder() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    bench.done(&TRAIN);
    let before = std::fs::read(bench.path("out/training.json")).unwrap();
    let lock = std::fs::File::options().write(true).open(bench.path("out/.lock")).unwrap();
    lock.try_lock().unwrap();
    for how in ["--overwrite", "--resume"] {
        bench.refused(&["train", "r.toml", "-o", "out", how], 2, &["out", "under way", "-o"]);
    }
    assert_eq!(before, std::fs::read(bench.path("out/training.json")).unwrap());
    drop(lock);
    bench.done(&TRAIN);
}

#[test]
fn files_that_the_training_might_replace_are_not_read() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    bench.done(&TRAIN);
    let start = "network={ kind = \"onnx\", file = \"out/model.onnx\" }";
    bench.refused(&[&TRAIN[..], &["--set", start]].concat(), 2, &["-o", "network.file", "out/model.onnx"]);
    std::fs::copy(bench.path("points.csv"), bench.path("out/points.csv")).unwrap();
    let inside = [&TRAIN[..], &["--set", "data.kind=out/points.csv"]].concat();
    bench.refused(&inside, 2, &["-o", "data.kind", "outside out"]);
    std::fs::create_dir_all(bench.path("out/images")).unwrap();
    let folder = ["--set", "data={ images = \"out/images\" }"];
    bench.refused(&[&TRAIN[..], &folder].concat(), 2, &["-o", "data.images"]);
    assert!(bench.path("out/model.onnx").is_file());
}

#[test]
fn trainings_that_blow_up_say_when_and_what_is_left() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write(
        "r.toml",
        recipe(POINTS, MLP, "updates = 300\ncheckpoint = 1", "").replacen("updates = 6\n", "", 1),
    );
    // The noise is so large that the first gradient is too long.
    let far = ["--set", "objective.sigma=1e10"];
    bench.refused(&[&TRAIN[..], &far].concat(), 3, &["gradient", "at update 0", "no checkpoint"]);
    for set in [
        ["training.learning_rate=1e4", "training.warm_up=40"],
        ["training.learning_rate=1e30", "training.warm_up=2"],
    ] {
        let words =
            [&TRAIN[..], &["--set", set[0], "--set", set[1], "--set", "network.hidden=[6,6,6]"]].concat();
        let output = bench.run(&words);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains("update") && text.contains("that are kept are those after"), "{text}");
        // It is the checkpoint of the folder.
        let kept = bench.json("out/training.json");
        let done = kept["updates"].as_u64().unwrap();
        assert!(
            text.contains(&format!("those after {done} update")) && text.contains("training loss of"),
            "{text}"
        );
    }
}

#[test]
fn when_to_look_and_to_save_may_change_on_the_way() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    bench.done(&TRAIN);
    let model = || std::fs::read(bench.path("out/model.onnx")).unwrap();
    let before = model();
    let mut words = vec!["train", "r.toml", "-o", "out", "--resume"];
    words.extend([
        "--set",
        "training.look=2",
        "--set",
        "training.checkpoint=3",
        "--set",
        "training.validate=2",
    ]);
    bench.done(&words);
    assert_eq!(before, model());
    let record = std::fs::read_to_string(bench.path("out/recipe.toml")).unwrap();
    assert!(record.contains("look = 2") && record.contains("checkpoint = 3"), "{record}");
    words.extend(["--set", "training.samples=3"]);
    bench.refused(&words, 2, &["training.samples", "9", "3"]);
    // Data that have changed under their name.
    bench.write("points.csv", "1,2\n2,1\n3,1\n4,2\n");
    bench.refused(&["train", "r.toml", "-o", "out", "--resume"], 2, &["data.kind", "file that has changed"]);
}

/// Two operations for each of the 3 · 6 + 6 · 2 products, thrice for a gradient, on 8 samples.
#[test]
fn the_work_of_an_update_is_told() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    let text = stderr(&bench.run(&[&TRAIN[..], &["-v"]].concat()));
    assert!(text.contains("small: 38 weights, about 1440 FLOP an update, "), "{text}");
}

#[test]
fn validations_on_next_to_nothing_are_told() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(&format!("{POINTS}\nvalidation = 0"), MLP, "", ""));
    let text = stderr(&bench.run(&TRAIN));
    assert!(text.contains("validation is taken on 1 of the 30 rows"), "{text}");
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    assert!(stderr(&bench.run(&TRAIN)).is_empty());
    assert!(page(&bench).contains("on 3 of the 30 rows, which are not trained on"));
}

#[test]
fn messages_name_what_was_typed() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    let refused = |set: &str, words: &[&str]| {
        let words_of = [&TRAIN[..], &["--set", set]].concat();
        let text = stderr(&bench.run(&words_of));
        assert!(!text.contains("option:1"), "{text}");
        bench.refused(&words_of, 2, words);
    };
    refused("training={ batch = 0 }", &["--set training={ batch = 0 }", "training.batch"]);
    refused("objective={ weight = \"sigma2\" }", &["sigma2", "uniform or bridge"]);
    refused("network.hidden=[64, -1]", &["--set network.hidden", "`-1`, expected a whole number ≥ 0"]);
    refused("network.hiden=[64]", &["--set network.hiden", "network.hiden", "`hidden`, `activation`"]);
    refused("network.kind=\"mpl\"", &["network.kind", "`mpl`"]);
    refused("name=\" \"", &["name", "no visible character"]);
    refused("objective={ method = \"cfm\", pairs = \"points.csv\" }", &["\"cfm\"", "rectified"]);
    // One number a row needs a second axis.
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }\n";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend([1.0f64, 2.0, 3.0, 4.0].iter().flat_map(|x| x.to_le_bytes()));
    bench.write("flat.npy", bytes);
    refused("data.kind=flat.npy", &["flat.npy", "[4, 1]"]);
    bench.npz("empty.npz", &[]);
    refused("data.kind=empty.npz", &["empty.npz", "got none"]);
    bench.write("hole.csv", "1,2\n1,nan\n");
    refused("data.kind=hole.csv", &["hole.csv", "row 1", "Leave the row out"]);
}

#[test]
fn a_warm_up_longer_than_the_training_is_told() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "warm_up = 7", ""));
    let text = stderr(&bench.run(&TRAIN));
    assert!(text.contains("grows over 7 updates (`warm_up`), and the training ends after 6"), "{text}");
}

#[test]
fn one_update_is_one() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "updates = 1", "").replacen("updates = 6\n", "", 1));
    let text = bench.done(&TRAIN);
    assert!(text.contains("1 update in") && page(&bench).contains("1 of 1 update ·"), "{text}");
    assert!(!page(&bench).contains("after 1 updates"));
}

/// A limit on the size of files stands for a full disk.
#[cfg(unix)]
#[test]
fn a_checkpoint_that_finds_no_room_is_one_message() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, "kind = \"mlp\"\nhidden = [32, 32]", "", ""));
    let line = "trap '' XFSZ; ulimit -f 20; exec \"$0\" train r.toml -o out";
    let output = std::process::Command::new("sh")
        .current_dir(bench.folder.path())
        .args(["-c", line, env!("CARGO_BIN_EXE_surefoot")])
        .output()
        .unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("checkpoint.npz") && text.lines().count() == 1, "{text}");
}

/// Trains a moment on a support and says how far the data shown on the page of figures lie from it.
fn trains_on(bench: &Bench, support: &str) {
    let text = recipe("kind = \"support\"\nnoise = 0.1", MLP, "", &format!("[support]\n{support}"));
    bench.write("r.toml", text.replace("updates = 6", "updates = 2"));
    bench.done(&["train", "r.toml", "-o", "out", "--overwrite", "-q"]);
    bench.done(&["analyze", "out/model.toml", "-n", "4", "-o", "analysed", "-q"]);
}

#[test]
fn every_support_can_be_drawn_on() {
    let bench = Bench::new();
    for support in [
        "kind = \"sphere\"\ndim = 5",
        "kind = \"discs\"\ncentres = [[0, 0], [1, 0]]",
        "kind = \"polygon\"\nvertices = [[0, 0], [2, 0], [0, 1]]",
        "kind = \"affine\"\npoint = [0, 0, 1]\nbasis = [[1, 1, 0]]",
        "kind = \"product\"\nfactors = [{ kind = \"circle\" }, { kind = \"spiral\", start = 1, end = 4 }]",
    ] {
        trains_on(&bench, support);
    }
    let ellipse = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/tests/constraints/ellipse.onnx");
    trains_on(&bench, &format!("kind = \"constraint\"\nfile = {ellipse:?}"));
}

#[test]
fn drawing_on_a_support_takes_one() {
    let bench = Bench::new();
    for (support, got) in [("", "got none"), ("[support]\nreference = \"points.csv\"", "a reference sample")]
    {
        three_clusters(&bench);
        bench.write("r.toml", recipe("kind = \"support\"", MLP, "", support));
        let output = bench.run(&TRAIN);
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains("[support]") && said.contains(got), "{said}");
    }
}

#[test]
fn a_coupling_that_does_not_fit_the_memory_is_refused_at_once() {
    let bench = Bench::new();
    three_clusters(&bench);
    for (method, bytes) in [("ot-cfm", "8 bytes"), ("sb-cfm", "24 bytes")] {
        let objective = format!("[objective]\nmethod = \"{method}\"");
        bench.write("r.toml", recipe(POINTS, MLP, "", &objective).replace("batch = 8", "batch = 100000"));
        let output = bench.run(&TRAIN);
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(
            said.contains("training.batch") && said.contains(bytes) && said.contains("--memory"),
            "{said}"
        );
        assert!(!bench.path("out").exists(), "nothing is written");
    }
}

#[test]
fn classes_without_rows_are_named() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(LABELLED, &format!("{MLP}\nclasses = 5"), "withhold = 0.0", ""));
    let said = stderr(&bench.run(&TRAIN));
    for words in ["of the 5 classes of the network 2 have no row to learn from (3, 4)", "`withhold` is 0"] {
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn models_in_other_units_are_not_compared() {
    let bench = Bench::new();
    three_clusters(&bench);
    for (name, normalise) in [("a", "none"), ("b", "standard")] {
        let data = format!("{POINTS}\nnormalise = \"{normalise}\"");
        bench.write("r.toml", recipe(&data, MLP, "", ""));
        bench.done(&["train", "r.toml", "-o", name, "-q"]);
    }
    let words = ["compare", "a/model.toml", "b/model.toml", "-n", "8", "-o", "c", "-q"];
    bench.refused(&words, 2, &["compare b/model.toml", "normalisation"]);
}

/// Writes a grey image of 8 or 16 bits, in a folder that is made for it.
fn image(bench: &Bench, name: &str, depth: png::BitDepth, bytes: &[u8]) {
    let path = bench.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let width = if depth == png::BitDepth::Sixteen { bytes.len() / 2 } else { bytes.len() };
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), width as u32, 1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(depth);
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
}

const IMAGES: &str = "images = \"images\"\nscale = [-1, 1]";

/// An image of two pixels, the first of this shade.
fn grey(bench: &Bench, name: &str, shade: u8) {
    image(bench, name, png::BitDepth::Eight, &[shade, 7]);
}

/// `out`, trained by `r.toml` on the eight images in `images`.
fn trained_on_images(bench: &Bench) {
    (0..8).for_each(|i| grey(bench, &format!("images/{i}.png"), 20 * i));
    bench.write("r.toml", recipe(IMAGES, MLP, "", ""));
    bench.done(&TRAIN);
}

#[test]
fn damaged_trainings_are_not_gone_on_with() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    bench.done(&TRAIN);
    let resume = ["train", "r.toml", "-o", "out", "--resume"];
    let harm = |name: &str, harmed: Option<&[u8]>, words: &[&str]| {
        let path = bench.path(&format!("out/{name}"));
        let whole = std::fs::read(&path).unwrap();
        match harmed {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        bench.refused(&resume, 2, words);
        std::fs::write(&path, whole).unwrap();
    };
    harm("checkpoint.npz", None, &["checkpoint.npz", "one without", "--overwrite"]);
    harm("checkpoint.npz", Some(b"PK"), &["out/checkpoint.npz", "checkpoint", "--overwrite"]);
    harm("recipe.toml", None, &["other files", "no recipe.toml"]);
    harm("recipe.toml", Some(b""), &["out/recipe.toml", "damaged", "--overwrite"]);
    bench.done(&resume);
}

#[test]
fn numbers_too_large_to_learn_are_named() {
    let bench = Bench::new();
    let rows: Vec<String> = (0..8).map(|i| format!("{i},{}", if i == 3 { "1e300" } else { "1" })).collect();
    bench.write("large.csv", rows.join("\n"));
    let data = "kind = \"large.csv\"\nnormalise = \"standard\"";
    bench.write("r.toml", recipe(data, MLP, "", ""));
    bench.refused(&TRAIN, 2, &["large.csv", "row 3", "f32", "1e300"]);
}

#[test]
fn the_recipe_that_a_training_wrote_is_one() {
    let bench = Bench::new();
    trained_on_images(&bench);
    // Paths in it count from where the first recipe is.
    std::fs::copy(bench.path("out/recipe.toml"), bench.path("written.toml")).unwrap();
    let again = ["train", "written.toml", "-o", "again", "-q"];
    bench.done(&again);
    let file = |name: &str| std::fs::read(bench.path(name)).unwrap();
    assert_eq!(file("out/model.onnx"), file("again/model.onnx"));
    assert_eq!(file("out/recipe.toml"), file("again/recipe.toml"));
    grey(&bench, "images/3.png", 61);
    let other = ["train", "written.toml", "-o", "other", "-q"];
    bench.refused(&other, 2, &["written.toml:", "sha256.data.images", "images", "without [sha256]"]);
}

#[test]
fn images_that_have_changed_are_not_trained_on() {
    let bench = Bench::new();
    trained_on_images(&bench);
    let record: toml::Table =
        std::fs::read_to_string(bench.path("out/recipe.toml")).unwrap().parse().unwrap();
    assert_eq!(record["sha256"]["data.images"].as_str().unwrap().len(), 64);
    let resume = ["train", "r.toml", "-o", "out", "--resume"];
    let refused = || {
        let words =
            ["cannot resume: data.images", "folder of images", "SHA-256", "has changed", "--overwrite"];
        bench.refused(&resume, 2, &words);
    };
    // Files that are not read do not count.
    bench.write("images/notes.txt", "no image");
    bench.done(&resume);
    grey(&bench, "images/8.png", 1);
    refused();
    std::fs::remove_file(bench.path("images/8.png")).unwrap();
    bench.done(&resume);
    grey(&bench, "images/3.png", 61);
    refused();
    grey(&bench, "images/3.png", 60);
    bench.done(&resume);
    std::fs::rename(bench.path("images/3.png"), bench.path("images/9.png")).unwrap();
    refused();
    std::fs::remove_file(bench.path("images/9.png")).unwrap();
    refused();
}

#[test]
fn classes_of_folders_are_named() {
    let bench = Bench::new();
    let grey = |class: usize| {
        image(&bench, &format!("images/{class}/a.png"), png::BitDepth::Eight, &[class as u8, 7])
    };
    [1, 2, 10].into_iter().for_each(grey);
    bench.write("r.toml", recipe(IMAGES, &format!("{MLP}\nclasses = 3"), "", ""));
    let text = stderr(&bench.run(&TRAIN));
    assert!(text.contains("note: classes: 0 = \"1\", 1 = \"2\", 2 = \"10\"\n"), "{text}");
    assert_eq!(bench.json("out/training.json")["class_names"], serde_json::json!(["1", "2", "10"]));
    (11..30).for_each(grey);
    bench.write("r.toml", recipe(IMAGES, MLP, "", ""));
    let text = stderr(&bench.run(&TRAIN));
    assert!(text.contains("18 = \"26\", 19 = \"27\", …\n") && !text.contains("\"28\""), "{text}");
    std::fs::create_dir(bench.path("images/4")).unwrap();
    bench.refused(&TRAIN, 2, &["images/4: folder of a class", "got none", "take the folder away"]);
}

/// From 0 to 65535 to [−1, 1]: data are 32767.5 + 32767.5 x.
#[test]
fn images_of_sixteen_bits_are_scaled_by_their_range() {
    let bench = Bench::new();
    for i in 0..8 {
        image(&bench, &format!("images/{i}.png"), png::BitDepth::Sixteen, &[1, i, 0, 9]);
    }
    bench.write("r.toml", recipe(IMAGES, MLP, "", ""));
    bench.done(&TRAIN);
    let model: toml::Table = std::fs::read_to_string(bench.path("out/model.toml")).unwrap().parse().unwrap();
    for key in ["shift", "factor"] {
        let value = model["normalisation"][key].as_array().unwrap()[0].as_float().unwrap();
        assert!((value - 32767.5).abs() < 1e-9, "{key} {value}");
    }
    image(&bench, "images/5.png", png::BitDepth::Eight, &[1, 2]);
    bench.refused(&TRAIN, 2, &["5.png: image", "65535, 16 bits", "0.png", "255, 8 bits", "one depth"]);
}

#[test]
fn files_of_others_are_not_removed() {
    let bench = Bench::new();
    three_clusters(&bench);
    bench.write("r.toml", recipe(POINTS, MLP, "keep = [2, 4]\nlook = 3", ""));
    bench.done(&TRAIN);
    let others = [
        "notes.txt",
        "samples/3.npy",
        "samples/000000003.npy.bak",
        "samples/best/000000003.npy",
        "models/update-02.toml",
        "models/update-2.txt",
        "models/update-best.onnx",
        "models/mine.toml",
    ];
    std::fs::create_dir(bench.path("out/samples/best")).unwrap();
    for name in others {
        bench.write(&format!("out/{name}"), "mine");
    }
    bench.write("r.toml", recipe(POINTS, MLP, "look = 6", ""));
    bench.done(&TRAIN);
    for name in others {
        assert_eq!(std::fs::read(bench.path(&format!("out/{name}"))).unwrap(), b"mine", "{name}");
    }
    for name in
        ["samples/000000003.npy", "models/update-2.toml", "models/update-2.onnx", "models/update-4.onnx"]
    {
        assert!(!bench.path(&format!("out/{name}")).exists(), "{name}");
    }
    assert!(bench.path("out/samples/000000006.npy").is_file());
    // Without others, nothing is left.
    bench.write("r.toml", recipe(POINTS, MLP, "keep = [2]", ""));
    bench.done(&["train", "r.toml", "-o", "own", "-q"]);
    bench.write("r.toml", recipe(POINTS, MLP, "", ""));
    bench.done(&["train", "r.toml", "-o", "own", "--overwrite", "-q"]);
    assert!(!bench.path("own/models").exists());
}
