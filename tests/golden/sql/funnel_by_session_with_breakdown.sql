-- How many units took each step, in order, each later step within `window_us` of the first.
-- An event serves one step only. For each step in turn, `starts` holds at every event that can be this step the
-- latest start of a chain that ends there (0: none); the chain goes on at a later event of the next step.
-- params: those of __timelines__, steps, first_entry_only, window_us, top
-- returns: one row per breakdown value among the `top` most frequent, one for the rest (is_other), and one for the
--          units that never took the first step (entered = 0): units, reached Array(UInt64) per step,
--          median_us Array(Float64) per step since the first step, ambiguous units
SELECT
    entered,
    entered AND place > {top:UInt32} AS is_other,
    if(is_other, '', breakdown) AS breakdown_value,
    sum(in_group) AS units,
    sumForEach(reached_in_group) AS reached,
    quantileExactInclusiveForEachMerge(0.5)(elapsed_in_group) AS median_us,
    sum(ambiguous_in_group) AS ambiguous
FROM (
    SELECT
        notEmpty(elapsed) AS entered,
        breakdown,
        row_number() OVER (PARTITION BY entered ORDER BY in_group DESC, breakdown) AS place,
        count() AS in_group,
        countForEach(elapsed) AS reached_in_group,
        quantileExactInclusiveForEachState(0.5)(elapsed) AS elapsed_in_group,
        sum(ambiguous) AS ambiguous_in_group
    FROM (
        SELECT
            value[indexOf(mark_one, 1)] AS breakdown,
            ambiguous,
            arrayMap(x -> bitAnd(x, 1), mark) AS mark_one,
            arrayFold(
                (chain, step) -> (
                    arrayMap(
                        (t, m, start) -> if(
                            start != 0 AND bitTest(m, step - 1) AND t - start <= {window_us:UInt64}, start, toUInt64(0)
                        ),
                        at,
                        mark,
                        arrayPopBack(arrayPushFront(arrayFill(start -> start != 0, chain.1), toUInt64(0)))
                    ) AS starts,
                    if(
                        (arrayFirstIndex(start -> start != 0, starts) AS first_reached) != 0,
                        arrayPushBack(chain.2, at[first_reached] - starts[first_reached]),
                        chain.2
                    )
                ),
                range(2, {steps:UInt8} + 1),
                (
                    arrayMap(
                        (t, m, i) -> if(
                            bitTest(m, 0) AND ({first_entry_only:UInt8} = 0 OR i = indexOf(mark_one, 1)), t, toUInt64(0)
                        ),
                        at,
                        mark,
                        arrayEnumerate(at)
                    ),
                    if(has(mark_one, 1), [toInt64(0)], emptyArrayInt64())
                )
            ).2 AS elapsed
        FROM (
            SELECT
                arrayMap(x -> x.1, gathered) AS at,
                arrayMap(x -> x.3, gathered) AS mark,
                arrayMap(x -> x.4, gathered) AS value,
                0 AS ambiguous
            FROM (
                SELECT
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
                    SELECT session_id, arraySort(groupArrayIf((toUInt64(toUnixTimestamp64Micro(timestamp) + 2208988800000001), message_id, toUInt64(event_mark), event_value), event_mark != 0 OR session_id = '')) AS timeline
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
                            AND 1
                    )
                    GROUP BY session_id, session_source, session_person
                )
            )
        )
    )
    GROUP BY entered, breakdown
)
GROUP BY entered, is_other, breakdown_value
ORDER BY entered DESC, is_other, units DESC, breakdown_value
