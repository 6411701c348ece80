"""Runs the shop: lanes, windows, processes, and the encoding of events as JSON."""
