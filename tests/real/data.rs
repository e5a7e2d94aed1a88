//! Data that an application writes into its release.

use crate::app::App;
use crate::proof::plain;
use crate::run::Run;
use crate::throwaway::{ThrowawayServer, TARGET};

fn server() -> ThrowawayServer {
    let server = ThrowawayServer::up();
    server.drop_in(&format!(
        "[Service]\nExecStart=\nExecStart=/usr/bin/python3 app.py 0.0.0.0 {}\n",
        server.app_port
    ));
    server
}

/// The commands that the log shows for the server.
fn commands(run: &Run) -> Vec<String> {
    let lines = run.log.lines().map(str::trim);
    let mut commands: Vec<String> = Vec::new();
    for line in lines.filter(|line| line.starts_with("sudo ")) {
        if !commands.contains(&line.to_owned()) {
            commands.push(line.to_owned());
        }
    }
    commands
}

const ROWS: &str = "python3 -c \"import sqlite3; print(sqlite3.connect('app.db').execute('select count(*) from t').fetchone()[0])\"";

#[test]
fn data_in_a_release_is_listed_and_the_commands_that_are_shown_move_it() {
    let server = server();
    let first = plain(&server, &App::plain("1")).run().assert_deployed(None);
    let in_current =
        |command: &str| server.exec_as_deploy(&format!("cd {TARGET}/current && {command}"));
    in_current(
        "mkdir uploads && echo image >uploads/1.png && python3 -c \"import sqlite3; c = sqlite3.connect('app.db'); \
         c.execute('create table t (x)'); c.execute('insert into t values (1)'); c.commit()\"",
    );
    // the one that names them is the first that may not lose them
    let share =
        |version: &str| plain(&server, &App::plain(version)).input("shared", "app.db\nuploads/");
    let run = share("2").run();
    run.assert_ended(4, "not-ready", "check");
    run.assert_says(&format!(
        "app.db is named in shared, but only release {first} has it"
    ));
    run.assert_says("move it while the service is stopped, which users notice");
    server.assert_live(&first, "1", None);
    for command in commands(&run) {
        server.exec(&command);
    }
    server.wait_until_answers(&first);
    server.assert_live(&first, "1", None);
    assert_eq!(in_current(ROWS), "1", "the live release still has it");
    let owner = server.exec(&format!(
        "stat -c %U {TARGET}/shared {TARGET}/shared/app.db {TARGET}/shared/uploads"
    ));
    assert_eq!(owner, "deploy\ndeploy\ndeploy");
    let run = share("2").run();
    let second = run.assert_deployed(Some(&first));
    run.assert_silent_about("not carried over");
    assert_eq!(in_current(ROWS), "1");
    assert_eq!(in_current("cat uploads/1.png"), "image");
    server.assert_live(&second, "2", Some(&first));
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "what is written, and what each page says"
)]
fn data_that_is_left_behind_is_named_in_log_summary_and_annotation() {
    let server = server();
    let first = plain(&server, &App::plain("1")).run().assert_deployed(None);
    server.exec_as_deploy(&format!(
        "cd {TARGET}/current && mkdir -p uploads/a && echo image >uploads/a/1.png && head -c 12000 /dev/zero >app.db"
    ));
    // another user's folder, which deploy cannot read
    server.exec(&format!(
        "install -d -m 700 -o nobody {TARGET}/current/private"
    ));
    let run = plain(&server, &App::plain("2")).on_github().run();
    let second = run.assert_deployed(Some(&first));
    let text = format!(
        "the application has written into release {first}, and this is not carried over: private/ (cannot be read), \
         app.db (12.0 kB), uploads/ (1 file, 6 B)"
    );
    let annotated = run
        .log
        .lines()
        .any(|line| line.starts_with("::warning") && line.contains(&text));
    assert!(annotated, "{}", run.log);
    run.assert_says(
        "name it in the input `shared`, on a line of its own: private/, app.db, uploads/",
    );
    for named in [
        "`app.db` (12.0 kB)",
        "`uploads/` (1 file, 6 B)",
        &format!("{TARGET}/releases/{first}"),
    ] {
        assert!(run.summary.contains(named), "{named}: {}", run.summary);
    }
    let journal = server.read(&format!("{TARGET}/.deploy/journal"));
    assert!(
        journal
            .lines()
            .last()
            .is_some_and(|line| line.contains("\"app.db\"")),
        "{journal}"
    );
    // it was listed, so retention may delete it with the release
    let third = plain(&server, &App::plain("3"))
        .input("retention", "1")
        .run();
    let third = third.assert_deployed(Some(&second));
    server.assert_quiet();
    assert_eq!(server.releases(), [second, third]);
}
