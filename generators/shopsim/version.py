"""The version of the output. It is independent of the package's version."""

VERSION = 7
"""Increased whenever the same scenario and seed produce other events than before; ids contain it."""
