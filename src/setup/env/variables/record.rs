//! Variables of what is recorded.

use super::{Section, idle, read, refused};

pub(super) const LIMITS: Section = Section {
    title: "Limits",
    rows: &[
        read(
            &[
                "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
                "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            ],
            "no limit",
            "characters of a text, also in lists, events and links; the last is for what has none of its own",
        ),
        read(
            &[
                "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
                "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
                "OTEL_ATTRIBUTE_COUNT_LIMIT",
            ],
            "128",
            "the last is for what has none of its own",
        ),
        read(
            &["OTEL_SPAN_EVENT_COUNT_LIMIT", "OTEL_SPAN_LINK_COUNT_LIMIT"],
            "128",
            "",
        ),
        read(
            &[
                "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
                "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            ],
            "128",
            "",
        ),
    ],
};

pub(super) const INSTRUMENTATION: Section = Section {
    title: "Instrumentation",
    rows: &[
        read(
            &["OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"],
            "those of RFC 9110 and 5789, and QUERY",
            "a complete list of HTTP methods; a layer's `known_methods` beats it",
        ),
        read(
            &[
                "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS",
                "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS",
                "OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS",
                "OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS",
            ],
            "",
            "headers to record; a layer's `record_request_headers` or `record_response_headers` beats it",
        ),
        refused(
            &[
                "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
                "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
                "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST",
                "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE",
            ],
            "Python's name; here it is OTEL_INSTRUMENTATION_HTTP_{SERVER,CLIENT}_CAPTURE_{REQUEST,RESPONSE}_HEADERS",
        ),
        refused(
            &["OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS"],
            "no header is recorded that is not listed",
        ),
        idle(
            &["OTEL_PYTHON_EXCLUDED_URLS"],
            "Python's own; here `ServerLayer::filter` leaves requests out, in code",
        ),
        read(
            &["OTEL_SEMCONV_STABILITY_OPT_IN"],
            "",
            "the stable conventions are recorded, whatever it says; a `…/dup` that asks for the old ones beside them is told of",
        ),
        idle(
            &["OTEL_SEMCONV_EXCEPTION_SIGNAL_OPT_IN"],
            "no exception is recorded as an event, so there is nothing to choose",
        ),
    ],
};
