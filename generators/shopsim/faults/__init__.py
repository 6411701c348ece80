"""Faults in the output: which events are hit, and how their bytes change."""
