-- Re-entry funnel with one window function per step over a person's events in order.
WITH
    zero AS (
        SELECT person_id, event, timestamp AS moment FROM events WHERE event IN ('view', 'cart', 'checkout', 'purchase')
    ),
    one AS (
        SELECT *, max(CASE WHEN event = 'view' THEN moment END)
            OVER (PARTITION BY person_id ORDER BY moment ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS start1
        FROM zero
    ),
    two AS (
        SELECT *, max(CASE WHEN event = 'cart' AND moment - start1 <= INTERVAL 7 DAY THEN start1 END)
            OVER (PARTITION BY person_id ORDER BY moment ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS start2
        FROM one
    ),
    three AS (
        SELECT *, max(CASE WHEN event = 'checkout' AND moment - start2 <= INTERVAL 7 DAY THEN start2 END)
            OVER (PARTITION BY person_id ORDER BY moment ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS start3
        FROM two
    ),
    reached AS (
        SELECT 1 AS step, person_id, 0 AS elapsed_us FROM three WHERE event = 'view' GROUP BY person_id
        UNION ALL
        SELECT 2, person_id, arg_min(epoch_us(moment) - epoch_us(start1), moment)
        FROM three WHERE event = 'cart' AND moment - start1 <= INTERVAL 7 DAY GROUP BY person_id
        UNION ALL
        SELECT 3, person_id, arg_min(epoch_us(moment) - epoch_us(start2), moment)
        FROM three WHERE event = 'checkout' AND moment - start2 <= INTERVAL 7 DAY GROUP BY person_id
        UNION ALL
        SELECT 4, person_id, arg_min(epoch_us(moment) - epoch_us(start3), moment)
        FROM three WHERE event = 'purchase' AND moment - start3 <= INTERVAL 7 DAY GROUP BY person_id
    )
SELECT step, count(*), median(elapsed_us) / 1e6, (SELECT count(DISTINCT person_id) FROM events)
FROM reached
GROUP BY step
