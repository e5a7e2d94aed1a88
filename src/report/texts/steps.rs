use crate::protocol::{Step, Task};
use crate::report::Place;

/// What a step does, as it fits after "failed to"; also its heading.
#[must_use]
pub fn step(step: Step) -> &'static str {
    match step {
        Step::Connect => "connect",
        Step::Lock => "lock",
        Step::Recover => "recover",
        Step::Check => "check",
        Step::Upload => "upload",
        Step::Install => "install",
        Step::BeforeSwitch => "before-switch",
        Step::Seal => "seal",
        Step::Switch => "switch",
        Step::Restart => "restart",
        Step::Verify => "verify",
        Step::Commit => "commit",
        Step::RollBack => "roll back",
        Step::Retention => "clean up",
    }
}

/// A step's name for machines: the output `failed-step`.
#[must_use]
pub fn step_name(step_: Step) -> &'static str {
    match step_ {
        Step::RollBack => "roll-back",
        Step::Retention => "retention",
        other => step(other),
    }
}

/// What a step does there, in a sentence.
#[must_use]
pub fn doing(step: Step, place: &Place, task: &Task) -> String {
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
        Task::RollBack { .. } => "the release to be restored",
    };
    match step {
        Step::Connect => format!("log in to {} and start the server part", place.address()),
        Step::Lock => format!(
            "take the lock of {target} on {host}, so that nobody else deploys there meanwhile"
        ),
        Step::Recover => format!("bring what an earlier run left unfinished on {host} to its end"),
        Step::Check => format!("look on {host} for what must be fixed first"),
        Step::Upload => format!("bring the tree into {target}/releases on {host}"),
        Step::Install => format!("run install in the new release on {host}"),
        Step::BeforeSwitch => format!("run before-switch in the new release on {host}"),
        Step::Seal => format!("make the new release durable on {host}"),
        Step::Switch => format!("point {target}/current at {release} on {host}"),
        Step::Restart => format!("restart {unit} on {host}"),
        Step::Verify => format!("watch {unit} on {host}"),
        Step::Commit => format!("make {release} the one to stay"),
        Step::RollBack => format!("put {target}/current on {host} back as it was"),
        Step::Retention => format!("remove releases on {host} that are no longer kept"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{place, STEPS};

    #[test]
    fn every_step_has_its_words() {
        let line = |s: Step| {
            format!(
                "{} | {} | {}",
                step(s),
                step_name(s),
                doing(s, &place(), &Task::Deploy)
            )
        };
        insta::assert_snapshot!(STEPS.map(line).join("\n"), @"
        connect | connect | log in to deploy@web1.example and start the server part
        lock | lock | take the lock of /opt/diting on web1.example, so that nobody else deploys there meanwhile
        recover | recover | bring what an earlier run left unfinished on web1.example to its end
        check | check | look on web1.example for what must be fixed first
        upload | upload | bring the tree into /opt/diting/releases on web1.example
        install | install | run install in the new release on web1.example
        before-switch | before-switch | run before-switch in the new release on web1.example
        seal | seal | make the new release durable on web1.example
        switch | switch | point /opt/diting/current at the new release on web1.example
        restart | restart | restart unit diting on web1.example
        verify | verify | watch unit diting on web1.example
        commit | commit | make the new release the one to stay
        roll back | roll-back | put /opt/diting/current on web1.example back as it was
        clean up | retention | remove releases on web1.example that are no longer kept
        ");
        let back = |step| doing(step, &place(), &Task::RollBack { to: None });
        insta::assert_snapshot!([Step::Switch, Step::Commit].map(back).join("\n"), @"
        point /opt/diting/current at the release to be restored on web1.example
        make the release to be restored the one to stay
        ");
    }
}
