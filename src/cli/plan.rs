//! Settings as the runner half and the server part take them.

use crate::actions::Context;
use crate::protocol::{
    Health, HealthUrl, Hidden, Install, LogCheck, LogLevel, Origin, Restart, Retention, Shared,
    Task, Verification,
};
use crate::runner::{Deployment, Jump, KeyText, LeaveOut, PlanSeed};
use crate::settings::{self, Command, InstallPlan, Scheme, Settings};
use std::path::PathBuf;

pub(super) fn deployment(settings: &Settings, context: &Context) -> Deployment {
    let server = &settings.server;
    Deployment {
        host: server.host.as_str().to_owned(),
        port: server.port.get(),
        user: server.user.as_str().to_owned(),
        key: server
            .key
            .as_ref()
            .map(|key| KeyText::from(key.expose().to_owned())),
        passphrase: server
            .passphrase
            .as_ref()
            .map(|passphrase| KeyText::from(passphrase.expose().to_owned())),
        jump: server.jump.as_ref().map(jump),
        connect_attempts: server.connect_attempts,
        auth_sock: std::env::var_os("SSH_AUTH_SOCK").map(Into::into),
        known_hosts: server.known_hosts.text().to_owned(),
        connect_timeout: server.connect_timeout,
        timeout: settings.timeout,
        source: settings
            .source
            .as_ref()
            .map_or_else(PathBuf::new, |source| source.path().to_owned()),
        leave_out: LeaveOut {
            patterns: settings.excludes.lines().to_vec(),
            venv: settings.install == InstallPlan::Uv,
        },
        plan: seed(settings, context),
    }
}

fn jump(jump: &settings::Jump) -> Jump {
    Jump {
        host: jump.host.as_str().to_owned(),
        port: jump.port.get(),
        user: jump.user.as_str().to_owned(),
    }
}

fn seed(settings: &Settings, context: &Context) -> PlanSeed {
    PlanSeed {
        task: task(settings),
        target: settings.target.as_str().to_owned(),
        service: settings.unit().map(|unit| unit.as_str().to_owned()),
        shared: settings.shared.paths().iter().map(shared).collect(),
        env_file: settings
            .env_file
            .as_ref()
            .map(|file| Hidden::from(file.expose().to_owned())),
        env: settings
            .env
            .expose()
            .iter()
            .map(|(name, value)| (name.clone(), Hidden::from(value.clone())))
            .collect(),
        before_switch: settings.before_switch.clone(),
        min_free: settings.min_free,
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
        verification: verification(settings),
        retention: Retention {
            count: settings.retention.count().map(Into::into),
            age: settings.retention.age(),
        },
        lock_wait: settings.wait_lock,
        stage_limit: settings.timeout,
        origin: origin(context),
    }
}

fn task(settings: &Settings) -> Task {
    match settings.command {
        Command::Rollback => Task::RollBack {
            to: settings.release.as_ref().map(|to| to.as_str().to_owned()),
        },
        Command::Deploy | Command::Releases => Task::Deploy,
    }
}

fn shared(path: &settings::SharedPath) -> Shared {
    Shared {
        path: path.path().to_owned(),
        folder: path.is_folder(),
    }
}

fn verification(settings: &Settings) -> Verification {
    let health = &settings.health;
    Verification {
        health: health.probe.as_ref().map(|probe| Health {
            url: HealthUrl {
                tls: probe.url.scheme() == Scheme::Https,
                host: probe.url.host().as_str().to_owned(),
                port: probe.url.port(),
                path: probe.url.path_and_query().to_owned(),
            },
            statuses: probe.statuses.codes().to_vec(),
            pattern: probe
                .pattern
                .as_ref()
                .map(|pattern| pattern.as_str().to_owned()),
        }),
        timeout: health.timeout,
        interval: health.interval,
        settle: health.settle,
        log: LogCheck {
            level: level(settings.log_check.level),
            pattern: settings.log_check.pattern.clone(),
        },
    }
}

fn level(level: settings::LogLevel) -> LogLevel {
    match level {
        settings::LogLevel::Fail => LogLevel::Fail,
        settings::LogLevel::Warn => LogLevel::Warn,
        settings::LogLevel::Off => LogLevel::Off,
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
