-- How many events were received in each second since a moment.
-- params: since (seconds since 1970), environment ('' for every one)
-- returns: one row per second that received events
SELECT
    toUnixTimestamp(received_at) AS second,
    count() AS events
FROM events
WHERE received_at >= fromUnixTimestamp64Second({since:Int64}, 'UTC')
    AND ({environment:String} = '' OR environment = {environment:String})
GROUP BY second
ORDER BY second
