use super::*;

const THIS: &str = "1762147685";
const OLD: &str = "1700000000";

fn process(pid: u32, new: bool, releases: &[&str]) -> Process {
    Process {
        pid,
        name: "app".to_owned(),
        new,
        releases: releases.iter().map(|it| (*it).to_owned()).collect(),
        visible: true,
    }
}

fn hidden(pid: u32, new: bool) -> Process {
    Process {
        visible: false,
        ..process(pid, new, &[])
    }
}

fn socket(was_there: bool, by: Holder) -> Socket {
    Socket { was_there, by }
}

fn stranger(process: Process) -> Holder {
    Holder::Stranger {
        group: "/system.slice/other.service".to_owned(),
        processes: vec![process],
    }
}

/// After a restart that started `unit`.
fn scene(unit: Vec<Process>, sockets: Vec<Socket>) -> Scene {
    Scene {
        unit,
        sockets,
        elsewhere: Elsewhere::No,
        same_invocation: false,
    }
}

fn origin(scene: &Scene) -> String {
    match scene.origin(80, THIS) {
        Origin::Unit => "unit".to_owned(),
        Origin::Other(holder) => format!("no: {holder}"),
        Origin::Unknown(why) => format!("?: {why}"),
    }
}

fn belongs(scene: &Scene, leads_to_current: bool) -> String {
    match scene.belongs(THIS, leads_to_current) {
        Belongs::Yes { others } if others.is_empty() => "yes".to_owned(),
        Belongs::Yes { others } => format!("yes, and {}", others[0]),
        Belongs::No(process) => format!("no: {process}"),
        Belongs::Unknown(why) => format!("?: {why}"),
    }
}

#[test]
fn a_socket_of_the_units_new_process_is_the_units() {
    let app = process(7, true, &[THIS]);
    let own = scene(
        vec![app.clone()],
        vec![socket(false, Holder::Unit(vec![app.clone()]))],
    );
    assert_eq!(origin(&own), "unit");
    // systemd hands the socket of a socket unit on, which was there before
    let activated = scene(
        vec![app.clone()],
        vec![socket(true, Holder::Unit(vec![app.clone()]))],
    );
    assert_eq!(origin(&activated), "unit");
    let waiting = scene(vec![app], vec![socket(true, Holder::SocketUnit)]);
    assert_eq!(origin(&waiting), "unit");
    assert_eq!(
        origin(&scene(vec![process(7, true, &[])], Vec::new())),
        "?: no process of this server listens on port 80"
    );
}

#[test]
fn a_process_of_the_unit_from_before_the_restart_is_left_over() {
    let [old, new] = [process(6, false, &[OLD]), process(7, true, &[THIS])];
    let unit = vec![old.clone(), new.clone()];
    let held = |holders| scene(unit.clone(), vec![socket(true, Holder::Unit(holders))]);
    assert_eq!(
        origin(&held(vec![old.clone()])),
        "no: process 6 (app), left over from before the restart"
    );
    assert_eq!(
        origin(&held(vec![old.clone(), new.clone()])),
        "unit",
        "it was handed on"
    );
    // two sockets of the same port
    let mut both = held(vec![old]);
    both.sockets.push(socket(false, Holder::Unit(vec![new])));
    assert!(origin(&both).starts_with("no: process 6"));
    // after a reload the process is meant to stay
    let reloaded = Scene {
        same_invocation: true,
        ..held(vec![process(6, false, &[OLD])])
    };
    assert_eq!(origin(&reloaded), "unit");
    // what came back in a rollback
    let back = process(6, false, &[THIS]);
    let back = scene(
        vec![back.clone()],
        vec![socket(true, Holder::Unit(vec![back]))],
    );
    assert_eq!(origin(&back), "unit");
}

/// A `sleep` that the release before left behind is no reason to distrust a new socket.
#[test]
fn a_helper_that_is_left_over_does_not_make_a_new_socket_suspicious() {
    let unit = vec![hidden(5, false), hidden(7, true)];
    let opened = |was_there| scene(unit.clone(), vec![socket(was_there, Holder::HiddenOfUnit)]);
    assert_eq!(origin(&opened(false)), "unit");
    assert_eq!(
        origin(&opened(true)),
        "no: a process that may be left over from before the restart"
    );
    let alone = scene(
        vec![hidden(7, true)],
        vec![socket(true, Holder::HiddenOfUnit)],
    );
    assert_eq!(origin(&alone), "unit");
}

