-- Days of each person once, joined with the person's first day.
WITH
    days AS (SELECT DISTINCT person_id, timestamp::DATE AS day FROM events),
    firsts AS (SELECT person_id, min(day) AS cohort FROM days GROUP BY person_id),
    sizes AS (SELECT cohort, count(*) AS users FROM firsts GROUP BY cohort)
SELECT strftime(cohort, '%Y-%m-%d'), (day - cohort)::INTEGER AS after, any_value(users), count(*)
FROM days JOIN firsts USING (person_id) JOIN sizes USING (cohort)
WHERE after <= 30 AND day < (SELECT max(timestamp)::DATE FROM events)
GROUP BY cohort, after
