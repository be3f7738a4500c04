use super::*;
use surefoot::analysis::{Axis, Chunk, ColumnSource, ColumnSpec};

fn table(text: &str) -> Table {
    toml::from_str(text).unwrap()
}

fn spec(name: &'static str, axes: &[Axis], shape: &[usize]) -> ColumnSpec {
    ColumnSpec { name, axes: axes.to_vec(), shape: shape.to_vec(), unit: "nats", description: "test" }
}

#[test]
fn columns_come_back_without_padding() {
    let folder = tempfile::tempdir().unwrap();
    let specs = vec![
        spec("x", &[Axis::Sample, Axis::Component], &[7, 2]),
        spec("paths", &[Axis::Path, Axis::Step, Axis::Component], &[2, 3, 1]),
        spec("some", &[Axis::Subset], &[5]),
    ];
    let columns = Columns::new(folder.path(), specs.clone(), 3);
    columns.create(serde_json::json!({})).unwrap();
    let value =
        |spec: &ColumnSpec, row: usize, i: usize| (100 * row + i) as f64 + spec.shape.len() as f64 / 8.0;
    for start in [0, 3, 6] {
        let samples = start..(start + 3).min(7);
        let part = |spec: &ColumnSpec| {
            spec.rows(&samples)
                .flat_map(|row| (0..spec.row_len()).map(move |i| (row, i)))
                .map(|(row, i)| value(spec, row, i))
                .collect()
        };
        let columns_of = specs.iter().map(|spec| (spec.name, part(spec))).collect();
        columns.write(&Chunk { samples: samples.clone(), columns: columns_of }).unwrap();
    }
    for spec in &specs {
        let expected: Vec<f64> = (0..spec.shape[0])
            .flat_map(|row| (0..spec.row_len()).map(move |i| (row, i)))
            .map(|(row, i)| value(spec, row, i))
            .collect();
        assert_eq!(columns.read(spec.name).unwrap(), expected, "{}", spec.name);
    }
    assert!(columns.read("absent").is_err());
    std::fs::remove_file(folder.path().join("x/c/1/0")).unwrap();
    assert!(columns.read("x").is_err(), "a lost chunk must not read as numbers");
}

#[test]
fn foreign_directories_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "mine").unwrap();
    let error = OutputDir::open(folder.path(), &table("a = 1"), "", false).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert_eq!(std::fs::read_to_string(folder.path().join("thesis.tex")).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn resuming_needs_the_same_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let run = table("command_line = [\"a\"]\nseed = 1\n[model]\nsha256 = \"x\"");
    let (directory, state) = OutputDir::open(folder.path(), &run, "", true).unwrap();
    assert!(matches!(state, State::Fresh));
    directory.save_progress(&Progress::default()).unwrap();
    let typed_otherwise = table("command_line = [\"b\"]\nseed = 1\n[model]\nsha256 = \"x\"");
    let (_, state) = OutputDir::open(folder.path(), &typed_otherwise, "", true).unwrap();
    assert!(matches!(state, State::Begun(_)));
    for (other, key) in [
        ("command_line = [\"a\"]\nseed = 2\n[model]\nsha256 = \"x\"", "seed"),
        ("command_line = [\"a\"]\nseed = 1\n[model]\nsha256 = \"y\"", "model.sha256"),
        ("command_line = [\"a\"]\nseed = 1\nmore = 1\n[model]\nsha256 = \"x\"", "more"),
    ] {
        let message = OutputDir::open(folder.path(), &table(other), "", true).unwrap_err().to_string();
        assert!(message.contains(key), "{message}");
    }
}

#[test]
fn leftovers_of_a_killed_write_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let run = table("seed = 1");
    std::fs::write(folder.path().join(".surefoot-abc.partial"), "half").unwrap();
    let (directory, _) = OutputDir::open(folder.path(), &run, "", false).unwrap();
    directory.save_progress(&Progress::default()).unwrap();
    let deep = folder.path().join("arrays.zarr/x/c");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join(".surefoot-abc.partial"), "half").unwrap();
    OutputDir::open(folder.path(), &run, "", true).unwrap();
    assert_eq!(std::fs::read_dir(&deep).unwrap().count(), 0);
    assert!(!folder.path().join(".surefoot-abc.partial").exists());
}
