"""Metrics: each business figure is defined once, in dbt's YAML, and answered from the published gold tables.

`definitions` reads the YAML, `dimensions` finds what a metric can be grouped by, `sql` compiles a question to one
statement, and `query` runs it. dbt is not started (ADR 36).
"""
