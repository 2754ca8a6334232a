-- The deduplication keys of one day of receipt: MD5 of source, NUL, messageId (see loader/dedup.py).
-- Keys come joined, an hour in one value: twenty million rows of their own would take a minute to read. In hex, because
-- a FixedString loses the zeros at its end on the way to text.
-- params: day Date
-- returns: one row per hour that has events: keys
SELECT arrayStringConcat(groupArray(key)) AS keys
FROM
(
    SELECT received_at, hex(MD5(concat(source, '\0', message_id))) AS key
    FROM events
    WHERE received_at >= toDateTime64({day:Date}, 6, 'UTC') AND received_at < toDateTime64({day:Date} + 1, 6, 'UTC')
    UNION ALL
    SELECT received_at, hex(MD5(concat(source, '\0', message_id))) AS key
    FROM quarantine
    WHERE received_at >= toDateTime64({day:Date}, 6, 'UTC') AND received_at < toDateTime64({day:Date} + 1, 6, 'UTC')
)
GROUP BY toStartOfHour(received_at)
