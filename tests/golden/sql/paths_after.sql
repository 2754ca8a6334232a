-- Where units went from node to node, step by step.
-- params: those of __sequences__
-- returns: one row per step (from 1), source and target node, '' where the path ended: paths; a row with step 0 counts
--          the units without the anchor event that have a row in __sequences__; in every row: population (units
--          with any event) and ambiguous units
WITH (
    SELECT groupArray(node)
    FROM (
        SELECT event AS node
        FROM events
        WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
            AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
            AND environment = {environment:String} AND (person_id != '' OR session_id != '')
            AND NOT has({exclude:Array(String)}, node)
        GROUP BY node
        ORDER BY count() DESC, node
    )
) AS names
SELECT
    move.1 AS step,
    names[move.2] AS source,
    names[move.3] AS target,
    sum(alike) AS paths,
    (
        SELECT uniqExact(sipHash128(source, session_id))
        FROM events
        WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
            AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
            AND session_id != ''
            AND environment = {environment:String} AND (person_id != '' OR session_id != '')
    ) + any(total_without_id) AS population,
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
    FROM (
        WITH
            arrayFilter(node -> node != 0, mark) AS every_node,
            arrayMap(name -> indexOf(names, name), {anchor:Array(String)}) AS anchor_nodes,
            if(
                empty(anchor_nodes),
                toUInt32(notEmpty(nodes)),
                arrayFirstIndex(node -> has(anchor_nodes, node), nodes)
            ) AS starts_at,
            if(
                {backwards:UInt8},
                arrayReverse(arraySlice(nodes, 1, starts_at)),
                arraySlice(nodes, starts_at)
            ) AS onwards
        SELECT
            if({collapse:UInt8}, arrayCompact(every_node), every_node) AS nodes,
            if(starts_at = 0, [], arrayResize(onwards, {steps:UInt8}, 0)) AS path,
            ambiguous OR length(names) > 1023 AS ambiguous,
            without_id
        FROM (
            SELECT
                arrayMap(x -> bitShiftRight(x, 10), gathered) AS at,
                arrayMap(x -> bitAnd(x, 1023), gathered) AS mark,
                emptyArrayString() AS value,
                arrayExists((x, d) -> d > 0 AND d < bitAnd(x, 1023), gathered, arrayDifference(gathered)) AS ambiguous,
                session_id = '' AS without_id
            FROM (
                SELECT
                    session_id,
                    arrayJoin(if(
                        session_id != '',
                        [timeline],
                        arraySplit(
                            (x, since_last) -> since_last > {session_gap_us:Int64},
                            timeline,
                            arrayDifference(arrayMap(x -> bitShiftRight(x, 10), timeline))
                        )
                    )) AS gathered
                FROM (
                    SELECT session_id, arraySort(groupArray(bitShiftLeft(toUInt64(toUnixTimestamp64Micro(timestamp) + 2208988800000001), 10) + event_mark)) AS timeline
                    FROM (
                        SELECT
                            session_id,
                            if(session_id = '', '', source) AS session_source,
                            if(session_id = '', person_id, '') AS session_person,
                            timestamp,
                            message_id,
                            transform(event, names, arrayEnumerate(names), 0) AS event_mark,
                            '' AS event_value
                        FROM events
                        WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
                            AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
                            AND environment = {environment:String} AND (person_id != '' OR session_id != '')
                            -- Gaps can only be seen when every event of the person is there.
                            AND (event_mark != 0 OR session_id = '')
                    )
                    GROUP BY session_id, session_source, session_person
                )
            )
        )
    )
    GROUP BY path
)
ARRAY JOIN moves AS move
GROUP BY step, source, target
ORDER BY step, paths DESC, source, target
