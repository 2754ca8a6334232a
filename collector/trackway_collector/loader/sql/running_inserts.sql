-- Inserts of a spool that the engine is still working on.
-- params: prefix String (what the ids of the spool's inserts begin with)
-- returns: one row per insert: query_id
SELECT query_id
FROM system.processes
WHERE startsWith(query_id, {prefix:String})
