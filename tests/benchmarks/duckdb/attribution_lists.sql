-- Each purchase with the list of its touches, weights from the list's length.
WITH
    touches AS (
        SELECT person_id, list({'happened': epoch_us(timestamp), 'channel': campaign_source} ORDER BY timestamp) AS touches
        FROM events WHERE campaign_source != '' GROUP BY person_id
    ),
    journeys AS (
        SELECT epoch_us(c.timestamp) AS converted_at,
            list_filter(touches, lambda t: t.happened <= epoch_us(c.timestamp) AND t.happened >= epoch_us(c.timestamp) - 2592000000000)
                AS journey
        FROM events AS c LEFT JOIN touches USING (person_id)
        WHERE c.event = 'purchase'
    ),
    weighed AS (
        SELECT journey, converted_at, coalesce(len(journey), 0) AS n,
            list_sum(list_transform(journey, lambda t: pow(2, -(converted_at - t.happened) / 604800e6))) AS all_fresh,
            unnest(range(1, greatest(n, 1) + 1)) AS place
        FROM journeys
    )
SELECT
    coalesce(journey[place].channel, '(no touch)') AS name,
    sum((n > 0)::INTEGER)::BIGINT,
    sum((place = 1)::DOUBLE),
    sum((place = greatest(n, 1))::DOUBLE),
    sum(1 / greatest(n, 1)),
    sum(CASE WHEN n <= 1 THEN 1 WHEN n = 2 THEN 0.5::DOUBLE WHEN place IN (1, n) THEN 0.4::DOUBLE ELSE 0.2 / (n - 2) END),
    sum(CASE WHEN n = 0 THEN 1 ELSE pow(2, -(converted_at - journey[place].happened) / 604800e6) / all_fresh END)
FROM weighed
GROUP BY name
