//! The health check of one release: sends the request and evaluates the response, then runs the command.

mod command;

use self::command::HealthCommand;
use super::http::{self, HttpResponse, Refusal};
use crate::protocol::{BodyPattern, Health, HealthAnswer, HealthError, ReleaseId, Verification};
use crate::server::store::layout::Layout;
use regex::Regex;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How much of a body is reported, in bytes.
const MAX_BODY: usize = 500;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Answered {
    pub(in crate::server) answer: HealthAnswer,
    pub(in crate::server) took: Duration,
    /// When it came.
    pub(super) at: Instant,
    /// The address that answered, if one did.
    pub(in crate::server) from: Option<IpAddr>,
}

/// The health check of one release: a request, a command, or both.
pub(in crate::server) struct HealthCheck {
    request: Option<HealthRequest>,
    command: Option<HealthCommand>,
}

/// A request over HTTP, with placeholders filled in.
struct HealthRequest {
    health: Health,
    refusal: Refusal,
    pattern: Option<Result<Regex, HealthError>>,
}

impl HealthCheck {
    /// `None`: only the units are checked.
    pub(in crate::server) fn new(
        verification: &Verification,
        layout: &Layout,
        release: &ReleaseId,
        sha: Option<&str>,
    ) -> Option<Self> {
        let request = verification.health.as_ref();
        let command = verification.command.as_ref();
        verification.asks().then(|| Self {
            request: request.map(|health| HealthRequest::new(health, release, sha)),
            command: command.map(|script| HealthCommand::new(script, layout.release(release))),
        })
    }

    /// The same for a release that is starting: a request to this server's loopback is sent as soon as the port no longer
    /// refuses connections, if that is within `patience`.
    pub(super) fn patient(mut self, patience: Duration) -> Self {
        if let Some(request) = &mut self.request {
            if request.health.url.is_loopback() {
                request.refusal = Refusal::for_up_to(patience);
            }
        }
        self
    }

    /// Whether the request waits for a port that refuses connections.
    pub(super) fn is_refused(&self) -> bool {
        let mut request = self.request.iter();
        request.any(|request| request.refusal.is_refused())
    }

    /// Sends one request, and runs the command if the answer is healthy; each within `limit`.
    pub(in crate::server) fn run(&self, limit: Duration) -> Answered {
        let start = Instant::now();
        let (mut answer, mut from) = (None, None);
        if let Some(request) = &self.request {
            let answered = request.send(limit);
            (answer, from) = (Some(answered.0), answered.1);
        }
        if let Some(command) = &self.command {
            if answer.as_ref().is_none_or(HealthAnswer::is_healthy) {
                answer = Some(command.run(limit));
            }
        }
        let nothing = || HealthAnswer::Broken(HealthError::Other("nothing was asked".to_owned()));
        Answered {
            answer: answer.unwrap_or_else(nothing),
            took: start.elapsed(),
            at: Instant::now(),
            from,
        }
    }

    /// Ends the command if it runs, and lets none begin. Returns whether it ran.
    pub(super) fn stop(&self) -> bool {
        self.command.as_ref().is_some_and(HealthCommand::stop)
    }
}

impl HealthRequest {
    fn new(health: &Health, release: &ReleaseId, sha: Option<&str>) -> Self {
        let fill = |pattern: &BodyPattern| {
            if pattern.names_commit() && sha.is_none() {
                return Err(HealthError::NoCommit);
            }
            let filled = pattern.regex(&release.to_string(), sha.unwrap_or_default());
            filled.map_err(|error| HealthError::Pattern {
                error: error.to_string(),
            })
        };
        Self {
            pattern: health.pattern.as_ref().map(fill),
            health: health.clone(),
            refusal: Refusal::default(),
        }
    }

    fn send(&self, limit: Duration) -> (HealthAnswer, Option<IpAddr>) {
        match http::get_after(&self.refusal, &self.health, limit) {
            Ok(response) => {
                let from = response.from;
                (self.evaluate(response), from)
            }
            Err(answer) => (answer, None),
        }
    }

    fn evaluate(
        &self,
        HttpResponse {
            status,
            location,
            body,
            from: _,
            server: _,
        }: HttpResponse,
    ) -> HealthAnswer {
        if !self.health.statuses.contains(&status) {
            return HealthAnswer::Status {
                status,
                location,
                body: shortened(&body),
            };
        }
        match &self.pattern {
            Some(Err(error)) => HealthAnswer::Broken(error.clone()),
            Some(Ok(pattern)) if !matches(pattern, &body) => HealthAnswer::Mismatch {
                pattern: pattern.as_str().to_owned(),
                body: shortened(&body),
            },
            _ => HealthAnswer::Healthy { status },
        }
    }
}

/// A line break at the end of the body, which nobody sees, does not keep `$` from matching.
fn matches(pattern: &Regex, body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    pattern.is_match(&body) || pattern.is_match(body.trim_end_matches(['\r', '\n']))
}

