//! The last line names the cause in the program's own words.

use crate::app::App;
use crate::throwaway::ThrowawayServer;

/// The plain application, which first runs this.
fn starting_with(app: App, code: &str) -> App {
    app.replace_in(
        "app.py",
        "class Handler(",
        &format!("{code}\n\nclass Handler("),
    )
}

/// The unit's log has nothing: systemd did not start a process.
#[test]
fn what_systemd_logs_is_the_cause_if_no_process_began() {
    let server = ThrowawayServer::up_with(&["--journal-access"]);
    let run = server
        .deployment(&App::version("1"))
        .input("health-timeout", "15s")
        .run();
    let first = run.assert_deployed(None);
    server.drop_in("[Service]\nEnvironmentFile=/etc/diting/none.env\n");
    let run = server
        .deployment(&App::version("2"))
        .input("health-timeout", "3s")
        .run();
    run.assert_ended(7, "rollback-failed", "restart");
    run.assert_verdict("Failed to load environment files: No such file or directory");
    assert_eq!(server.link("current"), Some(format!("releases/{first}")));
}

/// The application says it once, and is asked again and again.
#[test]
fn our_own_requests_do_not_push_out_what_explains_the_answer() {
    let server = ThrowawayServer::up_with(&["--journal-access"]);
    server.drop_in(&server.plain_service("0.0.0.0"));
    let first = server.deploy_well(&App::plain("1"), None);
    let broken = App::plain("2").replace_in("app.py", "send_response(200)", "send_response(503)");
    let broken = starting_with(
        broken,
        "print('cannot connect to postgres at db.internal:5432', flush=True)",
    );
    let run = server
        .deployment(&broken)
        .input("health-timeout", "20s")
        .input("health-interval", "100ms")
        .on_github()
        .run();
    run.assert_rolled_back("verify", &first);
    assert!(
        run.summary
            .contains("cannot connect to postgres at db.internal:5432"),
        "{}",
        run.summary
    );
    assert!(!run.summary.contains("\"GET / HTTP"), "{}", run.summary);
}

/// The deploy user sees the last ten lines only.
#[test]
fn an_error_of_a_worker_is_the_cause_not_what_its_supervisor_says() {
    let server = ThrowawayServer::up();
    server.drop_in(&server.plain_service("0.0.0.0"));
    let first = server.deploy_well(&App::plain("1"), None);
    let broken = starting_with(
        App::plain("2"),
        "print('[2026-11-28 19:20:49 +0000] [7] [INFO] Booting worker with pid: 7', flush=True)\n\
         print(\"ModuleNotFoundError: No module named 'sentry_sdk'\", file=sys.stderr, flush=True)\n\
         print('[2026-11-28 19:20:49 +0000] [7] [ERROR] Worker (pid:7) exited with code 3.', flush=True)\n\
         print('[2026-11-28 19:20:49 +0000] [6] [ERROR] Shutting down: Master', flush=True)\n\
         print('[2026-11-28 19:20:49 +0000] [6] [ERROR] Reason: Worker failed to boot.', flush=True)\n\
         sys.exit(3)",
    );
    let run = server.deploy(&broken);
    run.assert_rolled_back("verify", &first);
    run.assert_verdict("ModuleNotFoundError: No module named 'sentry_sdk'");
}

#[test]
fn the_output_of_install_and_before_switch_is_searched_too() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let app = App::version("2").file(
        "migrate.py",
        "def forwards():\n    raise ValueError('bad row 7')\nforwards()\n",
        0o644,
    );
    let run = server
        .deployment(&app)
        .input("before-switch", "python3 migrate.py")
        .run();
    run.assert_ended(5, "failed", "before-switch");
    run.assert_verdict("ValueError: bad row 7");
    let install = "python3 -c 'print(\"collecting\")'\n\
        printf 'main.c:3:5: error: expected ;\\nmain.c:9:1: error: unknown type name x\\nmake: *** [Makefile:2: all] Error 1\\n'; exit 2";
    let run = server.deployment(&app).input("install", install).run();
    run.assert_ended(5, "failed", "install");
    run.assert_verdict("main.c:3:5: error: expected ;");
    server.assert_live(&first, "1", None);
}
