//! The map's callers: services, who begins a trace, and who sends nothing.

use crate::{
    CLIENT, SERVER,
    common::{attribute, span, start},
    of_kind,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_whoever_it_is_not_whoever_has_its_name() {
    let viewer = start().await;
    // A service may be called as those are who have no name.
    let mut call = of_kind(span(1, 2, Some(1), "GET"), CLIENT);
    call.attributes = vec![attribute("server.address", "user")];
    let served = of_kind(span(1, 1, None, "GET /users"), SERVER);
    viewer.send_spans("user", vec![served, call]).await;
    // Whoever called here has told the trace, and sends nothing.
    let served = of_kind(span(2, 1, Some(7), "GET /orders"), SERVER);
    viewer.send_spans("orders", vec![served]).await;
    let (_, map) = viewer.get("/map").await;
    for (node, count) in [("outside", 1), ("service", 2), ("silent", 2)] {
        let drawn = map.matches(&format!("<g class=\"node {node}\"")).count();
        assert_eq!(drawn, count, "{node}");
    }
    assert_eq!(map.matches("data-name=\"user\"").count(), 3);
    for arrow in [
        "user calls user: 1 call, 0 % failed",
        "unknown caller calls orders: 1 call, 0 % failed",
    ] {
        assert!(map.contains(arrow), "{arrow}");
    }
}
