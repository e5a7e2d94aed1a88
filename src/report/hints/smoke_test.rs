//! What to do if a release fails the smoke test. No unit runs it then: nothing here names one, its log or
//! its restart.

use super::command::{command, Failed};
use super::steps::Hint;
use super::{cause, health, unit};
use crate::protocol::{Ending, HealthAnswer, Reason, SmokeTestError, Step, Trouble};
use crate::report::place::Place;

const USES_OTHER_PORT: &str =
    "the app takes its port from its code or from a configuration file: let it use the variable `PORT`, or pass the port on its \
     command line, as in `--port $PORT`";
const ENDED: &str =
    "what smoke-test starts must stay up until deploy-action ends it: keep the app in the foreground, without `&`, `nohup` and \
     options such as `--daemon`. A check that ends by itself belongs in `before-switch`";
const OWN_PROCESS: &str =
    "smoke-test must start the app itself, from the folder of the release that it runs in: no path through current, and no program \
     that passes the work on to a process that runs already (pm2, a container, systemctl)";

/// What to do about a release that failed.
pub(super) fn failed(error: &SmokeTestError, place: &Place) -> Hint {
    match error {
        SmokeTestError::Ended { ending, log_line } => ended(*ending, log_line.as_deref(), place),
        SmokeTestError::Public { .. } => {
            "others could reach it there: the app must listen on 127.0.0.1 in the smoke test. `auto` replaces 0.0.0.0 in the command \
             and the environment of the unit, but not in the app's code or configuration; or give `smoke-test` a command, as in \
             `./server --host 127.0.0.1 --port $PORT`"
                .into()
        }
        SmokeTestError::LivePort { .. } | SmokeTestError::OtherPort { .. } => USES_OTHER_PORT.into(),
        SmokeTestError::OtherProcess { .. } => Hint::from(OWN_PROCESS)
            .after("if another program took the port at that moment, run it again; otherwise "),
        SmokeTestError::OtherRelease(_) => OWN_PROCESS.into(),
    }
}

fn ended(ending: Ending, log_line: Option<&str>, place: &Place) -> Hint {
    if ending == Ending::Exit(0) {
        return ENDED.into();
    }
    if let Some(hint) = log_line.and_then(in_its_output) {
        return hint;
    }
    match ending {
        Ending::Exit(137) | Ending::Signal(9) => unit::out_of_memory(
            "two instances run during the smoke test, and most likely the server ran out of memory; on the server",
        ),
        _ => {
            let output = b"";
            let failed = Failed {
                ending,
                output,
                log_line,
            };
            command(Step::SmokeTest, &failed, place)
        }
    }
}

/// What to do about a cause that a line of its output names.
fn in_its_output(line: &str) -> Option<Hint> {
    match Trouble::in_line(line) {
        Some(Trouble::AddressInUse) => Some(USES_OTHER_PORT.into()),
        _ => cause::in_the_app(line),
    }
}

/// What to do about a release that started, but was not healthy; `None`: about any other reason.
pub(super) fn unhealthy(reason: &Reason, place: &Place) -> Option<Hint> {
    let Reason::Unhealthy { last, log_line, .. } = reason else {
        return None;
    };
    let log_line = log_line.as_deref();
    let in_its_output = |text: &'static str| {
        let known = log_line.and_then(in_its_output);
        known.unwrap_or_else(|| text.into())
    };
    Some(match last.as_ref() {
        HealthAnswer::Refused => in_its_output(
            "no process listens on 127.0.0.1 and `$PORT`: does the app use the port that it is given? If it starts slowly, raise \
             health-timeout",
        ),
        HealthAnswer::TimedOut { .. } => in_its_output(
            "it listens, but does not answer: the app hangs at start, or waits for a database or another service",
        ),
        HealthAnswer::Status { status: 500.., location: None, .. } => {
            in_its_output("its output shows why; fix it, and push")
        }
        HealthAnswer::Mismatch { .. } => "compare the body with health-match".into(),
        HealthAnswer::Healthy { .. } | HealthAnswer::Broken(_) => {
            "is health-url right: http or https, path?".into()
        }
        HealthAnswer::Status { .. } | HealthAnswer::Command { .. } => {
            health::health(last, log_line, &without_unit(place))
        }
    })
}

fn without_unit(place: &Place) -> Place {
    Place {
        service: None,
        others: Vec::new(),
        start: None,
        ..place.clone()
    }
}
