use std::{hint::black_box, sync::Arc};

use http::HeaderName;

use super::ServerLayer;
use crate::{
    config::{Filter, Force},
    head::RequestHead,
};

impl ServerLayer {
    /// Records and samples each request that has this header and that `trusted` says may force it, whatever the sampler
    /// says and whatever the caller decided: for following one request through services that sample few.
    ///
    /// `trusted` is asked about requests that have the header, once each, before the span starts. All that the request
    /// starts in this process is sampled too, and the services it calls are told that it is (`traceparent` ends in `01`);
    /// whether they follow is theirs to decide. The span says `sampling.decision=forced`.
    ///
    /// # Trust
    ///
    /// Whoever may force sampling may fill your backend. A header that anybody can send proves nothing, so let `trusted`
    /// look for something that strangers cannot have: a token ([`force_sampling_by_token`](Self::force_sampling_by_token)), a user whom
    /// an outer layer has authenticated and put into the request's extensions, a peer's address. Where a proxy is in front, let it
    /// take the header out of what comes from outside. The header's value is never recorded, even if
    /// [`record_request_headers`](Self::record_request_headers) lists it; the request's own handler still gets it.
    ///
    /// # Limits
    ///
    /// A request that the filter leaves out stays out. With a provider of one's own, its sampler must be
    /// `otel::Forcible` or follow its parent, and the latter only where there is one. A name that no header can have forces nothing.
    ///
    /// ```
    /// use throughline::{PeerAddr, ServerLayer};
    ///
    /// let layer = ServerLayer::new().force_sampling("x-trace-force", |request| {
    ///     let peer = request.extension::<PeerAddr>();
    ///     peer.is_some_and(|peer| peer.remote().ip().is_loopback())
    /// });
    /// ```
    pub fn force_sampling(
        self,
        header: impl AsRef<str>,
        trusted: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.forced_by(header.as_ref(), |_| Arc::new(trusted))
    }

    /// As [`force_sampling`](Self::force_sampling), and trusts whoever sends this token as the header's value.
    ///
    /// The comparison takes as long for a wrong token as for the right one. An empty token trusts nobody. Send it over TLS
    /// alone: who reads it may force.
    pub fn force_sampling_by_token(
        self,
        header: impl AsRef<str>,
        token: impl Into<String>,
    ) -> Self {
        let token = token.into();
        self.forced_by(header.as_ref(), move |header| {
            Arc::new(move |head| {
                let sent = head.headers().first(&header).unwrap_or_default();
                !token.is_empty() && is_same(sent, token.as_bytes())
            })
        })
    }

    fn forced_by(self, header: &str, trusted: impl FnOnce(HeaderName) -> Arc<Filter>) -> Self {
        let header = HeaderName::from_bytes(header.as_bytes());
        self.with(|config| {
            config.force = header.ok().map(|header| Force {
                trusted: trusted(header.clone()),
                header,
            });
        })
    }
}

/// Looks at every byte, wherever the first difference is.
fn is_same(sent: &[u8], token: &[u8]) -> bool {
    let differences = sent
        .iter()
        .zip(token)
        .fold(0, |differences, (a, b)| black_box(differences | (a ^ b)));
    sent.len() == token.len() && differences == 0
}
