-- Contents with different counts in the log and in the simulation. `same_*` are two 64-bit hashes of key and value.
-- `known`: a publisher simulated this event id, so additional copies in the log are surplus. For an event that no
-- simulation made, the log is correct by definition.

CREATE TABLE uneven AS
WITH in_log AS (
    SELECT topic, same_1, same_2, count(*) AS n, any_value(event_id) AS event_id, any_value(key) AS key,
        any_value(topic || '-' || kafka_partition || '-' || kafka_offset) AS coordinates
    FROM published_index
    GROUP BY topic, same_1, same_2
),

simulated AS (
    SELECT topic, same_1, same_2, count(*) AS n, any_value(event_id) AS event_id, any_value(key) AS key
    FROM simulated_index
    GROUP BY topic, same_1, same_2
)

SELECT
    topic,
    coalesce(l.event_id, s.event_id) AS event_id,
    coalesce(l.key, s.key) AS key,
    l.coordinates,
    coalesce(l.n, 0) AS in_log,
    coalesce(s.n, 0) AS in_simulation
FROM in_log AS l
FULL JOIN simulated AS s USING (topic, same_1, same_2)
WHERE coalesce(l.n, 0) <> coalesce(s.n, 0);

CREATE TABLE log_findings AS
WITH known_ids AS (
    SELECT DISTINCT topic, event_id FROM simulated_index
    SEMI JOIN uneven USING (topic, event_id)
),

classified AS (
    SELECT u.*, u.in_simulation > 0 OR k.event_id IS NOT NULL AS known
    FROM uneven AS u
    LEFT JOIN known_ids AS k USING (topic, event_id)
),

grouped AS (
    SELECT
        topic,
        coalesce(event_id, 'without an id, key ' || coalesce(key, 'null')) AS event,
        any_value(event_id) IS NOT NULL AS has_id,
        any_value(coordinates) AS coordinates,
        sum(greatest(in_simulation - in_log, 0))::BIGINT AS missing,
        sum(CASE WHEN known THEN greatest(in_log - in_simulation, 0) ELSE 0 END)::BIGINT AS extra,
        sum(CASE WHEN known THEN 0 ELSE in_log END)::BIGINT AS foreign_events
    FROM classified
    GROUP BY topic, event
),

-- The same id on both sides with other content is one event that differs, not one lost and one too many.
paired AS (
    SELECT *, CASE WHEN has_id THEN least(missing, extra) ELSE 0 END AS differing
    FROM grouped
)

SELECT topic, event, coordinates, foreign_events, differing, missing - differing AS lost, extra - differing AS duplicated
FROM paired;
