//! A service of several units is one transaction: all are restarted and verified, and any that fails takes all back.

use crate::app::App;
use crate::run::Deployment;
use crate::service::{
    allow, assert_runs, property, with_dead_web, with_this_worker, with_worker, UnitFiles, SERVICE,
};
use crate::throwaway::ThrowawayServer;

const RIGHTS: [&str; 2] = [
    "/bin/systemctl restart diting-worker",
    "/bin/systemctl restart diting-dump.timer",
];

fn server() -> ThrowawayServer {
    let server = ThrowawayServer::up();
    UnitFiles::at(server.app_port).install(&server);
    allow(&server, &RIGHTS);
    server
}

fn several(server: &ThrowawayServer, app: &App) -> Deployment {
    server
        .deployment(app)
        .input("service", SERVICE)
        .input("install", "none")
        .input("health-timeout", "20s")
}

/// Deploys the first release.
fn first(server: &ThrowawayServer) -> String {
    let first = several(server, &with_worker("1"))
        .run()
        .assert_deployed(None);
    server.assert_live(&first, "1", None);
    assert_runs(server, "diting-worker", &first);
    first
}

/// The first release serves, as it did before, and the run says which unit failed.
fn assert_back(server: &ThrowawayServer, first: &str) {
    server.assert_live(first, "1", None);
    assert_runs(server, "diting", first);
    assert_runs(server, "diting-worker", first);
    assert_eq!(
        property(server, "diting-dump.timer", "ActiveState"),
        "active"
    );
}

#[test]
fn every_service_is_restarted_and_an_unchanged_timer_goes_on() {
    let server = server();
    let first = first(&server);
    let timer = property(&server, "diting-dump.timer", "InvocationID");
    let run = several(&server, &with_worker("2")).run();
    let second = run.assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));
    assert_runs(&server, "diting-worker", &second);
    assert_eq!(
        property(&server, "diting-dump.timer", "InvocationID"),
        timer
    );
    // it was started once for each release
    let log = server.read("/opt/diting/worker.log");
    assert_eq!(
        log,
        format!("version 1, release {first}\nversion 2, release {second}\n")
    );
}

#[test]
fn any_unit_that_fails_takes_all_back_and_is_named() {
    let server = server();
    let first = first(&server);
    let later = "import os, time\ntime.sleep(2)\nos._exit(3)\n";
    let cases: [(&str, App); 5] = [
        // dies at once, with a message in its log
        (
            "diting-worker",
            with_this_worker("2", "import no_module_of_this_name\n"),
        ),
        // while the others are healthy
        ("diting-worker", with_this_worker("3", later)),
        // by a signal
        (
            "diting-worker",
            with_this_worker("4", "import os\nos.kill(os.getpid(), 11)\n"),
        ),
        // ends as if all were well
        ("diting-worker", with_this_worker("5", "pass\n")),
        ("diting", with_dead_web("6")),
    ];
    for (unit, app) in cases {
        // the units' start limits
        server.exec("systemctl reset-failed diting diting-worker");
        let run = several(&server, &app)
            .input("health-settle", "4s")
            .input("health-timeout", "12s")
            .run();
        run.assert_rolled_back("verify", &first);
        assert_eq!(run.output("failed-unit"), unit);
        run.assert_says(unit);
        assert_back(&server, &first);
    }
}

#[test]
fn a_restart_command_that_forgets_a_unit_does_not_make_it_green() {
    let server = server();
    let first = first(&server);
    let only_web = "sudo -n systemctl restart diting";
    let run = several(&server, &with_worker("2"))
        .input("restart", only_web)
        .run();
    run.assert_rolled_back("verify", &first);
    assert_eq!(run.output("failed-unit"), "diting-worker");
    assert_back(&server, &first);
    let both = "sudo -n systemctl restart diting\nsudo -n systemctl restart diting-worker";
    let dead = with_this_worker("3", "import no_module_of_this_name\n");
    let run = several(&server, &dead).input("restart", both).run();
    run.assert_rolled_back("verify", &first);
    assert_eq!(run.output("failed-unit"), "diting-worker");
    assert_back(&server, &first);
    let second = several(&server, &with_worker("4"))
        .input("restart", both)
        .run();
    let second = second.assert_deployed(Some(&first));
    assert_runs(&server, "diting-worker", &second);
}

#[test]
fn what_any_unit_lacks_is_found_before_the_upload() {
    let server = server();
    let first = first(&server);
    allow(&server, &RIGHTS[1..]);
    server.exec("systemctl stop diting-dump.timer; cd /etc/systemd/system; mv diting-worker.service away; ln -s /dev/null diting-worker.service; systemctl daemon-reload");
    let run = several(&server, &with_worker("2")).run();
    run.assert_ended(4, "not-ready", "check");
    for needed in [
        "sudo -n systemctl restart diting-worker",
        "diting-dump.timer",
        "masked",
    ] {
        run.assert_says(needed);
    }
    server.exec("cd /etc/systemd/system; mv away diting-worker.service; systemctl daemon-reload; systemctl start diting-dump.timer");
    allow(&server, &RIGHTS);
    let run = several(&server, &with_worker("2"))
        .input("service", "diting, diting-worker, diting-mail")
        .run();
    run.assert_ended(4, "not-ready", "check");
    run.assert_says("diting-mail");
    assert_back(&server, &first);
}

#[test]
fn a_run_that_dies_between_two_restarts_leaves_no_mixture() {
    let server = server();
    let first = first(&server);
    // the worker's stop takes its time, so that the transaction can be killed between the restarts
    server.exec(
        "mkdir -p /etc/systemd/system/diting-worker.service.d && printf '[Service]\\nExecStop=/bin/sleep 5\\n' \
         > /etc/systemd/system/diting-worker.service.d/slow.conf && systemctl daemon-reload",
    );
    let run = several(&server, &with_worker("2")).start();
    server.wait_for("systemctl show --property ActiveState diting-worker | grep -q deactivating");
    server.exec("pkill -KILL -f '[s]erver-part transact'");
    // it reconnects, and ends what it left: both units run the first release again
    let run = run.finish();
    assert_eq!(run.output("outcome"), "rolled-back");
    assert_back(&server, &first);
    server.exec("rm -r /etc/systemd/system/diting-worker.service.d && systemctl daemon-reload && systemctl reset-failed diting diting-worker");
    let third = several(&server, &with_worker("3"))
        .run()
        .assert_deployed(Some(&first));
    server.assert_live(&third, "3", Some(&first));
    assert_runs(&server, "diting-worker", &third);
}
