//! A target without a service.

use crate::app::App;
use crate::throwaway::ThrowawayServer;
use std::time::Duration;

#[test]
fn files_that_no_unit_serves_go_live_by_their_link_alone() {
    let server = ThrowawayServer::up();
    let site = "/opt/diting/site";
    server.exec_as_deploy(&format!("mkdir {site}"));
    let deploy = |version: &str| {
        let run = server
            .deployment(&App::plain(version))
            .input("service", "none")
            .input("restart", "none");
        let run = run.input("target", site).input("install", "none");
        run.without("health-url")
            .input("health-settle", "50s")
            .input("health-timeout", "55s")
            .run()
    };
    let run = deploy("1");
    let first = run.assert_deployed(None);
    assert!(
        run.took < Duration::from_secs(40),
        "there is nothing to be watched: {:?}",
        run.took
    );
    let second = deploy("2").assert_deployed(Some(&first));
    assert!(server
        .read(&format!("{site}/releases/{second}/app.py"))
        .contains("version 2"));
    assert_eq!(
        server.exec(&format!("readlink {site}/current {site}/previous")),
        format!("releases/{second}\nreleases/{first}")
    );
}
