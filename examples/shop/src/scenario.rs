//! What the launcher asks the shop, and the trace that each question must make.

use std::time::Duration;

use crate::trace::Kind;

/// One request of a customer.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) path: &'static str,
    /// What is to be seen.
    pub(crate) title: &'static str,
    pub(crate) customer: Customer,
    pub(crate) expected: Expected,
}

/// What the customer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Customer {
    /// Reads the answer to its end, which must have this status.
    Stays(u16),
    /// Hangs up this long after the stock has begun to look, without an answer.
    Leaves(Duration),
}

/// A span that must be there, and those that must be under it. Siblings are in the order of their starts.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) service: &'static str,
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    /// HTTP's number or gRPC's name. `None`: no head of a response ever came.
    pub(crate) status: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) resend: Option<u32>,
    pub(crate) at_least: Duration,
    pub(crate) children: Vec<Self>,
}

/// How long a customer waits for the slow shelf, and how long the stock would have searched.
pub(crate) const PATIENCE: Duration = Duration::from_millis(300);
pub(crate) const SEARCH: Duration = Duration::from_secs(3);

/// The price is told so many times, with a pause in between.
pub(crate) const TICKS: u32 = 5;
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

pub(crate) fn all() -> Vec<Scenario> {
    let (ok, lost, broken, gateway, busy) = (Some(200), Some(404), Some(500), Some(502), Some(503));
    vec![
        Scenario {
            path: "/buy/socks",
            title: "three services, one trace",
            customer: Customer::Stays(200),
            expected: buy(ok, [order(ok, ok)]),
        },
        Scenario {
            path: "/buy/unicorn",
            title: "not found: an error to who asked, not to who answered",
            customer: Customer::Stays(404),
            expected: buy(lost, [order(lost, lost)]),
        },
        Scenario {
            path: "/buy/broken",
            title: "the stock fails, and everyone above it",
            customer: Customer::Stays(502),
            expected: buy(gateway, [order(gateway, broken)]),
        },
        Scenario {
            path: "/buy/flaky",
            title: "the stock is busy at first: the storefront tries again",
            customer: Customer::Stays(200),
            expected: buy(ok, [order(busy, busy), order(ok, ok).resent(1)]),
        },
        Scenario {
            path: "/watch/socks",
            title: "a streamed answer: five messages, and the spans last until the last one",
            customer: Customer::Stays(200),
            expected: watch("OK").at_least(PAUSE * (TICKS - 1)),
        },
        Scenario {
            path: "/price/socks",
            title: "a call by gRPC",
            customer: Customer::Stays(200),
            expected: price(ok, "OK"),
        },
        Scenario {
            path: "/price/unicorn",
            title: "a call that fails, and gRPC's own word for it",
            customer: Customer::Stays(404),
            expected: price(lost, "NOT_FOUND"),
        },
        Scenario {
            path: "/watch/torn",
            title: "a stream by gRPC that fails after three messages: its status comes last",
            customer: Customer::Stays(200),
            expected: watch("INTERNAL"),
        },
        Scenario {
            path: "/buy/slow",
            title: "the customer hangs up after 300 ms, and every span ends with it",
            customer: Customer::Leaves(PATIENCE),
            expected: buy(None, [order(None, None)]).at_least(PATIENCE),
        },
    ]
}

fn buy<const N: usize>(status: Option<u16>, orders: [Expected; N]) -> Expected {
    server("storefront", "GET /buy/{sku}", status, orders.into())
}

fn order(status: Option<u16>, stock: Option<u16>) -> Expected {
    let look = server("stock", "GET /stock/{sku}", stock, vec![]);
    let ask = client("orders", "GET", stock, look);
    client(
        "storefront",
        "POST",
        status,
        server("orders", "POST /orders/{sku}", status, vec![ask]),
    )
}

fn price(status: Option<u16>, code: &'static str) -> Expected {
    let quote = call("shop.v1.Pricing/Quote", code);
    asked("GET /price/{sku}", "GET /orders/{sku}/price", status, quote)
}

/// The head of the answer is gone when the code comes.
fn watch(code: &'static str) -> Expected {
    let prices = call("shop.v1.Pricing/Watch", code);
    let names = ("GET /watch/{sku}", "GET /orders/{sku}/prices");
    asked(names.0, names.1, Some(200), prices)
}

/// What the storefront asks the orders, and what these call.
fn asked(
    storefront: &'static str,
    orders: &'static str,
    status: Option<u16>,
    called: Expected,
) -> Expected {
    let orders = server("orders", orders, status, vec![called]);
    let ask = client("storefront", "GET", status, orders);
    server("storefront", storefront, status, vec![ask])
}

/// A call of the pricing by the orders. Every code but OK is an error of who called; these are one of who was called.
fn call(method: &'static str, code: &'static str) -> Expected {
    let side = |service, kind, is_error: bool, children| Expected {
        service,
        kind,
        name: method,
        status: Some(code.to_owned()),
        error: is_error.then(|| code.to_owned()),
        resend: None,
        at_least: Duration::ZERO,
        children,
    };
    let pricing = side("pricing", Kind::Server, code == "INTERNAL", vec![]);
    side("orders", Kind::Client, code != "OK", vec![pricing])
}

/// A server's span is an error from 500, and when its caller left.
fn server(
    service: &'static str,
    name: &'static str,
    status: Option<u16>,
    children: Vec<Expected>,
) -> Expected {
    let error = match status {
        None => Some("cancelled".to_owned()),
        Some(code) => (code >= 500).then(|| code.to_string()),
    };
    Expected {
        service,
        kind: Kind::Server,
        name,
        status: status.map(|code| code.to_string()),
        error,
        resend: None,
        at_least: Duration::ZERO,
        children,
    }
}

/// A client's span is an error from 400. Hanging up is none: it was the client's own wish.
fn client(
    service: &'static str,
    name: &'static str,
    status: Option<u16>,
    callee: Expected,
) -> Expected {
    let error = status
        .filter(|code| *code >= 400)
        .map(|code| code.to_string());
    let children = vec![callee];
    Expected {
        service,
        kind: Kind::Client,
        name,
        status: status.map(|code| code.to_string()),
        error,
        resend: None,
        at_least: Duration::ZERO,
        children,
    }
}

impl Expected {
    fn resent(mut self, times: u32) -> Self {
        self.resend = Some(times);
        self
    }

    /// This span and all under it last so long.
    fn at_least(mut self, duration: Duration) -> Self {
        self.at_least = duration;
        self.children = self
            .children
            .into_iter()
            .map(|child| child.at_least(duration))
            .collect();
        self
    }
}
