"""A service of OpenTelemetry's Python distribution: it says what it saw of its caller, and what the next one answered.

Run by opentelemetry-instrument, which sets up the SDK and instruments urllib. It ends when its input does.
"""

import json
import sys
import threading
import urllib.request
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from opentelemetry import baggage, trace
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware


class Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def service(environ, start_response):
    context = trace.get_current_span().get_span_context()
    answer = {
        "trace": trace.format_trace_id(context.trace_id),
        "span": trace.format_span_id(context.span_id),
        "sampled": context.trace_flags.sampled,
        "baggage": dict(baggage.get_all()),
        "next": None,
    }
    following = environ.get("HTTP_X_NEXT")
    if following:
        with urllib.request.urlopen(following) as response:
            answer["next"] = json.load(response)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]


app = OpenTelemetryMiddleware(service)
server = make_server("127.0.0.1", 0, app, server_class=Threading, handler_class=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"port {server.server_port}", flush=True)
sys.stdin.read()
