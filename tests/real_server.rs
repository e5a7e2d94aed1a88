//! Layer 3: the program against real servers, one per test ([`throwaway::ThrowawayServer`]): systemd as PID 1, sshd,
//! logind, sudo, uv and uvicorn. Needs root. `KEEP_SERVERS=1` keeps the servers (`scripts/throwaway-server list`).

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
#[path = "support/recipe.rs"]
mod recipe;
#[path = "support/relay.rs"]
mod relay;
#[path = "support/run.rs"]
mod run;
#[path = "../src/text/runner.rs"]
mod runner_commands;
#[path = "support/service.rs"]
mod service;
#[path = "support/throwaway.rs"]
mod throwaway;

#[path = "real_apps/breakages.rs"]
mod breakages;
#[path = "real_apps/life.rs"]
mod life;

#[path = "real/act.rs"]
mod act;
#[path = "real/action.rs"]
mod action;
#[path = "real/benchmark.rs"]
mod benchmark;
#[path = "real/broken.rs"]
mod broken;
#[path = "real/cancelled.rs"]
mod cancelled;
#[path = "real/causes.rs"]
mod causes;
#[path = "real/clients.rs"]
mod clients;
#[path = "real/commit.rs"]
mod commit;
#[path = "real/cost.rs"]
mod cost;
#[path = "real/data.rs"]
mod data;
#[path = "real/deployed.rs"]
mod deployed;
#[path = "real/diting.rs"]
mod diting;
#[path = "real/docs_commands.rs"]
mod docs_commands;
#[path = "real/doubt.rs"]
mod doubt;
#[path = "real/examples.rs"]
mod examples;
#[path = "real/forged_log.rs"]
mod forged_log;
#[path = "real/full_disk.rs"]
mod full_disk;
#[path = "real/hints.rs"]
mod hints;
#[path = "real/hostile.rs"]
mod hostile;
#[path = "real/interference.rs"]
mod interference;
#[path = "real/interruption.rs"]
mod interruption;
#[path = "real/issue.rs"]
mod issue;
#[path = "real/jump.rs"]
mod jump;
#[path = "real/load.rs"]
mod load;
#[path = "real/load_benchmark.rs"]
mod load_benchmark;
#[path = "real/log_check.rs"]
mod log_check;
#[path = "real/logins.rs"]
mod logins;
#[path = "real/names_and_modes.rs"]
mod names_and_modes;
#[path = "real/no_rollback_target.rs"]
mod no_rollback_target;
#[path = "real/not_ready.rs"]
mod not_ready;
#[path = "real/other_user.rs"]
mod other_user;
#[path = "real/other_users.rs"]
mod other_users;
#[path = "real/point_of_no_return.rs"]
mod point_of_no_return;
#[path = "real/proof.rs"]
mod proof;
#[path = "real/readme_commands.rs"]
mod readme_commands;
#[path = "real/recipes.rs"]
mod recipes;
#[path = "real/reconnect.rs"]
mod reconnect;
#[path = "real/refused.rs"]
mod refused;
#[path = "real/resumed.rs"]
mod resumed;
#[path = "real/retention.rs"]
mod retention;
#[path = "real/rollback.rs"]
mod rollback;
#[path = "real/second_step.rs"]
mod second_step;
#[path = "real/secrets.rs"]
mod secrets;
#[path = "real/several_units.rs"]
mod several_units;
#[path = "real/shared_env_hooks.rs"]
mod shared_env_hooks;
#[path = "real/shells.rs"]
mod shells;
#[path = "real/smoke_test.rs"]
mod smoke_test;
#[path = "real/smoke_test_auto.rs"]
mod smoke_test_auto;
#[path = "real/smoke_test_check.rs"]
mod smoke_test_check;
#[path = "real/socket_unit.rs"]
mod socket_unit;
#[path = "real/staged_units.rs"]
mod staged_units;
#[path = "real/start_limit.rs"]
mod start_limit;
#[path = "real/sudoers.rs"]
mod sudoers;
#[path = "real/takeover.rs"]
mod takeover;
#[path = "real/terminal.rs"]
mod terminal;
#[path = "real/unit_files.rs"]
mod unit_files;
#[path = "real/unit_paths.rs"]
mod unit_paths;
#[path = "real/units.rs"]
mod units;
#[path = "real/user_scope.rs"]
mod user_scope;
#[path = "real/whole_service.rs"]
mod whole_service;
#[path = "real/without_service.rs"]
mod without_service;
#[path = "real/worker.rs"]
mod worker;
