//! How an exchange ended.

use std::{borrow::Cow, time::Duration};

use http::{HeaderMap, StatusCode};

/// How an exchange ended, as [`on_end`](crate::ServerLayer::on_end) sees it.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    pub(crate) ending: Ending,
    pub(crate) status: Option<StatusCode>,
    pub(crate) error_type: Option<&'a str>,
    pub(crate) duration: Duration,
    pub(crate) body_size: u64,
}

/// The event that ended an exchange. Each exchange has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The response went through to its end, whatever its status says.
    Complete,
    /// The connection became something else: a `101`, or a `CONNECT` that succeeded. What follows is not the exchange's.
    Upgraded,
    /// The future or the body was dropped before its end: on a server the caller left or a timeout outside gave up, on
    /// a client the caller wanted no more.
    Cancelled,
    /// The service returned an error instead of a response.
    ServiceError,
    /// The body broke after the head was out.
    BodyError,
    /// The service panicked. The panic goes on.
    Panicked,
}

/// The end of an exchange as whatever drives it tells it.
#[derive(Debug)]
pub(crate) enum End<'a> {
    /// The last frame passed; with the trailers, if there were any.
    Complete(Option<&'a HeaderMap>),
    Upgraded,
    Cancelled,
    ServiceError(Failure),
    BodyError(Failure),
    Panicked,
}

/// Whether an exchange failed, and what its span says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// `error.type`; its presence is the error.
    pub(crate) error_type: Option<Cow<'static, str>>,
    /// The status description, empty where the status code says it all.
    pub(crate) description: Cow<'static, str>,
    /// The code of an RPC's status.
    pub(crate) code: Option<&'static str>,
}

/// A failure in words that a span can carry.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// `error.type`: a word of few values.
    pub(crate) error_type: Cow<'static, str>,
    /// The status description.
    pub(crate) message: String,
    /// The number of the RPC status that the error itself holds, or stands for where it came from.
    pub(crate) status: Option<usize>,
}

impl Outcome<'_> {
    /// The event that ended the exchange.
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// The status of the response, if there was a head.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// What the span and the metrics carry as `error.type`; `None` if the exchange counts as no error.
    pub fn error_type(&self) -> Option<&str> {
        self.error_type
    }

    /// From the head of the request to the end, the same that the span shows.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// The bytes of the response body that passed, counted in data frames.
    pub fn response_body_size(&self) -> u64 {
        self.body_size
    }
}

impl End<'_> {
    pub(crate) fn ending(&self) -> Ending {
        match self {
            Self::Complete(_) => Ending::Complete,
            Self::Upgraded => Ending::Upgraded,
            Self::Cancelled => Ending::Cancelled,
            Self::ServiceError(_) => Ending::ServiceError,
            Self::BodyError(_) => Ending::BodyError,
            Self::Panicked => Ending::Panicked,
        }
    }
}

impl Verdict {
    pub(crate) fn error(
        error_type: impl Into<Cow<'static, str>>,
        description: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            error_type: Some(error_type.into()),
            description: description.into(),
            code: None,
        }
    }
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Self {
        Self::error(failure.error_type, failure.message)
    }
}

impl Ending {
    /// The word for `throughline.ending`, set where neither a status nor an `error.type` tells.
    pub(crate) fn mark(self) -> Option<&'static str> {
        match self {
            Self::Upgraded => Some("upgraded"),
            Self::Cancelled => Some("cancelled"),
            Self::Complete | Self::ServiceError | Self::BodyError | Self::Panicked => None,
        }
    }
}
