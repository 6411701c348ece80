"""Lineage of runs in the format of OpenLineage: made from the run log and the map, kept in Postgres, sent to others.

`events` makes them, `history` keeps them in the schema `lineage`, `sending` sends them to `SHOPLAKE_OPENLINEAGE_URL`.
"""
