//! A batch job that belongs to the trace of whoever started it, and starts a process of its own in it.
//!
//!     TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 OTEL_TRACES_EXPORTER=console \
//!         cargo run --example job
//!
//! The job's span is a child of that one, and the process that it starts gets a `TRACEPARENT` that names the job's span.
//! `-- --once` changes nothing: it ends by itself.

use std::{error::Error, process::Command};

use throughline::{
    Telemetry,
    otel::opentelemetry::{
        KeyValue, global,
        trace::{TraceContextExt, Tracer},
    },
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = throughline::init()?;

    // What is made in here is a child of whoever started us.
    let parent = telemetry.parent_from_env();
    parent.in_scope(|| {
        global::tracer("job").in_span("import orders", |context| {
            let imported = import();
            context
                .span()
                .set_attribute(KeyValue::new("app.imported", imported));
            report(&telemetry)
        })
    })?;
    // The same for a future, with all that it awaits.
    parent.carry(clean_up()).await;

    telemetry
        .shutdown()
        .await
        .unwrap_or_else(|lost| eprintln!("{lost}"));
    Ok(())
}

fn import() -> i64 {
    println!("imported 7 orders");
    7
}

/// A process of its own, which would read this as we did.
fn report(telemetry: &Telemetry) -> std::io::Result<()> {
    let mut command = Command::new("sh");
    command.args(["-c", "echo the report belongs to $TRACEPARENT"]);
    telemetry.inject_env(&mut command);
    command.status().map(drop)
}

async fn clean_up() {
    if let Some(ids) = throughline::current_ids() {
        println!("cleaned up in trace {}", ids.trace_id_hex());
    }
}
