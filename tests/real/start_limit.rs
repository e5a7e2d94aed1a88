//! Systemd's start limit, in a row of deployments.

use crate::app::App;
use crate::poll::wait_for;
use crate::throwaway::ThrowawayServer;
use std::time::Instant;

#[test]
fn many_deployments_in_a_row_wait_for_the_start_limit_while_the_old_release_serves() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let start = Instant::now();
    let mut last = server.deploy_well(&App::version("2"), Some(&first));
    // longer than four such take, however busy the machine is, and shorter than the wait for one below
    let interval = (8 * start.elapsed()).as_secs().clamp(25, 80);
    server.drop_in(&format!(
        "[Unit]\nStartLimitIntervalSec={interval}\nStartLimitBurst=5\n"
    ));
    let mut waited = false;
    for version in ["3", "4", "5", "6", "7"] {
        let mut run = server
            .deployment(&App::version(version))
            .input("health-settle", "0s")
            .start();
        let mut silent = 0;
        wait_for("the run ends", || {
            silent = if server.get("/health").is_some() {
                0
            } else {
                silent + 1
            };
            // a restart takes less
            assert!(silent < 100, "nothing serves");
            run.has_ended()
        });
        let run = run.finish();
        waited |= run.log.contains("the old release serves until then");
        last = run.assert_deployed(Some(&last));
        run.assert_silent_about("nothing serves until then");
        server.assert_answers(&last, version);
    }
    assert!(waited);
}
