//! Log lines that carry the ids of their trace.
//!
//! [`WithTraceIds`] goes around one of `tracing-subscriber`'s own formats. Each line then ends with the ids of
//! OpenTelemetry's current span: in a request, the request's or that of the innermost span within. No `tracing` span is
//! needed for it, and no filter takes them away; outside of any trace a line stays as it is.
//!
//! ```
//! use throughline::logs::WithTraceIds;
//!
//! let text = tracing_subscriber::fmt().map_event_format(WithTraceIds::new).finish();
//! let json = tracing_subscriber::fmt().json().map_event_format(WithTraceIds::new).finish();
//! # let _both = (text, json);
//! ```
//!
//! ```text
//! 2026-11-22T10:00:00.000000Z  INFO shop: sold sku="socks" trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331 trace_flags=01
//! {"timestamp":"…","level":"INFO","fields":{"message":"sold","sku":"socks"},"target":"shop","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","trace_flags":"01"}
//! ```
//!
//! The names are those of OpenTelemetry's *Trace Context in non-OTLP Log Formats*.

mod format;
mod layout;

pub use self::format::WithTraceIds;
