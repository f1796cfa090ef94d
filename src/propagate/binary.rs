//! OpenCensus' binary format: 29 bytes, in gRPC metadata as `grpc-trace-bin`, and OpenTracing's binary carrier.

use std::sync::LazyLock;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use opentelemetry::{
    Context,
    propagation::{Extractor, Injector, TextMapPropagator, text_map_propagator::FieldIter},
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState},
};

/// Metadata with names on `-bin` is base64 on the wire, and padding is the sender's choice (gRPC over HTTP2).
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const HEADER: &str = "grpc-trace-bin";
static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [HEADER.to_owned()]);

/// Reads and writes the `grpc-trace-bin` header of OpenCensus, for services around that know no `traceparent`.
///
/// The format holds the ids and the sampling flag; trace state and baggage do not travel in it. Compose it with others by
/// OpenTelemetry's `TextMapCompositePropagator`; what is extracted last wins.
#[derive(Clone, Copy, Debug, Default)]
pub struct GrpcTraceBinPropagator {
    _private: (),
}

impl GrpcTraceBinPropagator {
    /// The propagator; it holds nothing.
    pub fn new() -> Self {
        Self::default()
    }
}

impl TextMapPropagator for GrpcTraceBinPropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        if let Some(bytes) = inject_binary(cx) {
            injector.set(HEADER, BASE64.encode(bytes));
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let values = extractor.get_all(HEADER).unwrap_or_default();
        // Two of them contradict each other; neither is believed.
        let [value] = values.as_slice() else {
            return cx.clone();
        };
        match BASE64.decode(value.trim()) {
            Ok(bytes) => extract_binary(cx, &bytes),
            Err(_) => cx.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&*FIELDS)
    }
}

/// The current span of a context in 29 bytes: version, trace id, span id, options, each behind its number (OpenCensus
/// BinaryEncoding). `None` where there is no valid span.
pub fn inject_binary(context: &Context) -> Option<[u8; 29]> {
    let span = context.span();
    let span_context = span.span_context();
    if !span_context.is_valid() {
        return None;
    }
    let mut bytes = [0; 29];
    let trace_id = span_context.trace_id().to_bytes();
    let span_id = span_context.span_id().to_bytes();
    let sampled = [u8::from(span_context.is_sampled())];
    let parts = [&[0, 0][..], &trace_id, &[1], &span_id, &[2], &sampled];
    for (byte, part) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
        *byte = *part;
    }
    Some(bytes)
}

/// The context with the remote span that the bytes name, or as it was where they name none. A field of an unknown number
/// ends the reading; what came before it counts, so later versions of the format are understood.
pub fn extract_binary(context: &Context, bytes: &[u8]) -> Context {
    match read(bytes).filter(SpanContext::is_valid) {
        Some(span_context) => context.with_remote_span_context(span_context),
        None => context.clone(),
    }
}

fn read(bytes: &[u8]) -> Option<SpanContext> {
    let (&0, mut rest) = bytes.split_first()? else {
        return None;
    };
    let (mut trace_id, mut span_id) = (TraceId::INVALID, SpanId::INVALID);
    let mut flags = TraceFlags::default();
    while let Some((number, after)) = rest.split_first() {
        rest = match number {
            0 => {
                let (id, after) = after.split_first_chunk()?;
                trace_id = TraceId::from_bytes(*id);
                after
            }
            1 => {
                let (id, after) = after.split_first_chunk()?;
                span_id = SpanId::from_bytes(*id);
                after
            }
            2 => {
                let (options, after) = after.split_first()?;
                flags = TraceFlags::default().with_sampled(options & 1 == 1);
                after
            }
            _ => break,
        };
    }
    Some(SpanContext::new(
        trace_id,
        span_id,
        flags,
        true,
        TraceState::NONE,
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// The example of the specification: every byte of the ids tells its place.
    const EXAMPLE: [u8; 29] = [
        0, 0, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 1, 97, 98, 99, 100,
        101, 102, 103, 104, 2, 1,
    ];

    fn extracted(bytes: &[u8]) -> SpanContext {
        extract_binary(&Context::new(), bytes)
            .span()
            .span_context()
            .clone()
    }

    #[test]
    fn the_example_is_read_and_written() {
        let span_context = extracted(&EXAMPLE);
        assert_eq!(
            span_context.trace_id().to_string(),
            "404142434445464748494a4b4c4d4e4f"
        );
        assert_eq!(span_context.span_id().to_string(), "6162636465666768");
        assert!(span_context.is_sampled() && span_context.is_remote());
        let context = Context::new().with_remote_span_context(span_context);
        assert_eq!(inject_binary(&context), Some(EXAMPLE));
        assert_eq!(inject_binary(&Context::new()), None);
    }

    #[test]
    fn a_later_version_ends_at_what_is_unknown() {
        let mut later = EXAMPLE.to_vec();
        later.extend([3, 9, 9]);
        assert_eq!(extracted(&later), extracted(&EXAMPLE));
        assert!(!extracted(&EXAMPLE[..27]).is_sampled());
        assert!(extracted(&EXAMPLE[..27]).is_valid());
    }

    #[test]
    fn what_is_cut_or_zero_is_nothing() {
        let mut version = EXAMPLE;
        version[0] = 1;
        let mut zero = EXAMPLE;
        zero[2..18].fill(0);
        for bytes in [
            &[][..],
            &[0],
            &EXAMPLE[..10],
            &EXAMPLE[..18],
            &EXAMPLE[..20],
            &version,
            &zero,
        ] {
            assert!(!extracted(bytes).is_valid(), "{bytes:?}");
        }
    }

    #[test]
    fn the_header_is_base64_with_or_without_padding() {
        let propagator = GrpcTraceBinPropagator::new();
        let text = BASE64.encode(EXAMPLE);
        for value in [text.clone(), format!("{text}=")] {
            let carrier = HashMap::from([(HEADER.to_owned(), value)]);
            let context = propagator.extract_with_context(&Context::new(), &carrier);
            assert_eq!(context.span().span_context(), &extracted(&EXAMPLE));
            let mut out = HashMap::new();
            propagator.inject_context(&context, &mut out);
            assert_eq!(out[HEADER], text);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let context = extract_binary(&Context::new(), &bytes);
            if let Some(written) = inject_binary(&context) {
                prop_assert_eq!(extracted(&written), context.span().span_context().clone());
            }
        }

        #[test]
        fn any_header_is_read(value in any::<String>()) {
            let carrier = HashMap::from([(HEADER.to_owned(), value)]);
            GrpcTraceBinPropagator::new().extract_with_context(&Context::new(), &carrier);
        }
    }
}
