-- Is any event of a source stored? Reads until the first one.
-- params: source, environment ('' for every one)
-- returns: one row if there is one, else none
SELECT 1 AS seen
FROM events
WHERE source = {source:String}
    AND ({environment:String} = '' OR environment = {environment:String})
LIMIT 1
