-- Which paths a JSON column holds, with which types, and which they would have if the column were written again.
--
-- Changing the type of a JSON column makes ClickHouse write it again through text, and read the text with its default
-- settings, whatever the statement says (chDB 26.9 and ClickHouse 26.7): strings that look like dates become dates.
-- The second half of this query reads the text in the same way.
--
-- params: none; the words `events_column` stand for the column, `properties` or `traits`
-- returns: one row per path: its stored types, its types when written again, whether an integer exceeds 2^53
SELECT
    path,
    groupUniqArrayIf(type, NOT again) AS stored,
    groupUniqArrayIf(type, again) AS rewritten
FROM
(
    SELECT
        typed.1 AS path,
        typed.2 AS type,
        again
    FROM
    (
        SELECT
            arrayJoin([false, true]) AS again,
            arrayJoin(if(
                again,
                JSONAllPathsWithTypes(CAST(toString(events_column), 'JSON')),
                JSONAllPathsWithTypes(events_column)
            )) AS typed
        FROM events
    )
)
GROUP BY path
ORDER BY path
