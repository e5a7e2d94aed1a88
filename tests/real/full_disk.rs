//! A disk without space for the release.

use crate::app::App;
use crate::throwaway::{ThrowawayServer, TARGET};

#[test]
fn a_full_disk_fails_before_the_switch_and_changes_nothing() {
    let server = ThrowawayServer::up();
    server.exec(&format!(
        "mount -t tmpfs -o size=60m,mode=755,uid=1000,gid=1000 full {TARGET}"
    ));
    let refused = server.deploy(&App::version("1"));
    refused.assert_ended(4, "not-ready", "check");
    refused.assert_last_line("500.0 MB must stay free");
    let deploy = |app: &App| server.deployment(app).input("min-free", "0B").run();
    let first = deploy(&App::version("1")).assert_deployed(None);
    let free = server
        .exec(&format!("df --output=avail -k {TARGET} | tail -n 1"))
        .trim()
        .parse::<u64>()
        .unwrap();
    server.exec_as_deploy(&format!(
        "head -c {}k /dev/zero >{TARGET}/filler",
        free - 300
    ));
    for app in [App::version("2").large(), App::version("3")] {
        let run = deploy(&app);
        assert_eq!(
            (run.code, run.output("outcome")),
            (5, "failed"),
            "{}",
            run.log
        );
        run.assert_says("No space left on device");
        run.assert_last_line(&format!("{first} is still live"));
        server.assert_answers(&first, "1");
    }
    server.exec(&format!("rm {TARGET}/filler"));
    let run = deploy(&App::version("4"));
    let second = run.assert_deployed(Some(&first));
    server.assert_answers(&second, "4");
}
