"""Runs the simulation: lanes, windows, processes, and the encoding of events as JSON."""
