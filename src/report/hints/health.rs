//! Hints for a failed health check.

use super::command::in_newest_release;
use super::steps::{on_server, steps, Hint};
use super::unit;
use crate::protocol::{Ending, HealthAnswer, HealthError, HealthUrl, Trouble};
use crate::report::place::Place;
use crate::text::excerpt::excerpt;
use crate::text::Prose;

/// What to do about the last answer of the health check. `log_line` is the one that explains it.
pub(super) fn health(last: &HealthAnswer, log_line: Option<&str>, place: &Place) -> Hint {
    match last {
        HealthAnswer::Status { location: Some(to), .. } => redirect(to, place),
        HealthAnswer::Status { status, location: None, body } => {
            status_hint(*status, body, log_line, place)
        }
        HealthAnswer::Mismatch { body, .. } => match Proxy::of(body, place) {
            Some(proxy @ Proxy { itself: true, .. }) => proxy.hint(),
            _ => "compare the body with health-match; does an old process answer, or a proxy in front of it?".into(),
        },
        HealthAnswer::Refused => on_server(
            "no process listens on the port of health-url: is it the one that the app uses? If the app starts slowly, raise \
             health-timeout; on the server",
            [Some("sudo ss -tlnp".to_owned()), unit::log(place)].into_iter().flatten(),
        ),
        HealthAnswer::TimedOut { .. } => on_server(
            "a process listens, but does not answer: the app hangs at start, or waits for a database or another service",
            unit::log(place),
        ),
        HealthAnswer::Command { ending, .. } => command(*ending, place),
        HealthAnswer::Broken(HealthError::EnvFile { .. }) => env_file(place),
        HealthAnswer::Healthy { .. } | HealthAnswer::Broken(_) => {
            "is health-url right: http or https, port, path? Try it with `curl -v` on the server".into()
        }
    }
}

/// What to do about the commands of `health-command`.
fn command(ending: Ending, place: &Place) -> Hint {
    let why = match ending {
        Ending::Exit(126 | 127) => {
            "health-command names a program that is missing or cannot be executed: it runs in the release, without login scripts, with \
             `~/.local/bin` in PATH; "
        }
        Ending::OutOfTime => "health-command hangs: one run may take 10 s at most; ",
        Ending::Exit(_) | Ending::Signal(_) => "the output of health-command shows why; ",
    };
    let by_hand = "to run it by hand, on the server, as the deploy user, go to the newest release, and then run its lines:";
    let [releases, newest] = in_newest_release(place);
    let variables = "set -a; test ! -f .env || . ./.env".to_owned();
    steps(by_hand, &[releases, newest, variables]).after(why)
}

/// What to do if the variables of `health-command` cannot be read.
fn env_file(place: &Place) -> Hint {
    let [releases, newest] = in_newest_release(place);
    let why = "health-command gets the variables of the release's `.env`, so the deploy user must be able to read it; on the server, as \
               the deploy user, go to the newest release, and look at the file and what it links to:";
    steps(
        why,
        &[releases, newest, "ls -l .env; ls -lL .env".to_owned()],
    )
}

fn status_hint(status: u16, body: &[u8], log_line: Option<&str>, place: &Place) -> Hint {
    let host = match host_refused(status, body, log_line) {
        HostRefused::Yes => {
            return "the app does not allow the Host of the request, which is that of health-url: set the input health-headers to one that \
                    it allows, as in `Host: app.example`"
                .into();
        }
        other => other == HostRefused::Perhaps,
    };
    let wants_tls = ["HTTPS port", "HTTPS server"];
    let text = String::from_utf8_lossy(body);
    let proxy = Proxy::of(body, place);
    match (status, proxy) {
        (400, _) if wants_tls.iter().any(|words| text.contains(words)) => {
            "the port of health-url speaks https: let health-url begin with `https:`".into()
        }
        (404, Some(proxy)) => proxy.hint(),
        (502..=504, Some(proxy)) => proxy.without_app(),
        (401 | 403, _) => "health-url must answer without a login".into(),
        (404, None) => "does the app serve the path of health-url?".into(),
        (405, _) => "the health check sends a GET request: let health-url be a path that answers it".into(),
        (429, _) => "the app, or a proxy, limits the number of requests: exempt the server itself, or raise health-interval".into(),
        (500.., _) => unit::look_at("the app's log shows why; on the server", place),
        (200..=299, _) => "if this status is right, add it to health-status".into(),
        _ if host => {
            "does the app check the Host of a request (ALLOWED_HOSTS)? Then set the input health-headers to one that it allows, as in \
             `Host: app.example`"
                .into()
        }
        // a status that any broken release may answer proves nothing
        _ => "let health-url be a path that answers with 200 if the app works".into(),
    }
}

