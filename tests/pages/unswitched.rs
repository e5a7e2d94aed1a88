//! Runs that ended before the switch.

use crate::run::{failure, id, made, planned, Run, OLD};
use deploy_action::protocol::{
    AccessFix, AppAccess, Ending, Finding, HealthAnswer, Holder, LiveRelease, Notice, Outcome,
    Reason, Step, Verdict, Warning, What,
};
use deploy_action::report::Report;
use std::time::Duration;

fn live() -> Option<LiveRelease> {
    let (release, made) = (id(OLD), made());
    Some(LiveRelease { release, made })
}

fn command(line: u32, text: &str, cause: &str) -> Reason {
    Reason::Command {
        ending: Ending::Exit(2),
        line: Some((line, text.into())),
        output: Vec::new(),
        log_line: Some(cause.into()),
    }
}

/// A compiler finds errors, after much that is none; then the program around it says its piece.
pub(crate) fn install() -> Report {
    let mut run = Run::installing();
    for number in 1..=34 {
        run.output(80, &format!("npm warn deprecated package-{number}@1.{number}.0: this package is no longer supported"));
    }
    let errors = [
        "added 812 packages, and audited 813 packages in 9s",
        "> diting-web@4.2.0 build",
        "> tsc --noEmit --project tsconfig.build.json && vite build --mode production --outDir dist",
        "src/features/conversations/components/message-composer/attachments/attachment-preview-list.tsx(118,27): error TS2304: Cannot find name 'useAttachmentPreview'.",
        "src/features/conversations/components/message-composer/attachments/attachment-preview-list.tsx(131,9): error TS2322: Type 'string | undefined' is not assignable to type 'string'.",
        "src/features/conversations/hooks/use-conversation.ts(12,10): error TS2305: Module '\"../api\"' has no exported member 'fetchConversation'.",
        "npm error Lifecycle script `build` failed with error:",
        "npm error code 2",
        "npm error path /opt/diting/releases/1795491653/web",
        "npm error workspace diting-web@4.2.0",
        "npm error command failed",
        "npm error command sh -c tsc --noEmit --project tsconfig.build.json && vite build --mode production --outDir dist",
    ];
    for line in errors {
        run.output(150, line);
    }
    run.end(Outcome::Failed, |verdict| {
        verdict.failure = failure(Step::Install, command(3, "cd web && npm ci --no-audit --no-fund && npm run build --workspace diting-web -- --mode production && cp -r dist ../src/static && \"echo\" `date` > ../src/static/built && du -sh ../src/static", errors[3]));
    })
}

pub(crate) fn before_switch() -> Report {
    let mut run = Run::installing().installed();
    run.server(1600, What::Step(Step::BeforeSwitch));
    let lines = [
        "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.",
        "INFO  [alembic.runtime.migration] Running upgrade 9b1c -> 4f7e, add conversations.tenant",
        "Traceback (most recent call last):",
        "  File \"/opt/diting/releases/1795491653/migrations/versions/4f7e_add_tenant.py\", line 21, in upgrade",
        "    op.add_column(\"conversations\", sa.Column(\"tenant\", sa.String(), nullable=False))",
        "sqlalchemy.exc.IntegrityError: (psycopg.errors.NotNullViolation) column \"tenant\" of relation \"conversations\" contains null values",
        "(Background on this error at: https://sqlalche.me/e/20/gkpj)",
    ];
    for line in lines {
        run.output(90, line);
    }
    run.end(Outcome::Failed, |verdict| {
        verdict.failure = failure(
            Step::BeforeSwitch,
            command(1, "uv run alembic upgrade head", lines[5]),
        );
    })
}

/// It is started beside the live release, and answers that it is not healthy.
pub(crate) fn smoke_test() -> Report {
    let mut run = Run::installing().installed();
    run.server(1600, What::Step(Step::SmokeTest));
    run.server(
        4,
        What::Notice(Notice::SmokeTestStarted {
            command: "/opt/diting/releases/1795491653/.venv/bin/uvicorn app:app --host 127.0.0.1 --port 18231".into(),
            port: 18231,
        }),
    );
    run.attempts(1..=1, &HealthAnswer::Refused);
    let lines = [
        "INFO:     Started server process [4711]",
        "INFO:     Waiting for application startup.",
        "INFO:     Application startup complete.",
        "INFO:     Uvicorn running on http://127.0.0.1:18231 (Press CTRL+C to quit)",
        "ERROR:    redis at 10.0.0.7:6379: Connection refused",
        "INFO:     127.0.0.1:40122 - \"GET /health HTTP/1.1\" 500 Internal Server Error",
    ];
    for line in lines {
        run.output(90, line);
    }
    let answer = HealthAnswer::Status {
        status: 500,
        location: None,
        body: b"{\"status\":\"unhealthy\",\"queue\":\"redis: connection refused\"}".to_vec(),
    };
    run.attempts(2..=60, &answer);
    run.end(Outcome::Failed, |verdict| {
        verdict.failure = failure(
            Step::SmokeTest,
            Reason::Unhealthy {
                last: Box::new(answer),
                attempts: 60,
                waited: Duration::from_secs(60),
                log_line: Some(lines[4].into()),
            },
        );
    })
}

pub(crate) fn cancelled() -> Report {
    let mut run = Run::installing();
    run.output(300, "Resolved 42 packages in 1ms");
    run.output(900, "Downloading torch (848.7MiB)");
    run.server(30, What::Warning(Warning::DiskNearlyFull(83)));
    run.end(Outcome::Cancelled, |verdict| {
        verdict.failure = failure(Step::Install, Reason::Cancelled);
    })
}

pub(crate) fn busy() -> Report {
    let holder = Holder {
        run: Some("https://github.com/diting/app/actions/runs/19104/attempts/1".into()),
        actor: Some("bob".into()),
        since: 1_795_491_600,
    };
    let mut run = Run::locking(planned());
    run.server(1, What::Waiting(Some(holder.clone())));
    run.server(60_000, What::Waiting(Some(holder.clone())));
    run.end(Outcome::Busy, |verdict: &mut Verdict| {
        verdict.release = None;
        verdict.previous = Some(id(OLD));
        verdict.live = Some(id(OLD));
        verdict.failure = failure(Step::Lock, Reason::Busy(Some(holder)));
    })
}

pub(crate) fn not_ready() -> Report {
    let found = vec![
        Finding::Target {
            path: "/opt/diting".into(),
            user: "deploy".into(),
            error: "Permission denied".into(),
        },
        Finding::Sudo {
            service: "diting".into(),
            user: "deploy".into(),
            output: b"sudo: a password is required\n".to_vec(),
        },
        Finding::Missing {
            program: "uv".into(),
            path: "/home/deploy/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
        },
        Finding::AppAccess(AppAccess {
            user: "www-data".into(),
            group: "www-data".into(),
            reads: vec![".env".into()],
            writes: vec!["data".into()],
            fixes: vec![AccessFix::HandDown("releases".into()), AccessFix::Write("shared/data".into())],
        }),
    ];
    Run::checked(planned(), live()).end(Outcome::NotReady, |verdict| {
        verdict.release = None;
        verdict.failure = failure(Step::Check, Reason::NotReady(found));
    })
}
