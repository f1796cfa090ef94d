//! What people and tools ask of a full store, and how long it takes.

use std::{error::Error, time::Duration};

use crate::{client::Client, load::Load, peer::Peer, process};

/// A question.
struct Question {
    name: &'static str,
    path: String,
}

/// How often each is asked.
const ROUNDS: usize = 20;
/// No answer takes longer: at the 95th percentile, or of the processor where others use the machine too.
pub(crate) const BOUND: Duration = Duration::from_millis(100);

/// Asks all, prints a line for each, and returns the names of those above the bound.
pub(crate) async fn run(
    viewer: &Peer,
    load: &Load,
    is_busy: bool,
) -> Result<Vec<String>, Box<dyn Error + Send + Sync>> {
    let mut client = Client::connect(viewer.page).await?;
    let mut slow = Vec::new();
    println!("| question | p50 | p95 | max | processor | bytes |");
    println!("|---|--:|--:|--:|--:|--:|");
    for question in questions(&mut client, load).await? {
        let mut took = Vec::new();
        let mut bytes = 0;
        let before = process::cpu(viewer.pid())?;
        for _ in 0..ROUNDS {
            let (time, body) = client.get(&question.path).await?;
            took.push(time);
            bytes = body.len();
        }
        let cpu = process::cpu(viewer.pid())?.saturating_sub(before) / ROUNDS as u32;
        took.sort_unstable();
        let at = |share: f64| took[((ROUNDS as f64 * share).ceil() as usize).clamp(1, ROUNDS) - 1];
        println!(
            "| {} | {:.1} ms | {:.1} ms | {:.1} ms | {:.1} ms | {bytes} |",
            question.name,
            millis(at(0.5)),
            millis(at(0.95)),
            millis(at(1.0)),
            millis(cpu),
        );
        let judged = if is_busy { cpu } else { at(0.95) };
        if judged > BOUND {
            slow.push(question.name.to_owned());
        }
    }
    Ok(slow)
}

async fn questions(
    client: &mut Client,
    load: &Load,
) -> Result<Vec<Question>, Box<dyn Error + Send + Sync>> {
    let (_, found) = client.get("/api/traces?service=orders&limit=1").await?;
    let found = String::from_utf8_lossy(&found);
    let id = found
        .split_once(r#""traceID":""#)
        .and_then(|(_, rest)| rest.get(..32))
        .ok_or("no trace was found")?
        .to_owned();
    // Of the last third that was made: surely there, and far from the newest.
    let old = Load::order_id(load.made() - load.made() / 12);
    let gone = Load::order_id(load.made() + 77);
    let page = |name, pairs: &[(&str, &str)]| Question {
        name,
        path: path("/", pairs),
    };
    let v1 = |name, pairs: &[(&str, &str)]| Question {
        name,
        path: path(
            "/api/traces",
            &[&[("service", "orders"), ("limit", "20")], pairs].concat(),
        ),
    };
    let tag = |key: &str, value: &str| format!(r#"{{"{key}":"{value}"}}"#);
    let v3 = "/api/v3/trace-summaries?query.startTimeMin=2000-01-01T00:00:00Z&query.startTimeMax=2200-01-01T00:00:00Z&query.searchDepth=100";
    Ok(vec![
        page("page: the newest", &[]),
        page("page: by service", &[("service", "payments")]),
        page(
            "page: by service and operation",
            &[("service", "orders"), ("operation", "DELETE /orders/{id}")],
        ),
        page(
            "page: by a common attribute",
            &[("tags", "http.route=/orders")],
        ),
        page(
            "page: by an attribute of one old trace",
            &[("tags", &format!("app.order.id={old}"))],
        ),
        page(
            "page: by an attribute that none has",
            &[("tags", &format!("app.order.id={gone}"))],
        ),
        page(
            "page: by an attribute of the resource",
            &[("tags", "host.name=laptop")],
        ),
        page(
            "page: by a resource that none has",
            &[("tags", "host.name=desktop")],
        ),
        page(
            "page: by two attributes that never meet",
            &[("tags", &format!("http.route=/orders app.order.id={gone}"))],
        ),
        page("page: by a common text", &[("text", "firefox")]),
        page("page: by a text of one old trace", &[("text", &old[6..])]),
        page(
            "page: by a text that none has",
            &[("text", "no such words")],
        ),
        page("page: by three letters that none has", &[("text", "zqj")]),
        page("page: by two letters that none has", &[("text", "zq")]),
        page("page: longer than 500 ms", &[("min", "500ms")]),
        page("page: longer than any", &[("min", "500s")]),
        page("page: errors", &[("errors", "1")]),
        page(
            "page: errors of a service, by text",
            &[
                ("errors", "1"),
                ("service", "payments"),
                ("text", "price list"),
            ],
        ),
        page(
            "page: slow errors with an attribute",
            &[
                ("errors", "1"),
                ("min", "2s"),
                ("tags", "http.request.method=POST"),
            ],
        ),
        Question {
            name: "page: the last 15 minutes",
            path: "/?back=15m&service=stock".to_owned(),
        },
        Question {
            name: "page: a trace",
            path: format!("/trace/{id}"),
        },
        Question {
            name: "page: overview",
            path: "/overview".to_owned(),
        },
        Question {
            name: "page: overview of 15 minutes",
            path: "/overview?back=15m".to_owned(),
        },
        Question {
            name: "page: map",
            path: "/map".to_owned(),
        },
        Question {
            name: "page: map of 15 minutes",
            path: "/map?back=15m".to_owned(),
        },
        Question {
            name: "Jaeger: services",
            path: "/api/services".to_owned(),
        },
        v1("Jaeger: by service", &[]),
        v1("Jaeger: by operation", &[("operation", "SELECT orders")]),
        v1(
            "Jaeger: by a common attribute",
            &[("tags", &tag("http.request.method", "POST"))],
        ),
        v1(
            "Jaeger: by an attribute of one old trace",
            &[("tags", &tag("app.order.id", &old))],
        ),
        v1(
            "Jaeger: by an attribute that none has",
            &[("tags", &tag("app.order.id", &gone))],
        ),
        v1("Jaeger: errors", &[("tags", &tag("error", "true"))]),
        v1("Jaeger: longer than 500 ms", &[("minDuration", "500ms")]),
        Question {
            name: "Jaeger v3: summaries",
            path: v3.to_owned(),
        },
        Question {
            name: "Jaeger: a trace",
            path: format!("/api/traces/{id}"),
        },
        Question {
            name: "Jaeger: dependencies",
            path: "/api/dependencies?endTs=4102444800000&lookback=4102444800000".to_owned(),
        },
        Question {
            name: "Zipkin: by attribute",
            path: path(
                "/api/v2/traces",
                &[
                    ("serviceName", "orders"),
                    ("annotationQuery", &format!("app.order.id={old}")),
                ],
            ),
        },
    ])
}

fn path(path: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    format!("{path}?{query}")
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
