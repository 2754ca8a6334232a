-- In sessions that reached a step: how many have each event, in some weeks and in all others?
-- params: source, step (an event name), weeks (Mondays)
-- returns: one row per event; the row of the step itself counts all of these sessions
SELECT
    event,
    countIf(inside) AS sessions_inside,
    countIf(NOT inside) AS sessions_outside
FROM
(
    SELECT
        groupUniqArray(event) AS names,
        has({weeks:Array(Date)}, toMonday(minIf(timestamp, event = {step:String}))) AS inside
    FROM events
    WHERE source = {source:String} AND session_id != ''
    GROUP BY session_id
    HAVING has(names, {step:String})
)
ARRAY JOIN names AS event
GROUP BY event
ORDER BY event
