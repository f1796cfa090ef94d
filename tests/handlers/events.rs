//! Timed logs, and errors.

use std::{
    fmt, io,
    time::{Duration, SystemTime},
};

use opentelemetry::{
    KeyValue,
    trace::{Span, Status, Tracer},
};

use crate::app::App;

#[derive(Debug)]
struct SoldOut;

impl fmt::Display for SoldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no socks left")
    }
}

impl std::error::Error for SoldOut {}

#[test]
fn logs_have_a_name_fields_and_a_time() {
    let app = App::new();
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let before = SystemTime::now();
    let mut span = app.tracer.start("order");
    span.add_event("reserved", vec![KeyValue::new("sku", "sock")]);
    span.add_event_with_timestamp("scanned", then, Vec::new());
    span.end();
    let span = app.only();
    let [reserved, scanned] = &span.events.events[..] else {
        panic!("two events: {span:#?}");
    };
    assert_eq!(reserved.name, "reserved");
    assert_eq!(reserved.attributes, [KeyValue::new("sku", "sock")]);
    assert!(before <= reserved.timestamp && reserved.timestamp <= span.end_time);
    assert_eq!((&*scanned.name, scanned.timestamp), ("scanned", then));
}

#[test]
fn recording_an_error_by_hand_takes_three_calls() {
    let app = App::new();
    let mut span = app.tracer.start("one call");
    span.record_error(&SoldOut);
    span.end();
    let mut span = app.tracer.start("three calls");
    span.record_error(&SoldOut);
    span.set_attribute(KeyValue::new("error.type", "sold_out"));
    span.set_status(Status::error(SoldOut.to_string()));
    span.end();
    let [one, three] = &app.ended()[..] else {
        panic!("two spans");
    };
    let event = &one.events.events[0];
    assert_eq!(event.name, "exception");
    let message = KeyValue::new("exception.message", "no socks left");
    assert_eq!(event.attributes, [message]);
    assert_eq!(one.status, Status::Unset);
    assert_eq!(three.status, Status::error("no socks left"));
    // The status has an order: `Ok` is final.
    let mut span = app.tracer.start("ok");
    span.set_status(Status::Ok);
    span.set_status(Status::error("too late"));
    span.end();
    assert_eq!(app.ended().pop().unwrap().status, Status::Ok);
    let _other = io::Error::other(SoldOut);
}
