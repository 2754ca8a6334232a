-- Days of each person once, with the first day by a window function.
WITH
    days AS (
        SELECT person_id, day, min(day) OVER (PARTITION BY person_id) AS cohort
        FROM (SELECT DISTINCT person_id, timestamp::DATE AS day FROM events)
    ),
    sizes AS (SELECT cohort, count(*) AS users FROM days WHERE day = cohort GROUP BY cohort)
SELECT strftime(cohort, '%Y-%m-%d'), (day - cohort)::INTEGER AS after, any_value(users), count(*)
FROM days JOIN sizes USING (cohort)
WHERE after <= 30 AND day < (SELECT max(timestamp)::DATE FROM events)
GROUP BY cohort, after
