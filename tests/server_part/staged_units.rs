//! The unit files of a release are judged before the switch. The unit is a link to the file in `current`.

use crate::app::{App, Node};
use crate::client::{Sending, Told};
use crate::plan_options::{failed_before_the_switch, is_deployed};
use crate::stub_server::StubServer;
use deploy_action::protocol::{
    Finding, Notice, Outcome, PathError, Plan, Reason, RejectedUnitFile, Scope, Step, Warning, What,
};
use std::fs;
use std::os::unix::fs::symlink;

const FILE: &str = "deploy/app.service";

/// An app with this unit file, in which `CURRENT` stands for the link, and a program.
fn app(server: &StubServer, name: &str, file: &str) -> App {
    let current = server.target().join("current");
    let file = file.replace("CURRENT", current.to_str().unwrap());
    in_folders(App::good(name))
        .with(FILE, Node::File(0o644, file.into_bytes()))
        .with("bin/run", Node::File(0o755, b"#!/bin/sh\n".to_vec()))
}

fn in_folders(app: App) -> App {
    let folders = ["bin", "deploy", "deploy/sub"];
    folders
        .into_iter()
        .fold(app, |app, path| app.with(path, Node::Folder))
}

const GOOD: &str = "[Service]\nExecStart=CURRENT/bin/run\n";

fn unit_files(plan: &mut Plan) {
    plan.units.files = vec!["deploy/*.service".into(), "deploy/*.d/*.conf".into()];
}

/// A server with a release whose unit file is in use. `systemd-analyze` prints what `analysis` has, with `COPIES` for the
/// folder of what it checks, and ends with the code in `analysis-code`.
fn server() -> StubServer {
    let server = StubServer::new();
    with_analysis(&server);
    fs::create_dir(server.system_units()).unwrap();
    let link = server.system_units().join("app.service");
    symlink(server.target().join("current").join(FILE), link).unwrap();
    let more = "Id=app.service\nFragmentPath=/etc/systemd/system/app.service\n";
    fs::write(server.home().join("unit/more"), more).unwrap();
    is_deployed(&server.deploy_with(&app(&server, "old", GOOD), unit_files));
    fs::remove_file(server.home().join("analyzed")).unwrap();
    server
}

fn with_analysis(server: &StubServer) {
    server.program(
        ".local/bin/systemd-analyze",
        "#!/bin/sh\nhome=${0%/.local/bin/*}\necho \"$@\" > \"$home/analyzed\"\nfor last; do :; done\n\
         cp -r \"$(dirname \"$last\")\" \"$home/copies\"\n\
         sed \"s,COPIES,$(dirname \"$last\"),\" \"$home/analysis\"\nexit \"$(cat \"$home/analysis-code\")\"\n",
    );
    analysis(server, "", 0);
}

fn analysis(server: &StubServer, printed: &str, code: u8) {
    fs::write(server.home().join("analysis"), printed).unwrap();
    fs::write(server.home().join("analysis-code"), code.to_string()).unwrap();
}

fn deploy(server: &StubServer, name: &str, file: &str) -> Told {
    server.deploy_with(&app(server, name, file), unit_files)
}

/// What is wrong with the unit files, as `FILE: MESSAGE`.
fn rejected(server: &StubServer, told: &Told) -> Vec<String> {
    let verdict = told.verdict.clone().unwrap();
    let failure = verdict.failure.unwrap();
    let live = server.named_by("current");
    assert_eq!((verdict.switched, &live), (false, &server.runs()));
    assert!(
        matches!(failure.step, Step::Seal | Step::Check),
        "{failure:?}"
    );
    let Reason::RejectedUnitFiles(errors) = failure.reason else {
        panic!("{failure:?}");
    };
    let shown = |RejectedUnitFile { file, message }| format!("{file}: {message}");
    errors.into_iter().map(shown).collect()
}

#[test]
fn the_programs_of_the_new_file_are_looked_for() {
    let server = server();
    let told = deploy(&server, "new", "[Service]\nExecStart=CURRENT/bin/gone\n");
    let (step, reason) = failed_before_the_switch(&server, &told);
    assert_eq!(step, Step::Seal);
    let Reason::Program {
        property,
        path,
        error,
        ..
    } = reason
    else {
        panic!("{reason:?}");
    };
    assert_eq!(
        (property.as_str(), error),
        ("ExecStart", PathError::Missing)
    );
    assert!(path.ends_with("current/bin/gone"), "{path}");
}

