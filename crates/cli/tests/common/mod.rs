//! Running the program in a folder of its own.
#![allow(dead_code)] // every test file uses a part of this

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder to run in, removed at the end.
pub struct Bench {
    pub folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Bench {
        Bench { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).expect("a file in the temporary folder");
        name.to_string()
    }

    /// An `.npz` of f64 arrays by name and shape, row-major.
    pub fn npz(&self, name: &str, arrays: &[(&str, &[usize], &[f64])]) -> String {
        let mut archive = zip::ZipWriter::new(std::fs::File::create(self.path(name)).expect("a new file"));
        for (array, shape, values) in arrays {
            let shape: String = shape.iter().map(|n| format!("{n},")).collect();
            let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape}), }}\n");
            archive.start_file(format!("{array}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
            archive.write_all(&u16::try_from(header.len()).unwrap().to_le_bytes()).unwrap();
            archive.write_all(header.as_bytes()).unwrap();
            values.iter().for_each(|value| archive.write_all(&value.to_le_bytes()).unwrap());
        }
        archive.finish().expect("an archive");
        name.into()
    }

    /// The program with these words, run in the folder.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_surefoot"));
        command.current_dir(self.folder.path()).args(words);
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("the program starts")
    }

    /// Runs it and expects success.
    pub fn done(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs it and expects this exit code and these words in one message that is no panic.
    pub fn refused(&self, words: &[&str], code: i32, expected: &[&str]) {
        let output = self.run(words);
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{words:?}: {text}");
        assert!(!text.contains("panicked") && !text.contains("bug in surefoot"), "{words:?}: {text}");
        for word in expected {
            assert!(text.to_lowercase().contains(&word.to_lowercase()), "{words:?} lacks {word:?}: {text}");
        }
    }

    pub fn json(&self, name: &str) -> serde_json::Value {
        let text = std::fs::read_to_string(self.path(name)).expect("a JSON file");
        serde_json::from_str(&text).expect("well-formed JSON")
    }
}

/// All files below a folder; the seconds of `summary.json`, which no two runs share, are taken out.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn collect(folder: &Path, root: &Path, all: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, root, all);
                continue;
            }
            let mut bytes = std::fs::read(&path).expect("a file");
            if path.ends_with("summary.json") {
                let text = String::from_utf8(bytes).expect("text");
                bytes = text
                    .lines()
                    .filter(|line| !line.contains("\"seconds\""))
                    .collect::<Vec<_>>()
                    .join("\n")
                    .into_bytes();
            }
            all.insert(path.strip_prefix(root).expect("below").to_path_buf(), bytes);
        }
    }
    let mut all = BTreeMap::new();
    collect(folder, folder, &mut all);
    all
}

/// Fails with the names of the files that differ.
pub fn assert_same_files(left: &BTreeMap<PathBuf, Vec<u8>>, right: &BTreeMap<PathBuf, Vec<u8>>, when: &str) {
    let names: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let differing: Vec<_> = names.into_iter().filter(|name| left.get(*name) != right.get(*name)).collect();
    assert!(differing.is_empty(), "{when}: {differing:?}");
}

/// The folder of shared models beside the repository, where there is one.
pub fn shared_models() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    if !root.is_dir() {
        eprintln!("skipped: no shared models at {}", root.display());
        return None;
    }
    Some(root)
}

/// The file of a normal law whose 40 variances fall: more dimensions than the first round of a search carries vectors.
pub fn thin(bench: &Bench) -> String {
    let variances: Vec<String> = (0..40).map(|i| format!("{}", 0.9f64.powi(i))).collect();
    let field = format!("kind = \"analytic\"\ndata = \"gaussian\"\nvariances = [{}]", variances.join(", "));
    let process =
        "kind = \"ou\"\nschedule = { kind = \"cosine\" }\nnoise_level = 0.0\nstart = 0.9\nend = 0.02";
    bench.write("thin.toml", format!("name = \"thin\"\n[field]\n{field}\n[process]\n{process}\n"))
}