/// Where a redirect leads.
struct Redirect<'a> {
    /// From http to https.
    to_tls: bool,
    /// Name and port; empty: those of the request.
    authority: &'a str,
    path: &'a str,
    /// The name is that of the request.
    is_own_name: bool,
}

impl<'a> Redirect<'a> {
    /// `ours` is what was asked.
    fn read(to: &'a str, ours: Option<&HealthUrl>) -> Self {
        let (scheme, rest) = to.split_once("://").unwrap_or(("", to));
        let (authority, path) = match (scheme, rest.find('/')) {
            ("", _) => ("", rest),
            (_, Some(at)) => rest.split_at(at),
            (_, None) => (rest, "/"),
        };
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let name = match authority.rsplit_once(':') {
            Some((name, port)) if is_port(port) => name,
            _ => authority,
        };
        let name = name.trim_matches(['[', ']']);
        let is_ours = |ours: &HealthUrl| ours.host.eq_ignore_ascii_case(name);
        Self {
            to_tls: scheme.eq_ignore_ascii_case("https") && !ours.is_some_and(|ours| ours.tls),
            authority,
            path,
            is_own_name: name.is_empty() || ours.is_none_or(is_ours),
        }
    }
}

/// What to do about a redirect, which is not followed. Its status is no proof: a broken release answers with it too, because
/// the app's code is not reached.
fn redirect(to: &str, place: &Place) -> Hint {
    // what follows the path may be secret
    let to = to.split(['?', '#']).next().unwrap_or_default();
    let Redirect {
        to_tls,
        authority,
        path,
        is_own_name,
    } = Redirect::read(to, place.health.as_ref());
    match (to_tls, is_own_name) {
        (true, true) => {
            "the app, or a proxy in front of it, demands https: set the input health-headers to `X-Forwarded-Proto: https`, as the \
             proxy does, or health-url to the https address that users have"
                .into()
        }
        (true, false) => Prose::of(
            "the app, or a proxy in front of it, demands https and its own name: set the input health-headers to `Host: {}` and \
             `X-Forwarded-Proto: https`, as the proxy does, or set health-url to {}",
            [&excerpt(authority), &excerpt(to)],
        )
        .into(),
        (false, false) => Prose::of(
            "the app, or a proxy in front of it, redirects to its own name: set the input health-headers to `Host: {}`, or set \
             health-url to where it leads ({})",
            [&excerpt(authority), &excerpt(to)],
        )
        .into(),
        (false, true) if is_login(path) => Prose::of(
            "health-url must answer without a login, and it leads to one ({}): use a path that shows that the app works",
            [&excerpt(to)],
        )
        .into(),
        (false, true) => Prose::of(
            "redirects are not followed: set health-url to where it leads ({})",
            [&excerpt(to)],
        )
        .into(),
    }
}

fn is_login(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let words = [
        "login", "signin", "sign_in", "sign-in", "auth", "sso", "session",
    ];
    words.iter().any(|word| path.contains(word))
}

/// Whether the app refused the request because of its `Host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HostRefused {
    Yes,
    Perhaps,
    No,
}

fn host_refused(status: u16, body: &[u8], log_line: Option<&str>) -> HostRefused {
    if !matches!(status, 400 | 403 | 404 | 421) {
        return HostRefused::No;
    }
    let body = String::from_utf8_lossy(body);
    let names = |text: &str| Trouble::in_line(text) == Some(Trouble::Host);
    if status == 421 || body.lines().any(names) || log_line.is_some_and(names) {
        return HostRefused::Yes;
    }
    // without DEBUG, Django says no more
    match status {
        400 => HostRefused::Perhaps,
        _ => HostRefused::No,
    }
}

/// A server in front of the app.
struct Proxy {
    name: &'static str,
    /// It answered itself; otherwise it may have passed on what the app answered.
    itself: bool,
}

