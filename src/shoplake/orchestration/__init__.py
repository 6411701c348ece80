"""Workflows: steps that run in order, with retries and a record of each run. Dagster is the engine.

Only `definitions`, `steps`, `instance` and `runs` import Dagster, so that workflows are listed and checked quickly.
"""
