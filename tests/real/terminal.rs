//! By hand, on a terminal: colours, progress, and a Ctrl-C with the same rules as a cancelled job.

use crate::app::App;
use crate::throwaway::{ThrowawayServer, TARGET};

const CTRL_C: &[u8] = b"\x03";
/// What a line that is renewed begins with.
const RENEWED: &str = "\r\x1b[K… ";

#[test]
fn a_terminal_shows_what_goes_on_in_colours_and_ends_without_a_trace_of_it() {
    let server = ThrowawayServer::up();
    let install = "echo begun\nsleep 3\nuv sync --frozen --quiet";
    let run = server
        .deployment(&App::version("1"))
        .input("install", install)
        .on_terminal()
        .run();
    assert_eq!(
        (run.code, run.output("outcome")),
        (0, "deployed"),
        "{}",
        run.log
    );
    for text in [
        "\x1b[32m✓ \x1b[0minstall ",
        "\x1b[1m== verify: health checks",
        "\x1b[90m│ \x1b[0mbegun",
        "\x1b[32mdeployed: ",
    ] {
        run.assert_says(text);
    }
    run.assert_says(&format!("{RENEWED}install, "));
    let last = run.log.rfind(RENEWED).unwrap();
    assert!(
        run.log[last + RENEWED.len()..].contains("\r\x1b[K"),
        "the last one is wiped: {:?}",
        &run.log[last..]
    );
}

#[test]
fn without_a_terminal_there_is_neither_colour_nor_a_line_that_is_renewed() {
    let server = ThrowawayServer::up();
    let install = "sleep 2\nuv sync --frozen --quiet";
    let run = server
        .deployment(&App::version("1"))
        .input("install", install)
        .run();
    run.assert_deployed(None);
    run.assert_silent_about("\x1b");
    run.assert_silent_about("\r");
    let plain = server
        .deployment(&App::version("2"))
        .env("NO_COLOR", "1")
        .on_terminal()
        .run();
    assert_eq!(plain.code, 0);
    plain.assert_silent_about("\x1b[3");
}

#[test]
fn ctrl_c_before_the_switch_leaves_the_server_as_it_was() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let run = server
        .deployment(&App::version("2"))
        .input("install", "echo begun\nsleep 300")
        .on_terminal();
    let mut run = run.start();
    run.wait_for("begun");
    run.type_keys(CTRL_C);
    let run = run.finish();
    assert_eq!(run.output("outcome"), "cancelled", "{}", run.log);
    run.assert_says(&format!("{first} is still live"));
    server.assert_live(&first, "1", None);
    assert_eq!(server.exec("pgrep -af [s]leep.300 || true"), "");
}

#[test]
fn ctrl_c_after_it_says_that_the_server_goes_on() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let mut run = server
        .deployment(&App::version("2"))
        .input("health-settle", "4s")
        .on_terminal()
        .start();
    run.wait_for("answered 200");
    run.type_keys(CTRL_C);
    let run = run.finish();
    // script(1), which lends the terminal, has an exit code of its own after a Ctrl-C
    assert_eq!(run.output("outcome"), "unknown", "{}", run.log);
    run.assert_says("finishes on its own by");
    let pending = format!("[ ! -e {TARGET}/.deploy/pending ]");
    server.wait_for(&pending);
    server.assert_live(run.output("release"), "2", Some(&first));
}
