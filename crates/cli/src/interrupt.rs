//! Ctrl-C and termination signals: while samples are computed the chunk in work is given up and finished ones stay; at any
//! other time a signal ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);
static COMPUTING: AtomicBool = AtomicBool::new(false);

/// From now on a signal asks the computation under way to stop; a second one, or one when nothing is computed, ends the
/// program at once.
pub fn listen() {
    // A handler that is already there (a second command in one process) serves as well.
    let _ = ctrlc::set_handler(|| {
        let computing = COMPUTING.load(Ordering::Relaxed);
        if STOP.swap(true, Ordering::Relaxed) || !computing {
            eprintln!("interrupted; what is finished is kept");
            std::process::exit(130);
        }
    });
}

/// Says whether samples are being computed, by someone who looks at [`asked`].
pub fn computing(now: bool) {
    COMPUTING.store(now, Ordering::Relaxed);
}

/// Whether the work should stop.
pub fn asked() -> bool {
    STOP.load(Ordering::Relaxed)
}
