//! Which hosts a client hands the trace to.

use std::{fmt, sync::Arc};

/// A set of hosts: where [`ClientLayer::propagate_to`](crate::ClientLayer::propagate_to) lets trace headers and baggage go.
#[derive(Clone, Default)]
pub struct Targets(Kind);

#[derive(Clone, Default)]
enum Kind {
    #[default]
    All,
    None,
    Listed(Arc<[Pattern]>),
    Matching(Arc<Matches>),
}

type Matches = dyn Fn(&str, Option<u16>) -> bool + Send + Sync;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    /// Lower case; behind `*.` it is the end of the name.
    host: Box<str>,
    below: bool,
    port: Option<u16>,
}

impl Targets {
    /// Every host, also where none is known. The default.
    pub fn all() -> Self {
        Self(Kind::All)
    }

    /// No host at all.
    pub fn none() -> Self {
        Self(Kind::None)
    }

    /// The hosts of a list: `orders`, `127.0.0.1:8080`, `[::1]`, `*.svc.cluster.local` for every name below. Without a
    /// port any port is meant. Case does not matter. An empty entry matches nothing.
    pub fn hosts<H: AsRef<str>>(hosts: impl IntoIterator<Item = H>) -> Self {
        let patterns = hosts
            .into_iter()
            .filter_map(|host| Pattern::parse(host.as_ref()))
            .collect();
        Self(Kind::Listed(patterns))
    }

    /// The hosts that the closure says. It is asked at each request with the host, an IPv6 address without brackets, and
    /// the port; one that panics says no.
    pub fn matching(matches: impl Fn(&str, Option<u16>) -> bool + Send + Sync + 'static) -> Self {
        Self(Kind::Matching(Arc::new(matches)))
    }

    /// Where the host is not known, only `all` lets anything go.
    pub(crate) fn contains(&self, host: Option<&str>, port: Option<u16>) -> bool {
        match (&self.0, host) {
            (Kind::All, _) => true,
            (Kind::None, _) | (_, None) => false,
            (Kind::Listed(patterns), Some(host)) => {
                patterns.iter().any(|pattern| pattern.matches(host, port))
            }
            (Kind::Matching(matches), Some(host)) => {
                crate::guard::guarded(|| matches(host, port)).unwrap_or(false)
            }
        }
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (host, port) = crate::semconv::peer::split_host_port(rest)?;
        Some(Self {
            host: host.to_ascii_lowercase().into(),
            below,
            port,
        })
    }

    fn matches(&self, host: &str, port: Option<u16>) -> bool {
        if self.port.is_some() && self.port != port {
            return false;
        }
        if !self.below {
            return host.eq_ignore_ascii_case(&self.host);
        }
        host.len()
            .checked_sub(self.host.len())
            .and_then(|at| host.split_at_checked(at))
            .is_some_and(|(front, end)| {
                end.eq_ignore_ascii_case(&self.host) && front.len() > 1 && front.ends_with('.')
            })
    }
}

impl fmt::Debug for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::All => f.write_str("All"),
            Kind::None => f.write_str("None"),
            Kind::Listed(patterns) => f.debug_list().entries(patterns.iter()).finish(),
            Kind::Matching(_) => f.write_str("Matching"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Targets;

    #[test]
    fn a_list_matches_by_name_suffix_and_port() {
        let targets = Targets::hosts([
            "orders",
            "*.svc.local",
            "127.0.0.1:8080",
            "[::1]:9",
            "",
            "*.",
        ]);
        let cases = [
            (Some("orders"), Some(80), true),
            (Some("ORDERS"), None, true),
            (Some("evil-orders"), None, false),
            (Some("a.svc.local"), Some(1), true),
            (Some("a.b.SVC.local"), Some(1), true),
            (Some("svc.local"), None, false),
            (Some(".svc.local"), None, false),
            (Some("evilsvc.local"), None, false),
            (Some("127.0.0.1"), Some(8080), true),
            (Some("127.0.0.1"), Some(8081), false),
            (Some("::1"), Some(9), true),
            (Some(""), None, false),
            (None, None, false),
        ];
        for (host, port, want) in cases {
            assert_eq!(targets.contains(host, port), want, "{host:?}:{port:?}");
        }
        assert!(Targets::all().contains(None, None));
        assert!(!Targets::none().contains(Some("orders"), None));
    }

    #[test]
    fn a_closure_that_panics_says_no() {
        let targets = Targets::matching(|_, _| panic!("hook"));
        assert!(!targets.contains(Some("orders"), None));
    }
}
