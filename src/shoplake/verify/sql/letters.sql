-- Outcomes of the dead letters; filled when the log is read.

CREATE TABLE outcomes (letter VARCHAR, state VARCHAR);

-- The events of the publishers. A replayed event is not part of a simulation; it is compared with the outcomes.
CREATE VIEW published_index AS
SELECT * FROM log_index WHERE replay_of IS NULL;
