"""Faults in the output: which events get a fault, and how their bytes change."""
