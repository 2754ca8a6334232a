-- The releases that are recorded, of the plan that was recorded last; of one number the one recorded last.
--
-- params: known Array(String): hashes whose content need not be sent again
-- returns: one row per release, rising: rev, hash, content ('' for those known)
SELECT
    rev,
    argMax(hash, recorded_at) AS newest_hash,
    argMax(if(has({known:Array(String)}, hash), '', content), recorded_at) AS newest_content
FROM plan_releases
WHERE name = (SELECT argMax(name, recorded_at) FROM plan_releases)
GROUP BY rev
ORDER BY rev
