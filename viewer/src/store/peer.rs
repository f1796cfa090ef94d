//! Who calls, and whom a client's span says it calls.

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::Span;

use crate::batch::text_of;

/// Who is called, or calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Peer {
    Service(Arc<str>),
    Database(String),
    Queue(String),
    /// Somebody who sends no spans.
    Unknown(String),
    /// Who begins a trace.
    Outside,
    /// A caller whose span did not come.
    Unseen,
}

impl Peer {
    pub(crate) fn of(span: &Span) -> Self {
        let value = |wanted: &[&str]| {
            wanted.iter().find_map(|key| {
                let found = span.attributes.iter().find(|known| known.key == *key)?;
                found
                    .value
                    .as_ref()
                    .map(|value| text_of(value).into_owned())
            })
        };
        if let Some(system) = value(&["db.system.name", "db.system"]) {
            let name = value(&["db.namespace", "db.name", "server.address"]);
            return Self::Database(match name {
                Some(name) => format!("{system} {name}"),
                None => system,
            });
        }
        if let Some(name) = value(&["messaging.destination.name"]) {
            return Self::Queue(name);
        }
        let name = value(&[
            "server.service.name",
            "service.peer.name",
            "peer.service",
            "server.address",
        ]);
        Self::Unknown(name.unwrap_or_else(|| "unknown".to_owned()))
    }

    /// As it is kept: a letter and the name.
    pub(crate) fn written(&self) -> String {
        match self {
            Self::Service(name) => format!("s{name}"),
            Self::Database(name) => format!("d{name}"),
            Self::Queue(name) => format!("q{name}"),
            Self::Unknown(name) => format!("u{name}"),
            Self::Outside => "o".to_owned(),
            Self::Unseen => "n".to_owned(),
        }
    }

    pub(crate) fn read(text: &str) -> Self {
        match text {
            "o" => return Self::Outside,
            "n" => return Self::Unseen,
            _ => {}
        }
        let named = |letter| text.strip_prefix(letter).map(str::to_owned);
        if let Some(name) = named('d') {
            Self::Database(name)
        } else if let Some(name) = named('q') {
            Self::Queue(name)
        } else if let Some(name) = named('s') {
            Self::Service(name.into())
        } else {
            Self::Unknown(named('u').unwrap_or_default())
        }
    }
}