impl Proxy {
    fn of(body: &[u8], place: &Place) -> Option<Self> {
        const PAGES: [(&str, &str); 5] = [
            ("<center>nginx", "nginx"),
            ("Welcome to nginx", "nginx"),
            ("<center>openresty", "openresty"),
            ("<address>Apache", "Apache"),
            ("Apache2 Debian Default Page", "Apache"),
        ];
        const HEADERS: [(&str, &str); 4] = [
            ("nginx", "nginx"),
            ("openresty", "openresty"),
            ("Apache", "Apache"),
            ("Caddy", "Caddy"),
        ];
        let body = String::from_utf8_lossy(body);
        let page = PAGES.iter().find(|(text, _)| body.contains(text));
        let header = place
            .start
            .as_ref()
            .and_then(|start| start.answered_by.as_deref());
        let named = || {
            let header = header?;
            HEADERS.iter().find(|(text, _)| header.starts_with(text))
        };
        let (_, name) = page.or_else(named)?;
        Some(Self {
            name,
            itself: page.is_some(),
        })
    }

    /// What to do about an answer that is not the app's.
    fn hint(&self) -> Hint {
        let text = if self.itself {
            "{} answered, not the app: its configuration does not pass this path on, or another of its sites answered. Set health-url \
             to the app's own port, or name the site in the input health-headers, as in `Host: app.example`"
        } else {
            "{} answered: either its configuration does not pass this path on, or the app does not serve it. Try the app's own port; \
             if it is one of several sites, name it in the input health-headers, as in `Host: app.example`"
        };
        Hint::from(Prose::of(text, [&self.name])).then(self.configuration())
    }

    /// What to do if it gets no answer from the app.
    fn without_app(&self) -> Hint {
        let text = Prose::of(
            "{} answered, because it got no answer from the app: does the app listen where its configuration leads?",
            [&self.name],
        );
        Hint::from(text).then(self.configuration())
    }

