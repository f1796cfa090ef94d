//! What a server makes of the trace that a caller sent.

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt},
};

/// Whether a server goes on with the trace of its caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteParent {
    /// The server's span is a child of the caller's; sampling flag, trace state and baggage are the caller's too. The
    /// default, for callers of one's own.
    #[default]
    Adopt,
    /// For a public edge: the server's span begins a trace of its own and links to the caller's span. (Where the process
    /// has a current span already, it is that one's child.) The stranger's sampling flag, trace state and baggage go no
    /// further.
    Link,
    /// As if the caller had sent nothing.
    Ignore,
}

/// The context that a server span starts in, and the stranger it links to.
pub(crate) struct Parent {
    pub(crate) context: Context,
    pub(crate) link: Option<SpanContext>,
}

impl RemoteParent {
    /// `extract` reads the caller's context upon the one it is given, and is not called where nobody would look.
    pub(crate) fn decide(
        self,
        base: &Context,
        extract: impl FnOnce(&Context) -> Context,
    ) -> Parent {
        match self {
            Self::Adopt => Parent {
                context: extract(base),
                link: None,
            },
            Self::Link => {
                let stranger = extract(&Context::new());
                let span_context = stranger.span().span_context().clone();
                Parent {
                    context: base.clone(),
                    link: span_context.is_valid().then_some(span_context),
                }
            }
            Self::Ignore => Parent {
                context: base.clone(),
                link: None,
            },
        }
    }
}
