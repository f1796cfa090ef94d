//! A receiver of OTLP over HTTP that fails, in the way it is told, until the fault is over.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each user has a use for its own part"
)]

#[path = "../common/vacant.rs"]
mod vacant;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

/// Only what fails waits so long.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens.
    Refuse,
    /// It reads, and answers nothing until the fault is over.
    Hang,
    /// With a time to try again.
    TooMany,
    Unavailable,
    /// It closes in the middle of its answer.
    Half,
    /// It closes in the middle of the request.
    Reset,
    /// It takes a request bit by bit.
    Slow,
}

#[derive(Default)]
pub struct State {
    pub fault: Option<Fault>,
    asked: u64,
    /// Spans of requests that it answered with 200.
    taken: u64,
}

#[derive(Clone, Default)]
pub struct Receiver {
    state: Arc<Mutex<State>>,
    changed: Arc<Condvar>,
}

impl Receiver {
    pub fn start(fault: impl Into<Option<Fault>>) -> (Self, SocketAddr) {
        let fault = fault.into();
        let receiver = Self::default();
        receiver.state.lock().unwrap().fault = fault;
        let address = vacant::address();
        if fault != Some(Fault::Refuse) {
            receiver.listen(TcpListener::bind(address).unwrap());
        }
        (receiver, address)
    }

    pub fn listen(&self, listener: TcpListener) {
        let receiver = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (receiver, stream) = (receiver.clone(), stream.unwrap());
                // The other end may be gone.
                thread::spawn(move || receiver.serve(stream).ok());
            }
        });
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let fault = self.change(|state| {
            state.asked += 1;
            state.fault
        });
        if fault == Some(Fault::Reset) {
            stream.read_exact(&mut [0])?;
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? <= 2 {
                break;
            }
            if let Some(text) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        for part in body.chunks_mut(4096) {
            stream.read_exact(part)?;
            if fault == Some(Fault::Slow) {
                thread::sleep(Duration::from_millis(2));
            }
        }
        let answer = match fault {
            Some(Fault::Hang) => {
                let state = self.state.lock().unwrap();
                let hangs = |state: &mut State| state.fault.is_some();
                let over = self.changed.wait_timeout_while(state, PATIENCE, hangs);
                drop(over);
                return Ok(());
            }
            Some(Fault::TooMany) => {
                "HTTP/1.1 429 No\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            }
            Some(Fault::Unavailable) => {
                "HTTP/1.1 503 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            }
            Some(Fault::Half) => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx",
            Some(Fault::Refuse | Fault::Reset | Fault::Slow) | None => {
                let spans = spans(&body);
                self.change(|state| state.taken += spans);
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            }
        };
        stream.get_mut().write_all(answer.as_bytes())
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
        changed
    }

    pub fn asked(&self) -> u64 {
        self.state.lock().unwrap().asked
    }

    pub fn taken(&self) -> u64 {
        self.state.lock().unwrap().taken
    }
}

fn spans(body: &[u8]) -> u64 {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let scopes = request
        .resource_spans
        .iter()
        .flat_map(|all| &all.scope_spans);
    scopes.map(|scope| scope.spans.len() as u64).sum()
}
