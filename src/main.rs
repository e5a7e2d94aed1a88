//! Runs the program and maps its outcome to an exit code - nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    deploy_action::cli::run(std::env::args_os().skip(1).collect())
}
