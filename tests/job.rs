//! A trace crosses from a process to one that it starts, by variables of the environment: real processes, this test itself.

use std::{collections::BTreeMap, process::Command};

use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    baggage::BaggageExt,
    trace::{SpanContext, TraceContextExt, TraceState},
};
use throughline::{Setup, Telemetry};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// Which formats the process under test is to read, and where it says so.
const FORMATS: &str = "JOB_TEST_FORMATS";

/// Whether it is to start another one instead.
const RELAYS: &str = "JOB_TEST_RELAYS";

/// Variables, given by a function instead of the process's own.
fn pipeline(variables: &[(&'static str, &str)]) -> Telemetry {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    Setup::new()
        .lookup(move |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            match found {
                Some((_, value)) => Some(value.clone()),
                None => name.ends_with("S_EXPORTER").then(|| "none".to_owned()),
            }
        })
        .build()
        .unwrap()
}

/// Ids, flags and baggage.
fn shown(context: &throughline::Context) -> String {
    context.in_scope(|| {
        let context = Context::current();
        let span = context.span();
        let ids = span.span_context();
        let baggage: BTreeMap<_, _> = context
            .baggage()
            .iter()
            .map(|(key, (value, _))| (key.to_string(), value.to_string()))
            .collect();
        format!(
            "{}-{}-{:02x} {baggage:?}",
            ids.trace_id(),
            ids.span_id(),
            ids.trace_flags()
        )
    })
}

fn bare() -> Context {
    let state = TraceState::NONE;
    let flags = TraceFlags::SAMPLED;
    let ids = SpanContext::new(TraceId::from(7), SpanId::from(8), flags, false, state);
    Context::new().with_remote_span_context(ids)
}

fn current() -> Context {
    let ids = SpanContext::new(
        TraceId::from_hex(TRACE).unwrap(),
        SpanId::from_hex(SPAN).unwrap(),
        TraceFlags::SAMPLED,
        false,
        TraceState::from_key_value([("a", "1")]).unwrap(),
    );
    let baggage = [opentelemetry::KeyValue::new("user", "alice")];
    Context::new()
        .with_remote_span_context(ids)
        .with_baggage(baggage)
}

/// What runs in a process that is started: says whose it is. In the test itself it does nothing.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "it is no setting of the library's"
)]
fn child() {
    let Ok(formats) = std::env::var(FORMATS) else {
        return;
    };
    // The process's own environment is read, with what it lists.
    let telemetry = Setup::new().build().unwrap();
    if std::env::var_os(RELAYS).is_some() {
        // Another trace than the one that came, without state and baggage.
        let mut command = again(&formats);
        command.env_remove(RELAYS);
        let _context = bare().attach();
        telemetry.inject_env(&mut command);
        print!("{}", said(command, &formats));
        return;
    }
    let state = std::env::var("TRACESTATE").unwrap_or_default();
    let context = shown(&telemetry.parent_from_env());
    println!("{formats}: {context} state={state};");
}

/// This program once more, as the test of the child.
fn again(formats: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child", "--nocapture"])
        .env(FORMATS, formats)
        .env("OTEL_PROPAGATORS", formats)
        .env("OTEL_TRACES_EXPORTER", "none")
        .env("OTEL_METRICS_EXPORTER", "none")
        .env("OTEL_LOGS_EXPORTER", "none");
    command
}

fn said(mut command: Command, formats: &str) -> String {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let start = format!("{formats}: ");
    let (_, said) = text.split_once(&start).unwrap_or_else(|| panic!("{text}"));
    format!("{start}{};", said.split_once(';').unwrap().0)
}

#[test]
fn a_process_belongs_to_whoever_starts_it_in_every_format() {
    for (formats, baggage, state) in [
        ("tracecontext,baggage", true, "a=1"),
        ("b3", false, ""),
        ("b3multi,baggage", true, ""),
        ("jaeger", true, ""),
        ("ottrace", true, ""),
        ("xray", false, ""),
        ("datadog", false, ""),
    ] {
        let telemetry = pipeline(&[("OTEL_PROPAGATORS", formats)]);
        let mut command = again(formats);
        {
            let _context = current().attach();
            telemetry.inject_env(&mut command);
        }
        let said = said(command, formats);
        let trace = match formats {
            "ottrace" => format!("{:0>32}", &TRACE[16..]),
            _ => TRACE.to_owned(),
        };
        let baggage = if baggage {
            r#"{"user": "alice"}"#
        } else {
            "{}"
        };
        let want = format!("{formats}: {trace}-{SPAN}-01 {baggage} state={state};");
        assert_eq!(said, want);
    }
}

#[test]
fn what_was_of_the_caller_s_trace_is_not_inherited_with_another() {
    let formats = "tracecontext,baggage,jaeger";
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let mut command = again(formats);
    command.env(RELAYS, "1").envs([
        ("TRACEPARENT", &*parent),
        ("TRACESTATE", "a=1"),
        ("BAGGAGE", "user=alice"),
        ("UBERCTX_USER", "alice"),
        ("JAEGER_DEBUG_ID", "why"),
    ]);
    let want = format!("{formats}: {:032x}-{:016x}-01 {{}} state=;", 7, 8);
    assert_eq!(said(command, formats), want);
}

#[test]
fn the_environment_is_asked_by_upper_case_names() {
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let telemetry = pipeline(&[("TRACEPARENT", &parent), ("BAGGAGE", "user=alice")]);
    let want = format!("{TRACE}-{SPAN}-01 {{\"user\": \"alice\"}}");
    assert_eq!(shown(&telemetry.parent_from_env()), want);
    let single = format!("{TRACE}-{SPAN}-0");
    let telemetry = pipeline(&[("OTEL_PROPAGATORS", "b3"), ("B3", &single)]);
    assert_eq!(
        shown(&telemetry.parent_from_env()),
        format!("{TRACE}-{SPAN}-00 {{}}")
    );
    let nothing = format!("{:032}-{:016}-00 {{}}", 0, 0);
    for variables in [
        &[][..],
        &[("traceparent", &*parent)],
        &[("TRACEPARENT", "nonsense")],
        &[("TRACEPARENT", "")],
        &[("OTEL_PROPAGATORS", "none"), ("TRACEPARENT", &parent)],
    ] {
        let telemetry = pipeline(variables);
        assert_eq!(
            shown(&telemetry.parent_from_env()),
            nothing,
            "{variables:?}"
        );
    }
}

#[test]
fn variables_are_listed_for_whoever_starts_processes_otherwise() {
    let telemetry = pipeline(&[("OTEL_PROPAGATORS", "tracecontext,baggage,xray")]);
    let _context = current().attach();
    let root = format!("Root=1-{}-{}", &TRACE[..8], &TRACE[8..]);
    let want = [
        ("TRACEPARENT", format!("00-{TRACE}-{SPAN}-01")),
        ("TRACESTATE", "a=1".to_owned()),
        ("BAGGAGE", "user=alice".to_owned()),
        ("X_AMZN_TRACE_ID", format!("{root};Parent={SPAN};Sampled=1")),
    ];
    let want = want.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(telemetry.env_vars(), want);
}

#[test]
fn without_a_context_there_is_nothing_to_hand_on() {
    let telemetry = pipeline(&[]);
    assert_eq!(telemetry.env_vars(), []);
    let mut command = Command::new("true");
    telemetry.inject_env(&mut command);
    assert_eq!(command.get_envs().count(), 0);
}
