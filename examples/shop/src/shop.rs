//! The open shop: its four services, its customers, and what is known of the traces.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::{
    Result,
    check::problems,
    collector::Collector,
    launcher::Options,
    logs::Record,
    processes::{Reports, Service},
    scenario::{Customer, Scenario},
    services::stock::SEARCHING,
    style::{Ink, Style},
    trace::Traces,
    tree::draw,
    viewer::{self, Page},
};

/// How long an answer, or a whole trace, may take to come.
const DEADLINE: Duration = Duration::from_secs(10);

/// A trace that has not grown for so long is printed.
const QUIET: Duration = Duration::from_millis(300);

pub(crate) struct Shop {
    style: Style,
    customer: reqwest::Client,
    collector: Collector,
    page: Page,
    traces: Traces,
    storefront: Service,
    orders: Service,
    pricing: Service,
    stock: Service,
}

impl Shop {
    /// Whoever is called starts first.
    pub(crate) async fn open(style: Style, options: Options) -> Result<Self> {
        let page = viewer::open().await?;
        println!("All traces, as a page: {}\n", page.address);
        let collector = Collector::start(page.store.clone()).await?;
        let reports = |metrics_port| Reports {
            collector: collector.address,
            metrics_port: options.prometheus.then_some(metrics_port),
            logs: options.logs,
        };
        let stock = Service::start("stock", 4002, &[], reports(9466)).await?;
        let pricing = Service::start("pricing", 4003, &[], reports(9467)).await?;
        let upstreams = [&stock, &pricing];
        let orders = Service::start("orders", 4001, &upstreams, reports(9465)).await?;
        let storefront = Service::start("storefront", 4000, &[&orders], reports(9464)).await?;
        for service in [&storefront, &orders, &stock, &pricing] {
            if let Some(metrics) = service.metrics {
                println!("metrics of {}: http://{metrics}/metrics", service.name);
            }
        }
        Ok(Self {
            style,
            page,
            customer: reqwest::Client::builder().no_proxy().build()?,
            collector,
            traces: Traces::default(),
            storefront,
            orders,
            pricing,
            stock,
        })
    }

    /// Serves each customer. Returns what was wrong with the answers.
    pub(crate) async fn round(&mut self, scenarios: &[Scenario]) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        for scenario in scenarios {
            wrong.extend(self.serve(scenario).await?);
        }
        Ok(wrong)
    }

    pub(crate) fn traces(&self) -> &Traces {
        &self.traces
    }

    /// A request and its trace, printed. Returns what was wrong with the answer.
    async fn serve(&mut self, scenario: &Scenario) -> Result<Option<String>> {
        let url = format!("http://{}{}", self.storefront.address, scenario.path);
        let patience = match scenario.customer {
            Customer::Stays(_) => String::new(),
            Customer::Leaves(patience) => format!("--max-time {} ", patience.as_secs_f32()),
        };
        let command = self
            .style
            .paint(Ink::Bold, &format!("curl {patience}{url}"));
        let title = self.style.paint(Ink::Dim, &format!("# {}", scenario.title));
        println!("{command}  {title}");
        let wrong = self.ask(scenario, &url).await?;
        self.wait_for(scenario).await;
        match self.traces.of_path(scenario.path) {
            Some(trace) => {
                print!("{}", draw(trace, self.style));
                println!("  {}\n", self.page.of(trace));
            }
            None => println!("  no trace came\n"),
        }
        Ok(wrong.map(|wrong| format!("{}: {wrong}", scenario.path)))
    }

    /// Does what the customer does. Returns what was wrong with the answer.
    async fn ask(&mut self, scenario: &Scenario, url: &str) -> Result<Option<String>> {
        let style = self.style;
        let answer = async {
            let mut answer = self.customer.get(url).send().await?;
            while let Some(chunk) = answer.chunk().await? {
                for line in String::from_utf8_lossy(&chunk).lines() {
                    println!("  {}", style.paint(Ink::Dim, line));
                }
            }
            Ok::<_, reqwest::Error>(answer.status().as_u16())
        };
        match scenario.customer {
            Customer::Stays(expected) => {
                let status = timeout(DEADLINE, answer)
                    .await
                    .map_err(|_| format!("{url}: no answer within {DEADLINE:?}"))??;
                let wrong = format!("answered {status}, expected {expected}");
                Ok((status != expected).then_some(wrong))
            }
            Customer::Leaves(patience) => {
                let leaves = async {
                    self.stock.said(SEARCHING).await?;
                    sleep(patience).await;
                    Result::<()>::Ok(())
                };
                tokio::select! {
                    answer = answer => Ok(Some(format!("answered {answer:?} before the customer left"))),
                    left = leaves => left.map(|()| None),
                }
            }
        }
    }

    /// Takes spans in until the trace is whole, or the deadline has passed.
    async fn wait_for(&mut self, scenario: &Scenario) {
        let deadline = Instant::now() + DEADLINE;
        let is_whole = |traces: &Traces| {
            let trace = traces.of_path(scenario.path);
            trace.is_some_and(|trace| problems(trace, &scenario.expected).is_empty())
        };
        while !is_whole(&self.traces) {
            match timeout_at(deadline, self.collector.next()).await {
                Ok(spans) => self.traces.add(spans),
                Err(_) => return,
            }
        }
    }

    /// Prints each trace that comes, when it has been quiet for a while. Never ends by itself.
    pub(crate) async fn stay(&mut self) {
        self.traces = Traces::default();
        println!(
            "The shop stays open: run any of these, and see its trace here. Ctrl-C closes it.\n"
        );
        loop {
            let quiet = self.traces.next_quiet(QUIET);
            tokio::select! {
                spans = self.collector.next() => self.traces.add(spans),
                () = sleep_until(quiet.unwrap_or_else(Instant::now)), if quiet.is_some() => {}
            }
            // Nobody looks at them any more.
            drop(self.collector.records());
            for trace in self.traces.take_quiet(QUIET) {
                println!(
                    "{}",
                    self.style
                        .paint(Ink::Bold, trace.path().unwrap_or("part of a trace"))
                );
                print!("{}", draw(&trace, self.style));
                println!("  {}\n", self.page.of(&trace));
            }
        }
    }

    /// Whoever calls ends first. All are told, whatever becomes of the others.
    pub(crate) async fn close(mut self) -> Result<(Traces, Vec<Record>)> {
        let ends = [
            self.storefront.stop().await,
            self.orders.stop().await,
            self.pricing.stop().await,
            self.stock.stop().await,
        ];
        self.traces.add(self.collector.rest());
        ends.into_iter().collect::<Result<()>>()?;
        Ok((self.traces, self.collector.records()))
    }
}
