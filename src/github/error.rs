//! Why a request to GitHub failed.

use super::connector::ProxyError;
use super::error_response::{ErrorResponse, RateLimit};
use hyper_util::client::legacy;
use std::error::Error;
use std::io;
use tokio_rustls::rustls;

/// Why one request failed. Texts are untrusted.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// An error response. With a status from 500 on, GitHub may have done it anyway.
    #[error("responded {}", .0.status)]
    Response(ErrorResponse),
    /// No connection: nothing was sent.
    #[error("no connection: {message}")]
    NoConnection {
        /// What failed.
        cause: ConnectFailure,
        /// The error of the system or the library.
        message: String,
    },
    /// The connection was lost. GitHub may have done it anyway.
    #[error("the connection was lost: {0}")]
    ConnectionLost(String),
    /// No complete response within the time limit for one request. GitHub may have done it anyway.
    #[error("no response in time")]
    TimedOut,
    /// A successful response that is not valid. GitHub may have done it anyway.
    #[error("not a valid response: {0}")]
    BadResponse(String),
    /// The time limit for all requests was reached. This one was not sent.
    #[error("out of time")]
    OutOfTime,
}

/// What failed when connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectFailure {
    Network,
    Proxy,
    Tls,
}

impl ApiError {
    /// Whether GitHub may have done it anyway.
    pub(super) fn is_unclear(&self) -> bool {
        match self {
            Self::Response(response) => response.status.is_server_error(),
            Self::ConnectionLost(_) | Self::TimedOut | Self::BadResponse(_) => true,
            Self::NoConnection { .. } | Self::OutOfTime => false,
        }
    }

    /// Whether the same request may succeed soon.
    pub(super) fn is_temporary(&self) -> bool {
        match self {
            Self::Response(response) => response.status.is_server_error(),
            Self::NoConnection { cause, .. } => *cause == ConnectFailure::Network,
            Self::ConnectionLost(_) | Self::TimedOut => true,
            Self::BadResponse(_) | Self::OutOfTime => false,
        }
    }

    /// The rate limit, if it was reached.
    pub(super) fn rate_limit(&self) -> Option<RateLimit> {
        self.response().and_then(|response| response.rate_limit)
    }

    /// The error response, if there is one.
    pub(super) fn response(&self) -> Option<&ErrorResponse> {
        match self {
            Self::Response(response) => Some(response),
            _ => None,
        }
    }
}

impl From<octocrab::Error> for ApiError {
    fn from(error: octocrab::Error) -> Self {
        match error {
            octocrab::Error::GitHub { source, .. } => Self::Response(ErrorResponse::new(&source)),
            octocrab::Error::Service { source, .. } => service_error(source.as_ref()),
            octocrab::Error::Json { source, .. } => Self::BadResponse(source.inner().to_string()),
            octocrab::Error::Serde { source, .. } => Self::BadResponse(source.to_string()),
            octocrab::Error::Other { source, .. } => Self::BadResponse(source.to_string()),
            other => Self::BadResponse(first_line(&other.to_string())),
        }
    }
}

/// The rest of its `Display` may be a backtrace.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn service_error(error: &(dyn Error + 'static)) -> ApiError {
    let message = with_causes(error);
    let not_sent = error
        .downcast_ref::<legacy::Error>()
        .is_some_and(legacy::Error::is_connect);
    match not_sent {
        true => ApiError::NoConnection {
            cause: connect_failure(error),
            message,
        },
        false => ApiError::ConnectionLost(message),
    }
}

fn connect_failure(error: &(dyn Error + 'static)) -> ConnectFailure {
    causes(error)
        .find_map(|cause| match cause {
            _ if cause.is::<rustls::Error>() => Some(ConnectFailure::Tls),
            _ if cause.is::<ProxyError>() => Some(ConnectFailure::Proxy),
            _ => None,
        })
        .unwrap_or(ConnectFailure::Network)
}

/// The error and its causes. An `io::Error` does not report the error inside it as its source.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        inner
            .map(|inner| inner as &(dyn Error + 'static))
            .or_else(|| error.source())
    })
}

/// The error with its causes: the outermost alone says little.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}
