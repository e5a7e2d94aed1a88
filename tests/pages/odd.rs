//! Pages whose names, paths and lines are as long as they may be: nothing on them may be wider than its box either.

use crate::run::{failure, id, job, made, planned, Run, NEW};
use deploy_action::protocol::{
    Diagnostic, DiagnosticOrigin, Ending, Finding, HealthAnswer, LiveRelease, Made, Outcome,
    Planned, ProcessEnd, Reason, Step, Warning, What,
};
use deploy_action::report::{Job, Report};

const HOST: &str = "blue-conversation-gateway-worker-17.eu-central-1.compute.internal.example.com";
const SERVICE: &str = "conversation-gateway-worker-blue@17";
const TARGET: &str = "/srv/applications/production/diting-conversation-gateway-worker/blue";
const USER: &str = "deploy-gateway";
/// As long as GitHub allows.
const ACTOR: &str = "alexandria-the-great-of-the-north-winds";

fn long() -> Planned {
    Planned {
        host: HOST.into(),
        port: 2222,
        user: USER.into(),
        target: TARGET.into(),
        service: Some(SERVICE.into()),
        ..planned()
    }
}

pub(crate) fn long_job() -> Job {
    Job {
        actor: Some(ACTOR.into()),
        ..job()
    }
}

/// A release that another program made and named, of no known commit.
fn foreign() -> Option<LiveRelease> {
    let made = Made {
        commit: None,
        actor: Some(ACTOR.into()),
        run: None,
        ..made()
    };
    let release = id("release-2026-11-23-diting-conversation-gateway-worker-blue");
    Some(LiveRelease { release, made })
}

/// A line without a place to break it.
fn endless(what: &str) -> String {
    what.repeat(60)
}

fn look(title: &str, origin: DiagnosticOrigin, text: &str) -> Diagnostic {
    Diagnostic {
        title: title.into(),
        origin,
        text: text.into(),
    }
}

fn crash() -> Reason {
    Reason::Crashed {
        end: ProcessEnd::Exited {
            result: "exit-code".into(),
            status: 1,
        },
        log_line: Some(format!("Error: {}", endless("/srv/diting"))),
    }
}

pub(crate) fn deployed() -> Report {
    let mut run = Run::checked(long(), foreign()).uploaded().switched();
    run.server(30, What::Warning(Warning::NotEnabled(SERVICE.into())));
    run.attempts(1..=2, &HealthAnswer::Healthy { status: 200 });
    run.end(Outcome::Deployed, |verdict| {
        verdict.live = Some(id(NEW));
        verdict.switched = true;
    })
}

pub(crate) fn rolled_back() -> Report {
    let mut run = Run::checked(long(), foreign()).uploaded().switched();
    let answer = HealthAnswer::Status {
        status: 503,
        location: None,
        body: endless("unhealthy,").into_bytes(),
    };
    run.attempts(1..=100, &answer);
    let title = format!("log of {SERVICE}, this start");
    let log = format!("starting\nError: {}\n", endless("/srv/diting"));
    let answer_title = format!("health response of {HOST}:18080/{}", endless("health/"));
    run.server(
        500,
        What::Diagnostics(vec![
            look(&title, DiagnosticOrigin::Log, &log),
            look(
                &answer_title,
                DiagnosticOrigin::Application,
                &endless("unhealthy,"),
            ),
        ]),
    );
    run.server(1200, What::Step(Step::RollBack));
    let path = format!("{TARGET}/{}", endless("aside"));
    run.server(30, What::Warning(Warning::PendingSetAside { path }));
    run.end(Outcome::RolledBack, |verdict| {
        verdict.failure = failure(Step::Verify, crash());
        verdict.switched = true;
    })
}

pub(crate) fn install_failed() -> Report {
    let mut run = Run::checked(long(), foreign()).uploaded();
    let command = format!("npm run build:{} && du -sh `pwd`", endless("production:"));
    run.output(90, &format!("error {}", endless("TS2304:")));
    run.end(Outcome::Failed, |verdict| {
        verdict.failure = failure(
            Step::Install,
            Reason::Command {
                ending: Ending::Exit(2),
                line: Some((17, command)),
                output: Vec::new(),
                log_line: Some(format!("error {}", endless("TS2304:"))),
            },
        );
    })
}

pub(crate) fn not_ready() -> Report {
    let found = vec![
        Finding::Target {
            path: TARGET.into(),
            user: USER.into(),
            error: "Permission denied".into(),
        },
        Finding::Sudo {
            service: SERVICE.into(),
            user: USER.into(),
            output: b"sudo: a password is required\n".to_vec(),
        },
        Finding::UnitElsewhere {
            service: SERVICE.into(),
            starts: format!("/srv/{}", endless("elsewhere/")),
            target: TARGET.into(),
        },
        Finding::Missing {
            program: "uv".into(),
            path: endless("/usr/local/sbin:/usr/bin:"),
        },
    ];
    Run::checked(long(), foreign()).end(Outcome::NotReady, |verdict| {
        verdict.release = None;
        verdict.failure = failure(Step::Check, Reason::NotReady(found));
    })
}
