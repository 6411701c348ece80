"""Kafka to sinks: consumer loop, checkpoints, dead letters, progress."""
