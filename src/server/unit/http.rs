//! One HTTP request over one connection: no redirect, no proxy, no resolver for `localhost`. It uses hyper's connection
//! interface, which shows in which phase a request failed.

use super::tls;
use crate::protocol::{Health, HealthAnswer, HealthError, HealthUrl, Phase};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// The longest body that is read, in bytes.
const MAX_BODY: usize = 1 << 20;
/// How long the body is read if nothing is expected of it: long enough to notice that the connection breaks.
const UNUSED_BODY_TIME: Duration = Duration::from_secs(1);

/// Between two tries to connect to a port that refuses: each takes less than 0.1 ms of processor time (measured).
const TRY_EVERY: Duration = Duration::from_millis(15);

const USER_AGENT: &str = concat!("deploy-action/", env!("CARGO_PKG_VERSION"));

/// A response. Its body is complete, unless nothing is expected of it.
pub(super) struct HttpResponse {
    /// Where it came from.
    pub(super) from: Option<IpAddr>,
    pub(super) status: u16,
    pub(super) location: Option<String>,
    /// What answered, by the header `Server`.
    pub(super) server: Option<String>,
    pub(super) body: Vec<u8>,
}

/// A port that refuses connections, and for how long it may do so.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) patience: Duration,
    is_refused: AtomicBool,
}

impl Refusal {
    pub(super) fn for_up_to(patience: Duration) -> Self {
        Self {
            patience,
            is_refused: AtomicBool::new(false),
        }
    }

    /// Whether the last try to connect was refused.
    pub(super) fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }

    /// Tries to connect until the port takes the connection, or the patience is over.
    async fn outlast(&self, url: &HealthUrl) -> Result<TcpStream, HealthAnswer> {
        let start = Instant::now();
        loop {
            let connected = connect(url).await;
            let is_refused = matches!(connected, Err(HealthAnswer::Refused));
            self.is_refused.store(is_refused, Ordering::Relaxed);
            if !is_refused || start.elapsed() + TRY_EVERY > self.patience {
                return connected;
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
    }
}

/// Sends one GET request, within `limit`.
pub(super) fn get(health: &Health, limit: Duration) -> Result<HttpResponse, HealthAnswer> {
    get_after(&Refusal::default(), health, limit)
}

/// The same as soon as the port takes a connection: `limit` counts in addition to the patience.
pub(super) fn get_after(
    refusal: &Refusal,
    health: &Health,
    limit: Duration,
) -> Result<HttpResponse, HealthAnswer> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| HealthAnswer::Broken(HealthError::Other(error.to_string())))?
        .block_on(get_within(refusal, health, limit + refusal.patience))
}

async fn get_within(
    refusal: &Refusal,
    health: &Health,
    limit: Duration,
) -> Result<HttpResponse, HealthAnswer> {
    let url = &health.url;
    let mut during = Phase::Connection;
    let exchange = async {
        let stream = refusal.outlast(url).await?;
        let from = stream.peer_addr().ok().map(|peer| peer.ip());
        during = Phase::Response;
        let response = if url.tls {
            send_request(
                health,
                TokioIo::new(tls::wrap(&url.host, url.is_loopback(), stream).await?),
            )
            .await?
        } else {
            send_request(health, TokioIo::new(stream)).await?
        };
        during = Phase::Body;
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let (location, server) = (header("location"), header("server"));
        Ok(HttpResponse {
            from,
            status: response.status().as_u16(),
            location,
            server,
            body: match health.pattern {
                Some(_) => read_body(response.into_body()).await?,
                None => read_unused(response.into_body()).await?,
            },
        })
    };
    match tokio::time::timeout(limit, exchange).await {
        Ok(result) => result,
        Err(_) => Err(HealthAnswer::TimedOut { during }),
    }
}

async fn connect(url: &HealthUrl) -> Result<TcpStream, HealthAnswer> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses(url)
        .await
        .map_err(|error| unresolved(url, &error))?
    {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    match last.kind() {
        io::ErrorKind::ConnectionRefused => Err(HealthAnswer::Refused),
        _ => Err(HealthAnswer::Broken(HealthError::Connect {
            error: last.to_string(),
        })),
    }
}

