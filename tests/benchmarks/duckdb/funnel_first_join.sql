-- First-entry funnel as joins: each step's earliest event after the step before.
WITH
    one AS (SELECT person_id, min(timestamp) AS start, min(timestamp) AS moment FROM events WHERE event = 'view' GROUP BY person_id),
    two AS (
        SELECT person_id, any_value(start) AS start, min(later.timestamp) AS moment
        FROM events AS later JOIN one USING (person_id)
        WHERE later.event = 'cart' AND later.timestamp > one.moment AND later.timestamp - start <= INTERVAL 7 DAY
        GROUP BY person_id
    ),
    three AS (
        SELECT person_id, any_value(start) AS start, min(later.timestamp) AS moment
        FROM events AS later JOIN two USING (person_id)
        WHERE later.event = 'checkout' AND later.timestamp > two.moment AND later.timestamp - start <= INTERVAL 7 DAY
        GROUP BY person_id
    ),
    four AS (
        SELECT person_id, any_value(start) AS start, min(later.timestamp) AS moment
        FROM events AS later JOIN three USING (person_id)
        WHERE later.event = 'purchase' AND later.timestamp > three.moment AND later.timestamp - start <= INTERVAL 7 DAY
        GROUP BY person_id
    ),
    reached AS (
        SELECT 1 AS step, start, moment FROM one
        UNION ALL SELECT 2, start, moment FROM two
        UNION ALL SELECT 3, start, moment FROM three
        UNION ALL SELECT 4, start, moment FROM four
    )
SELECT step, count(*), median(epoch_us(moment) - epoch_us(start)) / 1e6, (SELECT count(DISTINCT person_id) FROM events)
FROM reached
GROUP BY step
