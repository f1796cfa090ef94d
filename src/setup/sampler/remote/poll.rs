//! Asking the server.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use http::{
    HeaderMap, StatusCode,
    header::{ETAG, IF_NONE_MATCH},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::sleep;
use url::Url;

use super::{
    super::{
        client::{Answer as Response, Client, Destination},
        endpoint::Shown,
        error::SetupError,
        report::Report,
        sampler::{Site, bucket::Clock},
        settings::Tls,
        transport::quiet::aloud,
    },
    Latest, Server,
    answer::Answer,
    strategy::Strategy,
};

/// A question takes no longer than this, and no longer than until the next one unless that is sooner than a second.
const LIMIT: Duration = Duration::from_secs(10);
const SHORTEST_LIMIT: Duration = Duration::from_secs(1);

pub(super) struct Poll {
    client: Client,
    interval: Duration,
    latest: Arc<Latest>,
    clock: Clock,
    /// The server, for people.
    target: String,
    report: Report,
    /// The last good answer, and the server's mark of it.
    answer: Option<Answer>,
    mark: HeaderMap,
    is_failing: bool,
}

impl Poll {
    pub(super) fn new(
        server: Server<'_>,
        latest: Arc<Latest>,
        clock: Clock,
        site: &Site<'_>,
    ) -> Result<Self, SetupError> {
        let mut url = server.endpoint.clone();
        if url.port() == Some(RETIRED) && url.set_port(Some(PORT)).is_ok() {
            site.report.warn(&format!(
                "jaeger_remote: port {RETIRED} of {} was that of Jaeger's gRPC, which is retired; {} is asked instead, over HTTP",
                Shown(server.endpoint),
                Shown(&url),
            ));
        }
        let target = Shown(&url).to_string();
        set_service(&mut url, site.service);
        let to = Destination {
            url,
            origin: "the endpoint of jaeger_remote",
            headers: HeaderMap::new(),
            tls: &Tls::default(),
        };
        let limit = server.interval.clamp(SHORTEST_LIMIT, LIMIT);
        Ok(Self {
            client: Client::new(to, "application/json", |client| client.timeout(limit))?,
            interval: server.interval,
            latest,
            clock,
            target,
            report: site.report.clone(),
            answer: None,
            mark: HeaderMap::new(),
            is_failing: false,
        })
    }

    /// Asks at once and then at intervals, until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            match self.ask().await {
                Ok(()) => self.succeeded(),
                Err(why) => self.failed(&why),
            }
            sleep(jittered(self.interval)).await;
        }
    }

    async fn ask(&mut self) -> Result<(), String> {
        let answer = self.client.get(&self.mark).await;
        let answer = answer.map_err(|failure| failure.why)?;
        let answer = answer.map_err(|cut| cut.failure().why)?;
        match answer.status {
            StatusCode::NOT_MODIFIED if self.answer.is_some() => Ok(()),
            StatusCode::OK => self.take(&answer).map_err(str::to_owned),
            status => Err(format!("it answers {status}")),
        }
    }

    fn take(&mut self, response: &Response) -> Result<(), &'static str> {
        let answer = Answer::parse(&response.body)?;
        self.mark = HeaderMap::new();
        if let Some(mark) = response.headers.get(ETAG) {
            self.mark.insert(IF_NONE_MATCH, mark.clone());
        }
        if self.answer.as_ref() != Some(&answer) {
            let before = self.latest.get();
            let strategy = Strategy::of(answer.clone(), &before, &self.clock);
            self.latest.set(strategy);
            self.answer = Some(answer);
        }
        Ok(())
    }

    fn succeeded(&mut self) {
        if std::mem::take(&mut self.is_failing) {
            let text = format!("{} says again which traces to sample", self.target);
            aloud(|| self.report.info(&text));
        }
    }

    /// Once until it succeeds.
    fn failed(&mut self, why: &str) {
        if std::mem::replace(&mut self.is_failing, true) {
            return;
        }
        let stays = match &self.answer {
            Some(_) => "what it said last",
            None => "the initial sampling rate",
        };
        let text = format!(
            "{} does not say which traces to sample: {why}; {stays} stays until it does, which will be reported",
            self.target
        );
        aloud(|| self.report.warn(&text));
    }
}

/// The server wants exactly one.
fn set_service(url: &mut Url, service: &str) {
    let is_other = |pair: &&str| pair.split('=').next() != Some("service") && !pair.is_empty();
    let query = url.query().unwrap_or_default().split('&');
    let mut pairs: Vec<_> = query.filter(is_other).map(str::to_owned).collect();
    let service = utf8_percent_encode(service, NON_ALPHANUMERIC);
    pairs.push(format!("service={service}"));
    url.set_query(Some(&pairs.join("&")));
}

/// A tenth more or less, so that many processes that start together do not ask together.
fn jittered(interval: Duration) -> Duration {
    let random = RandomState::new().hash_one(0) >> 11;
    let part = random as f64 / (1_u64 << 53) as f64;
    interval.mul_f64(0.9 + 0.2 * part)
}

/// Jaeger's gRPC port for agents and clients, which the specification's example still has.
const RETIRED: u16 = 14250;

/// Jaeger's port for remote sampling over HTTP.
const PORT: u16 = 5778;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_asked_for_once() {
        for (url, service, want) in [
            (
                "http://h:5778/sampling",
                "shop",
                "http://h:5778/sampling?service=shop",
            ),
            (
                "http://h/s?a=b&service=x&&service",
                "a&b=c d/é+%",
                "http://h/s?a=b&service=a%26b%3Dc%20d%2F%C3%A9%2B%25",
            ),
        ] {
            let mut url = Url::parse(url).unwrap();
            set_service(&mut url, service);
            assert_eq!(url.as_str(), want);
        }
    }

    #[test]
    fn intervals_differ_by_a_tenth() {
        let second = Duration::from_secs(1);
        for _ in 0..1000 {
            assert!(jittered(second).abs_diff(second) <= second / 10);
        }
        assert_ne!(jittered(second), jittered(second));
    }
}
