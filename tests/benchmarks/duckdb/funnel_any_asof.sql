-- Re-entry funnel as a chain of ASOF joins: each step's event takes the latest chain that ended before it.
WITH
    one AS (SELECT person_id, timestamp AS moment, timestamp AS start FROM events WHERE event = 'view'),
    two AS (
        SELECT later.person_id, later.timestamp AS moment, before.start
        FROM events AS later
        ASOF JOIN one AS before ON later.person_id = before.person_id AND later.timestamp > before.moment
        WHERE later.event = 'cart' AND later.timestamp - before.start <= INTERVAL 7 DAY
    ),
    three AS (
        SELECT later.person_id, later.timestamp AS moment, before.start
        FROM events AS later
        ASOF JOIN two AS before ON later.person_id = before.person_id AND later.timestamp > before.moment
        WHERE later.event = 'checkout' AND later.timestamp - before.start <= INTERVAL 7 DAY
    ),
    four AS (
        SELECT later.person_id, later.timestamp AS moment, before.start
        FROM events AS later
        ASOF JOIN three AS before ON later.person_id = before.person_id AND later.timestamp > before.moment
        WHERE later.event = 'purchase' AND later.timestamp - before.start <= INTERVAL 7 DAY
    ),
    reached AS (
        SELECT 1 AS step, person_id, 0 AS elapsed_us FROM one GROUP BY person_id
        UNION ALL
        SELECT 2, person_id, arg_min(epoch_us(moment) - epoch_us(start), moment) FROM two GROUP BY person_id
        UNION ALL
        SELECT 3, person_id, arg_min(epoch_us(moment) - epoch_us(start), moment) FROM three GROUP BY person_id
        UNION ALL
        SELECT 4, person_id, arg_min(epoch_us(moment) - epoch_us(start), moment) FROM four GROUP BY person_id
    )
SELECT step, count(*), median(elapsed_us) / 1e6, (SELECT count(DISTINCT person_id) FROM events)
FROM reached
GROUP BY step
