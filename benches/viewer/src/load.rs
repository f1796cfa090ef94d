//! What is sent: orders of a shop, as the SDKs of its services would send them.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event, status::StatusCode},
};
use prost::Message;

/// A request as it goes over the wire.
pub(crate) struct Packet {
    pub(crate) path: &'static str,
    pub(crate) body: Vec<u8>,
    pub(crate) spans: usize,
}

/// Spans that each service has not sent yet.
pub(crate) struct Load {
    random: Random,
    waiting: Vec<Vec<Span>>,
    logs: Vec<LogRecord>,
    made: u64,
    clock: u64,
    pace: u64,
}

/// A small generator, so that each run sends the same.
struct Random(u64);

/// A span under construction.
struct Draft<'l> {
    load: &'l mut Load,
    span: Span,
    service: usize,
}

pub(crate) const SERVICES: [&str; 5] = ["gateway", "orders", "stock", "payments", "mailer"];
pub(crate) const BATCH: usize = 512;
/// All that is sent began within this time before now.
const PERIOD: u64 = 20 * 60 * 1_000_000_000;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const PRODUCER: i32 = 4;
const CONSUMER: i32 = 5;
const INTERNAL: i32 = 1;
const ROUTES: [(&str, &str); 6] = [
    ("GET", "/orders/{id}"),
    ("POST", "/orders"),
    ("GET", "/orders"),
    ("DELETE", "/orders/{id}"),
    ("GET", "/basket/{user}"),
    ("GET", "/health"),
];

