//! Figures, not a test: `scripts/benchmark` runs it.

use crate::app::App;
use crate::cost::{round_trips, ssh_options, ROUND_TRIP};
use crate::relay::Relay;
use crate::run::Used;
use crate::throwaway::{ThrowawayServer, TARGET};
use std::process::Command;
use std::time::{Duration, Instant};

const FILES: u32 = 5000;
/// Hexadecimal words of 8 bytes in each file: 60 MB altogether.
const WORDS: usize = 1500;
/// Where 1 % changes: every hundredth file.
const CHANGED: u32 = 100;

#[test]
#[ignore = "it measures, and takes minutes"]
fn benchmark() {
    for (name, large) in [("small app", false), ("5,000 files, 60 MB", true)] {
        let [near, far] = [Duration::ZERO, ROUND_TRIP].map(|delay| {
            println!(
                "{:38} {:>7} {:>8} {:>4} {:>10} {:>10} {:>6} {:>6} {:>10}",
                format!("{name}, {} ms", delay.as_millis()),
                "seconds",
                "uploaded",
                "conn",
                "bytes up",
                "down",
                "CPU s",
                "peak",
                "first byte"
            );
            Bench::new(large, delay).measure()
        });
        for (near, far) in near.iter().zip(&far) {
            assert_eq!(near.what, far.what);
            println!(
                "  {:36} {:7.1} round trips",
                near.what,
                round_trips(near.took, far.took)
            );
        }
    }
}

struct Bench {
    server: ThrowawayServer,
    relay: Relay,
    large: bool,
}

struct Figure {
    what: &'static str,
    took: Duration,
}

struct Cost {
    started: Instant,
    took: Duration,
    uploaded: Option<Duration>,
    used: Option<Used>,
}

impl Bench {
    fn new(large: bool, delay: Duration) -> Self {
        let server = ThrowawayServer::up();
        server.drop_in(&format!(
            "[Unit]\nStartLimitIntervalSec=0\n{}",
            server.plain_service("127.0.0.1")
        ));
        let relay = Relay::start(server.ssh_address(), delay);
        Self {
            server,
            relay,
            large,
        }
    }

    fn measure(&self) -> Vec<Figure> {
        let app = |version: &str| {
            if self.large {
                tree(version, text)
            } else {
                App::plain(version)
            }
        };
        let mut all = vec![
            self.deployment("first deployment", &app("1")),
            self.deployment("nothing changed", &app("1")),
            self.deployment("one file changed", &app("2")),
        ];
        if self.large {
            all.extend(self.against_rsync());
        }
        all
    }

    /// 1 % changed, and what rsync needs to bring the same tree beside the same release. It restarts and verifies nothing:
    /// its seconds compare with those until ours is uploaded.
    fn against_rsync(&self) -> Vec<Figure> {
        self.server
            .exec("(apt-get update && apt-get install -y --no-install-recommends rsync) >&2");
        let changed = |index: u32| index.is_multiple_of(CHANGED);
        let edited = tree("2", |index| {
            text(index) + if changed(index) { "a line more\n" } else { "" }
        });
        let new = tree("2", |index| {
            text(if changed(index) { index + FILES } else { index })
        });
        vec![
            self.rsync("1 % edited: rsync", &[], &edited),
            self.rsync("1 % edited: rsync --compress", &["--compress"], &edited),
            self.deployment("1 % edited", &edited),
            self.rsync("1 % new: rsync", &[], &new),
            self.rsync("1 % new: rsync --compress", &["--compress"], &new),
            self.deployment("1 % new", &new),
        ]
    }

    fn deployment(&self, what: &'static str, app: &App) -> Figure {
        let deployment = self
            .server
            .deployment(app)
            .input("install", "none")
            .input("health-settle", "0s");
        let deployment = deployment
            .input("health-interval", "50ms")
            .at_port(&self.server, self.relay.port());
        self.figure(what, || {
            let (run, used) = deployment.run_measured();
            run.assert_ended(0, "deployed", "");
            Cost {
                started: run.started,
                took: run.took,
                uploaded: run.uploaded,
                used: Some(used),
            }
        })
    }

    fn rsync(&self, what: &'static str, options: &[&str], app: &App) -> Figure {
        let folder = tempfile::tempdir().unwrap();
        let ssh = format!(
            "ssh {}",
            ssh_options(&self.server, &self.relay, folder.path()).join(" ")
        );
        let mut rsync = Command::new("rsync");
        rsync
            .args(["--archive", "--checksum", "--rsh", &ssh])
            .args(options);
        rsync
            .arg(format!("--copy-dest={TARGET}/current/"))
            .arg(app.path().join("."));
        rsync.arg(format!("deploy@127.0.0.1:{TARGET}/by-rsync/"));
        let figure = self.figure(what, || {
            let started = Instant::now();
            assert!(rsync.status().unwrap().success());
            let took = started.elapsed();
            Cost {
                started,
                took,
                uploaded: Some(took),
                used: None,
            }
        });
        self.server.exec(&format!("rm -r {TARGET}/by-rsync"));
        figure
    }

    /// Prints what `run` cost.
    fn figure(&self, what: &'static str, run: impl FnOnce() -> Cost) -> Figure {
        let relay = &self.relay;
        let before = (relay.connections(), relay.bytes_up(), relay.bytes_down());
        let Cost {
            started,
            took,
            uploaded,
            used,
        } = run();
        println!(
            "  {what:36} {:7.2} {:>8} {:4} {:10} {:10} {:>6} {:>6} {:>7} ms",
            took.as_secs_f64(),
            uploaded.map_or("".to_owned(), |uploaded| format!(
                "{:.2}",
                uploaded.as_secs_f64()
            )),
            relay.connections() - before.0,
            relay.bytes_up() - before.1,
            relay.bytes_down() - before.2,
            used.map_or("".to_owned(), |used| format!("{:.2}", used.cpu)),
            used.map_or("".to_owned(), |used| format!("{} MB", used.memory >> 20)),
            relay.first_byte_after(started).as_millis(),
        );
        Figure { what, took }
    }
}

fn tree(version: &str, text: impl Fn(u32) -> String) -> App {
    let file = |app: App, index: u32| {
        app.file(
            &format!("lib/{}/{index}.txt", index % 50),
            &text(index),
            0o644,
        )
    };
    (0..FILES).fold(App::plain(version), file)
}

fn text(seed: u32) -> String {
    let next = |n: &u32| Some(n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    std::iter::successors(Some(seed), next)
        .take(WORDS)
        .map(|n| format!("{n:08x}"))
        .collect()
}
