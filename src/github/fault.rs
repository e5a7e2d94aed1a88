//! Why GitHub was not asked with success.

use super::line::ProxyError;
use super::refusal::{Refusal, TooOften};
use hyper_util::client::legacy;
use std::error::Error;
use std::io;
use tokio_rustls::rustls;

/// What went wrong with one question. Texts are untrusted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It said no. Unclear from 500 on: what was sent may have been done.
    #[error("answered {}", .0.status)]
    Refused(Refusal),
    /// No connection: nothing was sent.
    #[error("no connection: {said}")]
    NoConnection {
        /// Where on the way.
        place: Place,
        /// What the system or the library said.
        said: String,
    },
    /// The connection broke. What was sent may have been done.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// No whole answer within the time for one question. What was sent may have been done.
    #[error("no answer in time")]
    Silent,
    /// An answer that says yes and can't be understood. What was sent may have been done.
    #[error("not understood: {0}")]
    Odd(String),
    /// The time for all questions is up; this one was not asked.
    #[error("out of time")]
    OutOfTime,
}

/// Where no connection came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Network,
    Proxy,
    Tls,
}

impl Fault {
    /// Whether what was sent may have been done.
    pub(super) fn is_unclear(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.status.is_server_error(),
            Self::Broken(_) | Self::Silent | Self::Odd(_) => true,
            Self::NoConnection { .. } | Self::OutOfTime => false,
        }
    }

    /// Whether the same question may get a better answer soon.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.status.is_server_error(),
            Self::NoConnection { place, .. } => *place == Place::Network,
            Self::Broken(_) | Self::Silent => true,
            Self::Odd(_) | Self::OutOfTime => false,
        }
    }

    /// Where it was asked too often.
    pub(super) fn too_often(&self) -> Option<TooOften> {
        self.refusal().and_then(|refusal| refusal.too_often)
    }

    /// What it said, where it said no.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<octocrab::Error> for Fault {
    fn from(error: octocrab::Error) -> Self {
        match error {
            octocrab::Error::GitHub { source, .. } => Self::Refused(Refusal::new(&source)),
            octocrab::Error::Service { source, .. } => of_line(source.as_ref()),
            octocrab::Error::Json { source, .. } => Self::Odd(source.inner().to_string()),
            octocrab::Error::Serde { source, .. } => Self::Odd(source.to_string()),
            octocrab::Error::Other { source, .. } => Self::Odd(source.to_string()),
            other => Self::Odd(first_line(&other.to_string())),
        }
    }
}

/// Its `Display` may bring a backtrace along.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn of_line(error: &(dyn Error + 'static)) -> Fault {
    let said = chain(error);
    let unsent = error
        .downcast_ref::<legacy::Error>()
        .is_some_and(legacy::Error::is_connect);
    match unsent {
        true => Fault::NoConnection {
            place: place(error),
            said,
        },
        false => Fault::Broken(said),
    }
}

fn place(error: &(dyn Error + 'static)) -> Place {
    causes(error)
        .find_map(|cause| match cause {
            _ if cause.is::<rustls::Error>() => Some(Place::Tls),
            _ if cause.is::<ProxyError>() => Some(Place::Proxy),
            _ => None,
        })
        .unwrap_or(Place::Network)
}

/// The error and what caused it. An error of the system hides the one that it was made of.
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

/// Their words: the outermost alone say little.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = causes(error).map(ToString::to_string).collect();
    words.dedup();
    words.join(": ")
}
