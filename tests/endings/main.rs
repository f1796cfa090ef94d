//! A span ends once, at the end of its exchange, and says how that was; what is measured says the same.

#[path = "../common/mod.rs"]
mod common;

mod active;
mod bodies;
mod client;
mod disconnects;
mod panics;
mod unsampled;
mod upgrades;

use std::{cell::RefCell, ops::Deref, thread};

use common::meters::{Point, check_against};
use opentelemetry_sdk::trace::SpanData;
use throughline::{ClientLayer, ServerLayer};

/// A pipeline. When a test is over, it is checked that each span was measured once, by its own duration, status and error,
/// and that no request is active any more.
struct Spans {
    spans: common::Spans,
    past: RefCell<Vec<SpanData>>,
}

impl Spans {
    fn new() -> Self {
        Self {
            spans: common::Spans::new(),
            past: RefCell::default(),
        }
    }

    fn server(&self) -> ServerLayer {
        let layer = ServerLayer::new().telemetry(&self.telemetry);
        layer.measure_active_requests(true)
    }

    fn client(&self) -> ClientLayer {
        let layer = ClientLayer::new().telemetry(&self.telemetry);
        layer.measure_active_requests(true)
    }

    fn reset(&self) {
        self.past.borrow_mut().extend(self.spans.ended());
        self.spans.reset();
    }
}

impl Deref for Spans {
    type Target = common::Spans;

    fn deref(&self) -> &common::Spans {
        &self.spans
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.reset();
            let (points, spans) = (self.meters.points(), self.past.borrow());
            let is_active = |point: &Point| point.metric.ends_with(".active_requests");
            assert_eq!(points.iter().any(is_active), !spans.is_empty());
            check_against(&points, &spans);
        }
    }
}
