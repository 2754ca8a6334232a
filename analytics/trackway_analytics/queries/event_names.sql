-- Which events there are.
-- params: sources, environment ('' for every one)
-- returns: one row per event: its name, and how often it occurs
SELECT event, count() AS occurrences
FROM events
WHERE (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
    AND ({environment:String} = '' OR environment = {environment:String})
GROUP BY event
ORDER BY occurrences DESC, event
