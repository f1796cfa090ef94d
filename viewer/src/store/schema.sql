-- Times are nanoseconds since 1970; ids are as in OTLP. Text that repeats is kept once and named by number.

CREATE TABLE IF NOT EXISTS service (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE,
    -- What its spans and logs weigh: who uses most gives way first.
    bytes INTEGER NOT NULL DEFAULT 0
);

-- A resource and a scope, as protobuf.
CREATE TABLE IF NOT EXISTS origin (
    id       INTEGER PRIMARY KEY,
    service  INTEGER NOT NULL,
    print    INTEGER NOT NULL UNIQUE,
    resource BLOB NOT NULL,
    scope    BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS operation (
    id      INTEGER PRIMARY KEY,
    service INTEGER NOT NULL,
    name    TEXT NOT NULL,
    kind    INTEGER NOT NULL,
    UNIQUE (service, name, kind)
);

CREATE TABLE IF NOT EXISTS trace (
    id       INTEGER PRIMARY KEY,
    trace_id BLOB NOT NULL UNIQUE,
    start    INTEGER NOT NULL,
    finish   INTEGER NOT NULL,
    spans    INTEGER NOT NULL,
    errors   INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS trace_by_start ON trace (start);

CREATE TABLE IF NOT EXISTS span (
    id        INTEGER PRIMARY KEY,
    trace     INTEGER NOT NULL,
    span_id   BLOB NOT NULL,
    -- Of all that it says. The same span twice is a batch that was sent again.
    print     INTEGER NOT NULL,
    parent    BLOB,
    origin    INTEGER NOT NULL,
    operation INTEGER NOT NULL,
    start     INTEGER NOT NULL,
    finish    INTEGER NOT NULL,
    error     INTEGER NOT NULL,
    -- The span as protobuf.
    body      BLOB NOT NULL,
    UNIQUE (trace, span_id, print)
);
CREATE INDEX IF NOT EXISTS span_by_origin ON span (origin);
CREATE INDEX IF NOT EXISTS span_by_operation ON span (operation, start);

CREATE TABLE IF NOT EXISTS trace_service (
    service INTEGER NOT NULL,
    trace   INTEGER NOT NULL,
    spans   INTEGER NOT NULL,
    errors  INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (trace, service)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS trace_by_service ON trace_service (service, trace);

-- What there is to search for: attributes of spans, events and resources.
CREATE TABLE IF NOT EXISTS tag (
    id    INTEGER PRIMARY KEY,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (key, value)
);
CREATE TABLE IF NOT EXISTS trace_tag (
    trace INTEGER NOT NULL,
    tag   INTEGER NOT NULL,
    PRIMARY KEY (trace, tag)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS trace_by_tag ON trace_tag (tag, trace);

CREATE TABLE IF NOT EXISTS log (
    id       INTEGER PRIMARY KEY,
    print    INTEGER NOT NULL UNIQUE,
    trace_id BLOB,
    span_id  BLOB,
    time     INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    origin   INTEGER NOT NULL,
    -- The log record as protobuf.
    body     BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS log_by_trace ON log (trace_id);
CREATE INDEX IF NOT EXISTS log_by_origin ON log (origin);
CREATE INDEX IF NOT EXISTS log_by_time ON log (time);
