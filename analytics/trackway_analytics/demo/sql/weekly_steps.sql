-- Of the sessions that reached a step in a week, how many reached the next step after it?
-- A session counts in the week (Monday to Sunday, UTC) of its first event of the step.
-- params: source, steps (event names, in order)
-- returns: one row per (step, week) that sessions entered
SELECT
    step,
    toMonday(entered_at) AS week,
    count() AS entered,
    countIf(converted) AS converted
FROM
(
    SELECT
        step,
        arrayFirstIndex(e -> e.3 = {steps:Array(String)}[step], log) AS first,
        (log[first]).1 AS entered_at,
        arrayExists(e -> e.3 = {steps:Array(String)}[step + 1], arraySlice(log, first + 1)) AS converted
    FROM
    (
        SELECT
            session_id,
            -- Events of the same moment are ordered by message_id, everywhere in Trackway.
            arraySort(groupArray((timestamp, message_id, event))) AS log
        FROM events
        WHERE source = {source:String} AND session_id != '' AND has({steps:Array(String)}, event)
        GROUP BY session_id
    )
    ARRAY JOIN range(1, length({steps:Array(String)})) AS step  -- 1 up to the last step but one
    WHERE first > 0
)
GROUP BY step, week
ORDER BY step, week
