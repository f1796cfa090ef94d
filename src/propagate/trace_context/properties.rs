//! What must hold for any bytes; the tables are in `tests`.

use opentelemetry::trace::TraceState;
use proptest::prelude::*;

use super::tests::{PARENT, extract_one};
use super::*;

proptest! {
    #[test]
    fn any_span_goes_there_and_back(trace in 1_u128.., span in 1_u64.., flags: u8) {
        let flags = TraceFlags::new(flags);
        let sent = SpanContext::new(trace.into(), span.into(), flags, false, TraceState::NONE);
        let text = traceparent(&sent);
        let expected = format!("00-{trace:032x}-{span:016x}-{:02x}", flags.to_u8() & 3);
        prop_assert_eq!(&text[..], expected.as_bytes());
        let got = extract_one(&text).unwrap();
        prop_assert_eq!(got.trace_id(), sent.trace_id());
        prop_assert_eq!(got.span_id(), sent.span_id());
        prop_assert_eq!(got.trace_flags().to_u8(), flags.to_u8() & 3);
    }

    #[test]
    fn any_bytes_are_safe(parents: Vec<Vec<u8>>, states: Vec<Vec<u8>>, good: bool) {
        let mut parents: Vec<&[u8]> = parents.iter().map(Vec::as_slice).collect();
        if good {
            parents = vec![PARENT.as_bytes()];
        }
        let found = extract(parents, states.iter().map(Vec::as_slice));
        prop_assert!(found.is_some() || !good);
    }

    #[test]
    fn what_is_accepted_is_well_formed(line in "[0-9a-fA-F.+ -]{50,58}|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[a-z]*|[a-z])?") {
        let text = line.trim_matches(' ');
        let parts: Vec<&str> = text.split('-').collect();
        let hex = |text: &str| text.chars().all(|c| "0123456789abcdef".contains(c));
        let valid = match parts[..] {
            [version, trace, span, flags, ref rest @ ..] => {
                [version, trace, span, flags].map(str::len) == [2, 32, 16, 2]
                    && [version, trace, span, flags].into_iter().all(hex)
                    && version != "ff"
                    && (version != "00" || rest.is_empty())
                    && !trace.chars().all(|c| c == '0')
                    && !span.chars().all(|c| c == '0')
            }
            _ => false,
        };
        prop_assert_eq!(extract_one(line.as_bytes()).is_some(), valid);
    }
}
