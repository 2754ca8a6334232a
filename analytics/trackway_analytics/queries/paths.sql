-- Where units went from node to node, step by step.
-- params: those of __sequences__
-- returns: one row per step (from 1), source and target node, '' where the path ended: paths; a row with step 0 counts
--          the units without the anchor event that have a row in __sequences__; in every row: population (units
--          with any event) and ambiguous units
WITH __names__ AS names
SELECT
    move.1 AS step,
    names[move.2] AS source,
    names[move.3] AS target,
    sum(alike) AS paths,
    __population__ + any(total_without_id) AS population,
    any(total_ambiguous) AS ambiguous
FROM (
    SELECT
        if(
            empty(path),
            [(toUInt8(0), toUInt64(0), toUInt64(0))],
            arrayFilter(
                move -> move.2 != 0,
                arrayMap((i, source, target) -> (toUInt8(i), source, target),
                    arrayEnumerate(arrayPopBack(path)), arrayPopBack(path), arrayPopFront(path))
            )
        ) AS moves,
        count() AS alike,
        sum(sum(without_id)) OVER () AS total_without_id,
        sum(sum(ambiguous)) OVER () AS total_ambiguous
    FROM __sequences__
    GROUP BY path
)
ARRAY JOIN moves AS move
GROUP BY step, source, target
ORDER BY step, paths DESC, source, target
