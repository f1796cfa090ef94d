//! A context on its way: in the headers of a message, in a string map, in bytes.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Context;
use crate::{
    head::{HeaderSource, RequestHead, UriView},
    propagate::binary::{extract_binary, inject_binary},
    telemetry,
};

impl Context {
    /// What hands this context on, as names and values: for the headers of a message in a queue, for a job's payload.
    /// They replace what is there of these names.
    ///
    /// The format is that of the pipeline which [`init`](crate::init) or [`Telemetry::install`](crate::Telemetry::install)
    /// made the process's own, W3C Trace Context and Baggage unless it says otherwise; without one it is that of
    /// OpenTelemetry's global propagator. A [`ClientLayer`](crate::ClientLayer) does the same by itself. Baggage goes to
    /// whoever reads the message.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use throughline::Context;
    ///
    /// let mut headers = HashMap::<String, String>::new();
    /// headers.extend(Context::current().inject());
    /// ```
    pub fn inject(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let mut headers = HeaderMap::new();
        self.inject_headers(&mut headers);
        let pairs: Vec<_> = headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        pairs.into_iter()
    }

    /// [`inject`](Self::inject) into the headers of a request that no [`ClientLayer`](crate::ClientLayer) sends.
    pub fn inject_headers(&self, headers: &mut HeaderMap) {
        telemetry::propagation().inject(&self.0, headers, true);
    }

    /// The span's ids and sampling flag in 29 bytes, where there is room for no more (OpenCensus' binary format; a binary
    /// carrier of OpenTracing). Trace state and baggage are not in them. `None` where there is no span.
    pub fn inject_bytes(&self) -> Option<[u8; 29]> {
        inject_binary(&self.0)
    }

    /// The context that came with a message: the sender's span, which is a parent to what is made in it, and the baggage.
    /// Nothing of what is current here is in it.
    ///
    /// Any map or list of names and values will do: `&HashMap<String, String>`, `&HeaderMap`, names with bytes. The case of
    /// the names does not matter. What cannot be read is left out, and without a valid parent the context is a
    /// [`root`](Self::root). It trusts the message: from a stranger's take a link alone, as `throughline::guide` shows.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use throughline::Context;
    ///
    /// let headers = HashMap::from([(
    ///     "traceparent".to_owned(),
    ///     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
    /// )]);
    /// let sender = Context::extract(&headers);
    /// assert_eq!(sender.ids().unwrap().trace_id_hex(), "0af7651916cd43dd8448eb211c80319c");
    /// ```
    pub fn extract<N, V>(headers: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let Ok(name) = HeaderName::from_bytes(name.as_ref().as_bytes())
                && let Ok(value) = HeaderValue::from_bytes(value.as_ref())
                // More than a map holds is no message's.
                && map.try_append(name, value).is_err()
            {
                break;
            }
        }
        let head = RequestHead::new("", UriView::default(), None, &map, None);
        let root = Self::root();
        Self(telemetry::propagation().extract(&head, &map.scan(), &root.0))
    }

    /// The context of a span that [`inject_bytes`](Self::inject_bytes) wrote, here or in a service of another language.
    /// A [`root`](Self::root) where the bytes name none.
    pub fn extract_bytes(bytes: &[u8]) -> Self {
        Self(extract_binary(&Self::root().0, bytes))
    }
}
