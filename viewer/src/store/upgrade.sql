-- From the third version of the tables to the fourth: filters, names and whom a span calls are charged to their service.

CREATE INDEX service_by_bytes ON service (bytes);
ALTER TABLE service ADD COLUMN name_bytes INTEGER NOT NULL DEFAULT 0;

-- Row by row: to sort would be to copy. A body and its filter came together, and have the same number.
UPDATE trace_service SET bytes = bytes
    + (SELECT coalesce(sum(length(sketch.bits) + 200), 0)
        FROM body JOIN origin ON origin.id = body.origin JOIN sketch ON sketch.id = body.id
        WHERE body.trace = trace_service.trace AND origin.service = trace_service.service)
    + (SELECT coalesce(sum(octet_length(peer)), 0)
        FROM span WHERE span.trace = trace_service.trace AND span.service = trace_service.service);

UPDATE service SET name_bytes =
    (SELECT coalesce(sum(octet_length(part.name) + 200), 0) FROM operation AS part WHERE part.service = service.id)
    + (SELECT coalesce(sum(length(resource) + length(scope) + 200), 0) FROM origin AS part WHERE part.service = service.id);

UPDATE service SET bytes = log_bytes + name_bytes
    + (SELECT coalesce(sum(part.bytes), 0) FROM trace_service AS part WHERE part.service = service.id);
