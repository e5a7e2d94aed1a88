//! Compares what is started of a unit with what systemd gives its process: arguments, environment and folder.

use super::*;
use std::env;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const NEEDS_A_SERVER: &str =
    "DEPLOY_ACTION_TEST_SERVER names the state folder of a throwaway server";
/// Here and on the server.
const FILES: &str = "/var/tmp/deploy-action-env";
/// Takes any arguments, and stays.
const STAYS: &str = "/usr/bin/python3 -c 'import time; time.sleep(600)'";
/// Only systemd has values for these, or the server has others.
const NOT_COMPARED: [&str; 10] = [
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "LANG",
    "LANGUAGE",
    "LC_CTYPE",
    "SHELL",
    "PATH",
];

/// The rest of `ExecStart`, which begins with a program that stays, and other lines.
const UNITS: [(&str, &str, &str); 17] = [
    ("m1.service", r#"a 'b c' "d\"e" f\x20g \u00e9 \303\251 h\ti 'j'k "" l\\m"#, ""),
    (
        "m2.service",
        "$A $B ${B} x${A}y $$A $UNSET \"${UNSET}\" \"$C\" $A$B x$A ${UNSET:-z} ${A $D",
        "Environment=A=1 \"B=two words\" 'C=x\\\"y z' D=\\x41\\sB\nEnvironment=\"D='q r' s\\\\\\\\t\"",
    ),
    ("m3.service", r"\d+ \. a\;b \; c;d ';' e\ f", ""),
    ("m4.service", "$A ${B} $E $F \"$G\"", "EnvironmentFile=/var/tmp/deploy-action-env/a.env\nEnvironment=A=unit E=unit"),
    ("m5.service", "x", "Environment=A=1 \\q=2 B=3\nEnvironment=C=1 1D=2 E-F=3 G=4 =5 H\nEnvironment='I=1"),
    ("m6.service", "x", "Environment=A=1 B=2 C=3\nEnvironment=\nEnvironment=D=4 E=5 F=6\nUnsetEnvironment=D E=9 F=6 USER"),
    ("m7@a-b.service", "%p %i %I %n %N %j %J %% %f %t %S %C %L %T %V %E '%i'", "Environment=A=%i \"B=%%x %p\""),
    ("m8.service", "x", "StateDirectory=m8 m8/b\nCacheDirectory=m8\nLogsDirectory=m8\nConfigurationDirectory=m8"),
    ("m9.service", "a \\\n# comment\n  b \\\n ; no \\\n c", "Environment=A=1 \\\n  B=2"),
    ("m10.service", "x", "EnvironmentFile=-/var/tmp/deploy-action-env/none\nEnvironmentFile=/var/tmp/deploy-action-env/g*.env"),
    ("m11.service", "x", "WorkingDirectory=~"),
    ("m12.service", "x", "WorkingDirectory=-/nowhere"),
    ("m13.service", "x", "WorkingDirectory=/var//tmp/"),
    ("m14.service", "$A", "Environment=A=\nEnvironment=\"A=a\\nb\" B=$A C=${A}\nPassEnvironment=A"),
    ("m15.service", "@", "Environment=A='1 2'3"),
    ("m16.service", ":", "Environment=A=1"),
    ("m17.service", "-", "Environment=\"A=x\ty\""),
];

const A_ENV: &str = "# comment\n; comment\nA=file\n B = b c \t\nexport X=1\nE='quoted \\'\nF=\"a\\\"b\\$c\\d\\\n e\nf\"  \nG=a\\\n  b\\ c\"d'\nH=\n1I=2\nJ=x # y\n\
                     K=\"a\"'b' c\nL\n=M\nN='a\nb'";

/// The command of a unit: a prefix counts for the program.
fn exec_start(rest: &str) -> String {
    match rest {
        "@" => format!("@{} named", STAYS.replacen(' ', " called ", 1)),
        ":" => format!(":{STAYS} $A ${{A}} $$A"),
        "-" => format!("-{}", STAYS.replacen("/usr/bin/", "", 1)),
        rest => format!("{STAYS} {rest}"),
    }
}

struct Server {
    state: PathBuf,
    name: String,
}

impl Server {
    fn new() -> Self {
        let state = PathBuf::from(env::var_os("DEPLOY_ACTION_TEST_SERVER").expect(NEEDS_A_SERVER));
        let known = fs::read_to_string(state.join("env")).unwrap();
        let mut lines = known.lines();
        let name = lines.find_map(|line| line.strip_prefix("NAME=")).unwrap();
        let name = name.to_owned();
        Self { state, name }
    }

    fn exec(&self, command: &[&str]) -> Vec<u8> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/throwaway-server");
        let mut exec = Command::new(script);
        let output = exec
            .args(["exec", &self.name])
            .args(command)
            .output()
            .unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
        output.stdout
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.state.join("root").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What systemd gave the process of a unit.
    fn given(&self, unit: &str) -> Process {
        let show = || {
            let shown = self.exec(&[
                "systemctl",
                "show",
                "--value",
                "--property",
                "MainPID",
                "--",
                unit,
            ]);
            String::from_utf8(shown).unwrap().trim().to_owned()
        };
        let began = Instant::now();
        loop {
            let pid = show();
            let read = |name: &str| split(&self.exec(&["cat", &format!("/proc/{pid}/{name}")]));
            assert_ne!(pid, "0", "{unit} does not run");
            let arguments = read("cmdline");
            // until then it is systemd's own child
            if arguments
                .iter()
                .any(|it| it == "import time; time.sleep(600)")
            {
                let folder = self.exec(&["readlink", &format!("/proc/{pid}/cwd")]);
                return Process::new(
                    arguments,
                    read("environ"),
                    String::from_utf8(folder).unwrap().trim(),
                );
            }
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "{unit}: {arguments:?}"
            );
            thread::sleep(Duration::from_millis(100));
        }
    }
}

