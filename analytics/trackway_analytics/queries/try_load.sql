-- Load a file as events.
-- params: file, format, user, event, time
-- The rows keep their order: message_id is the row's number, and one thread reads. A time that is a whole number is in
-- seconds, milliseconds or microseconds since 1970, whichever puts it between 1973 and 5138.
INSERT INTO events (source, type, event, message_id, person_id, timestamp, received_at)
SELECT
    'file',
    'track',
    trimBoth(ifNull(toString({event:Identifier}), '')),
    leftPad(toString(rowNumberInAllBlocks()), 20, '0'),
    trimBoth(ifNull(toString({user:Identifier}), '')),
    if(
        number IS NULL,
        assumeNotNull(parseDateTime64BestEffortOrNull(spelled, 6, 'UTC')),
        fromUnixTimestamp64Micro(
            assumeNotNull(number)
                * multiIf(abs(assumeNotNull(number)) < 1e11, 1000000, abs(assumeNotNull(number)) < 1e14, 1000, 1),
            'UTC'
        )
    ),
    now64(6)
FROM (
    SELECT *, trimBoth(ifNull(toString({time:Identifier}), '')) AS spelled, toInt64OrNull(spelled) AS number
    FROM file({file:String}, {format:String})
)
SETTINGS input_format_csv_use_best_effort_in_schema_inference = 0, max_threads = 1, max_insert_threads = 1
