-- Who came back how many periods after the one in which they started.
-- A person belongs to the cohort of the period of their first start event, or with `recurring` to that of every period
-- in which they started. They come back in a later period if it has a return event; in the period of the cohort
-- itself (0) if a return event is no earlier than its first start event.
-- params: first, last, since, sources, starts, returns and their filters, zone, recurring, or_after, periods
-- returns: one row per cohort and number of periods after it: users; after = -1 counts the cohort itself. A period is
--          a number, see `Period`. seen_until, in every row: the time of the last event of the scope.
SELECT
    cohort,
    after,
    count() AS users,
    (
        SELECT toUnixTimestamp64Micro(max(timestamp))
        FROM events
        WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
            AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
            AND environment = {environment:String} AND person_id != ''
    ) AS seen_until,
    0 AS ambiguous
FROM (
    SELECT
        arrayJoin(if({recurring:UInt8}, starts, [arrayMin(starts)])) AS cohort,
        arrayFilter(
            number -> number > 0 OR (number = 0 AND NOT has(returned_too_early, cohort)),
            arrayMap(period -> period - cohort, returns)
        ) AS back,
        arrayJoin(arrayConcat(
            [toInt32(-1)],
            if({or_after:UInt8}, range(0, least(arrayMax(arrayPushBack(back, -1)), {periods:Int32}) + 1), back)
        )) AS after
    FROM (
        SELECT
            arrayDistinct(groupArray(period)) AS returns,
            returns AS starts,
            emptyArrayInt32() AS returned_too_early
        FROM (
            SELECT person_id, timestamp, toInt32(intDiv(toUnixTimestamp64Micro(timestamp) + 1000000 * (positiveModulo(timezoneOffset(toTimeZone(timestamp, {zone:String})), 3600) + 2208988800), 3600000000)) AS period, 1 AS started
            FROM events
            WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
                AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
                AND 1
                AND environment = {environment:String} AND person_id != ''
        )
        -- By 128 bits of hashes: a quarter faster than by the ids, and no two persons will ever share them.
        GROUP BY cityHash64(person_id), xxh3(person_id)
        -- Whose first start ever lies before the range is not new in it.
        HAVING NOT {ever:UInt8} OR minIf(timestamp, started) >= {since:DateTime64(6, 'UTC')}
    )
    WHERE notEmpty(starts)
)
WHERE after <= {periods:Int32}
GROUP BY cohort, after
ORDER BY cohort, after
