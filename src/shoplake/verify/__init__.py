"""The independent fold of the log, and the comparison of every store with it."""
