//! Whether a collector answers: an empty export, which it takes as any other.

use std::{sync::mpsc, time::Duration};

use super::Given;
use crate::setup::{
    batch::Exit,
    endpoint::Shown,
    ledger::Signal,
    otlp,
    settings::{
        LogExporter, MetricExporter, Otlp, Protocol, Reader, Settings, SpanExporter, Zipkin,
    },
    transport::thread::Thread,
    zipkin,
};

/// Two seconds for all of them, which are asked at the same time.
const PATIENCE: Duration = Duration::from_secs(2);

/// Someone to ask.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    /// For people.
    target: String,
    to: To,
}

#[derive(Clone, Debug)]
enum To {
    Otlp(Box<Otlp>, Signal),
    Zipkin(Zipkin),
}

/// Everyone that the settings name and code leaves in use.
pub(super) fn of(settings: &Settings, given: &Given) -> Vec<Probe> {
    let mut probes = Vec::new();
    if settings.disabled {
        return probes;
    }
    let mut otlp = |what: &str, otlp: &Otlp, signal| {
        probes.push(Probe {
            target: format!("{what} {}", Shown(&otlp.endpoint)),
            to: To::Otlp(Box::new(otlp.clone()), signal),
        });
    };
    let mut zipkins = Vec::new();
    if given.exporters == 0 && !given.provider {
        for processing in &settings.traces.processors {
            match &processing.exporter {
                SpanExporter::Otlp(settings) => otlp("traces", settings, Signal::Spans),
                SpanExporter::Zipkin(settings) => zipkins.push(Probe {
                    target: format!("traces {}", Shown(&settings.endpoint)),
                    to: To::Zipkin(settings.clone()),
                }),
                SpanExporter::Console => {}
            }
        }
    }
    for reader in settings.metrics.readers.iter().filter(|_| !given.meters) {
        if let Reader::Periodic {
            exporter: MetricExporter::Otlp { otlp: settings, .. },
            ..
        } = reader
        {
            otlp("metrics", settings, Signal::DataPoints);
        }
    }
    for processing in settings.logs.processors.iter().filter(|_| !given.loggers) {
        if let LogExporter::Otlp(settings) = &processing.exporter {
            otlp("logs", settings, Signal::LogRecords);
        }
    }
    probes.append(&mut zipkins);
    probes
}

impl Probe {
    pub(super) fn is_of_logs(&self) -> bool {
        matches!(self.to, To::Otlp(_, Signal::LogRecords))
    }
}

/// What each of them says, in this order.
pub(super) fn ask(probes: &[&Probe], thread: &Thread) -> Vec<(String, Result<(), String>)> {
    let silent = format!("does not answer within {} s", PATIENCE.as_secs());
    let mut answers: Vec<_> = probes
        .iter()
        .map(|probe| (probe.target.clone(), Err(silent.clone())))
        .collect();
    let running = match thread.start() {
        Ok(running) if !probes.is_empty() => running,
        Ok(_) => return answers,
        Err(error) => {
            for (_, answer) in &mut answers {
                *answer = Err(error.to_string());
            }
            return answers;
        }
    };
    let (sender, receiver) = mpsc::channel();
    for (index, probe) in probes.iter().enumerate() {
        let (sender, to) = (sender.clone(), probe.to.clone());
        running.spawn(async move {
            let asked = tokio::time::timeout(PATIENCE, attempt(to)).await;
            if let Ok(answer) = asked {
                sender.send((index, answer)).ok();
            }
        });
    }
    // They all end, by themselves or with their time.
    drop(sender);
    for (index, answer) in receiver {
        if let Some((_, kept)) = answers.get_mut(index) {
            *kept = answer;
        }
    }
    answers
}

async fn attempt(to: To) -> Result<(), String> {
    match to {
        To::Otlp(settings, signal) => {
            let answer = otlp::probe(&settings, signal).await;
            answer.map_err(|why| match mistaken(&settings) {
                Some(hint) => format!("{why}; {hint}"),
                None => why,
            })
        }
        To::Zipkin(settings) => {
            let mut exit = zipkin::spans(&settings).map_err(|error| error.to_string())?;
            let mut parcel = exit.pack(Vec::new());
            let answer = exit.attempt(&mut parcel).await;
            exit.close().await;
            answer.map(drop).map_err(|failure| failure.why)
        }
    }
}

/// The one port for the other, which is what goes wrong most.
fn mistaken(settings: &Otlp) -> Option<&'static str> {
    match (settings.protocol, settings.endpoint.port()) {
        (Protocol::Grpc, Some(4318)) => {
            Some("4318 is the port of OTLP over HTTP, and this is gRPC, whose port is 4317")
        }
        (Protocol::HttpProtobuf | Protocol::HttpJson, Some(4317)) => {
            Some("4317 is the port of gRPC, and this is OTLP over HTTP, whose port is 4318")
        }
        _ => None,
    }
}
