//! Helpers of the tests in `runner`.

use super::deployment::Deployment;
use super::source::{SourceError, Tree, UnhashedTree, UploadRules};
use crate::protocol::wire::{self, frame};
use crate::protocol::{
    Event, LogCheck, Origin, Outcome, Plan, ReleaseId, Restart, Retention, Staging, Target, Task,
    ToRunner, ToServer, TransactionId, Units, Verdict, Verification, What,
};
use crate::settings::{Server, Source};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tempfile::TempDir;

/// A valid line that no server of the tests has.
const KNOWN_HOSTS: &str =
    "nowhere.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJYtRl0pPvrV3iQK0m8Q2u1xZ4b7c9d0e1f2g3h4i5j6";

pub(crate) fn transaction() -> TransactionId {
    TransactionId::from_random([7; 16])
}

pub(crate) fn plan(target: &str) -> Plan {
    let (entries, root) = Plan::no_tree();
    Plan {
        transaction: transaction(),
        task: Task::Deploy,
        target: Target::checked(target),
        units: Units::default(),
        staging: Staging::default(),
        restart: Restart::Nothing,
        verification: Verification {
            health: None,
            command: None,
            timeout: Duration::from_secs(60),
            interval: Duration::from_secs(1),
            settle: Duration::from_secs(5),
            log: LogCheck::default(),
        },
        retention: Retention {
            count: Some(3),
            age: None,
        },
        lock_wait: Duration::from_secs(120),
        stage_limit: Duration::from_secs(600),
        origin: Origin::default(),
        entries,
        root,
    }
}

pub(crate) fn server() -> Server {
    Server {
        host: "127.0.0.1".parse().unwrap(),
        port: "22".parse().unwrap(),
        user: "deploy".parse().unwrap(),
        key: None,
        passphrase: None,
        known_hosts: KNOWN_HOSTS.parse().unwrap(),
        jump: None,
        connect_timeout: Duration::from_secs(5),
        connect_attempts: 1,
    }
}

pub(crate) fn deployment(source: &Path) -> Deployment {
    Deployment {
        server: server(),
        auth_sock: None,
        source: Source::find(".", source, None).ok(),
        upload_rules: UploadRules::default(),
        plan: plan("/opt/app"),
    }
}

/// Lists and hashes.
pub(crate) fn read_tree(
    source: &Path,
    upload_rules: &UploadRules,
    stop: &AtomicBool,
) -> Result<Tree, SourceError> {
    UnhashedTree::list(source, upload_rules, stop)?.hash(stop)
}

/// A source with `files`, its tree and a plan for it.
pub(crate) fn planned(files: &[(&str, &[u8])]) -> (TempDir, Tree, Plan) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let tree = read_tree(
        folder.path(),
        &UploadRules::default(),
        &AtomicBool::new(false),
    )
    .unwrap();
    let plan = deployment(folder.path()).plan(&tree);
    (folder, tree, plan)
}

/// Random bytes, which cannot be compressed; always the same for a `seed`.
pub(crate) fn random_bytes(seed: u32, size: usize) -> Vec<u8> {
    let block = |number: u32| Sha256::digest([seed.to_le_bytes(), number.to_le_bytes()].concat());
    (0..).flat_map(block).take(size).collect()
}

pub(crate) fn verdict(outcome: Outcome) -> Verdict {
    Verdict {
        transaction: transaction(),
        outcome,
        release: None,
        previous: None,
        live: None,
        failure: None,
        rollback: None,
        switched: false,
        before_switch: false,
        interruption: None,
        at: 0,
    }
}

pub(crate) fn release() -> ReleaseId {
    "1762147685".parse().unwrap()
}

pub(crate) fn event(what: What) -> Vec<u8> {
    frame(&ToRunner::Event(Event { at: 1, what })).unwrap()
}

pub(crate) fn ended(outcome: Outcome) -> Vec<u8> {
    event(What::Ended(Box::new(verdict(outcome))))
}

pub(crate) fn need(ranges: &[(u32, u32)], last: bool) -> Vec<u8> {
    frame(&ToRunner::Need {
        ranges: ranges.to_vec(),
        known: Vec::new(),
        last,
    })
    .unwrap()
}

/// The complete messages that the server reads from `packed`.
pub(crate) fn unpacked(packed: &[u8]) -> Vec<ToServer> {
    let mut stream = flate2::read::ZlibDecoder::new(packed);
    std::iter::from_fn(|| wire::read(&mut stream).ok().flatten()).collect()
}

/// The contents of entry `wanted` among `messages`.
pub(crate) fn content_of(messages: &[ToServer], wanted: u32) -> Vec<u8> {
    let pieces = messages.iter().filter_map(|message| match message {
        ToServer::Content { entry, bytes } if *entry == wanted => Some(bytes.as_slice()),
        _ => None,
    });
    pieces.flatten().copied().collect()
}
