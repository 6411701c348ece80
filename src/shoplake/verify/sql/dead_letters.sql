-- Each record that is not a valid event under the contract version at its offset is in the topic `dead-letters` exactly
-- once, with its source coordinates.

CREATE OR REPLACE TABLE expected.dead_letters_letters AS
SELECT
    topic || '-' || kafka_partition || '-' || kafka_offset AS letter,
    topic,
    kafka_partition::BIGINT AS "partition",
    kafka_offset AS "offset",
    key,
    timestamp_ms,
    reason,
    contract,
    value_md5,
    value_cut,
    key_base64,
    key_cut
FROM rejected;

CREATE OR REPLACE TABLE found.dead_letters_letters AS
SELECT
    letter, topic, "partition", "offset", key, timestamp_ms, reason, contract, value_md5, value_cut, key_base64, key_cut
FROM letters;
