-- Of the events that a contract before this one refused: what was refused once stays refused at its place, and counts
-- where it is replayed. `refused_before` and `outcomes` are filled when the log is read.

CREATE TABLE refused_before (topic VARCHAR, kafka_partition INTEGER, kafka_offset BIGINT);

CREATE TABLE outcomes (letter VARCHAR, state VARCHAR);

-- What the publishers published: a replayed event is nobody's simulation, and is compared with the outcomes.
CREATE VIEW published_index AS
SELECT * FROM log_index WHERE replay_of IS NULL;
