//! Hints for a failed health check.

use super::steps::{on_server, steps, Hint};
use super::unit;
use crate::protocol::{HealthAnswer, Trouble};
use crate::report::place::Place;
use crate::text::excerpt::excerpt;
use crate::text::Prose;

/// What to do about the last answer of the health check. `log_line` is the one that explains it.
pub(super) fn health(last: &HealthAnswer, log_line: Option<&str>, place: &Place) -> Hint {
    match last {
        HealthAnswer::Status { location: Some(to), .. } => Prose::of(
            "redirects are not followed: set health-url to where it leads ({}), or add its status to health-status",
            [&excerpt(to)],
        )
        .into(),
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
            ["sudo ss -tlnp".to_owned(), unit::log(place)],
        ),
        HealthAnswer::TimedOut { .. } => on_server(
            "a process listens, but does not answer: the app hangs at start, or waits for a database or another service",
            [unit::log(place)],
        ),
        HealthAnswer::Healthy { .. } | HealthAnswer::Broken(_) => {
            "is health-url right: http or https, port, path? Try it with `curl -v` on the server".into()
        }
    }
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
    let proxy = Proxy::of(body, place);
    match (status, proxy) {
        (404, Some(proxy)) => proxy.hint(),
        (502..=504, Some(proxy)) => proxy.without_app(),
        (401 | 403, _) => "health-url must answer without a login".into(),
        (404, None) => "does the app serve the path of health-url?".into(),
        (500.., _) => unit::look_at("the app's log shows why; on the server", place),
        _ if host => {
            "does the app check the Host of a request (ALLOWED_HOSTS)? Then set the input health-headers to one that it allows, as in \
             `Host: app.example`; if this status is right, add it to health-status"
                .into()
        }
        _ => "if this status is right, add it to health-status".into(),
    }
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
            django.contains("health-headers") && django.contains("health-status"),
            "{django}"
        );
        assert!(!answered(403, "login", None, None).contains("Host"));
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
