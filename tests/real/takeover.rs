//! A live server that another workflow, or hands, have filled.

use crate::app::App;
use crate::throwaway::{copy_tree, ThrowawayServer, TARGET};

/// What the project's first workflow leaves: folders of epoch digits, absolute links, no record of anything.
struct Seeded {
    server: ThrowawayServer,
    older: String,
    live: String,
}

const OLDER: u64 = 1_762_147_685;

impl Seeded {
    fn new() -> Self {
        let server = ThrowawayServer::up();
        let (older, live) = (OLDER.to_string(), (OLDER + 86_400).to_string());
        for (release, version) in [(&older, "a"), (&live, "b")] {
            put(&server, release, &App::version(version));
        }
        server.exec_as_deploy(&format!(
            "ln -sfn {TARGET}/releases/{older} {TARGET}/previous\nln -sfn {TARGET}/releases/{live} {TARGET}/current\n\
             sudo -n systemctl restart diting"
        ));
        server.wait_until_answers(&live);
        Self {
            server,
            older,
            live,
        }
    }
}

/// Upload and install, as the workflow does it.
fn put(server: &ThrowawayServer, release: &str, app: &App) {
    put_into(server, &format!("{TARGET}/releases/{release}"), app);
}

fn put_into(server: &ThrowawayServer, folder: &str, app: &App) {
    copy_tree(&app.path(), &server.path(folder));
    server.exec(&format!(
        "chown -R deploy:deploy {folder}; chmod 755 {folder}"
    ));
    server.exec_as_deploy(&format!(
        "cd {folder}\n~/.local/bin/uv sync --frozen --quiet"
    ));
}

/// A retention that keeps the seeds' old releases.
fn deployment(server: &ThrowawayServer, app: &App) -> crate::run::Deployment {
    server.deployment(app).input("retention", "5")
}

#[test]
fn a_server_filled_by_the_old_workflow_is_taken_over_and_updated_and_a_broken_release_goes_back_to_ours(
) {
    let seeded = Seeded::new();
    let server = &seeded.server;
    let run = deployment(server, &App::version("1")).run();
    let ours = run.assert_deployed(Some(&seeded.live));
    run.assert_says(&format!(
        "{} was live and healthy, and is taken over as good",
        seeded.live
    ));
    run.assert_says("current was");
    server.assert_live(&ours, "1", Some(&seeded.live));
    assert_eq!(
        server.link("previous"),
        Some(format!("releases/{}", seeded.live))
    );
    for taken_over in [&seeded.older, &seeded.live] {
        assert_eq!(server.record(taken_over)["taken_over"], true);
    }

    let run = deployment(server, &App::import_error("2")).run();
    let failed = run.assert_rolled_back("verify", &ours);
    server.assert_live(&ours, "1", Some(&seeded.live));
    assert_eq!(
        server.releases(),
        [seeded.older.clone(), seeded.live.clone(), ours, failed]
    );
}

#[test]
fn a_broken_release_right_after_the_old_workflow_goes_back_to_the_old_workflows() {
    let seeded = Seeded::new();
    let server = &seeded.server;
    let run = deployment(server, &App::health_500("1"))
        .input("health-timeout", "8s")
        .run();
    run.assert_rolled_back("verify", &seeded.live);
    server.assert_live(&seeded.live, "b", Some(&seeded.older));
}

#[test]
fn the_emergency_state_of_current_leading_to_previous_and_links_of_root_are_taken_over() {
    let seeded = Seeded::new();
    let server = &seeded.server;
    // as the guide for emergencies has it, by a person who uses sudo
    server.exec(&format!(
        "ln -sfn {TARGET}/previous {TARGET}/current && systemctl restart diting"
    ));
    server.wait_until_answers(&seeded.older);
    assert_eq!(server.link("current"), Some(format!("{TARGET}/previous")));

    let run = deployment(server, &App::import_error("1")).run();
    run.assert_rolled_back("verify", &seeded.older);
    server.assert_answers(&seeded.older, "a");
    server.assert_quiet();
    assert_eq!(
        server.exec(&format!("readlink -e {TARGET}/current")),
        format!("{TARGET}/releases/{}", seeded.older)
    );

    server.exec(&format!(
        "chown -h root:root {TARGET}/current {TARGET}/previous"
    ));
    let ours = deployment(server, &App::version("2"))
        .run()
        .assert_deployed(Some(&seeded.older));
    server.assert_live(&ours, "2", Some(&seeded.older));
}

