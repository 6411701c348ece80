"""Measure the whole path on this machine, and compare each rate with a limit from the same run. No time is asserted."""
