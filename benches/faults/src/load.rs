//! Clients that ask some requests one after the other, at each beat, on a connection each.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::Failure;

pub const CONNECTIONS: usize = 16;
/// So many requests at each beat of a connection: 9,600 a second of all, where the machine has time for them.
pub const BURST: usize = 3;
pub const BEAT: Duration = Duration::from_millis(5);

/// How long each request took, the shortest first.
#[derive(Debug)]
pub struct Latencies(Vec<u32>);

/// Asks for so long. It fails where a request does.
#[tokio::main]
pub async fn run(address: SocketAddr, lasts: Duration) -> Result<Latencies, Failure> {
    let until = Instant::now() + lasts;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut connections: JoinSet<_> = (0..CONNECTIONS)
        .map(|index| ask(client.clone(), address, index, until))
        .collect();
    let mut all = Vec::new();
    while let Some(asked) = connections.join_next().await {
        all.extend(asked??);
    }
    all.sort_unstable();
    Ok(Latencies(all))
}

async fn ask(
    client: Client<HttpConnector, Empty<Bytes>>,
    address: SocketAddr,
    index: usize,
    until: Instant,
) -> Result<Vec<u32>, Failure> {
    let mut latencies = Vec::new();
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if latencies.len().is_multiple_of(BURST) {
            beat.tick().await;
        }
        let number = latencies.len() * CONNECTIONS + index;
        let start = Instant::now();
        if start >= until {
            return Ok(latencies);
        }
        let url = format!("http://{address}/orders/{number}").parse()?;
        let response = client.get(url).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("a request was answered {status}").into());
        }
        response.into_body().collect().await?;
        latencies.push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

impl Latencies {
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// In microseconds: so many of a thousand requests took no longer.
    pub fn of_thousand(&self, share: usize) -> u32 {
        let index = (self.0.len() * share / 1000).min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or(0)
    }
}
