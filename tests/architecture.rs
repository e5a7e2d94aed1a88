//! The plan of the house: who may know whom, and what every file keeps to. The sources are parsed, and every path is
//! resolved, whether it stands in a `use`, in a type, in an expression or in a macro.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't read the sources has failed"
)]

#[path = "architecture/dependencies.rs"]
mod dependencies;
#[path = "architecture/examples.rs"]
mod examples;
#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/modules.rs"]
mod modules;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/security.rs"]
mod security;

use modules::Sources;
use rules::{full_folders, House, MayKnow};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// The rooms, as `src/lib.rs` describes them.
const ROOMS: MayKnow<'_> = &[
    ("actions", &["report"]),
    (
        "cli",
        &[
            "actions", "github", "protocol", "report", "runner", "server", "settings", "text",
        ],
    ),
    ("github", &["report", "text"]),
    ("logs", &["text"]),
    ("protocol", &["text"]),
    ("report", &["protocol", "text"]),
    ("runner", &["protocol", "settings"]),
    ("server", &["logs", "protocol", "text"]),
    ("settings", &["protocol", "text"]),
    ("text", &[]),
];

/// The wings of the server part, from the bottom to the top. Who is not listed beside a wing is above it.
const SERVER: MayKnow<'_> = &[
    ("clock", &[]),
    ("limits", &[]),
    ("subcommand", &[]),
    ("exec", &[]),
    ("store", &["clock", "exec", "limits", "subcommand"]),
    ("channel", &["clock", "limits", "store"]),
    ("unit", &["channel", "clock", "exec", "store"]),
    (
        "smoke_test",
        &[
            "channel",
            "clock",
            "exec",
            "limits",
            "store",
            "subcommand",
            "unit",
        ],
    ),
    (
        "stage",
        &[
            "channel",
            "clock",
            "exec",
            "limits",
            "smoke_test",
            "store",
            "unit",
        ],
    ),
    ("rollback", &["channel", "store", "unit"]),
    (
        "transaction",
        &["channel", "clock", "rollback", "store", "unit"],
    ),
    ("transact", &["channel", "store", "transaction", "unit"]),
    ("recover", &["channel", "store", "transaction", "unit"]),
    (
        "session",
        &[
            "channel",
            "clock",
            "exec",
            "limits",
            "recover",
            "smoke_test",
            "stage",
            "store",
            "subcommand",
            "unit",
        ],
    ),
];

/// The parts of the runner half, from the bottom to the top.
const RUNNER: MayKnow<'_> = &[
    ("background", &[]),
    ("progress", &[]),
    ("source", &[]),
    ("ssh", &[]),
    ("watch", &[]),
    ("blocking", &["watch"]),
    ("deployment", &["source"]),
    ("server_part", &["ssh"]),
    ("upload", &["progress", "source"]),
    (
        "channel",
        &["progress", "server_part", "ssh", "upload", "watch"],
    ),
    ("conclude", &["channel", "progress", "watch"]),
    (
        "run",
        &["background", "deployment", "progress", "ssh", "watch"],
    ),
    (
        "reconnect",
        &[
            "channel",
            "conclude",
            "progress",
            "run",
            "server_part",
            "ssh",
            "upload",
            "watch",
        ],
    ),
    (
        "list",
        &[
            "background",
            "channel",
            "conclude",
            "deployment",
            "progress",
            "run",
            "server_part",
            "ssh",
            "watch",
        ],
    ),
    (
        "pipeline",
        &[
            "background",
            "blocking",
            "conclude",
            "deployment",
            "progress",
            "reconnect",
            "run",
            "server_part",
            "source",
            "ssh",
            "upload",
            "watch",
        ],
    ),
];

/// Source files of one folder.
const MOST_FILES: usize = 15;

/// Lines of one file, with its tests.
const MOST_LINES: usize = 500;

/// To be emptied, or to be kept for a reason.
const LONG_FILES: &[&str] = &[];

fn sources() -> Sources {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Sources::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&source).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn house() -> &'static House {
    static HOUSE: LazyLock<House> = LazyLock::new(|| House::new(&sources()));
    &HOUSE
}

#[track_caller]
fn none(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn every_room_knows_only_whom_it_may_know() {
    none(&house().strangers("", ROOMS));
}

#[test]
fn every_wing_of_the_server_part_knows_only_whom_it_may_know() {
    none(&house().strangers("server", SERVER));
}

#[test]
fn every_wing_of_the_runner_half_knows_only_whom_it_may_know() {
    none(&house().strangers("runner", RUNNER));
}

#[test]
fn no_modules_know_each_other() {
    none(&house().circles());
}

#[test]
fn a_type_has_its_methods_where_it_is_defined() {
    none(&house().scattered_impls());
}

#[test]
fn no_folder_holds_too_many_files() {
    none(&full_folders(&sources(), MOST_FILES));
}

#[test]
fn no_file_is_too_long() {
    none(&house().long_files(MOST_LINES, LONG_FILES));
}

#[test]
fn every_module_says_what_it_is_for() {
    none(&house().undocumented());
}

#[test]
fn debug_reaches_nobody() {
    none(&house().debug_formats());
}