fn shortened(body: &[u8]) -> Vec<u8> {
    body[..body.len().min(MAX_BODY)].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{HealthUrl, Phase};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::thread;

    /// Responds to each connection with the same bytes, then closes it; `hold` keeps it open instead.
    fn server(answer: &'static [u8], hold: bool) -> HealthUrl {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer);
                if hold {
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            }
        });
        HealthUrl {
            tls: false,
            host: "localhost".into(),
            port,
            path: "/health".into(),
        }
    }

    fn answer(url: HealthUrl, pattern: Option<&str>) -> HealthAnswer {
        let health = Health {
            pattern: pattern.map(|it| it.to_owned().into()),
            ..Health::get(url)
        };
        let release = "1762147685".parse().unwrap();
        HealthRequest::new(&health, &release, Some("abc+1"))
            .send(Duration::from_millis(500))
            .0
    }

    #[test]
    fn a_complete_200_is_healthy() {
        let url = server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false);
        assert_eq!(answer(url, None), HealthAnswer::Healthy { status: 200 });
    }

    #[test]
    fn the_body_must_match_with_placeholders_filled_in() {
        let url = server(
            b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n\"1762147685\" abc+1 x",
            false,
        );
        assert_eq!(
            answer(url.clone(), Some("\"{release}\" {sha}")),
            HealthAnswer::Healthy { status: 200 }
        );
        assert!(matches!(
            answer(url, Some("^{sha}")),
            HealthAnswer::Mismatch { .. }
        ));
    }

    #[test]
    fn no_redirect_is_followed() {
        let url = server(
            b"HTTP/1.1 302 Found\r\nLocation: http://localhost/\r\nContent-Length: 0\r\n\r\n",
            false,
        );
        let answer = answer(url, None);
        assert!(
            matches!(
                answer,
                HealthAnswer::Status {
                    status: 302,
                    location: Some(_),
                    ..
                }
            ),
            "{answer:?}"
        );
    }

    #[test]
    fn half_a_response_is_none() {
        let cut = server(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok", false);
        assert!(matches!(answer(cut, None), HealthAnswer::Broken(_)));
        let slow: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok";
        assert_eq!(
            answer(server(slow, true), Some("ok")),
            HealthAnswer::TimedOut {
                during: Phase::Body
            }
        );
        let silent = server(b"", true);
        assert_eq!(
            answer(silent, None),
            HealthAnswer::TimedOut {
                during: Phase::Response
            }
        );
    }

    /// Sends a body of `pieces`, then closes the connection, or never does.
    fn streams(head: &'static [u8], pieces: usize, hold: bool) -> HealthUrl {
        let listener = TcpListener::bind("[::1]:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(head);
            for _ in 0..pieces {
                if stream.write_all(&[b'x'; 65536]).is_err() {
                    break;
                }
            }
            if hold {
                let _ = stream.read_to_end(&mut Vec::new());
            }
        });
        HealthUrl {
            tls: false,
            host: "localhost".into(),
            port,
            path: "/".into(),
        }
    }

    const PLAIN: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
    const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n";

    #[test]
    fn without_a_pattern_the_status_is_enough_however_long_the_body_is() {
        let within = |url, limit| {
            let health = Health::get(url);
            let check = HealthRequest::new(&health, &"1762147685".parse().unwrap(), None);
            check.send(Duration::from_secs(limit)).0
        };
        let healthy = HealthAnswer::Healthy { status: 200 };
        assert_eq!(within(streams(PLAIN, 48, false), 10), healthy, "3 MiB");
        assert_eq!(within(streams(PLAIN, usize::MAX, false), 10), healthy);
        assert_eq!(within(streams(EVENTS, 0, true), 10), healthy);
        let failing: &[u8] = b"HTTP/1.1 500 Oops\r\nContent-Type: text/event-stream\r\n\r\n";
        assert!(matches!(
            within(streams(failing, 0, true), 10),
            HealthAnswer::Status { status: 500, .. }
        ));
    }

    #[test]
    fn an_endless_body_that_must_match_is_an_error_and_takes_no_memory() {
        let url = streams(PLAIN, usize::MAX, false);
        assert!(matches!(answer(url, Some("y")), HealthAnswer::Broken(_)));
    }

    #[test]
    fn a_line_break_at_the_end_of_the_body_does_not_count() {
        let pattern = Regex::new("^1762147685$").unwrap();
        for body in [&b"1762147685"[..], b"1762147685\n", b"1762147685\r\n"] {
            assert!(matches(&pattern, body), "{body:?}");
        }
        assert!(!matches(&pattern, b"1762147685 \n") && !matches(&pattern, b"\n1762147685"));
        assert!(matches(&Regex::new("^1\n$").unwrap(), b"1\n"));
    }

    #[test]
    fn a_closed_port_is_refused() {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let url = HealthUrl {
            tls: false,
            host: "localhost".into(),
            port,
            path: "/".into(),
        };
        assert_eq!(answer(url, None), HealthAnswer::Refused);
    }

    #[test]
    fn a_port_that_opens_is_asked_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let url = HealthUrl {
            tls: false,
            host: "127.0.0.1".into(),
            port: address.port(),
            path: "/".into(),
        };
        let release = "1762147685".parse().unwrap();
        let check = |patience| {
            let request = HealthRequest::new(&Health::get(url.clone()), &release, None);
            let check = HealthCheck {
                request: Some(request),
                command: None,
            };
            Arc::new(check.patient(patience))
        };
        let short = check(Duration::from_millis(50)).run(Duration::from_secs(10));
        assert_eq!(short.answer, HealthAnswer::Refused);
        let patient = check(Duration::from_secs(20));
        let asking = Arc::clone(&patient);
        let asking = thread::spawn(move || asking.run(Duration::from_secs(10)));
        while !patient.is_refused() {
            thread::yield_now();
        }
        let listener = TcpListener::bind(address).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        assert!(!patient.is_refused());
        stream.write_all(PLAIN).unwrap();
        drop(stream);
        let answered = asking.join().unwrap();
        assert_eq!(answered.answer, HealthAnswer::Healthy { status: 200 });
    }

    #[test]
    fn what_is_not_http_is_broken() {
        assert!(matches!(
            answer(server(b"SSH-2.0-OpenSSH\r\n", false), None),
            HealthAnswer::Broken(_)
        ));
        let mut url = server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
        url.tls = true;
        assert!(matches!(answer(url, None), HealthAnswer::Broken(_)));
    }
}
