//! A real Prometheus scrapes the shop: the percentiles of each route, the rules and the dashboard of `monitoring/`.
//!
//! It needs the programs `prometheus` and `promtool`, of Debian's package `prometheus`.

mod parts;

use std::{collections::BTreeMap, time::Duration};

use parts::{Prometheus, Shop, monitoring, promtool};
use serde_json::Value;
use tokio::time::{Instant, interval, sleep};

/// Far more than anything here takes; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the shop's own round asks of `/buy/{sku}` before it stays open.
const ROUND: usize = 5;

#[test]
fn the_rules_are_right_and_fire_for_what_they_should() {
    if !parts::installed() {
        return;
    }
    promtool(&["check", "rules", "alerts.yml"]);
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["test", "rules", "alerts.test.yml"]);
}

#[tokio::test]
async fn prometheus_answers_by_route() {
    if !parts::installed() {
        return;
    }
    let shop = Shop::open().await;
    let prometheus = Prometheus::start(&shop).await;
    let mut customers = Customers::of(&shop);

    // Rates need two scrapes; customers come until all is there.
    let routes = customers
        .until(async {
            prometheus
                .series("http_route", |routes| {
                    [
                        "/buy/{sku}",
                        "/orders/{sku}",
                        "/orders/{sku}/price",
                        "/orders/{sku}/prices",
                        "/price/{sku}",
                        "/stock/{sku}",
                        "/watch/{sku}",
                    ]
                    .iter()
                    .all(|route| routes.get(*route).is_some_and(|value| value.is_finite()))
                }, "histogram_quantile(0.95, sum by (le, http_route) (rate(http_server_request_duration_seconds_bucket[10s])))")
                .await
        })
        .await;
    for (route, seconds) in &routes {
        assert!(*seconds > 0.0 && *seconds < 10.0, "{route}: {seconds}");
    }
    // Five prices with 20 ms between them: that the whole stream is measured shows in the percentile.
    for route in ["/watch/{sku}", "/orders/{sku}/prices"] {
        assert!(routes[route] > 0.075, "{route}: {routes:?}");
    }
    let methods = customers
        .until(prometheus.series("rpc_method", |methods| {
            methods.contains_key("shop.v1.Pricing/Quote")
                && methods.contains_key("shop.v1.Pricing/Watch")
        }, "histogram_quantile(0.95, sum by (le, rpc_method) (rate(rpc_server_call_duration_seconds_bucket[10s])))"))
        .await;
    assert!(methods["shop.v1.Pricing/Watch"] > 0.075, "{methods:?}");

    customers.until(dashboard(&prometheus)).await;
    customers.until(rules(&prometheus)).await;

    // Nobody asks any more: what was asked is counted, and no more.
    let asked = customers.asked;
    let counted = [
        (r#"http_route="/buy/{sku}""#, ROUND + asked.buys),
        (r#"http_route="""#, asked.strays),
    ];
    for (route, count) in counted {
        let query = format!(
            "sum(http_server_request_duration_seconds_count{{job=\"storefront\", {route}}})"
        );
        prometheus
            .wait_for(&query, |value| value == count as f64)
            .await;
    }
    let query =
        r#"count(http_server_request_duration_seconds_count{job="storefront", http_route=""})"#;
    prometheus.wait_for(query, |series| series == 1.0).await;
    prometheus
        .wait_for(r#"count(target_info{service_name!=""})"#, |targets| {
            targets == 4.0
        })
        .await;

    for (name, address) in &shop.metrics {
        let page = reqwest::get(format!("http://{address}/metrics")).await;
        let page = page.unwrap().text().await.unwrap();
        assert!(page.contains(&format!("service_name=\"{name}\"")), "{name}");
        parts::promtool_reads(&["check", "metrics"], &page);
    }
}

/// Every panel's expression is PromQL, and speaks of what the shop measures.
async fn dashboard(prometheus: &Prometheus) {
    let text = std::fs::read_to_string(monitoring("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut expressions = 0;
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"]
                .as_str()
                .unwrap()
                .replace("$__rate_interval", "10s")
                .replace("$job", ".*")
                .replace("$route", ".*");
            assert!(!expression.contains('$'), "{title}: {expression}");
            expressions += 1;
            prometheus.answers(&expression).await;
        }
    }
    assert!(expressions > 15, "{expressions}");
}

/// Prometheus has them all and evaluates them; one in three orders fails, which is pending until it has lasted.
async fn rules(prometheus: &Prometheus) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rules = prometheus.get("/api/v1/rules").await;
        let groups = rules["data"]["groups"].as_array().unwrap();
        let rules: Vec<_> = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap())
            .collect();
        assert!(
            rules.iter().all(|rule| rule["health"] != "err"),
            "{rules:#?}"
        );
        let is_well = rules.len() > 10 && rules.iter().all(|rule| rule["health"] == "ok");
        let pending = rules.iter().any(|rule| {
            rule["name"] == "HttpErrorShareHigh"
                && rule["alerts"].as_array().unwrap().iter().any(|alert| {
                    let labels = &alert["labels"];
                    labels["job"] == "storefront" && labels["http_route"] == "/buy/{sku}"
                })
        });
        if is_well && pending {
            return;
        }
        assert!(Instant::now() < deadline, "{rules:#?}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// They ask the storefront for one thing after the other.
struct Customers {
    client: reqwest::Client,
    storefront: String,
    asked: Asked,
}

#[derive(Clone, Copy, Default)]
struct Asked {
    all: usize,
    buys: usize,
    /// For paths that no route matches.
    strays: usize,
}

impl Customers {
    fn of(shop: &Shop) -> Self {
        Self {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            storefront: shop.storefront.clone(),
            asked: Asked::default(),
        }
    }

    /// They come until this is done.
    async fn until<T>(&mut self, done: impl Future<Output = T>) -> T {
        let mut done = std::pin::pin!(done);
        let mut pace = interval(Duration::from_millis(20));
        loop {
            tokio::select! {
                biased;
                result = &mut done => return result,
                _ = pace.tick() => {}
            }
            // Beside what is waited for, but never given up half-way: each is to be counted.
            let mut asking = std::pin::pin!(self.ask());
            tokio::select! {
                result = &mut done => {
                    asking.await;
                    return result;
                }
                () = &mut asking => {}
            }
        }
    }

    async fn ask(&mut self) {
        const PATHS: [&str; 6] = [
            "/buy/socks",
            "/price/socks",
            "/buy/broken",
            "/watch/socks",
            "/buy/unicorn",
            "/price/unicorn",
        ];
        let stray = format!("/stray/{}", self.asked.all);
        let path = match PATHS.get(self.asked.all % (PATHS.len() + 1)) {
            Some(path) => *path,
            None => &stray,
        };
        self.asked.all += 1;
        self.asked.buys += usize::from(path.starts_with("/buy/"));
        self.asked.strays += usize::from(path == stray);
        let url = format!("{}{path}", self.storefront);
        let answer = self.client.get(url).send().await.unwrap();
        answer.bytes().await.unwrap();
    }
}

impl Prometheus {
    /// The values of a query by one label, once they are as they should be.
    async fn series(
        &self,
        label: &str,
        is_there: impl Fn(&BTreeMap<String, f64>) -> bool,
        query: &str,
    ) -> BTreeMap<String, f64> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.query(query).await;
            let values: BTreeMap<_, _> = answer
                .iter()
                .map(|series| {
                    let label = series["metric"][label].as_str().unwrap_or_default();
                    (label.to_owned(), value(series))
                })
                .collect();
            if is_there(&values) {
                return values;
            }
            assert!(Instant::now() < deadline, "{query}: {values:?}");
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until there is any answer.
    async fn answers(&self, query: &str) {
        self.series("", |values| !values.is_empty(), query).await;
    }

    /// Waits until the one value of a query is as it should be.
    async fn wait_for(&self, query: &str, is_there: impl Fn(f64) -> bool) {
        let one = |values: &BTreeMap<_, _>| values.values().copied().any(&is_there);
        self.series("", one, query).await;
    }
}

fn value(series: &Value) -> f64 {
    series["value"][1].as_str().unwrap().parse().unwrap()
}
