-- Sessions and paths by window functions alone: place in the session after collapsing, counted from the first cart.
WITH
    gaps AS (
        SELECT person_id, timestamp, event,
            timestamp - lag(timestamp) OVER life > INTERVAL 30 MINUTE AS opens,
            lag(event) OVER life AS before
        FROM events
        WINDOW life AS (PARTITION BY person_id ORDER BY timestamp)
    ),
    sessions AS (
        SELECT person_id, timestamp, event,
            count(*) FILTER (opens) OVER (PARTITION BY person_id ORDER BY timestamp ROWS UNBOUNDED PRECEDING) AS session
        FROM gaps
        WHERE opens IS NOT FALSE OR event != before
    ),
    onwards AS (
        SELECT event,
            lead(event) OVER sitting AS next,
            row_number() OVER sitting AS place,
            min(place_of_cart) OVER (PARTITION BY person_id, session) AS first_cart
        FROM (
            SELECT *, CASE WHEN event = 'cart'
                THEN row_number() OVER (PARTITION BY person_id, session ORDER BY timestamp) END AS place_of_cart
            FROM sessions
        )
        WINDOW sitting AS (PARTITION BY person_id, session ORDER BY timestamp)
    )
SELECT (place - first_cart + 1)::INTEGER AS step, event, coalesce(next, ''), count(*)
FROM onwards
WHERE place >= first_cart AND place < first_cart + 4
GROUP BY ALL