impl Load {
    /// Spreads as many spans over the period.
    pub(crate) fn new(spans: usize) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is set")
            .as_nanos() as u64;
        Self {
            random: Random(0x9E37_79B9_7F4A_7C15),
            waiting: vec![Vec::new(); SERVICES.len()],
            logs: Vec::new(),
            made: 0,
            clock: now - PERIOD,
            pace: PERIOD / spans.max(1) as u64,
        }
    }

    /// The next request: a service's batch when it is full, or logs.
    pub(crate) fn next(&mut self) -> Packet {
        loop {
            if let Some(service) = self.waiting.iter().position(|spans| spans.len() >= BATCH) {
                let spans = self.waiting[service].drain(..BATCH).collect();
                return of_spans(service, spans);
            }
            if self.logs.len() >= BATCH {
                return of_logs(self.logs.drain(..BATCH).collect());
            }
            self.order();
        }
    }

    /// The attribute that the order of this number has, and no other.
    pub(crate) fn order_id(number: u64) -> String {
        format!("ord-{:012x}", mix(number) >> 16)
    }

    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// One trace: seven to eleven spans of up to five services.
    fn order(&mut self) {
        let number = self.made;
        self.made += 1;
        let trace = u128::from(mix(number)) << 64 | u128::from(mix(number ^ 0xABCD));
        let trace = trace.to_be_bytes().to_vec();
        let (method, route) = ROUTES[(self.random.next() % 100).ilog2() as usize % ROUTES.len()];
        let is_error = self.random.one_in(33);
        let is_paid = method == "POST";
        let order = Self::order_id(number);
        let user = format!("user-{}", self.random.next() % 5_000);
        let path = route.replace("{id}", &order).replace("{user}", &user);
        let start = self.clock;
        let took = 2_000_000 + self.random.next() % 60_000_000;
        let took = if self.random.one_in(500) {
            took * 40
        } else {
            took
        };
        let before = self.waiting.iter().map(Vec::len).sum::<usize>();

        let name = format!("{method} {route}");
        let mut edge = self.draft(0, &trace, None, SERVER, &name, (start, took));
        edge.http(method, route, &path, is_error);
        edge.text("user.id", &user).text("app.order.id", &order);
        let edge = edge.end();
        let mut call = self.draft(
            0,
            &trace,
            Some(edge),
            CLIENT,
            method,
            (start + 200_000, took * 9 / 10),
        );
        call.call(method, "orders.internal", &path, is_error);
        let call = call.end();
        let name = format!("{method} {route}");
        let mut serve = self.draft(
            1,
            &trace,
            Some(call),
            SERVER,
            &name,
            (start + 400_000, took * 8 / 10),
        );
        serve.http(method, route, &path, is_error);
        serve.text("app.order.id", &order);
        let serve = serve.end();
        let mut inner = self.draft(
            1,
            &trace,
            Some(serve),
            INTERNAL,
            "price order",
            (start + 500_000, took / 10),
        );
        inner
            .text("app.basket.currency", "EUR")
            .number("app.basket.items", 7);
        if is_error {
            inner.fails("price list is out of date");
        }
        inner.end();
        let query = "SELECT id, state, total, currency, placed_at FROM orders WHERE id = $1";
        let mut select = self.draft(
            1,
            &trace,
            Some(serve),
            CLIENT,
            "SELECT orders",
            (start + 700_000, took / 8),
        );
        select.database("postgresql", "shop", query);
        select.end();
        let mut call = self.draft(
            1,
            &trace,
            Some(serve),
            CLIENT,
            "GET",
            (start + 900_000, took / 3),
        );
        call.call("GET", "stock.internal", "/stock/4711", false);
        let call = call.end();
        let mut serve_stock = self.draft(
            2,
            &trace,
            Some(call),
            SERVER,
            "GET /stock/{sku}",
            (start + 1_000_000, took / 4),
        );
        serve_stock.http("GET", "/stock/{sku}", "/stock/4711", false);
        let serve_stock = serve_stock.end();
        let mut cache = self.draft(
            2,
            &trace,
            Some(serve_stock),
            CLIENT,
            "GET",
            (start + 1_100_000, took / 30),
        );
        cache.database("redis", "0", "GET ?");
        cache.end();
        if is_paid {
            let mut call = self.draft(
                1,
                &trace,
                Some(serve),
                CLIENT,
                "POST",
                (start + took / 2, took / 4),
            );
            call.call("POST", "payments.internal", "/charges", is_error);
            let call = call.end();
            let mut charge = self.draft(
                3,
                &trace,
                Some(call),
                SERVER,
                "POST /charges",
                (start + took / 2, took / 5),
            );
            charge.http("POST", "/charges", "/charges", is_error);
            charge.text("app.order.id", &order);
            charge.end();
            let mut publish = self.draft(
                1,
                &trace,
                Some(serve),
                PRODUCER,
                "send mails",
                (start + took * 3 / 4, 400_000),
            );
            publish.queue("send");
            let publish = publish.end();
            let mut mail = self.draft(
                4,
                &trace,
                Some(publish),
                CONSUMER,
                "process mails",
                (start + took, 3_000_000),
            );
            mail.queue("process");
            mail.end();
        }
        if self.random.one_in(10) {
            self.logs.push(LogRecord {
                time_unix_nano: start + 600_000,
                severity_number: if is_error { 17 } else { 9 },
                body: Some(value(&format!("order {order} of {user} was priced"))),
                attributes: vec![attribute("code.line.number", "214")],
                trace_id: trace,
                span_id: serve.to_be_bytes().to_vec(),
                ..LogRecord::default()
            });
        }
        let after = self.waiting.iter().map(Vec::len).sum::<usize>();
        self.clock += (after - before) as u64 * self.pace;
    }

    fn draft(
        &mut self,
        service: usize,
        trace: &[u8],
        parent: Option<u64>,
        kind: i32,
        name: &str,
        (start, took): (u64, u64),
    ) -> Draft<'_> {
        let id = self.random.next();
        let thread = self.random.next() % 16;
        let span = Span {
            trace_id: trace.to_vec(),
            span_id: id.to_be_bytes().to_vec(),
            parent_span_id: parent
                .map(|id| id.to_be_bytes().to_vec())
                .unwrap_or_default(),
            flags: 0x101,
            name: name.to_owned(),
            kind,
            start_time_unix_nano: start,
            end_time_unix_nano: start + took,
            ..Span::default()
        };
        let mut draft = Draft {
            load: self,
            span,
            service,
        };
        draft
            .number("thread.id", thread)
            .text("thread.name", &format!("worker-{thread}"))
            .text("code.function.name", "shop::handlers::handle")
            .text("code.file.path", "src/handlers/orders.rs");
        draft
    }
}

