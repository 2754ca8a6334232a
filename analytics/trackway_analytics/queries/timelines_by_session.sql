-- The events of each session, in order: those of one session id of one source; or else, where the client sent no
-- session id, those of one person without a gap of more than `session_gap_us`.
-- params: first, last, sources, session_gap_us
-- returns: one row per session: at Array(UInt64) in µs since 1900, mark Array(UInt64), value Array, ambiguous UInt8;
--          without_id: 1 for a session that has none
SELECT
    arrayMap(x -> __at__, gathered) AS at,
    arrayMap(x -> __mark__, gathered) AS mark,
    __values__ AS value,
    __ambiguous__ AS ambiguous,
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
                arrayDifference(arrayMap(x -> __at__, timeline))
            )
        )) AS gathered
    FROM (
        SELECT session_id, __gather__ AS timeline
        FROM (
            SELECT
                session_id,
                if(session_id = '', '', source) AS session_source,
                if(session_id = '', person_id, '') AS session_person,
                timestamp,
                message_id,
                __event_mark__ AS event_mark,
                __event_value__ AS event_value
            FROM events
            WHERE timestamp BETWEEN {first:DateTime64(6, 'UTC')} AND {last:DateTime64(6, 'UTC')}
                AND (empty({sources:Array(String)}) OR has({sources:Array(String)}, source))
                AND __filter__
                -- Gaps can only be seen when every event of the person is there.
                AND (event_mark != 0 OR session_id = '')
        )
        GROUP BY session_id, session_source, session_person
    )
)
