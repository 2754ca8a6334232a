-- Each purchase joined with the person's touches of the 30 days before it, weights by window functions.
WITH
    pairs AS (
        SELECT c.message_id AS conversion, c.timestamp AS converted_at, t.campaign_source AS channel, t.timestamp AS moment
        FROM events AS c
        LEFT JOIN (SELECT * FROM events WHERE campaign_source != '') AS t
            ON t.person_id = c.person_id AND t.timestamp <= c.timestamp AND t.timestamp >= c.timestamp - INTERVAL 30 DAY
        WHERE c.event = 'purchase'
    ),
    placed AS (
        SELECT channel, moment,
            row_number() OVER (PARTITION BY conversion ORDER BY moment) AS place,
            count(moment) OVER (PARTITION BY conversion) AS n,
            pow(2, -(epoch_us(converted_at) - epoch_us(moment)) / 604800e6) AS fresh,
            sum(fresh) OVER (PARTITION BY conversion) AS all_fresh
        FROM pairs
    )
SELECT
    coalesce(channel, '(no touch)') AS name,
    count(moment) AS touches,
    sum((place = 1)::DOUBLE),
    sum((place = greatest(n, 1))::DOUBLE),
    sum(1 / greatest(n, 1)),
    sum(CASE WHEN n <= 1 THEN 1 WHEN n = 2 THEN 0.5::DOUBLE WHEN place IN (1, n) THEN 0.4::DOUBLE ELSE 0.2 / (n - 2) END),
    sum(CASE WHEN n = 0 THEN 1 ELSE fresh / all_fresh END)
FROM placed
GROUP BY channel
