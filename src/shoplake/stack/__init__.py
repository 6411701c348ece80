"""The servers a shop needs, run on this machine."""
