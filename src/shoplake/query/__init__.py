"""Answers SQL from the stores, which it only reads: the lake by DuckDB, Postgres by itself."""
