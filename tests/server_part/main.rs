//! The server part without ssh: driven over a pipe, in a temp folder, with a stub of systemctl. Every run ends in
//! [`sound::Sound`], the one checker of what must hold.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know as such"
)]
#![expect(
    clippy::print_stdout,
    reason = "how often each end was come to is worth knowing"
)]

mod app;
mod attended;
mod bad_wishes;
mod client;
mod comes_back;
mod deployments;
mod edited;
mod faults;
mod full_disk;
mod interrupted;
mod listings;
mod log;
#[path = "../support/poll.rs"]
mod poll;
mod power;
mod rollbacks;
mod server;
mod sound;
mod takeover;
mod watched;
mod wishes;
