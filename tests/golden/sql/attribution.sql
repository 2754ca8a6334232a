-- Which channels the conversions are credited to, by each model.
-- Every conversion looks back on its own, at the person's touches up to `lookback_us` before it; a conversion without
-- one is credited to no channel (untouched = 1). An event's mark is its channel's number times 2, plus 1 for a
-- conversion; an event that is both is the last touch of its own conversion.
-- params: those of __timelines__ and __names__, since, lookback_us, half_life_us
-- returns: one row per channel: touches that took part, a credit per model, and the credited value per model when
--          asked for; conversions and without_value (of all channels together) and ambiguous persons in every row
WITH (
    SELECT groupArray(channel)
    FROM (
        SELECT ifNull(campaign_source, '') AS channel
        FROM events
        WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
            AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
            AND environment = {environment:String} AND person_id != ''
            AND (ifNull(campaign_source, '') != '')
        GROUP BY channel
        ORDER BY count() DESC, channel
    )
) AS names
SELECT
    channel = 0 AS untouched,
    names[channel] AS channel_name,
    countIf(channel != 0) AS touches,
    sum(place <= 1) AS credit_first,
    sum(place = length) AS credit_last,
    sum(1 / greatest(length, 1)) AS credit_linear,
    sum(multiIf(length <= 1, 1., length = 2, 0.5, place IN (1, length), 0.4, 0.2 / (length - 2))) AS credit_position,
    sum(if(length = 0, 1., fresh / all_fresh)) AS credit_time_decay,
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
            ambiguous OR length(names) > 511 AS ambiguous_person
        FROM (
            SELECT
                arrayMap(x -> bitShiftRight(x, 10), gathered) AS at,
                arrayMap(x -> bitAnd(x, 1023), gathered) AS mark,
                arrayMap(x -> CAST(NULL, 'Nullable(Float64)'), gathered) AS value,
                arrayExists((x, d) -> d > 0 AND d < bitAnd(x, 1023), gathered, arrayDifference(gathered)) AS ambiguous,
                0 AS without_id
            FROM (
                SELECT arraySort(groupArray(bitShiftLeft(toUInt64(toUnixTimestamp64Micro(timestamp) + 2208988800000001), 10) + event_mark)) AS gathered
                FROM (
                    SELECT
                        person_id,
                        timestamp,
                        message_id,
                        2 * if((ifNull(campaign_source, '') != ''), transform(ifNull(campaign_source, ''), names, arrayEnumerate(names), 0), 0) + ((event IN {conversions:Array(String)}) AND timestamp >= {since:DateTime64(6, 'UTC')}) AS event_mark,
                        NULL AS event_value
                    FROM events
                    WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
                        AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
                        AND environment = {environment:String} AND person_id != ''
                        AND event_mark != 0
                )
                -- By 128 bits of hashes: a quarter faster than by the ids, and no two persons will ever share them.
                GROUP BY cityHash64(person_id), xxh3(person_id)
            )
        )
    )
    LEFT ARRAY JOIN
        journey.channels AS channel,
        journey.touched AS touched_at,
        arrayEnumerate(journey.channels) AS place
)
GROUP BY channel
ORDER BY untouched, touches DESC, channel_name
