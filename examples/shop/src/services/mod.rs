//! The services, each a `run` that a `main` of its own could be: `init`, a layer on each side, an end in order.

pub(crate) mod orders;
pub(crate) mod pricing;
pub(crate) mod stock;
pub(crate) mod storefront;

use std::{
    io::{self, Write},
    net::SocketAddr,
    thread,
};

use throughline::{Subscriber, Telemetry};
use tokio::{net::TcpListener, sync::oneshot};

use crate::Result;

/// What a service says on its first line, before its address.
pub(crate) const LISTENING: &str = "listening on ";

/// What it says before the address of its metrics, if it serves them.
pub(crate) const METRICS: &str = "metrics on ";

/// Lines of JSON, if it is set. A setting of this program: a service of one's own knows how it logs.
pub(crate) const JSON: &str = "SHOP_LOGS_JSON";

/// Where a service listens, and where those are that it calls.
#[derive(Debug)]
pub(crate) struct Place {
    listen: SocketAddr,
    upstreams: Vec<(String, String)>,
}

impl Place {
    /// From a command line: `127.0.0.1:4001 stock=127.0.0.1:4002`.
    pub(crate) fn parse(words: &[String]) -> Result<Self> {
        let (listen, upstreams) = words.split_first().ok_or("no address to listen on")?;
        let listen = listen
            .parse()
            .map_err(|error| format!("{listen:?} to listen on: {error}"))?;
        let upstreams = upstreams
            .iter()
            .map(|word| match word.split_once('=') {
                Some((name, address)) => Ok((name.to_owned(), format!("http://{address}"))),
                None => Err(format!("{word:?} is not of the form name=address")),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { listen, upstreams })
    }

    /// The URL of a service to call, without a path.
    pub(crate) fn upstream(&self, name: &str) -> Result<String> {
        let found = self.upstreams.iter().find(|(upstream, _)| upstream == name);
        let (_, url) = found.ok_or_else(|| format!("where is {name}? Give {name}=address"))?;
        Ok(url.clone())
    }

    /// Listens, on any free port if the wanted one is taken, and says so on the first line of the output; on the next,
    /// where its metrics are.
    pub(crate) async fn listen(&self, telemetry: &Telemetry) -> Result<TcpListener> {
        let listener = match TcpListener::bind(self.listen).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                TcpListener::bind((self.listen.ip(), 0)).await
            }
            bound => bound,
        };
        let listener =
            listener.map_err(|error| format!("{} to listen on: {error}", self.listen))?;
        say(&format!("{LISTENING}{}", listener.local_addr()?));
        if let Some(address) = telemetry.prometheus_address() {
            say(&format!("{METRICS}{address}"));
        }
        Ok(listener)
    }
}

/// How the services log: to stdout, where the launcher reads along, and to the collector.
#[expect(
    clippy::disallowed_methods,
    reason = "a setting of this program, not of the library"
)]
pub(crate) fn subscriber() -> Subscriber {
    match std::env::var_os(JSON) {
        Some(_) => Subscriber::json(),
        None => Subscriber::text(),
    }
}

/// A line for the launcher. Where nobody reads any more, it is lost.
pub(crate) fn say(line: &str) {
    writeln!(io::stdout(), "{line}").ok();
}

/// What a service serves until: a stop signal, or the end of its standard input. The launcher closes that, because one
/// process cannot send another a signal everywhere; and it ends by itself should the launcher die.
/// A service of one's own needs no more than [`throughline::stop_signal`].
pub(crate) async fn told_to_stop() {
    let (sender, closed) = oneshot::channel();
    // A thread of its own: the runtime would wait at its end for a read of its pool.
    thread::spawn(move || {
        io::copy(&mut io::stdin(), &mut io::sink()).ok();
        sender.send(()).ok();
    });
    tokio::select! {
        () = throughline::stop_signal() => {}
        _ = closed => {}
    }
}
