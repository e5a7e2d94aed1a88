//! Another local user sends lines to the journal that look like the service's.

use crate::app::App;
use crate::throwaway::ThrowawayServer;

/// Sends a crash with the invocation of the service, by a new process each time. `link` is where a user's own service manager
/// keeps the invocation of this unit.
const FORGER: &str = r"
import os, socket, subprocess, sys, time
link = sys.argv[1] if len(sys.argv) > 1 else None
while True:
    show = ['systemctl', 'show', '--value', '-p', 'InvocationID', 'diting']
    id = subprocess.run(show, capture_output=True, text=True).stdout.strip()
    if link and id:
        os.path.lexists(link) and os.unlink(link)
        os.symlink(id, link)
    if os.fork() == 0:
        out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for text in ['Traceback (most recent call last):', 'RuntimeError: forged']:
            text = f'MESSAGE={text}\nPRIORITY=3\nINVOCATION_ID={id}\nUNIT=diting.service\n'
            out.sendto(text.encode(), '/run/systemd/journal/socket')
        time.sleep(1)
        os._exit(0)
    time.sleep(0.2)
";

/// The forger works while this is deployed, and is seen to.
fn is_deployed(server: &ThrowawayServer, field: &str) {
    let first = server.deploy_well(&App::version("1"), None);
    let run = server
        .deployment(&App::version("2"))
        .input("health-settle", "4s")
        .run();
    let id = server.property("InvocationID");
    let sent = server.exec(&format!("journalctl -q -o cat {field}={id} _UID=1234"));
    assert!(sent.contains("RuntimeError: forged"), "nothing was forged");
    let second = run.assert_deployed(Some(&first));
    run.assert_silent_about("forged");
    server.assert_live(&second, "2", Some(&first));
}

fn forger(options: &[&str]) -> ThrowawayServer {
    let server = ThrowawayServer::up_with(options);
    std::fs::write(server.path("/opt/forger.py"), FORGER).unwrap();
    server.exec("useradd -m -u 1234 mallory");
    server
}

#[test]
fn a_line_that_another_user_sends_with_the_services_invocation_vetoes_nothing() {
    let server = forger(&["--journal-access"]);
    server.exec("systemd-run --quiet --uid=mallory /usr/bin/python3 /opt/forger.py");
    is_deployed(&server, "INVOCATION_ID");
}

/// journald takes the invocation of a user's own units from a folder of that user.
#[test]
fn nor_does_one_of_a_unit_of_their_own_service_manager() {
    let server = forger(&["--journal-access"]);
    server.exec("loginctl enable-linger mallory");
    server.wait_for("systemctl is-active user@1234.service && [ -d /run/user/1234/systemd/units ]");
    server.exec(
        "su mallory -s /bin/sh -c 'XDG_RUNTIME_DIR=/run/user/1234 systemd-run --user --quiet --unit=forger \
         /usr/bin/python3 /opt/forger.py /run/user/1234/systemd/units/invocation:forger.service'",
    );
    is_deployed(&server, "_SYSTEMD_INVOCATION_ID");
}

/// The deploy user may not read the journal: systemctl, too, takes only what journald itself writes.
#[test]
fn nor_does_one_that_the_status_could_show() {
    let server = forger(&[]);
    server.exec("systemd-run --quiet --uid=mallory /usr/bin/python3 /opt/forger.py");
    is_deployed(&server, "INVOCATION_ID");
}
