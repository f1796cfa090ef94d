//! What is done to a log record before it is exported.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry::{
    Context, InstrumentationScope, Key,
    logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{LogProcessor, SdkLogRecord, SdkLogger, SdkLoggerProvider},
};

use crate::setup::{report::Report, settings::AttributeLimits};

/// The target of all records of the crate `log`; the real one is an attribute.
const LOG: &str = "log";
const LOG_TARGET: Key = Key::from_static_str("log.target");

/// Keeps attributes within their limits, which the SDK does not know for log records, and gives records of the crate
/// `log` the target they were made with.
#[derive(Debug)]
pub(super) struct Trim {
    limits: AttributeLimits,
    report: Report,
    is_told: AtomicBool,
    /// Makes records: attributes cannot be taken out of one.
    blank: SdkLogger,
}

impl Trim {
    pub(super) fn to(limits: AttributeLimits, report: Report) -> Self {
        let nowhere = SdkLoggerProvider::builder().with_resource(Resource::builder_empty().build());
        Self {
            limits,
            report,
            is_told: AtomicBool::new(false),
            blank: nowhere.build().logger("blank"),
        }
    }

    fn fits(&self, record: &SdkLogRecord) -> bool {
        let most = self.most();
        let mut attributes = record.attributes_iter();
        match self.limits.value_length {
            Some(length) => attributes
                .enumerate()
                .all(|(index, (_, value))| index < most && is_within(value, length)),
            None => attributes.nth(most).is_none(),
        }
    }

    fn trimmed(&self, record: &SdkLogRecord) -> SdkLogRecord {
        let mut trimmed = self.blank.create_log_record();
        if let Some(name) = record.event_name() {
            trimmed.set_event_name(name);
        }
        if let Some(target) = record.target() {
            trimmed.set_target(target.clone());
        }
        if let Some(time) = record.timestamp() {
            trimmed.set_timestamp(time);
        }
        if let Some(time) = record.observed_timestamp() {
            trimmed.set_observed_timestamp(time);
        }
        if let Some(context) = record.trace_context() {
            trimmed.set_trace_context(context.trace_id, context.span_id, context.trace_flags);
        }
        if let Some(text) = record.severity_text() {
            trimmed.set_severity_text(text);
        }
        if let Some(number) = record.severity_number() {
            trimmed.set_severity_number(number);
        }
        if let Some(body) = record.body() {
            trimmed.set_body(body.clone());
        }
        for (key, value) in record.attributes_iter().take(self.most()) {
            let value = match self.limits.value_length {
                Some(length) => cut(value, length),
                None => value.clone(),
            };
            trimmed.add_attribute(key.clone(), value);
        }
        trimmed
    }

    fn most(&self) -> usize {
        usize::try_from(self.limits.count).unwrap_or(usize::MAX)
    }

    fn tell(&self) {
        if !self.is_told.swap(true, Ordering::Relaxed) {
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            self.report.warn(&format!(
                "a log record has attributes beyond the limits ({} of them{}); what is beyond is left out, here and \
                 from now on",
                self.limits.count,
                match self.limits.value_length {
                    Some(length) => format!(", {length} characters each"),
                    None => String::new(),
                }
            ));
        }
    }
}

impl LogProcessor for Trim {
    fn emit(&self, record: &mut SdkLogRecord, _scope: &InstrumentationScope) {
        if record.target().is_some_and(|target| target == LOG)
            && let Some(target) = log_target(record)
        {
            record.set_target(target);
        }
        if !self.fits(record) {
            self.tell();
            *record = self.trimmed(record);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    /// It wants none for itself.
    fn event_enabled(&self, _level: Severity, _target: &str, _name: Option<&str>) -> bool {
        false
    }
}

fn log_target(record: &SdkLogRecord) -> Option<String> {
    let mut attributes = record.attributes_iter();
    match attributes.find(|(key, _)| *key == LOG_TARGET)? {
        (_, AnyValue::String(target)) => Some(target.as_str().to_owned()),
        _ => None,
    }
}

fn is_within(value: &AnyValue, length: usize) -> bool {
    match value {
        AnyValue::String(text) => text.as_str().chars().nth(length).is_none(),
        AnyValue::Bytes(bytes) => bytes.len() <= length,
        AnyValue::ListAny(values) => values.iter().all(|value| is_within(value, length)),
        AnyValue::Map(map) => map.values().all(|value| is_within(value, length)),
        _ => true,
    }
}

/// Texts and byte strings of this length at most, also within lists and maps: OpenTelemetry's "Attribute Limits".
fn cut(value: &AnyValue, length: usize) -> AnyValue {
    match value {
        AnyValue::String(text) => {
            let text: String = text.as_str().chars().take(length).collect();
            AnyValue::from(text)
        }
        AnyValue::Bytes(bytes) => {
            AnyValue::Bytes(Box::new(bytes.iter().copied().take(length).collect()))
        }
        AnyValue::ListAny(values) => AnyValue::ListAny(Box::new(
            values.iter().map(|value| cut(value, length)).collect(),
        )),
        AnyValue::Map(map) => AnyValue::Map(Box::new(
            map.iter()
                .map(|(key, value)| (key.clone(), cut(value, length)))
                .collect(),
        )),
        other => other.clone(),
    }
}
