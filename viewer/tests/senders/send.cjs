// Sends one trace and one log record of each severity by OpenTelemetry's SDK for Node: send.cjs TRANSPORT TRACE_ID.
// Where to, and packed or not, stands in the environment, as for any service.
'use strict';

const { SpanKind, SpanStatusCode, ROOT_CONTEXT, createTraceState, trace } = require('@opentelemetry/api');
const { defaultResource, resourceFromAttributes } = require('@opentelemetry/resources');
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs');

const [transport, traceId] = process.argv.slice(2);
const { spanExporter, logExporter } = {
  grpc: () => ({
    spanExporter: new (require('@opentelemetry/exporter-trace-otlp-grpc').OTLPTraceExporter)(),
    logExporter: new (require('@opentelemetry/exporter-logs-otlp-grpc').OTLPLogExporter)(),
  }),
  'http/protobuf': () => ({
    spanExporter: new (require('@opentelemetry/exporter-trace-otlp-proto').OTLPTraceExporter)(),
    logExporter: new (require('@opentelemetry/exporter-logs-otlp-proto').OTLPLogExporter)(),
  }),
  'http/json': () => ({
    spanExporter: new (require('@opentelemetry/exporter-trace-otlp-http').OTLPTraceExporter)(),
    logExporter: new (require('@opentelemetry/exporter-logs-otlp-http').OTLPLogExporter)(),
  }),
  zipkin: () => ({ spanExporter: new (require('@opentelemetry/exporter-zipkin').ZipkinExporter)() }),
}[transport]();

let number = 0;
const idGenerator = {
  generateTraceId: () => traceId,
  generateSpanId: () => (++number).toString(16).padStart(16, '0'),
};
const SECOND = 1767225600;
const MS = 1_000_000;

async function main() {
  const resource = defaultResource().merge(resourceFromAttributes({ 'service.name': 'node ✓', 'host.cpus': 8 }));
  const spans = new BasicTracerProvider({
    resource,
    idGenerator,
    spanProcessors: [new BatchSpanProcessor(spanExporter)],
  });
  const tracer = spans.getTracer('shop.checkout', '1.2.3');
  const root = tracer.startSpan(
    'GET /東京 <b>&"\'',
    { kind: SpanKind.SERVER, startTime: [SECOND, 0], root: true },
    ROOT_CONTEXT,
  );
  const within = trace.setSpan(ROOT_CONTEXT, root);
  root.setAttributes({
    text: 'naïve "quoted" <b>\n\u2028🦀',
    empty: '',
    yes: true,
    long: -Number.MAX_SAFE_INTEGER,
    double: 0.1,
    whole: 3.0,
    texts: ['a', 'ö'],
    flags: [true, false],
    longs: [1, -2],
    doubles: [0.5, -0.25],
    none: [],
  });
  root.addEvent('cache.miss', { key: 'ключ', size: 7 }, [SECOND, MS]);
  root.setStatus({ code: SpanStatusCode.OK });
  const elsewhere = {
    traceId: 'abc'.padStart(32, '0'),
    spanId: 'def'.padStart(16, '0'),
    traceFlags: 1,
    isRemote: true,
    traceState: createTraceState('vendor=a:b'),
  };
  const child = tracer.startSpan(
    'INSERT',
    {
      kind: SpanKind.CLIENT,
      startTime: [SECOND, 2 * MS],
      links: [{ context: elsewhere, attributes: { why: 'retry' } }],
    },
    within,
  );
  child.recordException(new RangeError('no <tea>'), [SECOND, 3 * MS]);
  child.setStatus({ code: SpanStatusCode.ERROR, message: 'it broke ☕' });
  child.end([SECOND, 4 * MS + 1]);
  ['INTERNAL', 'PRODUCER', 'CONSUMER'].forEach((kind, index) => {
    tracer.startSpan(kind, { kind: SpanKind[kind], startTime: [SECOND, 0] }, within).end([SECOND, index]);
  });
  const afar = trace.setSpanContext(ROOT_CONTEXT, {
    ...elsewhere,
    traceId,
  });
  tracer.startSpan('from afar', { kind: SpanKind.SERVER, startTime: [SECOND, 0] }, afar).end([SECOND, MS]);
  root.end([SECOND, 5 * MS]);
  await spans.shutdown();

  if (!logExporter) return;
  const logs = new LoggerProvider({
    resource,
    processors: [new BatchLogRecordProcessor({ exporter: logExporter })],
  });
  const logger = logs.getLogger('shop.log', '4.5.6');
  for (const [severityText, severityNumber] of [['INFO', 9], ['ERROR', 17]]) {
    logger.emit({
      timestamp: [SECOND, MS],
      observedTimestamp: [SECOND, 2 * MS],
      context: within,
      severityNumber,
      severityText,
      body: { text: 'no <tea>', list: [1, 'zwei'], inner: { deep: true }, bytes: Uint8Array.of(0, 255) },
      attributes: { cups: 0, ключ: ['ß'] },
      eventName: 'tea.gone',
    });
  }
  await logs.shutdown();
}

main();
