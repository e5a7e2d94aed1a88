//! What to do about a unit of several, and about units of the deploy user.

use super::*;
use crate::protocol::{Restart, SharedInRelease, Warning};
use crate::report::hints::{finding, hint, reason};

#[test]
fn what_to_do_is_about_the_unit_that_failed() {
    let place = Place::from(&several());
    let all = ways().into_iter().map(|it| reason(&it, &place).to_string());
    let all: Vec<String> = all.collect();
    for hint in &all {
        let others = hint.split([' ', '\n', '\'']).filter(|it| *it == "diting");
        assert_eq!(others.count(), 0, "{hint}");
    }
    insta::assert_snapshot!(all.join("\n---\n"), @r#"
    if the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the app's own, is it committed, and is its name right?
    more of its log:
      systemctl status diting-worker
    as root:
      sudo journalctl -u diting-worker -n 50 --no-pager
    ---
    does the input restart name this unit? A reload keeps the old process
    ---
    these lines are from the new process; if they are no crash, set the input log-pattern or log-check
    ---
    it crashed too often; first find out why:
      systemctl status diting-worker
    as root:
      sudo journalctl -u diting-worker -n 50 --no-pager
    then reset systemd's counter, as root:
      sudo systemctl reset-failed diting-worker && sudo systemctl restart diting-worker
    ---
    the unit was not ready in time: with Type=notify it must report READY=1 in that time; otherwise one of its commands takes too long; compare:
      systemctl cat diting-worker
    its log:
      systemctl status diting-worker
    as root:
      sudo journalctl -u diting-worker -n 50 --no-pager
    ---
    the deploy user may not run it with sudo; on the server's console, as root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl restart diting-worker'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    "#);
}

#[test]
fn by_hand_all_units_are_restarted_in_their_order() {
    let end = by_verdict(rollback_failed(of_worker(
        Step::RollBack,
        Reason::NotRestarted,
    )));
    let with_files = Planned {
        unit_files: true,
        ..several()
    };
    let with_socket = Planned {
        others: vec!["diting.socket".into()],
        ..planned()
    };
    let all = [several(), with_files, with_socket, of_user()]
        .map(|planned| hint(&end, &Place::from(&planned)).to_string());
    insta::assert_snapshot!(all.join("\n---\n"), @"
    now, on web1.example as deploy: point current to the old release, restart the service, and see whether it runs:
      cd /opt/diting && ln -sfn releases/1762147685 current.new && mv -T current.new current
      sudo -n systemctl restart diting
      sudo -n systemctl restart diting-worker
      sudo -n systemctl restart diting-dump.timer
      systemctl status diting diting-worker diting-dump.timer
    its log, as root:
      sudo journalctl -u diting-worker -n 50 --no-pager
    to check its health, or to roll back further: https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server
    does the input restart name this unit? A reload keeps the old process
    ---
    now, on web1.example as deploy: point current to the old release, restart the service, and see whether it runs:
      cd /opt/diting && ln -sfn releases/1762147685 current.new && mv -T current.new current
      sudo -n systemctl daemon-reload
      sudo -n systemctl restart diting
      sudo -n systemctl restart diting-worker
      sudo -n systemctl restart diting-dump.timer
      systemctl status diting diting-worker diting-dump.timer
    its log, as root:
      sudo journalctl -u diting-worker -n 50 --no-pager
    to put back unit files that are copies, to check its health, or to roll back further: https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server
    does the input restart name this unit? A reload keeps the old process
    ---
    now, on web1.example as deploy: point current to the old release, restart the service, and see whether it runs:
      cd /opt/diting && ln -sfn releases/1762147685 current.new && mv -T current.new current
      sudo -n systemctl restart diting
      systemctl status diting diting.socket
    its log, as root:
      sudo journalctl -u diting -n 50 --no-pager
    to check its health, or to roll back further: https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server
    does the input restart name this unit? A reload keeps the old process
    ---
    now, on web1.example as deploy: point current to the old release, restart the service, and see whether it runs:
      cd /opt/diting && ln -sfn releases/1762147685 current.new && mv -T current.new current
      systemctl --user restart diting
      systemctl --user restart diting-worker
      systemctl --user restart diting-dump.timer
      systemctl --user status diting diting-worker diting-dump.timer
    its log, as the deploy user:
      journalctl --user -u diting-worker -n 50 --no-pager
    to check its health, or to roll back further: https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server
    does the input restart name this unit? A reload keeps the old process
    ");
}

#[test]
fn nothing_about_the_deploy_users_units_needs_root() {
    let place = Place::from(&of_user());
    let started = Place {
        start: Some(FailedStart {
            invocation: Some(INVOCATION.into()),
            log: LogPlace::ReadableJournal,
            ..FailedStart::default()
        }),
        ..place.clone()
    };
    let ends = ways().into_iter().flat_map(|it| {
        let end = by_verdict(rolled_back(it.clone()));
        [
            reason(&it, &place),
            reason(&it, &started),
            hint(&end, &started),
            hint(&by_verdict(rollback_failed(it)), &place),
        ]
    });
    let all: Vec<String> = ends.map(|hint| hint.to_string()).collect();
    for hint in &all {
        let sudo = hint.lines().filter(|line| line.starts_with("  sudo "));
        assert_eq!(sudo.count(), 0, "{hint}");
        assert!(!hint.contains("sudoers"), "{hint}");
    }
    insta::assert_snapshot!(all[..4].join("\n---\n"), @"
    if the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the app's own, is it committed, and is its name right?
    more of its log, as the deploy user:
      systemctl --user status diting-worker
      journalctl --user -u diting-worker -n 50 --no-pager
    ---
    if the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the app's own, is it committed, and is its name right?
    more of its log, as the deploy user:
      journalctl --user --no-pager _SYSTEMD_INVOCATION_ID=0123456789abcdef0123456789abcdef + USER_INVOCATION_ID=0123456789abcdef0123456789abcdef
    ---
    if the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the app's own, is it committed, and is its name right?
    more of its log, as the deploy user:
      journalctl --user --no-pager _SYSTEMD_INVOCATION_ID=0123456789abcdef0123456789abcdef + USER_INVOCATION_ID=0123456789abcdef0123456789abcdef
    ---
    now, on web1.example as deploy: point current to the old release, restart the service, and see whether it runs:
      cd /opt/diting && ln -sfn releases/1762147685 current.new && mv -T current.new current
      systemctl --user restart diting
      systemctl --user restart diting-worker
      systemctl --user restart diting-dump.timer
      systemctl --user status diting diting-worker diting-dump.timer
    its log, as the deploy user:
      journalctl --user -u diting-worker -n 50 --no-pager
    to check its health, or to roll back further: https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server
    if the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the app's own, is it committed, and is its name right?
    more of its log, as the deploy user:
      systemctl --user status diting-worker
      journalctl --user -u diting-worker -n 50 --no-pager
    ");
}

#[test]
fn the_journal_of_the_deploy_users_units_may_be_readable_for_root_only() {
    let log = |invocation: Option<&str>, about_now| {
        let start = FailedStart {
            invocation: invocation.map(str::to_owned),
            since: 1_762_147_990,
            until: 1_762_148_003,
            ..FailedStart::default()
        };
        let place = Place {
            start: Some(start),
            about_now,
            ..Place::from(&of_user())
        };
        let failure = of_worker(Step::Verify, Reason::NotStarted { condition: false });
        reason(&failure, &place).to_string()
    };
    let all = [
        log(Some(INVOCATION), false),
        log(None, false),
        log(None, true),
    ];
    insta::assert_snapshot!(all.join("\n---\n"), @"
    on the server, as root:
      sudo journalctl --no-pager _SYSTEMD_INVOCATION_ID=0123456789abcdef0123456789abcdef + USER_INVOCATION_ID=0123456789abcdef0123456789abcdef
    ---
    on the server, as root:
      sudo journalctl --no-pager _SYSTEMD_USER_UNIT=diting-worker.service + USER_UNIT=diting-worker.service --since '2025-11-03 05:33:10 UTC' --until '2025-11-03 05:33:24 UTC'
    ---
    on the server, as the deploy user:
      systemctl --user status diting-worker
    as root:
      sudo journalctl _SYSTEMD_USER_UNIT=diting-worker.service + USER_UNIT=diting-worker.service -n 50 --no-pager
    ");
}

#[test]
fn warnings_about_a_unit_name_it_once_and_give_its_commands() {
    let of = |unit: &str, warning| Warning::OfUnit {
        unit: unit.into(),
        warning: Box::new(warning),
    };
    let no_reset = |service: &str| Warning::NoResetFailed {
        service: service.into(),
        user: "deploy".into(),
    };
    let all = [
        of(WORKER, Warning::NotEnabled(WORKER.into())),
        of(
            WORKER,
            Warning::LoggedErrors(vec![b"ERROR: no queue".to_vec()]),
        ),
        of(WORKER, no_reset(WORKER)),
        of("mallory", Warning::NotEnabled("mallory".into())),
    ];
    let shown = |planned: Planned| {
        let place = Place::from(&planned);
        let all = all.iter().map(|it| texts::warning(it, &place).to_string());
        all.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!([shown(several()), shown(of_user())].join("\n---\n"), @r#"
    unit diting-worker is not started at boot; on the server, as root: sudo systemctl enable diting-worker
    diting-worker: the new process logged errors: ERROR: no queue
    deploy may not run sudo -n systemctl reset-failed diting-worker, so a deployment may have to wait for systemd's start limit; on the server, as root: new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl reset-failed diting-worker'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    unit mallory is not started at boot
    ---
    unit diting-worker is not started at boot; on the server, as the deploy user: systemctl --user enable diting-worker
    diting-worker: the new process logged errors: ERROR: no queue
    deploy may not run sudo -n systemctl reset-failed diting-worker, so a deployment may have to wait for systemd's start limit; on the server, as root: new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl reset-failed diting-worker'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    unit mallory is not started at boot
    "#);
}

#[test]
fn data_is_moved_while_all_units_are_stopped() {
    let found = SharedInRelease {
        path: "data".into(),
        folder: true,
        release: id(OLD),
        link: "../../shared/data".into(),
        siblings: Vec::new(),
        missing: vec![String::new()],
        in_the_way: false,
    };
    let found = crate::protocol::Finding::SharedInRelease(vec![found]);
    let shown = |planned| {
        let planned = Planned {
            shared: vec!["data".into()],
            ..planned
        };
        finding(&found, &Place::from(&planned)).to_string()
    };
    insta::assert_snapshot!([shown(several()), shown(of_user())].join("\n---\n"), @"
    move it while the service is stopped, which users notice; on the server, as root, then deploy again:
      sudo systemctl stop diting diting-worker diting-dump.timer
      sudo mkdir /opt/diting/shared/ && sudo chown --reference=/opt/diting/releases/1762147685/ /opt/diting/shared/ && sudo chmod --reference=/opt/diting/releases/1762147685/ /opt/diting/shared/
      sudo mv -nT /opt/diting/releases/1762147685/data /opt/diting/shared/data
      sudo ln -s ../../shared/data /opt/diting/releases/1762147685/data
      sudo systemctl start diting diting-worker diting-dump.timer
    ---
    move it while the service is stopped, which users notice; on the server, as the deploy user, then deploy again:
      systemctl --user stop diting diting-worker diting-dump.timer
      mkdir /opt/diting/shared/ && chown --reference=/opt/diting/releases/1762147685/ /opt/diting/shared/ && chmod --reference=/opt/diting/releases/1762147685/ /opt/diting/shared/
      mv -nT /opt/diting/releases/1762147685/data /opt/diting/shared/data
      ln -s ../../shared/data /opt/diting/releases/1762147685/data
      systemctl --user start diting diting-worker diting-dump.timer
    ");
}

#[test]
fn sudo_in_a_restart_command_of_user_units_is_a_mistake() {
    let planned = Planned {
        restart: Restart::Commands("sudo -n systemctl restart diting".into()),
        ..of_user()
    };
    let refused = ways().pop().unwrap();
    let hint = reason(&refused, &Place::from(&planned)).to_string();
    assert!(hint.contains("without `sudo`"), "{hint}");
}
