"""Sends one trace and one log record of each severity by OpenTelemetry's SDK for Python: send.py TRANSPORT TRACE_ID.

Where to, and packed or not, stands in the environment, as for any service.
"""

import itertools
import sys

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

transport, trace_id = sys.argv[1], int(sys.argv[2], 16)
log_exporter = None
if transport == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as log_exporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as span_exporter
elif transport == "http/protobuf":
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as log_exporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as span_exporter
else:
    from opentelemetry.exporter.zipkin.json import ZipkinExporter as span_exporter


class Numbered(IdGenerator):
    numbers = itertools.count(1)

    def generate_trace_id(self):
        return trace_id

    def generate_span_id(self):
        return next(self.numbers)


START = 1767225600_000000000
MS = 1_000_000

# The same instance each time, so that what is sent again is the same.
resource = Resource.create({"service.name": "python ✓", "host.cpus": 8, "service.instance.id": "one"})
spans = TracerProvider(resource=resource, id_generator=Numbered())
spans.add_span_processor(BatchSpanProcessor(span_exporter()))
tracer = spans.get_tracer("shop.checkout", "1.2.3")

root = tracer.start_span("GET /東京 <b>&\"'", kind=SpanKind.SERVER, start_time=START)
within = trace.set_span_in_context(root)
root.set_attributes(
    {
        "text": "naïve \"quoted\" <b>\n\u2028🦀",
        "empty": "",
        "yes": True,
        "long": -(2**53) - 1,
        "double": 0.1,
        "whole": 3.0,
        "texts": ["a", "ö"],
        "flags": [True, False],
        "longs": [1, -2],
        "doubles": [0.5, -0.25],
        "none": [],
    }
)
root.add_event("cache.miss", {"key": "ключ", "size": 7}, timestamp=START + MS)
root.set_status(Status(StatusCode.OK))
state = TraceState([("vendor", "a:b")])
elsewhere = SpanContext(0xABC, 0xDEF, True, TraceFlags(1), state)
child = tracer.start_span(
    "INSERT", context=within, kind=SpanKind.CLIENT, start_time=START + 2 * MS, links=[Link(elsewhere, {"why": "retry"})]
)
child.record_exception(ValueError("no <tea>"), timestamp=START + 3 * MS)
child.set_status(Status(StatusCode.ERROR, "it broke ☕"))
child.end(START + 4 * MS + 1)
for number, kind in enumerate([SpanKind.INTERNAL, SpanKind.PRODUCER, SpanKind.CONSUMER]):
    tracer.start_span(kind.name, context=within, kind=kind, start_time=START).end(START + number)
afar = SpanContext(trace_id, 0xDEF, True, TraceFlags(1), state)
afar = trace.set_span_in_context(trace.NonRecordingSpan(afar))
tracer.start_span("from afar", context=afar, kind=SpanKind.SERVER, start_time=START).end(START + MS)
root.end(START + 5 * MS)
spans.shutdown()

if log_exporter:
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(log_exporter()))
    logger = logs.get_logger("shop.log", "4.5.6")
    body = {"text": "no <tea>", "list": [1, "zwei"], "inner": {"deep": True}, "bytes": b"\x00\xff"}
    for severity in [SeverityNumber.INFO, SeverityNumber.ERROR]:
        logger.emit(
            LogRecord(
                timestamp=START + MS,
                observed_timestamp=START + 2 * MS,
                context=within,
                severity_number=severity,
                severity_text=severity.name,
                body=body,
                attributes={"cups": 0, "ключ": ["ß"]},
                event_name="tea.gone",
            )
        )
    logs.shutdown()
