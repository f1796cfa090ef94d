-- From the third version of the tables to the fourth: filters, names and whom a span calls are charged to their service.

CREATE INDEX service_by_bytes ON service (bytes);

-- A body and its filter came together, and have the same number.
UPDATE trace_service SET bytes = trace_service.bytes + part.bytes
FROM (
    SELECT body.trace, origin.service, sum(length(sketch.bits) + 200) AS bytes
    FROM body JOIN origin ON origin.id = body.origin JOIN sketch ON sketch.id = body.id
    GROUP BY body.trace, origin.service
) AS part
WHERE trace_service.trace = part.trace AND trace_service.service = part.service;

UPDATE trace_service SET bytes = trace_service.bytes + peers.bytes
FROM (
    SELECT trace, service, sum(octet_length(peer)) AS bytes
    FROM span WHERE peer IS NOT NULL GROUP BY trace, service
) AS peers
WHERE trace_service.trace = peers.trace AND trace_service.service = peers.service;

UPDATE service SET bytes = log_bytes
    + (SELECT coalesce(sum(part.bytes), 0) FROM trace_service AS part WHERE part.service = service.id)
    + (SELECT coalesce(sum(octet_length(part.name) + 200), 0) FROM operation AS part WHERE part.service = service.id)
    + (SELECT coalesce(sum(length(resource) + length(scope) + 200), 0) FROM origin AS part WHERE part.service = service.id);
