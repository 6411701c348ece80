"""Servers of Dagster for `workflow up`: the process that watches them, and the web server."""
