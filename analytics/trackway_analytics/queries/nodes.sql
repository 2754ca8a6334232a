-- The events that can be nodes of a path, the most frequent first; an event's node number is its place here, from 1.
-- params: first, last, sources, exclude
-- returns: one row: the names
SELECT groupArray(node)
FROM (
    SELECT __event__ AS node
    FROM events
    WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
        AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
        AND __filter__
        AND NOT has({exclude:Array(String)}, node)
    GROUP BY node
    ORDER BY count() DESC, node
)
