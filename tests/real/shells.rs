//! Whatever the deploy user's login shell is, and says.

use crate::app::App;
use crate::throwaway::ThrowawayServer;
use std::fs;

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
