-- Whether every row of a file can be an event.
-- params: file, format, user, event, time
-- returns: one row: rows, rows without user, without event, without a time that can be read, an example of such a time
SELECT
    count() AS total,
    countIf(trimBoth(who) = '') AS without_user,
    countIf(trimBoth(what) = '') AS without_event,
    countIf(at IS NULL) AS without_time,
    anyIf(spelled, at IS NULL) AS example
FROM (
    SELECT
        ifNull(toString({user:Identifier}), '') AS who,
        ifNull(toString({event:Identifier}), '') AS what,
        trimBoth(ifNull(toString({time:Identifier}), '')) AS spelled,
        toInt64OrNull(spelled) AS number,
        if(
            number IS NULL,
            parseDateTime64BestEffortOrNull(spelled, 6, 'UTC'),
            fromUnixTimestamp64Micro(assumeNotNull(number), 'UTC')
        ) AS at
    FROM file({file:String}, {format:String})
)
SETTINGS input_format_csv_use_best_effort_in_schema_inference = 0
