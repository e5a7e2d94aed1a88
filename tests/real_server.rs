//! Layer 3: the program against a real server - systemd as PID 1, sshd, logind, sudo, uv and uvicorn -, one for each
//! test. Needs root. `KEEP_SERVERS=1` leaves the servers for a look (`scripts/throwaway-server list`).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests, which clippy does not know as such")]
#![allow(clippy::print_stdout, reason = "figures that were measured")]

#[path = "support/app.rs"]
mod app;
#[path = "support/poll.rs"]
mod poll;
#[path = "support/relay.rs"]
mod relay;
#[path = "support/run.rs"]
mod run;
#[path = "support/server.rs"]
mod server;

#[path = "real/alone.rs"]
mod alone;
#[path = "real/broken.rs"]
mod broken;
#[path = "real/cancelled.rs"]
mod cancelled;
#[path = "real/first.rs"]
mod first;
#[path = "real/good.rs"]
mod good;
#[path = "real/takeover.rs"]
mod takeover;
