-- How often one event came right after another, anywhere in a unit.
-- params: those of __sequences__
-- returns: one row per pair: source, target, transitions; ambiguous units in every row
WITH __names__ AS names
SELECT
    names[move.1] AS source,
    names[move.2] AS target,
    count() AS transitions,
    any(total_ambiguous) AS ambiguous
FROM (
    SELECT arrayZip(arrayPopBack(nodes), arrayPopFront(nodes)) AS moves, sum(ambiguous) OVER () AS total_ambiguous
    FROM __sequences__
)
ARRAY JOIN moves AS move
GROUP BY source, target
ORDER BY transitions DESC, source, target
