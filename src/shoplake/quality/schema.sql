CREATE SCHEMA IF NOT EXISTS quality;
CREATE TABLE IF NOT EXISTS quality.runs (
    run text PRIMARY KEY,
    started_at timestamptz NOT NULL,
    seconds double precision NOT NULL
);
CREATE TABLE IF NOT EXISTS quality.results (
    run text NOT NULL REFERENCES quality.runs ON DELETE CASCADE,
    dataset text NOT NULL,
    check_name text NOT NULL,
    kind text NOT NULL,
    severity text NOT NULL,
    owner text NOT NULL,
    source text NOT NULL,
    what_to_do text NOT NULL,
    outcome text NOT NULL,
    measure double precision,
    rows bigint,
    failing bigint,
    detail text NOT NULL,
    failing_keys text[] NOT NULL,
    positions jsonb NOT NULL,
    snapshot text NOT NULL,
    PRIMARY KEY (run, dataset, check_name)
);
CREATE INDEX IF NOT EXISTS results_of_check ON quality.results (dataset, check_name);
CREATE TABLE IF NOT EXISTS quality.profiles (
    run text NOT NULL,
    dataset text NOT NULL,
    started_at timestamptz NOT NULL,
    profile jsonb NOT NULL,
    PRIMARY KEY (dataset, run)
);
