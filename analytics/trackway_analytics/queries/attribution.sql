-- Which channels the conversions are credited to, by each model.
-- Every conversion looks back on its own, at the person's touches up to `lookback_us` before it; a conversion without
-- one is credited to no channel (untouched = 1). An event's mark is its channel's number times 2, plus 1 for a
-- conversion; an event that is both is the last touch of its own conversion.
-- params: those of __timelines__ and __names__, since, lookback_us, half_life_us
-- returns: one row per channel: touches that took part, a credit per model, and the credited value per model when
--          asked for; conversions and without_value (of all channels together) and ambiguous persons in every row
WITH __names__ AS names
SELECT
    channel = 0 AS untouched,
    names[channel] AS channel_name,
    countIf(channel != 0) AS touches,
    __credits__,
    sum(countIf(place <= 1)) OVER () AS conversions,
    sum(countIf(place <= 1 AND value IS NULL)) OVER () AS without_value,
    sum(sumIf(ambiguous_person, place <= 1)) OVER () AS ambiguous
FROM (
    SELECT
        channel,
        place,
        length(journey.channels) AS length,
        journey.value AS value,
        -- Against the last touch, not the conversion: the weights' ratios are the same, and one of them is always 1.
        exp2((touched_at - journey.touched[-1]) / {half_life_us:Float64}) AS fresh,
        arraySum(at -> exp2((at - journey.touched[-1]) / {half_life_us:Float64}), journey.touched) AS all_fresh,
        ambiguous_person
    FROM (
        WITH
            arrayFilter((at, m) -> m > 1, at, mark) AS touch_at,
            arrayFilter(channel -> channel != 0, arrayMap(m -> bitShiftRight(m, 1), mark)) AS touch_channel,
            arrayCumSum(arrayMap(m -> m > 1, mark)) AS touches_so_far
        SELECT
            arrayJoin(arrayMap(
                (converted_at, touches_before, value) -> (
                    converted_at,
                    value,
                    arrayFilter(
                        at -> converted_at - at <= {lookback_us:UInt64}, arraySlice(touch_at, 1, touches_before)
                    ) AS touched,
                    arraySlice(touch_channel, touches_before - length(touched) + 1, length(touched))
                )::Tuple(
                    converted_at UInt64, value Nullable(Float64), touched Array(UInt64), channels Array(UInt64)
                ),
                arrayFilter((at, m) -> bitTest(m, 0), at, mark),
                arrayFilter((count, m) -> bitTest(m, 0), touches_so_far, mark),
                arrayFilter((value, m) -> bitTest(m, 0), value, mark)
            )) AS journey,
            ambiguous OR __too_many__ AS ambiguous_person
        FROM __timelines__
    )
    LEFT ARRAY JOIN
        journey.channels AS channel,
        journey.touched AS touched_at,
        arrayEnumerate(journey.channels) AS place
)
GROUP BY channel
ORDER BY untouched, touches DESC, channel_name
