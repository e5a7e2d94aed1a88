//! Connects to GitHub directly, or through the proxy in the environment, which is read as curl does.

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

/// The proxies to use.
#[derive(Debug, Clone)]
pub struct Proxies(Arc<Matcher>);

impl Proxies {
    /// As `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    pub fn from_env() -> Self {
        Self(Arc::new(Matcher::from_env()))
    }

    /// No proxy.
    pub fn none() -> Self {
        Self(Arc::new(Matcher::builder().build()))
    }

    /// The credentials that a proxy needs to forward a request without TLS.
    pub(super) fn authorization(&self, to: &Uri) -> Option<HeaderValue> {
        self.proxy_for(to)
            .filter(|_| to.scheme_str() == Some("http"))?
            .basic_auth()
            .cloned()
    }

    fn proxy_for(&self, to: &Uri) -> Option<Intercept> {
        self.0.intercept(to)
    }
}

/// Why the proxy cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    /// Its protocol is not supported.
    #[error("a proxy of the kind {0} is not supported")]
    Kind(String),
    /// It cannot be reached, or it refuses.
    #[error("the proxy")]
    Connect(#[source] BoxError),
}

fn proxy_error(error: impl Into<BoxError>) -> ProxyError {
    ProxyError::Connect(error.into())
}

/// Connects to the host of `to`, or to the proxy for it.
pub(super) async fn connect(
    mut http: HttpConnector,
    proxies: Proxies,
    to: Uri,
) -> Result<ProxyStream, BoxError> {
    let Some(proxy) = proxies.proxy_for(&to) else {
        return Ok(ProxyStream {
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
            Ok(ProxyStream {
                stream: tunnel.call(to).await.map_err(proxy_error)?,
                forwarded: false,
            })
        }
        (Some("http"), _) => Ok(ProxyStream {
            stream: http.call(proxy.uri().clone()).await.map_err(proxy_error)?,
            forwarded: true,
        }),
        (kind, _) => Err(ProxyError::Kind(kind.unwrap_or_default().to_owned()).into()),
    }
}

/// Connects with TCP, for requests with and without TLS.
pub(super) fn tcp(limit: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(limit));
    connector.set_nodelay(true);
    connector
}

/// Trusts the CAs that this machine trusts.
pub(super) fn tls() -> Result<ClientConfig, Error> {
    let roots = roots(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(builder
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The CA roots of the machine. If it has none, like small images, those of Mozilla.
fn roots(of_machine: Vec<CertificateDer<'static>>) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(of_machine);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// A TCP connection that knows whether it leads to a proxy, which needs the whole URL.
pub(super) struct ProxyStream {
    stream: TokioIo<TcpStream>,
    forwarded: bool,
}

impl Connection for ProxyStream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.forwarded)
    }
}

impl Read for ProxyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl Write for ProxyStream {
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
    fn the_bundled_roots_are_used_only_if_the_machine_has_none() {
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
