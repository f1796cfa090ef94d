//! Lines and log records, kept for a look at them.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

use std::{
    io,
    sync::{Arc, Mutex},
};

use opentelemetry::logs::AnyValue;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    logs::{LogBatch, LogExporter, SdkLogRecord},
};
use tracing_subscriber::fmt::MakeWriter;

/// What is written to it.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<Vec<u8>>>);

/// What is exported to it, also when it was shut down.
#[derive(Clone, Debug, Default)]
pub struct Records(Arc<Mutex<Vec<SdkLogRecord>>>);

impl Kept {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The line that has this in it, of which there is one.
    #[track_caller]
    pub fn line(&self, part: &str) -> String {
        let text = self.text();
        let found: Vec<_> = text.lines().filter(|line| line.contains(part)).collect();
        assert_eq!(found.len(), 1, "{part:?} in {text}");
        found[0].to_owned()
    }
}

impl Records {
    pub fn all(&self) -> Vec<SdkLogRecord> {
        self.0.lock().unwrap().clone()
    }

    /// Those of this target: the SDK says things of its own here and there.
    pub fn of(&self, target: &str) -> Vec<SdkLogRecord> {
        let mut records = self.all();
        records.retain(|record| record.target().unwrap().starts_with(target));
        records
    }
}

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Kept {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl LogExporter for Records {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let mut records = self.0.lock().unwrap();
        records.extend(batch.iter().map(|(record, _)| record.clone()));
        Ok(())
    }
}

/// The text of a record.
#[track_caller]
pub fn body(record: &SdkLogRecord) -> String {
    match record.body() {
        Some(AnyValue::String(text)) => text.as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

pub fn attribute<'r>(record: &'r SdkLogRecord, key: &str) -> Option<&'r AnyValue> {
    let mut attributes = record.attributes_iter();
    Some(&attributes.find(|(k, _)| k.as_str() == key)?.1)
}