#[test]
fn the_programs_of_the_old_file_are_not_looked_for() {
    let server = server();
    // the loaded definition still has the program that the new release lacks
    let path = server.home().join("unit/state");
    let state = fs::read_to_string(&path).unwrap();
    let old = server.target().join("current/bin/run");
    let old = old.display();
    let exec = format!("ExecStart={{ path={old} ; argv[]={old} ; ignore_errors=no ; }}\n");
    fs::write(path, state + &exec).unwrap();
    let file = GOOD
        .replace("bin/run", "bin/renamed")
        .replace("CURRENT", server.target().join("current").to_str().unwrap());
    let renamed = in_folders(App::good("renamed"))
        .with(FILE, Node::File(0o644, file.into_bytes()))
        .with("bin/renamed", Node::File(0o755, b"#!/bin/sh\n".to_vec()));
    is_deployed(&server.deploy_with(&renamed, unit_files));
    let told = fs::read_to_string(server.home().join("analyzed")).unwrap();
    assert!(
        told.starts_with("verify --man=no ") && told.ends_with("/app.service\n"),
        "{told}"
    );
    let copy = fs::read_to_string(server.home().join("copies/app.service")).unwrap();
    assert!(
        copy.contains("/releases/") && !copy.contains("/current"),
        "{copy}"
    );
    assert!(!server.own().join("unit-check").exists());
}

