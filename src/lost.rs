//! The context that a task lost: a call without a parent while requests are served.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    collections::HashSet,
    fmt::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry::{Context, trace::TraceContextExt};

use crate::guard::guarded;

type Tell = dyn Fn(&str) + Send + Sync;

/// Looks out for such calls. A pipeline that has none pays nothing.
pub(crate) struct Lost {
    /// Shared with each request that is served.
    requests: Arc<()>,
    told: Mutex<HashSet<String>>,
    tell: Box<Tell>,
}

/// In a context: it is that of a request, served as long as anything holds it.
#[derive(Debug)]
struct Served {
    _one: Arc<()>,
}

/// In a context: that it has no span is no mistake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted;

/// How many hosts are told of, each once.
const HOSTS: usize = 32;

impl Lost {
    pub(crate) fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            requests: Arc::default(),
            told: Mutex::default(),
            tell: Box::new(tell),
        }
    }

    /// The context of a request that is served from here on.
    pub(crate) fn serve(&self, base: &Context) -> Context {
        base.with_value(Served {
            _one: Arc::clone(&self.requests),
        })
    }

    /// Whether a call in this context has most likely lost that of a request. The first to each host is told.
    pub(crate) fn is_lost(&self, context: &Context, host: Option<&str>, port: Option<u16>) -> bool {
        let is_lost = !context.span().span_context().is_valid()
            && context.get::<Served>().is_none()
            && context.get::<Wanted>().is_none()
            && Arc::strong_count(&self.requests) > 1;
        if is_lost {
            self.tell(place(host, port));
        }
        is_lost
    }

    fn tell(&self, place: String) {
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.contains(&place) || told.len() >= HOSTS {
                return;
            }
            told.insert(place.clone());
        }
        let mut text = format!(
            "context lost here: a call to {place} began a trace of its own while a request was served. A task or thread \
             that was started by other means than throughline::spawn or throughline::carry does not know its request. A \
             call that belongs to none says so by throughline::Context::root. (Told once for each host",
        );
        let backtrace = Backtrace::capture();
        let _written = match backtrace.status() {
            BacktraceStatus::Captured => write!(text, ".)\n{backtrace}"),
            _ => write!(text, "; RUST_BACKTRACE=1 shows where it is.)"),
        };
        let _panicked = guarded(|| (self.tell)(&text));
    }
}

impl fmt::Debug for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lost").finish_non_exhaustive()
    }
}

fn place(host: Option<&str>, port: Option<u16>) -> String {
    match (host, port) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "a host that its URI does not name".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_a_host_and_of_so_many_hosts() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let lost = Lost::new(move |text| sink.lock().unwrap().push(text.to_owned()));
        let nothing = Context::new();
        let call = |host: &str| lost.is_lost(&nothing, Some(host), Some(80));
        assert!(!call("idle"));
        let request = lost.serve(&nothing);
        let of_it = request.with_value(1_u8);
        drop(request);
        for host in 0..2 * HOSTS {
            let host = host.to_string();
            assert!(call(&host) && call(&host));
        }
        assert!(!lost.is_lost(&of_it, Some("served"), None));
        drop(of_it);
        assert!(!call("over"));
        let told = told.lock().unwrap();
        assert_eq!(told.len(), HOSTS);
        assert!(told[7].contains("a call to 7:80 began"), "{}", told[7]);
    }

    #[test]
    fn who_is_told_may_panic() {
        let lost = Lost::new(|_| panic!("rude"));
        let _request = lost.serve(&Context::new());
        assert!(lost.is_lost(&Context::new(), None, None));
    }
}
