-- Which of some events are stored, by the ids their clients gave them.
-- params: ids Array(String), since DateTime64(6, 'UTC'), until DateTime64(6, 'UTC')
-- returns: one row per stored event: source, message_id, received_us
SELECT source, message_id, toUnixTimestamp64Micro(received_at) AS received_us
FROM events
WHERE message_id IN {ids:Array(String)}
  AND received_at >= {since:DateTime64(6, 'UTC')} AND received_at <= {until:DateTime64(6, 'UTC')}
