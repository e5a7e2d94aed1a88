//! A server whose server part sends what it likes.

use crate::app::App;
use crate::run::Used;
use crate::throwaway::{ThrowawayServer, TARGET};
use deploy_action::protocol::wire::frame;
use deploy_action::protocol::{
    Diagnostic, DiagnosticOrigin, Event, Failure, Finding, Outcome, Reason, Step, ToRunner,
    TransactionId, Verdict, Warning, What,
};
use std::fs;
use std::os::unix::fs::chown;

/// What the runner half may need at most, in bytes. A deployment needs a tenth of it.
const MOST_MEMORY: u64 = 128 << 20;
const MOST_LOG: usize = 12 << 20;

fn event(what: What) -> Vec<u8> {
    frame(&ToRunner::Event(Event { at: 1, what })).unwrap()
}

/// Stands for the id of the run's transaction.
fn placeholder() -> TransactionId {
    TransactionId::from_random([0xab; 16])
}

fn ended(findings: Vec<Finding>) -> Vec<u8> {
    event(What::Ended(Box::new(Verdict {
        transaction: placeholder(),
        outcome: Outcome::NotReady,
        release: None,
        previous: None,
        live: None,
        failure: Some(Failure {
            step: Step::Check,
            reason: Reason::NotReady(findings),
            unit: None,
        }),
        rollback: None,
        switched: false,
        before_switch: false,
        interruption: None,
        at: 1,
    })))
}

/// Greets and sends `flood`, whatever it is asked.
fn run_against(server: &ThrowawayServer, flood: &[u8]) -> (crate::run::Run, Used) {
    let file = server.path("/home/deploy/flood");
    fs::write(&file, flood).unwrap();
    chown(&file, Some(1000), Some(1000)).unwrap();
    let id = placeholder();
    server.exec(&format!(
        r#"chmod 644 /home/deploy/flood; f=$(readlink -f {TARGET}/.deploy/bin/server)
cat > "$f" <<'END'
#!/bin/sh
hash=$(printf 'deploy-action %s' "$4" | sha256sum)
echo "deploy-action greets ${{hash%% *}}"
LC_ALL=C sed "s/{id}/$4/g" < /home/deploy/flood
exec sleep 2
END"#
    ));
    let app = App::version("2");
    server.deployment(&app).on_github().run_measured()
}

/// What a hostile server may send.
fn floods() -> [(&'static str, Vec<u8>); 5] {
    let tiny = || Finding::KillUserProcesses { user: "".into() };
    let verdict = ended(vec![tiny(); 400_000]);
    assert!(verdict.len() > 700_000);
    let steps = event(What::Step(Step::Install)).repeat(300_000);
    let lines = event(What::Output(vec![b'\n'; 1_000_000])).repeat(10);
    let warned = event(What::Warning(Warning::LoggedErrors(vec![
        Vec::new();
        900_000
    ])))
    .repeat(20);
    let diagnostic = || Diagnostic {
        title: String::new(),
        origin: DiagnosticOrigin::Log,
        text: Vec::new(),
    };
    let diagnostics = event(What::Diagnostics(vec![diagnostic(); 300_000])).repeat(10);
    let end = ended(vec![tiny()]);
    [
        ("verdict", verdict),
        ("steps", [steps, end.clone()].concat()),
        ("lines", [lines, end.clone()].concat()),
        ("warnings", [warned, end.clone()].concat()),
        ("diagnostics", [diagnostics, end].concat()),
    ]
}

#[test]
fn whatever_a_server_sends_the_runner_needs_little_memory_and_the_log_stays_readable() {
    let server = ThrowawayServer::up();
    server.deploy_well(&App::version("1"), None);
    for (name, flood) in floods() {
        let (run, used) = run_against(&server, &flood);
        println!(
            "{name}: {} MB, {} bytes of log",
            used.memory >> 20,
            run.log.len()
        );
        let end = &run.log[run.log.len().saturating_sub(2000)..];
        assert_eq!(run.outputs["outcome"], "not-ready", "{name}: {end}");
        assert!(
            used.memory < MOST_MEMORY,
            "{name}: {} MB",
            used.memory >> 20
        );
        assert!(run.log.len() < MOST_LOG, "{name}: {}", run.log.len());
        assert!(run.summary.len() < 1 << 20, "{name}");
    }
}

#[test]
fn a_server_that_claims_two_days_is_not_believed() {
    let server = ThrowawayServer::up();
    let good = server.deploy_well(&App::version("1"), None);
    let point = event(What::PointOfNoReturn {
        release: good.parse().unwrap(),
        previous: None,
        deadline: std::time::Duration::from_secs(2 * 24 * 3600),
        commit: None,
        made: Default::default(),
    });
    let (run, _) = run_against(&server, &[point, ended(Vec::new())].concat());
    // 3 * (60 s + 0.5 s) of the inputs and 15 min
    for text in [
        "on its own, within 18 min",
        "this run watches it for 18 min",
    ] {
        assert!(run.log.contains(text), "{}", run.log);
    }
}
