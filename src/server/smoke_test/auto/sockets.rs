//! The sockets that a service gets from its socket units: systemd.socket(5).

use crate::protocol::SmokeTestObstacle;
use crate::server::unit::files::lines::Lines;

/// A socket of a socket unit.
struct Listened {
    /// `FileDescriptorName=`
    name: String,
    is_stream: bool,
    port: Option<u16>,
}

/// The names of the sockets that the program gets, each listening on the port of the trial instead of its own. Those behind
/// the ones of the health port are left out; sockets before them it would take for others.
///
/// # Errors
/// Which of them has the port cannot be told, or systemd accepts the connections itself.
pub(super) fn names(units: &[Lines], port: Option<u16>) -> Result<Vec<String>, SmokeTestObstacle> {
    let impossible = |setting: &str| SmokeTestObstacle::Setting {
        setting: setting.to_owned(),
    };
    if units.iter().any(|unit| unit.is_true("Accept")) {
        return Err(impossible("Accept=yes"));
    }
    let all: Vec<Listened> = units.iter().flat_map(listened).collect();
    let has_port = |it: &&Listened| it.is_stream && it.port.is_some() && it.port == port;
    let first = match all.as_slice() {
        [] => return Ok(Vec::new()),
        [only] if only.is_stream => 1,
        several => several.iter().take_while(has_port).count(),
    };
    if first == 0 || all.iter().skip(first).any(|it| has_port(&it)) {
        return Err(impossible("several sockets"));
    }
    Ok(all.into_iter().take(first).map(|it| it.name).collect())
}

fn listened(unit: &Lines) -> Vec<Listened> {
    let name = match unit.get("FileDescriptorName") {
        name if name.is_empty() => unit.name.clone(),
        name => name,
    };
    let mut all = Vec::new();
    for (setting, value) in unit
        .each()
        .filter(|(setting, _)| setting.starts_with("Listen"))
    {
        // it takes back those of all kinds
        if value.is_empty() {
            all.clear();
            continue;
        }
        all.push(Listened {
            name: name.clone(),
            is_stream: setting == "ListenStream",
            port: port_of(&unit.expand(value)),
        });
    }
    all
}

/// `8000`, `127.0.0.1:8000` or `[::]:8000`; not of a Unix socket.
fn port_of(address: &str) -> Option<u16> {
    let port = address.rsplit(':').next().unwrap_or_default();
    port.parse().ok().filter(|_| !address.starts_with("vsock:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(file: &str) -> String {
        let unit = Lines::of_file("web.socket", &format!("[Socket]\n{file}\n"));
        match names(&[unit], Some(8000)) {
            Ok(names) => names.join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_sockets_of_the_health_port_are_given() {
        for (file, expected) in [
            ("ListenStream=8000", "web.socket"),
            (
                "ListenStream=127.0.0.1:8000\nFileDescriptorName=http",
                "http",
            ),
            ("ListenStream=/run/web.sock", "web.socket"),
            (
                "ListenStream=0.0.0.0:8000\nListenStream=[::]:8000",
                "web.socket web.socket",
            ),
            ("ListenStream=8000\nListenStream=9000", "web.socket"),
            (
                "ListenStream=9000\nListenStream=\nListenStream=8000",
                "web.socket",
            ),
            ("ListenStream=9000\nListenDatagram=", ""),
            ("", ""),
        ] {
            assert_eq!(named(file), expected, "{file}");
        }
    }

    #[test]
    fn sockets_that_could_be_mistaken_are_not() {
        let several = "it needs several sockets, which only systemd provides";
        for file in [
            "ListenStream=9000\nListenStream=8000",
            "ListenStream=9000\nListenStream=9001",
            "ListenStream=8000\nListenStream=9001\nListenStream=[::]:8000",
            "ListenDatagram=8000",
        ] {
            assert_eq!(named(file), several, "{file}");
        }
        let accepts = "it needs Accept=yes, which only systemd provides";
        assert_eq!(named("ListenStream=8000\nAccept=true"), accepts);
    }
}
