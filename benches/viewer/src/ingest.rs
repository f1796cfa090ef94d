//! Sending a load, and what the receiver uses for it.

use std::{
    error::Error,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Mutex, mpsc};

use crate::{client::Client, load::Load, peer::Peer, process};

/// What it took.
pub(crate) struct Taken {
    pub(crate) spans: u64,
    pub(crate) bytes: u64,
    pub(crate) refused: u64,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// Resident bytes at most, once half of it was sent.
    pub(crate) resident: u64,
}

/// Connections that send at the same time.
const SENDERS: usize = 4;

/// Sends as many spans and logs to the peer.
pub(crate) async fn run(
    peer: &Peer,
    load: &mut Load,
    spans: usize,
) -> Result<Taken, Box<dyn Error + Send + Sync>> {
    let before = process::cpu(peer.pid())?;
    let start = Instant::now();
    let (packets, queue) = mpsc::channel(2 * SENDERS);
    let queue = Arc::new(Mutex::new(queue));
    let refused = Arc::new(AtomicU64::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (queue, refused, address) = (Arc::clone(&queue), Arc::clone(&refused), peer.http);
            tokio::spawn(async move {
                let mut client = Client::connect(address).await?;
                while let Some(packet) = { queue.lock().await.recv().await } {
                    refused.fetch_add(client.send(packet).await?, Relaxed);
                }
                Ok::<_, Box<dyn Error + Send + Sync>>(())
            })
        })
        .collect();
    let (mut sent, mut bytes, mut resident) = (0, 0, 0);
    while sent < spans {
        let packet = load.next();
        sent += packet.spans;
        bytes += packet.body.len() as u64;
        if packets.send(packet).await.is_err() {
            break;
        }
        if sent > spans / 2 {
            resident = resident.max(process::memory(peer.pid())?.0);
        }
    }
    drop(packets);
    for sender in senders {
        sender.await??;
    }
    Ok(Taken {
        spans: sent as u64,
        bytes,
        refused: refused.load(Relaxed),
        wall: start.elapsed(),
        cpu: process::cpu(peer.pid())?.saturating_sub(before),
        resident,
    })
}

/// Sends at a pace, as many requests a second, until told to stop; how many spans went.
pub(crate) async fn steadily(
    address: SocketAddr,
    mut load: Load,
    a_second: u32,
    stop: Arc<AtomicBool>,
) -> Result<u64, Box<dyn Error + Send + Sync>> {
    let mut client = Client::connect(address).await?;
    let mut pace = tokio::time::interval(Duration::from_secs(1) / a_second);
    let mut spans = 0;
    while !stop.load(Relaxed) {
        pace.tick().await;
        let packet = load.next();
        spans += packet.spans as u64;
        client.send(packet).await?;
    }
    Ok(spans)
}

impl Taken {
    pub(crate) fn micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.spans as f64
    }

    pub(crate) fn print(&self, name: &str) {
        println!(
            "{name}: {} spans, {} MiB, in {:.1} s: {:.0} spans/s; CPU {:.1} µs/span, {:.0} spans/s of one core; {} told to come again",
            self.spans,
            self.bytes >> 20,
            self.wall.as_secs_f64(),
            self.spans as f64 / self.wall.as_secs_f64(),
            self.micros(),
            1e6 / self.micros(),
            self.refused,
        );
    }
}
