-- Which of the events that a question names there are.
-- params: events, sources, environment ('' for every one)
-- returns: one row per event that occurs: its name
SELECT event
FROM events
WHERE event IN {events:Array(String)}
    AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
    AND ({environment:String} = '' OR environment = {environment:String})
GROUP BY event
ORDER BY event
