"""The warehouse: dbt builds silver and gold tables from the lake in a DuckDB file; gold is published as Iceberg tables.

Each build reads only the events after the places in the log that the last build has read (ADR 35).
"""
