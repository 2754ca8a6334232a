-- The deduplication keys of one day of receipt: MD5 of source, NUL, messageId (see loader/dedup.py).
-- params: day Date
-- returns: one row per stored event: key FixedString(16)
SELECT MD5(concat(source, '\0', message_id)) AS key
FROM events
WHERE received_at >= toDateTime64({day:Date}, 6, 'UTC') AND received_at < toDateTime64({day:Date} + 1, 6, 'UTC')
UNION ALL
SELECT MD5(concat(source, '\0', message_id)) AS key
FROM quarantine
WHERE received_at >= toDateTime64({day:Date}, 6, 'UTC') AND received_at < toDateTime64({day:Date} + 1, 6, 'UTC')
