"""Run the whole platform once: build, fill, stream, verify, and show the results."""
