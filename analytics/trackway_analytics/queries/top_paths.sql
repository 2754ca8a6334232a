-- The most frequent whole paths.
-- params: those of __sequences__, top
-- returns: one row per path: nodes Array(String), as far as it goes; paths; ambiguous units in every row
WITH __names__ AS names
SELECT
    arrayMap(node -> names[node], arrayFilter(node -> node != 0, path)) AS nodes,
    count() AS paths,
    sum(sum(ambiguous)) OVER () AS ambiguous
FROM __sequences__
WHERE notEmpty(path)
GROUP BY path
ORDER BY paths DESC, nodes
LIMIT {top:UInt32}
