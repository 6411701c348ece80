"""The version of the output, apart from the package's."""

VERSION = 7
"""Raised whenever the same scenario and seed give other events than before; ids carry it."""
