-- The channels of the touches, the most frequent first; a touch's channel number is its place here, from 1.
-- params: first, last, sources, touches and its filter, the channel's property
-- returns: one row: the names
SELECT groupArray(channel)
FROM (
    SELECT __channel__ AS channel
    FROM events
    WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
        AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
        AND __filter__
        AND __touch_event__
    GROUP BY channel
    ORDER BY count() DESC, channel
)
