-- What the warehouse holds of each client of a soak run.
-- returns: one row per client: client, stored (rows), different (message ids), highest (the largest number)
SELECT
    splitByChar('-', message_id)[1] AS client,
    count() AS stored,
    uniqExact(toUInt64(splitByChar('-', message_id)[2])) AS different,
    max(toUInt64(splitByChar('-', message_id)[2])) AS highest
FROM events
GROUP BY client
ORDER BY client
