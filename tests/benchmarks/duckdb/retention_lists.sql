-- Each person's days as a list.
WITH
    lives AS (
        SELECT min(timestamp::DATE) AS cohort, list(DISTINCT timestamp::DATE) AS days FROM events GROUP BY person_id
    ),
    sizes AS (SELECT cohort, count(*) AS users FROM lives GROUP BY cohort),
    days AS (SELECT cohort, unnest(days) AS day FROM lives)
SELECT strftime(cohort, '%Y-%m-%d'), (day - cohort)::INTEGER AS after, any_value(users), count(*)
FROM days JOIN sizes USING (cohort)
WHERE after <= 30 AND day < (SELECT max(timestamp)::DATE FROM events)
GROUP BY cohort, after
