//! The lines of the sudoers file.

use crate::app::App;
use crate::throwaway::ThrowawayServer;

/// As the set-up had them before 1.6.0.
const OLD: &str = "deploy ALL=(ALL) NOPASSWD: /bin/systemctl restart diting\n\
                   deploy ALL=(ALL) NOPASSWD: /bin/systemctl status diting\n";

#[test]
fn a_server_with_the_old_lines_works_and_is_warned_of_where_the_pager_is_a_root_shell() {
    let server = ThrowawayServer::up();
    let new = server.read("/etc/sudoers.d/deploy");
    let has = |text: &str| std::fs::write(server.path("/etc/sudoers.d/deploy"), text).unwrap();
    has(OLD);
    let run = server.deploy(&App::version("1"));
    let first = run.assert_deployed(None);
    run.assert_silent_about("pager");

    // the version of Ubuntu 20.04, by what tells it
    server.exec("touch /usr/lib/systemd/libsystemd-shared-245.so");
    let run = server.deploy(&App::version("2"));
    let second = run.assert_deployed(Some(&first));
    run.assert_says("deploy ALL=(root) NOPASSWD: NOEXEC: /bin/systemctl status diting");
    has(&new);
    let run = server.deploy(&App::version("3"));
    run.assert_deployed(Some(&second));
    run.assert_silent_about("pager");
}

/// The root shell of old versions, by the variables that make a new one as open as they were.
#[test]
fn a_status_without_exec_still_shows_the_log_and_starts_no_program() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let run = server.deploy(&App::import_error("2"));
    run.assert_rolled_back("verify", &first);
    run.assert_says("no_module_of_this_name");

    let keep = "Defaults env_keep += \"SYSTEMD_PAGER SYSTEMD_PAGERSECURE\"\n";
    std::fs::write(server.path("/etc/sudoers.d/keep"), keep).unwrap();
    let paged = "export SYSTEMD_PAGER='touch /run/escaped' SYSTEMD_PAGERSECURE=0\n\
                 script -qec 'sudo -n systemctl status diting' /dev/null || true";
    let escapes = || {
        server.exec_as_deploy(paged);
        server.try_exec("rm /run/escaped").status.success()
    };
    assert!(!escapes());
    std::fs::write(server.path("/etc/sudoers.d/deploy"), OLD).unwrap();
    assert!(escapes());
}
