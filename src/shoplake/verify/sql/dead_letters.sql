-- Each refused event once in the topic `dead-letters`, under the coordinates it had.

CREATE OR REPLACE TABLE expected.dead_letters_letters AS
SELECT
    topic || '-' || kafka_partition || '-' || kafka_offset AS letter,
    topic,
    kafka_partition::BIGINT AS "partition",
    kafka_offset AS "offset",
    try(decode(key)) AS key,
    timestamp_ms,
    reason,
    coalesce(value, ''::BLOB) AS value
FROM rejected;

CREATE OR REPLACE TABLE found.dead_letters_letters AS
WITH letters AS (
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
    coalesce(try(from_base64(body ->> '$.value_base64')), ''::BLOB) AS value
FROM letters;
