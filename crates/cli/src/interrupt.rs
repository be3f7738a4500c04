//! Ctrl-C and termination signals: the chunk in work is given up, finished ones stay.

use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// From now on a signal asks the work to stop; a second one ends the program at once.
pub fn listen() {
    // A handler that is already there (a second command in one process) serves as well.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    });
}

/// Whether the work should stop.
pub fn asked() -> bool {
    STOP.load(Ordering::Relaxed)
}
