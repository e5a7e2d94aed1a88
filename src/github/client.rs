//! octocrab over a line of ours: its own one knows no proxy, needs the machine's CA roots, and waits for ever.

use super::access::{Access, Limits};
use super::line::{self, Proxies};
use http_body_util::Limited;
use hyper::header::{HeaderName, HeaderValue, ACCEPT, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{Request, Uri};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder};
use std::sync::Arc;
use tower::{service_fn, BoxError};

/// The most of an answer that is read: a hundred issues of the greatest length are 26 MB of UTF-8.
const LONGEST: usize = 32 << 20;

/// A client for the API at this address.
pub(super) fn client(access: &Access, base: Uri, limits: Limits) -> Result<Octocrab, String> {
    let tls = line::tls().map_err(|error| format!("TLS can't be set up: {error}"))?;
    let (tcp, proxies) = (line::tcp(limits.one), access.proxies.clone());
    let connect =
        service_fn(move |to: Uri| Box::pin(line::connect(tcp.clone(), proxies.clone(), to)));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connect);
    let http = Client::builder(TokioExecutor::new()).build::<_, OctoBody>(connector);
    let proxies = access.proxies.clone();
    let service = service_fn(move |request| {
        let asked = http.request(for_proxy(request, &proxies));
        async move { Ok::<_, BoxError>(asked.await?.map(|body| Limited::new(body, LONGEST))) }
    });
    let built = OctocrabBuilder::new_empty()
        .with_service(service)
        .with_layer(&BaseUriLayer::new(base))
        .with_layer(&ExtraHeadersLayer::new(Arc::new(headers())))
        .with_auth(AuthState::AccessToken {
            token: access.token.clone(),
        })
        .build();
    match built {
        Ok(client) => Ok(client),
        Err(never) => match never {},
    }
}

fn headers() -> Vec<(HeaderName, HeaderValue)> {
    let agent = HeaderValue::from_static(concat!("deploy-action/", env!("CARGO_PKG_VERSION")));
    vec![
        (
            ACCEPT,
            HeaderValue::from_static("application/vnd.github+json"),
        ),
        (USER_AGENT, agent),
    ]
}

fn for_proxy(mut request: Request<OctoBody>, proxies: &Proxies) -> Request<OctoBody> {
    if let Some(authorization) = proxies.authorization(request.uri()) {
        request
            .headers_mut()
            .insert(PROXY_AUTHORIZATION, authorization);
    }
    request
}