#[test]
fn what_systemd_says_of_the_files_fails_with_its_words() {
    let server = server();
    let printed = "COPIES/app.service:3: Unknown key 'Userr' in section [Service], ignoring.\n\
                   /etc/systemd/system/other.service:1: Unknown section 'X'. Ignoring.\n\
                   other.service: Service has no ExecStart=. Refusing.\n\
                   \u{1b}[0;1;31mapp.service: Service has more than one ExecStart= setting. Refusing.\u{1b}[0m\n\
                   app.service: Unit configuration has fatal error, unit will not be started.\n\
                   Unit app.service has a bad unit file setting.\n";
    analysis(&server, printed, 1);
    let told = deploy(&server, "new", &format!("{GOOD}Userr=x\n"));
    assert_eq!(
        rejected(&server, &told),
        [
            "deploy/app.service:3: Unknown key 'Userr' in section [Service], ignoring.",
            "deploy/app.service: Service has more than one ExecStart= setting. Refusing.",
        ]
    );
    analysis(&server, "Unit app.service is masked.\n", 1);
    let told = deploy(&server, "empty", "");
    assert_eq!(rejected(&server, &told), ["deploy/app.service: is masked."]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn what_systemd_says_of_anything_else_fails_nothing() {
    let server = server();
    let current = server.target().join("current");
    for (at, (printed, code)) in [
        (
            "other.service: Service has no ExecStart=. Refusing.\n".to_owned(),
            0,
        ),
        (
            "COPIES/app.service:2: Unit uses MemoryLimit=; please use MemoryMax= instead.\n"
                .to_owned(),
            0,
        ),
        (
            "app.service: Command /root/x is not executable: Permission denied\n".to_owned(),
            1,
        ),
        (
            "app.service: Command python3 is not executable: No such file or directory\n"
                .to_owned(),
            1,
        ),
        (
            format!(
                "app.service: Command {}/x is not executable: No such file or directory\n",
                current.display()
            ),
            1,
        ),
        // the stub's systemctl shows every unit as loaded
        (
            "app.service: Failed to create app.service/start: Unit mnt-data.mount not found.\n"
                .to_owned(),
            1,
        ),
    ]
    .iter()
    .enumerate()
    {
        analysis(&server, printed, *code);
        let told = deploy(&server, &format!("new{at}"), &format!("{GOOD}# {at}\n"));
        is_deployed(&told);
        assert!(
            told.events.iter().all(|it| !matches!(it, What::Notice(_))),
            "{printed}: {told:?}"
        );
    }
    analysis(
        &server,
        "app.service: Command /none/x is not executable: No such file or directory\n",
        1,
    );
    let told = deploy(&server, "missing", &format!("{GOOD}# missing\n"));
    assert_eq!(rejected(&server, &told).len(), 1);
}

#[test]
fn a_check_that_cannot_be_made_is_a_notice() {
    let server = server();
    for (at, (printed, code)) in [
        ("Failed to initialize manager: No such device\n", 1),
        ("Assertion 'name' failed\n", 134),
    ]
    .iter()
    .enumerate()
    {
        analysis(&server, printed, *code);
        let told = deploy(&server, &format!("new{at}"), &format!("{GOOD}# {at}\n"));
        is_deployed(&told);
        let is_notice = |it: &&What| matches!(it, What::Notice(Notice::UnitFilesNotVerified { error }) if error.ends_with(printed.trim()));
        assert_eq!(told.events.iter().filter(is_notice).count(), 1, "{told:?}");
    }
}

#[test]
fn files_that_do_not_change_are_not_checked_again() {
    let server = server();
    analysis(
        &server,
        "COPIES/app.service:2: Unknown key 'X' in section [Service], ignoring.\n",
        0,
    );
    is_deployed(&deploy(&server, "new", GOOD));
    assert!(!server.home().join("analyzed").exists());
}

#[test]
fn users_and_groups_that_do_not_exist_are_named() {
    let server = server();
    let lines =
        "User=no-such-user\nGroup=no-such-group\nSupplementaryGroups=root no-such-group 4711\n";
    let told = deploy(&server, "new", &format!("{GOOD}{lines}"));
    assert_eq!(
        rejected(&server, &told),
        [
            "deploy/app.service: User=no-such-user does not exist on the server",
            "deploy/app.service: Group=no-such-group does not exist on the server",
            "deploy/app.service: SupplementaryGroups=no-such-group does not exist on the server",
        ]
    );
    is_deployed(&deploy(
        &server,
        "dynamic",
        &format!("{GOOD}DynamicUser=yes\nUser=no-such-user\n"),
    ));
    is_deployed(&deploy(
        &server,
        "known",
        &format!("{GOOD}User=%p\nUser=\nGroup=0\n"),
    ));
}

#[test]
fn a_unit_that_starts_something_else_fails_before_the_switch() {
    let server = server();
    let told = deploy(&server, "new", "[Service]\nExecStart=/bin/true\n");
    let (_, reason) = failed_before_the_switch(&server, &told);
    let Reason::NotReady(found) = reason else {
        panic!("{reason:?}");
    };
    assert!(
        matches!(&found[..], [Finding::UnitElsewhere { starts, .. }] if starts == "/bin/true"),
        "{found:?}"
    );
    assert_eq!(told.outcome(), Some(Outcome::Failed));
    // the unit on the server starts something else, but its file comes with the release
    fs::remove_file(server.home().join("etc/app.service")).unwrap();
    fs::write(
        server.home().join("etc/app.service"),
        "[Service]\nExecStart=/bin/true\n",
    )
    .unwrap();
    let path = server.home().join("unit/state");
    let state = fs::read_to_string(&path).unwrap();
    let state: String = state
        .lines()
        .filter(|it| !it.starts_with("WorkingDirectory"))
        .map(|it| format!("{it}\n"))
        .collect();
    let state = state + "ExecStart={ path=/bin/true ; argv[]=/bin/true ; ignore_errors=no ; }\n";
    fs::write(path, state).unwrap();
    is_deployed(&deploy(&server, "right", GOOD));
}

#[test]
fn two_files_of_one_name_and_a_link_to_a_file_that_is_gone_are_refused() {
    let server = server();
    let twice = app(&server, "twice", GOOD).with(
        "deploy/sub/app.service",
        Node::File(0o644, b"[Service]\n".to_vec()),
    );
    let told = server.deploy_with(&twice, |plan| plan.units.files = vec!["deploy/**".into()]);
    assert_eq!(
        rejected(&server, &told),
        ["deploy/sub/app.service: another unit file of the release is named app.service too"]
    );
    let told = server.deploy_with(&App::good("without"), unit_files);
    assert_eq!(
        rejected(&server, &told),
        ["deploy/app.service: the release lacks it, but app.service is a link to it on the server"]
    );
}

#[test]
fn an_earlier_release_is_judged_by_its_own_files() {
    let server = server();
    is_deployed(&deploy(&server, "new", &format!("{GOOD}Restart=always\n")));
    analysis(
        &server,
        "COPIES/app.service:1: Unknown section 'X'. Ignoring.\n",
        0,
    );
    let mut plan = server.plan_back(None);
    unit_files(&mut plan);
    let told = server.run(&plan, &App::empty(""), Sending::Unasked);
    assert_eq!(told.outcome(), Some(Outcome::NotReady));
    assert_eq!(
        rejected(&server, &told),
        ["deploy/app.service:1: Unknown section 'X'. Ignoring."]
    );
    assert_eq!(server.named_by("current").as_deref(), Some("new"));
}

#[test]
fn a_unit_file_that_is_gone_but_stays_on_the_server_is_a_warning() {
    let server = server();
    fs::write(server.system_units().join("dump.timer"), "").unwrap();
    let timer = Node::File(0o644, b"[Timer]\nOnCalendar=daily\n".to_vec());
    let all = |plan: &mut Plan| plan.units.files = vec!["deploy/*".into()];
    let with = app(&server, "with", GOOD).with("deploy/dump.timer", timer);
    is_deployed(&server.deploy_with(&with, all));
    let told = server.deploy_with(&app(&server, "without", GOOD), all);
    is_deployed(&told);
    let gone = Warning::UnitFileGone {
        name: "dump.timer".into(),
        scope: Scope::System,
    };
    let is_gone = |it: &&What| matches!(it, What::Warning(Warning::UnitFileGone { .. }));
    let warned: Vec<_> = told.events.iter().filter(is_gone).collect();
    assert_eq!(warned, [&What::Warning(gone)]);
    // it is not on the server any more
    is_deployed(&server.deploy_with(&with, all));
    fs::remove_file(server.system_units().join("dump.timer")).unwrap();
    let told = server.deploy_with(&app(&server, "without-2", GOOD), all);
    assert!(!told.has(|it| matches!(it, What::Warning(Warning::UnitFileGone { .. }))));
}
