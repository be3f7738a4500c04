//! The program `surefoot`: options, validation, run, export.

mod classes;
mod commands;
mod data_file;
mod failure;
mod interrupt;
mod memory;
mod model_file;
mod options;
mod recipe_file;
mod report;
mod requirement;
mod run_file;
mod store;
mod table;

use clap::Parser;
use failure::Failure;
use options::{Cli, Command};
use std::process::ExitCode;

/// Exit code of a bug in surefoot itself (EX_SOFTWARE of sysexits).
const BUG: u8 = 70;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(report_bug));
    match std::panic::catch_unwind(run) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            eprintln!("surefoot: {failure}");
            ExitCode::from(failure.exit_code())
        }
        Err(_) => ExitCode::from(BUG),
    }
}

fn run() -> Result<(), Failure> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match cli.command {
        Command::Analyze(options) => commands::analyze(&options),
        Command::Compare(options) => commands::compare(&options),
        Command::Perturb(options) => commands::perturb(&options),
        Command::Reproduce(options) => commands::reproduce(&options),
        Command::Sample(options) => commands::sample(&options),
        Command::Tangent(options) => commands::tangent(&options),
        Command::Train(options) => commands::train(&options),
        Command::Inspect(options) => commands::inspect(&options),
        Command::ExportDerivative(options) => commands::export_derivative(&options),
        Command::Models(options) => commands::models(&options),
    }
}

/// One line in place of a panic's message.
fn report_bug(panic: &std::panic::PanicHookInfo) {
    let payload = panic.payload();
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    let text = payload.downcast_ref::<&str>().copied().or(owned).unwrap_or("no message");
    let place = panic.location().map_or_else(|| "an unknown place".into(), ToString::to_string);
    eprintln!(
        "surefoot: this is a bug in surefoot {}: {text} at {place}. Please report it.",
        env!("CARGO_PKG_VERSION")
    );
}
