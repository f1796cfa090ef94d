// A service with OpenTelemetry's automatic instrumentation for Node: it says what it saw of its caller, and what the next
// one answered. Run with --require @opentelemetry/auto-instrumentations-node/register. It ends when its input does.
'use strict';

const http = require('http');
const { propagation, trace, context } = require('@opentelemetry/api');
const { CompositePropagator, W3CBaggagePropagator } = require('@opentelemetry/core');
const { AWSXRayPropagator } = require('@opentelemetry/propagator-aws-xray');
const { OTTracePropagator } = require('@opentelemetry/propagator-ot-trace');

// Those that the SDK does not know by name.
const others = { xray: AWSXRayPropagator, ottrace: OTTracePropagator };
const names = process.env.OTEL_PROPAGATORS.split(',');
if (names.some((name) => name in others)) {
  const known = { ...others, baggage: W3CBaggagePropagator };
  const propagators = names.map((name) => new known[name]());
  propagation.disable();
  propagation.setGlobalPropagator(new CompositePropagator({ propagators }));
}

function get(url) {
  return new Promise((resolve, reject) => {
    http
      .get(url, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => resolve(JSON.parse(text)));
      })
      .on('error', reject);
  });
}

const server = http.createServer(async (request, response) => {
  const span = trace.getSpanContext(context.active());
  const entries = propagation.getActiveBaggage()?.getAllEntries() ?? [];
  const answer = {
    trace: span.traceId,
    span: span.spanId,
    sampled: (span.traceFlags & 1) === 1,
    baggage: Object.fromEntries(entries.map(([key, entry]) => [key, entry.value])),
    next: null,
  };
  const following = request.headers['x-next'];
  if (following) answer.next = await get(following);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(answer));
});

server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.stdin.resume();
process.stdin.on('end', () => process.exit());