fn split(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    let texts = bytes.split(|byte| *byte == 0);
    texts
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect()
}

#[derive(Debug, PartialEq, Eq)]
struct Process {
    arguments: Vec<String>,
    environment: Vec<String>,
    folder: String,
}

impl Process {
    fn new(arguments: Vec<String>, environment: Vec<String>, folder: &str) -> Self {
        let is_compared = |variable: &String| {
            let name = variable.split('=').next().unwrap_or_default();
            !NOT_COMPARED.contains(&name)
        };
        let mut environment: Vec<String> = environment.into_iter().filter(is_compared).collect();
        environment.sort();
        let folder = folder.to_owned();
        Self {
            arguments,
            environment,
            folder,
        }
    }

    fn of(start: Start) -> Self {
        let mut arguments = vec![start.name.unwrap_or(start.program)];
        arguments.extend(start.arguments);
        let environment = start.environment.into_iter();
        let environment = environment
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let folder = start.folder.canonicalize().unwrap();
        Self::new(arguments, environment, folder.to_str().unwrap())
    }
}

#[test]
#[ignore = "needs a server"]
fn a_program_gets_what_systemd_gives_it() {
    let server = Server::new();
    let disk = Disk::new();
    let files = [("a.env", A_ENV), ("g1.env", "A=1\nB=1"), ("g2.env", "B=2")];
    fs::create_dir_all(FILES).unwrap();
    for (name, text) in files {
        fs::write(format!("{FILES}/{name}"), text).unwrap();
        server.write(&format!("{FILES}/{name}")[1..], text);
    }
    for (unit, rest, lines) in UNITS {
        let name = unit.replace("@a-b", "@");
        let text = service(&format!("{lines}\nExecStart={}", exec_start(rest)));
        disk.file(&format!("deploy/{name}"), &text);
        server.write(&format!("etc/systemd/system/{name}"), &text);
    }
    server.exec(&["systemctl", "daemon-reload"]);
    let mut start = vec!["systemctl", "start", "--"];
    start.extend(UNITS.map(|(unit, ..)| unit));
    server.exec(&start);
    let mut wrong = Vec::new();
    for (unit, ..) in UNITS {
        let theirs = server.given(unit);
        let ours = disk.auto(&[unit], None, |auto| {
            auto.start().map_err(|it| it.to_string())
        });
        let ours = Process::of(ours.unwrap());
        if ours != theirs {
            wrong.push(format!("{unit}:\n{ours:?}\ninstead of\n{theirs:?}"));
        }
    }
    fs::remove_dir_all(FILES).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
