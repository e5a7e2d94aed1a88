//! Layer 3: the program against a real server - systemd as PID 1, sshd, logind, sudo, uv and uvicorn -, one for each
//! test. Needs root. `KEEP_SERVERS=1` leaves the servers for a look (`scripts/throwaway-server list`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests, which clippy does not know as such"
)]
#![allow(clippy::print_stdout, reason = "figures that were measured")]

#[path = "support/app.rs"]
mod app;
#[path = "support/composite.rs"]
mod composite;
#[path = "support/expression.rs"]
mod expression;
#[path = "support/hub/mod.rs"]
#[allow(dead_code, reason = "the tests of the issue alone use the rest")]
mod hub;
#[path = "support/poll.rs"]
mod poll;
#[path = "support/relay.rs"]
mod relay;
#[path = "support/run.rs"]
mod run;
#[path = "../src/text/runner.rs"]
mod runner_commands;
#[path = "support/server.rs"]
mod server;

#[path = "real/act.rs"]
mod act;
#[path = "real/action.rs"]
mod action;
#[path = "real/alone.rs"]
mod alone;
#[path = "real/benchmark.rs"]
mod benchmark;
#[path = "real/broken.rs"]
mod broken;
#[path = "real/by_hand.rs"]
mod by_hand;
#[path = "real/cancelled.rs"]
mod cancelled;
#[path = "real/cost.rs"]
mod cost;
#[path = "real/examples.rs"]
mod examples;
#[path = "real/first.rs"]
mod first;
#[path = "real/good.rs"]
mod good;
#[path = "real/guide.rs"]
mod guide;
#[path = "real/issue.rs"]
mod issue;
#[path = "real/jump.rs"]
mod jump;
#[path = "real/kept.rs"]
mod kept;
#[path = "real/not_ready.rs"]
mod not_ready;
#[path = "real/reconnect.rs"]
mod reconnect;
#[path = "real/refused.rs"]
mod refused;
#[path = "real/resumed.rs"]
mod resumed;
#[path = "real/rollback.rs"]
mod rollback;
#[path = "real/secrets.rs"]
mod secrets;
#[path = "real/shells.rs"]
mod shells;
#[path = "real/stubborn.rs"]
mod stubborn;
#[path = "real/takeover.rs"]
mod takeover;
#[path = "real/terminal.rs"]
mod terminal;
#[path = "real/units.rs"]
mod units;
#[path = "real/wishes.rs"]
mod wishes;
