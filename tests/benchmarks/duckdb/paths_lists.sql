-- Sessions by window functions, each session as a list of its events, paths from the first cart on.
WITH
    gaps AS (
        SELECT person_id, timestamp, event,
            timestamp - lag(timestamp) OVER (PARTITION BY person_id ORDER BY timestamp) > INTERVAL 30 MINUTE AS opens
        FROM events
    ),
    sessions AS (
        SELECT person_id, timestamp, event,
            count(*) FILTER (opens) OVER (PARTITION BY person_id ORDER BY timestamp ROWS UNBOUNDED PRECEDING) AS session
        FROM gaps
    ),
    lists AS (
        SELECT list(event ORDER BY timestamp) AS events FROM sessions GROUP BY person_id, session
    ),
    collapsed AS (
        SELECT list_filter(events, lambda event, i: i = 1 OR event != events[i - 1]) AS events
        FROM lists
        WHERE list_contains(events, 'cart')
    ),
    onwards AS (
        SELECT events[list_position(events, 'cart') : list_position(events, 'cart') + 4] AS path FROM collapsed
    ),
    counted AS (SELECT path, count(*) AS paths FROM onwards GROUP BY path),
    moves AS (
        SELECT unnest(range(1, least(len(path), 4) + 1)) AS step, path, paths FROM counted
    )
SELECT step::INTEGER, path[step], coalesce(path[step + 1], ''), sum(paths)::BIGINT
FROM moves
GROUP BY ALL