impl Draft<'_> {
    fn http(&mut self, method: &str, route: &str, path: &str, is_error: bool) {
        let (port, host) = (
            self.load.random.next() % 28_000 + 32_768,
            self.load.random.next() % 250,
        );
        let status = if is_error { 500 } else { 200 };
        self.text("http.request.method", method)
            .text("http.route", route)
            .text("url.path", path)
            .text("url.scheme", "http")
            .text("server.address", "shop.example")
            .number("server.port", 8080)
            .text("client.address", &format!("10.1.4.{host}"))
            .text("network.peer.address", &format!("10.1.4.{host}"))
            .number("network.peer.port", port)
            .text("network.protocol.version", "1.1")
            .text(
                "user_agent.original",
                "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
            )
            .number("http.response.status_code", status);
        if is_error {
            self.fails("upstream is not available");
        }
    }

    fn call(&mut self, method: &str, host: &str, path: &str, is_error: bool) {
        self.text("http.request.method", method)
            .text("url.full", &format!("http://{host}:8080{path}"))
            .text("server.address", host)
            .number("server.port", 8080)
            .text("network.protocol.version", "1.1")
            .text("network.peer.address", "10.1.7.20")
            .number("network.peer.port", 8080)
            .number(
                "http.response.status_code",
                if is_error { 500 } else { 200 },
            );
        if is_error {
            self.text("error.type", "500");
            self.span.status = Some(Status {
                code: StatusCode::Error as i32,
                ..Status::default()
            });
        }
    }

    fn database(&mut self, system: &str, name: &str, query: &str) {
        self.text("db.system.name", system)
            .text("db.namespace", name)
            .text("db.query.text", query)
            .text(
                "db.operation.name",
                query.split(' ').next().unwrap_or_default(),
            )
            .text("server.address", "db.internal")
            .number("server.port", 5432)
            .number("db.response.returned_rows", 1)
            .text("network.peer.address", "10.1.9.3");
    }

    fn queue(&mut self, operation: &str) {
        let offset = self.load.made;
        self.text("messaging.system", "kafka")
            .text("messaging.destination.name", "mails")
            .text("messaging.operation.name", operation)
            .text("messaging.operation.type", operation)
            .text("messaging.destination.partition.id", "3")
            .number("messaging.kafka.offset", offset)
            .text("server.address", "kafka.internal")
            .number("server.port", 9092);
    }

    fn fails(&mut self, why: &str) {
        let time = self.span.end_time_unix_nano;
        self.text("error.type", "Unavailable");
        self.span.status = Some(Status {
            code: StatusCode::Error as i32,
            message: why.to_owned(),
        });
        self.span.events.push(Event {
            time_unix_nano: time,
            name: "exception".to_owned(),
            attributes: vec![
                attribute("exception.type", "shop::Unavailable"),
                attribute("exception.message", why),
                attribute(
                    "exception.stacktrace",
                    "0: shop::pricing::price\n1: shop::handlers::handle\n2: axum::serve",
                ),
            ],
            ..Event::default()
        });
    }

    fn text(&mut self, key: &str, text: &str) -> &mut Self {
        self.span.attributes.push(attribute(key, text));
        self
    }

    fn number(&mut self, key: &str, number: u64) -> &mut Self {
        let value = any_value::Value::IntValue(number as i64);
        self.span.attributes.push(KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        });
        self
    }

    fn end(self) -> u64 {
        let id = u64::from_be_bytes(self.span.span_id.as_slice().try_into().unwrap_or_default());
        self.load.waiting[self.service].push(self.span);
        id
    }
}

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0) | 1
    }

    fn one_in(&mut self, of: u64) -> bool {
        (self.next() >> 1).is_multiple_of(of)
    }
}

/// Spreads a number over all bits (splitmix64).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (number ^ (number >> 31)) | 1
}

fn of_spans(service: usize, spans: Vec<Span>) -> Packet {
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource(service)),
            scope_spans: vec![ScopeSpans {
                scope: Some(scope()),
                spans,
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    Packet {
        path: "/v1/traces",
        body: request.encode_to_vec(),
        spans: BATCH,
    }
}

fn of_logs(log_records: Vec<LogRecord>) -> Packet {
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource(1)),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope()),
                log_records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    };
    Packet {
        path: "/v1/logs",
        body: request.encode_to_vec(),
        spans: 0,
    }
}

fn resource(service: usize) -> Resource {
    Resource {
        attributes: vec![
            attribute("service.name", SERVICES[service]),
            attribute("service.version", "2.14.1"),
            attribute(
                "service.instance.id",
                "6f2b3c1e-09be-4a54-9c57-0fa5b21a33aa",
            ),
            attribute("deployment.environment.name", "development"),
            attribute("host.name", "laptop"),
            attribute("os.type", "linux"),
            attribute("process.pid", "48151"),
            attribute("telemetry.sdk.language", "rust"),
            attribute("telemetry.sdk.name", "opentelemetry"),
            attribute("telemetry.sdk.version", "0.33.1"),
        ],
        ..Resource::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "throughline".to_owned(),
        version: "0.1.0".to_owned(),
        ..InstrumentationScope::default()
    }
}

fn attribute(key: &str, text: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value(text)),
        ..KeyValue::default()
    }
}

fn value(text: &str) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::StringValue(text.to_owned())),
    }
}
