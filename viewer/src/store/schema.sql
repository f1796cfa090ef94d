-- Times are nanoseconds since 1970; trace ids are as in OTLP, span ids its eight bytes as a number. Text that repeats is
-- kept once and named by number.

CREATE TABLE service (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    -- What it weighs with its spans, logs and names: who uses most gives way first.
    bytes      INTEGER NOT NULL DEFAULT 0,
    log_bytes  INTEGER NOT NULL DEFAULT 0,
    -- Resources, scopes and operations, which go with the last span or log that has them.
    name_bytes INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX service_by_bytes ON service (bytes);

-- A resource and a scope, as protobuf.
CREATE TABLE origin (
    id       INTEGER PRIMARY KEY,
    service  INTEGER NOT NULL,
    print    INTEGER NOT NULL UNIQUE,
    resource BLOB NOT NULL,
    scope    BLOB NOT NULL,
    -- How many rows name it.
    uses     INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX origin_by_service ON origin (service);

CREATE TABLE operation (
    id      INTEGER PRIMARY KEY,
    service INTEGER NOT NULL,
    name    TEXT NOT NULL,
    kind    INTEGER NOT NULL,
    uses    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (service, name, kind)
);

CREATE TABLE trace (
    id       INTEGER PRIMARY KEY,
    trace_id BLOB NOT NULL UNIQUE,
    start    INTEGER NOT NULL,
    finish   INTEGER NOT NULL,
    spans    INTEGER NOT NULL,
    errors   INTEGER NOT NULL
);
CREATE INDEX trace_by_start ON trace (start);

-- What sums and searches ask of a span; the rest is in its body.
CREATE TABLE span (
    trace     INTEGER NOT NULL,
    span_id   INTEGER NOT NULL,
    -- Of all that it says. The same span twice is a batch that was sent again.
    print     INTEGER NOT NULL,
    parent    INTEGER,
    service   INTEGER NOT NULL,
    operation INTEGER NOT NULL,
    kind      INTEGER NOT NULL,
    start     INTEGER NOT NULL,
    finish    INTEGER NOT NULL,
    error     INTEGER NOT NULL,
    -- Whom it says it calls.
    peer      TEXT,
    PRIMARY KEY (trace, span_id, print)
) WITHOUT ROWID;
-- Requests that a service was sent.
CREATE INDEX request ON span (operation, start, finish, error, kind) WHERE kind IN (2, 5);

-- Spans of one trace and origin that came together: protobuf, each after its length.
CREATE TABLE body (
    id     INTEGER PRIMARY KEY,
    trace  INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    spans  BLOB NOT NULL
);
CREATE INDEX body_by_trace ON body (trace);

-- What a part of a trace can be found by: sketch.rs. What came is not written again when more comes.
CREATE TABLE sketch (
    id    INTEGER PRIMARY KEY,
    trace INTEGER NOT NULL,
    bits  BLOB NOT NULL
);
CREATE INDEX sketch_by_trace ON sketch (trace);

CREATE TABLE trace_service (
    service INTEGER NOT NULL,
    trace   INTEGER NOT NULL,
    spans   INTEGER NOT NULL,
    errors  INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (trace, service)
) WITHOUT ROWID;
CREATE INDEX trace_by_service ON trace_service (service, trace);

CREATE TABLE log (
    id       INTEGER PRIMARY KEY,
    print    INTEGER NOT NULL UNIQUE,
    trace_id BLOB,
    span_id  BLOB,
    time     INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    service  INTEGER NOT NULL,
    origin   INTEGER NOT NULL,
    -- The log record as protobuf.
    body     BLOB NOT NULL
);
CREATE INDEX log_by_trace ON log (trace_id);
CREATE INDEX log_by_service ON log (service);
