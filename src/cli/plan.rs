//! Settings as the runner half takes them, and the plan for the server part.

use crate::actions::Context;
use crate::protocol::{Install, Origin, Plan, Task, TransactionId};
use crate::report::Place;
use crate::runner::{Deployment, UploadRules};
use crate::settings::{Command, Settings};

pub(super) fn deployment(
    settings: &Settings,
    context: &Context,
    transaction: TransactionId,
) -> Deployment {
    Deployment {
        server: settings.server.clone(),
        auth_sock: std::env::var_os("SSH_AUTH_SOCK").map(Into::into),
        source: settings.source.clone(),
        upload_rules: UploadRules {
            excludes: settings.excludes.clone(),
            venv: settings.staging.install == Install::Uv,
        },
        plan: plan(settings, context, transaction),
    }
}

/// Where it goes.
pub(super) fn place(settings: &Settings) -> Place {
    let units = settings.units();
    Place {
        host: settings.server.host.as_str().to_owned(),
        port: settings.server.port.get(),
        user: settings.server.user.as_str().to_owned(),
        target: settings.target.as_str().to_owned(),
        service: units.first().map(|unit| unit.name.to_owned()),
        others: units.others(),
        scope: units.scope,
        unit_files: !units.files.is_empty(),
        restart: settings.restart.clone(),
        ..Place::default()
    }
}

/// The plan of a run that uploads nothing yet: the runner half adds the tree.
fn plan(settings: &Settings, context: &Context, transaction: TransactionId) -> Plan {
    let (entries, root) = Plan::no_tree();
    Plan {
        transaction,
        task: task(settings),
        target: settings.target.clone(),
        units: settings.units(),
        staging: settings.staging.clone(),
        restart: settings.restart.clone(),
        verification: settings.verification.clone(),
        retention: settings.retention,
        lock_wait: settings.wait_lock,
        stage_limit: settings.timeout,
        origin: origin(settings, context),
        entries,
        root,
    }
}

fn task(settings: &Settings) -> Task {
    match settings.command {
        Command::Rollback => Task::RollBack {
            to: settings.release.clone(),
        },
        Command::Deploy | Command::Releases => Task::Deploy,
    }
}

/// From the command line there is no run; who did it is still worth recording.
fn origin(settings: &Settings, context: &Context) -> Origin {
    let commit = settings.commit.clone();
    let (reference, changed) = commit.as_ref().map_or((None, false), |commit| {
        (commit.reference.clone(), commit.changed)
    });
    let by_hand = || settings.person.clone().or_else(local_user);
    Origin {
        commit: commit.map(|commit| commit.hash),
        reference,
        actor: context.actor.clone().or_else(by_hand),
        run: context.run_url(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        changed,
    }
}

fn local_user() -> Option<String> {
    ["USER", "LOGNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.is_empty())
}
