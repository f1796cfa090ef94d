"""Asks a viewer what mcp-server-jaeger asks Jaeger, and prints what it understood as JSON: `ask.py PAGE TRACE`."""

import json
import sys

from jaeger_mcp.helper import tool_helper as jaeger

page, trace = sys.argv[1:]


def told(answer):
    """Its models, or the sentence that it has instead."""
    return answer if isinstance(answer, str) else answer.model_dump()


print(json.dumps({
    "services": told(jaeger.get_all_services(page)),
    "operations": told(jaeger.get_service_operations(page, "web")),
    "summaries": told(jaeger.get_trace_summaries(page, "clock", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", 2)),
    "overview": told(jaeger.get_trace_overview(page, trace)),
    "slowest": told(jaeger.get_slowest_spans(page, trace, 2)),
    "errors": told(jaeger.get_trace_errors(page, trace)),
    "span": told(jaeger.get_span_details(page, trace, "0000000000000002")),
    "missing": told(jaeger.get_trace_overview(page, "abc")),
}))
