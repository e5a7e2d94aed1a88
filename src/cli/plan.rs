//! Settings as the runner half and the server part take them.

use crate::actions::Context;
use crate::protocol::{Health, HealthUrl, Install, LogCheck, Origin, Restart, Retention, Task, Verification};
use crate::runner::{Deployment, KeyText, LeaveOut, PlanSeed};
use crate::settings::{self, InstallPlan, Scheme, Settings};
use std::time::Duration;

/// How long a held lock is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(120);

pub(super) fn deployment(settings: &Settings, context: &Context) -> Deployment {
    let server = &settings.server;
    Deployment {
        host: server.host.as_str().to_owned(),
        port: server.port.get(),
        user: server.user.as_str().to_owned(),
        key: server.key.as_ref().map(|key| KeyText::from(key.expose().to_owned())),
        passphrase: None,
        jump: None,
        connect_attempts: 3,
        auth_sock: std::env::var_os("SSH_AUTH_SOCK").map(Into::into),
        known_hosts: server.known_hosts.text().to_owned(),
        connect_timeout: server.connect_timeout,
        timeout: settings.timeout,
        source: settings.source.path().to_owned(),
        leave_out: LeaveOut { patterns: settings.excludes.lines().to_vec(), venv: settings.install == InstallPlan::Uv },
        plan: seed(settings, context),
    }
}

fn seed(settings: &Settings, context: &Context) -> PlanSeed {
    PlanSeed {
        task: Task::Deploy,
        target: settings.target.as_str().to_owned(),
        service: settings.unit().map(|unit| unit.as_str().to_owned()),
        shared: Vec::new(),
        env_file: None,
        env: Vec::new(),
        before_switch: None,
        min_free: 0,
        install: match &settings.install {
            InstallPlan::Nothing => Install::Nothing,
            InstallPlan::Uv => Install::Uv,
            InstallPlan::Commands(script) => Install::Commands(script.clone()),
        },
        restart: match &settings.restart {
            settings::Restart::None => Restart::Nothing,
            settings::Restart::Default => Restart::Systemctl,
            settings::Restart::Command(script) => Restart::Commands(script.clone()),
        },
        verification: verification(&settings.health),
        retention: Retention { count: settings.retention.count().map(Into::into), age: settings.retention.age() },
        lock_wait: LOCK_WAIT,
        stage_limit: settings.timeout,
        origin: origin(context),
    }
}

fn verification(health: &settings::Health) -> Verification {
    Verification {
        health: health.probe.as_ref().map(|probe| Health {
            url: HealthUrl {
                tls: probe.url.scheme() == Scheme::Https,
                host: probe.url.host().as_str().to_owned(),
                port: probe.url.port(),
                path: probe.url.path_and_query().to_owned(),
            },
            statuses: probe.statuses.codes().to_vec(),
            pattern: probe.pattern.as_ref().map(|pattern| pattern.as_str().to_owned()),
        }),
        timeout: health.timeout,
        interval: health.interval,
        settle: health.settle,
        log: LogCheck::default(),
    }
}

/// By hand there is no run; who did it is still worth a record.
fn origin(context: &Context) -> Origin {
    Origin {
        commit: context.sha.clone(),
        reference: context.reference.clone(),
        actor: context.actor.clone().or_else(|| std::env::var("USER").ok()),
        run: context.run_url(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
