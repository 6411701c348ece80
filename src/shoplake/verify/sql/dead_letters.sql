-- Each refused event once in the topic `dead-letters`, under the coordinates it had. Where an earlier contract refused it,
-- that contract's reason holds, also if this one would take the event.

CREATE OR REPLACE TABLE expected.dead_letters_letters AS
WITH by_this_contract AS (
    SELECT
        topic || '-' || kafka_partition || '-' || kafka_offset AS letter,
        topic,
        kafka_partition::BIGINT AS "partition",
        kafka_offset AS "offset",
        key,
        timestamp_ms,
        reason,
        value_md5
    FROM rejected ANTI JOIN refused_before USING (topic, kafka_partition, kafka_offset)
),

by_an_earlier_one AS (
    SELECT DISTINCT l.letter, l.topic, l."partition", l."offset", l.key, l.timestamp_ms, l.reason, l.value_md5
    FROM letters AS l
    SEMI JOIN refused_before AS r
        ON r.topic = l.topic AND r.kafka_partition = l."partition" AND r.kafka_offset = l."offset"
)

SELECT * FROM by_this_contract
UNION ALL
SELECT * FROM by_an_earlier_one;

CREATE OR REPLACE TABLE found.dead_letters_letters AS
SELECT letter, topic, "partition", "offset", key, timestamp_ms, reason, value_md5 FROM letters;