    fn configuration(&self) -> Hint {
        let command = match self.name {
            "nginx" => "sudo nginx -T | grep -nE 'server_name|listen|location|proxy_pass'",
            "openresty" => "sudo openresty -T | grep -nE 'server_name|listen|location|proxy_pass'",
            "Apache" => "sudo apachectl -S || sudo httpd -S",
            _ => return Hint::default(),
        };
        steps("its configuration, as root:", &[command.to_owned()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::FailedStart;
    use crate::report::tests::place;

    fn answered(status: u16, body: &str, server: Option<&str>, log_line: Option<&str>) -> String {
        let answer = HealthAnswer::Status {
            status,
            location: None,
            body: body.as_bytes().to_vec(),
        };
        let start = FailedStart {
            answered_by: server.map(str::to_owned),
            ..FailedStart::default()
        };
        let place = Place {
            start: Some(start),
            ..place()
        };
        health(&answer, log_line, &place).to_string()
    }

    #[test]
    fn a_request_refused_because_of_its_host_needs_another_one() {
        let cases = [
            (400, "Invalid HTTP_HOST header: 'localhost:8000'. You may need to add 'localhost' to ALLOWED_HOSTS.", None),
            (400, "<h1>Bad Request (400)</h1>", Some("Invalid HTTP_HOST header: 'localhost'.")),
            (400, "Invalid host header", None),
            (403, "<title>Action Controller: Exception caught</title>\n<h1>Blocked hosts: localhost:3000</h1>", None),
            (403, "Blocked request. This host (\"localhost\") is not allowed.", None),
            (421, "", None),
        ];
        for (status, body, log_line) in cases {
            let hint = answered(status, body, None, log_line);
            assert!(
                hint.contains("does not allow the Host") && !hint.contains("health-status"),
                "{hint}"
            );
        }
        let django = answered(400, "<h1>Bad Request (400)</h1>", Some("gunicorn"), None);
        assert!(
            django.contains("health-headers") && !django.contains("health-status"),
            "{django}"
        );
        assert!(!answered(403, "login", None, None).contains("Host"));
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn a_redirect_is_never_made_healthy() {
        let hint = |url: (bool, &str), to: &str| {
            let (tls, host) = url;
            let place = Place {
                health: Some(HealthUrl {
                    tls,
                    host: host.to_owned(),
                    port: 8000,
                    path: "/health".to_owned(),
                }),
                ..place()
            };
            let answer = HealthAnswer::Status {
                status: 301,
                location: Some(to.to_owned()),
                body: Vec::new(),
            };
            health(&answer, None, &place).to_string()
        };
        let local = (false, "127.0.0.1");
        let all = [
            hint(local, "https://127.0.0.1:8000/health"),
            hint(local, "https://127.0.0.1/health"),
            hint((false, "::1"), "https://[::1]:8000/health"),
            hint(local, "https://app.example/health?ticket=s3cr3t"),
            hint(local, "http://app.example:8080/health"),
            hint((false, "app.example"), "https://App.example/health"),
            hint(local, "/users/sign_in?next=/"),
            hint(local, "http://127.0.0.1:8000/accounts/login/"),
            hint(local, "/health/"),
            hint((true, "app.example"), "https://app.example/en/"),
        ];
        assert!(all
            .iter()
            .all(|it| !it.contains("health-status") && !it.contains("s3cr3t")));
        insta::assert_snapshot!(all.join("\n"), @"
        the app, or a proxy in front of it, demands https: set the input health-headers to `X-Forwarded-Proto: https`, as the proxy does, or health-url to the https address that users have
        the app, or a proxy in front of it, demands https: set the input health-headers to `X-Forwarded-Proto: https`, as the proxy does, or health-url to the https address that users have
        the app, or a proxy in front of it, demands https: set the input health-headers to `X-Forwarded-Proto: https`, as the proxy does, or health-url to the https address that users have
        the app, or a proxy in front of it, demands https and its own name: set the input health-headers to `Host: app.example` and `X-Forwarded-Proto: https`, as the proxy does, or set health-url to https://app.example/health
        the app, or a proxy in front of it, redirects to its own name: set the input health-headers to `Host: app.example:8080`, or set health-url to where it leads (http://app.example:8080/health)
        the app, or a proxy in front of it, demands https: set the input health-headers to `X-Forwarded-Proto: https`, as the proxy does, or health-url to the https address that users have
        health-url must answer without a login, and it leads to one (/users/sign_in): use a path that shows that the app works
        health-url must answer without a login, and it leads to one (http://127.0.0.1:8000/accounts/login/): use a path that shows that the app works
        redirects are not followed: set health-url to where it leads (/health/)
        redirects are not followed: set health-url to where it leads (https://app.example/en/)
        ");
    }

    #[test]
    fn no_hint_makes_an_error_healthy() {
        for status in (300..600).filter(|status| *status != 304) {
            let hint = answered(status, "x", None, None);
            assert!(!hint.contains("health-status"), "{status}: {hint}");
        }
        assert!(answered(204, "", None, None).contains("health-status"));
        let plain = "The plain HTTP request was sent to HTTPS port";
        assert!(answered(400, plain, Some("nginx"), None).contains("`https:`"));
    }

    #[test]
    fn an_answer_of_a_proxy_is_not_the_apps() {
        let page = "<html>\n<head><title>404 Not Found</title></head>\n<hr><center>nginx/1.18.0 (Ubuntu)</center>\n</html>";
        let all = [
            answered(404, page, Some("nginx/1.18.0 (Ubuntu)"), None),
            answered(404, "{\"detail\":\"Not Found\"}", Some("nginx"), None),
            answered(
                404,
                "<address>Apache/2.4.62 (Debian) Server</address>",
                None,
                None,
            ),
            answered(
                502,
                &page.replace("404 Not Found", "502 Bad Gateway"),
                Some("nginx"),
                None,
            ),
            answered(404, "404 page not found", Some("uvicorn"), None),
        ];
        insta::assert_snapshot!(all.join("\n---\n"), @"
        nginx answered, not the app: its configuration does not pass this path on, or another of its sites answered. Set health-url to the app's own port, or name the site in the input health-headers, as in `Host: app.example`
        its configuration, as root:
          sudo nginx -T | grep -nE 'server_name|listen|location|proxy_pass'
        ---
        nginx answered: either its configuration does not pass this path on, or the app does not serve it. Try the app's own port; if it is one of several sites, name it in the input health-headers, as in `Host: app.example`
        its configuration, as root:
          sudo nginx -T | grep -nE 'server_name|listen|location|proxy_pass'
        ---
        Apache answered, not the app: its configuration does not pass this path on, or another of its sites answered. Set health-url to the app's own port, or name the site in the input health-headers, as in `Host: app.example`
        its configuration, as root:
          sudo apachectl -S || sudo httpd -S
        ---
        nginx answered, because it got no answer from the app: does the app listen where its configuration leads?
        its configuration, as root:
          sudo nginx -T | grep -nE 'server_name|listen|location|proxy_pass'
        ---
        does the app serve the path of health-url?
        ");
    }
}
