-- A day of events with random message ids, one every so often, for the benchmark of duplicates.
-- params: day Date, ids UInt64
INSERT INTO events (source, type, event, message_id, timestamp, received_at, verdict, spool, segment, offset)
SELECT 'bench', 'track', 'e', toString(generateUUIDv4()), received, received, 'ok', 'bench', 1, number
FROM (SELECT number, toDateTime64({day:Date}, 6, 'UTC') + number % 86400 AS received FROM numbers({ids:UInt64}))
