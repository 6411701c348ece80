"""Checks of datasets, their history, freshness and profiles.

A check is declared in YAML, derived from the contract, or a test of dbt. It reads the stores and never writes to them;
results go to the schema `quality` of Postgres.
"""

from shoplake.quality.summary import Summary, summary

__all__ = ["Summary", "summary"]
