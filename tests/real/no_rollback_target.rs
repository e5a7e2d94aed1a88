//! A first release, or one that follows an unhealthy release, fails: nothing healthy remains to roll back to.

use crate::app::App;
use crate::throwaway::{ThrowawayServer, TARGET};

#[test]
fn a_first_release_that_fails_is_kept_for_diagnosis_but_not_live_and_a_good_one_follows() {
    let server = ThrowawayServer::up();
    let run = server
        .deployment(&App::health_500("1"))
        .input("health-timeout", "8s")
        .run();
    run.assert_ended(5, "failed", "verify");
    run.assert_verdict("no release to roll back to");
    assert_eq!(
        (run.output("live-release"), run.output("previous-release")),
        ("", "")
    );
    let failed = run.output("release").to_owned();
    assert_eq!(
        (server.link("current"), server.link("previous")),
        (None, None)
    );
    assert_eq!(server.releases(), std::slice::from_ref(&failed));
    assert_eq!(server.record(&failed)["state"], "Failed");
    assert_eq!(server.get("/"), None, "the failed process still answers");
    server.assert_quiet();

    let good = server.deploy_well(&App::version("2"), None);
    assert_eq!(server.releases(), [good]);
}

#[test]
fn a_stray_process_on_the_port_is_not_taken_for_the_first_release() {
    let server = ThrowawayServer::up();
    let stray = "import http.server, sys\n\
        class H(http.server.BaseHTTPRequestHandler):\n\
        \x20   def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'stray')\n\
        http.server.HTTPServer(('0.0.0.0', int(sys.argv[1])), H).serve_forever()\n";
    std::fs::write(server.path("/opt/stray.py"), stray).unwrap();
    server.exec(&format!(
        "setsid python3 /opt/stray.py {} >/dev/null 2>&1 </dev/null &",
        server.app_port
    ));
    crate::poll::wait_for("the stray answers", || {
        server.get("/").is_some_and(|(_, body)| body == "stray")
    });
    // it dies as soon as it wants the port
    let run = server
        .deployment(&App::version("1"))
        .input("health-settle", "30s")
        .run();
    run.assert_ended(5, "failed", "verify");
    run.assert_verdict("no release to roll back to");
    assert!(!server.has(&format!("{TARGET}/current")));
    server.assert_quiet();
}

#[test]
fn a_release_before_that_was_not_healthy_is_put_back_and_said_to_be_so() {
    let server = ThrowawayServer::up();
    let folder = format!("{TARGET}/releases/1762147685");
    crate::throwaway::copy_tree(&App::import_error("0").path(), &server.path(&folder));
    server.exec(&format!("chown -R deploy:deploy {folder}"));
    server.exec_as_deploy(&format!(
        "cd {folder}; ~/.local/bin/uv sync --frozen --quiet; ln -s {folder} {TARGET}/current"
    ));
    let run = server
        .deployment(&App::health_500("1"))
        .input("health-timeout", "8s")
        .run();
    run.assert_ended(5, "failed", "verify");
    run.assert_verdict("which was not healthy before either");
    run.assert_says("what ran before was not healthy");
    assert_eq!(
        server.exec(&format!("readlink -e {TARGET}/current")),
        folder
    );
    server.assert_quiet();

    let good = server
        .deploy(&App::version("2"))
        .assert_deployed(Some("1762147685"));
    server.assert_live(&good, "2", None);
}