/// `su` and container runtimes move processes out of the unit's control group.
#[test]
fn a_process_elsewhere_that_works_in_the_release_answers_for_it() {
    let unit = vec![hidden(7, true)];
    let moved = scene(
        unit.clone(),
        vec![socket(false, stranger(process(8, true, &[THIS])))],
    );
    assert_eq!(origin(&moved), "unit");
    assert_eq!(belongs(&moved, false), "yes");
    let proxy = scene(unit, vec![socket(false, stranger(process(8, true, &[])))]);
    assert_eq!(
        origin(&proxy),
        "?: port 80 is held by process 8 (app) in /system.slice/other.service, which started after the restart but is no part \
         of the unit"
    );
}

#[test]
fn what_listened_before_the_restart_is_a_proxy_or_another_service() {
    let unit = vec![process(7, true, &[THIS])];
    let by = [
        stranger(process(8, false, &[])),
        Holder::Hidden {
            group: Some("/system.slice/nginx.service".to_owned()),
        },
        Holder::Hidden { group: None },
    ];
    for by in by {
        let scene = |elsewhere| Scene {
            elsewhere,
            ..scene(unit.clone(), vec![socket(true, by.clone())])
        };
        let no = origin(&scene(Elsewhere::No));
        assert!(
            no.starts_with("no: ") && no.contains("was there") || no.contains("listened there"),
            "{no}"
        );
        for elsewhere in [Elsewhere::Yes, Elsewhere::Unknown] {
            let text = origin(&scene(elsewhere));
            assert!(text.contains("it may be a proxy for the unit"), "{text}");
        }
    }
    let oneshot = scene(
        Vec::new(),
        vec![socket(true, stranger(process(8, false, &[])))],
    );
    assert_eq!(
        origin(&oneshot),
        "?: the unit has no process that could answer"
    );
}

#[test]
fn of_several_sockets_the_worst_decides() {
    let app = process(7, true, &[THIS]);
    let own = socket(false, Holder::Unit(vec![app.clone()]));
    let foreign = socket(true, stranger(process(8, false, &[])));
    let unseen = socket(false, Holder::HiddenOfSameUser);
    let with = |sockets: &[&Socket]| {
        let sockets = sockets.iter().map(|it| (*it).clone()).collect();
        origin(&scene(vec![app.clone()], sockets))
    };
    assert!(with(&[&own, &foreign, &unseen]).starts_with("no: "));
    assert!(with(&[&own, &unseen]).starts_with("?: "));
}

#[test]
fn the_processes_that_started_decide_which_release_runs() {
    let this = |unit: Vec<Process>| belongs(&scene(unit, Vec::new()), false);
    assert_eq!(this(vec![process(7, true, &[THIS])]), "yes");
    let old = "release 1700000000";
    // a wrapper that shows nothing, and the program
    assert_eq!(
        this(vec![process(6, true, &[]), process(7, true, &[THIS])]),
        "yes"
    );
    // HUP: new workers with the folder of the old master
    let workers = vec![process(6, false, &[OLD]), process(7, true, &[OLD])];
    assert_eq!(this(workers), "no: 1700000000 (process 7, app)");
    // a master that stays while its workers are new, and workers that drain
    let mixed = vec![process(6, false, &[OLD]), process(7, true, &[THIS])];
    assert_eq!(this(mixed), "yes, and 1700000000 (process 6, app)", "{old}");
}

#[test]
fn if_nothing_started_the_processes_that_hold_the_port_decide() {
    let reloaded = |holder: Process| Scene {
        same_invocation: true,
        ..scene(
            vec![process(5, false, &[OLD]), holder.clone()],
            vec![socket(true, Holder::Unit(vec![holder]))],
        )
    };
    // the helper is not asked
    assert_eq!(
        belongs(&reloaded(process(6, false, &[THIS])), true),
        "yes, and 1700000000 (process 5, app)"
    );
    assert_eq!(
        belongs(&reloaded(process(6, false, &[OLD])), true),
        "no: 1700000000 (process 6, app)"
    );
}

#[test]
fn a_definition_that_leads_to_current_counts_for_a_process_that_systemd_started() {
    let unseen = |same_invocation| Scene {
        same_invocation,
        ..scene(vec![hidden(7, true)], Vec::new())
    };
    let [hidden, no_trace] = [
        "?: its processes belong to another user, so the files that they use cannot be seen",
        "?: neither its definition nor one of its processes leads to a release",
    ];
    assert_eq!(belongs(&unseen(false), true), "yes");
    assert_eq!(belongs(&unseen(false), false), hidden);
    assert_eq!(
        belongs(&unseen(true), true),
        hidden,
        "a reload starts no process"
    );
    let nothing = scene(vec![process(7, true, &[])], Vec::new());
    assert_eq!(belongs(&nothing, false), no_trace);
    // what is seen to be another release is not one because of the definition
    let wrong = scene(vec![process(7, true, &[OLD])], Vec::new());
    assert_eq!(belongs(&wrong, true), "no: 1700000000 (process 7, app)");
}
