//! The page of a trace, and the pane of a span.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;

use super::{
    Failed,
    colours::Colours,
    failed, show,
    span::{Detail, Index},
    waterfall::Waterfall,
};
use crate::{
    api::params::Params,
    ids::{SpanId, TraceId},
    store::{Store, StoreError, Whole},
    trace::{Node, Tree},
};

#[derive(Template)]
#[template(path = "trace.html")]
struct Page {
    id: String,
    waterfall: Waterfall,
}

pub(super) async fn page(
    State(store): State<Store>,
    Path(text): Path<String>,
) -> Result<Response, StoreError> {
    let Some(id) = TraceId::parse(&text) else {
        return Ok(unknown(&text));
    };
    let colours = Colours::of(&store).await?;
    let turn = store.turn().await?;
    let Some(whole) = store.trace(id).await? else {
        return Ok(awaited(id));
    };
    let page = move || {
        show(&Page {
            id: id.to_string(),
            waterfall: Waterfall::of(id, &whole, &colours),
        })
    };
    turn.make(page).await
}

/// What there is to know about one span.
pub(super) async fn span(
    State(store): State<Store>,
    Path((trace, span)): Path<(String, String)>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, StoreError> {
    let params = Params::of(pairs);
    let twin = params.limit("twin", 0, i64::MAX).unwrap_or_default();
    let ids = TraceId::parse(&trace).zip(SpanId::parse(&span));
    let Some((trace_id, span_id)) = ids else {
        return Ok(unknown(&trace));
    };
    let colours = Colours::of(&store).await?;
    let turn = store.turn().await?;
    let Some(whole) = store.trace(trace_id).await? else {
        return Ok(unknown(&trace));
    };
    let pane = move || {
        let tree = Tree::of(&whole.spans);
        let is_it = |node: &&Node| {
            whole
                .spans
                .get(node.span)
                .is_some_and(|stored| stored.span.span_id == span_id.0)
        };
        let found = tree.nodes.iter().filter(is_it).nth(twin);
        let index = Index::of(&whole);
        match found.and_then(|node| Detail::of(&tree, node, &whole, &index, &colours)) {
            Some(detail) => show(&detail),
            None => failed(
                StatusCode::NOT_FOUND,
                "There is no such span",
                no_span(&span, &whole),
            ),
        }
    };
    turn.make(pane).await
}

fn no_span(id: &str, whole: &Whole) -> String {
    let (read, left_out) = (whole.spans.len(), whole.left_out.0);
    if left_out == 0 {
        return format!("{id} is not in this trace, or not any more.");
    }
    let all = read + left_out;
    format!(
        "This trace is larger than is read at once: {id} is none of the {read} spans that were read, of {all}."
    )
}

pub(super) fn unknown(text: &str) -> Response {
    let why = match TraceId::parse(text) {
        Some(_) => "did not come in yet, or gave way to newer traces.",
        None => {
            "is no trace id: that has 32 hexadecimal digits at most, and not all of them are zero."
        }
    };
    failed(
        StatusCode::NOT_FOUND,
        "There is no such trace",
        format!("{text} {why}"),
    )
}

/// A page that shows the trace as soon as it is there: senders send what they have every few seconds.
fn awaited(id: TraceId) -> Response {
    let page = Failed {
        title: "This trace is not here",
        message: format!(
            "{id} did not come in yet, or gave way to newer traces. If it comes, this page shows it."
        ),
        awaited: id.to_string(),
    };
    (StatusCode::NOT_FOUND, show(&page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_that_was_not_read_is_not_said_to_be_gone() {
        let mut whole = Whole::default();
        assert!(no_span("02", &whole).contains("not any more"));
        whole.left_out.0 = 3;
        let told = no_span("02", &whole);
        assert!(!told.contains("not any more"), "{told}");
        assert!(
            told.ends_with("02 is none of the 0 spans that were read, of 3."),
            "{told}"
        );
    }
}
