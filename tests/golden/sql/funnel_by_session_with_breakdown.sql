-- How many units took each step, in order, each later step within `window_us` of the first.
-- An event serves one step only. For each step in turn, `starts` holds at every event that can be this step the
-- latest start of a chain that ends there (0: none); the chain goes on at a later event of the next step.
-- params: those of __timelines__, steps, first_entry_only, window_us, top
-- returns: one row per breakdown value among the `top` most frequent, one for the rest (is_other), and one for the
--          units that took a later step and never the first (entered = 0): units, reached Array(UInt64) per step,
--          median_us Array(Float64) per step since the first step, ambiguous units; population in every row
SELECT
    entered,
    entered AND place > {top:UInt32} AS is_other,
    if(is_other, '', breakdown) AS breakdown_value,
    sum(in_group) AS units,
    sumForEach(reached_in_group) AS reached,
    quantileExactInclusiveForEachMerge(0.5)(elapsed_in_group) AS median_us,
    (
        SELECT uniqExact(sipHash128(source, session_id))
        FROM events
        WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
            AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
            AND session_id != ''
            AND environment = {environment:String} AND (person_id != '' OR session_id != '')
    ) + sum(sum(without_id_in_group)) OVER () AS population,
    sum(ambiguous_in_group) AS ambiguous
FROM (
    SELECT
        notEmpty(elapsed) AS entered,
        breakdown,
        row_number() OVER (PARTITION BY entered ORDER BY in_group DESC, breakdown) AS place,
        count() AS in_group,
        countForEach(elapsed) AS reached_in_group,
        quantileExactInclusiveForEachState(0.5)(elapsed) AS elapsed_in_group,
        sum(without_id) AS without_id_in_group,
        sum(ambiguous) AS ambiguous_in_group
    FROM (
        SELECT
            breakdown,
            ambiguous,
            without_id,
            arrayFold(
                (chain, step) -> (
                    arrayMap(
                        (t, m, start) -> if(
                            start != 0 AND bitTest(m, step - 1) AND t - start <= {window_us:UInt64}, start, toUInt64(0)
                        ),
                        times,
                        marks,
                        arrayPopBack(arrayPushFront(arrayFill(start -> start != 0, chain.1), toUInt64(0)))
                    ) AS starts,
                    if(
                        (arrayFirstIndex(start -> start != 0, starts) AS first_reached) != 0,
                        arrayPushBack(chain.2, times[first_reached] - starts[first_reached]),
                        chain.2
                    )
                ),
                range(2, {steps:UInt8} + 1),
                (
                    if(
                        {first_entry_only:UInt8},
                        arrayMap((t, i) -> if(i = 1, t, toUInt64(0)), times, arrayEnumerate(times)),
                        arrayMap((t, m) -> if(bitTest(m, 0), t, toUInt64(0)), times, marks)
                    ),
                    if(empty(times), emptyArrayInt64(), [toInt64(0)])
                )
            ).2 AS elapsed
        FROM (
            WITH
                arrayFirstIndex(m -> bitTest(m, 0), mark) AS entry,
                at[entry] AS entered_at,
                if({first_entry_only:UInt8}, arrayCount(t -> t - entered_at <= {window_us:UInt64}, at), length(at)) AS last
            SELECT
                -- What comes before the first step, or too late after its only entry, is nothing to the funnel.
                if(entry = 0, [], arraySlice(at, entry, last - entry + 1)) AS times,
                if(entry = 0, [], arraySlice(mark, entry, last - entry + 1)) AS marks,
                value[entry] AS breakdown,
                ambiguous,
                without_id
            FROM (
                SELECT
                    arrayMap(x -> x.1, gathered) AS at,
                    arrayMap(x -> x.3, gathered) AS mark,
                    arrayMap(x -> x.4, gathered) AS value,
                    0 AS ambiguous,
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
                                arrayDifference(arrayMap(x -> x.1, timeline))
                            )
                        )) AS gathered
                    FROM (
                        SELECT session_id, arraySort(groupArray((toUInt64(toUnixTimestamp64Micro(timestamp) + 2208988800000001), message_id, toUInt64(event_mark), event_value))) AS timeline
                        FROM (
                            SELECT
                                session_id,
                                if(session_id = '', '', source) AS session_source,
                                if(session_id = '', person_id, '') AS session_person,
                                timestamp,
                                message_id,
                                (bitShiftLeft(toUInt64((event IN {step_1:Array(String)} AND (ifNull(coalesce(dynamicElement(properties.{property:Identifier}, 'Int64') > {value:Int64}, dynamicElement(properties.{property:Identifier}, 'Float64') > {value:Int64}, dynamicElement(properties.{property:Identifier}, 'UInt64') > {value:Int64}, toFloat64OrNull(dynamicElement(properties.{property:Identifier}, 'String')) > {value:Int64}), 0) AND (ifNull(CAST(properties.{property_2:Identifier}, 'Nullable(String)') = {value_2:String}, 0) OR ifNull(CAST(properties.{property_3:Identifier}, 'Nullable(String)') = {value_3:String}, 0))))), 0) + bitShiftLeft(toUInt64((event IN {step_2:Array(String)})), 1)) AS event_mark,
                                ifNull(CAST(properties.{property_4:Identifier}, 'Nullable(String)'), '') AS event_value
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
    )
    GROUP BY entered, breakdown
)
GROUP BY entered, is_other, breakdown_value
ORDER BY entered DESC, is_other, units DESC, breakdown_value
