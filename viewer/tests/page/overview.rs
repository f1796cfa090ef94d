//! The numbers of the overview, and where they lead.

use opentelemetry_proto::tonic::trace::v1::Status;
use reqwest::StatusCode;

use crate::common::{span, start};

/// Each number of a chart is of the requests that began in a part of the time, however early their traces began.
#[tokio::test]
async fn each_part_of_a_chart_leads_to_its_requests() {
    let viewer = start().await;
    for number in 1..=90u128 {
        // A trace of hours, and in it a request at its beginning, in its midst or at its end.
        let mut job = span(number, 1, None, "job");
        job.end_time_unix_nano += 7_200_000_000_000;
        let mut served = span(number, 2, Some(1), "GET /orders");
        let late = u64::try_from(number % 3).unwrap() * 3_600_000_000_000;
        served.start_time_unix_nano += late + u64::try_from(number).unwrap() * 7_919;
        served.end_time_unix_nano = served.start_time_unix_nano + 5_000_000;
        if number.is_multiple_of(4) {
            served.status = Some(Status {
                code: 2,
                ..Status::default()
            });
        } else if number.is_multiple_of(5) {
            job.status = Some(Status {
                code: 2,
                ..Status::default()
            });
        }
        viewer.send_spans("jobs", vec![job]).await;
        viewer.send_spans("orders", vec![served]).await;
    }
    let (_, page) = viewer.get("/overview").await;
    let row = page.split("<tr").find(|row| row.contains("GET /orders"));
    let row = row.unwrap();
    let found = async |link: &str| {
        let (status, list) = viewer
            .get(&link.replace("&amp;", "&").replace("&#38;", "&"))
            .await;
        assert_eq!(status, StatusCode::OK, "{link}");
        list.matches("<td class=\"pick\"").count()
    };
    let link = |part: &str| part.split('"').next().unwrap().to_owned();
    let cell = |name: &str| {
        link(
            row.split(&format!("data-name=\"{name}\"><a href=\""))
                .nth(1)
                .unwrap(),
        )
    };
    assert_eq!(found(&cell("Requests")).await, 90);
    let failed = row.split("class=\"bad\" href=\"").nth(1).unwrap();
    assert_eq!(found(&link(failed)).await, 22, "failed themselves");
    let chart = row.split("</svg>").next().unwrap();
    let mut sum = 0;
    for step in chart
        .split("<a href=\"")
        .filter(|part| part.contains("<title>"))
    {
        let label = step.split("<title>").nth(1).unwrap();
        let count = label.split(": ").nth(1).unwrap().split(' ').next().unwrap();
        let count: usize = count.parse().unwrap();
        assert_eq!(found(&link(step)).await, count, "{label}");
        sum += count;
    }
    assert_eq!(sum, 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_routes_the_busiest_are_shown() {
    let viewer = start().await;
    let name = |number: u64| format!("GET /{number:04}");
    let mut spans: Vec<_> = (1..=600)
        .map(|number| span(number.into(), number, None, &name(number)))
        .collect();
    spans.extend((101..=600).map(|number| span(7, number, None, &name(number))));
    viewer.send_spans("shop", spans).await;
    let (status, page) = viewer.get("/overview").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page.matches("<th scope=\"row\"").count(), 500);
    assert!(page.contains("the 500 busiest of 600"));
    assert!(!page.contains("GET /0100") && page.contains("GET /0101"));
}
