-- How many events of each spool segment the warehouse accounts for.
-- params: spool String
-- returns: one row per segment: segment, stored, quarantined, duplicates
SELECT segment, sum(stored) AS stored, sum(quarantined) AS quarantined, sum(duplicates) AS duplicates
FROM
(
    SELECT segment, count() AS stored, 0 AS quarantined, 0 AS duplicates
    FROM events WHERE spool = {spool:String} GROUP BY segment
    UNION ALL
    SELECT segment, 0, count(), 0
    FROM quarantine WHERE spool = {spool:String} GROUP BY segment
    UNION ALL
    SELECT segment, 0, 0, sum(duplicates)
    FROM loads WHERE spool = {spool:String} GROUP BY segment
)
GROUP BY segment
ORDER BY segment
