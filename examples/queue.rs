//! A message queue between two services: the trace goes through it, in the headers of the messages.
//!
//!     OTEL_TRACES_EXPORTER=console cargo run --example queue
//!
//! One message at a time is a child of its sender; a batch is a trace of its own, with a link to each sender. A channel
//! stands for the queue; any map or list of names and values will do for its headers. It ends by itself.

use std::{collections::HashMap, error::Error};

use opentelemetry::trace::{Link, SpanBuilder, SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context as OtelContext, KeyValue, global};
use throughline::{Context, otel::ContextExt};
use tokio::sync::mpsc;

struct Message {
    headers: HashMap<String, String>,
    order: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = throughline::init()?;
    let (queue, mut messages) = mpsc::channel(10);
    for order in 1..=4 {
        queue.send(publish(order)).await?;
    }
    let first = messages.recv().await.ok_or("the queue is empty")?;
    process(first).await;
    let mut batch = Vec::new();
    messages.recv_many(&mut batch, 10).await;
    process_batch(&batch);
    if let Err(lost) = telemetry.shutdown().await {
        eprintln!("{lost}");
    }
    Ok(())
}

/// The message carries the span of its sending on.
fn publish(order: u32) -> Message {
    let builder = span("send orders", SpanKind::Producer);
    global::tracer("shop").in_span_with_builder(builder, |_| Message {
        headers: Context::current().inject().collect(),
        order,
    })
}

/// The sender's span is the parent, and its baggage is current.
async fn process(message: Message) {
    let sender = Context::extract(&message.headers);
    let builder = span("process orders", SpanKind::Consumer);
    let span = builder.start_with_context(&global::tracer("shop"), sender.as_otel());
    let context = Context::from_otel(sender.as_otel().with_span(span));
    context
        .carry(async { println!("order {}", message.order) })
        .await;
}

/// Many senders cannot all be the parent: there is a link to each.
fn process_batch(messages: &[Message]) {
    let links = messages.iter().map(|message| {
        let sender = Context::extract(&message.headers);
        Link::with_context(sender.as_otel().span().span_context().clone())
    });
    let builder = span("process orders", SpanKind::Consumer).with_links(links.collect());
    let span = builder.start(&global::tracer("shop"));
    let _active = OtelContext::current_with_span(span).attach();
    for message in messages {
        println!("order {}", message.order);
    }
}

fn span(name: &'static str, kind: SpanKind) -> SpanBuilder {
    let queue = KeyValue::new("messaging.destination.name", "orders");
    SpanBuilder::from_name(name)
        .with_kind(kind)
        .with_attributes([queue])
}
