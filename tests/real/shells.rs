//! Whatever the deploy user's login shell is, and says.

use crate::app::App;
use crate::throwaway::ThrowawayServer;
use std::fs;
use std::time::Duration;

#[test]
fn every_login_shell_and_a_noisy_one_will_do_and_nologin_is_a_clear_error() {
    let server = ThrowawayServer::up();
    server.drop_in("[Unit]\nStartLimitIntervalSec=0\n");
    let rc = server.read("/home/deploy/.bashrc");
    let noise = "echo 'Welcome!'; echo '::error::noise' >&2; printf 'no newline'\n";
    fs::write(server.path("/home/deploy/.bashrc"), format!("{noise}{rc}")).unwrap();
    fs::write(
        server.path("/home/deploy/.cshrc"),
        "echo 'Welcome to csh!'\n",
    )
    .unwrap();
    let mut last: Option<String> = None;
    for shell in ["/bin/bash", "/usr/bin/fish", "/bin/tcsh", "/bin/dash"] {
        server.exec(&format!("usermod --shell {shell} deploy"));
        // each finds no server part, too
        server.exec("rm -rf /opt/diting/.deploy/bin/*");
        let run = server.deploy(&App::version(shell));
        last = Some(run.assert_deployed(last.as_deref()));
    }
    server.exec("usermod --shell /usr/sbin/nologin deploy");
    let run = server.deploy(&App::version("nologin"));
    assert!([3, 4].contains(&run.code), "{}", run.log);
    run.assert_says("This account is currently not available");
    server.assert_answers(&last.unwrap(), "/bin/dash");
    println!("{}", run.log);
}

/// Puts `script` before the deploy user's own `.bashrc`.
fn bashrc(server: &ThrowawayServer, script: &str) {
    let path = server.path("/home/deploy/.bashrc");
    fs::write(path, format!("{script}\n")).unwrap();
}

#[test]
fn a_login_script_that_reads_the_input_is_named_and_nothing_is_begun() {
    let server = ThrowawayServer::up();
    server.drop_in("[Unit]\nStartLimitIntervalSec=0\n");
    let refused = |script: &str, words: &str| {
        bashrc(&server, script);
        let run = server.deploy(&App::version("2"));
        run.assert_ended(4, "not-ready", "connect");
        run.assert_verdict(words);
        run.assert_says("case $- in *i*) ;; *) return ;; esac");
        run
    };
    // the server part is missing, and its copy is cut
    refused(
        "read -t 5 -p 'Press enter' x",
        "a login script reads its input",
    );
    bashrc(&server, "");
    let first = server.deploy_well(&App::version("1"), None);
    for script in [
        "read -t 5 -p 'Press enter' x",
        "head -c 100 >/dev/null",
        "exec </dev/null",
    ] {
        let run = refused(script, "a login script reads its input");
        assert!(run.took.as_secs() < 20, "{:?}", run.took);
    }
    let run = refused("printf '\\377'; yes", "a login script prints without end");
    assert!(run.took.as_secs() < 60, "{:?}", run.took);
    server.assert_live(&first, "1", None);
    // a slow one is awaited, and what it prints is no hindrance
    bashrc(&server, "sleep 8; printf '\\377'");
    let second = server.deploy_well(&App::version("2"), Some(&first));
    server.exec("rm -rf /opt/diting/.deploy/bin/*");
    server.deploy_well(&App::version("3"), Some(&second));
}

#[test]
fn a_login_script_that_takes_all_input_is_given_up_in_two_minutes() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    bashrc(&server, "exec cat >/dev/null");
    let run = server.deployment(&App::version("2")).start();
    let run = run.finish_within(Duration::from_secs(150));
    run.assert_ended(4, "not-ready", "connect");
    run.assert_verdict("was not started within 2 min: a login script waits or reads the input");
    bashrc(&server, "");
    server.assert_live(&first, "1", None);
}
