//! Ctrl-C and termination signals: the chunk in work is given up, finished ones stay. Once all chunks are finished a
//! signal ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
static COMPUTED: AtomicBool = AtomicBool::new(false);

/// From now on a signal asks the work to stop; a second one ends the program at once.
pub fn listen() {
    // A handler that is already there (a second command in one process) serves as well.
    let _ = ctrlc::set_handler(|| {
        let computed = COMPUTED.load(Ordering::Relaxed);
        if computed {
            eprintln!(
                "interrupted; all chunks are finished. The same command with --resume writes summary and report"
            );
        }
        if STOP.swap(true, Ordering::Relaxed) || computed {
            std::process::exit(130);
        }
    });
}

/// Whether the work should stop.
pub fn asked() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Whether all chunks of the present run are on disk, and only what is made of them is missing.
pub fn computed(now: bool) {
    COMPUTED.store(now, Ordering::Relaxed);
}
