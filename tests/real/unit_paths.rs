//! What the unit names below `current` must be in a release before it goes live: systemd prints it in its own forms.

use crate::app::App;
use crate::throwaway::{ThrowawayServer, TARGET};

const CURRENT: &str = "/opt/diting/current";

fn needs(server: &ThrowawayServer, lines: &str) {
    let section = format!("[Service]\n{lines}\n").replace("CURRENT", CURRENT);
    server.drop_in(&section);
}

const NEEDS: &str = "EnvironmentFile=-/etc/none\nEnvironmentFile=CURRENT/.env\nEnvironmentFile=-CURRENT/optional\n\
                     ExecStartPre=/bin/true\nExecStartPre=+CURRENT/bin/prepare \"a ; b\"\nExecStartPre=-CURRENT/bin/none\n\
                     LoadCredential=token:CURRENT/%N.token\nLoadCredential=key:CURRENT/conf/key\n\
                     StandardError=append:CURRENT/logs/%n.log\nReadWritePaths=CURRENT/data -CURRENT/none";

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "a unit, and what is missing for each of its lines"
)]
fn a_release_without_what_the_unit_names_is_refused_while_the_old_one_serves() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    needs(&server, NEEDS);
    let run = server.deploy(&App::version("2"));
    run.assert_ended(5, "failed", "seal");
    for needed in [
        "/opt/diting/current/.env (EnvironmentFile): it is missing",
        "/opt/diting/current/bin/prepare (ExecStartPre): it is missing",
        "/opt/diting/current/conf/key (LoadCredential): it is missing",
        "/opt/diting/current/logs (StandardError): it is missing",
        "/opt/diting/current/data (ReadWritePaths): it is missing",
        "set the input `env-file`",
    ] {
        run.assert_says(needed);
    }
    for fine in ["current/optional", "bin/none", "/etc/none", "current/none"] {
        run.assert_silent_about(fine);
    }
    server.assert_live(&first, "1", None);
    server.assert_quiet();

    let app = App::version("3")
        .file("bin/prepare", "#!/bin/sh\n", 0o755)
        .file("conf/key", "x", 0o644)
        .file("diting.token", "x", 0o644);
    let whole = |name: &str| {
        server
            .deployment(&app)
            .input("env-file", "A=1\n")
            .input("shared", "data/\nlogs/")
            .input("before-switch", name)
            .run()
    };
    let run = whole("chmod 644 bin/prepare");
    run.assert_ended(5, "failed", "seal");
    run.assert_says("/opt/diting/current/bin/prepare (ExecStartPre): it is not executable");
    let second = whole("true").assert_deployed(Some(&first));
    server.assert_live(&second, "3", Some(&first));

    // the first release lacks all of it
    let run = server.deployment(&app).input("command", "rollback").run();
    run.assert_ended(4, "not-ready", "check");
    run.assert_says("that release was made before the unit needed it");
    server.assert_live(&second, "3", Some(&first));
    assert!(server.has(&format!("{TARGET}/shared/logs")));
}
