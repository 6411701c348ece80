"""The sink of Postgres: normalised tables, and the migrations that create them."""
