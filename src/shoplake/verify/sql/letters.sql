-- What became of the letters; filled when the log is read.

CREATE TABLE outcomes (letter VARCHAR, state VARCHAR);

-- What the publishers published: a replayed event is nobody's simulation, and is compared with the outcomes.
CREATE VIEW published_index AS
SELECT * FROM log_index WHERE replay_of IS NULL;