#[test]
fn a_current_that_is_a_real_folder_is_refused_and_left_as_it_is() {
    let server = ThrowawayServer::up();
    server.exec_as_deploy(&format!(
        "mkdir -p {TARGET}/current && echo precious >{TARGET}/current/file"
    ));
    // it has tried to start since the boot
    server.exec("systemctl stop diting");
    let before = server.exec("systemctl show --property InvocationID,ActiveState diting");
    let run = server.deploy(&App::version("1"));
    run.assert_ended(4, "not-ready", "check");
    run.assert_says("not a link to a release, but a folder");
    assert_eq!(server.read(&format!("{TARGET}/current/file")), "precious\n");
    assert!(server.releases().is_empty());
    assert_eq!(
        server.exec("systemctl show --property InvocationID,ActiveState diting"),
        before
    );
    server.assert_quiet();
}

#[test]
fn a_folder_that_is_live_becomes_the_way_back_by_the_command_that_the_log_gives() {
    let server = ThrowawayServer::up();
    let folder = format!("{TARGET}/current");
    copy_tree(&App::version("a").path(), &server.path(&folder));
    server.exec(&format!(
        "chown -R deploy:deploy {folder}; chmod 755 {folder}"
    ));
    server.exec_as_deploy(&format!(
        "cd {folder}\n~/.local/bin/uv sync --frozen --quiet"
    ));
    // as somebody leaves it who works as root
    server.exec(&format!(
        "chown -R root:root {folder}; systemctl restart diting"
    ));
    server.wait_until_answers("current");

    let run = server.deploy(&App::version("1"));
    run.assert_ended(4, "not-ready", "check");
    server.assert_answers("current", "a");
    let command = run
        .log
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with(&format!("cd {TARGET} && ")))
        .unwrap();
    server.exec(command);
    server.assert_answers("current", "a");
    let [taken_over] = server.releases().try_into().unwrap();

    let run = deployment(&server, &App::import_error("2")).run();
    run.assert_rolled_back("verify", &taken_over);
    server.assert_answers(&taken_over, "a");
    let ours = deployment(&server, &App::version("3"))
        .run()
        .assert_deployed(Some(&taken_over));
    server.assert_live(&ours, "3", Some(&taken_over));
}

/// What Capistrano leaves: folders named by a date, and an absolute link.
#[test]
#[expect(clippy::too_many_lines, reason = "the life of one server")]
fn a_server_filled_by_capistrano_is_taken_over_as_it_is_and_is_the_way_back() {
    let server = ThrowawayServer::up();
    let (older, live) = ("20251127101010", "20251128101010");
    put(&server, older, &App::version("a"));
    put(&server, live, &App::version("b"));
    server.exec_as_deploy(&format!(
        "ln -sfn {live} {TARGET}/releases/1764324610\nln -sfn {TARGET}/releases/1764324610 {TARGET}/current\n\
         mkdir {TARGET}/releases/backup\nsudo -n systemctl restart diting"
    ));
    server.wait_until_answers(live);

    // the first deployment is broken
    let run = deployment(&server, &App::import_error("1")).run();
    run.assert_rolled_back("verify", live);
    run.assert_says(&format!(
        "{live} was live and healthy, and is taken over as good"
    ));
    server.assert_live(live, "b", None);

    let ours = deployment(&server, &App::version("2"))
        .run()
        .assert_deployed(Some(live));
    server.assert_live(&ours, "2", Some(live));

    let back = server
        .deployment(&App::version("2"))
        .without("source")
        .input("command", "rollback")
        .input("release", live)
        .run();
    assert_eq!(
        (back.code, back.output("live-release")),
        (0, live),
        "{}",
        back.log
    );
    server.assert_live(live, "b", Some(&ours));
    // of the others, the one that was not live is no release of ours
    assert!(server.has(&format!("{TARGET}/releases/{older}/uv.lock")));
    assert!(server.has(&format!("{TARGET}/releases/backup")));
    let listing = server
        .deployment(&App::version("2"))
        .without("source")
        .input("command", "releases")
        .run();
    listing.assert_says(&format!("{live}  good"));
    listing.assert_silent_about(older);
    listing.assert_silent_about("backup");
}

#[test]
fn a_release_outside_releases_becomes_the_way_back_by_the_command_that_the_log_gives() {
    let server = ThrowawayServer::up();
    put_into(&server, "/opt/legacy", &App::version("a"));
    server.exec_as_deploy(&format!(
        "ln -sfn /opt/legacy {TARGET}/current && sudo -n systemctl restart diting"
    ));
    server.wait_until_answers("legacy");

    let run = server.deploy(&App::version("1"));
    run.assert_ended(4, "not-ready", "check");
    let command = run
        .log
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with(&format!("cd {TARGET} && ")))
        .unwrap_or_else(|| panic!("{}", run.log));
    server.exec(command);
    server.assert_answers("legacy", "a");
    let copied = server.link("current").unwrap().replace("releases/", "");

    let run = deployment(&server, &App::import_error("2")).run();
    run.assert_rolled_back("verify", &copied);
    server.assert_answers(&copied, "a");
}
