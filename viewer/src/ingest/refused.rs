//! Why a request is refused, as each protocol says it.

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use prost::Message;
use tonic::Code;

use super::decode::Encoding;
use crate::store::StoreError;

/// A request of which nothing is stored.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) cause: Cause,
    pub(super) why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Malformed,
    /// It is not packed as it says.
    Unpacked,
    /// A content type or coding that is not taken here.
    Unsupported,
    TooLarge,
    TooSlow,
    /// It may be sent again.
    Overloaded,
    /// The same, once the viewer is well.
    Unavailable,
    Failed,
}

/// `google.rpc.Status` without details.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

impl Refused {
    pub(super) fn malformed(why: impl Into<String>) -> Self {
        Self::new(Cause::Malformed, why)
    }

    pub(super) fn new(cause: Cause, why: impl Into<String>) -> Self {
        Self {
            cause,
            why: why.into(),
        }
    }

    /// As OTLP over HTTP has it: `google.rpc.Status`, in the request's own encoding.
    pub(super) fn answer(self, encoding: Encoding) -> Response {
        let code = self.cause.code() as i32;
        let message = self.why;
        let body = match encoding {
            Encoding::Protobuf => Status { code, message }.encode_to_vec(),
            Encoding::Json => serde_json::json!({ "code": code, "message": message })
                .to_string()
                .into_bytes(),
        };
        self.cause
            .finish(([(CONTENT_TYPE, encoding.name())], body).into_response())
    }

    /// As Zipkin has it: text.
    pub(super) fn plain(self) -> Response {
        self.cause.finish(self.why.into_response())
    }
}

impl Cause {
    fn status(self) -> StatusCode {
        match self {
            Self::Malformed | Self::Unpacked => StatusCode::BAD_REQUEST,
            Self::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// `google.rpc.Code`.
    fn code(self) -> Code {
        match self {
            Self::Malformed | Self::Unpacked | Self::Unsupported => Code::InvalidArgument,
            Self::TooLarge | Self::Overloaded => Code::ResourceExhausted,
            Self::TooSlow => Code::DeadlineExceeded,
            Self::Unavailable => Code::Unavailable,
            Self::Failed => Code::Internal,
        }
    }

    fn finish(self, mut response: Response) -> Response {
        *response.status_mut() = self.status();
        if matches!(self, Self::Overloaded | Self::Unavailable) {
            let second = HeaderValue::from_static("1");
            response.headers_mut().insert(RETRY_AFTER, second);
        }
        response
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        let cause = match error {
            StoreError::TooLarge => Cause::TooLarge,
            StoreError::Overloaded => Cause::Overloaded,
            StoreError::Timeout | StoreError::Closed | StoreError::Disk(_) => Cause::Unavailable,
            StoreError::Sqlite(_) | StoreError::TooMuch(_) | StoreError::File(..) => Cause::Failed,
        };
        Self::new(cause, error.to_string())
    }
}

impl From<Refused> for tonic::Status {
    fn from(refused: Refused) -> Self {
        let code = match refused.cause {
            // What over gRPC is tried again; RESOURCE_EXHAUSTED alone is not.
            Cause::Overloaded => Code::Unavailable,
            Cause::Unpacked => Code::Internal,
            Cause::Unsupported => Code::Unimplemented,
            cause => cause.code(),
        };
        Self::new(code, refused.why)
    }
}
