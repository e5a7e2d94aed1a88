//! Layer 2: the server part without ssh, driven over a pipe, in a temporary folder, with a stub of systemctl
//! ([`stub_server::StubServer`]). After every run [`invariants::Invariants`] checks what must always hold.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know as such"
)]
#![expect(
    clippy::print_stdout,
    reason = "how often each end was come to is worth knowing"
)]

mod app;
mod broken_disk;
mod client;
mod damaged;
mod delta_upload;
mod deployments;
mod faults;
mod finish_step;
mod going_down;
mod health_command;
mod hostile_client;
mod in_use;
mod interrupted;
mod interruption;
mod invariants;
mod limits;
mod listings;
mod log;
mod login_scripts;
mod other_disk;
mod other_users;
mod plan_options;
#[path = "../support/poll.rs"]
mod poll;
mod power;
mod queue;
mod reconnect;
mod rollbacks;
mod settle;
mod several;
mod shared_paths;
mod small_disk;
mod smoke_test;
mod staged_units;
mod stub_server;
mod takeover;
mod unit_files;
mod unit_paths;
mod written;
