//! octocrab with its own connector: octocrab's supports no proxy, requires CA roots on the machine, and has no time
//! limit.

use super::access::{Access, TimeLimits};
use super::connector::{self, Proxies};
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

/// The most bytes of a response. A hundred issues of the greatest length have 26 MB.
const MAX_RESPONSE: usize = 32 << 20;

/// A client for the API at this URL.
pub(super) fn client(access: &Access, base: Uri, limits: TimeLimits) -> Result<Octocrab, String> {
    let tls = connector::tls().map_err(|error| format!("cannot set up TLS: {error}"))?;
    let (tcp, proxies) = (connector::tcp(limits.one), access.proxies.clone());
    let connect =
        service_fn(move |to: Uri| Box::pin(connector::connect(tcp.clone(), proxies.clone(), to)));
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connect);
    let http = Client::builder(TokioExecutor::new()).build::<_, OctoBody>(https);
    let proxies = access.proxies.clone();
    let service = service_fn(move |request| {
        let response = http.request(for_proxy(request, &proxies));
        async move { Ok::<_, BoxError>(response.await?.map(|body| Limited::new(body, MAX_RESPONSE))) }
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
