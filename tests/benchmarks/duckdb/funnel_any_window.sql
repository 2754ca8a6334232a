-- Re-entry funnel with one window function per step over a person's events in order.
WITH
    zero AS (
        SELECT person_id, event, timestamp AS at FROM events WHERE event IN ('view', 'cart', 'checkout', 'purchase')
    ),
    one AS (
        SELECT *, max(CASE WHEN event = 'view' THEN at END)
            OVER (PARTITION BY person_id ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS start1
        FROM zero
    ),
    two AS (
        SELECT *, max(CASE WHEN event = 'cart' AND at - start1 <= INTERVAL 7 DAY THEN start1 END)
            OVER (PARTITION BY person_id ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS start2
        FROM one
    ),
    three AS (
        SELECT *, max(CASE WHEN event = 'checkout' AND at - start2 <= INTERVAL 7 DAY THEN start2 END)
            OVER (PARTITION BY person_id ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS start3
        FROM two
    ),
    reached AS (
        SELECT 1 AS step, person_id, 0 AS elapsed_us FROM three WHERE event = 'view' GROUP BY person_id
        UNION ALL
        SELECT 2, person_id, arg_min(epoch_us(at) - epoch_us(start1), at)
        FROM three WHERE event = 'cart' AND at - start1 <= INTERVAL 7 DAY GROUP BY person_id
        UNION ALL
        SELECT 3, person_id, arg_min(epoch_us(at) - epoch_us(start2), at)
        FROM three WHERE event = 'checkout' AND at - start2 <= INTERVAL 7 DAY GROUP BY person_id
        UNION ALL
        SELECT 4, person_id, arg_min(epoch_us(at) - epoch_us(start3), at)
        FROM three WHERE event = 'purchase' AND at - start3 <= INTERVAL 7 DAY GROUP BY person_id
    )
SELECT step, count(*), median(elapsed_us) / 1e6, (SELECT count(DISTINCT person_id) FROM events)
FROM reached
GROUP BY step
