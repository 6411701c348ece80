CREATE SCHEMA IF NOT EXISTS lineage;
CREATE TABLE IF NOT EXISTS lineage.events (
    run text NOT NULL,
    state text NOT NULL,
    job text NOT NULL,
    environment text NOT NULL,
    at timestamptz NOT NULL,
    event jsonb NOT NULL,
    sent_at timestamptz,
    PRIMARY KEY (run, state)
);
CREATE INDEX IF NOT EXISTS events_at ON lineage.events (at);
CREATE INDEX IF NOT EXISTS events_not_sent ON lineage.events (at) WHERE sent_at IS NULL;