fn unresolved(url: &HealthUrl, error: &io::Error) -> HealthAnswer {
    HealthAnswer::Broken(HealthError::Resolve {
        host: url.host.clone(),
        error: error.to_string(),
    })
}

async fn addresses(url: &HealthUrl) -> io::Result<Vec<SocketAddr>> {
    if url.host.eq_ignore_ascii_case("localhost") {
        let both = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        return Ok(both
            .map(|address| SocketAddr::new(address, url.port))
            .to_vec());
    }
    Ok(tokio::net::lookup_host((url.host.as_str(), url.port))
        .await?
        .collect())
}

async fn send_request(
    health: &Health,
    stream: impl Read + Write + Unpin + Send + 'static,
) -> Result<Response<Incoming>, HealthAnswer> {
    let (mut sender, connection) = http1::handshake(stream)
        .await
        .map_err(|error| broken(&error))?;
    tokio::spawn(connection);
    sender
        .send_request(request(health)?)
        .await
        .map_err(|error| broken(&error))
}

/// The user's headers replace the usual ones of the same name.
fn request(health: &Health) -> Result<Request<Empty<Bytes>>, HealthAnswer> {
    let usual = [
        ("Host", health.url.authority()),
        ("User-Agent", USER_AGENT.to_owned()),
        ("Connection", "close".to_owned()),
    ];
    let mut request = Request::get(&health.url.path);
    for (name, value) in usual {
        if !health.has_header(name) {
            request = request.header(name, value);
        }
    }
    for (name, value) in &health.headers {
        request = request.header(name, value.expose());
    }
    request.body(Empty::new()).map_err(|error| broken(&error))
}

/// Reads the whole body.
async fn read_body(mut body: Incoming) -> Result<Vec<u8>, HealthAnswer> {
    let mut bytes = Vec::new();
    read_into(&mut bytes, &mut body).await?;
    if bytes.len() > MAX_BODY {
        let limit = MAX_BODY as u64;
        return Err(HealthAnswer::Broken(HealthError::TooLong { limit }));
    }
    Ok(bytes)
}

/// Reads the beginning of a body that may be of any length, or never end.
async fn read_unused(mut body: Incoming) -> Result<Vec<u8>, HealthAnswer> {
    let mut bytes = Vec::new();
    let reading = read_into(&mut bytes, &mut body);
    match tokio::time::timeout(UNUSED_BODY_TIME, reading).await {
        Ok(read) => read?,
        // the status is enough
        Err(_) => tracing::info!("the body has not ended"),
    }
    Ok(bytes)
}

/// Reads to the end, or until there is more than the longest body.
async fn read_into(bytes: &mut Vec<u8>, body: &mut Incoming) -> Result<(), HealthAnswer> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > MAX_BODY {
            break;
        }
    }
    Ok(())
}

/// The error with its causes: hyper's own message alone says little.
fn broken(error: &dyn Error) -> HealthAnswer {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    HealthAnswer::Broken(HealthError::Http { error: text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(given: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut health = Health::get(HealthUrl {
            tls: false,
            host: "localhost".to_owned(),
            port: 8000,
            path: "/health".to_owned(),
        });
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
        health.headers = given.iter().map(owned).collect();
        let request = request(&health).ok().unwrap();
        let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap().to_owned();
        let sent = request.headers().iter();
        sent.map(|(name, value)| (name.to_string(), text(value)))
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_request_names_the_host_and_closes_the_connection() {
        let expected = [
            pair("host", "localhost:8000"),
            pair("user-agent", USER_AGENT),
            pair("connection", "close"),
        ];
        assert_eq!(headers(&[]), expected);
    }

    #[test]
    fn given_headers_replace_the_usual_ones_and_are_sent_once() {
        let given = [
            ("HOST", "app.example"),
            ("x-token", "a b"),
            ("user-agent", "probe"),
        ];
        let sent = headers(&given);
        for (name, value) in [
            ("host", "app.example"),
            ("x-token", "a b"),
            ("user-agent", "probe"),
        ] {
            let values: Vec<_> = sent.iter().filter(|(sent, _)| sent == name).collect();
            assert_eq!(values, [&pair(name, value)], "{sent:?}");
        }
    }
}
