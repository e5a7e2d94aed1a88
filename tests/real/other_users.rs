//! Other users of the server: what they cannot read, hold or replace.

use crate::app::App;
use crate::throwaway::{ThrowawayServer, TARGET};

/// Holds a lock on what it names until it is stopped; says nothing if it cannot open it.
const HOLD: &str = "systemd-run -q --collect --uid=nobody --unit=hold flock -x";

#[test]
fn other_users_cannot_hold_what_deployments_wait_for_not_even_where_an_older_version_left_it_open()
{
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    // as versions before 1.6 leave it
    server.exec(&format!(
        "cd {TARGET}/.deploy; chmod 755 . events verdicts records trash bin; find . -type f -exec chmod a+r {{}} +"
    ));
    let second = server.deploy_well(&App::version("2"), Some(&first));
    let open = format!("find {TARGET}/.deploy -perm /077 -not -type l");
    assert_eq!(server.exec(&open), "");
    for held in ["lock", "verdicts"] {
        server.exec(&format!(
            "{HOLD} {TARGET}/.deploy/{held} sleep 600; sleep 1"
        ));
        assert!(
            !server
                .try_exec("systemctl is-active -q hold")
                .status
                .success(),
            "{held} is held"
        );
    }
    server.deploy_well(&App::version("3"), Some(&second));
}

#[test]
fn nothing_of_others_is_started_and_a_damaged_server_part_heals_itself() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    server.exec(&format!("chown -R root {TARGET}/.deploy"));
    let run = server.deploy(&App::version("2"));
    run.assert_ended(4, "not-ready", "connect");
    run.assert_verdict("/opt/diting/.deploy belongs to root, but the login is deploy");
    let cure = "sudo chown -R deploy: /opt/diting/.deploy && sudo rm -rf /opt/diting/.deploy/bin";
    run.assert_says(cure);
    server.exec(&cure.replace("sudo ", ""));
    let second = server.deploy_well(&App::version("2"), Some(&first));

    server.exec(&format!("chmod 777 {TARGET}"));
    let run = server.deploy(&App::version("3"));
    run.assert_ended(4, "not-ready", "connect");
    run.assert_verdict("every user can write to /opt/diting (drwxrwxrwx)");
    run.assert_says("sudo chmod o-w /opt/diting");
    server.exec(&format!("chmod 755 {TARGET}"));

    let mut live = second;
    for (version, damage) in [
        ("3", "truncate -s 100000"),
        ("4", "truncate -s 0"),
        ("5", "chmod a-x"),
        ("6", "dd if=/dev/zero bs=4096 count=900 conv=notrunc of="),
    ] {
        let part = format!("$(readlink -f {TARGET}/.deploy/bin/server)");
        let space = if damage.ends_with('=') { "" } else { " " };
        server.exec(&format!("{damage}{space}{part}"));
        live = server.deploy_well(&App::version(version), Some(&live));
    }
}

#[test]
fn the_last_release_and_this_one_deploy_to_the_same_server_in_turns() {
    let server = ThrowawayServer::up();
    let mut live: Option<String> = None;
    for version in ["1", "2", "3", "4"] {
        let app = App::version(version);
        let run = match version {
            "1" | "3" => server.deployment(&app).by_last_release(),
            _ => server.deployment(&app),
        };
        live = Some(run.run().assert_deployed(live.as_deref()));
        server.assert_answers(live.as_deref().unwrap(), version);
    }
    let open = format!("find {TARGET}/.deploy -perm /077 -not -type l");
    assert_eq!(server.exec(&open), "");
}
