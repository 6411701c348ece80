"""Measures the whole path on this machine, each figure beside a limit measured in the same run. Asserts no times."""
