-- Where the comparison's events go when they are sent to ClickHouse itself: what an events table has at the least.
CREATE TABLE bench_events
(
    type LowCardinality(String),
    event LowCardinality(String),
    messageId String,
    userId String,
    timestamp DateTime64(6, 'UTC'),
    properties JSON,
    context String
)
ENGINE = MergeTree
ORDER BY (event, timestamp)
