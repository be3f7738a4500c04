//! The other side: `bench/rivals.py` run as a server that times one warm run a line.

use crate::Failure;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running `rivals.py serve`; its process ends with it.
pub struct Rival {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// The folder `bench` of the repository.
pub fn bench_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench")
}

/// Runs `rivals.py` with `words` to its end and returns what it printed.
pub fn ask(python: &Path, words: &[&str]) -> Result<String, Failure> {
    let done = Command::new(python).arg(bench_folder().join("rivals.py")).args(words).output()?;
    if !done.status.success() {
        return Err(format!("rivals.py {words:?}: {}", String::from_utf8_lossy(&done.stderr)).into());
    }
    Ok(String::from_utf8(done.stdout)?)
}

/// Versions of the rivals' libraries, as `name version` words.
pub fn versions(python: &Path) -> Result<String, Failure> {
    const SCRIPT: &str = "import importlib.metadata as m, sys\n\
        print('Python ' + sys.version.split()[0], *(f'{d.name} {d.version}' for n in ('jax', 'numpy', 'torch')\n\
        for d in m.distributions(name=n)), sep=', ')";
    let done = Command::new(python).args(["-c", SCRIPT]).output()?;
    Ok(String::from_utf8(done.stdout)?.trim().to_string())
}

impl Rival {
    /// Starts the server.
    pub fn start(python: &Path) -> Result<Rival, Failure> {
        let mut process = Command::new(python)
            .arg(bench_folder().join("rivals.py"))
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().ok_or("rivals.py has no output")?);
        Ok(Rival { process, orders, answers })
    }

    /// Seconds of one warm run; the first call of a job also compiles it, untimed.
    pub fn seconds(&mut self, job: &str) -> Result<f64, Failure> {
        self.order(job)
    }

    /// One more run that writes its end state as `JOB.x.npy` and `JOB.log_r.npy` into `folder`.
    pub fn save(&mut self, job: &str, folder: &Path) -> Result<(), Failure> {
        self.order(&format!("{job} {}", folder.display())).map(drop)
    }

    fn order(&mut self, line: &str) -> Result<f64, Failure> {
        let orders = self.orders.as_mut().ok_or("rivals.py was told to stop")?;
        writeln!(orders, "{line}")?;
        orders.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.trim().parse().map_err(|_| format!("rivals.py answered {answer:?} to {line:?}").into())
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        self.orders = None;
        if self.process.wait().is_err() {
            eprintln!("rivals.py did not end");
        }
    }
}
