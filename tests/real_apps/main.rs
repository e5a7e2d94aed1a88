//! Layer 3 with other programs: each recipe of docs/recipes.md, deployed as it stands there to a real server. The programs
//! come from package registries, so `cargo test` alone leaves this out: `scripts/test real-apps`. Needs root.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests, which clippy does not know as such"
)]
#![allow(clippy::print_stdout, reason = "the log of each run, if a test fails")]

#[path = "../support/app.rs"]
#[allow(dead_code, reason = "tests/real_server.rs uses the rest")]
mod app;
#[path = "../support/poll.rs"]
mod poll;
#[path = "../support/recipe.rs"]
mod recipe;
#[path = "../support/run.rs"]
#[allow(dead_code, reason = "tests/real_server.rs uses the rest")]
mod run;
#[path = "../support/throwaway.rs"]
#[allow(dead_code, reason = "tests/real_server.rs uses the rest")]
mod throwaway;

mod breakages;
mod life;
mod programs;
