//! Headers that are recorded.

use std::sync::Arc;

use http::HeaderName;

use crate::protocol::Protocol;

/// A header on an allow-list, with the attribute it becomes.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    pub(crate) header: HeaderName,
    http: Arc<str>,
    rpc: Arc<str>,
}

/// What a side records where its layer lists none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    pub(crate) request: Vec<Captured>,
    pub(crate) response: Vec<Captured>,
}

/// The same for both sides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listed {
    pub(crate) server: Option<Arc<Headers>>,
    pub(crate) client: Option<Arc<Headers>>,
}

impl Captured {
    /// `part` is `request.header` or `response.header`. Names that no header can have are left out, and each is there once.
    pub(crate) fn list<N: AsRef<str>>(part: &str, names: impl IntoIterator<Item = N>) -> Vec<Self> {
        let mut list: Vec<Self> = Vec::new();
        for name in names {
            let Ok(header) = HeaderName::from_bytes(name.as_ref().trim().as_bytes()) else {
                continue;
            };
            if list.iter().all(|captured| captured.header != header) {
                list.push(Self {
                    http: format!("http.{part}.{header}").into(),
                    rpc: format!("rpc.{part}.{header}").into(),
                    header,
                });
            }
        }
        list
    }

    pub(crate) fn attribute(&self, protocol: Protocol) -> &Arc<str> {
        match protocol {
            Protocol::Http => &self.http,
            Protocol::Grpc => &self.rpc,
        }
    }
}

impl Headers {
    /// `None` where nothing is listed.
    #[allow(dead_code, reason = "set-up is a feature")]
    pub(crate) fn listed<N: AsRef<str>>(
        request: impl IntoIterator<Item = N>,
        response: impl IntoIterator<Item = N>,
    ) -> Option<Arc<Self>> {
        let headers = Self {
            request: Captured::list("request.header", request),
            response: Captured::list("response.header", response),
        };
        (!headers.request.is_empty() || !headers.response.is_empty()).then(|| Arc::new(headers))
    }
}
