//! Traces as they arrive, and what is made of them.

mod arbitrary;
mod known;
mod places;

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::{Span, Status};

use super::{CLIENT, SERVER, Tree};
use crate::store::Stored;

/// A span of `service`, with its parent's id, or 0 for none; from and to in nanoseconds.
pub(super) fn span(service: &str, id: u64, parent: u64, (from, to): (u64, u64)) -> Stored {
    let bytes = |id: u64| match id {
        0 => Vec::new(),
        id => id.to_be_bytes().to_vec(),
    };
    Stored {
        service: Arc::from(service),
        resource: Arc::default(),
        scope: Arc::default(),
        span: Span {
            span_id: bytes(id),
            parent_span_id: bytes(parent),
            name: "work".to_owned(),
            kind: 1,
            start_time_unix_nano: from,
            end_time_unix_nano: to,
            ..Span::default()
        },
    }
}

pub(super) fn named(mut stored: Stored, name: &str) -> Stored {
    name.clone_into(&mut stored.span.name);
    stored
}

pub(super) fn of_kind(mut stored: Stored, kind: i32) -> Stored {
    stored.span.kind = kind;
    stored
}

pub(super) fn failed(mut stored: Stored) -> Stored {
    stored.span.status = Some(Status {
        code: 2,
        message: String::new(),
    });
    stored
}

/// A client's span and the server's below it.
pub(super) fn call(client: (u64, u64), server: (u64, u64)) -> Vec<Stored> {
    vec![
        of_kind(span("shop", 1, 0, client), CLIENT),
        of_kind(span("stock", 2, 1, server), SERVER),
    ]
}

/// The index of each node's span, and of its parent's.
pub(super) fn shape(tree: &Tree) -> Vec<(usize, Option<usize>)> {
    let span_of = |node: usize| tree.nodes.get(node).map(|node| node.span);
    tree.nodes
        .iter()
        .map(|node| (node.span, node.parent.and_then(span_of)))
        .collect()
}
