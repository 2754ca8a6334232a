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
                arrayMap(x -> bitShiftRight(x, 10), gathered) AS at,
                arrayMap(x -> bitAnd(x, 1023), gathered) AS mark,
                arrayMap(x -> '', gathered) AS value,
                arrayExists((x, d) -> d > 0 AND d < bitAnd(x, 1023), gathered, arrayDifference(gathered)) AS ambiguous
            FROM (
                SELECT arraySort(groupArrayIf(bitShiftLeft(toUInt64(toUnixTimestamp64Micro(timestamp) + 2208988800000001), 10) + event_mark, event_mark != 0)) AS gathered
                FROM (
                    SELECT
                        person_id,
                        timestamp,
                        message_id,
                        transform(event, {step_events:Array(String)}, {step_marks:Array(UInt64)}, toUInt64(0)) AS event_mark,
                        '' AS event_value
                    FROM events
                    WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
                        AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
                        AND 1
                )
                GROUP BY person_id
            )
        )
    )
    GROUP BY entered, breakdown
)
GROUP BY entered, is_other, breakdown_value
ORDER BY entered DESC, is_other, units DESC, breakdown_value
