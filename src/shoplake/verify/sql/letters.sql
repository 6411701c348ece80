-- Dead letters as they are in their topic, and the events that a contract before this one refused: what was refused once
-- stays refused at its place, and counts where it is replayed. `refused_before` and `outcomes` are filled when the log
-- is read.

CREATE VIEW letters AS
WITH parsed AS (
    SELECT try(decode(key)) AS letter, try_cast(try(decode(value)) AS JSON) AS body
    FROM dead_letters
)

SELECT
    letter,
    body ->> '$.topic' AS topic,
    try_cast(body ->> '$.partition' AS BIGINT) AS "partition",
    try_cast(body ->> '$.offset' AS BIGINT) AS "offset",
    body ->> '$.key' AS key,
    try_cast(body ->> '$.timestamp_ms' AS BIGINT) AS timestamp_ms,
    body ->> '$.reason' AS reason,
    coalesce(try(from_base64(body ->> '$.value_base64')), ''::BLOB) AS value,
    coalesce(body ->> '$.contract', '') AS contract
FROM parsed;

CREATE TABLE refused_before (topic VARCHAR, kafka_partition INTEGER, kafka_offset BIGINT);

CREATE TABLE outcomes (letter VARCHAR, state VARCHAR);

-- What the publishers published: a replayed event is nobody's simulation, and is compared with the outcomes.
CREATE VIEW published_index AS
SELECT * FROM log_index WHERE replay_of IS NULL;
