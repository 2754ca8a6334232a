-- The sessions that the collector gave to events it received since a moment.
-- params: since DateTime64(6, 'UTC'), most UInt32
-- returns: one row per session, the one that was last active first: source, environment, device, session_id, first_us,
--          last_us
SELECT
    source,
    environment,
    if(anonymous_id != '', anonymous_id, user_id) AS device,
    session_id,
    toUnixTimestamp64Micro(min(timestamp)) AS first_us,
    toUnixTimestamp64Micro(max(timestamp)) AS last_us
FROM events
WHERE received_at >= {since:DateTime64(6, 'UTC')} AND startsWith(session_id, 'auto-')
GROUP BY source, environment, device, session_id
ORDER BY last_us DESC
LIMIT {most:UInt32}
