//! The line to GitHub: directly, or through the proxy that the environment names, as curl reads it; TLS within it.

use hyper::header::HeaderValue;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::Uri;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, Error, RootCertStore};
use tower::{BoxError, Service};

/// The proxies that stand between this machine and others.
#[derive(Debug, Clone)]
pub struct Proxies(Arc<Matcher>);

impl Proxies {
    /// Those of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
    pub fn from_env() -> Self {
        Self(Arc::new(Matcher::from_env()))
    }

    /// None at all.
    pub fn none() -> Self {
        Self(Arc::new(Matcher::builder().build()))
    }

    /// What a proxy wants to know before it passes on a request in clear.
    pub(super) fn authorization(&self, to: &Uri) -> Option<HeaderValue> {
        self.before(to)
            .filter(|_| to.scheme_str() == Some("http"))?
            .basic_auth()
            .cloned()
    }

    fn before(&self, to: &Uri) -> Option<Intercept> {
        self.0.intercept(to)
    }
}

/// The proxy does not let us through.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// We can't speak with it.
    #[error("a proxy of the kind {0} is not supported")]
    Kind(String),
    /// It is not reached, or it refuses.
    #[error("the proxy")]
    Line(#[source] BoxError),
}

fn of_proxy(error: impl Into<BoxError>) -> ProxyError {
    ProxyError::Line(error.into())
}

/// Connects to where `to` lies, or to the proxy before it.
pub(super) async fn connect(
    mut http: HttpConnector,
    proxies: Proxies,
    to: Uri,
) -> Result<Line, BoxError> {
    let Some(proxy) = proxies.before(&to) else {
        return Ok(Line {
            stream: http.call(to).await?,
            forwarded: false,
        });
    };
    match (proxy.uri().scheme_str(), to.scheme_str()) {
        (Some("http"), Some("https")) => {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), http);
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            Ok(Line {
                stream: tunnel.call(to).await.map_err(of_proxy)?,
                forwarded: false,
            })
        }
        (Some("http"), _) => Ok(Line {
            stream: http.call(proxy.uri().clone()).await.map_err(of_proxy)?,
            forwarded: true,
        }),
        (kind, _) => Err(ProxyError::Kind(kind.unwrap_or_default().to_owned()).into()),
    }
}

/// For connections with TLS or without.
pub(super) fn tcp(limit: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(limit));
    connector.set_nodelay(true);
    connector
}

/// Trusts whom this machine trusts.
pub(super) fn tls() -> Result<ClientConfig, Error> {
    let roots = roots(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(builder
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// These; where there are none, as in small images, those of Mozilla.
fn roots(of_machine: Vec<CertificateDer<'static>>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(of_machine);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// A TCP connection that knows whether a proxy at its end must be told the whole URL.
pub(super) struct Line {
    stream: TokioIo<TcpStream>,
    forwarded: bool,
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.forwarded)
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_roots_count_only_where_the_machine_has_none() {
        let own = rcgen::generate_simple_self_signed(["ca.example".to_owned()])
            .unwrap()
            .cert
            .der()
            .clone();
        assert_eq!(roots(vec![own]).len(), 1);
        let damaged = CertificateDer::from(vec![0; 10]);
        assert!([Vec::new(), vec![damaged]]
            .into_iter()
            .all(|certificates| roots(certificates).len() > 50));
    }
}
