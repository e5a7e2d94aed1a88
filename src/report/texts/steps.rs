//! What each step does.

use crate::protocol::{Step, Task};
use crate::report::Place;

/// What a step does on this server.
#[must_use]
pub fn description(step: Step, place: &Place, task: &Task) -> String {
    let Place {
        host,
        target,
        service,
        ..
    } = place;
    let unit = service
        .as_deref()
        .map_or("the service".to_owned(), |unit| format!("unit {unit}"));
    let release = match task {
        Task::Deploy => "the new release",
        Task::RollBack { .. } => "the release to restore",
    };
    match step {
        Step::Connect => format!("log in to {} and start the server part", place.address()),
        Step::Lock => {
            format!("take the lock of {target} on {host}, so no other deployment runs there")
        }
        Step::Recover => format!("finish what an earlier run left unfinished on {host}"),
        Step::Check => format!("check {host} for what must be fixed first"),
        Step::Upload => format!("upload the tree to {target}/releases on {host}"),
        Step::Install => format!("run install in the new release on {host}"),
        Step::BeforeSwitch => format!("run before-switch in the new release on {host}"),
        Step::Seal => format!("make the new release durable on {host}"),
        Step::Switch => format!("point {target}/current at {release} on {host}"),
        Step::Restart => format!("restart {unit} on {host}"),
        Step::Verify => format!("verify {unit} on {host}"),
        Step::Commit => format!("mark {release} as good on {host}"),
        Step::RollBack => format!("roll back {target}/current on {host}"),
        Step::Retention => format!("delete old releases on {host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{place, STEPS};

    #[test]
    fn every_step_has_its_texts() {
        let line = |s: Step| {
            format!(
                "{} | {} | {}",
                s,
                s.id(),
                description(s, &place(), &Task::Deploy)
            )
        };
        insta::assert_snapshot!(STEPS.map(line).join("\n"), @"
        connect | connect | log in to deploy@web1.example and start the server part
        lock | lock | take the lock of /opt/diting on web1.example, so no other deployment runs there
        recover | recover | finish what an earlier run left unfinished on web1.example
        check | check | check web1.example for what must be fixed first
        upload | upload | upload the tree to /opt/diting/releases on web1.example
        install | install | run install in the new release on web1.example
        before-switch | before-switch | run before-switch in the new release on web1.example
        seal | seal | make the new release durable on web1.example
        switch | switch | point /opt/diting/current at the new release on web1.example
        restart | restart | restart unit diting on web1.example
        verify | verify | verify unit diting on web1.example
        commit | commit | mark the new release as good on web1.example
        roll back | roll-back | roll back /opt/diting/current on web1.example
        clean up | retention | delete old releases on web1.example
        ");
        let back = |step| description(step, &place(), &Task::RollBack { to: None });
        insta::assert_snapshot!([Step::Switch, Step::Commit].map(back).join("\n"), @"
        point /opt/diting/current at the release to restore on web1.example
        mark the release to restore as good on web1.example
        ");
    }
}
