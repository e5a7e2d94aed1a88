//! The log of the new process can fail a release that answers well.

use crate::app::App;
use crate::throwaway::ThrowawayServer;

#[test]
fn a_crash_in_the_log_rolls_back_what_answers_well_unless_it_is_not_looked_at() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let crash = "import traceback\ntry:\n    {}['DATABASE_URL']\nexcept KeyError:\n    traceback.print_exc()\n";
    let app = App::version("2").at_start(crash);
    let run = server.deploy(&app);
    run.assert_rolled_back("verify", &first);
    run.assert_says("DATABASE_URL");
    server.assert_live(&first, "1", None);
    let run = server.deployment(&app).input("log-check", "warn").run();
    let third = run.assert_deployed(Some(&first));
    run.assert_says("Traceback");
    server.assert_live(&third, "2", Some(&first));
}
